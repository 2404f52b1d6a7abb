"""What becomes of unhappy customers, with and without a follow-up."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

from tests.oracle.measured.events import unhappy
from tests.oracle.measured.known import Known, Limit
from tests.oracle.measured.model import Model
from tests.oracle.measured.sample import Counted, Sample
from tests.oracle.reading import DAY

KEPT = 97 * DAY
WITHIN = 90 * DAY
SURVEY = "survey.answered"
ACTIONS = ("followup.contacted", "followup.closed")
LIMITS: dict[tuple[str, ...], Limit] = {(SURVEY,): (KEPT, 32), ACTIONS: (KEPT, 32)}
NOTHING_DONE = ("moot", "unreachable", "not reached", "duplicate", "not needed", "no action", "false alarm", "spam", "none")  # fmt: skip


def samples(counted: Sequence[Counted], model: Model) -> list[Sample]:
    customers: dict[str, Known] = {}
    for c in counted:
        event = c.event
        is_score = event.type == SURVEY and unhappy(event) is not None
        if is_score or (event.type in ACTIONS and helps(c)):
            customers.setdefault(event.subject or "", Known(worth, LIMITS)).take(c)
    return [sample for own in customers.values() for sample in own.samples]


def helps(one: Counted) -> bool:
    """Whether somebody got in touch, or did something."""
    return one.event.type == "followup.contacted" or something_done(one.event.data.get("resolution"))


def something_done(resolution: str | None) -> bool:
    return bool(resolution) and words(resolution) not in NOTHING_DONE


def words(resolution: str | None) -> str:
    """In small letters, and with spaces between them."""
    return " ".join((resolution or "").lower().replace("-", " ").replace("_", " ").split())


def worth(known: Sequence[Counted]) -> list[Sample]:
    scores = [c.event for c in known if c.event.type == SURVEY]
    actions = [c for c in known if c.event.type in ACTIONS]
    found = []
    for before, score in pairwise(scores):
        if not unhappy(before) or score.time - before.time > WITHIN:
            continue
        recovered = not unhappy(score)
        between = [c for c in actions if before.time <= c.event.time <= score.time]
        if not between:
            found.append(Sample("alone", score.time, recovered, {}, only=((),)))
            continue
        acted = between[-1].acted
        assert acted is not None
        names = {"rule": acted.rule} | ({"team": acted.team} if acted.team else {})
        found.append(Sample("recovered", score.time, recovered, names, only=((), ("team",), ("rule",))))
    return found
