"""What an event must look like: its type, and conditions on its data, joined by all, any and not."""

from __future__ import annotations

import operator
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Final

from pipeline.events.model import Data, Event, event_name
from pipeline.rules.condition import Comparison

Getter = Callable[[Data], Any]
Predicate = Callable[[Data], bool]


@dataclass(frozen=True, slots=True)
class Term:
    """A condition on one field. silent: it only says whose rule it is, and is no reason for an alert."""

    field: str
    comparison: Comparison
    silent: bool = False

    def predicate(self) -> Predicate:
        """Does an event's data meet it?"""
        get, test = getter(self.field), self.comparison.test()
        return lambda data: test(get(data))

    def __str__(self) -> str:
        return f"{self.field} {self.comparison.sign} {self.comparison.right!r}"


@dataclass(frozen=True, slots=True)
class Either:
    """Ways to meet a condition, one of which is enough; all conditions of that one hold.

    negated: it is what is left of a `not`, where a way that nobody can go is no mistake.
    """

    ways: tuple[tuple[Condition, ...], ...]
    negated: bool = False

    def predicate(self) -> Predicate:
        """Does an event's data meet one of them?"""
        ways = tuple(map(_all, self.ways))
        return lambda data: any(way(data) for way in ways)

    def __str__(self) -> str:
        return " or ".join(f"({', '.join(map(str, way))})" for way in self.ways)


Condition = Term | Either
#: A field, the condition on it, and the value that met it.
Met = tuple[str, Comparison, Any]


@dataclass(frozen=True, slots=True)
class Pattern:
    """An event, and conditions on its data, all of which hold."""

    event: type[Event]
    conditions: tuple[Condition, ...] = ()

    @property
    def name(self) -> str:
        """The event's name, such as survey.answered."""
        return event_name(self.event)

    def predicate(self) -> Predicate:
        """Does an event's data match?"""
        return _all(self.conditions)

    def values(self, data: Data) -> list[Any]:
        """The values that the conditions looked at, in their order."""
        return [_shown(getter(term.field)(data)) for term in terms(self.conditions)]

    def met(self, values: Sequence[Any]) -> list[Met]:
        """The conditions that these values met. Of ways to meet one, the first that was gone."""
        found: list[Met] = []
        _meet(self.conditions, iter(values), found)
        return found


def terms(conditions: Sequence[Condition]) -> Iterator[Term]:
    """Every condition on a field, in the order in which they are written."""
    for condition in conditions:
        if isinstance(condition, Term):
            yield condition
        else:
            for way in condition.ways:
                yield from terms(way)


def getter(name: str) -> Getter:
    """Reads a field of an event's data; `attributes.NAME` reads one of its own dimensions."""
    found = _getters.get(name)
    if found is None:
        found = _getters[name] = _getter(name)
    return found


#: To make one costs as much as to read a field twenty times. They are as many as rules name fields.
_getters: Final[dict[str, Getter]] = {}


def _getter(name: str) -> Getter:
    if name.startswith("attributes."):
        inner = name.removeprefix("attributes.")
        return lambda data: data.attributes.get(inner) if data.attributes else None
    return operator.attrgetter(name)


def _all(conditions: Sequence[Condition]) -> Predicate:
    predicates = tuple(condition.predicate() for condition in conditions)
    if not predicates:
        return lambda data: True
    if len(predicates) == 1:
        return predicates[0]
    return lambda data: all(holds(data) for holds in predicates)


def _meet(conditions: Sequence[Condition], values: Iterator[Any], found: list[Met]) -> bool:
    """Do all of them hold? Takes the value of each from `values`."""
    hold = True
    for condition in conditions:
        if isinstance(condition, Term):
            value = next(values)
            if not condition.silent:
                found.append((condition.field, condition.comparison, value))
            hold = condition.comparison.test()(value) and hold
            continue
        gone = False
        for way in condition.ways:
            met: list[Met] = []
            if _meet(way, values, met) and not gone:
                found += met
                gone = True
        hold = gone and hold
    return hold


def _shown(value: Any) -> Any:
    """A value as reasons show it: they are kept, and a comment may be long."""
    return f"{value[:_SHOWN]}…" if isinstance(value, str) and len(value) > _SHOWN else value


_SHOWN: Final = 200
