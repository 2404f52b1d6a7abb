"""What was counted in panes of event time, in bounded memory."""

from __future__ import annotations

from collections import Counter
from collections.abc import Hashable
from dataclasses import dataclass
from typing import Generic, TypeVar

#: What further names are counted as, once there are too many.
OTHER = "other"

K = TypeVar("K", bound=Hashable)


@dataclass(frozen=True, slots=True)
class Counts(Generic[K]):
    """Counts of consecutive panes, oldest first.

    ends: the end of each pane, ms UTC.
    by: key → a count for each pane; keys without a count are left out.
    """

    ends: list[int]
    by: dict[K, list[int]]


class Panes(Generic[K]):
    """Counts per pane and key. A pane of length s covers ((p − 1)·s, p·s], as everywhere.

    pane: ms. limit: how many panes are kept, the newest.
    """

    def __init__(self, pane: int = 3_600_000, limit: int = 24 * 28) -> None:
        self.pane = pane
        self._limit = limit
        self._counts: dict[int, Counter[K]] = {}
        self._newest = 0

    def add(self, at: int, key: K, count: int = 1) -> None:
        """Count something at its event time; what is older than all that is kept is not counted."""
        index = -(-at // self.pane)
        if index > self._newest:
            self._newest = index
            for old in [known for known in self._counts if known <= index - self._limit]:
                del self._counts[old]
        elif index <= self._newest - self._limit:
            return
        self._counts.setdefault(index, Counter())[key] += count

    def upto(self, at: int, panes: int) -> Counts[K]:
        """Counts of so many panes, the last of which holds `at`."""
        last = -(-at // self.pane)
        span = range(last - panes + 1, last + 1)
        by: dict[K, list[int]] = {}
        for place, index in enumerate(span):
            for key, count in self._counts.get(index, {}).items():
                by.setdefault(key, [0] * panes)[place] += count
        return Counts([index * self.pane for index in span], by)

    def __len__(self) -> int:
        return len(self._counts)
