"""Rules on events that come one after the other."""

from __future__ import annotations

from pipeline.events.codec import moment
from pipeline.events.model import Data, Event, ReviewData
from pipeline.rules.alerts import Alerts, derived_id, reason
from pipeline.rules.compiled import SequenceRule
from pipeline.rules.cooldown import Once
from pipeline.rules.history import Known
from pipeline.rules.hits import has_fired, mark_fired, split
from pipeline.rules.pattern import getter
from pipeline.rules.texts import shown
from pipeline.rules.trail import Trails
from pipeline.span import duration
from pipeline.state.records import Remembered, Trail
from pipeline.state.ref import Ref
from pipeline.step import Step


class SequenceEpisodes:
    """Fires when an event of each step follows one of the step before it, at the time of the last of them."""

    def __init__(self, rule: SequenceRule, step: Step, alerts: Alerts, known: Known) -> None:
        self._rule, self._alerts, self._known = rule, alerts, known
        self._once = Once(rule, step, apart=rule.within)
        self._steps = [(one.event, one.predicate()) for one in rule.steps]
        self._part = getter(rule.same) if rule.same else None
        # Other steps are marked otherwise: a rule that was changed begins anew.
        steps = derived_id(
            "steps",
            rule.same or "",
            *(f"{one.name} {', '.join(map(str, one.conditions))}" for one in rule.steps),
        )
        self.what = f"{rule.id}/{steps}"
        self._trails = Trails(self.what, step, rule.within)

    def on_event(self, event: Event, data: Data, at: int, key: str) -> None:
        """Judge one event of a type that a step is about. at: ms; key: of the customer."""
        mark = 0
        for number, (kind, matches) in enumerate(self._steps):
            if event.__class__ is kind and matches(data):
                mark |= 1 << number
        if not mark and type(data) is not ReviewData:
            return
        trail = self._trails.of(key)
        part = str(self._part(data)) if self._part else ""
        place = self._trails.add(trail, event, data, at, mark or -1, part, [])
        if mark:
            run = self._run(trail, place)
            if run:
                self._judge(trail, run, event, key, part)
        self._trails.keep(key, trail)

    def on_wake(self, ref: Ref, record: Remembered, due: int) -> None:
        """Forget the events that nothing can follow any more."""
        assert isinstance(record, Trail)
        self._trails.forget(ref, record, due)

    def _judge(self, trail: Trail, run: list[int], event: Event, key: str, part: str) -> None:
        last = run[-1]
        at = trail.times[last]
        if has_fired(trail.events, last):
            return
        known = self._known.reasons(key, at, part=part)
        if known is None or self._once.holds(key, at, part):
            return
        parts = [
            f"{one.name} at {moment(trail.times[place])}"
            for one, place in zip(self._rule.steps, run, strict=True)
        ]
        within = duration(self._rule.within)
        events = [split(trail.events[place])[1] for place in run]
        why = reason(
            ", then ".join(parts) + f", within {within}", events, len(run), f"in this order, within {within}"
        )
        source, event_id = split(trail.events[last])
        alert_id = self._alerts.fire(
            self._rule,
            key,
            event.subject,
            f"{source}#{event_id}",
            at,
            [why, *known],
            self._once.held(key, part),
            values=[shown(part)] * len(self._rule.texts.fields),
        )
        self._once.fired(key, at, alert_id, part)
        mark_fired(trail.events, last)

    def _run(self, trail: Trail, place: int) -> list[int]:
        """The places of the run with the event at `place` that ends first and is short enough; empty if there is none.

        Around one event, the nearest before it and the nearest after it leave the most time.
        """
        best: list[int] = []
        for number in range(len(self._steps)):
            if not trail.marks[place] >> number & 1:
                continue
            before = self._nearest(trail, place, range(number - 1, -1, -1), -1)
            after = self._nearest(trail, place, range(number + 1, len(self._steps)), 1)
            if before is None or after is None:
                continue
            run = [*reversed(before), place, *after]
            short = trail.times[run[-1]] - trail.times[run[0]] <= self._rule.within
            if short and (not best or run[-1] < best[-1]):
                best = run
        return best

    def _nearest(self, trail: Trail, place: int, numbers: range, towards: int) -> list[int] | None:
        """For each of the steps the nearest event beyond the one for the step before; None if one is missing."""
        found = []
        part, at = trail.parts[place], place
        for number in numbers:
            at += towards
            while 0 <= at < len(trail.times) and not (
                trail.marks[at] >> number & 1 and trail.parts[at] == part
            ):
                at += towards
            if not 0 <= at < len(trail.times):
                return None
            found.append(at)
        return found
