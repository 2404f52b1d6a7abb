"""The heart: one partition's step. State in, records in, effects out.

A shard is pure: no clock, no I/O, no randomness. Given the same records in the same order it gives the
same effects, whatever the batches, whoever calls it.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from itertools import islice
from typing import Any, Final

import msgspec
from msgspec.structs import astuple

from pipeline.effects import METRICS, REVIEWS, TOUCHPOINTS, Effects, Output
from pipeline.events import model as m
from pipeline.events.codec import Record, Rejection, decode_all, forwarded, millis, moment
from pipeline.events.journey import NO_JOURNEY, Journey
from pipeline.followup.book import FollowUps
from pipeline.followup.clocks import BusinessClock
from pipeline.metrics.catalogue import DEFAULT_GROUPINGS
from pipeline.metrics.catalogue import METRICS as METRIC_NAMES
from pipeline.metrics.contacts import Contacts
from pipeline.metrics.events import Events
from pipeline.metrics.moods import Moods
from pipeline.metrics.promises import Promises
from pipeline.metrics.reviews import Reviews
from pipeline.metrics.segment import MetricsRecord, Segment, encoded
from pipeline.metrics.tally import Tally
from pipeline.metrics.ways import Ways
from pipeline.metrics.weights import DEFAULT_WEIGHTS, Weights
from pipeline.metrics.window import pane_end
from pipeline.rules.absence import AbsenceEpisodes, Answers, withdraw
from pipeline.rules.alerts import Alert, Alerts
from pipeline.rules.compiled import AbsenceRule, CountRule, Kind, Role, RuleSet, SequenceRule, ShardRule
from pipeline.rules.count import CountEpisodes
from pipeline.rules.event import EventEpisodes
from pipeline.rules.history import History, Known
from pipeline.rules.index import Handler, Index
from pipeline.rules.matches import MatchCounter, ReviewCounter
from pipeline.rules.pace import Feed, tell
from pipeline.rules.pattern import Pattern
from pipeline.rules.sequence import SequenceEpisodes
from pipeline.span import MINUTE
from pipeline.state.changelog import Changelog
from pipeline.state.logged import Position
from pipeline.state.records import FollowUp, Hits, Pace, Remembered, Waits
from pipeline.state.ref import Ref, what_of
from pipeline.state.seen import Seen, fingerprint
from pipeline.state.store import Store
from pipeline.step import CORRECTION, Step

#: An event may be so much later than its broker timestamp (ms).
FUTURE: Final = 5 * MINUTE

#: Takes an event that has another way than to all who look at its customer. int: ms.
Route = Callable[[Any, int], None]

#: Where these stand in `m.EVENT_FIELDS`.
_ID: Final = 2
_SOURCE: Final = 3

#: Records are taken in chunks whose events fit a processor's cache.
_CHUNK = 128


_DIMENSIONS = tuple(name for (name,) in DEFAULT_GROUPINGS)


@dataclass(frozen=True, slots=True, kw_only=True)
class ShardSettings:
    """What shapes the step. lateness: ms; seen_limit: how many event ids are remembered at most.

    dimensions: what metrics are told apart by, each by itself; rules may ask for more.
    """

    rules: RuleSet
    clock: BusinessClock
    journey: Journey = NO_JOURNEY
    weights: Weights = DEFAULT_WEIGHTS
    dimensions: tuple[str, ...] = _DIMENSIONS
    lateness: int = 5 * MINUTE
    seen_limit: int = 5_000_000


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
        step, seen, tally, routes = self._step, self._seen, self._tally, self._route_of
        lateness, timers = self._settings.lateness, self._store.timers
        events = decode_all(records)
        # All fields of an event at once cost what two of them cost by name.
        rows = [() if isinstance(event, Rejection) else astuple(event) for event in events]
        marks = [fingerprint(row[_SOURCE], row[_ID]) if row else 0 for row in rows]
        seen.look_up(marks)
        fresh, older, new = seen.fresh, seen.older, seen.begin()
        taken: list[type[m.Event]] = []
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
        seen.settle()
        self._store.settle()

    def _routes(self) -> dict[type[m.Event], Index | Route]:
        """What becomes of each type of event: all who look at its customer get it, or it goes another way.

        Types that nobody looks at are not in it.
        """
        routes: dict[type[m.Event], Index | Route] = {}
        customers = Role.CUSTOMER in self._roles
        for kind in m.CUSTOMER_EVENTS:
            if kind in m.REVIEWS:
                routes[kind] = self._review
            elif kind in m.FOLLOW_UPS:
                routes[kind] = self._follow_up
            elif not customers:
                routes[kind] = lambda event, at: self._wrong_topic(event, TOUCHPOINTS)
            elif index := self._handlers[Role.CUSTOMER].get(kind):
                routes[kind] = index
        return routes | {m.AlertFired: self._alert, m.AlertRetracted: self._alert}

    def _handle(self, role: Role, event: m.Event, at: int, key: str) -> None:
        index, data = self._handlers[role].get(event.__class__), event.data  # type: ignore[attr-defined]
        if index is not None:
            for handle in index.of(data):
                handle(event, data, at, key)

    def _review(self, event: m.Event, at: int) -> None:
        """Take a review or a response, and forward it to its customer; or take a forwarded one."""
        if event.forwardedfrom is not None:
            if Role.REVIEW not in self._roles:
                self._handle(Role.CUSTOMER, event, at, event.subject or "")
            elif Role.CUSTOMER not in self._roles:
                self._reject(
                    "topic.wrong",
                    "a copy that a shard forwarded belongs on touchpoints - at `$.forwardedfrom`",
                )
            return
        if Role.REVIEW not in self._roles:
            self._wrong_topic(event, REVIEWS)
            return
        if isinstance(event, m.ReviewPosted):
            if not self._reviews.posted(event, at):
                return
            key = event.data.review_id
        else:
            assert isinstance(event, m.ReviewResponded)
            key = event.data.review_id
            self._reviews.responded(key, at)
        self._handle(Role.REVIEW, event, at, key)
        if event.subject is None:
            return
        if Role.CUSTOMER in self._roles:
            self._handle(Role.CUSTOMER, event, at, event.subject)
        else:
            assert self._step.record is not None
            value = forwarded(self._step.record, self._step.place)
            self._step.outputs.append(Output(TOUCHPOINTS, event.subject.encode(), value))

    def _follow_up(self, event: m.Event, at: int) -> None:
        """What somebody did about a follow-up of this shard, or of the board."""
        data: m.FollowUpData = event.data  # type: ignore[attr-defined]
        if event.subject is not None and Role.CUSTOMER in self._roles:
            self._handle(Role.CUSTOMER, event, at, event.subject)
        if event.__class__ is m.FollowUpOpened or self._follow_ups.agent_acted(event, data, at):
            return
        value = self._step.record.value if self._step.record is not None else None
        about_no_customer = event.subject is None and Role.CUSTOMER in self._roles and data.key is not None
        if about_no_customer and (data.key or "").partition("{")[0] in _KEYS_OF_THE_BOARD:
            self._tally.follow_up(_passed_on(event, data))
        elif about_no_customer and Role.REVIEW not in self._roles and self._step.record is not None:
            copy = forwarded(self._step.record, self._step.place)
            self._step.outputs.append(Output(REVIEWS, (data.key or "").encode(), copy))
        else:
            self._follow_ups.unknown(event, data, value)

    def _alert(self, event: m.Event, at: int) -> None:
        """An alert that a review's shard handed over."""
        if event.forwardedfrom is None:
            self._reject(
                "type.unknown", f"`{m.type_name(event.__class__)}` is written by cxloop alone - at `$.type`"
            )
            return
        data: m.AlertData = event.data  # type: ignore[attr-defined]
        rule = self._rules.get(data.rule)
        if rule is None or Role.REVIEW in self._roles:
            return
        start = millis(data.start) if data.start is not None else at
        if self._step.record is not None and not 0 <= start <= self._step.record.timestamp + FUTURE:
            start = at
        alert = Alert(
            data.alert_id, rule, data.key, event.subject, at, start, data.text, data.title, data.message
        )
        if isinstance(event, m.AlertFired):
            self._follow_ups.alert_fired(alert)
        else:
            self._follow_ups.alert_retracted(alert, at)

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

    def _use(self, settings: ShardSettings) -> None:
        """Make all that depends on rules; what is remembered stays."""
        self._settings, rules, step = settings, settings.rules, self._step
        groupings = (
            *((name,) for name in settings.dimensions),
            *(rule.by for rule in rules.on_metrics() if not rule.measured.matches),
        )
        self._tally = Tally(settings.journey, groupings)
        self._tally.watermark = step.watermark
        step.rules_version, step.level, step.apart = rules.version, self._tally.level, self._tally.apart
        self._rules = rules.by_id()
        self._reviews, self._contacts = (
            Reviews(step, self._tally, settings.weights),
            Contacts(step, self._tally),
        )
        self._promises, self._moods = Promises(step, self._tally), Moods(step, self._tally)
        self._ways = Ways(step, self._tally, settings.journey)
        self._follow_ups = FollowUps(step, self._rules, settings.clock, self._moods.helped)
        self._alerts = Alerts(
            step, self._follow_ups.alert_fired, self._follow_ups.alert_retracted,
            hand_over=Role.CUSTOMER not in self._roles,
        )  # fmt: skip
        self._wakes: dict[str, Callable[[Ref, Remembered, int], None]] = {
            "@followup": self._follow_ups.on_wake,
            "@followup-without-customer": self._follow_ups.on_wake,
            Reviews.WHAT: self._reviews.on_wake,
            Contacts.WHAT: self._contacts.on_wake,
            Promises.WHAT: self._promises.on_wake,
            Moods.WHAT: self._moods.on_wake,
            Ways.WHAT: self._ways.on_wake,
        }
        self._handlers: dict[Role, dict[type[m.Event], Index]] = {
            role: self._handlers_of(role) for role in Role
        }
        self._route_of = self._routes()

    def _handlers_of(self, role: Role) -> dict[type[m.Event], Index]:
        handlers: dict[type[m.Event], list[tuple[Pattern | None, Handler]]] = {
            kind: [] for kind in m.CUSTOMER_EVENTS
        }
        if role is Role.CUSTOMER:
            for kind, handler in self._measuring():
                handlers[kind].append((None, handler))
        feeds = self._feeds(role)
        for kind, feed in feeds.items():
            handlers[kind].append((None, feed.on_event))
            self._wakes[feed.what] = feed.on_wake
        for matches in self._settings.rules.counted().values():
            kind, journey = matches.pattern.event, self._settings.journey
            if (kind in m.REVIEWS) is not (role is Role.REVIEW):
                continue
            if kind is m.ReviewPosted:
                reviews = ReviewCounter(matches, journey, self._tally, self._step)
                handlers[kind].append((None, reviews.on_event))
                self._wakes[reviews.what] = reviews.on_wake
            else:
                counter = MatchCounter(matches, journey, self._tally)
                handlers[kind].append((matches.pattern, counter.on_event))
        answers: dict[str, Answers] = {}
        histories: dict[str, History] = {}
        for rule in self._settings.rules.of(role):
            known = self._known(rule, histories)
            if isinstance(rule, SequenceRule):
                sequence = SequenceEpisodes(rule, self._step, self._alerts, known)
                for kind in dict.fromkeys(one.event for one in rule.steps):
                    of_kind = [one for one in rule.steps if one.event is kind]
                    when = of_kind[0] if len(of_kind) == 1 and kind not in m.REVIEWS else None
                    handlers[kind].append((when, sequence.on_event))
                self._wakes[sequence.what] = sequence.on_wake
                continue
            kind = rule.when.event
            # A version of a review ends what an older one began, even if it matches nothing itself.
            when = None if kind in m.REVIEWS else rule.when
            if isinstance(rule, AbsenceRule):
                what = Answers.what(rule)
                if what not in answers:
                    answers[what] = Answers(what, rule, self._step)
                absence = AbsenceEpisodes(
                    rule, self._step, self._alerts, known, answers[what], feeds[rule.unless.event]
                )
                handlers[kind].append((when, absence.on_event))
                self._wakes[rule.id] = self._wakes[absence.past] = absence.on_wake
                for stop in dict.fromkeys(one.event for one in rule.pause or ()):
                    handlers[stop].append((None, absence.on_stop))
            elif isinstance(rule, CountRule):
                count = CountEpisodes(rule, self._step, self._alerts, known)
                handlers[kind].append((when, count.on_event))
                self._wakes[rule.id] = self._wakes[count.past] = count.on_wake
            else:
                handlers[kind].append(
                    (rule.when, EventEpisodes(rule, self._step, self._alerts, known).on_event)
                )
        # Last: what an event tells is known after it, and it may answer itself, once it has been asked.
        for what, history in histories.items():
            handlers[history.pattern.event].append((None, history.on_event))
            self._wakes[what] = history.on_wake
        for what, some in answers.items():
            handlers[some.unless.event].append((some.unless, some.on_event))
            self._wakes[what] = some.on_wake
        return {kind: Index(found) for kind, found in handlers.items() if found}

    def _measuring(self) -> Iterable[tuple[type[m.Event], Handler]]:
        """Who counts events of customers for the metrics."""
        yield from Events(self._tally, self._settings.weights).counters().items()
        yield m.SurveyAnswered, self._moods.answered
        yield m.TouchpointVisited, self._ways.visited
        yield m.PurchaseCompleted, self._ways.purchased
        yield m.ContactOpened, self._contacts.opened
        yield m.ContactReplied, self._contacts.replied
        yield m.ContactResolved, self._contacts.resolved
        yield m.ContactReopened, self._contacts.reopened
        yield m.PromiseMade, self._promises.made
        yield m.PromiseKept, self._promises.kept
        yield m.PromiseBroken, self._promises.broken

    def _feeds(self, role: Role) -> dict[type[m.Event], Feed]:
        """Of the events that some rule waits for, and of those of which a rule wants to know that they come."""
        rules = self._settings.rules
        kinds = [rule.unless.event for rule in rules.of(role) if isinstance(rule, AbsenceRule)]
        for rule in rules.on_silence():
            kinds += [kind for kind in rule.events if (kind in m.REVIEWS) is (role is Role.REVIEW)]
        return {kind: Feed(role, kind, self._step, self._tally) for kind in dict.fromkeys(kinds)}

    def _known(self, rule: ShardRule, histories: dict[str, History]) -> Known:
        of = []
        for given in rule.given:
            what = History.what(given)
            history = histories.setdefault(what, History(what, given, self._step))
            history.join(given)
            of.append(history)
        return Known(rule.given, of)

    def _withdraw_removed_rules(self) -> None:
        """What a rule remembers that is gone, or has become another kind, ends as withdrawn."""
        kinds = {rule_id: rule.kind for rule_id, rule in self._rules.items()}
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
                self._follow_ups.withdraw(ref, record)
                continue
            if isinstance(record, Pace) and record.silent:
                tell(self._step, self._tally, what_of(ref), -1, self._step.latest)
            withdraw(ref, record, self._alerts, self._step)
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

    def _reject(self, reason: str, error: str) -> None:
        record = self._step.record
        self._step.reject(Rejection(reason, error), record.value if record is not None else None)

    def _wrong_topic(self, event: m.Event, topic: str) -> None:
        self._reject(
            "topic.wrong", f"`{m.type_name(event.__class__)}` belongs on the topic of {topic} - at `$.type`"
        )


def _ref_of(found: tuple[Ref, Remembered]) -> Ref:
    return found[0]


#: What the keys of the board's alerts begin with.
_KEYS_OF_THE_BOARD = {*METRIC_NAMES, *m.EVENTS_BY_NAME}
#: What a record of a rule belongs to.
_KINDS: Mapping[type[Remembered], Kind] = {Waits: Kind.ABSENCE, Hits: Kind.COUNT}
#: What each type is counted as.
_COUNTED = {kind: f"type.{m.type_name(kind)}" for kind in (*m.CUSTOMER_EVENTS, *m.INTERNAL_EVENTS)}


def _passed_on(event: m.Event, data: m.FollowUpData) -> bytes:
    """What the board needs of an agent's event."""
    kept = m.FollowUpData(
        followup_id=data.followup_id, key=data.key, agent=data.agent, resolution=data.resolution, cause=data.cause,
        recovered=data.recovered,
    )  # fmt: skip
    return msgspec.json.encode(msgspec.structs.replace(event, data=kept))


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
