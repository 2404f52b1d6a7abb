"""Rules as the shards use them. They never change; what they remember of a key is an episode."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from enum import StrEnum

from pipeline.events.model import Event
from pipeline.metrics.catalogue import Metric
from pipeline.metrics.counts import OF_RULES
from pipeline.rules.condition import Comparison
from pipeline.rules.pattern import Pattern
from pipeline.rules.texts import Texts
from pipeline.span import Span


class Role(StrEnum):
    """What a shard's keys are."""

    CUSTOMER = "customer"
    REVIEW = "review"


class Kind(StrEnum):
    """The shape of a rule."""

    EVENT = "event"
    COUNT = "count"
    SEQUENCE = "sequence"
    ABSENCE = "absence"
    METRIC = "metric"
    SILENCE = "silence"
    FIRST = "first"


@dataclass(frozen=True, slots=True)
class Plan:
    """The follow-up that an alert opens. escalate: (span from the start, who is told)."""

    team: str
    due: Span
    escalate: tuple[tuple[Span, str], ...] = ()


@dataclass(frozen=True, slots=True)
class Given:
    """What is known of a customer up to `within` ms before an event.

    last: the newest event of the pattern's kind that has the fields it looks at matches it; else at least `least`
    and at most `most` events match it. same: a field of both events that must agree.
    """

    pattern: Pattern
    within: int
    last: bool = False
    least: int = 1
    most: int | None = None
    same: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Rule:
    """What all rules have. every: cooldown in ms, or None. digest: changes with any part of the rule.

    summary: the title as it is written; texts: what alerts say.
    shadow: it is shown what the rule would do, and nobody acts on it; it has no plan.
    given: what must be known of the customer when the rule's event, or the first of several, happens.
    """

    id: str
    summary: str
    texts: Texts
    severity: str
    role: Role
    every: int | None
    plan: Plan | None
    digest: str
    shadow: bool = False
    given: tuple[Given, ...] = ()

    @property
    def kind(self) -> Kind:
        """The shape of the rule."""
        raise TypeError("a rule is one of its kinds")


@dataclass(frozen=True, slots=True, kw_only=True)
class EventRule(Rule):
    """A single event."""

    when: Pattern

    @property
    def kind(self) -> Kind:
        return Kind.EVENT


@dataclass(frozen=True, slots=True, kw_only=True)
class CountRule(Rule):
    """at_least events less than `within` ms apart, per key and value of the field `same`.

    every: None is `within`, for each value of `same` apart.
    """

    when: Pattern
    at_least: int
    within: int
    same: str | None

    @property
    def kind(self) -> Kind:
        return Kind.COUNT


@dataclass(frozen=True, slots=True, kw_only=True)
class SequenceRule(Rule):
    """Events in this order, the last at most `within` ms after the first, per key and value of the field `same`.

    every: None is `within`, for each value of `same` apart.
    """

    steps: tuple[Pattern, ...]
    within: int
    same: str | None

    @property
    def kind(self) -> Kind:
        return Kind.SEQUENCE


@dataclass(frozen=True, slots=True, kw_only=True)
class AbsenceRule(Rule):
    """An event that is not answered by another in time.

    before: a field of the event that names the time; within: ms, where it names none, or has no such field.
    pause: the clock stands still from the one event until the other.
    """

    when: Pattern
    unless: Pattern
    within: int | None
    before: str | None
    same: str | None
    pause: tuple[Pattern, Pattern] | None = None

    @property
    def kind(self) -> Kind:
        return Kind.ABSENCE


@dataclass(frozen=True, slots=True)
class Change:
    """A metric has moved by at least `by` (less than 0: down) against the part of `against` ms before its window.

    limit: by so many standard errors at least.
    """

    by: float
    against: int
    confidence: float
    limit: float


@dataclass(frozen=True, slots=True)
class Unusual:
    """A number is by at least the share `by` (less than 0: below) not what it was at these hours in `weeks` weeks.

    limit: by so many standard errors at least.
    """

    by: float
    weeks: int
    confidence: float
    limit: float


@dataclass(frozen=True, slots=True)
class Matches:
    """Events of all customers that a rule wants counted, by the values of fields. They have one name everywhere.

    whole: of a share what it is a share of, for both are counted in one place; None: it is the whole.
    """

    pattern: Pattern
    by: tuple[str, ...] = ()
    whole: Pattern | None = None

    @property
    def count(self) -> str:
        """The name of their count."""
        return _count_of(self.pattern)

    @property
    def dimensions(self) -> tuple[str, ...]:
        """Those of the series that they are counted in; the first says that the series is about nothing else."""
        return (_count_of(self.whole or self.pattern), *self.by)

    @property
    def name(self) -> str:
        """The name of what is counted: the count, and where."""
        return "/".join((self.count, *self.dimensions))


def _count_of(pattern: Pattern) -> str:
    conditions = sorted(map(str, pattern.conditions))
    digest = hashlib.blake2b(chr(0).join(conditions).encode(), digest_size=6).hexdigest()
    return f"{OF_RULES}{pattern.name}{f'#{digest}' if conditions else ''}"


@dataclass(frozen=True, slots=True)
class Measured:
    """What a rule measures.

    key: what alerts call it; title: the same in a sentence, in which {} is the key with the values of a series.
    matches: what shards count for it: of a number that, of a share the part and the whole; else nothing.
    """

    key: str
    metric: Metric
    title: str = "{}"
    matches: tuple[Matches, ...] = ()

    @property
    def is_number(self) -> bool:
        """Is it how many there are of something?"""
        return len(self.matches) == 1


#: Conditions on dimensions of a series.
Narrow = tuple[tuple[str, Comparison], ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class MetricRule(Rule):
    """A limit on what is measured, or a change of it. window, hold: ms; samples: on their number.

    only, apart: the series that it is for, all of them, and those that others are for instead, any of them.

    clear: None is "not limit"; a change is over when it is less than half of what it must be.
    """

    measured: Measured
    by: tuple[str, ...]
    window: int
    limit: Comparison | Change | Unusual
    samples: Comparison
    hold: int
    clear: Comparison | None
    only: tuple[Narrow, ...] = ()
    apart: tuple[Narrow, ...] = ()

    @property
    def kind(self) -> Kind:
        return Kind.METRIC

    @property
    def dimensions(self) -> tuple[str, ...]:
        """Those of the series that it looks at."""
        return self.measured.matches[0].dimensions if self.measured.matches else self.by


@dataclass(frozen=True, slots=True, kw_only=True)
class SilenceRule(Rule):
    """Events that have stopped coming, each for itself."""

    events: tuple[type[Event], ...]

    @property
    def kind(self) -> Kind:
        return Kind.SILENCE


@dataclass(frozen=True, slots=True, kw_only=True)
class FirstRule(Rule):
    """A value of a field that no event has had for `within` ms."""

    matches: Matches
    within: int

    @property
    def kind(self) -> Kind:
        return Kind.FIRST


ShardRule = EventRule | CountRule | SequenceRule | AbsenceRule
BoardRule = MetricRule | SilenceRule | FirstRule
AnyRule = ShardRule | BoardRule


@dataclass(frozen=True, slots=True)
class RuleSet:
    """All enabled rules. version: the same for the same rules, on every machine. disabled: the ids of the others."""

    rules: tuple[AnyRule, ...]
    version: str
    disabled: frozenset[str] = frozenset()

    def by_id(self) -> Mapping[str, AnyRule]:
        """Rules by their id."""
        return {rule.id: rule for rule in self.rules}

    def of(self, role: Role) -> Iterable[ShardRule]:
        """The rules on events of shards with this role."""
        return (rule for rule in self.rules if not isinstance(rule, BoardRule) and rule.role is role)

    def on_metrics(self) -> Iterable[MetricRule]:
        """The rules that the board judges."""
        return (rule for rule in self.rules if isinstance(rule, MetricRule))

    def metrics(self) -> set[str]:
        """The names of the metrics that some rule looks at."""
        return {rule.measured.key for rule in self.on_metrics() if not rule.measured.matches}

    def on_first(self) -> Iterable[FirstRule]:
        """The rules on values that are new."""
        return (rule for rule in self.rules if isinstance(rule, FirstRule))

    def counted(self) -> Mapping[str, Matches]:
        """All that shards count for rules, by its name."""
        found = [one for rule in self.on_metrics() for one in rule.measured.matches]
        return {one.name: one for one in (*found, *(rule.matches for rule in self.on_first()))}

    def awaited(self) -> set[type[Event]]:
        """The types of events that some rule waits for, or wants to know that they come."""
        waits = {rule.unless.event for rule in self.rules if isinstance(rule, AbsenceRule)}
        return waits | {event for rule in self.on_silence() for event in rule.events}

    def on_silence(self) -> Iterable[SilenceRule]:
        """The rules on events that stop coming."""
        return (rule for rule in self.rules if isinstance(rule, SilenceRule))
