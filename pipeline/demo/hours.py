"""When things happen in the simulated company: the rhythm of a day, and opening hours.

Times are integer milliseconds UTC throughout, as everywhere in the pipeline.
"""

from datetime import UTC, datetime, timedelta
from functools import lru_cache
from random import Random

from pipeline.span import DAY, HOUR, MINUTE

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)

# How busy each hour of the day (UTC) is beside the busiest one: a Dutch day, with a long evening.
_RHYTHM = (
    0.16, 0.12, 0.10, 0.10, 0.13, 0.22, 0.45, 0.70, 0.88, 0.96, 1.00, 1.00,
    0.98, 0.95, 0.95, 0.95, 0.98, 1.00, 1.00, 1.00, 0.95, 0.75, 0.48, 0.28,
)  # fmt: skip


def rfc3339(at: int) -> str:
    """Milliseconds UTC in, `2026-11-22T09:15:00.250Z` out."""
    minute, rest = divmod(at, MINUTE)
    return f"{_minute(minute)}{rest / 1000:06.3f}Z"


@lru_cache(maxsize=10_000)
def _minute(minute: int) -> str:
    """Events come in bunches, so most minutes are written once and used often."""
    return (_EPOCH + timedelta(minutes=minute)).strftime("%Y-%m-%dT%H:%M:")


def next_moment(rng: Random, after: int, mean_gap: float) -> int:
    """The next moment of a Poisson process that follows the rhythm of the day.

    mean_gap: milliseconds between moments at the busiest hour. Thinning (Lewis and Shedler, 1979):
    candidates come at the busiest rate and are kept as often as their hour is busy.
    """
    at = float(after)
    while True:
        at += rng.expovariate(1.0) * mean_gap
        if rng.random() < _RHYTHM[int(at) % DAY // HOUR]:
            return int(at) + 1


def when_open(rng: Random, at: int, opens: int, closes: int) -> int:
    """`at` where it lies in the opening hours (UTC hours of the day), else soon after the next opening."""
    hour = at % DAY // HOUR
    if opens <= hour < closes:
        return at
    day = at - at % DAY + (DAY if hour >= closes else 0)
    return day + opens * HOUR + int(rng.random() * 150 * MINUTE)
