"""A source mapping: how rows or objects of another shape become events.

    source: /shop/reviews          # the events' source
    format: csv                    # csv, json (one object a line) or json-array
    order: time                    # sort the file by event time; default: as it arrived
    type: review.posted
    id: {hash: [author, date, content]}
    time: {path: date, format: "%Y-%m-%d", zone: UTC}
    subject: {path: customer}
    data:
      review_id: {hash: [author, date, content]}
      rating: {path: stars, as: number, scale: [{from: 2015-06-09, divide_by: 2, at_least: 1}]}
      platform: {value: shop}
      attributes.shelf: shelf      # a dimension of one's own

A text is short for a path. Paths are JMESPath (https://jmespath.org); an empty text counts as missing.
"""

from __future__ import annotations

import hashlib
import math
from collections.abc import Iterable, Iterator, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import msgspec

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
from pipeline.sources.model import Mapped, Scale, Value
from pipeline.written import a_or_b, validated
from pipeline.yaml_places import Document, Path_

_OWN = "attributes."
#: What the rest of a mapping is checked with where these are wrong.
_ANYTHING = {"source": "x", "id": {"value": "x"}, "time": {"path": "x"}}


class SourceMapping:
    """A compiled mapping."""

    def __init__(self, written: Mapped, document: Document) -> None:
        self.written, self._document = written, document
        self._type = written.type.removeprefix("cx.")
        self._zone = ZoneInfo(written.time.zone)
        fields = msgspec.structs.fields(data_type(EVENTS_BY_NAME[self._type]))
        self._required = [field.name for field in fields if field.required]

    def event(self, row: Mapping[str, Any]) -> bytes | Rejection:
        """One row as the bytes of an event, or what is wrong with it."""
        written = self.written
        try:
            at = self._time(row)
            event: dict[str, Any] = {
                "specversion": "1.0",
                "id": _text("id", _value(written.id, row, at, "id")),
                "source": written.source,
                "type": f"cx.{self._type}",
                "time": at.isoformat(),
            }
            subject = _value(written.subject, row, at, "subject") if written.subject is not None else None
            if subject is not None:
                event["subject"] = _text("subject", subject)
            data = {name: _value(value, row, at, name) for name, value in written.data.items()}
        except ValueError as error:
            return Rejection("row.invalid", str(error).splitlines()[0])
        if missing := [name for name in self._required if data.get(name) is None]:
            return Rejection("row.invalid", f"{', '.join(missing)}: the row has no value for it")
        event["data"] = _with_attributes({name: value for name, value in data.items() if value is not None})
        return msgspec.json.encode(event)

    def missing_columns(self, header: Iterable[str]) -> list[Mistake]:
        """The columns that the mapping reads and that are not in a file's header, with their places."""
        known = list(header)
        return [
            self._document.mistake(place, f'the file has no column "{name}"; {did_you_mean(name, known)}')
            for place, name in self._columns()
            if name not in known
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
    try:
        datetime.strptime("", written.time.format)  # noqa: DTZ007 (only the format is looked at)
    except ValueError as error:
        if "bad directive" in str(error) or "stray" in str(error):
            text = (
                f'format: "{written.time.format}" is no format of a time; write for example "%Y-%m-%d %H:%M"'
            )
            yield document.mistake(("time", "format"), text)


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
    for one in written.data:
        if one not in fields and not (one.startswith(_OWN) and one != _OWN):
            text = f'"{name}" has no field "{one}"; {did_you_mean(one, fields)}'
            yield document.mistake(("data", one), text, key=True)
    for one, field in fields.items():
        if field.required and one not in written.data:
            yield document.mistake(("data",), f'"{name}" needs the field "{one}"', key=True)
    if event is SurveyAnswered:
        scores = [one for one in fields if one not in Data.__struct_fields__]
        if not any(one in written.data for one in scores):
            text = f'"{name}" needs one of the fields {a_or_b(scores)}'
            yield document.mistake(("data",), text, key=True)


def _value(value: Value, row: Mapping[str, Any], at: datetime, name: str) -> Any:
    """A field of a row; None where it is missing. Raises ValueError with the field's name."""
    if value.hash is not None:
        parts = [path.search(row) for path in value.hash]
        if all(part in (None, "") for part in parts):
            return None
        return hashlib.blake2b("\0".join(map(str, parts)).encode(), digest_size=8).hexdigest()
    found: Any = value.value if value.path is None else value.path.search(row)
    if found is None or found == "":
        return None
    try:
        found = _CONVERT[value.as_](found) if value.as_ is not None else found
    except (ValueError, KeyError, TypeError, OverflowError) as error:
        raise ValueError(f'{name}: "{found}" is {_NOT[value.as_ or ""]}') from error
    begun = [scale for scale in value.scale if at.date() >= scale.from_]
    return _scaled(max(begun, key=lambda scale: scale.from_), found, name) if begun else found


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


def _number(found: Any) -> float:
    number = float(found)
    if not math.isfinite(number):
        raise ValueError("no number to count with")
    return number


def _integer(found: Any) -> int:
    number = _number(found)
    if not number.is_integer():
        raise ValueError("not whole")
    return int(number)


_NOT = {"number": "no number", "integer": "no whole number", "boolean": "neither true nor false"}
_CONVERT: Mapping[str, Any] = {
    "text": lambda found: str(found).lower() if isinstance(found, bool) else str(found),
    "number": _number,
    "integer": _integer,
    "boolean": lambda found: {"1": True, "true": True, "yes": True, "0": False, "false": False, "no": False}[
        str(found).lower()
    ],
}
