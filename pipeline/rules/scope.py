"""Whom a rule with overrides is for: the events, or the series, that no earlier override has."""

from __future__ import annotations

from dataclasses import replace

from pipeline.errors import Mistake
from pipeline.rules import condition
from pipeline.rules.compiled import Narrow
from pipeline.rules.conditions import Conditions, opposite
from pipeline.rules.pattern import Condition, Pattern, Term
from pipeline.rules.share import For, Written
from pipeline.yaml_places import Document


class Scope:
    """The scope of one rule."""

    def __init__(
        self, rule: Written, document: Document, conditions: Conditions, mistakes: list[Mistake]
    ) -> None:
        self._rule, self._document, self._conditions = rule, document, conditions
        self._mistakes = mistakes

    @property
    def is_narrow(self) -> bool:
        """Are there others?"""
        return bool(self._rule.only or self._rule.apart)

    def narrowed(self, pattern: Pattern) -> Pattern:
        """The pattern for the events that are this rule's own."""
        more: list[Condition] = []
        for one in self._rule.only:
            more += self._on_events(pattern, one)
        for one in self._rule.apart:
            more += opposite(self._on_events(pattern, one))
        if more:
            conditions = (*pattern.conditions, *map(_silent, more))
            self._conditions.check(pattern.event, conditions, self._rule.path)
            return Pattern(pattern.event, conditions)
        return pattern

    def series(self, by: tuple[str, ...]) -> tuple[tuple[Narrow, ...], tuple[Narrow, ...]]:
        """The conditions on the dimensions of a series that it is for, and those that others are for instead."""
        only, apart = (
            tuple(self._on_series(one, by) for one in some) for some in (self._rule.only, self._rule.apart)
        )
        return only, apart

    def _on_events(self, pattern: Pattern, one: For) -> tuple[Condition, ...]:
        path, written = one
        found = self._conditions.pattern(pattern.name, written, path)
        return found.conditions if found is not None else ()

    def _on_series(self, one: For, by: tuple[str, ...]) -> Narrow:
        path, written = one
        found = []
        for name, raw in written.items():
            here = (*path, name)
            if name not in by:
                text = f'"{name}" is no dimension of this rule; it has by: [{", ".join(by)}]'
                self._mistakes.append(self._document.mistake(here, text, key=True))
                continue
            try:
                found.append((name, condition.parse(raw, text=True)))
            except ValueError as error:
                self._mistakes.append(self._document.mistake(here, f"{name}: {error}"))
        return tuple(found)


def _silent(condition: Condition) -> Condition:
    """Whose rule it is, is no reason for an alert."""
    if isinstance(condition, Term):
        return replace(condition, silent=True)
    return replace(condition, ways=tuple(tuple(map(_silent, way)) for way in condition.ways))
