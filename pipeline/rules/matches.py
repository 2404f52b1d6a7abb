"""The events that rules want counted, whoever they are about: a shard counts, the board sums up."""

from __future__ import annotations

from pipeline.events.journey import Journey
from pipeline.events.model import Data, Event, ReviewData
from pipeline.metrics.reviews import REMEMBERED
from pipeline.metrics.tally import Tally
from pipeline.rules.compiled import Matches
from pipeline.rules.condition import said
from pipeline.rules.pattern import Getter, getter
from pipeline.state.records import Matched, Remembered, Series
from pipeline.state.ref import Ref, ref_of
from pipeline.step import Step

#: A value that is told apart has so many characters at most; the rest of it is cut off.
LONGEST = 256


class MatchCounter:
    """Counts each event that matches, by the values of the fields; one that lacks one of them is not counted."""

    def __init__(self, matches: Matches, journey: Journey, tally: Tally) -> None:
        self._tally, self._count = tally, matches.count
        self._matches = matches.pattern.predicate()
        self._place = (matches.dimensions[0], "")
        self._by = [(name, _reader(name, journey)) for name in matches.by]

    def on_event(self, event: Event, data: Data, at: int, key: str) -> None:
        """Take one event of the type. at: ms."""
        series = self.series(data)
        if series is not None:
            self._tally.apart(at, series, self._count, 1)

    def series(self, data: Data) -> Series | None:
        """Where an event counts; None: nowhere."""
        if not self._matches(data):
            return None
        series = [self._place]
        for name, read in self._by:
            value = read(data)
            if value is None:
                return None
            series.append((name, said(value)[:LONGEST]))
        return tuple(series)


class ReviewCounter:
    """The same of reviews: each counts once, as its newest version says."""

    def __init__(self, matches: Matches, journey: Journey, tally: Tally, step: Step) -> None:
        self._counter = MatchCounter(matches, journey, tally)
        self._count, self._tally, self._step = matches.count, tally, step
        self.what = f"@matched/{matches.name}"

    def on_event(self, event: Event, data: Data, at: int, key: str) -> None:
        """Take a version that is newer than those before it. at: ms; key: of the review."""
        assert isinstance(data, ReviewData)
        ref = ref_of(self.what, data.review_id)
        found = self._step.store.get(ref)
        if isinstance(found, Matched):
            self._tally.apart(found.at, found.series, self._count, 1, -1)
        series = self._counter.series(data)
        if series is not None:
            self._tally.apart(at, series, self._count, 1)
            self._step.store.put(ref, Matched(at=at, series=series), at + REMEMBERED)
        elif found is not None:
            self._step.store.drop(ref)

    def on_wake(self, ref: Ref, record: Remembered, due: int) -> None:
        """Forget a review."""
        self._step.store.drop(ref)


def _reader(name: str, journey: Journey) -> Getter:
    """Reads a field; the stage comes from the journey where the event has none."""
    read = getter(name)
    if name != "stage":
        return read
    return lambda data: data.stage if data.stage is not None else journey.stage(data.touchpoint)
