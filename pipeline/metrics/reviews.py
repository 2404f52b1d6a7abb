"""The newest version of every review, for its metrics."""

from __future__ import annotations

from typing import Final

from pipeline.events.model import ReviewData, ReviewPosted
from pipeline.metrics.tally import Tally
from pipeline.span import DAY
from pipeline.state.records import Ref, Remembered, Review
from pipeline.step import CORRECTION, Step

#: A review is remembered so long after its newest version (ms): the longest window and the correction.
REMEMBERED: Final = 28 * DAY + CORRECTION


class Reviews:
    """Counts each review once, at the time, rating and dimensions of its newest version."""

    WHAT: Final = "@review"

    def __init__(self, step: Step, tally: Tally) -> None:
        self._step, self._tally = step, tally

    def posted(self, event: ReviewPosted, at: int) -> bool:
        """Take a version of a review. False: it is no newer than the one that is known, and counts for nothing."""
        data: ReviewData = event.data
        ref = (self.WHAT, data.review_id, "")
        found = self._step.store.get(ref)
        review = found if isinstance(found, Review) else Review()
        if review.at >= 0:
            if (at, event.id) <= (review.at, review.event_id):
                return False
            self._tally.review(review.at, review.dims, review.hundredths, review.answered, -1)
        review.at, review.event_id = at, event.id
        review.hundredths, review.dims = round(data.rating * 100), self._tally.dims(data)
        self._tally.review(at, review.dims, review.hundredths, review.answered)
        self._step.store.put(ref, review, at + REMEMBERED)
        return True

    def responded(self, review_id: str, at: int) -> None:
        """Take a response; the first one counts."""
        ref = (self.WHAT, review_id, "")
        found = self._step.store.get(ref)
        if not isinstance(found, Review):
            self._step.store.put(ref, Review(answered=True), at + CORRECTION)
        elif found.at < 0:  # each early response is kept so long
            self._step.store.put(ref, found, max(found.wake, at + CORRECTION))
        elif not found.answered:
            found.answered = True
            self._tally.review_answered(found.at, found.dims)
            self._step.store.put(ref, found, found.wake)

    def on_wake(self, ref: Ref, record: Remembered, due: int) -> None:
        """Forget a review."""
        self._step.store.drop(ref)
