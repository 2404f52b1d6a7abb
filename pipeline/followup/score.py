"""The score card of a rule: what became of its alerts and of the follow-ups that they asked for."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Final

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
#: Resolutions that say that nothing was done, or had to be; in small letters, with spaces.
IN_VAIN: Final = frozenset(
    ("moot", "unreachable", "not reached", "duplicate", "not needed", "no action", "false alarm", "spam", "none")
)  # fmt: skip


def earned(task: FollowUp) -> Iterator[str]:
    """What each rule that is a reason of a follow-up has of its closing; nothing while it is open."""
    if task.status != CLOSED:
        return
    yield "rule_followups_closed"
    if task.closed_at <= task.due:
        yield "rule_followups_closed_in_time"
    if (
        task.resolution
        and " ".join(task.resolution.lower().replace("_", " ").replace("-", " ").split()) not in IN_VAIN
    ):
        yield "rule_followups_useful"
    if task.recovered:
        yield "rule_followups_recovered"
