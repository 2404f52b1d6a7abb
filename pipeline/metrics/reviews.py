"""The newest version of every review, and its first response, for the metrics."""

from __future__ import annotations

from typing import Final

from pipeline.events.model import ReviewData, ReviewPosted
from pipeline.metrics import counts as c
from pipeline.metrics import shorthand as short
from pipeline.metrics.catalogue import DIMENSIONS
from pipeline.metrics.sample import Sample
from pipeline.metrics.tally import Tally
from pipeline.metrics.weights import Weights
from pipeline.span import DAY
from pipeline.state.records import Remembered, Review
from pipeline.state.ref import Ref, ref_of
from pipeline.step import CORRECTION, Step

#: A review is remembered so long after its newest version (ms): the longest window and the correction.
REMEMBERED: Final = 28 * DAY + CORRECTION
#: A rating up to here is negative (hundredths).
NEGATIVE: Final = 200
_PLATFORM: Final = DIMENSIONS.index("platform")


class Reviews:
    """Counts each review once, at the time, rating and dimensions of its newest version."""

    WHAT: Final = "@review"

    def __init__(self, step: Step, tally: Tally, weights: Weights) -> None:
        self._step, self._tally = step, tally
        self._engaged = short.engaged(weights.points("review.posted"))
        told = short.valued(short.TOLD, weights.told)
        self._negative = short.joined(self._engaged, c.REVIEW_NEGATIVE, told)
        self._dims = tally.reader_of_all(ReviewData)

    def posted(self, event: ReviewPosted, at: int) -> bool:
        """Take a version of a review. False: it is no newer than the one that is known, and counts for nothing."""
        data: ReviewData = event.data
        ref = ref_of(self.WHAT, data.review_id)
        review = self._review(ref)
        if review.at >= 0 and (at, event.id) <= (review.at, review.event_id):
            return False
        if review.at >= 0:
            self._tally.mend(review.dims, self._samples(review), [])
            self._waits(review, -1)
        review.at, review.event_id = at, event.id
        review.posted = review.posted if review.posted >= 0 else at
        review.hundredths, review.dims = round(data.rating * 100), self._dims(data)
        self._tally.tell(review.dims, self._samples(review))
        self._waits(review, 1)
        self._step.store.put(ref, review, at + REMEMBERED)
        return True

    def responded(self, review_id: str, at: int) -> None:
        """Take a response; the first one counts."""
        ref = ref_of(self.WHAT, review_id)
        review = self._review(ref)
        if review.at < 0:  # each early response is kept so long
            review.responded = at if review.responded < 0 else min(at, review.responded)
            self._step.store.put(ref, review, max(review.wake, at + CORRECTION))
        elif review.responded < 0 or at < review.responded:
            before = self._samples(review)
            self._waits(review, -1)
            review.responded = at
            self._tally.mend(review.dims, before, self._samples(review))
            self._step.store.put(ref, review, review.wake)

    def on_wake(self, ref: Ref, record: Remembered, due: int) -> None:
        """Forget a review."""
        assert isinstance(record, Review)
        self._waits(record, -1)
        self._step.store.drop(ref)

    def _review(self, ref: Ref) -> Review:
        found = self._step.store.get(ref)
        return found if isinstance(found, Review) else Review()

    def _waits(self, review: Review, change: int) -> None:
        """Count a negative review that nobody has answered, or no longer."""
        if review.at >= 0 and review.responded < 0 and review.hundredths <= NEGATIVE:
            self._step.level("reviews_waiting", review.dims[_PLATFORM] or "", change)

    def _samples(self, review: Review) -> list[Sample]:
        at, hundredths = review.at, review.hundredths
        if at < 0:
            return []
        told = self._negative if hundredths <= NEGATIVE else self._engaged
        if hundredths % 100 == 0:
            found: list[Sample] = [(at, short.joined(short.valued(short.REVIEW, hundredths // 100), told), 1)]
        else:
            found = [
                (at, short.joined(c.REVIEW_COUNT, told), 1),
                (at, c.REVIEW_RATING, hundredths), (at, c.REVIEW_SQUARES, hundredths**2),
            ]  # fmt: skip
        if review.responded >= 0:
            found.append((at, c.REVIEW_ANSWERED, 1))
            if review.responded >= review.posted:
                found.append((review.responded, c.REVIEW_ANSWER, review.responded - review.posted))
        return found
