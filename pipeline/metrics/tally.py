"""A batch of events folded into counts per pane and series, for the board."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

import msgspec

from pipeline.events.journey import Journey
from pipeline.events.model import Data
from pipeline.metrics.catalogue import DEFAULT_GROUPINGS, DIMENSIONS
from pipeline.metrics.dimensions import Groupings, Read, reader
from pipeline.metrics.sample import Sample, add, differences
from pipeline.metrics.segment import MOST_COUNTS, UNCHANGED, Segment
from pipeline.metrics.window import PANE
from pipeline.state.records import Dims, Series


class Tally:
    """Counts between two records to the board.

    groupings: sets of dimensions that are counted apart, beside the total.

    A segment ends before something is counted in a pane that the watermark has passed already: the board
    has judged that pane by then, however the events came in batches.
    """

    def __init__(self, journey: Journey, groupings: Iterable[tuple[str, ...]] = DEFAULT_GROUPINGS) -> None:
        self._journey, self._groupings = journey, Groupings(tuple(groupings))
        self._panes: dict[int, dict[Dims, dict[str, int]]] = {}
        #: What is counted in a series of its own, and in no other: what rules count, and what became of follow-ups.
        self._apart: dict[int, dict[Series, dict[str, int]]] = {}
        self._levels: dict[tuple[str, str], int] = {}
        self._followups: list[msgspec.Raw] = []
        self._silences: list[tuple[str, int, int]] = []
        self._segments: list[Segment] = []
        # Something may have come to nothing in them.
        self._has_zeros = False
        self._series: dict[Dims, tuple[Series, ...]] = {}
        #: The shard's (ms); the shard moves it on.
        self.watermark = -1
        self._cut_at = -1

    def reader(self, data_type: type[Data]) -> Read:
        """Reads the dimensions that `cell` takes."""
        return reader(self._groupings.needed, data_type, self._journey)

    def reader_of_all(self, data_type: type[Data]) -> Read:
        """Reads all dimensions: what is remembered must fit whatever rules group by later."""
        return reader(DIMENSIONS, data_type, self._journey)

    def cell(self, at: int, dims: Dims) -> dict[str, int]:
        """The counts of one pane and these values, to be added to at once: the next call may end the segment."""
        end = self._pane(at)
        cells = self._panes.get(end)
        if cells is None:
            cells = self._panes[end] = {}
        cell = cells.get(dims)
        if cell is None:
            cell = cells[dims] = {}
        return cell

    def mend(self, all_dims: Dims, before: list[Sample], after: list[Sample]) -> None:
        """Count what something tells now, and no longer what it told before."""
        for sample, sign in differences(before, after):
            self.count(all_dims, sample, sign)

    def count(self, all_dims: Dims, sample: Sample, sign: int = 1) -> None:
        """Count one sample of something with these dimensions, or take it out again (sign -1)."""
        at, name, n = sample
        cell = self.cell(at, self._groupings.narrow(all_dims))  # first: it may end the segment
        self._has_zeros |= sign < 0 or n == 0
        add(cell, name, n, sign)

    def apart(self, at: int, series: Series, name: str, n: int, sign: int = 1) -> None:
        """Count in one series alone."""
        end = self._pane(at)  # first: it may end the segment
        self._has_zeros |= sign < 0 or n == 0
        add(self._apart.setdefault(end, {}).setdefault(series, {}), name, n, sign)

    def level(self, name: str, label: str, change: int) -> None:
        """Change what is counted now, such as open follow-ups of a team."""
        self._levels[name, label] = self._levels.get((name, label), 0) + change

    def silence(self, event: str, since: int, at: int) -> None:
        """Events of a type have stopped coming, or (since -1) come again. Times in ms.

        The board's clocks go on first, to where the shard is: in which batches the events came is no matter.
        """
        self._cut(self.watermark if self.watermark >= 0 else None)
        self.level("sources_silent", event, -1 if since < 0 else 1)
        self._silences.append((event, since, at))

    def follow_up(self, event: bytes) -> None:
        """Pass on what somebody did about a follow-up of the board."""
        self._cut(self.watermark if self.watermark >= 0 else None)
        self._followups.append(msgspec.Raw(event))

    def take(self, watermark: int | None) -> list[Segment]:
        """All segments since the last call, the last of them with this watermark."""
        self._cut(watermark)
        segments, self._segments = self._segments, []
        return segments

    def _pane(self, at: int) -> int:
        """The end of the pane in which something is to be counted now."""
        end = -(-at // PANE) * PANE
        if end < self.watermark and self._cut_at < (self.watermark - 1) // PANE:
            self._cut(self.watermark)
        return end

    def _cut(self, watermark: int | None) -> None:
        levels = [(*name, change) for name, change in self._levels.items() if change]
        counts = self._fold()
        while len(counts) > MOST_COUNTS:
            self._segments.append(Segment(UNCHANGED, counts[:MOST_COUNTS]))
            counts = counts[MOST_COUNTS:]
        self._segments.append(Segment(watermark, counts, levels, self._followups, self._silences))
        self._panes, self._apart = {}, {}
        self._levels, self._followups, self._silences = {}, [], []
        self._has_zeros = False
        self._cut_at = (self.watermark - 1) // PANE

    def _fold(self) -> list[tuple[int, Series, dict[str, int]]]:
        """Cells of all dimensions into the total and one series a grouping and value."""
        rows: list[tuple[int, Series, dict[str, int]]] = []
        for end in {**self._panes, **self._apart}:
            folded = self._apart.get(end, {})
            for dims, counts in self._panes.get(end, {}).items():
                for series in self._series_of(dims):
                    into = folded.get(series)
                    if into is None:
                        folded[series] = counts.copy()
                    else:
                        _add(into, counts)
            for series, sums in folded.items():
                counted = {name: n for name, n in sums.items() if n} if self._has_zeros else sums
                if counted:
                    rows.append((end, series, counted))
        return rows

    def _series_of(self, dims: Dims) -> tuple[Series, ...]:
        series = self._series.get(dims)
        if series is None:
            if len(self._series) >= _REMEMBERED:
                self._series.clear()
            series = self._series[dims] = self._groupings.series(dims)
        return series


#: The series of so many combinations of values are kept at hand.
_REMEMBERED: Final = 10_000


def _add(into: dict[str, int], counts: dict[str, int]) -> None:
    for name, count in counts.items():
        into[name] = into.get(name, 0) + count
