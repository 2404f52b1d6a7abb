"""Rules on a number of events within a span."""

from __future__ import annotations

from bisect import bisect_right

import msgspec

from pipeline.events.model import Data, Event, type_name
from pipeline.rules.alerts import Alerts, reason
from pipeline.rules.compiled import CountRule, getter
from pipeline.rules.cooldown import Once
from pipeline.span import duration
from pipeline.state.store import Ref, Remembered
from pipeline.step import CORRECTION, Step

#: So many matches of a key are kept at most.
MOST = 256


class Hits(Remembered, kw_only=True):
    """Matches of one key and part, in order of (time, arrival): (time, event id, source)."""

    hits: list[tuple[int, str, str]] = msgspec.field(default_factory=list)


class CountEpisodes:
    """Fires when at_least matches lie less than `within` apart, at the time of the last of them."""

    def __init__(self, rule: CountRule, step: Step, alerts: Alerts) -> None:
        self._rule, self._step, self._alerts = rule, step, alerts
        self._once = Once(rule, step)
        self._matches = rule.when.predicate()
        self._part = getter(rule.same) if rule.same else None
        self._kept = rule.within + CORRECTION
        self._name = type_name(rule.when.event).removeprefix("cx.")

    def on_event(self, event: Event, data: Data, at: int, key: str) -> None:
        """Judge one event of the rule's type. at: ms; key: customer or review."""
        if not self._matches(data):
            return
        ref = (self._rule.id, key, str(self._part(data)) if self._part else "")
        record = self._step.store.get(ref)
        hits = list(record.hits) if isinstance(record, Hits) else []
        place = bisect_right(hits, at, key=lambda hit: hit[0])
        hits.insert(place, (at, event.id, event.source))
        self._keep(ref, hits[-MOST:])
        run = self._earliest_run(hits, place)
        if run is None or self._once.holds(key, run[-1][0]):
            return
        at, event_id, source = run[-1]
        within = duration(self._rule.within)
        why = reason(
            f"{self._name} {len(run)} times within {within}", [hit[1] for hit in run], len(run),
            f">= {self._rule.at_least} in {within}",
        )  # fmt: skip
        held = self._once.held(key)
        alert_id = self._alerts.fire(self._rule, key, event.subject, f"{source}#{event_id}", at, [why], held)
        self._once.fired(key, at, alert_id)

    def on_wake(self, ref: Ref, record: Remembered, due: int) -> None:
        """Forget the matches that nothing can complete any more."""
        assert isinstance(record, Hits)
        self._keep(ref, [hit for hit in record.hits if hit[0] + self._kept > due])

    def _earliest_run(
        self, hits: list[tuple[int, str, str]], place: int
    ) -> list[tuple[int, str, str]] | None:
        """The earliest run of at_least consecutive matches that holds the one at `place` and is short enough."""
        n = self._rule.at_least
        for first in range(max(0, place - n + 1), min(place, len(hits) - n) + 1):
            run = hits[first : first + n]
            if run[-1][0] - run[0][0] < self._rule.within:
                return run
        return None

    def _keep(self, ref: Ref, hits: list[tuple[int, str, str]]) -> None:
        if hits:
            record = self._step.store.get(ref)
            kept = record if isinstance(record, Hits) else Hits()
            kept.hits = hits
            self._step.store.put(ref, kept, hits[0][0] + self._kept)
        else:
            self._step.store.drop(ref)
