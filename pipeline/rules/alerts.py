"""The life of an alert as events: fired, escalated, resolved, retracted."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence
from typing import Any, Final

from pipeline.effects import ALERTS, TOUCHPOINTS
from pipeline.events.codec import moment
from pipeline.rules.compiled import AnyRule, Kind, Role
from pipeline.rules.condition import said
from pipeline.rules.pattern import Pattern
from pipeline.step import Step

#: Alerts that last until something happens; the others state what happened and end with their follow-up.
LASTING: Final = (Kind.ABSENCE, Kind.METRIC, Kind.SILENCE)
#: Alerts about what is only known when time has passed: the clock of a follow-up starts there, not with an event.
_OF_TIME: Final = (*LASTING, Kind.FIRST)


def derived_id(prefix: str, *parts: str) -> str:
    """An id that is the same wherever it is made."""
    return f"{prefix}-{hashlib.blake2b(chr(0).join(parts).encode(), digest_size=10).hexdigest()}"


def reason(text: str, events: Sequence[str], value: Any, limit: str) -> dict[str, Any]:
    """One reason, as a person can read it and a program can check it."""
    return {"text": text, "events": list(events), "value": value, "limit": limit}


def met(event_id: str, pattern: Pattern, values: Sequence[Any]) -> list[dict[str, Any]]:
    """A reason for each condition that an event met. values: see `Pattern.values`."""
    return [
        reason(f"{name} is {said(value)} ({comparison.words})", [event_id], value, str(comparison))
        for name, comparison, value in pattern.met(values)
    ]


class Alert:
    """An alert's identity, where it belongs, and what it says.

    start: ms at which the clock of its follow-up starts. text: its reasons in words.
    """

    def __init__(
        self, alert_id: str, rule: AnyRule, key: str, subject: str | None, at: int, start: int, text: str, title: str,
        message: str,
    ) -> None:  # fmt: skip
        self.alert_id, self.rule, self.key, self.subject = alert_id, rule, key, subject
        self.at, self.start, self.text, self.title, self.message = at, start, text, title, message


class Alerts:
    """Writes alerts, and tells the follow-ups.

    on_fired, on_retracted: called for rules with a follow-up that is kept on this shard.
    hand_over: a review's shard hands such alerts to the customer's shard instead.
    """

    def __init__(
        self, step: Step, on_fired: Callable[[Alert], None], on_retracted: Callable[[Alert, int], None],
        hand_over: bool,
    ) -> None:  # fmt: skip
        self._step, self._on_fired, self._on_retracted = step, on_fired, on_retracted
        self._hand_over = hand_over

    def fire(
        self, rule: AnyRule, key: str, subject: str | None, episode: str, at: int, reasons: list[dict[str, Any]],
        held: int = 0, start: int = 0, values: Sequence[str] = (),
    ) -> str:  # fmt: skip
        """Fire, and return the alert's id.

        start: ms before which the clock of its follow-up does not start. values: of what the rule's texts show.
        """
        alert = self._alert(rule, key, subject, episode, at, "; ".join(r["text"] for r in reasons), values)
        alert.start = max(alert.start, start)
        extra: dict[str, Any] = {"held": held} if held else {}
        if alert.message:
            extra["message"] = alert.message
        event = self._event(alert, "fired", at, reasons, extra)
        self._write(alert, event)
        self._step.count(f"fired.{rule.id}")
        self._step.level("rule_alerts", rule.id, 1)
        if rule.kind in LASTING:
            self._step.level("episodes_open", rule.id, 1)
        if rule.plan is not None:
            self._tell(alert, event, lambda: self._on_fired(alert))
        return alert.alert_id

    def resolve(
        self,
        rule: AnyRule,
        key: str,
        subject: str | None,
        episode: str,
        at: int,
        code: str,
        why: dict[str, Any],
        values: Sequence[str] = (),
    ) -> None:
        """End a lasting alert."""
        alert = self._alert(rule, key, subject, episode, at, "", values)
        self._write(alert, self._event(alert, "resolved", at, [why], {"code": code}))
        self._step.level("episodes_open", rule.id, -1)

    def retract(
        self, rule: AnyRule, key: str, subject: str | None, episode: str, code: str, why: dict[str, Any],
        values: Sequence[str] = (), *, is_open: bool,
    ) -> str:  # fmt: skip
        """Take back an alert that late truth showed to be wrong; returns its id. is_open: it was not resolved."""
        at = self._step.latest
        alert = self._alert(rule, key, subject, episode, at, "", values)
        event = self._event(alert, "retracted", at, [why], {"code": code})
        self._write(alert, event)
        self._step.level("rule_alerts", rule.id, -1)
        if is_open:
            self._step.level("episodes_open", rule.id, -1)
        if rule.plan is not None:
            self._tell(alert, event, lambda: self._on_retracted(alert, at))
        return alert.alert_id

    def withdraw(self, rule_id: str, key: str, subject: str | None, episode: str) -> None:
        """End a lasting alert of a rule that is no longer there."""
        alert_id, at = derived_id("a", rule_id, key, episode), self._step.latest
        why = reason("its rule is no longer there", [], None, "")
        event = alert_event(
            alert_id, "resolved", at, subject, rule_id, key, "info", f"The rule {rule_id} is no longer there.", [why],
            self._step.rules_version, {"code": "withdrawn"},
        )  # fmt: skip
        self._step.emit(ALERTS, subject or f"{rule_id}|{key}", event)
        self._step.level("episodes_open", rule_id, -1)

    def _alert(
        self,
        rule: AnyRule,
        key: str,
        subject: str | None,
        episode: str,
        at: int,
        text: str,
        values: Sequence[str],
    ) -> Alert:
        start = at if rule.kind in _OF_TIME else max(at, self._step.watermark)
        title, message = rule.texts.say(values, key, subject, text)
        return Alert(
            derived_id("a", rule.id, key, episode), rule, key, subject, at, start, text, title, message
        )

    def _event(
        self, alert: Alert, change: str, at: int, reasons: list[dict[str, Any]], extra: dict[str, Any]
    ) -> dict[str, Any]:
        if alert.rule.shadow:
            extra = {**extra, "shadow": True}
        return alert_event(
            alert.alert_id, change, at, alert.subject, alert.rule.id, alert.key, alert.rule.severity, alert.title,
            reasons, self._step.rules_version, extra,
        )  # fmt: skip

    def _write(self, alert: Alert, event: dict[str, Any]) -> None:
        self._step.emit(ALERTS, alert.subject or f"{alert.rule.id}|{alert.key}", event)

    def _tell(self, alert: Alert, event: dict[str, Any], here: Callable[[], None]) -> None:
        if self._hand_over and alert.subject is not None and alert.rule.role is Role.REVIEW:
            data = {**event["data"], "start": moment(alert.start), "text": alert.text}
            self._step.emit(
                TOUCHPOINTS, alert.subject, {**event, "forwardedfrom": self._step.place, "data": data}
            )
        else:
            here()


def alert_event(
    alert_id: str, change: str, at: int, subject: str | None, rule: str, key: str, severity: str, title: str,
    reasons: Sequence[dict[str, Any]], rules_version: str, extra: dict[str, Any],
) -> dict[str, Any]:  # fmt: skip
    """One step in the life of an alert, as a CloudEvent. change: such as "fired" or "escalated/2"."""
    event: dict[str, Any] = {
        "specversion": "1.0",
        "id": f"{alert_id}/{change}",
        "source": f"/cxloop/rules/{rule}",
        "type": f"cx.alert.{change.partition('/')[0]}",
        "time": moment(at),
    }
    if subject is not None:
        event["subject"] = subject
    data: dict[str, Any] = {
        "alert_id": alert_id, "rule": rule, "key": key, "severity": severity, "title": title,
        "reasons": reasons, "rules_version": rules_version,
    }  # fmt: skip
    if extra:
        data.update(extra)
    event["data"] = data
    return event
