"""What a thing with a history tells the metrics: samples, which are mended when the history changes."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TypeVar

from pipeline.metrics import counts as c
from pipeline.metrics import sketch

#: When (ms), the name of a count or of a length of time (`counts.TIMED`), and how much of it.
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


def add(cell: dict[str, int], name: str, n: int, sign: int = 1) -> None:
    """Add one sample to counts, or take it out again (sign -1)."""
    if name not in c.TIMED:
        cell[name] = cell.get(name, 0) + sign * n
        return
    for count, by in ((c.TIMES_COUNT, 1), (c.TIMES_SUM, n), (f"{c.TIMES_BUCKET}{sketch.bucket(n)}", 1)):
        key = name + count
        cell[key] = cell.get(key, 0) + sign * by
