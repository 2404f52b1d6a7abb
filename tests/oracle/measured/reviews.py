"""Reviews: the newest version of each, and the responses to it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from tests.oracle.measured.events import hundredths
from tests.oracle.measured.model import Model
from tests.oracle.measured.sample import Counted, Sample, dims
from tests.oracle.reading import DAY, Event

REMEMBERED = 35 * DAY
EARLY = 7 * DAY  # responses before their review, after the latest of them


@dataclass
class Review:
    """first: the first version that was taken. responses: times of those that are known."""

    first: Event
    newest: Event
    responses: list[int] = field(default_factory=list)

    @property
    def rating(self) -> float:
        return hundredths(self.newest.data["rating"])

    @property
    def negative(self) -> bool:
        return self.rating <= 2

    def forgotten(self, watermark: int) -> bool:
        return self.newest.time + REMEMBERED < watermark


def reviews(counted: Sequence[Counted]) -> list[Review]:
    """All of them; one that comes again when it was forgotten is another one."""
    found: list[Review] = []
    names = sorted({c.event.data["review_id"] for c in counted if c.event.type.startswith("review.")})
    for name in names:
        review: Review | None = None
        early: list[int] = []
        for c in counted:
            event = c.event
            if not event.type.startswith("review.") or event.data["review_id"] != name:
                continue
            if review is not None and review.forgotten(c.watermark):
                review = None
            if event.type == "review.responded":
                if review is None:
                    early = fresh(early, c.watermark)
                (early if review is None else review.responses).append(event.time)
            elif review is None:
                review = Review(event, event, fresh(early, c.watermark))
                found.append(review)
                early = []
            elif event.version > review.newest.version:
                review.newest = event
    return found


def fresh(early: list[int], watermark: int) -> list[int]:
    """The responses to a review that is not known, while they are."""
    return early if max(early, default=0) + EARLY >= watermark else []


def samples(counted: Sequence[Counted], model: Model) -> list[Sample]:
    return [sample for review in reviews(counted) for sample in of(review, model)]


def of(review: Review, model: Model) -> list[Sample]:
    newest, told_apart = review.newest, dims(review.newest, model)
    found = [
        Sample("rating", newest.time, review.rating, told_apart),
        Sample("negative", newest.time, review.negative, told_apart),
        Sample("answered", newest.time, bool(review.responses), told_apart),
    ]
    if review.negative:
        found.append(Sample("unhappy", newest.time, 1, told_apart))
    if points := model.engagement.get("review.posted", 0):
        found.append(Sample("engagement", newest.time, points, told_apart))
    if review.responses and (answer := min(review.responses)) >= review.first.time:
        found.append(Sample("review_answer", answer, (answer - review.first.time) / 1000, told_apart))
    return found
