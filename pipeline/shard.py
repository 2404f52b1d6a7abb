"""The heart: one partition's step. State in, records in, effects out.

A shard is pure: no clock, no I/O, no randomness. Given the same records in the same order it gives the
same effects, whatever the batches, whoever calls it.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from itertools import islice
from typing import Any, Final

import msgspec
from msgspec.structs import astuple

from pipeline.effects import METRICS, Effects, Output
from pipeline.events import model as m
from pipeline.events.codec import Record, Rejection, decode_all, millis, moment
from pipeline.handlers import Handlers, ShardSettings
from pipeline.metrics.segment import MetricsRecord, Segment, encoded
from pipeline.metrics.window import pane_end
from pipeline.routes import Routes
from pipeline.rules.absence import withdraw
from pipeline.rules.compiled import Kind, Role
from pipeline.rules.index import Index
from pipeline.rules.pace import tell
from pipeline.state.changelog import Changelog
from pipeline.state.logged import Position
from pipeline.state.records import FollowUp, Hits, Pace, Remembered, Waits
from pipeline.state.ref import Ref, what_of
from pipeline.state.seen import Seen, fingerprint
from pipeline.state.store import Store
from pipeline.step import CORRECTION, FUTURE, Step

#: Where these stand in `m.EVENT_FIELDS`.
_ID: Final = 2
_SOURCE: Final = 3

#: So many sources of events are told from each other in what is counted of a shard itself.
_MOST_SOURCES: Final = 50
#: Records are taken in chunks whose events fit a processor's cache.
_CHUNK = 128


class Shard:
    """One partition of an input topic, or, with both roles, a whole file.

    origin: where a record stands, for dead letters and forwarded copies.
    """

    def __init__(
        self,
        settings: ShardSettings,
        name: str,
        roles: frozenset[Role],
        origin: Callable[[Record], Mapping[str, Any]],
    ) -> None:
        self._name, self._roles = name, roles
        self._store, self._seen = Store(), Seen(settings.seen_limit)
        self._step = Step(self._store, origin)
        self._use(settings)
        self._changelog = Changelog(self._store, self._seen, (Pace,))
        self.applied = -1
        self._distance = 0
        self._told: int | None = None
        self._sources: dict[str, str] = {}

    # --- what an engine calls -----------------------------------------------------------------------

    @property
    def watermark(self) -> int | None:
        """Ms UTC; None before the first event."""
        return self._step.watermark if self._step.watermark >= 0 else None

    def apply(self, records: Iterable[Record]) -> Effects:
        """Take records in order of offset; those at or below `applied` are skipped."""
        left, applied = iter(records), self.applied
        while chunk := list(islice(left, _CHUNK)):
            if chunk[0].offset <= self.applied:
                chunk = [record for record in chunk if record.offset > self.applied]
            if chunk:
                self._take(chunk)
                self.applied = chunk[-1].offset
        if self.applied == applied:
            return Effects()
        return self._effects()

    def opened(self, waiting: bool) -> Effects:
        """After the last `restore`: the board must wait for this shard if records wait for it."""
        self._changelog.loaded()
        position = self._changelog.position
        self.applied, self._distance = position.applied, position.distance
        self._step.watermark, self._step.latest = position.watermark, position.latest
        self._tally.watermark = position.watermark
        if position.rules != self._settings.rules.version:
            self._withdraw_removed_rules()
        if self._step.outputs:
            return self._effects()
        if self.watermark is not None or not waiting:
            return Effects()
        self._told = 0  # so that it is told when there is still none behind those records
        told = MetricsRecord(self._name, self.applied, [Segment(0)])
        return Effects([Output(METRICS, None, value) for value in encoded(told)])

    def adopt(self, settings: ShardSettings) -> Effects:
        """Go on with other rules behind the last record taken; what a rule that is gone has open is withdrawn."""
        self._use(settings)
        if self.applied < 0:
            return Effects()
        self._withdraw_removed_rules()
        return self._effects()

    def restore(self, value: bytes) -> bool:
        """Take one record of the changelog, oldest first; is it the first image of a round? Raises StateError."""
        begins = self._changelog.load(value)
        self.applied = self._changelog.position.applied
        return begins

    def snapshot(self) -> list[bytes]:
        """The whole state, as records that `restore` takes."""
        return self._changelog.snapshot(self._position())

    def tick(self, now: int) -> bytes | None:
        """A tick, if a timer is due or a pane has passed by now. now: ms UTC, of the broker."""
        if self._step.watermark < 0:
            return None
        at = now - self._distance
        watermark = at - self._settings.lateness
        if at <= self._step.latest or watermark <= min(
            pane_end(self._step.watermark), self._store.timers.soonest
        ):
            return None
        return msgspec.json.encode(
            {
                "specversion": "1.0",
                "id": f"{self._name}/{at}",
                "source": "/cxloop/clock",
                "type": "cx.clock.ticked",
                "time": moment(at),
            }
        )

    def stats(self) -> Mapping[str, int]:
        """Counters since this shard was made; `seen.ids` and `open.records` are sizes."""
        return {**self._step.counts, "seen.ids": len(self._seen), "open.records": len(self._store)}

    def about(self, key: str) -> list[tuple[Ref, Remembered]]:
        """What is remembered of a customer or a review, in order of what remembers it."""
        return self._store.of_key(key)

    # --- the step -----------------------------------------------------------------------------------

    def _take(self, records: list[Record]) -> None:
        """The loop. Plainer than the rest: it runs for every event, and decides the throughput."""
        step, seen, tally, routes = self._step, self._seen, self._tally, self._routes
        lateness, timers = self._settings.lateness, self._store.timers
        events = decode_all(records)
        # All fields of an event at once cost what two of them cost by name.
        rows = [() if isinstance(event, Rejection) else astuple(event) for event in events]
        marks = [fingerprint(row[_SOURCE], row[_ID]) if row else 0 for row in rows]
        seen.look_up(marks)
        fresh, older, new = seen.fresh, seen.older, seen.begin()
        taken, sources = list[type[m.Event]](), list[str]()
        watermark = step.watermark
        for place, mark in enumerate(marks):  # as C, two indices cost less than `zip`
            record, event = records[place], events[place]
            if isinstance(event, Rejection):
                step.record = record
                step.reject(event, record.value)
                continue
            data, _, event_id, source, time, subject, forwarded_from = rows[place]
            at = millis(time)
            if at > record.timestamp + FUTURE:
                step.record = record
                step.reject(_future(at, record), record.value)
                continue
            if mark in fresh or mark in older:
                step.count("duplicates")
                continue
            kind = type(event)
            is_forwarded = forwarded_from is not None
            if at > step.latest and not is_forwarded:
                step.latest = at
                # How long a tick was under way is no matter: time would fall behind with each.
                if kind is not m.ClockTicked:
                    self._distance = record.timestamp - at
                if at - lateness > watermark:
                    watermark = step.watermark = tally.watermark = at - lateness
            if timers.soonest < watermark:
                step.record = record
                self._fire_timers()
            if watermark >= seen.turn_at or len(fresh) >= seen.room:
                new = seen.turn(watermark)
                fresh, older = seen.fresh, seen.older
            fresh.add(mark)  # after the turn: it belongs to the generation of the watermark that it led to
            new.append(mark)
            if (at < watermark and not is_forwarded) or at < 0:
                step.count("late")
                if at < max(0, watermark - CORRECTION):
                    step.record = record
                    step.reject(_too_late(at, watermark), record.value)
                    continue
            taken.append(kind)
            sources.append(source)
            route = routes.get(kind)
            if route is None:
                continue
            step.record = record
            if isinstance(route, Index):
                key = subject if subject is not None else f"{source}#{event_id}"
                for handle in route.of(data):
                    handle(event, data, at, key)
            else:
                route(event, at)
        for kind, n in Counter(taken).items():
            step.count(_COUNTED[kind], n)
        for source, n in Counter(sources).items():
            step.count(self._counted_as(source), n)
        seen.settle()
        self._store.settle()

    def _fire_timers(self) -> None:
        """Fire the timers strictly below the watermark, in due order."""
        store, watermark = self._store, self._step.watermark
        while (due := store.pop_due(watermark)) is not None:
            wake, ref, record = due
            handle = self._wakes.get(what_of(ref))
            if handle is None:  # of a rule that is no longer there, or the memory of a cooldown
                store.drop(ref)
            else:
                handle(ref, record, wake)

    # --- small parts --------------------------------------------------------------------------------

    def _counted_as(self, source: str) -> str:
        """Sources have no bound: those that come when there are many are counted together."""
        if source not in self._sources and len(self._sources) < _MOST_SOURCES:
            self._sources[source] = f"source.{source}"
        return self._sources.get(source, "source.other")

    def _use(self, settings: ShardSettings) -> None:
        """Make all that depends on rules; what is remembered stays."""
        self._settings, step = settings, self._step
        handlers = self._handlers = Handlers(settings, self._roles, step)
        self._tally, self._wakes = handlers.tally, handlers.wakes
        self._tally.watermark = step.watermark
        step.rules_version = settings.rules.version
        step.level, step.apart = self._tally.level, self._tally.apart
        self._routes = Routes(handlers, self._roles, step).of

    def _withdraw_removed_rules(self) -> None:
        """What a rule remembers that is gone, or has become another kind, ends as withdrawn."""
        kinds = {rule_id: rule.kind for rule_id, rule in self._handlers.rules.items()}
        found = []
        for ref, record in self._store:
            what = what_of(ref).partition("/")[0]
            gone = what not in kinds or (type(record) in _KINDS and _KINDS[type(record)] is not kinds[what])
            if isinstance(record, Pace):
                gone = what_of(ref) not in self._wakes
            elif what.startswith("@"):
                gone = isinstance(record, FollowUp)
            if gone:
                found.append((ref, record))
        # In their order, so that the same is said wherever the state comes from.
        for ref, record in sorted(found, key=_ref_of):
            if isinstance(record, FollowUp):
                self._handlers.follow_ups.withdraw(ref, record)
                continue
            if isinstance(record, Pace) and record.silent:
                tell(self._step, self._tally, what_of(ref), -1, self._step.latest)
            withdraw(ref, record, self._handlers.alerts, self._step)
            self._store.drop(ref)

    def _effects(self) -> Effects:
        outputs, self._step.outputs = self._step.outputs, []
        told = self._tally.take(self._name, self.applied, self.watermark)
        if len(told.segments) > 1 or not told.segments[0].is_empty or self.watermark != self._told:
            outputs += [Output(METRICS, None, value) for value in encoded(told)]
            self._told = self.watermark
        changelog, rotation = self._changelog.step(self._position())
        return Effects(outputs, changelog, rotation)

    def _position(self) -> Position:
        return Position(
            applied=self.applied, watermark=self._step.watermark, latest=self._step.latest, distance=self._distance,
            generation=self._seen.generation, day=self._seen.day, rules=self._settings.rules.version,
        )  # fmt: skip


def _ref_of(found: tuple[Ref, Remembered]) -> Ref:
    return found[0]


#: What a record of a rule belongs to.
_KINDS: Mapping[type[Remembered], Kind] = {Waits: Kind.ABSENCE, Hits: Kind.COUNT}
#: What each type is counted as.
_COUNTED = {kind: f"type.{m.type_name(kind)}" for kind in (*m.CUSTOMER_EVENTS, *m.INTERNAL_EVENTS)}


def _future(at: int, record: Record) -> Rejection:
    return Rejection(
        "time.future",
        f"the event says {moment(at)}, but arrived at {moment(record.timestamp)}; at most 5 min ahead is taken "
        "- at `$.time`",
    )


def _too_late(at: int, watermark: int) -> Rejection:
    return Rejection(
        "time.too_late",
        f"the event says {moment(at)}, more than 7 d behind the watermark {moment(watermark)} - at `$.time`",
    )
