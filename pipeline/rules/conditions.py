"""Written conditions on an event become a pattern, if an event can ever meet them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from itertools import pairwise
from typing import Any

from pipeline.errors import Mistake
from pipeline.events.model import EVENTS_BY_NAME, Event, data_type, event_name
from pipeline.nearest import did_you_mean
from pipeline.rules import fields
from pipeline.rules.condition import Comparison, is_number
from pipeline.rules.pattern import Condition, Either, Pattern, Term
from pipeline.written import shown
from pipeline.yaml_places import Document, Path_

#: What joins conditions, and what stands under it.
JOINS = {
    "all": 'a list of maps, such as [{nps: "<= 6"}, {nps: ">= 3"}]',
    "any": 'a list of maps, such as [{nps: "<= 6"}, {csat: [1, 2]}]',
    "not": "a map, such as {channel: web}",
}
#: Conditions may be joined so deep.
_DEEPEST = 10


class Conditions:
    """Reads the conditions of one document. What is wrong is added to `mistakes`."""

    def __init__(self, document: Document, mistakes: list[Mistake]) -> None:
        self._document, self._mistakes = document, mistakes

    def pattern(self, event: str, written: Mapping[str, Any], path: Path_) -> Pattern | None:
        """The pattern of an event's name and conditions that stand at a path; None if there is no such event."""
        found = self.event(event, (*path, "event"))
        if found is None:
            return None
        before = len(self._mistakes)
        conditions = self._all(found, written, path)
        if len(self._mistakes) == before:
            self.check(found, conditions, path)
        return Pattern(found, conditions)

    def event(self, name: str, path: Path_) -> type[Event] | None:
        """The event of that name, which stands at a path; None if there is none."""
        found = EVENTS_BY_NAME.get(name.removeprefix("cx."))
        if found is None:
            self._wrong(path, f'unknown event "{name}"; {did_you_mean(name, EVENTS_BY_NAME)}')
        return found

    def check(self, event: type[Event], conditions: Iterable[Condition], path: Path_) -> None:
        """Say where no event can meet all of the conditions that stand at a path."""
        why = self._impossible(event, conditions, [])
        if why is not None:
            self._wrong(path, why)

    def field(self, name: str, event: type[Event], path: Path_, *, key: bool = False) -> bool:
        """Has the event a field of that name?"""
        data = data_type(event)
        if fields.known(data, name):
            return True
        of = event_name(event)
        self._wrong(path, f'"{of}" has no field "{name}"; {did_you_mean(name, fields.names(data))}', key=key)
        return False

    def _all(self, event: type[Event], written: Mapping[str, Any], path: Path_) -> tuple[Condition, ...]:
        found: list[Condition] = []
        for name, raw in written.items():
            here = (*path, name)
            if name in JOINS:
                found += self._joined(event, name, raw, here)
            elif self.field(name, event, here, key=True):
                try:
                    found.append(Term(name, fields.field_of(data_type(event), name).condition(raw)))
                except ValueError as error:
                    self._wrong(here, f"{name}: {error}")
        return tuple(found)

    def _joined(self, event: type[Event], join: str, raw: Any, path: Path_) -> Sequence[Condition]:
        maps = [raw] if join == "not" else raw
        is_right = isinstance(maps, list) and maps and all(isinstance(one, dict) and one for one in maps)
        if not is_right:
            listed = isinstance(raw, list) and join != "not"
            here = "it is empty" if raw in ([], {}) else "maps belong in it" if listed else shown(raw)
            self._wrong(path, f"{join}: {here}; write {JOINS[join]}")
            return []
        if sum(name in JOINS for name in path) > _DEEPEST:
            self._wrong(path, f"{join}: conditions are joined more than {_DEEPEST} deep; write two rules")
            return []
        if join == "not":
            return opposite(self._all(event, raw, path))
        ways = [self._all(event, one, (*path, number)) for number, one in enumerate(maps)]
        return [Either(tuple(ways))] if join == "any" else [one for way in ways for one in way]

    def _impossible(
        self, event: type[Event], conditions: Iterable[Condition], outer: Sequence[Term]
    ) -> str | None:
        """Why no event can meet all conditions, or go one of the written ways. outer: those that hold around them."""
        conditions = list(conditions)
        terms = [*outer, *(one for one in conditions if isinstance(one, Term))]
        for name in dict.fromkeys(term.field for term in terms):
            some = [term.comparison for term in terms if term.field == name]
            if len(some) > 1 and not _can_meet(fields.field_of(data_type(event), name), some):
                said = " and ".join(f'"{one}"' for one in dict.fromkeys(map(str, some)))
                return f"{name} cannot be {said} at once, so no event meets these conditions"
        for one in conditions:
            if isinstance(one, Either):
                whys = [why for way in one.ways if (why := self._impossible(event, way, terms)) is not None]
                if whys and (not one.negated or len(whys) == len(one.ways)):
                    return whys[0]
        return None

    def _wrong(self, path: Path_, text: str, *, key: bool = False) -> None:
        self._mistakes.append(self._document.mistake(path, text, key=key))


def opposite(conditions: Sequence[Condition]) -> tuple[Condition, ...]:
    """What holds wherever not all of them do."""
    ways = tuple(
        (Term(one.field, one.comparison.opposite()),)
        if isinstance(one, Term)
        else tuple(part for way in one.ways for part in opposite(way))
        for one in conditions
    )
    return ways[0] if len(ways) == 1 else (Either(ways, negated=True),)


def _can_meet(field: fields.Field, comparisons: Sequence[Comparison]) -> bool:
    """Is there a value of the field, or none, for which all of them hold?"""
    rights = [
        right
        for one in comparisons
        for right in (one.right if isinstance(one.right, tuple) else (one.right,))
    ]
    candidates: list[Any] = [None, True, False, *field.choices, "something else", *rights]
    numbers = sorted({one for one in rights if is_number(one)})
    if numbers:
        near = [*numbers, numbers[0] - 1, numbers[-1] + 1, field.least, field.most]
        near += [(one + other) / 2 for one, other in pairwise(numbers)]
        near += [one + step for one in numbers for step in (-1, 1)]
        candidates += [
            one for one in near if field.least <= one <= field.most and not (field.whole and one % 1)
        ]
    if field.base == "switch":
        candidates = [None, True, False]
    elif field.base == "choice":
        candidates = [None, *field.choices]
    elif field.base == "number":
        candidates = [None, *(one for one in candidates if is_number(one))]
    tests = [one.test() for one in comparisons]
    return any(all(test(candidate) for test in tests) for candidate in candidates)
