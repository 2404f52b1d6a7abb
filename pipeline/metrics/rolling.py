"""Counts of panes, summed into sliding windows: panes keep short names, the windows what they stand for.

A window's total changes only when a pane enters or leaves it, so time goes from change to change instead of
through every pane, and gives what going through every pane would give. All times are ms UTC.
"""

from __future__ import annotations

import heapq
from collections.abc import Callable, Collection, Iterable, Mapping
from functools import lru_cache
from typing import Final

from pipeline.metrics.shorthand import stands_for
from pipeline.metrics.window import PANE, Window, pane_end
from pipeline.span import DAY, HOUR
from pipeline.state.packed import add_counts
from pipeline.state.records import Counts, Pane, Series, Sums
from pipeline.state.ref import Ref, key_of, ref_of, what_of
from pipeline.state.store import Store
from pipeline.state.timers import NEVER


class Rolling:
    """The panes in a store, and the windows' totals.

    at: the last pane end that the totals are of; -1: none. totals: of the series that somebody watches, by window.
    watched: the dimensions of those series. All others are summed up when somebody reads them: where a day goes by
    between two looks, panes that came and went meanwhile are not touched at all.
    """

    def __init__(
        self, store: Store, windows: Iterable[Window], watched: Mapping[Window, Collection[tuple[str, ...]]]
    ) -> None:
        self._store, self._watched = store, watched
        self.at = -1
        self.totals: dict[Window, Sums] = {one: {} for one in watched}
        self._read: dict[Window, _Read] = {}
        kept = dict.fromkeys((*windows, *watched))
        #: Length of a pane → the windows that are made of such panes, and for how long one reaches back to it.
        self._made_of = {
            length: [one for one in kept if one.pane == length]
            for length in sorted({one.pane for one in kept})
        }
        self._reach = {
            length: max(one.length for one in windows) for length, windows in self._made_of.items()
        }
        self._changes: list[int] = []
        self._scheduled: set[int] = set()

    def restored(self, at: int) -> None:
        """Make the totals anew, after the store's last `load`."""
        self.at = at
        for ref, record in self._store.of(Pane):
            end = int(key_of(ref))
            for one in self._made_of[int(what_of(ref).removeprefix(_WHAT))]:
                if one in self.totals and at - one.length < end <= at:
                    _put_in(self.totals[one], self._of_watched(one, record))
            self._plan(end)

    def read(self, window: Window) -> Sums:
        """The totals of all series in one of the windows."""
        read = self._read.get(window)
        if read is None or not 0 <= self.at - read.at <= _LEFT[window.pane]:
            read = self._read[window] = _Read(self.at)
            self._move(_put_in, read.sums, window, self.at - window.length, self.at)
        else:
            self._move(_put_in, read.sums, window, read.at, self.at)
            self._move(_take_out, read.sums, window, read.at - window.length, self.at - window.length)
            read.at = self.at
        return read.sums

    def counted(self) -> Iterable[tuple[int, Series, dict[str, int]]]:
        """The counts of all panes that are kept: (end in ms, series, counts)."""
        for ref, record in self._store.of(Pane):
            end = int(key_of(ref))
            for series, counts in record.counts.items():
                yield end, series, counts

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
                if one in self.totals and self.at - one.length < over <= self.at:
                    _put_in(self.totals[one], [of for of in changes if grouping(of[0]) in self._watched[one]])
                    changed.append(one)
                read = self._read.get(one)
                if read is not None and read.at - one.length < over <= read.at:
                    _put_in(read.sums, changes)
        return changed

    def advance(self) -> Mapping[Window, set[Series]]:
        """Go to the next change. Returns the watched series whose totals it changed."""
        at = self.at = heapq.heappop(self._changes)
        self._scheduled.discard(at)
        for length in self._made_of:
            if length != PANE and at % length == 0:
                self._sum_up(length, at)
        touched: dict[Window, set[Series]] = {}
        for one, totals in self.totals.items():
            for end, move in ((at, _put_in), (at - one.length, _take_out)):
                if (pane := self._pane(one.pane, end)) is not None:
                    counts = self._of_watched(one, pane)
                    move(totals, counts)
                    touched.setdefault(one, set()).update([series for series, _ in counts])
        return touched

    def _of_watched(self, window: Window, pane: Pane) -> Counts:
        groupings = self._watched[window]
        return [of for of in pane.counts.items() if grouping(of[0]) in groupings]

    def _move(self, move: _Move, sums: Sums, window: Window, after: int, until: int) -> None:
        """Let the panes move into sums, or out of them, that end after a time and until another one."""
        for end in range(pane_end(after + 1, window.pane), until + 1, window.pane):
            if (pane := self._pane(window.pane, end)) is not None:
                move(sums, pane.counts.items())

    def _plan(self, end: int) -> None:
        """What is counted in the pane that ends there enters and leaves the windows at these moments."""
        for length in self._made_of:
            self.schedule(pane_end(end, length))
        for one in self.totals:
            self.schedule(pane_end(end, one.pane) + one.length)

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
        self._store.put(_ref(length, end), pane, end + self._reach[length] + _LEFT[length])


class _Read:
    """The totals of a window as somebody read them. at: the pane end that they are of."""

    def __init__(self, at: int) -> None:
        self.at, self.sums = at, dict[Series, dict[str, int]]()


@lru_cache(maxsize=10_000)
def grouping(series: Series) -> tuple[str, ...]:
    """The dimensions of a series."""
    return tuple(name for name, _ in series)


#: Length of a pane → so long one is kept behind all windows (ms): who reads takes out of the totals what has left since.
_LEFT: Final = {PANE: 2 * HOUR, HOUR: DAY}
_Move = Callable[[Sums, Iterable[tuple[Series, dict[str, int]]]], None]
#: What remembers panes, followed by their length.
_WHAT: Final = "@pane/"


def _ref(length: int, end: int) -> Ref:
    return ref_of(f"{_WHAT}{length}", str(end))


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
