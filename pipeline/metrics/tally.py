"""A batch of events folded into counts per pane and series, for the board."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

import msgspec

from pipeline.events.journey import Journey
from pipeline.events.model import Data
from pipeline.metrics.catalogue import DIMENSIONS
from pipeline.metrics.dimensions import Groupings, Read, reader
from pipeline.metrics.fold import Counted, Fold
from pipeline.metrics.kept import Kept
from pipeline.metrics.sample import Sample, counted, differences
from pipeline.metrics.segment import MOST_ROWS, UNCHANGED, MetricsRecord, Segment
from pipeline.metrics.window import PANE
from pipeline.state.records import Dims, Series


class Tally:
    """Counts between two records to the board.

    groupings: sets of dimensions that are counted apart, beside the total. kept: what is not of these is not counted.

    A segment ends before something is counted in a pane that the watermark has passed already: the board
    has judged that pane by then, however the events came in batches.
    """

    def __init__(self, journey: Journey, groupings: Iterable[tuple[str, ...]], kept: Kept) -> None:
        self._journey, self._groupings = journey, Groupings(tuple(groupings))
        self.kept = kept
        #: By the end of the pane and the number of the series.
        self._counts: dict[int, dict[int, dict[str, int]]] = {}
        #: The same, by pane and the values of an event.
        self._rows: dict[int, dict[Dims, list[dict[str, int]]]] = {}
        self._levels: dict[tuple[str, str], int] = {}
        self._followups: list[msgspec.Raw] = []
        self._silences: list[tuple[str, int, int]] = []
        self._segments: list[Segment] = []
        self._fold = Fold()
        # Something may have come to nothing in them.
        self._has_zeros = False
        #: Series have numbers here: to find something by them costs less.
        self._numbers: dict[Series, int] = {}
        self._series: list[Series] = []
        self._series_of_dims: dict[Dims, list[int]] = {}
        #: The shard's (ms); the shard moves it on.
        self.watermark = -1
        self._cut_at = -1

    def reader(self, data_type: type[Data]) -> Read:
        """Reads the dimensions that `rows` takes."""
        return reader(self._groupings.needed, data_type, self._journey)

    def reader_of_all(self, data_type: type[Data]) -> Read:
        """Reads all dimensions: what is remembered must fit whatever rules group by later."""
        return reader(DIMENSIONS, data_type, self._journey)

    def rows(self, at: int, dims: Dims) -> list[dict[str, int]]:
        """The counts of one pane in all series of these values, to be added to at once: the next call may end the segment."""
        end = self._pane(at)
        rows_of = self._rows.get(end)
        if rows_of is None:
            rows_of = self._rows[end] = {}
        rows = rows_of.get(dims)
        if rows is None:
            rows = rows_of[dims] = []
            counts = self._of_pane(end)
            for number in self._series_of(dims):
                row = counts.get(number)
                if row is None:
                    row = counts[number] = {}
                rows.append(row)
        return rows

    def tell(self, all_dims: Dims, samples: list[Sample]) -> None:
        """Count what something tells. all_dims: its values of all DIMENSIONS."""
        if samples:
            dims = self._groupings.narrow(all_dims)
            for sample in samples:
                self._count(dims, sample, 1)

    def mend(self, all_dims: Dims, before: list[Sample], after: list[Sample]) -> None:
        """Count what something tells now, and no longer what it told before."""
        dims = self._groupings.narrow(all_dims)
        for sample, sign in differences(before, after):
            self._count(dims, sample, sign)

    def _count(self, dims: Dims, sample: Sample, sign: int) -> None:
        kept = self.kept.of(sample)
        if kept is not None:
            self._add(self.rows(kept[0], dims), kept, sign)

    def _add(self, rows: list[dict[str, int]], sample: Sample, sign: int) -> None:
        for name, n in counted(sample):
            self._has_zeros |= sign < 0 or n == 0
            for row in rows:
                row[name] = row.get(name, 0) + sign * n

    def apart(self, at: int, series: Series, name: str, n: int, sign: int = 1) -> None:
        """Count a sample in one series alone, or take it out again (sign -1)."""
        kept = self.kept.of((at, name, n))
        if kept is None:
            return
        end = self._pane(at)  # first: it may end the segment
        counts, number = self._of_pane(end), self._number(series)
        row = counts.get(number)
        if row is None:
            row = counts[number] = {}
        self._add([row], kept, sign)

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

    def take(self, shard: str, offset: int, watermark: int | None) -> MetricsRecord:
        """All segments since the last call, the last of them with this watermark. shard, offset: see `MetricsRecord`."""
        self._cut(watermark)
        record = MetricsRecord(shard, offset, self._segments, self._fold.series, self._fold.names)
        self._segments, self._fold = [], Fold()
        return record

    def _pane(self, at: int) -> int:
        """The end of the pane in which something is to be counted now."""
        end = -(-at // PANE) * PANE
        if end < self.watermark and self._cut_at < (self.watermark - 1) // PANE:
            self._cut(self.watermark)
        return end

    def _of_pane(self, end: int) -> dict[int, dict[str, int]]:
        counts = self._counts.get(end)
        if counts is None:
            counts = self._counts[end] = {}
        return counts

    def _cut(self, watermark: int | None) -> None:
        levels = [(*name, change) for name, change in self._levels.items() if change]
        rows = self._fold.rows(self._counted())
        while len(rows) > MOST_ROWS:
            self._segments.append(Segment(UNCHANGED, rows[:MOST_ROWS]))
            rows = rows[MOST_ROWS:]
        self._segments.append(Segment(watermark, rows, levels, self._followups, self._silences))
        self._counts, self._rows = {}, {}
        self._levels, self._followups, self._silences = {}, [], []
        self._has_zeros = False
        if len(self._series) > _REMEMBERED:
            self._numbers, self._series, self._series_of_dims = {}, [], {}
        self._cut_at = (self.watermark - 1) // PANE

    def _counted(self) -> list[Counted]:
        total, rows = list[Counted](), list[Counted]()
        for end, by_series in self._counts.items():
            for number, counts in by_series.items():
                left = {name: n for name, n in counts.items() if n} if self._has_zeros else counts
                if left:
                    series = self._series[number]
                    (rows if series else total).append((end, series, left))
        return total + rows

    def _series_of(self, dims: Dims) -> list[int]:
        numbers = self._series_of_dims.get(dims)
        if numbers is None:
            if len(self._series_of_dims) >= _REMEMBERED:
                self._series_of_dims.clear()
            numbers = [self._number(series) for series in self._groupings.series(dims)]
            self._series_of_dims[dims] = numbers
        return numbers

    def _number(self, series: Series) -> int:
        number = self._numbers.get(series)
        if number is None:
            number = self._numbers[series] = len(self._series)
            self._series.append(series)
        return number


#: So many series, and those of so many combinations of values, are kept at hand.
_REMEMBERED: Final = 10_000
