"""Alerts and follow-ups as they are now, each made from the records of its life."""

from __future__ import annotations

from collections.abc import Iterable

from msgspec import Struct
from msgspec.structs import replace

from pipeline.observe.records import (
    MAX_REASONS,
    AlertRecord,
    FollowUpRecord,
    milliseconds,
    short,
)

#: A later state may replace an earlier one, never the other way round.
_RANK = {"fired": 0, "escalated": 1, "resolved": 2, "retracted": 3}
#: Alerts in these states still want something.
STANDING = frozenset({"fired", "escalated"})
#: Follow-ups in these states have a deadline that can pass.
ON_THE_CLOCK = frozenset({"open", "assigned"})

_NEVER = 1 << 62


class Alert(Struct, frozen=True, gc=False):
    """An alert as it is now.

    state: fired, escalated, resolved or retracted. changed: event time of that, ms UTC.
    fired: event time of its firing; None when that record was not seen, or has been dropped since.
    reasons: why it fired; none where that record is not there: the later ones do not repeat them.
    code, outcome: why it was escalated, resolved or retracted. to: whom it was escalated to last.
    shadow: of a rule that is being tried; nobody acts on it.
    """

    alert_id: str
    rule: str
    key: str
    customer: str | None
    severity: str
    title: str
    reasons: tuple[str, ...]
    state: str
    changed: int
    fired: int | None = None
    code: str | None = None
    outcome: tuple[str, ...] = ()
    to: str | None = None
    held: int = 0
    shadow: bool = False

    @classmethod
    def read(cls, record: AlertRecord, state: str) -> Alert:
        """What one record says, without what others said before it."""
        data = record.data
        at = milliseconds(record.time)
        texts = _texts(reason.text for reason in data.reasons)
        fired = state == "fired"
        return cls(
            alert_id=short(data.alert_id),
            rule=short(data.rule),
            key=short(data.key),
            customer=None if record.subject is None else short(record.subject),
            severity=short(data.severity),
            title=short(data.title),
            reasons=texts if fired else (),
            state=state,
            changed=at,
            fired=at if fired else None,
            code=None if data.code is None else short(data.code),
            outcome=() if fired else texts,
            to=None if data.to is None else short(data.to),
            held=data.held,
            shadow=data.shadow,
        )

    @property
    def standing(self) -> bool:
        """Nothing has ended it, and somebody should act on it."""
        return self.state in STANDING and not self.shadow

    def merged(self, other: Alert) -> Alert:
        """This and another record of the same alert, in either order."""
        first, last = sorted((self, other), key=lambda one: (_RANK[one.state], one.changed))
        return replace(
            last,
            reasons=first.reasons or last.reasons,
            fired=first.fired if first.fired is not None else last.fired,
            customer=last.customer if last.customer is not None else first.customer,
            to=last.to or first.to,
            held=max(first.held, last.held),
        )


class FollowUp(Struct, frozen=True, gc=False):
    """A follow-up as it is now.

    number: which event of its life this is, from 1. changed, due: ms UTC.
    late: `due` was reported as passed. status: open, assigned, contacted or closed.
    messages: what rules say to whoever acts on it.
    """

    followup_id: str
    number: int
    rule: str
    key: str
    customer: str | None
    team: str
    priority: str
    due: int | None
    status: str
    agent: str | None
    resolution: str | None
    reasons: tuple[str, ...]
    messages: tuple[str, ...]
    changed: int
    late: bool = False

    @classmethod
    def read(cls, record: FollowUpRecord, number: int) -> FollowUp:
        """What one record says, without what others said before it."""
        data = record.data
        return cls(
            followup_id=short(data.followup_id),
            number=number,
            rule=short(data.rule),
            key=short(data.key),
            customer=None if record.subject is None else short(record.subject),
            team=short(data.team),
            priority=short(data.priority),
            due=None if data.due is None else milliseconds(data.due),
            status=short(data.status),
            agent=None if data.agent is None else short(data.agent),
            resolution=None if data.resolution is None else short(data.resolution),
            reasons=_texts(data.reasons),
            messages=_texts(data.messages),
            changed=milliseconds(record.time),
            late=data.change == "overdue",
        )

    def merged(self, other: FollowUp) -> FollowUp:
        """This and another record of the same follow-up, in either order.

        What was overdue stays so until somebody has been in touch, or its clock starts anew with
        a later deadline.
        """
        first, last = sorted((self, other), key=lambda one: one.number)
        anew = first.status not in ON_THE_CLOCK or (last.due or 0) > (first.due or 0)
        return replace(last, late=last.late or (first.late and not anew))

    def overdue(self, now: int | None) -> bool:
        """Its deadline has passed and nobody has been in touch. now: event time, ms UTC."""
        if self.status not in ON_THE_CLOCK:
            return False
        return self.late or (now is not None and self.due is not None and self.due < now)

    def urgency(self, now: int | None) -> tuple[int, int]:
        """A key for sorting: the overdue first, then those due soonest; last those somebody is in touch on."""
        group = 0 if self.overdue(now) else 1 if self.status in ON_THE_CLOCK else 2
        return group, self.due if self.due is not None else _NEVER


def _texts(texts: Iterable[str]) -> tuple[str, ...]:
    return tuple(short(text) for text, _ in zip(texts, range(MAX_REASONS), strict=False))
