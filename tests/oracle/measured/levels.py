"""What is open now."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from tests.oracle.measured.contacts import contacts
from tests.oracle.measured.promises import promises
from tests.oracle.measured.reviews import reviews
from tests.oracle.measured.sample import Counted


def levels(counted: Sequence[Counted], watermark: int) -> Counter[tuple[str, str]]:
    """(name, channel or platform) → how many; "" where there is none."""
    found: Counter[tuple[str, str]] = Counter()
    for contact in contacts(counted):
        if contact.open and not contact.forgotten(watermark):
            found["contacts_open", contact.opening.data.get("channel") or ""] += 1
    for review in reviews(counted):
        newest = review.newest
        if review.negative and not review.responses and not review.forgotten(watermark):
            found["reviews_waiting", newest.data.get("platform") or ""] += 1
    for promise in promises(counted):
        waits = promise.kept is None and promise.broken is None
        if waits and promise.due is not None and promise.due < watermark and not promise.forgotten(watermark):
            found["promises_overdue", ""] += 1
    return found
