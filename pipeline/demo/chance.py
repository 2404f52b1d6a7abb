"""Drawing from a seeded Random: weighted values, plain picks, bounded scores, and ids."""

from bisect import bisect
from collections.abc import Mapping, Sequence
from itertools import accumulate
from random import Random
from typing import Generic, TypeVar

T = TypeVar("T")


class Weighted(Generic[T]):
    """Values with weights; `draw` gives each as often as its weight says. Weights need no certain sum."""

    __slots__ = ("_limits", "_values")

    def __init__(self, weights: Mapping[T, float]) -> None:
        total = sum(weights.values())
        self._values = tuple(weights)
        self._limits = [limit / total for limit in accumulate(weights.values())]
        self._limits[-1] = 1.0  # rounding must not leave a gap below 1 that a draw could fall into

    def draw(self, rng: Random) -> T:
        """One of the values; takes a single number from rng."""
        return self._values[bisect(self._limits, rng.random())]


def pick(rng: Random, values: Sequence[T]) -> T:
    """One of the values, each as often as the others. (`rng.choice` is three times slower.)"""
    return values[int(rng.random() * len(values))]


def between(rng: Random, low: int, high: int) -> int:
    """A whole number in [low, high), evenly."""
    return low + int(rng.random() * (high - low))


def score(rng: Random, middle: float, spread: float, low: int, high: int) -> int:
    """A whole number around `middle`, kept in [low, high]."""
    value = round(rng.gauss(middle, spread))
    return low if value < low else min(value, high)


def event_id(rng: Random) -> str:
    """An id that reads like a random UUID without its dashes."""
    return f"{rng.getrandbits(128):032x}"


def numbered(rng: Random, kind: str) -> str:
    """An id for a thing of the company, such as `order-1f02c9d733ab`."""
    return f"{kind}-{rng.getrandbits(48):012x}"
