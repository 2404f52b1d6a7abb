"""Care agents: what they do about a follow-up, and what the customer makes of it."""

from dataclasses import replace
from random import Random

from pipeline.demo.chance import Weighted, between, pick
from pipeline.demo.customers import Customer
from pipeline.demo.surveys import answer_survey
from pipeline.demo.wire import Wire
from pipeline.demo.world import World
from pipeline.span import DAY, HOUR, MINUTE

_AGENTS = ("sanne", "mo", "daan", "priya", "lotte", "kees")
_RESOLUTIONS = Weighted(
    {"explained": 0.3, "apologised": 0.2, "compensated": 0.2, "fixed": 0.22, "unreachable": 0.08}
)
_CAUSES = Weighted(
    {"late-delivery": 0.25, "website": 0.2, "product": 0.2, "communication": 0.15, "staff": 0.1, "price": 0.1}
)
_IGNORED, _ONLY_ASSIGNED = 0.15, 0.07
_REOPENED = 0.08


def act(
    world: World, seed: int, subject: str, customer: Customer | None, data: dict[str, object], now: int
) -> None:
    """Sends what an agent does about a follow-up from `now` on.

    data: of the event that opened it. customer: the subject, where the company knows them; most answer a
    better survey some days after a follow-up that helped. All chance comes from the seed and the follow-up's
    id, so that it does not matter which follow-up comes first.
    """
    followup_id = str(data["followup_id"])
    rng = Random(f"follow-up {followup_id} of {seed}")  # noqa: S311 - a simulation
    world = replace(world, rng=rng, wire=Wire(rng, world.agenda))
    luck = rng.random()
    if luck < _IGNORED:
        return

    agent = pick(rng, _AGENTS)
    about: dict[str, object] = {name: data[name] for name in ("followup_id", "rule", "key") if data.get(name)}

    def send(at: int, step: str, **more: object) -> None:
        world.wire.send(
            at, "followup." + step, "/care/inbox", about | {"agent": agent} | more, subject=subject
        )

    # What is urgent is taken up sooner.
    haste = 0.6 if data.get("priority") == "high" else 1.0
    assigned = now + int((0.5 + 2.5 * haste * rng.random()) * HOUR)
    send(assigned, "assigned")
    if luck < _IGNORED + _ONLY_ASSIGNED:
        return
    contacted = max(assigned + 5 * MINUTE, now + int((1 + 7 * haste * rng.random()) * HOUR))
    send(contacted, "contacted")
    closed = contacted + between(rng, 10 * MINUTE, 20 * HOUR)
    cause = _CAUSES.draw(rng)
    resolution = _RESOLUTIONS.draw(rng)
    recovered = resolution != "unreachable" and rng.random() < 0.7
    send(closed, "closed", resolution=resolution, cause=cause, recovered=recovered)
    if rng.random() < _REOPENED:
        reopened = closed + between(rng, HOUR, DAY)
        send(reopened, "reopened")
        closed = reopened + between(rng, HOUR, DAY)
        send(closed, "closed", resolution="fixed", cause=cause, recovered=recovered)
    if customer is not None and rng.random() < (0.75 if recovered else 0.25):
        answers = closed + between(rng, DAY, 5 * DAY)
        quality = rng.gauss(0.7 if recovered else -0.4, 0.2)
        world.agenda.add(answers, lambda at: _looks_back(world, customer, at, quality))


def _looks_back(world: World, customer: Customer, at: int, quality: float) -> None:
    quality = max(-1.0, min(1.0, quality))
    # A recovered customer likes the company better than before (the service recovery paradox).
    customer.mood = max(customer.mood, 0.3) if quality > 0 else customer.mood
    answer_survey(world, customer, at, "support-phone", "phone", quality, survey="after-follow-up")
