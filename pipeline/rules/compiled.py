"""Rules as the shards use them. They never change; what they remember of a key is an episode."""

from __future__ import annotations

import operator
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Final

from pipeline.events.model import Data, Event
from pipeline.rules.condition import Comparison
from pipeline.span import Span

Getter = Callable[[Data], Any]


class Role(StrEnum):
    """What a shard's keys are."""

    CUSTOMER = "customer"
    REVIEW = "review"


class Kind(StrEnum):
    """The shape of a rule."""

    EVENT = "event"
    COUNT = "count"
    ABSENCE = "absence"
    METRIC = "metric"


@dataclass(frozen=True, slots=True)
class Pattern:
    """An event, and conditions on its data, all of which hold."""

    event: type[Event]
    conditions: tuple[tuple[str, Comparison], ...] = ()

    def predicate(self) -> Callable[[Data], bool]:
        """Does an event's data match?"""
        tests = tuple((getter(name), comparison.test()) for name, comparison in self.conditions)
        if not tests:
            return lambda data: True
        if len(tests) == 1:
            get, test = tests[0]
            return lambda data: test(get(data))
        return lambda data: all(test(get(data)) for get, test in tests)

    def values(self, data: Data) -> list[Any]:
        """The values that the conditions looked at, in their order."""
        return [_shown(getter(name)(data)) for name, _ in self.conditions]


@dataclass(frozen=True, slots=True)
class Plan:
    """The follow-up that an alert opens. escalate: (span from the start, who is told)."""

    team: str
    due: Span
    escalate: tuple[tuple[Span, str], ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Rule:
    """What all rules have. every: cooldown in ms, or None. digest: changes with any part of the rule."""

    id: str
    summary: str
    severity: str
    role: Role
    every: int | None
    plan: Plan | None
    digest: str

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
class AbsenceRule(Rule):
    """An event that is not answered by another within `within` ms."""

    when: Pattern
    unless: Pattern
    within: int
    same: str | None

    @property
    def kind(self) -> Kind:
        return Kind.ABSENCE


@dataclass(frozen=True, slots=True, kw_only=True)
class MetricRule(Rule):
    """A limit on a rolling metric. window, hold: ms; samples: on their number; clear: None is "not limit"."""

    metric: str
    by: tuple[str, ...]
    window: int
    limit: Comparison
    samples: Comparison
    hold: int
    clear: Comparison | None

    @property
    def kind(self) -> Kind:
        return Kind.METRIC


AnyRule = EventRule | CountRule | AbsenceRule | MetricRule


@dataclass(frozen=True, slots=True)
class RuleSet:
    """All enabled rules. version: the same for the same rules, on every machine."""

    rules: tuple[AnyRule, ...]
    version: str

    def by_id(self) -> Mapping[str, AnyRule]:
        """Rules by their id."""
        return {rule.id: rule for rule in self.rules}

    def of(self, role: Role) -> Iterable[EventRule | CountRule | AbsenceRule]:
        """The rules on events of shards with this role."""
        return (rule for rule in self.rules if not isinstance(rule, MetricRule) and rule.role is role)

    def on_metrics(self) -> Iterable[MetricRule]:
        """The rules that the board judges."""
        return (rule for rule in self.rules if isinstance(rule, MetricRule))


def _shown(value: Any) -> Any:
    """A value as reasons show it: they are kept, and a comment may be long."""
    return f"{value[:_SHOWN]}…" if isinstance(value, str) and len(value) > _SHOWN else value


_SHOWN: Final = 200


def getter(name: str) -> Getter:
    """Reads a field of an event's data; `attributes.NAME` reads one of its own dimensions."""
    if name.startswith("attributes."):
        inner = name.removeprefix("attributes.")
        return lambda data: data.attributes.get(inner) if data.attributes else None
    return operator.attrgetter(name)
