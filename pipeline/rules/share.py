"""What rules of a file share: definitions that maps take over with `use`, and overrides that make a rule several.

Both are about what is written. What comes out is rules as if each had been written in full, and every part of them
still knows where it stands in the file.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any

from pipeline.errors import Mistake
from pipeline.nearest import did_you_mean
from pipeline.written import shown
from pipeline.yaml_places import Document, Path_, Place

#: Conditions, and where they stand.
For = tuple[Path_, Mapping[str, Any]]

#: Definitions that take over others that take over others could grow without end: so many fields are taken over.
MOST_TAKEN = 100_000
#: What an override has beside the fields of a rule that it changes.
_OWN = ("id", "for")


@dataclass(frozen=True, slots=True)
class Written:
    """One rule in full. path: where it is in the document.

    only, apart: conditions that it is for, and those that others are for instead, each with its path.
    """

    path: Path_
    raw: Any
    only: tuple[For, ...] = ()
    apart: tuple[For, ...] = ()


def rules_of(document: Document, mistakes: list[Mistake]) -> list[Written]:
    """All rules of a document. Their paths are in the document, new ones where they are made."""
    found = document.data.get("rules") if isinstance(document.data, dict) else None
    if not isinstance(found, list):
        return []
    definitions = _Definitions(document, mistakes)
    rules: list[Written] = []
    for number, raw in enumerate(found):
        path: Path_ = ("rules", number)
        full = definitions.used(raw, path)
        rules += _several(document, full, path, mistakes)
    return rules


class _Definitions:
    """What stands under "define:"."""

    def __init__(self, document: Document, mistakes: list[Mistake]) -> None:
        self._document, self._mistakes = document, mistakes
        self._resolving: list[str] = []
        self._taken = 0
        self._resolved: dict[str, Mapping[str, Any]] = {}
        self._places: dict[str, tuple[list[tuple[Path_, Place]], list[tuple[Path_, Place]]]] = {}
        found = document.data.get("define", {})
        self._raw: dict[str, Any] = found if isinstance(found, dict) else {}
        if not isinstance(found, dict):
            self._wrong(
                ("define",),
                'under "define:" stand names, each with a map; write for example care: {team: care}',
            )
        for name, raw in self._raw.items():
            if not isinstance(raw, dict):
                self._wrong(("define", name), f"{name}: {shown(raw)}; write a map, such as {{team: care}}")
            else:
                self._resolve(name)

    def used(self, raw: Any, path: Path_) -> Any:
        """What stands at a path, with all that its maps take over."""
        if isinstance(raw, list):
            return [self.used(item, (*path, number)) for number, item in enumerate(raw)]
        if not isinstance(raw, dict):
            return raw
        own = {name: self.used(value, (*path, name)) for name, value in raw.items() if name != "use"}
        taken: dict[str, Any] = {}
        for name, at in self._names(raw, path):
            if self._taken > MOST_TAKEN:
                self._wrong(
                    ("define",), f"more than {MOST_TAKEN} fields are taken over; write some of it out"
                )
            elif name in self._resolving:
                self._wrong(at, f'"{name}" takes over itself; take one of them out')
            elif (definition := self._resolve(name)) is not None:
                for key, value in definition.items():
                    if key not in own:
                        taken[key] = value
                        self._copy(name, key, path)
            else:
                hint = did_you_mean(name, self._raw) if self._raw else 'nothing is, under "define:"'
                self._wrong(at, f'use: "{name}" is not defined; {hint}')
        return taken | own

    def _names(self, raw: Mapping[str, Any], path: Path_) -> Iterator[tuple[str, Path_]]:
        if "use" not in raw:
            return
        here, names = (*path, "use"), raw["use"]
        for number, name in enumerate(names if isinstance(names, list) else [names]):
            at = (*here, number) if isinstance(names, list) else here
            if isinstance(name, str):
                yield name, at
            else:
                self._wrong(at, f'use: {shown(name)}; write a name that stands under "define:"')

    def _resolve(self, name: str) -> Mapping[str, Any] | None:
        raw = self._raw.get(name)
        if name not in self._resolved and isinstance(raw, dict):
            self._resolving.append(name)
            self._resolved[name] = self.used(raw, ("define", name))
            self._resolving.pop()
        return self._resolved.get(name)

    def _copy(self, name: str, key: str, path: Path_) -> None:
        """What is taken over stands where it is defined."""
        if name not in self._places:
            of = ("define", name)
            self._places[name] = (_below(self._document.keys, of), _below(self._document.values, of))
        for places, into in zip(
            self._places[name], (self._document.keys, self._document.values), strict=True
        ):
            found = {(*path, *rest): place for rest, place in places if rest[:1] == (key,)}
            self._taken += len(found)
            into.update(found)

    def _wrong(self, path: Path_, text: str) -> None:
        self._mistakes.append(self._document.mistake(path, text))


def _several(document: Document, raw: Any, path: Path_, mistakes: list[Mistake]) -> Iterator[Written]:
    """A rule, and one for each of its overrides: the first whose "for" an event meets has it."""
    overrides = raw.get("overrides") if isinstance(raw, dict) else None
    if overrides is None:
        yield Written(path, raw)
        return
    base = {name: value for name, value in raw.items() if name != "overrides"}
    here = (*path, "overrides")
    if not isinstance(overrides, list) or not overrides:
        text = f"overrides: {shown(overrides)}; write a list such as [{{id: care-gold, for: {{segment: gold}}, alert: critical}}]"
        mistakes.append(document.mistake(here, text))
        yield Written(path, base)
        return
    apart: list[For] = []
    made: list[Written] = []
    for number, one in enumerate(overrides):
        at = (*here, number)
        missing = [name for name in _OWN if not isinstance(one, dict) or name not in one]
        if missing:
            text = f'"{missing[0]}" is missing; an override has an id of its own, and "for": a map such as {{segment: gold}}'
            mistakes.append(document.mistake(at, text, key=True))
            continue
        conditions = one["for"]
        if not isinstance(conditions, dict) or not conditions:
            text = f"for: {'it is empty' if conditions == {} else shown(conditions)}; write a map such as {{segment: gold}}"
            mistakes.append(document.mistake((*at, "for"), text))
            continue
        if "overrides" in one:
            text = '"overrides" stands in a rule, not in another override; put it beside this one'
            mistakes.append(document.mistake((*at, "overrides"), text, key=True))
            continue
        merged = _merged(document, base, path, {k: v for k, v in one.items() if k != "for"}, at)
        own: For = ((*at, "for"), conditions)
        made.append(Written(at, merged, (own,), tuple(apart)))
        apart.append(own)
    yield replace(Written(path, base), apart=tuple(apart))
    yield from made


def _merged(document: Document, base: Any, of: Path_, over: Any, at: Path_) -> Any:
    """A map with another over it; what it has from the first stands there."""
    if not isinstance(base, dict) or not isinstance(over, dict):
        return over
    merged = dict(over)
    for name, value in base.items():
        if name in over:
            merged[name] = _merged(document, value, (*of, name), over[name], (*at, name))
            continue
        merged[name] = value
        for places in (document.keys, document.values):
            for rest, place in _below(places, (*of, name)):
                places[*at, name, *rest] = place
    return merged


def _below(places: Mapping[Path_, Place], path: Path_) -> list[tuple[Path_, Place]]:
    """The places at and below a path, by the rest of theirs."""
    return [(at[len(path) :], place) for at, place in places.items() if at[: len(path)] == path]
