"""The follow-ups of a shard: opened by alerts, moved by what agents do and by their clocks."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Final

from pipeline.effects import ALERTS
from pipeline.effects import FOLLOW_UPS as TOPIC
from pipeline.events.codec import Rejection, moment
from pipeline.events.model import (
    Event,
    FollowUpAssigned,
    FollowUpClosed,
    FollowUpContacted,
    FollowUpData,
    FollowUpReopened,
    type_name,
)
from pipeline.followup.clocks import BusinessClock
from pipeline.followup.score import MOOT, earned, is_useful, samples
from pipeline.metrics.catalogue import RULE
from pipeline.metrics.sample import Sample, differences
from pipeline.rules.alerts import LASTING, Alert, alert_event, derived_id, reason
from pipeline.rules.compiled import AnyRule, Plan
from pipeline.span import DAY, Span
from pipeline.state.records import ASSIGNED, CLOSED, CONTACTED, OPEN, FollowUp, Reason, Remembered
from pipeline.state.ref import Ref, key_of, ref_of
from pipeline.state.timers import NEVER
from pipeline.step import Step

PRIORITIES = ("low", "normal", "high")
_OF_SEVERITY: Mapping[str, str] = {"info": "low", "warning": "normal", "critical": "high"}
#: A closed follow-up is remembered so long (ms), so that it can be reopened.
REMEMBERED: Final = 30 * DAY

#: A follow-up has at most so many reasons; who it is about has been heard by then.
MOST_REASONS: Final = 50


class FollowUps:
    """All follow-ups of one shard, at most one open for a key."""

    def __init__(
        self, step: Step, rules: Mapping[str, AnyRule], clock: BusinessClock,
        helped: Callable[[str, int, str, str], None] | None = None,
    ) -> None:  # fmt: skip
        """helped: is told when something was done for a customer: who, when (ms), by which team, for which rule."""
        self._step, self._rules, self._clock, self._helped = step, rules, clock, helped

    def alert_fired(self, alert: Alert) -> None:
        """Open a follow-up, or add a reason to the one that is open. Rules without a plan open nothing."""
        plan = alert.rule.plan
        if plan is None:
            return
        ref = _ref(alert.key if alert.subject is None else alert.subject, alert.subject is not None)
        due = self._clock.deadline(alert.start, plan.due)
        priority = _OF_SEVERITY[alert.rule.severity]
        why = self._reason(alert, plan)
        task = self._step.store.get(ref)
        if task is not None and isinstance(task, FollowUp) and task.status != CLOSED:
            if len(task.reasons) >= MOST_REASONS:
                return
            self._set_reasons(task, [*task.reasons, why])
            task.priority = max(task.priority, priority, key=PRIORITIES.index)
            task.due = min(task.due, due)
            self._write(ref, task, "updated", alert.at, "reason_added")
        else:
            followup_id = derived_id("f", key_of(ref), alert.alert_id)
            task = FollowUp(
                followup_id=followup_id, rule=alert.rule.id, subject=alert.subject, team=plan.team, priority=priority,
                due=due, allowance=(plan.due.millis, plan.due.business), reasons=[], opened=alert.start,
            )  # fmt: skip
            self._set_reasons(task, [why])
            self._step.level("followups_open", task.team, 1)
            self._step.count(f"followups.{alert.rule.id}")
            self._write(ref, task, "opened", alert.start)
        if alert.rule.kind not in LASTING:
            self._step.level("episodes_open", alert.rule.id, 1)

    def alert_retracted(self, alert: Alert, at: int) -> None:
        """Take a reason out; a follow-up without reasons that nobody has taken is moot."""
        ref = _ref(alert.key if alert.subject is None else alert.subject, alert.subject is not None)
        task = self._step.store.get(ref)
        if not isinstance(task, FollowUp) or task.status == CLOSED:
            return
        left = [why for why in task.reasons if why.alert_id != alert.alert_id]
        if len(left) == len(task.reasons):
            return
        self._leave(ref, task, left, at)

    def withdraw(self, ref: Ref, task: FollowUp) -> None:
        """Take out the reasons whose rule is no longer there."""
        at = self._step.latest
        left = [why for why in task.reasons if why.rule in self._rules]
        if task.status == CLOSED or len(left) == len(task.reasons):
            return
        for why in task.reasons:
            if why.rule not in self._rules and why.kind not in LASTING and not why.ended:
                self._step.level("episodes_open", why.rule, -1)
        self._leave(ref, task, left, at)

    def agent_acted(self, event: Event, data: FollowUpData, at: int) -> bool:
        """Take what somebody did. False: it fits no follow-up that is known here."""
        customer = event.subject is not None
        key = event.subject if event.subject is not None else data.key
        ref = _ref(key or "", customer)
        task = self._step.store.get(ref)
        if not isinstance(task, FollowUp) or task.followup_id != data.followup_id:
            return False
        before = samples(task)
        task.agent = data.agent if data.agent is not None else task.agent
        if isinstance(event, FollowUpContacted) and (task.contacted < 0 or at < task.contacted):
            task.contacted = at
        if isinstance(event, FollowUpReopened):
            self._reopen(ref, task, at)
        elif task.status == CLOSED:
            if isinstance(event, FollowUpClosed):  # as moot, perhaps, while somebody was at it
                self._score(task, -1)
                task.resolution, task.cause, task.recovered = data.resolution, data.cause, data.recovered
                self._score(task, 1)
            self._write(ref, task, type_name(event.__class__).rpartition(".")[2], at)
        elif isinstance(event, FollowUpClosed):
            task.resolution, task.cause, task.recovered = data.resolution, data.cause, data.recovered
            self._close(ref, task, at)
        elif isinstance(event, FollowUpContacted):
            task.status = CONTACTED
            self._stop(task)
            self._write(ref, task, "contacted", at)
        elif isinstance(event, FollowUpAssigned):
            task.status = ASSIGNED if task.status == OPEN else task.status
            self._write(ref, task, "assigned", at)
        else:
            return False
        self._measure(task, before)
        helps = isinstance(event, FollowUpContacted) or (
            isinstance(event, FollowUpClosed) and is_useful(data.resolution)
        )
        if helps and self._helped is not None and task.subject is not None:
            self._helped(task.subject, at, task.team, task.rule)
        return True

    def unknown(self, event: Event, data: FollowUpData, value: bytes | None) -> None:
        """Say that an agent's event fits nothing."""
        about = event.subject if event.subject is not None else data.key
        error = f'no follow-up "{data.followup_id}" is known for "{about}" - at `$.data.followup_id`'
        self._step.reject(Rejection("followup.unknown", error), value)

    def on_wake(self, ref: Ref, record: Remembered, due: int) -> None:
        """The earliest of: overdue, a step of escalation, the end of a closed follow-up's memory."""
        assert isinstance(record, FollowUp)
        task = record
        if task.status == CLOSED:
            if task.closed_at + REMEMBERED <= due:
                self._step.store.drop(ref)
            return
        running = _runs(task)
        if running and not task.overdue and task.due <= due:
            task.overdue = True
            self._step.level("followups_overdue", task.team, 1)
            self._write(ref, task, "updated", task.due, "overdue")
        if running:
            for why in task.reasons:
                while why.steps and why.steps[0][1] <= due:
                    number, at, to = why.steps[0]
                    why.steps = why.steps[1:]
                    self._escalate(task, why, number, at, to)
        self._keep(ref, task)

    def _reason(self, alert: Alert, plan: Plan) -> Reason:
        steps = [
            (number, self._clock.deadline(alert.start, after), to)
            for number, (after, to) in enumerate(plan.escalate, 1)
        ]
        steps.sort(key=lambda step: step[1])
        rule = alert.rule
        return Reason(
            alert.alert_id, rule.id, rule.kind, alert.key, rule.severity, alert.title, alert.text, steps,
            message=alert.message,
        )  # fmt: skip

    def _escalate(self, task: FollowUp, why: Reason, number: int, at: int, to: str) -> None:
        told = reason(f"nobody has contacted the customer; {to} is told", [], task.status, "")
        event = alert_event(
            why.alert_id, f"escalated/{number}", at, task.subject, why.rule, why.key, why.severity, why.title,
            [told], self._step.rules_version, {"to": to, "step": number},
        )  # fmt: skip
        self._step.emit(ALERTS, task.subject or f"{why.rule}|{why.key}", event)

    def _close(self, ref: Ref, task: FollowUp, at: int) -> None:
        self._stop(task)
        task.status, task.closed_at = CLOSED, at
        self._step.level("followups_open", task.team, -1)
        self._score(task, 1)
        for why in task.reasons:
            if why.kind in LASTING or why.ended:
                continue
            why.ended = True
            closed = reason(
                f"its follow-up was closed: {task.resolution or 'no resolution given'}", [], None, ""
            )
            event = alert_event(
                why.alert_id, "resolved", at, task.subject, why.rule, why.key, why.severity, why.title,
                [closed], self._step.rules_version, {"code": "followup_closed"},
            )  # fmt: skip
            self._step.emit(ALERTS, task.subject or f"{why.rule}|{why.key}", event)
            self._step.level("episodes_open", why.rule, -1)
        self._write(ref, task, "closed", at)

    def _reopen(self, ref: Ref, task: FollowUp, at: int) -> None:
        if task.status == CLOSED:
            self._score(task, -1)
            task.status, task.closed_at, task.resolution, task.cause, task.recovered = (
                OPEN,
                0,
                None,
                None,
                None,
            )
            task.due = self._clock.deadline(at, Span(*task.allowance))
            for why in task.reasons:
                why.steps = []
            self._step.level("followups_open", task.team, 1)
        self._write(ref, task, "reopened", at)

    def _leave(self, ref: Ref, task: FollowUp, left: list[Reason], at: int) -> None:
        """Go on with fewer reasons; without any, one that nobody has taken is moot."""
        self._set_reasons(task, left)
        self._write(ref, task, "updated", at, "reason_removed")
        if not left and task.status == OPEN:
            task.resolution = MOOT
            self._close(ref, task, at)

    def _set_reasons(self, task: FollowUp, reasons: list[Reason]) -> None:
        """Change what an open follow-up is about."""
        before, after = ({why.rule for why in some} for some in (task.reasons, reasons))
        for rule in sorted(before ^ after):
            self._step.level("rule_followups", rule, 1 if rule in after else -1)
        task.reasons = reasons

    def _score(self, task: FollowUp, sign: int) -> None:
        """Give every rule that is a reason of a follow-up what its closing is worth, or (sign -1) take it back."""
        for score in earned(task):
            for rule in dict.fromkeys(why.rule for why in task.reasons):
                self._step.level(score, rule, sign)

    def _measure(self, task: FollowUp, before: list[Sample]) -> None:
        """Count what a follow-up tells now, in total and for its team and rule."""
        for (at, name, n), sign in differences(before, samples(task)):
            for series in ((), (("team", task.team),), ((RULE, task.rule),)):
                self._step.apart(at, series, name, n, sign)

    def _stop(self, task: FollowUp) -> None:
        if task.overdue:
            task.overdue = False
            self._step.level("followups_overdue", task.team, -1)

    def _write(self, ref: Ref, task: FollowUp, change: str, at: int, detail: str | None = None) -> None:
        task.events = events = task.events + 1
        followup_id, reasons = task.followup_id, task.reasons
        data: dict[str, Any] = {
            "followup_id": followup_id, "alert_ids": [why.alert_id for why in reasons], "rule": task.rule, "key": key_of(ref),
            "team": task.team, "priority": task.priority, "due": moment(task.due), "status": task.status,
            "reasons": [_said(why) for why in reasons],
        }  # fmt: skip
        if messages := [why.message for why in reasons if why.message]:
            data["messages"] = list(dict.fromkeys(messages))
        if task.agent is not None:
            data["agent"] = task.agent
        if task.resolution is not None:
            data["resolution"] = task.resolution
        if task.cause is not None:
            data["cause"] = task.cause
        if task.recovered is not None:
            data["recovered"] = task.recovered
        if detail is not None:
            data["change"] = detail
        event: dict[str, Any] = {
            "specversion": "1.0",
            "id": f"{followup_id}/{events}",
            "source": "/cxloop/followups",
            "type": f"cx.followup.{change}",
            "time": moment(at),
        }
        if task.subject is not None:
            event["subject"] = task.subject
        event["data"] = data
        self._step.emit(TOPIC, key_of(ref), event)
        self._keep(ref, task)

    def _keep(self, ref: Ref, task: FollowUp) -> None:
        """Wake at the earliest thing that is still to come; a contacted follow-up waits for people alone."""
        wake = NEVER
        if task.status == CLOSED:
            wake = task.closed_at + REMEMBERED
        elif _runs(task):
            if not task.overdue:
                wake = task.due
            for why in task.reasons:
                if why.steps and why.steps[0][1] < wake:
                    wake = why.steps[0][1]
        self._step.store.put(ref, task, wake)


def _said(why: Reason) -> str:
    """A reason in words: the rule's title, and what met it, where it asked for more than an event of its type."""
    return f"{why.title.removesuffix('.')}: {why.text}" if why.text else why.title


def _runs(task: FollowUp) -> bool:
    """Do its clocks run?"""
    return task.status in (OPEN, ASSIGNED)


def _ref(key: str, customer: bool) -> Ref:
    return ref_of("@followup" if customer else "@followup-without-customer", key)
