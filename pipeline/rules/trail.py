"""The events that a rule looks back on, in order of time: few, and all of a key in one record."""

from __future__ import annotations

from bisect import bisect_right
from typing import Any, Final

from pipeline.events.model import Data, Event, ReviewData
from pipeline.rules.hits import text
from pipeline.state.records import Trail
from pipeline.state.ref import Ref, key_of, ref_of
from pipeline.step import CORRECTION, Step

#: The newest so many of a key are kept.
MOST: Final = 256


class Trails:
    """The trails of one owner. kept: how long an event is kept (ms)."""

    def __init__(self, what: str, step: Step, within: int) -> None:
        self.what, self._step = what, step
        self._kept = within + CORRECTION

    def reach(self, within: int) -> None:
        """Keep events for so long at least (ms), and for as long as late ones may still ask for them."""
        self._kept = max(self._kept, within + CORRECTION)

    def of(self, key: str) -> Trail:
        """The trail of a key."""
        record = self._step.store.get(ref_of(self.what, key))
        return record if record is not None and isinstance(record, Trail) else Trail()

    def add(
        self, trail: Trail, event: Event, data: Data, at: int, mark: int, part: str, values: list[Any]
    ) -> int:
        """Add an event (at: ms); one that marks nothing only takes the place of its older versions. Returns its place."""
        review = data.review_id if type(data) is ReviewData else ""
        if review:
            for place in range(len(trail.reviews) - 1, -1, -1):
                if trail.reviews[place] == review:
                    _take_out(trail, place)
        place = bisect_right(trail.times, at)
        if mark >= 0:
            trail.times.insert(place, at)
            trail.events.insert(place, text(event.source, event.id))
            trail.marks.insert(place, mark)
            trail.parts.insert(place, part)
            trail.reviews.insert(place, review)
            trail.values.insert(place, values)
        return place

    def keep(self, key: str, trail: Trail) -> None:
        """Write a trail back."""
        ref = ref_of(self.what, key)
        while len(trail.times) > MOST:
            _take_out(trail, 0)
        if trail.times:
            self._step.store.put(ref, trail, trail.times[0] + self._kept)
        else:
            self._step.store.drop(ref)

    def forget(self, ref: Ref, trail: Trail, due: int) -> None:
        """Forget what nothing can ask for any more."""
        for _ in range(bisect_right(trail.times, due - self._kept)):
            _take_out(trail, 0)
        self.keep(key_of(ref), trail)


def _take_out(trail: Trail, place: int) -> None:
    for column in (trail.times, trail.events, trail.marks, trail.parts, trail.reviews, trail.values):
        del column[place]
