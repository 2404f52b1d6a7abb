"""Rules on a number of events within a span."""

from __future__ import annotations

from bisect import insort
from typing import Final

from pipeline.events.model import Data, Event, ReviewData, type_name
from pipeline.rules.alerts import Alerts, reason
from pipeline.rules.compiled import CountRule, Role, getter
from pipeline.rules.cooldown import Once
from pipeline.span import duration
from pipeline.state.records import Hit, Hits, Ref, Remembered
from pipeline.step import CORRECTION, Step

#: So many matches of a key and part are kept at most.
MOST: Final = 256


class CountEpisodes:
    """Fires when at_least matches lie less than `within` apart, at the time of the last of them."""

    def __init__(self, rule: CountRule, step: Step, alerts: Alerts) -> None:
        self._rule, self._step, self._alerts = rule, step, alerts
        self._once = Once(rule, step, apart=rule.within)
        self._matches = rule.when.predicate()
        self._part = getter(rule.same) if rule.same else None
        self._counts_versions = rule.role is Role.REVIEW or rule.same == "review_id"
        self._kept = rule.within + CORRECTION
        self._name = type_name(rule.when.event).removeprefix("cx.")

    def on_event(self, event: Event, data: Data, at: int, key: str) -> None:
        """Judge one event of the rule's type. at: ms; key: customer or review."""
        matches = self._matches(data)
        review = data.review_id if isinstance(data, ReviewData) and not self._counts_versions else ""
        if not matches and not review:
            return
        part = str(self._part(data)) if self._part else ""
        # An edit may change the part, so the reviews of a key are kept together.
        ref = (self._rule.id, key, "" if review else part)
        record = self._step.store.get(ref)
        hits = list(record.hits) if isinstance(record, Hits) else []
        if review:
            hits = [hit for hit in hits if hit.review != review]
        new = Hit(at, event.id, event.source, review, part if review else "")
        if matches:
            insort(hits, new, key=lambda hit: hit.at)
        self._keep(ref, hits[-MOST:])
        if matches:
            self._judge([hit for hit in hits if hit.part == new.part], new, event, key, part)

    def on_wake(self, ref: Ref, record: Remembered, due: int) -> None:
        """Forget the matches that nothing can complete any more."""
        assert isinstance(record, Hits)
        self._keep(ref, [hit for hit in record.hits if hit.at + self._kept > due])

    def _judge(self, hits: list[Hit], new: Hit, event: Event, key: str, part: str) -> None:
        """Fire if the new match completes a run."""
        run = self._earliest_run(hits, new)
        if run is None or run[-1].fired or self._once.holds(key, run[-1].at, part):
            return
        last, within = run[-1], duration(self._rule.within)
        last.fired = True
        why = reason(
            f"{self._name} {len(run)} times within {within}", [hit.event_id for hit in run], len(run),
            f">= {self._rule.at_least} in {within}",
        )  # fmt: skip
        held, episode = self._once.held(key, part), f"{last.source}#{last.event_id}"
        alert_id = self._alerts.fire(self._rule, key, event.subject, episode, last.at, [why], held)
        self._once.fired(key, last.at, alert_id, part)

    def _earliest_run(self, hits: list[Hit], new: Hit) -> list[Hit] | None:
        """The earliest run of at_least consecutive matches that holds the new one and is short enough."""
        n, place = self._rule.at_least, next(place for place, hit in enumerate(hits) if hit is new)
        for first in range(max(0, place - n + 1), min(place, len(hits) - n) + 1):
            run = hits[first : first + n]
            if run[-1].at - run[0].at < self._rule.within:
                return run
        return None

    def _keep(self, ref: Ref, hits: list[Hit]) -> None:
        if hits:
            record = self._step.store.get(ref)
            kept = record if isinstance(record, Hits) else Hits()
            kept.hits = hits
            self._step.store.put(ref, kept, hits[0].at + self._kept)
        else:
            self._step.store.drop(ref)
