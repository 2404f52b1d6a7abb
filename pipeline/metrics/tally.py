"""A batch of events folded into counts per pane and series, for the board."""

from __future__ import annotations

import operator
from collections.abc import Callable, Iterable, Sequence
from typing import Final

import msgspec

from pipeline.events.journey import Journey
from pipeline.events.model import Data, SurveyData
from pipeline.metrics import catalogue as c
from pipeline.metrics import sketch
from pipeline.metrics.segment import MOST_COUNTS, UNCHANGED, Segment
from pipeline.metrics.window import PANE
from pipeline.state.records import Dims, Series


class Tally:
    """Counts between two records to the board.

    groupings: sets of dimensions that are counted apart, beside the total.

    A segment ends before something is counted in a pane that the watermark has passed already: the board
    has judged that pane by then, however the events came in batches.
    """

    def __init__(self, journey: Journey, groupings: Iterable[tuple[str, ...]] = c.DEFAULT_GROUPINGS) -> None:
        self.groupings = tuple(dict.fromkeys(tuple(sorted(grouping)) for grouping in groupings if grouping))
        dimensions = tuple(sorted({name for grouping in self.groupings for name in grouping}))
        self._places = [
            (grouping, tuple(dimensions.index(name) for name in grouping)) for grouping in self.groupings
        ]
        #: Reads the dimensions of an event's data.
        self.dims = _dims_getter(dimensions, journey)
        self._panes: dict[int, dict[Dims, dict[str, int]]] = {}
        #: What rules count: a series of theirs has no part in others.
        self._matches: dict[int, dict[Series, dict[str, int]]] = {}
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

    def survey(self, data: SurveyData, at: int) -> None:
        """Count the scores of one survey."""
        cell = self._cell(at, self.dims(data))
        if (nps := data.nps) is not None:
            name = c.PROMOTERS if nps >= 9 else c.PASSIVES if nps >= 7 else c.DETRACTORS
            cell[name] = cell.get(name, 0) + 1
        if (csat := data.csat) is not None:
            cell[c.CSAT_COUNT] = cell.get(c.CSAT_COUNT, 0) + 1
            cell[c.CSAT_SUM] = cell.get(c.CSAT_SUM, 0) + csat
            cell[c.CSAT_SQUARES] = cell.get(c.CSAT_SQUARES, 0) + csat * csat
            if csat >= 4:
                cell[c.CSAT_SATISFIED] = cell.get(c.CSAT_SATISFIED, 0) + 1
        if (ces := data.ces) is not None:
            cell[c.CES_COUNT] = cell.get(c.CES_COUNT, 0) + 1
            cell[c.CES_SUM] = cell.get(c.CES_SUM, 0) + ces
            cell[c.CES_SQUARES] = cell.get(c.CES_SQUARES, 0) + ces * ces

    def review(self, at: int, dims: Dims, hundredths: int, answered: bool, sign: int = 1) -> None:
        """Count a review, or take it out again (sign -1)."""
        counts = {
            c.REVIEW_COUNT: sign, c.REVIEW_RATING: sign * hundredths, c.REVIEW_SQUARES: sign * hundredths**2,
        }  # fmt: skip
        if answered:
            counts[c.REVIEW_ANSWERED] = sign
        cell = self._cell(at, dims)  # first: it may end the segment
        self._has_zeros |= sign < 0
        _add(cell, counts)

    def review_answered(self, at: int, dims: Dims) -> None:
        """Count the first response to a review, at the review's time."""
        _add(self._cell(at, dims), {c.REVIEW_ANSWERED: 1})

    def first_response(self, at: int, dims: Dims, took: int, sign: int = 1) -> None:
        """Count a first reply, or take it out again (sign -1). at: of the reply; took: ms."""
        bucket = f"{c.RESPONSE_BUCKET}{sketch.bucket(took)}"
        cell = self._cell(at, dims)  # first: it may end the segment
        self._has_zeros |= sign < 0 or took == 0
        _add(cell, {c.RESPONSE_COUNT: sign, c.RESPONSE_SUM: sign * took, bucket: sign})

    def match(self, at: int, series: Series, count: str, sign: int = 1) -> None:
        """Count an event that a rule wants counted, or take it out again (sign -1)."""
        end = self._pane(at)  # first: it may end the segment
        self._has_zeros |= sign < 0
        cell = self._matches.setdefault(end, {}).setdefault(series, {})
        cell[count] = cell.get(count, 0) + sign

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

    def _cell(self, at: int, dims: Dims) -> dict[str, int]:
        end = self._pane(at)
        cells = self._panes.get(end)
        if cells is None:
            cells = self._panes[end] = {}
        cell = cells.get(dims)
        if cell is None:
            cell = cells[dims] = {}
        return cell

    def _cut(self, watermark: int | None) -> None:
        levels = [(*name, change) for name, change in self._levels.items() if change]
        counts = self._fold()
        while len(counts) > MOST_COUNTS:
            self._segments.append(Segment(UNCHANGED, counts[:MOST_COUNTS]))
            counts = counts[MOST_COUNTS:]
        self._segments.append(Segment(watermark, counts, levels, self._followups, self._silences))
        self._panes, self._matches = {}, {}
        self._levels, self._followups, self._silences = {}, [], []
        self._has_zeros = False
        self._cut_at = (self.watermark - 1) // PANE

    def _fold(self) -> list[tuple[int, Series, dict[str, int]]]:
        """Cells of all dimensions into the total and one series a grouping and value."""
        rows: list[tuple[int, Series, dict[str, int]]] = []
        for end in {**self._panes, **self._matches}:
            folded = self._matches.get(end, {})
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
            series = self._series[dims] = tuple(_series(dims, self._places))
        return series


#: The series of so many combinations of values are kept at hand.
_REMEMBERED: Final = 10_000


def _add(into: dict[str, int], counts: dict[str, int]) -> None:
    for name, count in counts.items():
        into[name] = into.get(name, 0) + count


def _series(dims: Dims, groupings: Sequence[tuple[tuple[str, ...], tuple[int, ...]]]) -> Iterable[Series]:
    yield ()
    for names, places in groupings:
        values = [dims[place] for place in places]
        if None not in values:
            yield tuple((name, value) for name, value in zip(names, values, strict=True) if value is not None)


def _dims_getter(dimensions: tuple[str, ...], journey: Journey) -> Callable[[Data], Dims]:
    """Reads the dimensions of an event; the stage comes from the journey where the event has none."""
    read = operator.attrgetter(*dimensions)
    stage = dimensions.index("stage")

    def dims(data: Data) -> Dims:
        values: Dims = read(data)
        if values[stage] is None and (found := journey.stage(data.touchpoint)) is not None:
            return (*values[:stage], found, *values[stage + 1 :])
        return values

    return dims
