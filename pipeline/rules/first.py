"""Rules on values that are new."""

from __future__ import annotations

from typing import Final

from pipeline.metrics.room import OTHER
from pipeline.metrics.window import window
from pipeline.rules.alerts import Alerts, reason
from pipeline.rules.compiled import FirstRule
from pipeline.rules.look import Now
from pipeline.rules.metric import alert_key, series_text, shown_of
from pipeline.span import DAY, WEEK, duration
from pipeline.state.records import Familiar, Series
from pipeline.state.ref import ref_of
from pipeline.state.timers import NEVER
from pipeline.step import Step

#: What is counted for less than so long tells nobody what is new (ms).
LEARNS: Final = WEEK


class FirstEpisodes:
    """Fires when a value comes that was not there for so long. What comes more than a day late is not looked at."""

    def __init__(self, rule: FirstRule, step: Step, alerts: Alerts) -> None:
        self._rule, self._step, self._alerts = rule, step, alerts
        self.id, self.by = rule.id, rule.matches.dimensions
        self.window = window(DAY)

    def judge(self, series: Series, now: Now) -> None:
        """Look at a value when what is counted of it has changed."""
        _, (field, value) = series
        ref = ref_of(self._rule.id, series_text(series))
        found = self._step.store.get(ref)
        is_there = now.totals[self.window].get(series, {}).get(self._rule.matches.count, 0) > 0
        if not is_there:
            if found is not None and found.wake == NEVER:  # the last one has just left the window
                self._step.store.put(ref, found, now.at - self.window.length + self._rule.within)
            return
        if value == OTHER:
            return
        if found is None and now.at - now.since.get(self._rule.matches.name, now.at) >= LEARNS:
            name, within = self._rule.matches.pattern.name, duration(self._rule.within)
            text = f"no {name} has had the {field} {value} for {within}, or ever"
            why = reason(text, [], value, f"new for {within}")
            self._alerts.fire(
                self._rule,
                alert_key(name, series),
                None,
                str(now.at),
                now.at,
                [why],
                values=shown_of(self._rule, series),
            )
        self._step.store.put(ref, Familiar(), NEVER)
