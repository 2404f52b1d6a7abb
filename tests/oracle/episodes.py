"""What the matches of the rules about events become."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial

from tests.oracle.followups import Timer
from tests.oracle.pace import Feed, next_quarter
from tests.oracle.reading import DAY, Event
from tests.oracle.rules import Alert, Outputs, Rule, derived, value_of

EXPIRES = 28 * DAY
CORRECTION = 7 * DAY
ANSWERS = 32  # kept for one value of `same`
HELD = 32  # kept for one key
REVIEW = "review.posted"


@dataclass
class Match:
    """A match of a rule: an event, the last of a run, or an A. time: when it fires, if it does.

    early: the Bs that were known when an A arrived. again: when to look again, because its Bs had stopped coming.
    """

    rule: Rule
    key: str
    event: Event
    time: int
    order: int
    state: str = "new"  # pending, held, done (silently) or fired
    alert: Alert | None = None
    holds: list[Match] = field(default_factory=list)  # fired: what it holds back, in order
    early: list[Event] = field(default_factory=list)
    again: int = 0

    @property
    def due(self) -> int:
        """When an absence is judged, and what its memory is counted from."""
        return max(self.time, self.again)

    @property
    def waits(self) -> bool:
        """May it still have to fire?"""
        return self.state in ("pending", "held")

    @property
    def firing(self) -> bool:
        return self.alert is not None and self.alert.state == "firing"

    @property
    def resolved(self) -> bool:
        return self.alert is not None and self.alert.state == "resolved"


class Episodes:
    """All matches of one role of a shard.

    raised: what else happens when an alert fires (its follow-up); withdrawn: when one is retracted.
    feeds: the events that absences wait for, and those that rules want to know of whether they come.
    """

    def __init__(
        self,
        rules: list[Rule],
        outputs: Outputs,
        raised: Callable[[Alert], None],
        withdrawn: Callable[[Alert, int], None],
        feeds: list[Feed],
    ) -> None:
        self.rules = rules
        self.feeds = {feed.event: feed for feed in feeds}
        self.outputs = outputs
        self.raised = raised
        self.withdrawn = withdrawn
        self.events: list[Event] = []  # all that were applied, in order of arrival
        self.events_of: dict[str, list[Event]] = {}  # the same, by key
        self.matches: list[Match] = []  # whose time will come
        self.matches_of: dict[tuple[str, str], list[Match]] = {}  # all, by rule and key
        self.fired: list[Match] = []  # in order of firing
        self.held: list[Match] = []  # in the order in which they were held
        self.watermark = 0

    # -- an event arrives

    def apply(self, event: Event, order: int, watermark: int, seen: int) -> None:
        """Judge an event. order: of arrival; watermark: with this event; seen: the greatest event time."""
        self.events.append(event)
        for key in {rule.key(event) for rule in self.rules}:  # all of a role have the same
            self.events_of.setdefault(key, []).append(event)
        for feed in self.feeds.values():
            feed.take(event, watermark)
        for rule in self.rules:
            if rule.kind == "absence":
                if rule.stops(event):
                    self.stop(rule, event)
                self.answer(rule, event, seen)
                if event.type == REVIEW:
                    self.edit(rule, event, seen)
            if rule.kind == "sequence":
                self.follow(rule, event, order, watermark)
            elif rule.when.matches(event):
                if rule.kind == "event":
                    self.complete(rule, event, order, watermark)
                elif rule.kind == "count":
                    self.count(rule, event, order, watermark)
                else:
                    self.miss(rule, event, order, watermark)

    def count(self, rule: Rule, event: Event, order: int, watermark: int) -> None:
        """The earliest run of n consecutive matches that contains the event and is short enough."""
        key, same, n = rule.key(event), rule.same_value(event), rule.at_least
        matches = [e for e in self.events_of[key] if rule.when.matches(e) and rule.same_value(e) == same]
        matches = [e for e in matches if e is event or e.time + rule.within + CORRECTION >= watermark]
        if not rule.about_reviews and rule.same != "review_id":
            matches = [e for e in matches if not self.later_versions(rule, e)]
        matches.sort(key=lambda e: e.time)  # stable: equals stay in order of arrival
        for i in range(len(matches) - n + 1):
            run = matches[i : i + n]
            if any(e is event for e in run) and run[-1].time - run[0].time < rule.within:
                self.complete(rule, run[-1], order, watermark)
                return

    def follow(self, rule: Rule, event: Event, order: int, watermark: int) -> None:
        """Of the runs with the event, one event for each step and in time, the one that is over first."""
        if not any(step.matches(event) for step in rule.steps):
            return
        key, same = rule.key(event), rule.same_value(event)
        of = [e for e in self.events_of[key] if rule.same_value(e) == same]
        of = sorted((e for e in of if not self.later_versions(rule, e)), key=lambda e: e.time)
        runs: list[list[int]] = [[]]
        for step in rule.steps:
            fits = [n for n, e in enumerate(of) if step.matches(e)]
            runs = [[*run, n] for run in runs for n in fits if not run or n > run[-1]]
        runs = [run for run in runs if of[run[-1]].time - of[run[0]].time <= rule.within]
        runs = [run for run in runs if any(of[n] is event for n in run)]
        if runs:
            self.complete(rule, of[min(run[-1] for run in runs)], order, watermark)

    def complete(self, rule: Rule, event: Event, order: int, watermark: int) -> None:
        """A match is complete with an event; it may arrive later than others, but fires once."""
        if rule.kind != "event" and any(m.rule is rule and m.event is event for m in self.fired):
            return
        if self.known_of(rule, event):
            self.judge(Match(rule, rule.key(event), event, event.time, order), watermark)

    def known_of(self, rule: Rule, event: Event) -> bool:
        """Whether all holds that must be known of the customer when an event happens."""
        before = self.events_of[rule.key(event)]
        for given in rule.given:
            of = before[:-1]  # what arrives now is known after it
            if given.same is not None:
                of = [e for e in of if value_of(given.same, e) == value_of(given.same, event)]
            newest = {e.data["review_id"]: e for e in sorted(of, key=lambda e: e.version) if e.type == REVIEW}
            of = [e for e in of if e.type != REVIEW or newest[e.data["review_id"]] is e]
            if not given.holds(of, event.time):
                return False
        return True

    def miss(self, rule: Rule, event: Event, order: int, watermark: int) -> None:
        """An A: wait for its B, unless one is known, or the A itself."""
        deadline = rule.deadline(event, self.beside(rule, event))
        if deadline is None:
            return
        match = Match(rule, rule.key(event), event, deadline, order, "pending")
        of = self.events_of[match.key]
        kept = [e for e in of if e.time + CORRECTION >= watermark and self.is_b(match, e)]
        match.early = sorted(kept, key=lambda e: e.time)[-ANSWERS:]
        same = [m for m in self.waited(rule, event) if m.event.episode == event.episode]
        if any(e.time <= match.time for e in match.early) or any(self.known(m) for m in same):
            return
        if not self.known_of(rule, event):
            return
        self.matches.append(match)
        self.matches_of.setdefault((rule.id, match.key), []).append(match)
        if match.time < watermark:
            self.come_due(match, watermark)

    def come_due(self, match: Match, at: int) -> None:
        """Judge an absence, unless nobody knows: while its Bs have stopped coming."""
        assert match.rule.unless is not None
        if self.feeds[match.rule.unless.event].silent:
            # Only an event can end that: until the watermark, each quarter of an hour would say the same.
            match.again = next_quarter(max(at, self.watermark - 1))
        else:
            self.judge(match, at)

    def beside(self, rule: Rule, event: Event) -> list[Event]:
        """What is known of the same thing."""
        same = rule.same_value(event)
        return [e for e in self.events_of[rule.key(event)] if rule.same_value(e) == same]

    def waited(self, rule: Rule, event: Event) -> list[Match]:
        """The matches of a rule with the key of an event."""
        return self.matches_of.get((rule.id, rule.key(event)), [])

    def stop(self, rule: Rule, event: Event) -> None:
        """What waits has another deadline now; what came too late for the old one may be in time for this one."""
        for match in self.waited(rule, event):
            of = self.beside(rule, match.event) if match.state == "pending" else []
            if any(e is event for e in of) and match.event.time <= event.time:
                match.time = rule.clock(match.event, of)
                answers = [e for e in [*match.early, *self.events_of[match.key]] if self.is_b(match, e)]
                if any(e.time <= match.time for e in answers):
                    match.state = "done"

    def is_b(self, match: Match, event: Event) -> bool:
        """Could the event answer an A, in time or not?"""
        rule = match.rule
        assert rule.unless is not None
        return (
            rule.unless.matches(event)
            and rule.key(event) == match.key
            and rule.same_value(event) == rule.same_value(match.event)
            and event.time >= match.event.time
        )

    def known(self, match: Match) -> bool:
        """Whether the episode of an A is remembered."""
        return (
            match.state == "pending"
            or match.firing
            or (match.state == "held" and match.due + EXPIRES >= self.watermark)
            or (match.resolved and match.due + CORRECTION >= self.watermark)
        )

    def answer(self, rule: Rule, event: Event, seen: int) -> None:
        """A B: end what it answers."""
        of = [m for m in self.waited(rule, event) if self.is_b(m, event)]
        self.end([m for m in of if event.time <= m.time], seen, "late_truth")
        for match in of:
            if event.time > match.time and match.firing and match.alert is not None:
                self.outputs.resolve(match.alert, event.time, "answered_late")

    def end(self, matches: list[Match], seen: int, code: str) -> None:
        """What should never fire, or should never have fired: first what waits, then the alerts."""
        for match in matches:
            if match.waits:
                match.state = "done"
        for match in matches:
            if match.alert is not None and self.known(match):
                self.retract(match, seen, code)

    # -- edits of a review

    def later_versions(self, rule: Rule, event: Event) -> list[Event]:
        """The newer versions of a review that its key knows of."""
        if event.type != "review.posted":
            return []
        of = [e for e in self.events_of[rule.key(event)] if e.type == "review.posted"]
        of = [e for e in of if e.data["review_id"] == event.data["review_id"]]
        return [e for e in of if e.version > event.version]

    def edits(self, match: Match) -> list[Event]:
        """What replaces the A of a match."""
        same = match.rule.same_value(match.event)
        later = self.later_versions(match.rule, match.event)
        return [e for e in later if match.rule.same_value(e) == same]

    def edit(self, rule: Rule, event: Event, seen: int) -> None:
        """A newer version of a review: end the episodes of older ones."""
        of = [m for m in self.waited(rule, event) if any(e is event for e in self.edits(m))]
        self.end([m for m in of if event.time <= m.time], seen, "edited")
        for match in of:
            if event.time > match.time and match.firing and not rule.when.matches(event):
                assert match.alert is not None
                self.outputs.resolve(match.alert, event.time, "edited")

    # -- firing

    def judge(self, match: Match, watermark: int) -> None:
        """Fire a match, unless an earlier firing holds it."""
        standing = self.standing(match, watermark)
        if standing and abs(match.time - standing[-1].time) <= (match.rule.every or 0):
            match.state = "held"
            standing[-1].holds.append(match)
            self.remember(match)
        else:
            self.fire(match, watermark)

    def standing(self, match: Match, watermark: int) -> list[Match]:
        """The firings of its rule and key that are remembered and were not retracted, by arrival."""
        rule, same = match.rule, match.rule.same_value(match.event)
        fired = [m for m in self.fired if m.rule is rule and m.key == match.key]
        fired = [m for m in fired if not rule.apart or rule.same_value(m.event) == same]
        fired = [m for m in fired if m.alert is not None and m.alert.state != "retracted"]
        known = rule.every is not None and any(m.time + rule.every + CORRECTION >= watermark for m in fired)
        return fired if known else []

    def remember(self, match: Match) -> None:
        """Remember what is held; the oldest of its key makes room."""
        self.held = [m for m in self.held if m.state == "held" and m is not match] + [match]
        of_key = [m for m in self.held if m.rule is match.rule and m.key == match.key]
        if len(of_key) > HELD:
            self.held = [m for m in self.held if m is not of_key[0]]

    def fire(self, match: Match, watermark: int) -> None:
        rule = match.rule
        alert_id = "a-" + derived(rule.id, match.key, match.event.episode)
        customer = match.event.subject
        alert = Alert(
            alert_id, rule.id, rule.kind, rule.severity, match.key, match.time, customer, rule.follow_up
        )
        alert.start = match.due if rule.kind == "absence" else max(match.time, watermark)
        match.state, match.alert = "fired", alert
        self.fired.append(match)
        self.outputs.alert(alert, "fired", match.time)
        self.raised(alert)
        if rule.kind == "absence":
            self.resolve_at_once(match)

    def resolve_at_once(self, match: Match) -> None:
        """What was already seen after the deadline resolves the alert that has just fired."""
        if match.alert is None:
            return
        since = self.events_of[match.key]
        since = since[next(n for n, e in enumerate(since) if e is match.event) + 1 :]
        answers = match.early + [e for e in since if self.is_b(match, e)]
        late = [(e, "answered_late") for e in answers if e.time > match.time]
        later = [e for e in self.edits(match) if e.time > match.time]
        late += [(e, "edited") for e in later if not match.rule.when.matches(e)]
        if late:  # the earliest; of equals, the first to arrive
            event, code = min(late, key=lambda end: (end[0].time, self.place(end[0])))
            self.outputs.resolve(match.alert, event.time, code)

    def place(self, event: Event) -> int:
        """Which of all that arrived it is: the same event may come again when its id is forgotten."""
        return next(n for n, other in enumerate(self.events) if other is event)

    def retract(self, match: Match, seen: int, code: str) -> None:
        """Take an alert back, and judge again what it held."""
        assert match.alert is not None
        known = self.standing(match, self.watermark)
        match.alert.state = "retracted"
        self.outputs.alert(match.alert, "retracted", seen, code=code)
        self.withdrawn(match.alert, seen)
        for held in match.holds if known else []:
            if self.known(held) and any(m is held for m in self.held):
                self.judge(held, self.watermark)
        match.holds = []

    @property
    def all(self) -> list[Match]:
        """What has waited."""
        return [match for of in self.matches_of.values() for match in of]

    # -- time passes

    def pass_time(self, watermark: int) -> None:
        self.watermark = watermark
        self.matches = [m for m in self.matches if m.waits or m.firing]

    def timers(self, before: int) -> list[Timer]:
        """What is due before a moment."""
        timers = [timer for feed in self.feeds.values() for timer in feed.timers(before)]
        for match in self.matches:
            rule = match.rule
            due = match.due if match.state == "pending" else match.due + EXPIRES
            if due >= before or not (match.state == "pending" or match.firing):
                continue
            happens = self.come_due if match.state == "pending" else self.expire
            name = (rule.id, match.key, str(rule.same_value(match.event)) if rule.same else "")
            timers.append((due, name, match.order, partial(happens, match, due)))
        return timers

    def expire(self, match: Match, at: int) -> None:
        assert match.alert is not None
        self.outputs.resolve(match.alert, at, "expired")
