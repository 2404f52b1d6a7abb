"""Who looks at the events of a shard: metrics, rules, and the follow-ups that come of them."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable
from dataclasses import dataclass

from pipeline.events import model as m
from pipeline.events.journey import NO_JOURNEY, Journey
from pipeline.followup.book import FollowUps
from pipeline.followup.clocks import BusinessClock
from pipeline.metrics.catalogue import DEFAULT_GROUPINGS, METRICS
from pipeline.metrics.contacts import Contacts
from pipeline.metrics.events import Events
from pipeline.metrics.kept import Kept
from pipeline.metrics.moods import Moods
from pipeline.metrics.promises import Promises
from pipeline.metrics.reviews import Reviews
from pipeline.metrics.tally import Tally
from pipeline.metrics.ways import Ways
from pipeline.metrics.weights import DEFAULT_WEIGHTS, Weights
from pipeline.rules.absence import AbsenceEpisodes, Answers
from pipeline.rules.alerts import Alerts
from pipeline.rules.compiled import AbsenceRule, CountRule, Role, RuleSet, SequenceRule, ShardRule
from pipeline.rules.count import CountEpisodes
from pipeline.rules.event import EventEpisodes
from pipeline.rules.history import History, Known
from pipeline.rules.index import Handler, Index
from pipeline.rules.matches import MatchCounter, ReviewCounter
from pipeline.rules.pace import Feed
from pipeline.rules.pattern import Pattern
from pipeline.rules.sequence import SequenceEpisodes
from pipeline.span import MINUTE
from pipeline.state.records import Remembered
from pipeline.state.ref import Ref
from pipeline.step import Step

_DIMENSIONS = tuple(name for (name,) in DEFAULT_GROUPINGS)


@dataclass(frozen=True, slots=True, kw_only=True)
class ShardSettings:
    """What shapes the step. lateness: ms; seen_limit: how many event ids are remembered at most.

    metrics: those that are kept. dimensions: what they are told apart by, each by itself; rules may ask for more.
    """

    rules: RuleSet
    clock: BusinessClock
    journey: Journey = NO_JOURNEY
    weights: Weights = DEFAULT_WEIGHTS
    metrics: Collection[str] = tuple(METRICS)
    dimensions: tuple[str, ...] = _DIMENSIONS
    lateness: int = 5 * MINUTE
    seen_limit: int = 5_000_000


class Handlers:
    """All of them, for one set of rules.

    of: who looks at each type of event, of a customer and of a review. wakes: by what remembers a record, who is told
    when it is time to look at it again.
    """

    def __init__(self, settings: ShardSettings, roles: frozenset[Role], step: Step) -> None:
        self._settings, self._step = settings, step
        self.rules = settings.rules.by_id()
        groupings = (
            *((name,) for name in settings.dimensions),
            *(rule.by for rule in settings.rules.on_metrics() if not rule.measured.matches),
        )
        self._kept = Kept(settings.metrics)
        self.tally = Tally(settings.journey, groupings, self._kept)
        self.reviews = Reviews(step, self.tally, settings.weights)
        self._contacts, self._promises = Contacts(step, self.tally), Promises(step, self.tally)
        self._moods, self._ways = Moods(step, self.tally), Ways(step, self.tally, settings.journey)
        helped = self._moods.helped if self._kept.any_of(*Moods.COUNTS) else None
        self.follow_ups = FollowUps(step, self.rules, settings.clock, helped)
        self.alerts = Alerts(
            step, self.follow_ups.alert_fired, self.follow_ups.alert_retracted,
            hand_over=Role.CUSTOMER not in roles,
        )  # fmt: skip
        self.wakes: dict[str, Callable[[Ref, Remembered, int], None]] = {
            "@followup": self.follow_ups.on_wake,
            "@followup-without-customer": self.follow_ups.on_wake,
            Reviews.WHAT: self.reviews.on_wake,
            Contacts.WHAT: self._contacts.on_wake,
            Promises.WHAT: self._promises.on_wake,
            Moods.WHAT: self._moods.on_wake,
            Ways.WHAT: self._ways.on_wake,
        }
        self.of: dict[Role, dict[type[m.Event], Index]] = {role: self._handlers_of(role) for role in Role}

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
            self.wakes[feed.what] = feed.on_wake
        for matches in self._settings.rules.counted().values():
            kind, journey = matches.pattern.event, self._settings.journey
            if (kind in m.REVIEWS) is not (role is Role.REVIEW):
                continue
            if kind is m.ReviewPosted:
                reviews = ReviewCounter(matches, journey, self.tally, self._step)
                handlers[kind].append((None, reviews.on_event))
                self.wakes[reviews.what] = reviews.on_wake
            else:
                counter = MatchCounter(matches, journey, self.tally)
                handlers[kind].append((matches.pattern, counter.on_event))
        answers: dict[str, Answers] = {}
        histories: dict[str, History] = {}
        for rule in self._settings.rules.of(role):
            known = self._known(rule, histories)
            if isinstance(rule, SequenceRule):
                sequence = SequenceEpisodes(rule, self._step, self.alerts, known)
                for kind in dict.fromkeys(one.event for one in rule.steps):
                    of_kind = [one for one in rule.steps if one.event is kind]
                    when = of_kind[0] if len(of_kind) == 1 and kind not in m.REVIEWS else None
                    handlers[kind].append((when, sequence.on_event))
                self.wakes[sequence.what] = sequence.on_wake
                continue
            kind = rule.when.event
            # A version of a review ends what an older one began, even if it matches nothing itself.
            when = None if kind in m.REVIEWS else rule.when
            if isinstance(rule, AbsenceRule):
                what = Answers.what(rule)
                if what not in answers:
                    answers[what] = Answers(what, rule, self._step)
                absence = AbsenceEpisodes(
                    rule, self._step, self.alerts, known, answers[what], feeds[rule.unless.event]
                )
                handlers[kind].append((when, absence.on_event))
                self.wakes[rule.id] = self.wakes[absence.past] = absence.on_wake
                for stop in dict.fromkeys(one.event for one in rule.pause or ()):
                    handlers[stop].append((None, absence.on_stop))
            elif isinstance(rule, CountRule):
                count = CountEpisodes(rule, self._step, self.alerts, known)
                handlers[kind].append((when, count.on_event))
                self.wakes[rule.id] = self.wakes[count.past] = count.on_wake
            else:
                handlers[kind].append(
                    (rule.when, EventEpisodes(rule, self._step, self.alerts, known).on_event)
                )
        # Last: what an event tells is known after it, and it may answer itself, once it has been asked.
        for what, history in histories.items():
            handlers[history.pattern.event].append((None, history.on_event))
            self.wakes[what] = history.on_wake
        for what, some in answers.items():
            handlers[some.unless.event].append((some.unless, some.on_event))
            self.wakes[what] = some.on_wake
        return {kind: Index(found) for kind, found in handlers.items() if found}

    def _measuring(self) -> Iterable[tuple[type[m.Event], Handler]]:
        """Who counts events of customers for the metrics that are kept. The histories of others are not remembered."""
        kept = self._kept
        yield from Events(self.tally, self._settings.weights).counters().items()
        if kept.any_of(*Moods.COUNTS):
            yield m.SurveyAnswered, self._moods.answered
        if kept.any_of(*Ways.COUNTS):
            yield m.TouchpointVisited, self._ways.visited
            yield m.PurchaseCompleted, self._ways.purchased
        if kept.any_of(*Contacts.COUNTS):
            yield m.ContactOpened, self._contacts.opened
            yield m.ContactReplied, self._contacts.replied
            yield m.ContactResolved, self._contacts.resolved
            yield m.ContactReopened, self._contacts.reopened
        if kept.any_of(*Promises.COUNTS):
            yield m.PromiseMade, self._promises.made
            yield m.PromiseKept, self._promises.kept
            yield m.PromiseBroken, self._promises.broken

    def _feeds(self, role: Role) -> dict[type[m.Event], Feed]:
        """Of the events that some rule waits for, and of those of which a rule wants to know that they come."""
        rules = self._settings.rules
        kinds = [rule.unless.event for rule in rules.of(role) if isinstance(rule, AbsenceRule)]
        for rule in rules.on_silence():
            kinds += [kind for kind in rule.events if (kind in m.REVIEWS) is (role is Role.REVIEW)]
        return {kind: Feed(role, kind, self._step, self.tally) for kind in dict.fromkeys(kinds)}

    def _known(self, rule: ShardRule, histories: dict[str, History]) -> Known:
        of = []
        for given in rule.given:
            what = History.what(given)
            history = histories.setdefault(what, History(what, given, self._step))
            history.join(given)
            of.append(history)
        return Known(rule.given, of)
