"""Rules on a single event."""

from __future__ import annotations

from pipeline.events.model import Data, Event
from pipeline.rules.alerts import Alerts, met
from pipeline.rules.compiled import EventRule
from pipeline.rules.cooldown import Once
from pipeline.step import Step


class EventEpisodes:
    """Fires at the time of every match that no cooldown holds."""

    def __init__(self, rule: EventRule, step: Step, alerts: Alerts) -> None:
        self._rule, self._alerts = rule, alerts
        self._once = Once(rule, step)
        self._matches = rule.when.predicate()

    def on_event(self, event: Event, data: Data, at: int, key: str) -> None:
        """Judge one event of the rule's type. at: ms; key: customer or review."""
        if not self._matches(data) or self._once.holds(key, at):
            return
        when = self._rule.when
        reasons = met(event.id, when.conditions, when.values(data))
        episode = f"{event.source}#{event.id}"
        alert_id = self._alerts.fire(
            self._rule, key, event.subject, episode, at, reasons, self._once.held(key)
        )
        self._once.fired(key, at, alert_id)
