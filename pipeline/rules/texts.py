"""What alerts and follow-ups say: sentences of a rule, in a language, with places for values.

A place is a name in braces, such as {touchpoint} or {touchpoint|our shop}. Values are only ever put in as text:
nothing in them is looked at again, and they are short and of one line.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from pipeline.events.codec import millis, moment
from pipeline.events.model import Data
from pipeline.nearest import did_you_mean
from pipeline.rules.condition import said
from pipeline.rules.pattern import getter

#: Languages, and what stands where an event lacks a value and the sentence does not say what then.
UNKNOWN: Final[Mapping[str, str]] = {"en": "unknown", "nl": "onbekend"}
#: A title, a message, and a value in them have so many characters at most.
LONGEST_TITLE: Final = 300
LONGEST_MESSAGE: Final = 2_000
LONGEST_VALUE: Final = 200

#: Written as text, or one for each language.
Written = str | Mapping[str, str]
_PARTS = re.compile(r"\{\{|\}\}|\{([^{}]*)\}|[{}]")
_ATTRIBUTES = "attributes."
#: In messages, the reasons of the alert in words.
_WHY = "why"


@dataclass(frozen=True, slots=True)
class Place:
    """Where a value stands. instead: what stands there if there is none; None: the word for it in the language."""

    name: str
    instead: str | None = None


@dataclass(frozen=True, slots=True)
class Template:
    """A sentence in a language. most: of characters."""

    parts: tuple[str | Place, ...]
    language: str
    most: int

    @property
    def names(self) -> tuple[str, ...]:
        """Whose values it shows."""
        return tuple(dict.fromkeys(part.name for part in self.parts if isinstance(part, Place)))

    @property
    def is_plain(self) -> bool:
        """Does it show no values?"""
        return len(self.parts) == 1 and isinstance(self.parts[0], str)

    def fill(self, values: Mapping[str, str]) -> str:
        """The sentence with values; an empty one is missing."""
        found = []
        for part in self.parts:
            if isinstance(part, str):
                found.append(part)
            else:
                instead = part.instead if part.instead is not None else UNKNOWN[self.language]
                found.append(values.get(part.name) or instead)
        return _cut("".join(found), self.most)


@dataclass(frozen=True, slots=True)
class Texts:
    """What a rule's alerts say. fields: of the event, or of the series, whose values the sentences show."""

    title: Template
    message: Template | None = None
    fields: tuple[str, ...] = ()

    def read(self, data: Data) -> list[str]:
        """The values of the fields, as the sentences show them."""
        return [shown(getter(name)(data)) for name in self.fields]

    def say(self, values: Sequence[str], key: str, customer: str | None, why: str) -> tuple[str, str]:
        """Title and message. values: of the fields."""
        if self.title.is_plain and self.message is None:
            return self.title.fill({}), ""
        known = dict(zip(self.fields, values, strict=False))
        known |= {"key": shown(key), "customer": shown(customer)}
        title = self.title.fill(known)
        # A message alone may say why: of a title it would make a paragraph.
        return title, self.message.fill(known | {_WHY: why}) if self.message is not None else ""


def shown(value: Any) -> str:
    """A value on one line, without what a screen would act on; "" where there is none."""
    if value is None:
        return ""
    if isinstance(value, float) and value.is_integer():
        value = int(value)  # 2 stars, not 2.0
    plain = moment(millis(value)) if isinstance(value, datetime) else said(value)
    line = plain if plain.isprintable() else "".join(one if one.isprintable() else " " for one in plain)
    return _cut(" ".join(line.split()), LONGEST_VALUE)


def parse(text: str) -> tuple[list[str | Place], list[str]]:
    """The parts of a sentence, and what is wrong with its braces, in words."""
    parts: list[str | Place] = []
    wrong: list[str] = []
    end = 0
    for found in _PARTS.finditer(text):
        if end < found.start():
            parts.append(text[end : found.start()])
        end = found.end()
        if found[0] in ("{{", "}}"):
            parts.append(found[0][0])
        elif found[1] is None:
            wrong.append(f'a "{found[0]}" stands alone; write {found[0] * 2} for the sign itself')
        else:
            name, bar, instead = found[1].partition("|")
            if name.strip():
                parts.append(Place(name.strip(), instead if bar else None))
            else:
                wrong.append(f"{found[0]} names nothing; write for example {{key}}")
    if end < len(text):
        parts.append(text[end:])
    return parts, wrong


def texts(
    summary: Written, message: Written | None, language: str, fields: Sequence[str], customer: bool,
    wrong: Callable[[tuple[str, ...], str], None],
) -> Texts:  # fmt: skip
    """The sentences of a rule in a language, or in the one that they are written in.

    fields: those that they may show; with "attributes" all of one's own. wrong: is told what cannot be, and where.
    """
    always = ["key", *(["customer"] if customer else [])]
    title = _template(("summary",), summary, language, [*always, *fields], LONGEST_TITLE, wrong)
    more = None
    if message is not None:
        more = _template(("message",), message, language, [*always, *fields, _WHY], LONGEST_MESSAGE, wrong)
    names = [*title.names, *(more.names if more is not None else ())]
    own = tuple(name for name in dict.fromkeys(names) if name not in ("key", "customer", _WHY))
    return Texts(title, more, own)


def chosen(written: Written, language: str) -> tuple[str, str]:
    """(language, the sentence in it): in the one that is there, where the one that is asked for is not."""
    if isinstance(written, str):
        return language, written
    found = language if language in written else next(iter(written))
    return found, written[found]


def _template(
    path: tuple[str, ...], written: Written, language: str, known: Sequence[str], most: int,
    wrong: Callable[[tuple[str, ...], str], None],
) -> Template:  # fmt: skip
    """All languages are looked at, whichever is used."""
    used, _ = chosen(written, language)
    found: list[str | Place] = []
    for of, text in [(used, written)] if isinstance(written, str) else written.items():
        here = path if isinstance(written, str) else (*path, of)
        parts, mistakes = parse(text)
        names = [part.name for part in parts if isinstance(part, Place)]
        mistakes += [_unknown(name, known) for name in names if not _is_known(name, known)]
        for mistake in mistakes:
            wrong(here, f"{path[-1]}: {mistake}")
        if of == used:
            found = parts
    return Template(tuple(found), used, most)


def _unknown(name: str, known: Sequence[str]) -> str:
    if name == _WHY:
        return f"only a message says {{{_WHY}}}"
    if name in ("attributes", _ATTRIBUTES) and "attributes" in known:
        return f"{{{name}}} is all of them; name one, such as {{attributes.store}}"
    return f"there is no {{{name}}} here; {did_you_mean(name, known)}"


def _is_known(name: str, known: Sequence[str]) -> bool:
    if name.startswith(_ATTRIBUTES) and name != _ATTRIBUTES:
        return "attributes" in known
    return name in known and name != "attributes"


def _cut(text: str, most: int) -> str:
    return text if len(text) <= most else f"{text[: most - 1]}…"
