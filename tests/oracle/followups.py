"""The life of follow-ups: at most one open for a key, and only the latest is remembered."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial
from typing import Any

from tests.oracle.measured.sample import Acted
from tests.oracle.reading import DAY, Event
from tests.oracle.rules import PRIORITY, Alert, Outputs, after, derived

REMEMBERED = 30 * DAY
REASONS = 50
PRIORITIES = ["low", "normal", "high"]

# Due; of equals: the rule's id (or "@followup"), the key and the value of `same`; of these: arrival; what happens.
Timer = tuple[int, tuple[str, str, str], int, Callable[[], None]]


def next_of(timers: list[Timer]) -> Timer:
    """Which of them is next."""
    return min(timers, key=lambda timer: timer[:3])


@dataclass
class Ladder:
    """The escalation of one alert. steps: when, and to whom."""

    alert: Alert
    steps: list[tuple[int, str]]
    taken: int = 0


@dataclass
class FollowUp:
    id: str
    key: str
    rule: str  # that opened it
    of_customer: bool
    policy: dict[str, Any]
    due: int | None
    start: int  # of its clock
    priority: str
    reasons: list[Alert] = field(default_factory=list)
    ladders: list[Ladder] = field(default_factory=list)
    said: int = 0  # events of its life so far
    open: bool = True
    taken: bool = False
    contacted: bool = False
    overdue: bool = False
    closed_at: int = 0


class FollowUps:
    def __init__(self, outputs: Outputs, zone: str) -> None:
        self.outputs = outputs
        self.zone = zone
        self.all: list[FollowUp] = []

    def latest(self, key: str) -> FollowUp | None:
        return next((f for f in reversed(self.all) if f.key == key), None)

    def say(self, f: FollowUp, what: str, time: int, **more: Any) -> None:
        f.said += 1
        self.outputs.followups.append(
            {"type": what, "id": f"{f.id}/{f.said}", "key": f.key, "time": time, "due": f.due}
            | {"priority": f.priority, "alert_ids": [alert.id for alert in f.reasons]}
            | more
        )

    def fired(self, alert: Alert, key: str) -> None:
        """Open a follow-up for an alert that asks for one, or add to the one that is open."""
        policy = alert.follow_up
        if policy is None:
            return
        due = after(alert.start, policy["due"], self.zone) if policy.get("due") else None
        steps = [(after(alert.start, s["after"], self.zone), s["to"]) for s in policy.get("escalate") or []]
        f = self.latest(key)
        if f is not None and f.open and len(f.reasons) >= REASONS:
            return
        if f is not None and f.open:
            f.reasons.append(alert)
            if not f.contacted:
                f.ladders.append(Ladder(alert, steps))
            f.priority = max(f.priority, PRIORITY[alert.severity], key=PRIORITIES.index)
            if due is not None and (f.due is None or due < f.due):
                f.due = due
            self.say(f, "updated", alert.time, change="reason_added")
            return
        f = FollowUp(
            "f-" + derived(key, alert.id), key, alert.rule, alert.customer is not None, policy, due, alert.start, PRIORITY[alert.severity], [alert]
        )  # fmt: skip
        f.ladders.append(Ladder(alert, steps))
        self.all.append(f)
        self.say(f, "opened", alert.start)

    def retracted(self, alert: Alert, time: int) -> None:
        for f in self.all:
            if f.open and alert.id in [reason.id for reason in f.reasons]:
                f.reasons = [reason for reason in f.reasons if reason.id != alert.id]
                self.say(f, "updated", time, change="reason_removed")
                if not f.reasons and not f.taken:
                    self.close(f, time, resolution="moot")

    def close(self, f: FollowUp, time: int, **more: Any) -> None:
        f.closed_at = time if f.open else f.closed_at
        f.open, f.ladders = False, []
        self.say(f, "closed", time, **more)

    def acted(self, event: Event) -> Acted | None:
        """The follow-up that an agent did something about, as it is."""
        f = self.latest(event.subject or "")
        closed = None if f is None or f.open else f.closed_at
        return Acted(f.id, f.policy["team"], f.rule, f.start, f.due, closed) if f is not None else None

    def agent(self, event: Event, watermark: int) -> str | None:
        """What an agent did. → the reason why that cannot be, or None."""
        what = event.type.removeprefix("followup.")
        f = self.latest(event.subject or "")
        if f is None or f.id != event.data["followup_id"]:
            return "followup.unknown"
        if not f.open and f.closed_at + REMEMBERED < watermark:
            return "followup.unknown"
        if what == "closed":
            was_open = f.open
            self.close(f, event.time, resolution=event.data.get("resolution"))
            for alert in f.reasons if was_open else []:
                if alert.kind in ("event", "count") and alert.state == "firing":
                    self.outputs.resolve(alert, event.time, "followup_closed")
            return None
        if what == "reopened" and not f.open:
            f.open, f.contacted, f.overdue = True, False, False
            f.due = after(event.time, f.policy["due"], self.zone) if f.policy.get("due") else None
        if what in ("assigned", "contacted"):
            f.taken = True
        if what == "contacted":
            f.contacted, f.ladders = True, []
        self.say(f, what, event.time)
        return None

    def timers(self, before: int) -> list[Timer]:
        """What is due before a moment."""
        timers: list[Timer] = []
        for f in self.all:
            name = ("@followup" if f.of_customer else "@followup-without-customer", f.key, "")
            if f.open and not f.contacted and not f.overdue and f.due is not None and f.due < before:
                timers.append((f.due, name, 0, partial(self.overdue, f)))
            for ladder in f.ladders:
                due = ladder.steps[ladder.taken][0] if ladder.taken < len(ladder.steps) else before
                if due < before and ladder.alert in f.reasons:
                    timers.append((due, name, 0, partial(self.escalate, ladder)))
        return timers

    def overdue(self, f: FollowUp) -> None:
        f.overdue = True
        assert f.due is not None
        self.say(f, "updated", f.due, change="overdue")

    def escalate(self, ladder: Ladder) -> None:
        time, to = ladder.steps[ladder.taken]
        ladder.taken += 1
        self.outputs.alert(ladder.alert, "escalated", time, to=to, step=ladder.taken)
