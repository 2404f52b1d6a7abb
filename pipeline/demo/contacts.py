"""Contacts with customer service: opened, answered by bots and people or not at all, resolved, reopened."""

from pipeline.demo.chance import Weighted, between, numbered, pick
from pipeline.demo.comments import comment
from pipeline.demo.customers import Customer
from pipeline.demo.hours import when_open
from pipeline.demo.promises import promise
from pipeline.demo.surveys import answer_survey
from pipeline.demo.touchpoints import SUPPORT
from pipeline.demo.world import World
from pipeline.span import DAY, HOUR, MINUTE, SECOND

_REASONS = {
    "web": ("product-question", "stock-question", "cannot-sign-in"),
    "checkout": ("discount-code", "cannot-order"),
    "payment": ("payment-failed", "charged-twice", "invoice"),
    "delivery": ("late-delivery", "missing-parcel", "damaged-parcel"),
    "product": ("defect", "wrong-item", "missing-part", "manual"),
    "store": ("stock-question", "staff", "waiting-time"),
    "support": ("no-answer", "complaint", "address-change"),
    "returns": ("refund-late", "return-label"),
    "loyalty": ("points-missing", "unsubscribe", "subscription"),
}
_PROMISES = Weighted({"call-back": 0.45, "refund": 0.25, "replacement": 0.2, "technician": 0.1})
_DUE = {"call-back": (2 * HOUR, 8 * HOUR), "refund": (DAY, 4 * DAY), "replacement": (DAY, 3 * DAY),
        "technician": (6 * HOUR, 2 * DAY)}  # fmt: skip

#: Who answers in a channel; elsewhere it is care.
_TEAMS = {"shop": "stores"}
_IN_TIME, _SLOW = 0.83, 0.955  # the rest is never answered


class _Case:
    """One contact, in one channel."""

    def __init__(self, world: World, customer: Customer, reason: str, theme: str) -> None:
        self.world = world
        self.customer = customer
        self.theme = theme
        self.channel = customer.persona.care.draw(world.rng)
        self.touchpoint = SUPPORT[self.channel]
        self.name = numbered(world.rng, "contact")
        self.reason = reason

    def send(self, at: int, step: str, **more: object) -> None:
        self.world.tell(
            self.customer, at, "contact." + step, "/care/contacts", self.touchpoint, self.channel,
            contact_id=self.name, reason=self.reason, attributes={"team": _TEAMS.get(self.channel, "care")}, **more,
        )  # fmt: skip

    def bot_answers(self, at: int) -> int:
        """The machine that comes first in this channel; returns when it answers, 0 for not at all."""
        rng = self.world.rng
        if self.channel == "phone":
            at += between(rng, 4 * SECOND, 40 * SECOND)
            self.send(at, "replied", by="bot", answered_by="menu")
            return at
        if self.channel == "shop" or rng.random() > (0.35 if self.channel == "email" else 0.8):
            return 0
        at += between(rng, 2 * SECOND, 30 * SECOND)
        self.send(at, "replied", by="bot")
        return at

    def agent_answers(self, at: int, wait: float) -> int:
        """A person answers, in opening hours. wait: how long beside the usual; returns when."""
        rng = self.world.rng
        usual = {"email": 75, "shop": 5, "phone": 7}.get(self.channel, 9)
        at = when_open(rng, at + int(usual * wait * (0.2 + 1.6 * rng.random()) * MINUTE), 7, 21)
        more = {"answered_by": "human"} if self.channel == "phone" else {}
        self.send(at, "replied", by="agent", **more)
        return at


def open_contact(
    world: World, customer: Customer, at: int, theme: str, quality: float, *, reason: str | None = None
) -> None:
    """Sends `contact.opened` and all that follows from it, up to the survey about how it was handled.

    theme: what it is about, a key of the phrases. quality: how the customer feels about that, -1 to 1.
    """
    rng = world.rng
    case = _Case(world, customer, reason or pick(rng, _REASONS[theme]), theme)
    words = {"language": customer.language, "comment": comment(rng, customer.language, theme, quality)}
    case.send(at, "opened", **(words if rng.random() < 0.6 else {}))

    trouble = world.bad_days.now(case.touchpoint, at) is not None
    luck = rng.random() + (0.25 if trouble else 0.0)
    if luck > _SLOW:
        _unheard(case, at)
        return
    if luck > _IN_TIME:
        replied = at + between(rng, int(4.1 * HOUR), 16 * HOUR)
        case.send(replied, "replied", by="agent")
        handled = -0.5 + rng.gauss(0.0, 0.2)
    else:
        bot = case.bot_answers(at)
        if bot and case.channel != "phone" and rng.random() < 0.3:
            case.send(bot + between(rng, MINUTE, 9 * MINUTE), "resolved")
            return
        replied = case.agent_answers(max(at, bot), 6.0 if trouble else 1.0)
        handled = (-0.45 if trouble else 0.4) + 0.3 * customer.persona.mood + rng.gauss(0.0, 0.3)
    for _ in range(2):
        if rng.random() < 0.35:
            replied += between(rng, 2 * MINUTE, 40 * MINUTE)
            case.send(replied, "replied", by="customer")
            replied = case.agent_answers(replied, 0.7)
    if rng.random() < 0.25:
        what = _PROMISES.draw(rng)
        promise(
            world, customer, replied + MINUTE, case.touchpoint, case.channel, what, between(rng, *_DUE[what])
        )
    _settle(case, replied, max(-1.0, min(1.0, handled)))


def _unheard(case: _Case, at: int) -> None:
    """Nobody ever answers; some customers ask again."""
    rng = case.world.rng
    case.customer.feels(-0.8)
    if rng.random() < 0.4:
        case.send(at + between(rng, HOUR, DAY), "replied", by="customer")


def _settle(case: _Case, at: int, handled: float) -> None:
    """Resolves the case, which may come back once or twice, and asks how it was."""
    rng = case.world.rng
    case.customer.feels(handled)
    at += between(rng, 2 * MINUTE, 50 * MINUTE)
    case.send(at, "resolved")
    for again in (0.12, 0.4):
        if rng.random() > again:
            break
        at += between(rng, HOUR, 2 * DAY)
        case.send(at, "reopened")
        handled = max(-1.0, handled - 0.5)
        at = case.agent_answers(at, 3.0) + between(rng, 5 * MINUTE, 2 * HOUR)
        case.send(at, "resolved")
    if rng.random() < 2 * case.customer.persona.answers:
        answer_survey(
            case.world,
            case.customer,
            at + between(rng, 3 * MINUTE, 3 * HOUR),
            case.touchpoint,
            case.channel,
            handled,
        )
