"""A customer at a touchpoint: how it goes, and how it feels."""

from typing import NamedTuple

from pipeline.demo.chance import pick
from pipeline.demo.customers import Customer
from pipeline.demo.touchpoints import TOUCHPOINTS
from pipeline.demo.world import World
from pipeline.span import HOUR, MINUTE, SECOND

_DEVICES = ("phone", "phone", "phone", "laptop", "laptop", "tablet")
_CAMPAIGNS = ("autumn-sale", "outdoor-weeks", "back-to-office")
_DIGITAL = frozenset({"web", "app"})
_CAMPAIGN_TOUCHPOINTS = frozenset({"advert", "newsletter", "social-media"})


class Visit(NamedTuple):
    """What came of a visit. ended: ms UTC. quality: how it felt, -1 to 1. bad_day: it fell on one."""

    ended: int
    touchpoint: str
    channel: str
    outcome: str
    quality: float
    bad_day: bool


def visit(world: World, customer: Customer, at: int, touchpoint: str, channel: str, **more: object) -> Visit:
    """The customer visits a touchpoint; sends `touchpoint.visited` at the end of the visit."""
    rng = world.rng
    place = TOUCHPOINTS[touchpoint]
    persona = customer.persona
    bad_day = world.bad_days.now(touchpoint, at)
    quality = place.quality + persona.mood * 0.4 + customer.mood * 0.3 + rng.gauss(0.0, 0.22)
    if channel in _DIGITAL:
        quality += persona.digital
    luck = rng.random()
    if bad_day is not None and luck < bad_day.failing:
        outcome, quality = "failed", -0.75 + rng.gauss(0.0, 0.12)
    elif luck < place.fails:
        outcome, quality = "failed", quality - 0.95
    elif luck > 1.0 - place.abandons - (0.1 if bad_day is not None else 0.0):
        outcome, quality = "abandoned", quality - 0.5
    else:
        outcome = "completed"
        if bad_day is not None:
            quality -= 0.7
    quality = -1.0 if quality < -1.0 else min(quality, 1.0)
    customer.feels(quality)

    seconds = round(place.duration_s * (0.3 + 1.4 * rng.random()) * (1.8 if bad_day is not None else 1.0), 1)
    ended = at + int(seconds * SECOND)
    data: dict[str, object] = {
        **customer.facts,
        "touchpoint": touchpoint,
        "channel": channel,
        "outcome": outcome,
    }
    data["duration_s"] = seconds
    if rng.random() < 0.4:
        data["emotion"] = round(2 * quality)
    if touchpoint in _CAMPAIGN_TOUCHPOINTS:
        data["attributes"] = {"campaign": pick(rng, _CAMPAIGNS)}
    elif channel in _DIGITAL:
        data["attributes"] = {"device": "phone" if channel == "app" else pick(rng, _DEVICES)}
    if more:
        data.update(more)
    world.wire.send(ended, "touchpoint.visited", f"/{channel}/visits", data, subject=customer.name)
    return Visit(ended, touchpoint, channel, outcome, quality, bad_day is not None)


def tries_again_at(world: World, failed: Visit) -> int:
    """When somebody comes back to what failed: soon, or after a few hours."""
    rng = world.rng
    return failed.ended + int(
        (2 + 40 * rng.random()) * MINUTE if rng.random() < 0.6 else (1 + 5 * rng.random()) * HOUR
    )
