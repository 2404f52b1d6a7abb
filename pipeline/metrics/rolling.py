"""Counts of panes, summed into sliding windows: panes keep short names, the windows what they stand for.

A window's total changes only when a pane enters or leaves it, so time goes from change to change instead of
through every pane, and gives what going through every pane would give. All times are ms UTC.
"""

from __future__ import annotations

import heapq
from collections.abc import Iterable, Mapping
from typing import Final

from pipeline.metrics.shorthand import stands_for
from pipeline.metrics.window import PANE, Window, pane_end
from pipeline.state.records import Counts, Pane, Ref, Series, Sums, add_counts
from pipeline.state.store import Store
from pipeline.state.timers import NEVER


class Rolling:
    """The panes in a store, and the windows' totals.

    at: the last pane end that the totals are of; -1: none.
    """

    def __init__(self, store: Store, windows: Iterable[Window]) -> None:
        self._store = store
        self.at = -1
        self.totals: dict[Window, Sums] = {one: {} for one in windows}
        #: Length of a pane → the windows that are made of such panes, and for how long one reaches back to it.
        self._made_of = {
            length: [one for one in self.totals if one.pane == length]
            for length in sorted({one.pane for one in self.totals})
        }
        self._reach = {
            length: max(one.length for one in windows) for length, windows in self._made_of.items()
        }
        self._changes: list[int] = []
        self._scheduled: set[int] = set()

    def restored(self, at: int) -> None:
        """Make the totals anew, after the store's last `load`."""
        self.at = at
        for (what, key, _), record in self._store.of(Pane):
            end = int(key)
            for one in self._made_of[int(what.removeprefix(_WHAT))]:
                if at - one.length < end <= at:
                    _put_in(self.totals[one], record.counts.items())
            self._plan(end)

    def counted(self) -> Iterable[tuple[int, Series, dict[str, int]]]:
        """The counts of all panes that are kept: (end in ms, series, counts)."""
        for (_, key, _), record in self._store.of(Pane):
            for series, counts in record.counts.items():
                yield int(key), series, counts

    @property
    def next_change(self) -> int:
        """The next pane end at which something changes."""
        return self._changes[0] if self._changes else NEVER

    def schedule(self, at: int) -> None:
        """Let something change at a pane end that is still to come."""
        if at > self.at and at not in self._scheduled:
            self._scheduled.add(at)
            heapq.heappush(self._changes, at)

    def count(self, end: int, changes: Counts) -> list[Window]:
        """Add counts of the 5 min pane that ends there. Returns the windows whose totals they changed at once."""
        self._plan(end)
        changed: list[Window] = []
        for length, windows in self._made_of.items():
            over = pane_end(end, length)
            if over <= self.at - self._reach[length]:
                continue  # no window reaches back so far
            if length != PANE and over > self.at:
                continue  # it is summed up when it is over
            pane = self._pane(length, over)
            if pane is None:
                pane = Pane()
                add_counts(pane.counts, changes)
                self._keep(length, over, pane)
            else:
                add_counts(pane.counts, changes)
                self._store.grow(_ref(length, over), pane, changes)
            for one in windows:
                if self.at - one.length < over <= self.at:
                    _put_in(self.totals[one], changes)
                    changed.append(one)
        return changed

    def advance(self) -> Mapping[Window, set[Series]]:
        """Go to the next change. Returns the series whose totals it changed."""
        at = self.at = heapq.heappop(self._changes)
        self._scheduled.discard(at)
        for length in self._made_of:
            if length != PANE and at % length == 0:
                self._sum_up(length, at)
        touched: dict[Window, set[Series]] = {}
        for one, totals in self.totals.items():
            for end, move in ((at, _put_in), (at - one.length, _take_out)):
                if (pane := self._pane(one.pane, end)) is not None:
                    move(totals, pane.counts.items())
                    touched.setdefault(one, set()).update(pane.counts)
        return touched

    def _plan(self, end: int) -> None:
        """What is counted in the pane that ends there enters and leaves the windows at these moments."""
        for one in self.totals:
            enters = pane_end(end, one.pane)
            self.schedule(enters)
            self.schedule(enters + one.length)

    def _sum_up(self, length: int, end: int) -> None:
        """Make a pane that is over of the 5 min panes in it: less work than to add every count to both."""
        sums = Pane()
        for part in range(end - length + PANE, end + 1, PANE):
            if (pane := self._pane(PANE, part)) is not None:
                add_counts(sums.counts, pane.counts.items())
        if sums.counts:
            self._keep(length, end, sums)

    def _pane(self, length: int, end: int) -> Pane | None:
        found = self._store.get(_ref(length, end))
        return found if isinstance(found, Pane) else None

    def _keep(self, length: int, end: int, pane: Pane) -> None:
        self._store.put(_ref(length, end), pane, end + self._reach[length])


#: What remembers panes, followed by their length.
_WHAT: Final = "@pane/"


def _ref(length: int, end: int) -> Ref:
    return f"{_WHAT}{length}", str(end), ""


def _put_in(totals: Sums, counts: Iterable[tuple[Series, dict[str, int]]]) -> None:
    """Add to totals what counts stand for."""
    for series, of in counts:
        into = totals.get(series)
        if into is None:
            into = totals[series] = {}
        for short, n in of.items():
            for name, times in stands_for(short):
                into[name] = into.get(name, 0) + times * n


def _take_out(totals: Sums, counts: Iterable[tuple[Series, dict[str, int]]]) -> None:
    """What nothing is left of goes."""
    for series, of in counts:
        left_of = totals.setdefault(series, {})
        for short, n in of.items():
            for name, times in stands_for(short):
                left = left_of.get(name, 0) - times * n
                if left:
                    left_of[name] = left
                else:
                    left_of.pop(name, None)
        if not left_of:
            del totals[series]
