"""Rules on a single event."""

from __future__ import annotations

from pipeline.events.model import Data, Event
from pipeline.rules.alerts import Alerts, met
from pipeline.rules.compiled import EventRule
from pipeline.rules.cooldown import Once
from pipeline.rules.history import Known
from pipeline.step import Step


class EventEpisodes:
    """Fires at the time of every match that no cooldown holds."""

    def __init__(self, rule: EventRule, step: Step, alerts: Alerts, known: Known) -> None:
        self._rule, self._alerts, self._known = rule, alerts, known
        self._once = Once(rule, step)
        self._matches = rule.when.predicate()

    def on_event(self, event: Event, data: Data, at: int, key: str) -> None:
        """Judge one event of the rule's type. at: ms; key: customer or review."""
        if not self._matches(data):
            return
        known = self._known.reasons(key, at, data)
        if known is None or self._once.holds(key, at):
            return
        when = self._rule.when
        reasons = [*met(event.id, when, when.values(data)), *known]
        episode = f"{event.source}#{event.id}"
        alert_id = self._alerts.fire(
            self._rule, key, event.subject, episode, at, reasons, self._once.held(key),
            values=self._rule.texts.read(data),
        )  # fmt: skip
        self._once.fired(key, at, alert_id)
