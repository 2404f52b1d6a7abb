"""Which metrics are kept. What none of them is worked out from is not counted."""

from __future__ import annotations

from collections.abc import Iterable

from pipeline.metrics.catalogue import METRICS
from pipeline.metrics.counts import OF_RULES, TIMED
from pipeline.metrics.sample import Sample
from pipeline.metrics.shorthand import joined, stands_for


class Kept:
    """Those of these names, which are in the catalogue."""

    def __init__(self, names: Iterable[str]) -> None:
        self._counts = frozenset(count for name in names for count in METRICS[name].counts)
        self._left: dict[str, str] = {}
        #: Names that tell a length of time, of which no such is left.
        self._untimed: set[str] = set()

    def any_of(self, *counts: str) -> bool:
        """Is one of these counted?"""
        return not self._counts.isdisjoint(counts)

    def left(self, name: str) -> str:
        """What is counted of a name that may be short; empty: nothing. What rules count themselves always is."""
        left = self._left.get(name)
        if left is None:
            parts = [name] if name.startswith(OF_RULES) else name.split("+")
            left = self._left[name] = joined(*filter(self._is_counted, parts))
            if not TIMED.isdisjoint(parts) and TIMED.isdisjoint(left.split("+")):
                self._untimed.add(name)
        return left

    def of(self, sample: Sample) -> Sample | None:
        """What is counted of a sample; None: nothing."""
        at, name, n = sample
        left = self.left(name)
        if left == name:
            return sample
        if not left:
            return None
        # Beside a length of time, everything else is there once.
        return at, left, 1 if name in self._untimed else n

    def _is_counted(self, part: str) -> bool:
        return part.startswith(OF_RULES) or self.any_of(*(count for count, _ in stands_for(part)))
