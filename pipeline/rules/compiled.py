"""Rules as the shards use them. They never change; what they remember of a key is an episode."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from enum import StrEnum

from pipeline.events.model import Event
from pipeline.rules.condition import Comparison
from pipeline.rules.pattern import Pattern
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

    shadow: it is shown what the rule would do, and nobody acts on it; it has no plan.
    given: what must be known of the customer when the rule's event, or the first of several, happens.
    """

    id: str
    summary: str
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


#: Conditions on dimensions of a series.
Narrow = tuple[tuple[str, Comparison], ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class MetricRule(Rule):
    """A limit on a rolling metric, or a change of it. window, hold: ms; samples: on their number.

    only, apart: the series that it is for, all of them, and those that others are for instead, any of them.

    clear: None is "not limit"; a change is over when it is less than half of what it must be.
    """

    metric: str
    by: tuple[str, ...]
    window: int
    limit: Comparison | Change
    samples: Comparison
    hold: int
    clear: Comparison | None
    only: tuple[Narrow, ...] = ()
    apart: tuple[Narrow, ...] = ()

    @property
    def kind(self) -> Kind:
        return Kind.METRIC


@dataclass(frozen=True, slots=True, kw_only=True)
class SilenceRule(Rule):
    """Events that have stopped coming, each for itself."""

    events: tuple[type[Event], ...]

    @property
    def kind(self) -> Kind:
        return Kind.SILENCE


ShardRule = EventRule | CountRule | SequenceRule | AbsenceRule
AnyRule = ShardRule | MetricRule | SilenceRule


@dataclass(frozen=True, slots=True)
class RuleSet:
    """All enabled rules. version: the same for the same rules, on every machine."""

    rules: tuple[AnyRule, ...]
    version: str

    def by_id(self) -> Mapping[str, AnyRule]:
        """Rules by their id."""
        return {rule.id: rule for rule in self.rules}

    def of(self, role: Role) -> Iterable[ShardRule]:
        """The rules on events of shards with this role."""
        return (
            rule
            for rule in self.rules
            if not isinstance(rule, MetricRule | SilenceRule) and rule.role is role
        )

    def on_metrics(self) -> Iterable[MetricRule]:
        """The rules that the board judges."""
        return (rule for rule in self.rules if isinstance(rule, MetricRule))

    def on_silence(self) -> Iterable[SilenceRule]:
        """The rules on events that stop coming."""
        return (rule for rule in self.rules if isinstance(rule, SilenceRule))
