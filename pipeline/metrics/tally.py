"""A batch of events folded into counts per pane and series, for the board."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence

import msgspec

from pipeline.events.journey import Journey
from pipeline.events.model import Data, SurveyData
from pipeline.metrics import catalogue as c
from pipeline.metrics import sketch
from pipeline.metrics.window import PANE

#: (dimension, value) pairs in order of dimension; () is the total.
Series = tuple[tuple[str, str], ...]
#: The values of an event's dimensions, in the order of `Tally.dimensions`.
Dims = tuple[str | None, ...]


class Segment(msgspec.Struct, omit_defaults=True):
    """Counts, and then the watermark (ms) that they lead to; None: the shard has none, do not wait for it.

    counts: (end of the 5 min pane, series, counts). levels: (name, label, change).
    """

    watermark: int | None
    counts: list[tuple[int, Series, dict[str, int]]] = []
    levels: list[tuple[str, str, int]] = []
    followups: list[msgspec.Raw] = []

    @property
    def is_empty(self) -> bool:
        """Does it count nothing?"""
        return not (self.counts or self.levels or self.followups)


class MetricsRecord(msgspec.Struct, omit_defaults=True):
    """What a shard hands to the board. shard: topic/partition; offset: the last one that is counted in it."""

    shard: str
    offset: int
    segments: list[Segment]


class Tally:
    """Counts between two records to the board.

    groupings: sets of dimensions that are counted apart, beside the total.
    """

    def __init__(self, journey: Journey, groupings: Iterable[tuple[str, ...]] = c.DEFAULT_GROUPINGS) -> None:
        self.groupings = tuple(dict.fromkeys(tuple(sorted(grouping)) for grouping in groupings if grouping))
        self.dimensions = tuple(sorted({name for grouping in self.groupings for name in grouping}))
        self._places = [
            tuple(self.dimensions.index(name) for name in grouping) for grouping in self.groupings
        ]
        self._journey = journey
        self.dims = _dims_getter(self.dimensions, journey)
        self._cells: defaultdict[tuple[int, Dims], defaultdict[str, int]] = defaultdict(_counts)
        self._levels: defaultdict[tuple[str, str], int] = defaultdict(int)
        self._followups: list[msgspec.Raw] = []
        self._segments: list[Segment] = []

    def survey(self, data: SurveyData, at: int) -> None:
        """Count the scores of one survey."""
        cell = self._cells[-(-at // PANE) * PANE, self.dims(data)]
        if (nps := data.nps) is not None:
            cell[c.PROMOTERS if nps >= 9 else c.PASSIVES if nps >= 7 else c.DETRACTORS] += 1
        if (csat := data.csat) is not None:
            cell[c.CSAT_COUNT] += 1
            cell[c.CSAT_SUM] += csat
            if csat >= 4:
                cell[c.CSAT_SATISFIED] += 1
        if (ces := data.ces) is not None:
            cell[c.CES_COUNT] += 1
            cell[c.CES_SUM] += ces

    def review(self, at: int, dims: Dims, hundredths: int, answered: bool, sign: int = 1) -> None:
        """Count a review, or take it out again (sign -1)."""
        cell = self._cells[-(-at // PANE) * PANE, dims]
        cell[c.REVIEW_COUNT] += sign
        cell[c.REVIEW_RATING] += sign * hundredths
        if answered:
            cell[c.REVIEW_ANSWERED] += sign

    def review_answered(self, at: int, dims: Dims) -> None:
        """Count the first response to a review, at the review's time."""
        self._cells[-(-at // PANE) * PANE, dims][c.REVIEW_ANSWERED] += 1

    def first_response(self, at: int, dims: Dims, took: int, sign: int = 1) -> None:
        """Count a first reply, or take it out again (sign -1). at: of the reply; took: ms."""
        cell = self._cells[-(-at // PANE) * PANE, dims]
        cell[c.RESPONSE_COUNT] += sign
        cell[c.RESPONSE_SUM] += sign * took
        cell[f"{c.RESPONSE_BUCKET}{sketch.bucket(took)}"] += sign

    def level(self, name: str, label: str, change: int) -> None:
        """Change what is counted now, such as open follow-ups of a team."""
        self._levels[name, label] += change

    def follow_up(self, event: bytes) -> None:
        """Pass on what somebody did about a follow-up of the board."""
        self._followups.append(msgspec.Raw(event))

    def cut(self, watermark: int | None) -> None:
        """End a segment; what follows is counted after the board knew this watermark."""
        levels = [(*name, change) for name, change in self._levels.items() if change]
        self._segments.append(Segment(watermark, self._fold(), levels, self._followups))
        self._cells.clear()
        self._levels.clear()
        self._followups = []

    def take(self, watermark: int | None) -> list[Segment]:
        """All segments since the last call, the last of them cut here."""
        self.cut(watermark)
        segments, self._segments = self._segments, []
        return segments

    def _fold(self) -> list[tuple[int, Series, dict[str, int]]]:
        """Cells of all dimensions into the total and one series a grouping and value."""
        folded: dict[tuple[int, Series], defaultdict[str, int]] = {}
        groupings = list(zip(self.groupings, self._places, strict=True))
        series_of: dict[Dims, list[Series]] = {}
        for (pane, dims), counts in self._cells.items():
            all_series = series_of.get(dims)
            if all_series is None:
                all_series = series_of[dims] = list(_series(dims, groupings))
            items = list(counts.items())
            for series in all_series:
                into = folded.get((pane, series))
                if into is None:
                    folded[pane, series] = into = _counts()
                for name, count in items:
                    into[name] += count
        return [
            (pane, series, kept)
            for (pane, series), counts in folded.items()
            if (kept := {name: count for name, count in counts.items() if count})
        ]


def _counts() -> defaultdict[str, int]:
    return defaultdict(int)


def _series(dims: Dims, groupings: Sequence[tuple[tuple[str, ...], tuple[int, ...]]]) -> Iterable[Series]:
    yield ()
    for names, places in groupings:
        values = [dims[place] for place in places]
        if None not in values:
            yield tuple((name, value) for name, value in zip(names, values, strict=True) if value is not None)


def _dims_getter(dimensions: tuple[str, ...], journey: Journey) -> Callable[[Data], Dims]:
    """Reads the dimensions of an event; the stage comes from the journey where the event has none."""
    stage = dimensions.index("stage") if "stage" in dimensions else -1
    stages = journey.stages

    def dims(data: Data) -> Dims:
        values = [getattr(data, name) for name in dimensions]
        if stage >= 0 and values[stage] is None:
            values[stage] = stages.get(data.touchpoint)  # type: ignore[arg-type]
        return tuple(values)

    return dims
