"""What a thing with a history tells the metrics: samples, which are mended when the history changes."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final, TypeVar

from pipeline.metrics import counts as c
from pipeline.metrics import sketch
from pipeline.metrics.shorthand import joined, valued

#: When (ms), the name of a count or of a length of time (`counts.TIMED`), and how much of it. Several names may be joined.
Sample = tuple[int, str, int]

T = TypeVar("T")


def differences(before: Sequence[T], after: Sequence[T]) -> list[tuple[T, int]]:
    """What must be taken out (-1) and counted (1), so that what was told before becomes what is told now."""
    same, shorter = 0, min(len(before), len(after))
    while same < shorter and before[same] == after[same]:
        same += 1
    left, fresh = list(before[same:]), list[tuple[T, int]]()
    for one in after[same:]:
        if one in left:
            left.remove(one)
        else:
            fresh.append((one, 1))
    return [(one, -1) for one in left] + fresh


def counted(sample: Sample) -> tuple[tuple[str, int], ...]:
    """What one sample adds to: names of counts, which may be short, and how much."""
    _, name, n = sample
    timed = _timed.get(name)
    if timed is None:
        if len(_timed) >= _REMEMBERED:
            _timed.clear()
        timed = _timed[name] = _Timed(name)
    return timed.counted(n) if timed.summed else ((name, n),)


class _Timed:
    """What a name means that may have lengths of time in it, all the same. summed: the names of their sums; empty: it has none."""

    def __init__(self, name: str) -> None:
        self._parts = name.split("+")
        self.summed = joined(*(part + c.TIMES_SUM for part in self._parts if part in c.TIMED))
        self._told: dict[int, str] = {}

    def counted(self, n: int) -> tuple[tuple[str, int], ...]:
        bucket = sketch.bucket(n)
        told = self._told.get(bucket)
        if told is None:
            told = joined(*(valued(part, bucket) if part in c.TIMED else part for part in self._parts))
            self._told[bucket] = told
        return (told, 1), (self.summed, n)


#: So many names are kept at hand.
_REMEMBERED: Final = 1_000
_timed: Final[dict[str, _Timed]] = {}
