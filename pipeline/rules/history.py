"""What is known of a customer from before: what the last event of a kind was like, and how many there were."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from typing import Any

from pipeline.events.codec import moment
from pipeline.events.model import Data, Event, ReviewData, type_name
from pipeline.plural import plural
from pipeline.rules.alerts import derived_id, reason
from pipeline.rules.compiled import Given
from pipeline.rules.condition import said
from pipeline.rules.hits import split
from pipeline.rules.pattern import Pattern, getter, terms
from pipeline.rules.trail import Trails
from pipeline.span import duration
from pipeline.state.records import Remembered, Trail
from pipeline.state.ref import Ref
from pipeline.step import Step


class History:
    """The events of one kind, of every customer: kept once for all rules that look back on the same."""

    def __init__(self, what: str, given: Given, step: Step) -> None:
        self.pattern, self._last = given.pattern, given.last
        self._trails = Trails(what, step, given.within)
        self._matches = given.pattern.predicate()
        self._fields = [getter(term.field) for term in terms(given.pattern.conditions)] if given.last else []
        self._part = getter(given.same) if given.same else None

    @staticmethod
    def what(given: Given) -> str:
        """Where it is kept: the same for rules that look at the same."""
        kind = "last" if given.last else "event"
        conditions = sorted(map(str, given.pattern.conditions))
        return derived_id("@known", kind, type_name(given.pattern.event), given.same or "", *conditions)

    def join(self, given: Given) -> None:
        """Remember as long as it asks for."""
        self._trails.reach(given.within)

    def on_event(self, event: Event, data: Data, at: int, key: str) -> None:
        """Take one event of the type. at: ms; key: of the customer."""
        matches = self._matches(data)
        counts = all(get(data) is not None for get in self._fields) if self._last else matches
        if not counts and type(data) is not ReviewData:
            return
        trail = self._trails.of(key)
        part = str(self._part(data)) if self._part else ""
        values = self.pattern.values(data) if self._last else []
        self._trails.add(trail, event, data, at, int(matches) if counts else -1, part, values)
        self._trails.keep(key, trail)

    def on_wake(self, ref: Ref, record: Remembered, due: int) -> None:
        """Forget what nothing can ask for any more."""
        assert isinstance(record, Trail)
        self._trails.forget(ref, record, due)

    def before(self, key: str, at: int, within: int, part: str) -> tuple[Trail, list[int]]:
        """The events of at most `within` ms before `at`, and at that moment: a trail, and their places in it."""
        trail = self._trails.of(key)
        places = range(bisect_left(trail.times, at - within), bisect_right(trail.times, at))
        return trail, [place for place in places if trail.parts[place] == part]


class Known:
    """What one rule wants to be known. histories: of each `given`, in their order."""

    def __init__(self, given: tuple[Given, ...], histories: list[History]) -> None:
        self._given = [
            (one, history, getter(one.same) if one.same else None)
            for one, history in zip(given, histories, strict=True)
        ]

    def reasons(
        self, key: str, at: int, data: Data | None = None, part: str = ""
    ) -> list[dict[str, Any]] | None:
        """Why all of it holds at a moment (ms), or None. data: of the event; else part: its value of `same`."""
        found: list[dict[str, Any]] = []
        for given, history, same in self._given:
            of = "" if same is None else part if data is None else str(same(data))
            trail, places = history.before(key, at, given.within, of)
            why = _last(given.pattern, trail, places) if given.last else _number(given, trail, places)
            if why is None:
                return None
            found += why
        return found


def _last(pattern: Pattern, trail: Trail, places: list[int]) -> list[dict[str, Any]] | None:
    if not places or not trail.marks[places[-1]]:
        return None
    place = places[-1]
    _, event_id = split(trail.events[place])
    when = moment(trail.times[place])
    whys = [
        reason(
            f"{name} was {said(value)} ({comparison.words}) in the last {pattern.name}, at {when}",
            [event_id],
            value,
            str(comparison),
        )
        for name, comparison, value in pattern.met(trail.values[place])
    ]
    return whys or [reason(f"there was a {pattern.name} at {when}", [event_id], None, "")]


def _number(given: Given, trail: Trail, places: list[int]) -> list[dict[str, Any]] | None:
    n = len(places)
    if n < given.least or (given.most is not None and n > given.most):
        return None
    span = f"in the {duration(given.within)} before"
    limits = [f">= {given.least}"] if given.least else []
    limits += [f"<= {given.most}"] if given.most is not None else []
    text = f"{given.pattern.name} {n} {plural(n, 'time')} {span}" if n else f"no {given.pattern.name} {span}"
    events = [split(trail.events[place])[1] for place in places]
    return [reason(text, events, n, f"{' and '.join(limits)} {span}")]
