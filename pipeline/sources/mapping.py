"""A source mapping: how rows or objects of another shape become events. docs/sources.md says what people write."""

from __future__ import annotations

import hashlib
import math
import re
from collections.abc import Iterable, Iterator, Mapping
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import msgspec
from jmespath.exceptions import JMESPathError

from pipeline import yaml_places
from pipeline.errors import Mistake, SourceError
from pipeline.events.codec import Rejection
from pipeline.events.model import (
    EVENTS_BY_NAME,
    FOLLOW_UPS,
    SUBJECT_OPTIONAL,
    Data,
    Event,
    SurveyAnswered,
    data_type,
    event_name,
)
from pipeline.nearest import did_you_mean
from pipeline.rules.fields import Base, Field, field_of, known, needed
from pipeline.sources.model import Mapped, Scale, Value
from pipeline.written import a_or_b, validated
from pipeline.yaml_places import Document, Path_

_OWN = "attributes."
#: What may be of any kind, and is taken for a text in the end.
_ID, _SUBJECT = Field("id", "anything"), Field("subject", "anything")
#: What a field is converted to where the mapping names nothing, by what it is.
_KINDS: Mapping[Base, str | None] = {
    "number": "number", "text": "text", "choice": "text", "switch": "boolean", "time": "text", "map": None, "anything": None,
}  # fmt: skip
_NUMBERS = ("number", "integer")
#: A day whose year, month and day cannot be mistaken for each other, or for what is missing.
_DAY = datetime(2026, 11, 22, tzinfo=UTC)
_EXAMPLE = 'write for example "%Y-%m-%d %H:%M"'
#: What the rest of a mapping is checked with where these are wrong.
_ANYTHING = {"source": "x", "id": {"value": "x"}, "time": {"path": "x"}}


class SourceMapping:
    """A compiled mapping."""

    def __init__(self, written: Mapped, document: Document) -> None:
        self.written, self._document = written, document
        self._type = written.type.removeprefix("cx.")
        self._zone = ZoneInfo(written.time.zone)
        data = data_type(EVENTS_BY_NAME[self._type])
        self._required = needed(data)
        self._fields = {name: field_of(data, name) for name in written.data}

    def event(self, row: Mapping[str, Any]) -> bytes | Rejection:
        """One row as the bytes of an event, or what is wrong with it."""
        written = self.written
        try:
            at = self._time(row)
            event: dict[str, Any] = {
                "specversion": "1.0",
                "id": _text("id", self._value(written.id, row, at, _ID)),
                "source": written.source,
                "type": f"cx.{self._type}",
                "time": at.isoformat(),
            }
            if written.subject is not None:
                subject = self._value(written.subject, row, at, _SUBJECT)
                if subject is not None:
                    event["subject"] = _text("subject", subject)
            data = {
                name: self._value(value, row, at, self._fields[name]) for name, value in written.data.items()
            }
        except ValueError as error:
            return Rejection("row.invalid", str(error).splitlines()[0])
        if missing := [name for name in self._required if data.get(name) is None]:
            return Rejection("row.invalid", f"{', '.join(missing)}: the row has no value for it")
        event["data"] = _with_attributes({name: value for name, value in data.items() if value is not None})
        return msgspec.json.encode(event)

    def _value(self, value: Value, row: Mapping[str, Any], at: datetime, field: Field) -> Any:
        """A field of a row; None where it is missing. Raises ValueError with the field's name."""
        try:
            found = _found(value, row)
        except JMESPathError as error:
            raise ValueError(f"{field.name}: its path does not fit this row: {error}") from error
        if found is None or value.hash is not None:
            return found
        return _typed(value, found, field, at.date(), self.written.decimal)

    def missing_columns(self, header: Iterable[str]) -> list[Mistake]:
        """The columns that the mapping reads and that are not in a file's header, with their places."""
        there = list(header)
        return [
            self._document.mistake(place, f'the file has no column "{name}"; {did_you_mean(name, there)}')
            for place, name in self._columns()
            if name not in there
        ]

    def _columns(self) -> Iterator[tuple[Path_, str]]:
        written = self.written
        values: list[tuple[Path_, Any]] = [(("id",), written.id), (("time",), written.time)]
        values += [(("data", name), value) for name, value in written.data.items()]
        if written.subject is not None:
            values.append((("subject",), written.subject))
        for place, value in values:
            paths = [((*place, "path"), value.path)]
            paths += [((*place, "hash", n), one) for n, one in enumerate(getattr(value, "hash", None) or ())]
            for inner, path in paths:
                if path is not None and path.parsed["type"] == "field":
                    yield (inner if inner in self._document.values else place), path.parsed["value"]

    def _time(self, row: Mapping[str, Any]) -> datetime:
        written = self.written.time
        found = written.path.search(row)
        if found in (None, ""):
            raise ValueError("time: the row has no value for it")
        try:
            if written.format == "unix":
                return datetime.fromtimestamp(float(found), UTC)
            if written.format == "iso":
                at = datetime.fromisoformat(str(found))
            else:
                at = datetime.strptime(str(found), written.format)  # noqa: DTZ007 (the zone follows)
        except (ValueError, TypeError, OverflowError, OSError) as error:
            raise ValueError(f'time: "{found}" is no time of the format {written.format}') from error
        return at if at.tzinfo is not None else at.replace(tzinfo=self._zone)


def load_mapping(path: Path) -> SourceMapping:
    """Read a mapping. Raises FileError, or SourceError with all mistakes."""
    document = yaml_places.read(path)
    mistakes = list(document.mistakes)
    written = None
    if not mistakes and document.data is None:
        mistakes.append(document.mistake((), 'the file is empty; a source mapping begins with "source:"'))
    if not mistakes:
        written = validated(Mapped, document.data, document, (), mistakes, "a source mapping", _ANYTHING)
    if written is not None:
        mistakes += _wrong(written, document)
    if written is None or mistakes:
        raise SourceError(mistakes)
    return SourceMapping(written, document)


def _wrong(written: Mapped, document: Document) -> Iterator[Mistake]:
    """What is wrong for this type of event, and with formats and zones."""
    event = EVENTS_BY_NAME.get(written.type.removeprefix("cx."))
    if event is None:
        hint = did_you_mean(written.type, EVENTS_BY_NAME)
        yield document.mistake(("type",), f'unknown event "{written.type}"; {hint}')
    else:
        yield from _wrong_fields(written, event, document)
    try:
        ZoneInfo(written.time.zone)
    except (KeyError, ValueError, OSError):
        text = f'zone: "{written.time.zone}" is no time zone; write for example Europe/Amsterdam'
        yield document.mistake(("time", "zone"), text)
    if what := _wrong_format(written.time.format):
        yield document.mistake(("time", "format"), f'format: "{written.time.format}" {what}')
    form = document.data.get("format", "json")
    if "delimiter" in document.data and form in ("json", "json-array"):
        text = f"delimiter: a file of the format {form} has none; write format: csv, or take it out"
        yield document.mistake(("delimiter",), text)


def _wrong_format(form: str) -> str:
    """What is wrong with the format of a time; "" where nothing is."""
    if form in ("iso", "unix"):
        return ""
    if "Z" in re.findall("%(.)", form):
        return 'has %Z, and names of zones are not read; write it as the rows have it, such as "%H:%M GMT", and zone: UTC'
    try:
        read = datetime.strptime(_DAY.strftime(form), form)  # noqa: DTZ007 (only its day is looked at)
    except (ValueError, re.error):
        return f"is no format of a time; {_EXAMPLE}"
    return "" if read.date() == _DAY.date() else f"lacks the year, the month or the day; {_EXAMPLE}"


def _wrong_fields(written: Mapped, event: type[Event], document: Document) -> Iterator[Mistake]:
    fields = {field.name: field for field in msgspec.structs.fields(data_type(event))}
    name = event_name(event)
    if (
        written.subject is None
        and "subject" not in document.data
        and event not in (*SUBJECT_OPTIONAL, *FOLLOW_UPS)
    ):
        text = f'"{name}" needs a "subject"; write where the customer\'s id stands'
        yield document.mistake(("type",), text)
    if not written.data and document.data.get("data"):
        return  # it could not be read, and that is said already
    for one, value in written.data.items():
        if not known(data_type(event), one):
            text = f'"{name}" has no field "{one}"; {did_you_mean(one, fields)}'
            yield document.mistake(("data", one), text, key=True)
        else:
            yield from _wrong_value(value, field_of(data_type(event), one), written.decimal, document)
    for one, field in fields.items():
        if field.required and one not in written.data:
            yield document.mistake(("data",), f'"{name}" needs the field "{one}"', key=True)
    if event is SurveyAnswered:
        scores = [one for one in fields if one not in Data.__struct_fields__]
        if not any(one in written.data for one in scores):
            text = f'"{name}" needs one of the fields {a_or_b(scores)}'
            yield document.mistake(("data",), text, key=True)


def _wrong_value(value: Value, field: Field, decimal: str, document: Document) -> Iterator[Mistake]:
    """What is known of a field's values before a row is seen, and cannot be."""
    kind = _KINDS[field.base]
    fits = value.as_ in (None, kind) or (kind in _NUMBERS and value.as_ in _NUMBERS)
    if field.base != "anything" and not fits:
        text = f'as: "{value.as_}" is not possible, for {field.name} is {field}; take it out'
        yield document.mistake(("data", field.name, "as"), text)
    elif value.value is not None and not value.scale and field.base not in ("anything", "time"):
        try:
            field.value(_typed(value, value.value, field, _DAY.date(), decimal))
        except ValueError as error:
            text = str(error).removeprefix(f"{field.name}: ")
            if str(field) not in text:
                text = f"{text}, and {field.name} is {field}"
            yield document.mistake(("data", field.name, "value"), f"value: {text}")


def _found(value: Value, row: Mapping[str, Any]) -> Any:
    """What a row has for a field; None where that is missing."""
    if value.hash is not None:
        parts = [path.search(row) for path in value.hash]
        if all(part in (None, "") for part in parts):
            return None
        return hashlib.blake2b("\0".join(map(str, parts)).encode(), digest_size=8).hexdigest()
    found: Any = value.value if value.path is None else value.path.search(row)
    return None if found == "" else found


def _typed(value: Value, found: Any, field: Field, on: date, decimal: str) -> Any:
    """What was found, as the mapping says and as the field is. on: the event's day. Raises ValueError."""
    found = _converted(value.as_ or _KINDS[field.base], found, field.name, decimal)
    begun = [scale for scale in value.scale if on >= scale.from_]
    if begun:
        found = _scaled(max(begun, key=lambda scale: scale.from_), found, field.name)
    return _converted("integer", found, field.name) if field.whole else found


def _converted(kind: str | None, found: Any, name: str, decimal: str = ".") -> Any:
    if kind is None:
        return found
    is_written = decimal == "," and isinstance(found, str) and kind in _NUMBERS
    try:
        return _CONVERT[kind](found.translate(_COMMA_AND_POINT) if is_written else found)
    except (ValueError, KeyError, TypeError, OverflowError) as error:
        raise ValueError(f'{name}: "{_plain(found)}" is {_NOT[kind]}') from error


def _scaled(scale: Scale, found: Any, name: str) -> float:
    if not isinstance(found, int | float):
        raise ValueError(f'{name}: "{found}" is no number that can be scaled')
    scaled = found / scale.divide_by
    return max(scale.at_least, scaled) if scale.at_least is not None else scaled


def _text(name: str, found: Any) -> str:
    """An id. Raises ValueError where there is none."""
    if found is None:
        raise ValueError(f"{name}: the row has no value for it")
    if isinstance(found, dict | list | bool):
        raise ValueError(f"{name}: a text or a number is expected")
    return str(found)


def _with_attributes(data: dict[str, Any]) -> dict[str, Any]:
    """Fields such as attributes.shelf, together under `attributes`."""
    own = {name.removeprefix(_OWN): data.pop(name) for name in list(data) if name.startswith(_OWN)}
    return {**data, "attributes": {**data.get("attributes", {}), **own}} if own else data


def _plain(found: Any) -> str:
    return str(found).lower() if isinstance(found, bool) else str(found)


def _as_text(found: Any) -> str:
    if isinstance(found, dict | list):
        raise TypeError("what is in it may be one")
    return _plain(found)


def _number(found: Any) -> float:
    number = float(found)
    if isinstance(found, bool) or not math.isfinite(number):
        raise ValueError("no number to count with")
    return number


def _integer(found: Any) -> int:
    number = _number(found)
    if not number.is_integer():
        raise ValueError("not whole")
    return int(number)


_NOT = {
    "text": "no text", "number": "no number", "integer": "no whole number", "boolean": "neither true nor false",
}  # fmt: skip
_CONVERT: Mapping[str, Any] = {
    "text": _as_text,
    "number": _number,
    "integer": _integer,
    "boolean": lambda found: {"1": True, "true": True, "yes": True, "0": False, "false": False, "no": False}[
        str(found).lower()
    ],
}
#: Turns 1.234,5 into 1,234.5, which is no number: nobody could tell a thousand from a fraction.
_COMMA_AND_POINT = str.maketrans(",.", ".,")
