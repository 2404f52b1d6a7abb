"""Rules on a number of events within a span."""

from __future__ import annotations

from bisect import insort

from pipeline.events.model import Data, Event, ReviewData, type_name
from pipeline.rules.alerts import Alerts, reason
from pipeline.rules.compiled import CountRule, Role, getter
from pipeline.rules.cooldown import Once
from pipeline.rules.timeline import MOST, Timeline
from pipeline.span import duration
from pipeline.state.records import Hit, Hits, Ref, Remembered
from pipeline.step import CORRECTION, Step


class CountEpisodes:
    """Fires when at_least matches lie less than `within` apart, at the time of the last of them."""

    def __init__(self, rule: CountRule, step: Step, alerts: Alerts) -> None:
        self._rule, self._step, self._alerts = rule, step, alerts
        self._once = Once(rule, step, apart=rule.within)
        self._matches = rule.when.predicate()
        self._part = getter(rule.same) if rule.same else None
        self._counts_versions = rule.role is Role.REVIEW or rule.same == "review_id"
        self._kept = rule.within + CORRECTION
        self._timeline = Timeline(rule.id, step.store, rule.at_least, rule.within, self._kept)
        self._name = type_name(rule.when.event).removeprefix("cx.")
        #: Where old matches are remembered, beside the rule's id.
        self.past = self._timeline.past

    def on_event(self, event: Event, data: Data, at: int, key: str) -> None:
        """Judge one event of the rule's type. at: ms; key: customer or review."""
        matches = self._matches(data)
        if isinstance(data, ReviewData) and not self._counts_versions:
            self._on_version(event, data, at, key, matches)
        elif matches:
            new = Hit(at, event.id, event.source)
            part = str(self._part(data)) if self._part else ""
            fired = self._judge(self._timeline.add(key, part, new), new, event, key, part)
            if fired is not None:
                self._timeline.changed(key, part, fired)

    def on_wake(self, ref: Ref, record: Remembered, due: int) -> None:
        """Forget the matches that nothing can complete any more."""
        assert isinstance(record, Hits)
        self._timeline.forget(ref, record, due)

    def _on_version(self, event: Event, data: ReviewData, at: int, key: str, matches: bool) -> None:
        """Judge a review, which takes the place of its older versions: they are few, and all in one record.

        An edit may change the part, so the reviews of a key are kept together.
        """
        ref = (self._rule.id, key, "")
        record = self._step.store.get(ref)
        before = record.hits if isinstance(record, Hits) else []
        hits = [hit for hit in before if hit.review != data.review_id]
        part = str(self._part(data)) if self._part else ""
        new = Hit(at, event.id, event.source, data.review_id, part)
        if matches:
            insort(hits, new, key=lambda hit: hit.at)
        if hits:
            kept = record if isinstance(record, Hits) else Hits()
            kept.hits = hits[-MOST:]
            self._step.store.put(ref, kept, kept.hits[0].at + self._kept)
        else:
            self._step.store.drop(ref)
        if matches:
            self._judge([hit for hit in hits if hit.part == part], new, event, key, part)

    def _judge(self, hits: list[Hit], new: Hit, event: Event, key: str, part: str) -> Hit | None:
        """Fire if the new match completes a run; returns the match with which it ended."""
        run = self._earliest_run(hits, new)
        if run is None or run[-1].fired or self._once.holds(key, run[-1].at, part):
            return None
        last, within = run[-1], duration(self._rule.within)
        last.fired = True
        why = reason(
            f"{self._name} {len(run)} times within {within}", [hit.event_id for hit in run], len(run),
            f">= {self._rule.at_least} in {within}",
        )  # fmt: skip
        held, episode = self._once.held(key, part), f"{last.source}#{last.event_id}"
        alert_id = self._alerts.fire(self._rule, key, event.subject, episode, last.at, [why], held)
        self._once.fired(key, last.at, alert_id, part)
        return last

    def _earliest_run(self, hits: list[Hit], new: Hit) -> list[Hit] | None:
        """The earliest run of at_least consecutive matches that holds the new one and is short enough."""
        n = self._rule.at_least
        if len(hits) < n:
            return None
        place = next(place for place, hit in enumerate(hits) if hit is new)
        for first in range(max(0, place - n + 1), min(place, len(hits) - n) + 1):
            if hits[first + n - 1].at - hits[first].at < self._rule.within:
                return hits[first : first + n]
        return None
