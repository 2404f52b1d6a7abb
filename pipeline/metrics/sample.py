"""What a thing with a history tells the metrics: samples, which are mended when the history changes."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TypeVar

from pipeline.metrics import counts as c
from pipeline.metrics import sketch
from pipeline.metrics.shorthand import valued

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


def counted(sample: Sample) -> tuple[tuple[str, int], ...]:
    """What one sample adds to: names of counts, which may be short, and how much."""
    _, name, n = sample
    if name not in c.TIMED:
        return ((name, n),)
    return (valued(name, sketch.bucket(n)), 1), (name + c.TIMES_SUM, n)
