"""Which values of a dimension have a series of their own; the others share one, so that there is a limit."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from pipeline.metrics.catalogue import RULE, Counts
from pipeline.metrics.counts import OF_RULES
from pipeline.span import DAY
from pipeline.state.records import KnownValue, Overflow, Series
from pipeline.state.ref import Ref, key_of, ref_of
from pipeline.state.store import Store

#: What shares a series.
OTHER: Final = "other"
#: A value makes room for another when it was not seen for so long (ms).
_UNSEEN: Final = 35 * DAY


class Room:
    """limit: how many values of a dimension have a series of their own.

    on_overflow: gets the dimension and the counts of what found no room.
    """

    def __init__(self, store: Store, limit: int, on_overflow: Callable[[str, Counts], None]) -> None:
        self._store, self._limit, self._on_overflow = store, limit, on_overflow
        self._known: dict[str, int] = {}
        self._admitted: dict[Series, int] = {}

    def restored(self) -> None:
        """Count what is known, after the store's last `load`."""
        for ref, _ in self._store.of(KnownValue):
            dimension = key_of(ref)
            self._known[dimension] = self._known.get(dimension, 0) + 1

    def place(self, series: Series, end: int, counts: Counts) -> Series:
        """The series with "other" where a value has no room. end: of the pane (ms)."""
        admitted = self._admitted.get(series)
        if admitted is not None and end <= admitted:
            return series  # known ones are noted as seen once a day
        placed = tuple(
            (
                name,
                value if name.startswith(OF_RULES) or name == RULE else self._place(name, value, end, counts),
            )
            for name, value in series
        )
        if placed == series and not any(self._store.get(_overflow(name)) for name, _ in series):
            self._admitted[series] = end + DAY
        return placed

    def forget(self, ref: Ref) -> None:
        """A value was not seen for long."""
        self._known[key_of(ref)] -= 1
        self._admitted.clear()
        self._store.drop(ref)

    def _place(self, dimension: str, value: str, end: int, counts: Counts) -> str:
        # In panes of which something went to "other", a value that found room later stays there: what is
        # taken out of a pane leaves the series that it went to.
        ref = ref_of("@value", dimension, value)
        overflow = self._store.get(_overflow(dimension))
        until = overflow.until if isinstance(overflow, Overflow) else -1
        known = self._store.get(ref)
        if not isinstance(known, KnownValue):
            full = self._known.get(dimension, 0) >= self._limit
            if full or end <= until:
                if full:
                    overflow = overflow if isinstance(overflow, Overflow) else Overflow()
                    overflow.until = max(until, end)
                    self._store.put(_overflow(dimension), overflow, overflow.until + _UNSEEN)
                    self._on_overflow(dimension, counts)
                return OTHER
            self._known[dimension] = self._known.get(dimension, 0) + 1
            known = KnownValue(since=until)
        self._store.put(ref, known, max(known.wake, end + _UNSEEN))
        return value if end > known.since else OTHER


def _overflow(dimension: str) -> Ref:
    return ref_of("@overflow", dimension)
