"""Bad days: now and then a touchpoint goes wrong for some hours."""

from dataclasses import dataclass
from random import Random

from pipeline.demo.chance import Weighted, between
from pipeline.span import DAY, HOUR

# What most customers pass, so that even a short demo shows it.
_FIRST = "checkout"
_LATER = Weighted(
    {
        "checkout": 0.22,
        "payment": 0.16,
        "delivery": 0.16,
        "product-page": 0.12,
        "app": 0.12,
        "support-phone": 0.12,
        "support-chat": 0.10,
    }
)


@dataclass(frozen=True, slots=True)
class BadDay:
    """One touchpoint goes wrong in [start, end), ms UTC. failing: the share of visits that fail."""

    touchpoint: str
    start: int
    end: int
    failing: float


class BadDays:
    """The bad days of one company; the first begins within its first eight hours.

    They have a Random of their own, and are drawn as far ahead as somebody looks: when they come does not
    depend on who asks, or in what order.
    """

    __slots__ = ("_all", "_drawn_to", "_of", "_rng")

    def __init__(self, seed: int, start: int) -> None:
        self._rng = Random(f"bad days of {seed}")  # noqa: S311 - a simulation
        self._all: list[BadDay] = []
        self._of: dict[str, list[BadDay]] = {}
        begins = start + between(self._rng, 2 * HOUR, 6 * HOUR)
        self._draw(_FIRST, begins, between(self._rng, 10 * HOUR, 20 * HOUR))

    def now(self, touchpoint: str, at: int) -> BadDay | None:
        """The bad day that a touchpoint has at a moment."""
        while at >= self._drawn_to:
            self._draw_next()
        for day in reversed(self._of.get(touchpoint, ())):
            if day.start <= at < day.end:
                return day
            if day.end <= at:
                break
        return None

    def until(self, at: int) -> tuple[BadDay, ...]:
        """All that begin up to a moment, oldest first."""
        while at >= self._drawn_to:
            self._draw_next()
        return tuple(day for day in self._all if day.start <= at)

    def _draw_next(self) -> None:
        rng = self._rng
        begins = self._all[-1].start + between(rng, int(1.2 * DAY), 4 * DAY)
        self._draw(_LATER.draw(rng), begins, between(rng, 6 * HOUR, 20 * HOUR))

    def _draw(self, touchpoint: str, begins: int, length: int) -> None:
        day = BadDay(touchpoint, begins, begins + length, 0.55 + 0.25 * self._rng.random())
        self._all.append(day)
        self._of.setdefault(touchpoint, []).append(day)
        self._drawn_to = begins
