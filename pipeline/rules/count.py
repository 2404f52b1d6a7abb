"""Rules on a number of events within a span."""

from __future__ import annotations

from bisect import bisect_right

from pipeline.events.model import Data, Event, ReviewData
from pipeline.rules.alerts import Alerts, reason
from pipeline.rules.compiled import CountRule, Role
from pipeline.rules.cooldown import Once
from pipeline.rules.history import Known
from pipeline.rules.hits import cut, events_of, has_fired, insert, mark_fired, rows, set_events, split, text
from pipeline.rules.pattern import getter
from pipeline.rules.texts import shown
from pipeline.rules.timeline import MOST, Timeline
from pipeline.span import duration
from pipeline.state.records import Hits, Remembered
from pipeline.state.ref import Ref, ref_of
from pipeline.step import CORRECTION, Step


class CountEpisodes:
    """Fires when at_least matches lie less than `within` apart, at the time of the last of them."""

    def __init__(self, rule: CountRule, step: Step, alerts: Alerts, known: Known) -> None:
        self._rule, self._step, self._alerts, self._known = rule, step, alerts, known
        self._once = Once(rule, step, apart=rule.within)
        self._matches = rule.when.predicate()
        self._part = getter(rule.same) if rule.same else None
        self._counts_versions = rule.role is Role.REVIEW or rule.same == "review_id"
        self._kept = rule.within + CORRECTION
        self._timeline = Timeline(rule.id, step.store, rule.at_least, rule.within, self._kept)
        self._name = rule.when.name
        #: Where old matches are remembered, beside the rule's id.
        self.past = self._timeline.past

    def on_event(self, event: Event, data: Data, at: int, key: str) -> None:
        """Judge one event of the rule's type. at: ms; key: customer or review."""
        matches = self._matches(data)
        if type(data) is ReviewData and not self._counts_versions:
            self._on_version(event, data, at, key, matches)
        elif matches:
            part = str(self._part(data)) if self._part else ""
            near, place = self._timeline.add(key, part, at, text(event.source, event.id))
            last = self._judge(near, place, event, key, part)
            if last is not None:
                self._timeline.fired(key, part, near.times[last], events_of(near)[last])

    def on_wake(self, ref: Ref, record: Remembered, due: int) -> None:
        """Forget the matches that nothing can complete any more."""
        assert isinstance(record, Hits)
        self._timeline.forget(ref, record, due)

    def _on_version(self, event: Event, data: ReviewData, at: int, key: str, matches: bool) -> None:
        """Judge a review, which takes the place of its older versions: they are few, and all in one record.

        An edit may change the part, so the reviews of a key are kept together.
        """
        ref = ref_of(self._rule.id, key)
        found = self._step.store.get(ref)
        before = found if isinstance(found, Hits) else Hits()
        hits = rows(before, [place for place, of in enumerate(before.reviews) if of != data.review_id])
        if matches:
            part = str(self._part(data)) if self._part else ""
            place = bisect_right(hits.times, at)
            insert(hits, hits.times, place, at, text(event.source, event.id))
            hits.reviews = (*hits.reviews[:place], data.review_id, *hits.reviews[place:])
            hits.parts = (*hits.parts[:place], part, *hits.parts[place:])
            near = [place for place, of in enumerate(hits.parts) if of == part]
            last = self._judge(rows(hits, near), near.index(place), event, key, part)
            if last is not None:
                events = events_of(hits)
                mark_fired(events, near[last])
                set_events(hits, events)
        cut(hits, max(0, len(hits.times) - MOST))
        if hits.times:
            self._step.store.put(ref, hits, hits.times[0] + self._kept)
        else:
            self._step.store.drop(ref)

    def _judge(self, hits: Hits, place: int, event: Event, key: str, part: str) -> int | None:
        """Fire if the new match, at `place`, completes a run; returns the place of the match with which it ended."""
        n = self._rule.at_least
        first = self._earliest_run(hits.times, place)
        if first is None:
            return None
        last = first + n - 1
        at, events = hits.times[last], events_of(hits)
        if has_fired(events, last):
            return None
        known = self._known.reasons(key, at, part=part)
        if known is None or self._once.holds(key, at, part):
            return None
        within = duration(self._rule.within)
        why = reason(
            f"{self._name} {n} times within {within}", [split(one)[1] for one in events[first : last + 1]], n,
            f">= {n} in {within}",
        )  # fmt: skip
        source, event_id = split(events[last])
        held = self._once.held(key, part)
        alert_id = self._alerts.fire(
            self._rule, key, event.subject, f"{source}#{event_id}", at, [why, *known], held,
            values=[shown(part)] * len(self._rule.texts.fields),
        )  # fmt: skip
        self._once.fired(key, at, alert_id, part)
        return last

    def _earliest_run(self, times: list[int], place: int) -> int | None:
        """Where the earliest run of at_least consecutive matches begins that holds the new one and is short enough."""
        n = self._rule.at_least
        for first in range(max(0, place - n + 1), min(place, len(times) - n) + 1):
            if times[first + n - 1] - times[first] < self._rule.within:
                return first
        return None
