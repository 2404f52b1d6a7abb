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

A text is short for a path. Paths are JMESPath (https://jmespath.org); an empty text counts as missing.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from datetime import date, datetime
from pathlib import Path
from typing import Annotated, Any, Literal
from zoneinfo import ZoneInfo

import jmespath
import jmespath.exceptions
import msgspec
from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, ValidationError

from pipeline import yaml_places
from pipeline.errors import SourceError
from pipeline.events.codec import Rejection
from pipeline.events.model import CUSTOMER_EVENTS, data_type, type_name
from pipeline.nearest import did_you_mean

_EVENTS = {type_name(event).removeprefix("cx."): event for event in CUSTOMER_EVENTS}


class _Written(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, arbitrary_types_allowed=True)


def _path(text: Any) -> Any:
    try:
        return jmespath.compile(str(text)) if not hasattr(text, "search") else text
    except jmespath.exceptions.JMESPathError as error:
        raise ValueError(f'"{text}" is no JMESPath: {str(error).splitlines()[0]}') from error


JmesPath = Annotated[Any, BeforeValidator(_path)]


class Scale(_Written):
    """Another scale from a day on (in the event's own time): the number divided, and not below at_least."""

    from_: Annotated[date, Field(alias="from")]
    divide_by: Annotated[float, Field(gt=0)] = 1
    at_least: float | None = None


class Value(_Written):
    """Where a field comes from: a path, a fixed value, or a hash of several paths."""

    path: JmesPath | None = None
    value: str | int | float | bool | None = None
    hash: list[JmesPath] | None = None
    as_: Annotated[Literal["text", "number", "integer", "boolean"] | None, Field(alias="as")] = None
    scale: list[Scale] = []


class When(_Written):
    """The event's time. format: as Python's strptime, or "iso" or "unix"; zone: where the time has no offset."""

    path: JmesPath
    format: str = "iso"
    zone: str = "UTC"


def _short(value: Any) -> Any:
    return {"path": value} if isinstance(value, str) else value


class Mapped(_Written):
    """The whole mapping, as written."""

    source: Annotated[str, Field(min_length=1)]
    format: Literal["csv", "json", "json-array"] = "json"
    order: Literal["arrival", "time"] = "arrival"
    type: str
    id: Annotated[Value, BeforeValidator(_short)]
    time: Annotated[When, BeforeValidator(_short)]
    subject: Annotated[Value | None, BeforeValidator(_short)] = None
    data: dict[str, Annotated[Value, BeforeValidator(_short)]] = {}


class SourceMapping:
    """A compiled mapping."""

    def __init__(self, written: Mapped) -> None:
        self.written = written
        self._zone = ZoneInfo(written.time.zone)

    def event(self, row: Mapping[str, Any]) -> bytes | Rejection:
        """One row as the bytes of an event, or what is wrong with it."""
        written = self.written
        try:
            at = self._time(row)
            event: dict[str, Any] = {
                "specversion": "1.0",
                "id": str(_value(written.id, row, at, "id")),
                "source": written.source,
                "type": f"cx.{written.type}",
                "time": at.isoformat(),
            }
            if (
                written.subject is not None
                and (subject := _value(written.subject, row, at, "subject")) is not None
            ):
                event["subject"] = str(subject)
            data = {name: _value(value, row, at, name) for name, value in written.data.items()}
        except ValueError as error:
            return Rejection("row.invalid", str(error))
        required = {f.name for f in msgspec.structs.fields(data_type(_EVENTS[written.type])) if f.required}
        if missing := sorted(name for name in required if data.get(name) is None):
            return Rejection("row.invalid", f"{', '.join(missing)}: the row has no value for it")
        event["data"] = {name: value for name, value in data.items() if value is not None}
        return msgspec.json.encode(event)

    def _time(self, row: Mapping[str, Any]) -> datetime:
        written = self.written.time
        found = written.path.search(row)
        if found in (None, ""):
            raise ValueError("time: the row has no value for it")
        try:
            if written.format == "unix":
                return datetime.fromtimestamp(float(found), ZoneInfo("UTC"))
            if written.format == "iso":
                at = datetime.fromisoformat(str(found))
            else:
                at = datetime.strptime(str(found), written.format)  # noqa: DTZ007 (the zone follows)
        except ValueError as error:
            raise ValueError(f"time: {error}") from error
        return at if at.tzinfo is not None else at.replace(tzinfo=self._zone)


def load_mapping(path: Path) -> SourceMapping:
    """Read a mapping. Raises FileError, or SourceError with all mistakes."""
    document = yaml_places.read(path)
    if document.mistakes:
        raise SourceError(document.mistakes)
    try:
        written = Mapped.model_validate(document.data)
    except ValidationError as error:
        raise SourceError(
            [
                document.mistake(
                    e["loc"],
                    f"{e['loc'][-1] if e['loc'] else 'mapping'}: {e['msg'].removeprefix('Value error, ')}",
                )
                for e in error.errors()
            ]
        ) from error
    mistakes = []
    event = _EVENTS.get(written.type)
    if event is None:
        mistakes.append(
            document.mistake(
                ("type",), f'unknown event "{written.type}"; {did_you_mean(written.type, _EVENTS)}'
            )
        )
    else:
        fields = {f.name: f for f in msgspec.structs.fields(data_type(event))}
        mistakes += [
            document.mistake(
                ("data", name), f'"{written.type}" has no field "{name}"; known are: {", ".join(fields)}'
            )
            for name in written.data
            if name not in fields
        ]
        mistakes += [
            document.mistake(("data",), f'"{written.type}" needs the field "{name}"')
            for name, known in fields.items()
            if known.required and name not in written.data
        ]
    try:
        ZoneInfo(written.time.zone)
    except (KeyError, ValueError):
        mistakes.append(document.mistake(("time", "zone"), f'"{written.time.zone}" is no time zone'))
    if mistakes:
        raise SourceError(mistakes)
    return SourceMapping(written)


def _value(value: Value, row: Mapping[str, Any], at: datetime, name: str) -> Any:
    """A field of a row; None where it is missing. Raises ValueError with the field's name."""
    if value.hash is not None:
        parts = "\0".join(str(path.search(row)) for path in value.hash)
        return hashlib.blake2b(parts.encode(), digest_size=8).hexdigest()
    found: Any = value.value if value.path is None else value.path.search(row)
    if found is None or found == "":
        return None
    try:
        found = _CONVERT[value.as_](found) if value.as_ is not None else found
    except (ValueError, KeyError) as error:
        raise ValueError(f'{name}: "{found}" is no {value.as_}') from error
    for scale in value.scale:
        if at.date() >= scale.from_:
            found = found / scale.divide_by
            found = max(scale.at_least, found) if scale.at_least is not None else found
    return found


_CONVERT: Mapping[str, Any] = {
    "text": str,
    "number": float,
    "integer": lambda found: int(float(found)),
    "boolean": lambda found: {"1": True, "true": True, "yes": True, "0": False, "false": False, "no": False}[
        str(found).lower()
    ],
}
