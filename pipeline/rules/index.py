"""Who has to look at an event: found by the values that rules ask for, not by asking every rule in turn.

A rule can only concern an event whose fields have the values that its conditions with "=" or "one of" name. So
rules that name the same fields share a table from those values to the rules, and a thousand rules for a thousand
places cost one look into it. What is found is a candidate; its rule still judges the event itself.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import product
from math import prod
from typing import Any, Final

from pipeline.events.model import Data, Event
from pipeline.rules.pattern import Pattern, Term, getter

Handler = Callable[[Event, Any, int, str], None]

#: Fewer are asked in turn: that is faster than a look into a table.
FEW: Final = 8
#: A rule that names more combinations of values is in no table.
MOST_VALUES: Final = 1_000

_Numbered = tuple[int, Handler]


class Index:
    """The handlers of one type of event, each with what an event must look like to concern it (None: anyhow)."""

    def __init__(self, handlers: Sequence[tuple[Pattern | None, Handler]]) -> None:
        self._always: list[_Numbered] = []
        tables: dict[tuple[str, ...], dict[Any, list[_Numbered]]] = {}
        for number, (pattern, handle) in enumerate(handlers):
            named = _named(pattern) if pattern is not None and len(handlers) > FEW else {}
            if not named or prod(map(len, named.values())) > MOST_VALUES:
                self._always.append((number, handle))
                continue
            table = tables.setdefault(tuple(named), {})
            for values in product(*named.values()):
                table.setdefault(values, []).append((number, handle))
        self._tables = [([getter(name) for name in names], table) for names, table in tables.items()]
        self._all = [handle for _, handle in self._always]

    def of(self, data: Data) -> list[Handler]:
        """Those whom an event with this data may concern, in their order."""
        if not self._tables:
            return self._all
        found: list[_Numbered] = []
        for getters, table in self._tables:
            found += table.get(tuple([get(data) for get in getters]), ())
        if not found:
            return self._all
        found += self._always
        found.sort(key=_number)
        return [handle for _, handle in found]


def _named(pattern: Pattern) -> dict[str, tuple[Any, ...]]:
    """The fields whose values are named, in order of their names, and those values."""
    named = {}
    for term in sorted(_plain(pattern), key=_field):
        sign, right = term.comparison.sign, term.comparison.right
        if sign == "=":
            named[term.field] = (right,)
        elif sign == "in":
            named[term.field] = tuple(dict.fromkeys(right))
    return named


def _plain(pattern: Pattern) -> list[Term]:
    """The conditions that hold for every match."""
    return [condition for condition in pattern.conditions if isinstance(condition, Term)]


def _field(term: Term) -> str:
    return term.field


def _number(numbered: _Numbered) -> int:
    return numbered[0]
