"""Histories for the metrics: few customers, whose lives go on for weeks.

A history is a list of plain steps, drawn by chance, and `cut_down` where something is wrong with it. `live` makes the
lines of a file out of them, with an oracle that runs along: what people do about follow-ups names those that are there.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from functools import cache
from random import Random
from typing import Any

import yaml

from tests.generate import NOW, START
from tests.oracle.measured.model import FIVE_PHASES, WINDOWS, Journey, Model, default
from tests.oracle.reading import DAY, HOUR, MINUTE, SECOND, rfc3339
from tests.oracle.rules import written_out
from tests.oracle.shard import Oracle

OF_SURVEYS = """rules:
  - id: low-score
    summary: A customer would not recommend us.
    when: {event: survey.answered, nps: "<= 6"}
    alert: warning
    follow_up: {team: care, due: 2d}
  - id: very-unhappy
    summary: A customer is very unhappy.
    when: {event: survey.answered, csat: [1, 2]}
    once: {per: customer, every: 1h}
    alert: critical
    follow_up: {team: service, due: 1 business day}
"""
RULES = (
    OF_SURVEYS
    + """\
  - id: bad-review
    summary: A customer wrote a bad review.
    when: {event: review.posted, rating: "<= 2"}
    once: {per: customer, every: 1d}
    alert: critical
    follow_up: {team: reputation, due: 4h}
  - id: nothing-comes
    summary: A customer wrote a review, and what they had ordered did not come within a day.
    when: {event: review.posted, rating: "<= 4"}
    unless: {event: order.delivered, within: 1d}
    once: {per: customer, every: 1h}
    alert: warning
    follow_up: {team: reputation, due: 1d}
"""
)

STEPS = ["payment", "order"]
#: The journey that comes with cxloop, with last steps.
MODEL = Model(
    Journey(
        default().journey.stages,
        tuple(yaml.safe_load(FIVE_PHASES.read_text())["stages"]),
        last_steps=frozenset(STEPS),
        within=HOUR,
    ),
    windows=WINDOWS | {"400d": 400 * DAY},
)
PLACES = ["advert", "search", "website", "product-page", "app", "checkout", "payment", "order", "delivery", "review", "till"]  # fmt: skip
CHANNELS = [None, None, "web", "app", "phone", ""]
TEAMS = [None, None, "care", "shop"]
PLATFORMS = [None, "stars", "square"]
RESOLUTIONS = [None, "called", "Refunded", "no action", "not_reached", "moot", "Duplicate", "spam", " "]

GAPS = [0, 0, SECOND, MINUTE, 4 * MINUTE, 6 * MINUTE, 30 * MINUTE, HOUR, HOUR, 3 * HOUR, 7 * HOUR, 20 * HOUR, DAY]  # fmt: skip
LEAPS = [2 * DAY, 3 * DAY, 6 * DAY, 7 * DAY, 8 * DAY, 20 * DAY, 27 * DAY, 28 * DAY, 30 * DAY, 36 * DAY]
YEARS = [60 * DAY, 89 * DAY, 98 * DAY, 200 * DAY, 364 * DAY]
DELAYS = [1, 30 * SECOND, 4 * MINUTE, 6 * MINUTE, 30 * MINUTE, HOUR, 3 * HOUR, DAY, 3 * DAY, 6 * DAY, 7 * DAY - MINUTE,
          7 * DAY + 5 * MINUTE, 7 * DAY + 5 * MINUTE + 1]  # fmt: skip
OFFSETS = [0, 0, 0, 1, -1, MINUTE, -MINUTE, HOUR, HOUR + 1, HOUR - 1, -HOUR, 4 * HOUR, 2 * DAY, -DAY, 7 * DAY]
FAR = {
    "contacts": [28 * DAY, 28 * DAY + 1],
    "reviews": [35 * DAY, 35 * DAY + 5 * MINUTE + 1],
    "promises": [35 * DAY, 35 * DAY + 5 * MINUTE + 1],
    "ways": [28 * DAY, 28 * DAY - 1, 28 * DAY + 1, 35 * DAY, 365 * DAY, 365 * DAY - 1],
    "recovery": [90 * DAY, 90 * DAY + 1, 97 * DAY],
}
DUES = [None, 0, 1, HOUR, 3 * HOUR, DAY, DAY + 1, 10 * DAY, -HOUR, 366 * DAY, 366 * DAY + 1]

#: What each kind of life is about.
LIVES = {
    "contacts": ["opened"] * 3 + ["turn"] * 9 + ["again", "selfservice"],
    "ways": ["visit"] * 8 + ["purchase"] * 3 + ["again", "referral"],
    "recovery": ["survey"] * 6 + ["agent"] * 5 + ["again"],
    "reviews": ["review"] * 5 + ["response"] * 4 + ["agent", "agent", "order", "order", "mention", "again"],
    "promises": ["promise"] * 3 + ["settled"] * 5 + ["again"],
    "everything": [
        "visit", "visit", "visit", "purchase", "purchase", "survey", "survey", "opened", "turn", "turn", "turn", "review",
        "response", "promise", "settled", "customer", "mention", "employee", "selfservice", "order", "referral", "observation",
        "agent", "agent", "agent", "agent", "again", "wrong",
    ],
}  # fmt: skip


@dataclass(frozen=True)
class Step:
    """One line to come. gap: since the one before; delay: how long it was under way.

    Or its time is an earlier line's (beside: how many lines back) and an offset, and it is about the same customer and
    thing. seed: of all other choices.
    """

    what: str
    who: int = 0
    item: int = 0
    gap: int = MINUTE
    delay: int = 0
    beside: int | None = None
    offset: int = 0
    seed: int = 0


def story(kind: str, chance: Random, *, size: int = 40, calm: bool = False) -> list[Step]:
    """calm: nothing comes so late, or so long after what it belongs to, that it matters which partition it is in.

    No follow-ups are of reviews then: which of a customer's reviews and answers is first depends on the partitions.
    """
    gaps = GAPS * 4 + LEAPS + (YEARS if kind in ("ways", "recovery", "promises") else [])
    delays = [delay for delay in DELAYS if delay < DAY] if calm else DELAYS
    return [
        Step(
            what=chance.choice(LIVES[kind]),
            who=chance.choice([0, 1, 2, 3, 4] if calm else [0, 0, 1]),
            item=chance.choice([0, 0, 0, 1]),
            gap=chance.choice(gaps),
            delay=chance.choice(delays) if chance.random() < 0.3 else 0,
            beside=chance.choice([0, 1, 2, 3, 5]) if not calm and chance.random() < 0.5 else None,
            offset=chance.choice(OFFSETS * 2 + FAR.get(kind, [])),
            seed=chance.randrange(10**6),
        )
        for _ in range(chance.randint(size // 4, size))
    ]


#: What a customer has more of than is remembered. Late events come of the last two alone: of visits, what counts is
#: what was known when it was counted.
LIMITED = {
    "visits": ["visit"] * 9 + ["purchase"],
    "purchases": ["purchase"] * 9 + ["visit"],
    "scores": ["survey"] * 9 + ["agent"] * 2,
    "turns": ["opened"] + ["turn"] * 40,
}


def crowded(kind: str, chance: Random, *, size: int = 130) -> list[Step]:
    """One customer, in whose life much happens in little time."""
    late = kind in ("scores", "turns")
    return [
        Step(
            what=chance.choice(LIMITED[kind]),
            gap=chance.choice([SECOND, MINUTE, 4 * MINUTE, HOUR]),
            delay=chance.choice([MINUTE, HOUR, 7 * HOUR]) if late and chance.random() < 0.3 else 0,
            seed=chance.randrange(10**6),
        )
        for _ in range(size)
    ]


def cut_down(told: Sequence[Step], differs: Callable[[Sequence[Step]], bool]) -> list[Step]:
    """A shorter story that still differs: without each step that does not matter."""
    left, length = list(told), len(told) // 2
    while length:
        for start in range(len(left) - length, -1, -length):
            fewer = left[:start] + left[start + length :]
            if differs(fewer):
                left = fewer
        length //= 2
    return left


@dataclass
class Life:
    """Turns steps into lines, with an oracle that runs along. calm: see `story`."""

    calm: bool
    clock: int = START
    lines: list[str] = field(default_factory=list)
    steps: list[Step] = field(default_factory=list)
    times: list[int] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.oracle = Oracle(load(OF_SURVEYS if self.calm else RULES), model=MODEL)

    def add(self, step: Step) -> None:
        on_time = self.calm and step.what in ("survey", "review")
        time = self.clock + step.gap - (0 if on_time else step.delay)
        if step.beside is not None and self.lines and step.what != "agent":
            earlier = -1 - step.beside % len(self.lines)
            time = self.times[earlier] + step.offset
            step = replace(step, who=self.steps[earlier].who, item=self.steps[earlier].item)
            self.clock = max(self.clock, time)
        else:
            self.clock += step.gap
        if step.what == "again" and self.lines:
            back = 1 if self.calm else 3  # calm: it is known in every partition
            line = self.lines[-1 - step.seed % min(back, len(self.lines))]
        else:
            line = self.line(step, time)
        self.lines.append(line)
        self.steps.append(step)
        self.times.append(time)
        self.oracle.feed(line, NOW)

    def line(self, step: Step, time: int) -> str:
        chance = Random(step.seed)
        kind, data = self.content(step, time, chance)
        subject = f"cust-{step.who}"
        if kind in ("review.posted", "mention.posted", "employee.answered") and chance.random() < 0.2:
            subject = ""
        own = {
            "touchpoint": chance.choice([None, *PLACES[:4]]),
            "channel": chance.choice(CHANNELS),
            "stage": chance.choice([None, None, None, "loyalty", "somewhere"]),
            "segment": chance.choice([None, None, None, "new"]),
            "attributes": chance.choice([None, None, {"team": "shop"}, {"team": 7}, {"team": None}]),
        }
        if kind.startswith("followup."):
            own = {}
        event = {"specversion": "1.0", "id": f"e{len(self.lines):03}", "source": f"/test/{kind}", "type": f"cx.{kind}",
                 "time": rfc3339(time)} | ({"subject": subject} if subject else {})  # fmt: skip
        written = {name: value for name, value in (own | data).items() if value is not None}
        return json.dumps(event | {"data": written}, separators=(",", ":"))

    def named(self, step: Step, letter: str) -> str:
        """The name of a contact, review or promise; while it is calm, another one each six days."""
        return f"{letter}-{step.who}-{step.item}" + (f"-{self.clock // (6 * DAY)}" if self.calm else "")

    def content(self, step: Step, time: int, chance: Random) -> tuple[str, dict[str, Any]]:
        pick = chance.choice
        match step.what:
            case "visit":
                outcome, emotion = (
                    pick([None, "completed", "abandoned", "failed"]),
                    pick([None, -2, -0.125, 0.005, 1.3, 2]),
                )
                return "touchpoint.visited", {
                    "touchpoint": pick(PLACES),
                    "outcome": outcome,
                    "emotion": emotion,
                }
            case "purchase":
                amount = pick([None, 0, 9.99, 0.005, 0.125, 1234.5])
                return "purchase.completed", {"order_id": f"o-{chance.randrange(3)}", "amount": amount}
            case "survey":
                return "survey.answered", answers(chance)
            case "opened":
                return "contact.opened", {"contact_id": self.named(step, "k")}
            case "turn":
                kind = pick(["replied"] * 4 + ["resolved"] * 2 + ["reopened"])
                by = {
                    "by": pick([None, "agent", "agent", "bot", "customer"]),
                    "answered_by": pick([None, "human", "menu"]),
                }
                return f"contact.{kind}", {"contact_id": self.named(step, "k")} | (
                    by if kind == "replied" else {}
                )
            case "review":
                rating = pick([1, 1.5, 2, 2.004, 2.5, 4, 5])
                return "review.posted", {
                    "review_id": self.named(step, "r"),
                    "rating": rating,
                    "platform": pick(PLATFORMS),
                }
            case "response":
                return "review.responded", {"review_id": self.named(step, "r"), "platform": pick(PLATFORMS)}
            case "promise":
                offset = pick(DUES)
                due = {"due": rfc3339(time + offset)} if offset is not None else {}
                return "promise.made", {"promise_id": self.named(step, "p")} | due
            case "settled":
                return f"promise.{pick(['kept', 'kept', 'broken'])}", {"promise_id": self.named(step, "p")}
            case "customer":
                return f"customer.{pick(['joined', 'renewed', 'churned'])}", {
                    "value": pick([None, -3.5, 0, 100.005])
                }
            case "mention":
                said = {"reach": pick([None, 0, 3, 5000]), "sentiment": pick([None, -1, 0.004, 0.5])}
                return "mention.posted", said | {"platform": pick(PLATFORMS)}
            case "employee":
                return "employee.answered", {"enps": pick([None, 0, 6, 7, 9, 10]), "team": pick(TEAMS)}
            case "selfservice":
                return f"selfservice.{pick(['resolved', 'failed'])}", {}
            case "order":
                return f"order.{pick(['delivered', 'returned'])}", {"order_id": "o-1"}
            case "referral":
                return pick(["referral.made", "share.made"]), {"platform": pick(PLATFORMS)}
            case "observation":
                return "observation.noted", {"comment": "They sighed.", "sentiment": pick([None, -1])}
            case "agent":
                return self.agent(step, chance)
        return "survey.answered", {"nps": 11}

    def agent(self, step: Step, chance: Random) -> tuple[str, dict[str, Any]]:
        """Something that somebody does about the customer's latest follow-up; or, seldom, about none."""
        own = self.oracle.follow_ups.latest(f"cust-{step.who}")
        what = chance.choice(["contacted", "contacted", "closed", "closed", "assigned", "reopened"])
        if own is not None and not own.open and chance.random() < 0.5:
            what = "reopened"
        data = {"followup_id": own.id if own else "f-unknown"}
        return f"followup.{what}", data | (
            {"resolution": chance.choice(RESOLUTIONS)} if what == "closed" else {}
        )


def answers(chance: Random) -> dict[str, Any]:
    """Of a survey."""
    pick = chance.choice
    asked = {
        "nps": pick([None, None, 0, 5, 6, 7, 8, 9, 10]),
        "csat": pick([None, 1, 2, 3, 4, 5]),
        "ces": pick([None, None, 1, 7]),
        "expected": pick([None, 1, 3, 5]),
        "experienced": pick([None, 1, 4, 5]),
        "tone": pick([None, 1, 5, "warm"]),
        "goal_reached": pick([None, True, False]),
    }
    return asked if any(value is not None for value in asked.values()) else {"nps": 3}


@cache
def load(rules: str) -> list[dict[str, Any]]:
    return written_out(yaml.safe_load(rules))


def live(told: Sequence[Step], *, calm: bool = False) -> Life:
    """The lines of a story, and the oracle that has read them."""
    life = Life(calm)
    for step in told:
        life.add(step)
    return life
