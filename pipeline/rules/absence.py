"""Rules on an event that is not answered in time."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable
from typing import Final

from pipeline.events.codec import millis, moment
from pipeline.events.model import Data, Event, ReviewData, type_name
from pipeline.rules.alerts import Alerts, derived_id, met, reason
from pipeline.rules.compiled import AbsenceRule
from pipeline.rules.cooldown import Once
from pipeline.rules.history import Known
from pipeline.rules.pace import Feed
from pipeline.rules.pattern import getter
from pipeline.rules.trail import Trails
from pipeline.span import DAY, HOUR, MINUTE, duration
from pipeline.state.records import (
    FIRING,
    HELD,
    PENDING,
    RESOLVED,
    Answered,
    Ask,
    Remembered,
    Trail,
    Waits,
)
from pipeline.state.ref import Ref, key_of, part_of, ref_of, what_of
from pipeline.step import CORRECTION, Step

#: So many answers of one key and part are kept at most.
MOST_ANSWERS: Final = 32
#: An alert that nobody answers ends so long after its deadline (ms).
EXPIRES: Final = 28 * DAY
#: What stops the clock of one absence, and starts it again: so many are kept.
MOST_STOPS: Final = 256
#: A clock stands still so long at most (ms), and a time that an event names is waited for if it is at most so much later (ms).
FARTHEST: Final = 366 * DAY

#: While answers have stopped coming, what is due is looked at again at each full quarter of an hour (ms).
QUARTER: Final = 15 * MINUTE

#: An episode of each state is looked at again so long after its deadline (ms).
_LASTS: Final = {PENDING: 0, FIRING: EXPIRES, HELD: EXPIRES, RESOLVED: CORRECTION}


def withdraw(ref: Ref, record: Remembered, alerts: Alerts, step: Step) -> None:
    """End the alerts of a rule that is no longer there."""
    rule, key = what_of(ref), key_of(ref)
    for ask in record.asks if isinstance(record, Waits) else ():
        if ask.state == FIRING:
            alerts.withdraw(rule, key, ask.subject, ask.episode)
        elif ask.state == PENDING and ask.again:
            step.level("absences_held", rule, -1)


class Answers:
    """The answers of one kind: kept once for all rules that wait for them, and handed to each."""

    def __init__(self, what: str, rule: AbsenceRule, step: Step) -> None:
        self.unless = rule.unless
        self._what, self._step = what, step
        self._matches = rule.unless.predicate()
        self._part = getter(rule.same) if rule.same else None
        self._episodes: dict[str, AbsenceEpisodes] = {}

    @staticmethod
    def what(rule: AbsenceRule) -> str:
        """Where those are kept that a rule waits for: the same for rules that wait for the same."""
        conditions = sorted(map(str, rule.unless.conditions))
        return derived_id("@answers", rule.role, type_name(rule.unless.event), rule.same or "", *conditions)

    def join(self, rule_id: str, episodes: AbsenceEpisodes) -> None:
        """Whom to hand them to."""
        self._episodes[rule_id] = episodes

    def times(self, key: str, part: str) -> list[int]:
        """Those that are known (ms, ascending)."""
        record = self._step.store.get(ref_of(self._what, key, part))
        return record.times if record is not None and isinstance(record, Answered) else []

    def on_event(self, event: Event, data: Data, at: int, key: str) -> None:
        """Take one event of the type that answers. at: ms; key: customer or review."""
        if not self._matches(data):
            return
        part = str(self._part(data)) if self._part else ""
        ref = ref_of(self._what, key, part)
        self._keep(ref, sorted([*self.times(key, part), at])[-MOST_ANSWERS:])
        for rule_id in self._step.store.those_with(self._episodes, key, part):
            self._episodes[rule_id].on_answer(event, at, key, part)

    def on_wake(self, ref: Ref, record: Remembered, due: int) -> None:
        """Forget what nothing can ask for any more."""
        assert isinstance(record, Answered)
        self._keep(ref, [at for at in record.times if at + CORRECTION > due])

    def _keep(self, ref: Ref, times: list[int]) -> None:
        if times:
            self._step.store.put(ref, Answered(times=times), times[0] + CORRECTION)
        else:
            self._step.store.drop(ref)


class AbsenceEpisodes:
    """Pending until the deadline; then firing, until an answer resolves or retracts it, or it expires.

    One that was resolved is kept until nothing from before its deadline can arrive any more, for that retracts it.
    """

    def __init__(
        self, rule: AbsenceRule, step: Step, alerts: Alerts, known: Known, answers: Answers, feed: Feed
    ) -> None:
        """feed: of the events that answer."""
        self._rule, self._step, self._alerts, self._known, self._answers = rule, step, alerts, known, answers
        self._feed = feed
        self._once = Once(rule, step)
        self._asks = rule.when.predicate()
        self._part = getter(rule.same) if rule.same else None
        self._before = getter(rule.before) if rule.before else None
        self._answer = rule.unless.name
        self._stops = tuple((one.event, one.predicate()) for one in rule.pause or ())
        self._stopped = Trails(f"{rule.id}/stops", step, 0)
        #: Where what stops its clock is remembered, for an event that arrives after it.
        self.past = self._stopped.what
        answers.join(rule.id, self)

    def on_event(self, event: Event, data: Data, at: int, key: str) -> None:
        """Take one event of the type that asks. at: ms; key: customer or review."""
        matches = self._asks(data)
        review = data.review_id if type(data) is ReviewData else None
        if not matches and review is None:
            return
        ref, record = self._open(key, data)
        if review is not None:
            self._supersede(ref, record, at, review, matches)
        if matches:
            ask = self._ask(event, data, at, key, record, review)
            if ask is not None:
                record.asks = [*record.asks, ask]
                if ask.deadline < self._step.watermark:
                    self._judge(ref, record, ask, self._step.watermark)
        self._keep(ref, record)

    def on_answer(self, event: Event, at: int, key: str, part: str) -> None:
        """Take one answer. at: ms; key: customer or review."""
        ref = ref_of(self._rule.id, key, part)
        record = self._step.store.get(ref)
        if not isinstance(record, Waits):
            return
        for ask in _waiting_first(record.asks):
            if at < ask.at:
                continue
            if at <= ask.deadline:
                self._end(ref, record, ask, at, "late_truth", event.id)
            elif ask.state == FIRING:
                self._resolve(ref, ask, at, "answered_late", [event.id])
            else:
                ask.end(at, "answered_late")
        self._keep(ref, record)

    def on_stop(self, event: Event, data: Data, at: int, key: str) -> None:
        """Take one event of a type that stops the clock, or starts it again. at: ms; key: of the customer."""
        marks = [event.__class__ is kind and matches(data) for kind, matches in self._stops]
        if not any(marks):
            return
        part = str(self._part(data)) if self._part else ""
        trail = self._stopped.of(key)
        self._stopped.add(trail, event, data, at, int(marks[0]), part, [])
        self._stopped.keep(key, trail)
        ref = ref_of(self._rule.id, key, part)
        record = self._step.store.get(ref)
        if record is None or not isinstance(record, Waits):
            return
        for ask in list(record.asks):
            if ask.state == PENDING and ask.at <= at and len(ask.stops) < MOST_STOPS:
                place = bisect_right([stop for stop, _ in ask.stops], at)
                ask.stops = [*ask.stops[:place], (at, marks[0]), *ask.stops[place:]]
                self._set_clock(ask)
                if ask.ended is not None and ask.ended[0] <= ask.deadline:
                    self._leave(record, ask)
        self._keep(ref, record)

    def _set_clock(self, ask: Ask) -> None:
        """Set the deadline anew: while the clock stands still, and there is no end to it yet, it is a year away."""
        due, since = ask.deadline - ask.stood, -1
        first = due
        for at, stops in ask.stops:
            if since >= 0 and at - since > FARTHEST:
                due, since = due + FARTHEST, -1
            if since < 0:
                if at > due:
                    break
                since = at if stops else -1
            elif not stops:
                due, since = due + at - since, -1
        ask.deadline = due + FARTHEST if since >= 0 else due
        ask.stood = ask.deadline - first

    def on_wake(self, ref: Ref, record: Remembered, due: int) -> None:
        """Fire or expire what is due, and forget what nothing can ask for any more."""
        if isinstance(record, Trail):
            self._stopped.forget(ref, record, due)
            return
        assert isinstance(record, Waits)
        for ask in [ask for ask in record.asks if self._wake(ask) <= due]:
            if ask.state == PENDING:
                self._judge(ref, record, ask, due)
                continue
            if ask.state == FIRING:
                self._resolve(ref, ask, self._wake(ask), "expired", [])
            record.asks = [other for other in record.asks if other is not ask]
        self._keep(ref, record)

    def _supersede(self, ref: Ref, record: Waits, at: int, review: str, matches: bool) -> None:
        """A newer version of a review ends or settles the episodes of the older ones."""
        for ask in _waiting_first(ask for ask in record.asks if ask.review == review):
            if ask.deadline >= at:
                self._end(ref, record, ask, at, "edited", ask.event_id)
            elif not matches:
                if ask.state == FIRING:
                    self._resolve(ref, ask, at, "edited", [])
                else:
                    ask.end(at, "edited")

    def _judge(self, ref: Ref, record: Waits, ask: Ask, at: int) -> None:
        """Fire, unless answers have stopped coming altogether: then nobody knows, and it is looked at later. at: ms."""
        if self._feed.is_silent:
            if not ask.again:
                self._step.level("absences_held", self._rule.id, 1)
            ask.again = (at // QUARTER + 1) * QUARTER
            return
        if ask.again:
            self._step.level("absences_held", self._rule.id, -1)
        self._fire(ref, record, ask)

    def _fire(self, ref: Ref, record: Waits, ask: Ask) -> None:
        key, part = key_of(ref), part_of(ref)
        deadline = ask.deadline
        if self._once.holds(key, deadline, part, ask.episode):
            ask.state = HELD
            return
        within = "" if self._before else f" within {ask.within},"
        stood = f" (the clock stood still for {ask.stood / HOUR:.3g} h)" if ask.stood else ""
        late = (
            f" (not known before {moment(ask.again)}, for none came at all)" if ask.again > deadline else ""
        )
        text = f"no {self._answer}{within} by {moment(deadline)}{stood}{late}"
        reasons = [
            reason(text, [ask.event_id], None, self._limit(ask)),
            *met(ask.event_id, self._rule.when, ask.values),
            *ask.known,
        ]
        held = self._once.held(key)
        alert_id = self._alerts.fire(
            self._rule,
            key,
            ask.subject,
            ask.episode,
            deadline,
            reasons,
            held,
            start=ask.again,
            values=ask.shown,
        )
        self._once.fired(key, deadline, alert_id)
        ask.state = FIRING
        if ask.ended is not None:
            at, code = ask.ended
            self._resolve(ref, ask, at, code, [])

    def _resolve(self, ref: Ref, ask: Ask, at: int, code: str, events: list[str]) -> None:
        texts = {
            "answered_late": f"{self._answer} came at {moment(at)}, after the deadline",
            "edited": f"the review was changed at {moment(at)}",
            "expired": f"no {self._answer} within {duration(EXPIRES)} of the deadline",
        }
        why = reason(texts[code], events, None, self._limit(ask))
        ask.state = RESOLVED
        self._alerts.resolve(self._rule, key_of(ref), ask.subject, ask.episode, at, code, why, ask.shown)

    def _end(self, ref: Ref, record: Waits, ask: Ask, at: int, code: str, event_id: str) -> None:
        """The alert should never have been: silently where it did not fire, else retracted."""
        key, part = key_of(ref), part_of(ref)
        self._leave(record, ask)
        if ask.state == HELD:
            self._once.over(key, part, ask.episode)
        elif ask.state != PENDING:
            self._keep(ref, record)
            texts = {
                "late_truth": f"{self._answer} came in time, at {moment(at)}, but arrived late",
                "edited": f"the review was changed at {moment(at)}",
            }
            why = reason(texts[code], [event_id], None, self._limit(ask) if code == "late_truth" else "")
            is_open = ask.state == FIRING
            alert_id = self._alerts.retract(
                self._rule, key, ask.subject, ask.episode, code, why, ask.shown, is_open=is_open
            )
            for _, other_part, episode in self._once.released(key, alert_id):
                self._release(
                    ref_of(what_of(ref), key, other_part), record if other_part == part else None, episode
                )

    def _leave(self, record: Waits, ask: Ask) -> None:
        """It waits no more."""
        record.asks = [other for other in record.asks if other is not ask]
        if ask.state == PENDING and ask.again:
            self._step.level("absences_held", self._rule.id, -1)

    def _release(self, ref: Ref, record: Waits | None, episode: str) -> None:
        """A match that a retracted alert held fires after all."""
        if record is None:
            found = self._step.store.get(ref)
            record = found if isinstance(found, Waits) else Waits()
        for ask in list(record.asks):
            if ask.episode == episode and ask.state == HELD:
                self._fire(ref, record, ask)
        self._keep(ref, record)

    def _ask(
        self, event: Event, data: Data, at: int, key: str, record: Waits, review: str | None
    ) -> Ask | None:
        """What begins to wait; None where nothing does."""
        deadline = self._deadline(data, at)
        # Ids are not remembered for ever: the same event may come again.
        if deadline is None or any(
            (ask.source, ask.event_id) == (event.source, event.id) for ask in record.asks
        ):
            return None
        part = str(self._part(data)) if self._part else ""
        ask = Ask(
            at, deadline, event.id, event.source, event.subject, self._rule.when.values(data), review=review,
            shown=self._rule.texts.read(data),
        )  # fmt: skip
        if self._stops:
            ask.stops = self._stops_since(key, part, at)
            self._set_clock(ask)
        answers = self._answers.times(key, part)
        if any(at <= answer <= ask.deadline for answer in answers):
            return None
        known = self._known.reasons(key, at, data)
        if known is None:
            return None
        ask.known = known
        late = [answer for answer in answers if answer > ask.deadline]
        ask.ended = (min(late), "answered_late") if late else None
        return ask

    def _stops_since(self, key: str, part: str, at: int) -> list[tuple[int, bool]]:
        trail = self._stopped.of(key)
        rows = zip(trail.times, trail.marks, trail.parts, strict=True)
        return [(time, bool(mark)) for time, mark, of in rows if time >= at and of == part]

    def _deadline(self, data: Data, at: int) -> int | None:
        """Until when an event at `at` waits (ms); None: it names no time, or one that is too far away."""
        named = self._before(data) if self._before is not None else None
        if named is None:
            return at + self._rule.within if self._rule.within is not None else None
        deadline = max(at, millis(named))
        return deadline if deadline <= at + FARTHEST else None

    def _limit(self, ask: Ask) -> str:
        return f"by {moment(ask.deadline)}" if self._before else ask.within

    def _open(self, key: str, data: Data) -> tuple[Ref, Waits]:
        ref = ref_of(self._rule.id, key, str(self._part(data)) if self._part else "")
        record = self._step.store.get(ref)
        return ref, record if record is not None and isinstance(record, Waits) else Waits()

    def _wake(self, ask: Ask) -> int:
        """When the ask must be looked at again (ms)."""
        return max(ask.deadline, ask.again) + _LASTS[ask.state]

    def _keep(self, ref: Ref, record: Waits) -> None:
        asks = record.asks
        if asks:
            wake = self._wake(asks[0])
            for ask in asks[1:]:
                wake = min(wake, self._wake(ask))
            self._step.store.put(ref, record, wake)
        else:
            self._step.store.drop(ref)


def _waiting_first(asks: Iterable[Ask]) -> list[Ask]:
    """Alerts last: what one event ends must not fire in place of an alert that it retracts."""
    waiting = list(asks)
    return waiting if len(waiting) < 2 else sorted(waiting, key=lambda ask: ask.state in (FIRING, RESOLVED))
