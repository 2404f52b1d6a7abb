"""What the matches of the rules about events become."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial

from tests.oracle.followups import Timer
from tests.oracle.reading import DAY, Event
from tests.oracle.rules import Alert, Outputs, Rule, derived

EXPIRES = 28 * DAY
ANSWERS = 32  # kept for one value of `same`


@dataclass
class Match:
    """A match of a rule: an event, the last of a run, or an A. time: when it fires, if it does."""

    rule: Rule
    key: str
    event: Event
    time: int
    order: int
    state: str = "new"  # pending, held, done (silently) or fired
    alert: Alert | None = None
    holds: list[Match] = field(default_factory=list)  # fired: what it holds back, in order

    @property
    def firing(self) -> bool:
        return self.alert is not None and self.alert.state == "firing"


class Episodes:
    """All matches of one role of a shard.

    raised: what else happens when an alert fires (its follow-up); withdrawn: when one is retracted.
    """

    def __init__(
        self,
        rules: list[Rule],
        outputs: Outputs,
        raised: Callable[[Alert], None],
        withdrawn: Callable[[Alert, int], None],
    ) -> None:
        self.rules = rules
        self.outputs = outputs
        self.raised = raised
        self.withdrawn = withdrawn
        self.events: list[Event] = []  # all that were applied, in order of arrival
        self.matches: list[Match] = []
        self.fired: list[Match] = []  # in order of firing

    # -- an event arrives

    def apply(self, event: Event, order: int, watermark: int, seen: int) -> None:
        """Judge an event. order: of arrival; watermark: with this event; seen: the greatest event time."""
        self.events.append(event)
        for rule in self.rules:
            if rule.kind == "absence":
                self.answer(rule, event, seen)
                self.edit(rule, event, seen)
            if rule.when.matches(event):
                if rule.kind == "event":
                    self.judge(Match(rule, rule.key(event), event, event.time, order), watermark)
                elif rule.kind == "count":
                    self.count(rule, event, order, watermark)
                else:
                    self.miss(rule, event, order, watermark)

    def count(self, rule: Rule, event: Event, order: int, watermark: int) -> None:
        """The earliest run of n consecutive matches that contains the event and is short enough."""
        key, same, n = rule.key(event), rule.same_value(event), rule.at_least
        matches = [e for e in self.events if rule.when.matches(e)]
        matches = [e for e in matches if rule.key(e) == key and rule.same_value(e) == same]
        matches.sort(key=lambda e: e.time)  # stable: equals stay in order of arrival
        for i in range(len(matches) - n + 1):
            run = matches[i : i + n]
            if any(e is event for e in run) and run[-1].time - run[0].time < rule.within:
                self.judge(Match(rule, key, run[-1], run[-1].time, order), watermark)
                return

    def miss(self, rule: Rule, event: Event, order: int, watermark: int) -> None:
        """An A: wait for its B, unless one is known."""
        match = Match(rule, rule.key(event), event, event.time + rule.within, order, "pending")
        if self.in_time(match):
            return
        self.matches.append(match)
        if match.time < watermark:
            self.judge(match, watermark)

    def answers(self, match: Match) -> list[Event]:
        """The Bs that could answer an A, by time."""
        rule = match.rule
        assert rule.unless is not None
        same = rule.same_value(match.event)
        bs = [e for e in self.events if rule.unless.matches(e)]
        bs = [e for e in bs if rule.key(e) == match.key and rule.same_value(e) == same]
        return [e for e in sorted(bs, key=lambda e: e.time)[-ANSWERS:] if e.time >= match.event.time]

    def in_time(self, match: Match) -> bool:
        return any(e.time <= match.time for e in self.answers(match))

    def answer(self, rule: Rule, event: Event, seen: int) -> None:
        """A B: end what it answers."""
        for match in [m for m in self.matches if m.rule is rule]:
            if not any(e is event for e in self.answers(match)):
                continue
            if event.time <= match.time and match.state == "pending":
                match.state = "done"
            elif event.time <= match.time and match.firing:
                self.retract(match, seen, "late_truth")
            elif event.time > match.time and match.firing and match.alert is not None:
                self.outputs.resolve(match.alert, event.time, "answered_late")

    # -- edits of a review

    def later_versions(self, match: Match) -> list[Event]:
        if match.event.type != "review.posted":
            return []
        name = match.event.data["review_id"]
        versions = [e for e in self.events if e.type == "review.posted" and e.data["review_id"] == name]
        return sorted((e for e in versions if e.version > match.event.version), key=lambda e: e.version)

    def edit(self, rule: Rule, event: Event, seen: int) -> None:
        """A newer version of a review: end the episodes of older ones."""
        for match in [m for m in self.matches if m.rule is rule]:
            if not any(e is event for e in self.later_versions(match)):
                continue
            if match.time >= event.time and match.state == "pending":
                match.state = "done"
            elif match.time >= event.time and match.firing:
                self.retract(match, seen, "edited")
            elif match.time < event.time and match.firing and not rule.when.matches(event):
                assert match.alert is not None
                self.outputs.resolve(match.alert, event.time, "edited")

    # -- firing

    def judge(self, match: Match, watermark: int) -> None:
        """Fire a match, unless an earlier firing holds it."""
        if match.rule.every is not None:
            standing = [m for m in self.fired if m.rule is match.rule and m.key == match.key]
            standing = [m for m in standing if m.alert is not None and m.alert.state != "retracted"]
            if standing and abs(match.time - standing[-1].time) <= match.rule.every:
                match.state = "held"
                standing[-1].holds.append(match)
                return
        self.fire(match, watermark)

    def fire(self, match: Match, watermark: int) -> None:
        rule = match.rule
        alert_id = "a-" + derived(rule.id, match.key, match.event.episode)
        customer = match.event.subject
        alert = Alert(
            alert_id, rule.id, rule.kind, rule.severity, match.key, match.time, customer, rule.follow_up
        )
        alert.start = match.time if rule.kind == "absence" else max(match.time, watermark)
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
        late = [(e, "answered_late") for e in self.answers(match) if e.time > match.time]
        later = [e for e in self.later_versions(match) if e.time > match.time]
        late += [(e, "edited") for e in later if not match.rule.when.matches(e)]
        if late:  # the earliest; of equals, the first to arrive
            event, code = min(late, key=lambda end: (end[0].time, self.events.index(end[0])))
            self.outputs.resolve(match.alert, event.time, code)

    def retract(self, match: Match, seen: int, code: str) -> None:
        """Take an alert back, and judge again what it held."""
        assert match.alert is not None
        match.alert.state = "retracted"
        self.outputs.alert(match.alert, "retracted", seen, code=code)
        self.withdrawn(match.alert, seen)
        for held in match.holds:
            edited = any(e.time <= held.time for e in self.later_versions(held))
            if held.rule.kind == "absence" and (edited or self.in_time(held)):
                held.state = "done"
            else:
                self.judge(held, seen)  # an absence: its clock looks at no watermark
        match.holds = []

    # -- time passes

    def timers(self) -> list[Timer]:
        timers: list[Timer] = []
        for match in self.matches:
            if match.state == "pending":
                timers.append((match.time, match.order, partial(self.judge, match, match.time)))
            elif match.firing:
                due = match.time + EXPIRES
                timers.append((due, match.order, partial(self.expire, match, due)))
        return timers

    def expire(self, match: Match, time: int) -> None:
        assert match.alert is not None
        self.outputs.resolve(match.alert, time, "expired")
