"""Bytes become an event, or a rejection that says what is wrong and where."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Final, Literal, Protocol, get_args, get_origin, get_type_hints

import msgspec

from pipeline.events.model import (
    CUSTOMER_EVENTS,
    EVENTS_BY_NAME,
    FOLLOW_UPS,
    INTERNAL_EVENTS,
    SUBJECT_OPTIONAL,
    Event,
    data_type,
    type_name,
)
from pipeline.span import DAY

#: An event larger than this (bytes) is rejected; topics admit more, so that it can be.
MAX_EVENT_BYTES: Final = 1_000_000

#: The reasons for which an event is rejected before anybody looks at what it says.
REASONS = (
    "value.empty", "value.too_large", "utf8.invalid", "json.invalid", "type.missing", "type.unknown", "field.missing",
    "field.wrong", "subject.missing", "time.missing", "time.invalid", "time.naive",
)  # fmt: skip


class Record(Protocol):
    """What a log holds at one offset. timestamp: ms UTC, when it was appended."""

    @property
    def offset(self) -> int: ...
    @property
    def timestamp(self) -> int: ...
    @property
    def key(self) -> bytes | None: ...
    @property
    def value(self) -> bytes | None: ...
    @property
    def headers(self) -> Sequence[tuple[str, bytes | None]]: ...


@dataclass(frozen=True, slots=True)
class Rejection:
    """Why an event cannot be taken. reason: a short code; error: a sentence with the place."""

    reason: str
    error: str


_EVENTS: Any = None
for _event in (*CUSTOMER_EVENTS, *INTERNAL_EVENTS):
    _EVENTS = _event if _EVENTS is None else _EVENTS | _event
_DECODER: msgspec.json.Decoder[Event] = msgspec.json.Decoder(_EVENTS)
_decode: Final = _DECODER.decode
_needs_subject = frozenset({*CUSTOMER_EVENTS, *INTERNAL_EVENTS} - SUBJECT_OPTIONAL)


def decode_all(records: Iterable[Record]) -> list[Event | Rejection]:
    """Each record's event, from either mode of CloudEvents' Kafka binding."""
    events: list[Event | Rejection] = []
    for record in records:
        value = record.value
        if record.headers:
            value = structured(value, record.headers)
        if not value or len(value) > MAX_EVENT_BYTES:
            events.append(_without_value(value))
            continue
        try:
            event = _decode(value)
        except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
            events.append(_rejection(error, value))
            continue
        if event.subject is None and event.__class__ in _needs_subject and not _is_about_no_customer(event):
            events.append(_without_subject(event))
        else:
            events.append(event)
    return events


def decode(record: Record) -> Event | Rejection:
    """One record's event."""
    return decode_all((record,))[0]


@dataclass(frozen=True, slots=True)
class Enclosed:
    """An event that no log holds: it came inside another record, or from a person."""

    value: bytes
    offset: int = 0
    timestamp: int = 0
    key: None = None
    headers: Sequence[tuple[str, bytes]] = ()


def forwarded(record: Record, place: str) -> bytes:
    """The record's event as it came, marked with where it was forwarded from. It must have been decoded."""
    value = structured(record.value, record.headers) or b""
    return b"".join((_FORWARDED, msgspec.json.encode(place), b",", value.lstrip()[1:]))


def is_forwarded(value: bytes) -> bool:
    """Whether `forwarded` wrote this, or what is left of it where its end is cut off."""
    return value.startswith(_FORWARDED)


_FORWARDED: Final = b'{"forwardedfrom":'


_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)


def millis(moment: datetime) -> int:
    """Milliseconds UTC, rounded down."""
    since = moment - _EPOCH  # half the time that `timestamp` takes, and exact
    return since.days * DAY + since.seconds * 1000 + since.microseconds // 1000


#: The first and the last second that have a name (Unix time): of the years 1 and 9999.
_FIRST: Final = -62_135_596_800
_LAST: Final = 253_402_300_799
_MINUTES: Final = tuple(f"{minute // 60:02d}:{minute % 60:02d}:" for minute in range(1440))
_SECONDS: Final = tuple(f"{second:02d}" for second in range(60))
_FRACTIONS: Final = ("Z", *(f".{fraction:03d}Z" for fraction in range(1, 1000)))


def moment(at: int) -> str:
    """RFC 3339 in UTC; the fraction only where there is one. at: ms UTC.

    What an offset from UTC puts outside the years that can be written is shown as their first or last second.
    """
    # Compiled, what is divided and what is left cost less than `divmod`, and less than to multiply.
    seconds, fraction = at // 1000, at % 1000
    if not _FIRST <= seconds <= _LAST:
        seconds = _FIRST if seconds < _FIRST else _LAST
    minutes, second = seconds // 60, seconds % 60
    day, minute = minutes // 1440, minutes % 1440
    date = _days.get(day)
    if date is None:
        if len(_days) >= _REMEMBERED:
            _days.clear()
        date = _days[day] = datetime.fromtimestamp(day * 86_400, UTC).isoformat()[:11]
    return date + _MINUTES[minute] + _SECONDS[second] + _FRACTIONS[fraction]


#: Everything before the hours, by days since 1970. Most days are asked for again.
_days: Final[dict[int, str]] = {}
_REMEMBERED: Final = 1_000


def unknown_fields(value: bytes, event: Event) -> dict[str, Any]:
    """The fields of an event's bytes that the model does not know, those of `data` under "data".

    value: the bytes that `event` was decoded from.
    """
    raw: dict[str, Any] = msgspec.json.decode(value)
    known = {"type", "datacontenttype", "dataschema", *event.__struct_fields__}
    unknown = {name: field for name, field in raw.items() if name not in known}
    data = getattr(event, "data", None)
    if isinstance(data, msgspec.Struct) and (
        inner := {k: v for k, v in raw.get("data", {}).items() if k not in data.__struct_fields__}
    ):
        unknown["data"] = inner
    return unknown


def _without_value(value: bytes | None) -> Rejection:
    if not value:
        return Rejection("value.empty", "the record has no value")
    return Rejection(
        "value.too_large", f"the event has {len(value)} bytes, at most {MAX_EVENT_BYTES} are taken"
    )


def _without_subject(event: Event) -> Rejection:
    return Rejection(
        "subject.missing", f"`{type_name(event.__class__)}` needs the customer's id - at `$.subject`"
    )


def _is_about_no_customer(event: Event) -> bool:
    """A follow-up of a review or a metric names its key instead of a customer."""
    return isinstance(event, FOLLOW_UPS) and event.data.key is not None


def structured(value: bytes | None, headers: Sequence[tuple[str, bytes | None]]) -> bytes | None:
    """A record's event in structured mode; binary mode has its envelope in headers `ce_…` and its data as the value."""
    envelope = {
        name[3:]: content.decode("utf-8", "replace")
        for name, content in headers
        if content is not None and name.startswith("ce_")
    }
    if "specversion" not in envelope:
        return value
    head = msgspec.json.encode(envelope)
    return b"".join((head[:-1], b',"data":', value, b"}")) if value else head


_PLACE = re.compile(r" - at `(?P<place>[^`]*)`$")
_OF_TIME: Mapping[str, str] = {"timezone component": "time.naive", "RFC3339": "time.invalid"}


def _options(value: bytes, place: str) -> tuple[str, ...]:
    """What a field of an event's data can be, where that is one of some words."""
    try:
        event = EVENTS_BY_NAME.get(str(msgspec.json.decode(value)["type"]).removeprefix("cx."))
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        return ()  # behind the field something else is wrong, too
    if event is None:
        return ()
    kind = get_type_hints(data_type(event)).get(place.removeprefix("$.data."))
    return next((get_args(one) for one in (kind, *get_args(kind)) if get_origin(one) is Literal), ())


def _rejection(error: Exception, value: bytes) -> Rejection:
    text = str(error)
    if isinstance(error, UnicodeDecodeError):
        return Rejection("utf8.invalid", f"byte {error.start} of a text is no UTF-8: {error.reason}")
    if isinstance(error, RecursionError):
        return Rejection("json.invalid", "objects or arrays lie too deep in each other")
    if not isinstance(error, msgspec.ValidationError):
        return Rejection("json.invalid", text)
    found = _PLACE.search(text)
    place = found["place"] if found else "$"
    if text.startswith("Invalid enum value") and (options := _options(value, place)):
        text = f"{text.partition(' - at')[0]}; write one of {', '.join(options)} - at `{place}`"
    elif text.startswith("Invalid RFC3339"):
        text = f"Invalid RFC3339 encoded datetime; write for example 2026-11-22T09:15:00Z - at `{place}`"
    if place == "$.type":
        return Rejection("type.unknown", text)
    if place == "$.time":
        return Rejection(
            next((code for sign, code in _OF_TIME.items() if sign in text), "time.invalid"), text
        )
    if "missing required field" in text:
        name = text.split("`")[1]
        return Rejection(
            f"{name}.missing" if place == "$" and name in ("type", "time") else "field.missing", text
        )
    return Rejection("field.missing" if "needs at least one" in text else "field.wrong", text)
