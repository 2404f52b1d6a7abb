"""Voices that are no customer's: what the public says about the company, and what its employees say."""

from pipeline.demo.chance import Weighted, pick, score
from pipeline.demo.comments import comment, mood_of, trouble
from pipeline.demo.touchpoints import TOUCHPOINTS
from pipeline.demo.world import World

_PLATFORMS = Weighted(
    {"instagram": 0.3, "x": 0.2, "reddit": 0.2, "tiktok": 0.15, "news-site": 0.05, "forum": 0.1}
)
_TEAMS = Weighted({"care": 0.3, "stores": 0.3, "warehouse": 0.2, "couriers": 0.12, "web": 0.08})
_TALKED_ABOUT = Weighted(
    {
        "delivery": 0.3,
        "product-page": 0.15,
        "use": 0.2,
        "store-visit": 0.15,
        "support-phone": 0.1,
        "checkout": 0.1,
    }
)
_WATCHED = ("checkout", "payment", "delivery", "app")


def speak(world: World, at: int) -> None:
    """Sends one `mention.posted` or `employee.answered`, never late, so that no night is silent."""
    if world.rng.random() < 0.75:
        _mention(world, at)
    else:
        _employee(world, at)


def _mention(world: World, at: int) -> None:
    rng = world.rng
    language = "nl" if rng.random() < 0.7 else "en"
    troubled = [name for name in _WATCHED if world.bad_days.now(name, at) is not None]
    if troubled and rng.random() < 0.6:
        touchpoint, sentiment = pick(rng, troubled), -0.8
        words = trouble(rng, language, TOUCHPOINTS[touchpoint])
    else:
        touchpoint = _TALKED_ABOUT.draw(rng)
        sentiment = max(-1.0, min(1.0, rng.gauss(0.25, 0.45)))
        words = comment(rng, language, TOUCHPOINTS[touchpoint].theme, sentiment)
    data: dict[str, object] = {
        "touchpoint": touchpoint,
        "channel": "social",
        "platform": _PLATFORMS.draw(rng),
        # A few reach very many.
        "reach": int(40 / (1.0005 - rng.random())),
        "sentiment": round(sentiment, 2),
        "language": language,
        "comment": words,
    }
    world.wire.send(at, "mention.posted", "/social/listening", data, prompt=True)


def _employee(world: World, at: int) -> None:
    rng = world.rng
    team = _TEAMS.draw(rng)
    strained = team == "care" and any(world.bad_days.now(name, at) is not None for name in _WATCHED)
    enps = score(rng, 5.0 if strained else 7.4, 1.6, 0, 10)
    data: dict[str, object] = {"team": team, "enps": enps}
    if rng.random() < 0.5:
        feeling = (enps - 7) / 4
        data |= {"language": "nl", "comment": comment(rng, "nl", "work", feeling)}
        data["attributes"] = {"mood": mood_of(feeling)}
    world.wire.send(at, "employee.answered", "/staff/pulse", data, prompt=True)
