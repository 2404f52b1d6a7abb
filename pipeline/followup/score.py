"""What became of follow-ups: for the score card of a rule, and for the metrics."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Final

from pipeline.metrics import counts as c
from pipeline.metrics.sample import Sample
from pipeline.state.records import CLOSED, FollowUp

#: What is counted of each rule → what it means.
SCORES: Final[Mapping[str, str]] = {
    "rule_alerts": "Alerts fired, without those that late events took back.",
    "rule_followups": "Follow-ups that a rule is a reason of.",
    "rule_followups_closed": "Of these, closed by somebody.",
    "rule_followups_closed_in_time": "Of these, closed by the time at which they were due.",
    "rule_followups_useful": "Of these, closed with a resolution that says that something was done.",
    "rule_followups_recovered": "Of these, closed with the customer content again.",
}
#: The resolution of what had no reason any more before anybody took it.
MOOT: Final = "moot"
#: Resolutions that say that nothing was done, or had to be; in small letters, with spaces.
IN_VAIN: Final = frozenset(
    (MOOT, "unreachable", "not reached", "duplicate", "not needed", "no action", "false alarm", "spam", "none")
)  # fmt: skip


def earned(task: FollowUp) -> Iterator[str]:
    """What each rule that is a reason of a follow-up has of its closing; nothing while it is open."""
    if task.status != CLOSED:
        return
    yield "rule_followups_closed"
    if task.closed_at <= task.due:
        yield "rule_followups_closed_in_time"
    if is_useful(task.resolution):
        yield "rule_followups_useful"
    if task.recovered:
        yield "rule_followups_recovered"


def is_useful(resolution: str | None) -> bool:
    """Does a resolution say that something was done?"""
    if not resolution:
        return False
    return _words(resolution) not in IN_VAIN


def _words(resolution: str) -> str:
    return " ".join(resolution.lower().replace("_", " ").replace("-", " ").split())


def samples(task: FollowUp) -> list[Sample]:
    """What a follow-up tells the metrics; one that was moot tells nothing of its closing."""
    found: list[Sample] = []
    if task.opened <= 0:  # of a state that did not remember it
        return found
    if task.contacted >= 0:
        found.append((task.contacted, c.FOLLOWUP_CONTACT, max(0, task.contacted - task.opened)))
    if task.status == CLOSED and _words(task.resolution or "") != MOOT:
        at = task.closed_at
        found += ((at, c.FOLLOWUP_CLOSING, max(0, at - task.opened)), (at, c.FOLLOWUPS_CLOSED, 1))
        if at <= task.due:
            found.append((at, c.FOLLOWUPS_IN_TIME, 1))
    return found
