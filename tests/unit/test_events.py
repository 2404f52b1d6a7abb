"""Bytes become events, or say what is wrong with them."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.events.codec import (
    MAX_EVENT_BYTES,
    REASONS,
    Rejection,
    decode,
    forwarded,
    millis,
    moment,
    unknown_fields,
)
from pipeline.events.model import (
    CUSTOMER_EVENTS,
    EVENT_FIELDS,
    INTERNAL_EVENTS,
    ClockTicked,
    Event,
    SelfServiceFailed,
    SurveyAnswered,
    data_type,
    type_name,
)
from pipeline.events.schema import example
from tests.chance import examples

SURVEY = example(SurveyAnswered)
HEAD = {name: str(value) for name, value in SURVEY.items() if name != "data"}


@dataclass(frozen=True)
class Record:
    """What a log holds."""

    value: bytes | None
    headers: Sequence[tuple[str, bytes]] = ()
    offset: int = 0
    timestamp: int = 0
    key: bytes | None = None


def survey(**changes: Any) -> bytes:
    """A survey with changes; None takes a field out, in `data` too."""
    data = (
        SURVEY["data"] | changes.pop("data", {})
        if isinstance(changes.get("data", {}), dict)
        else changes.pop("data")
    )
    whole = SURVEY | {"data": data} | changes
    return json.dumps({name: value for name, value in whole.items() if value is not None}).encode()


def taken(value: bytes | None, headers: Sequence[tuple[str, bytes]] = ()) -> Event:
    found = decode(Record(value, headers))
    assert isinstance(found, Event), found
    return found


def rejected(value: bytes | None, headers: Sequence[tuple[str, bytes]] = ()) -> Rejection:
    found = decode(Record(value, headers))
    assert isinstance(found, Rejection), found
    return found


def ce(envelope: dict[str, str]) -> list[tuple[str, bytes]]:
    """An envelope as the headers of binary mode."""
    return [(f"ce_{name}", value.encode()) for name, value in envelope.items()] + [
        ("content-type", b"application/json")
    ]


# --- types --------------------------------------------------------------------------------------------


@pytest.mark.parametrize("full", [False, True], ids=["minimal", "full"])
@pytest.mark.parametrize("kind", CUSTOMER_EVENTS, ids=map(type_name, CUSTOMER_EVENTS))
def test_every_type_decodes_its_minimal_and_its_full_form(kind: type[Event], full: bool) -> None:
    written = example(kind, full=full)
    event = taken(json.dumps(written).encode())
    assert type(event) is kind
    assert (event.id, event.source, event.subject) == (
        written["id"],
        written["source"],
        written.get("subject"),
    )
    assert event.time == datetime(2026, 11, 22, 9, 15, tzinfo=UTC)
    data = getattr(event, "data", None)
    assert type(data) is data_type(kind)
    for name, value in written.get("data", {}).items():
        found = getattr(data, name)
        assert (moment(millis(found)) if isinstance(found, datetime) else found) == value
    for name in set(data_type(kind).__struct_fields__) - set(written.get("data", {})):
        assert getattr(data, name) is None


@pytest.mark.parametrize(
    ("kind", "field", "inside", "outside"),
    [
        ("survey.answered", "nps", [0, 10], [-1, 11, 1.5, "7", True]),
        ("survey.answered", "csat", [1, 5], [0, 6, 2.5]),
        ("survey.answered", "ces", [1, 7], [0, 8]),
        ("survey.answered", "expected", [1, 5], [0, 6]),
        ("survey.answered", "experienced", [1, 5], [0, 6]),
        ("survey.answered", "goal_reached", [True, False], [0, 1, "yes"]),
        ("survey.answered", "survey_id", ["s"], ["", 5]),
        ("survey.answered", "attributes", [{}, {"a": 1, "b": 1.5, "c": "x", "d": True, "e": None}], [{"a": [1]}, {"a": {}}, []]),
        ("review.posted", "rating", [1, 5, 1.5, 4.99], [0.99, 5.01, "4"]),
        ("review.posted", "review_id", ["r"], ["", 7]),
        ("touchpoint.visited", "outcome", ["completed", "abandoned", "failed"], ["done", "", "Completed"]),
        ("touchpoint.visited", "emotion", [-2, 2, 0.5], [-2.01, 2.01]),
        ("touchpoint.visited", "duration_s", [0, 1e9, 0.001], [-0.001]),
        ("touchpoint.visited", "touchpoint", ["till"], [""]),
        ("contact.replied", "by", ["agent", "bot", "customer"], ["robot", ""]),
        ("contact.replied", "answered_by", ["human", "menu"], ["machine"]),
        ("purchase.completed", "amount", [0, 12.5], [-1, "12"]),
        ("promise.made", "due", ["2026-01-01T00:00:00Z"], ["2026-01-01T00:00:00", "2026-01-01", 5]),
        ("customer.joined", "value", [-5, 0, 5.5], ["5"]),
        ("observation.noted", "sentiment", [-1, 1, 0.1], [-1.1, 1.1]),
        ("observation.noted", "comment", ["x"], [""]),
        ("mention.posted", "reach", [0, 10**12], [-1, 1.5]),
        ("employee.answered", "enps", [0, 10], [-1, 11]),
        ("followup.closed", "recovered", [True, False], ["no"]),
    ],
)  # fmt: skip
def test_a_field_has_its_range(kind: str, field: str, inside: list[Any], outside: list[Any]) -> None:
    (event,) = [one for one in CUSTOMER_EVENTS if type_name(one) == f"cx.{kind}"]
    for value in inside:
        whole = example(event)
        whole["data"][field] = value
        taken(json.dumps(whole).encode())
    for value in outside:
        whole = example(event)
        whole["data"][field] = value
        found = rejected(json.dumps(whole).encode())
        assert found.reason == "field.wrong", value
        assert f"`$.data.{field}" in found.error, value


def test_types_have_names_of_their_own() -> None:
    names = [type_name(event) for event in (*CUSTOMER_EVENTS, *INTERNAL_EVENTS)]
    assert len(set(names)) == len(names)
    assert all(name.startswith("cx.") for name in names)


@pytest.mark.parametrize("kind", [*CUSTOMER_EVENTS, *INTERNAL_EVENTS], ids=type_name)
def test_all_events_have_the_same_fields_in_the_same_order(kind: type[Event]) -> None:
    assert kind.__struct_fields__ == EVENT_FIELDS


def test_a_tick_has_no_data_and_no_subject() -> None:
    tick = {name: SURVEY[name] for name in ("specversion", "id", "source", "time")}
    assert type(taken(json.dumps(tick | {"type": "cx.clock.ticked"}).encode())) is ClockTicked


# --- reasons ------------------------------------------------------------------------------------------

REJECTED: list[tuple[str, bytes | None, str, str]] = [
    ("no value", None, "value.empty", "no value"),
    ("an empty value", b"", "value.empty", "no value"),
    ("too large", b"{" + b" " * MAX_EVENT_BYTES, "value.too_large", "1000001 bytes"),
    ("no JSON", b"{nope}", "json.invalid", "malformed"),
    ("cut off", b'{"type": "cx.sur', "json.invalid", "truncated"),
    ("blanks alone", b"  \n", "json.invalid", "truncated"),
    ("nested without end", survey(more=0).replace(b'"more": 0', b'"more": ' + b"[" * 9000), "json.invalid", "too deep"),
    ("no UTF-8", survey(data={"comment": "caf?"}).replace(b"?", b"\xe9"), "utf8.invalid", "UTF-8"),
    ("not an object", b"[1]", "field.wrong", "Expected `object`"),
    ("no type", survey(type=None), "type.missing", "`type`"),
    ("an unknown type", survey(type="cx.survey.asked"), "type.unknown", "cx.survey.asked"),
    ("a type of others", survey(type="com.example.survey"), "type.unknown", "com.example.survey"),
    ("a type that is no text", survey(type=7), "type.unknown", "$.type"),
    ("no id", survey(id=None), "field.missing", "`id`"),
    ("an empty id", survey(id=""), "field.wrong", "$.id"),
    ("no source", survey(source=None), "field.missing", "`source`"),
    ("another version", survey(specversion="0.3"), "field.wrong", "$.specversion"),
    ("no time", survey(time=None), "time.missing", "`time`"),
    ("a time without an offset", survey(time="2026-01-01T00:00:00"), "time.naive", "$.time"),
    ("a time that is none", survey(time="yesterday"), "time.invalid", "$.time"),
    ("a day that is none", survey(time="2026-02-30T00:00:00Z"), "time.invalid", "$.time"),
    ("a time in seconds", survey(time=1767225600), "time.invalid", "$.time"),
    ("no subject", survey(subject=None), "subject.missing", "$.subject"),
    ("an empty subject", survey(subject=""), "field.wrong", "$.subject"),
    ("no data", survey(data="x").replace(b', "data": "x"', b""), "field.missing", "`data`"),
    ("data that is no object", survey(data="x"), "field.wrong", "$.data"),
    ("no answer", survey(data=dict.fromkeys(SURVEY["data"])), "field.missing", "at least one"),
    ("a word that is not one of some", survey(type="cx.contact.replied", data={"contact_id": "k", "by": "us"}),
     "field.wrong", "'us'; write one of agent, bot, customer - at `$.data.by`"),
    ("such a word, and worse behind it",
     survey(type="cx.contact.replied", data={"contact_id": "k", "by": "us"})[:-1], "field.wrong", "'us' - at `$.data.by`"),
    ("a promise that is due some day", survey(type="cx.promise.made", data={"promise_id": "p", "due": "soon"}),
     "field.wrong", "write for example 2026-11-22T09:15:00Z - at `$.data.due`"),
    ("an answer out of range", survey(data={"nps": 11}), "field.wrong", "$.data.nps"),
]  # fmt: skip


@pytest.mark.parametrize(
    ("value", "reason", "says"), [row[1:] for row in REJECTED], ids=[row[0] for row in REJECTED]
)
def test_what_cannot_be_read_has_a_reason_and_a_sentence_with_the_place(
    value: bytes | None, reason: str, says: str
) -> None:
    found = rejected(value)
    assert found.reason == reason
    assert says in found.error


def test_there_is_an_example_for_every_reason_and_no_other_reason() -> None:
    assert {row[2] for row in REJECTED} == set(REASONS)


def test_the_largest_event_is_taken() -> None:
    text = survey(data={"comment": "?"})
    assert len(taken(text.replace(b"?", b"x" * (MAX_EVENT_BYTES - len(text) + 1))).id) > 0


@examples(100)
@given(st.binary(max_size=60) | st.text(max_size=60).map(str.encode))
def test_whatever_comes_it_is_an_event_or_a_rejection(raw: bytes) -> None:
    assert isinstance(decode(Record(raw)), Event | Rejection)


@examples(100)
@given(
    st.recursive(
        st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
        lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
        max_leaves=5,
    ),
    st.sampled_from([*SURVEY, "forwardedfrom"]),
)
def test_whatever_stands_in_a_field_it_is_an_event_or_a_rejection(value: Any, name: str) -> None:
    assert isinstance(decode(Record(json.dumps(SURVEY | {name: value}).encode())), Event | Rejection)


# --- unknown fields -----------------------------------------------------------------------------------


def test_unknown_fields_break_nothing_and_are_found_again() -> None:
    raw = survey(
        traceparent="00-ab",
        data={"mood": {"is": "fine"}, "attributes": {"own": 1}},
        datacontenttype="application/json",
    )
    assert unknown_fields(raw, taken(raw)) == {"traceparent": "00-ab", "data": {"mood": {"is": "fine"}}}


@pytest.mark.parametrize("kind", CUSTOMER_EVENTS, ids=map(type_name, CUSTOMER_EVENTS))
def test_a_full_event_has_no_unknown_fields(kind: type[Event]) -> None:
    raw = json.dumps(example(kind)).encode()
    assert unknown_fields(raw, taken(raw)) == {}


def test_an_event_without_data_has_no_unknown_fields() -> None:
    raw = json.dumps(example(SelfServiceFailed, full=False)).encode()
    assert b"data" not in raw
    assert unknown_fields(raw, taken(raw)) == {}


# --- binary mode --------------------------------------------------------------------------------------


def test_binary_mode_carries_the_same_event() -> None:
    assert taken(json.dumps(SURVEY["data"]).encode(), ce(HEAD)) == taken(json.dumps(SURVEY).encode())


@pytest.mark.parametrize(
    ("value", "envelope", "reason"),
    [
        (b'{"nps": 11}', HEAD, "field.wrong"),
        (b"{nope}", HEAD, "json.invalid"),
        (b'{"comment": "\xe9"}', HEAD, "utf8.invalid"),
        (b'{"nps": 3}', HEAD | {"time": "2026-01-01T00:00:00"}, "time.naive"),
        (b'{"nps": 3}', {name: value for name, value in HEAD.items() if name != "type"}, "type.missing"),
        (
            b'{"nps": 3}',
            {name: value for name, value in HEAD.items() if name != "subject"},
            "subject.missing",
        ),
        (None, HEAD, "field.missing"),
    ],
)
def test_binary_mode_has_the_same_reasons(value: bytes | None, envelope: dict[str, str], reason: str) -> None:
    assert rejected(value, ce(envelope)).reason == reason


def test_an_event_without_data_may_be_headers_alone() -> None:
    head = {name: str(value) for name, value in example(SelfServiceFailed, full=False).items()}
    assert isinstance(taken(None, ce(head)), SelfServiceFailed)


@pytest.mark.parametrize(
    "headers", [[("traceparent", b"00-ab")], [("ce_id", b"other")], [("ce_", b"")], [("ce_x", b"\xff")]]
)
def test_headers_without_a_version_are_no_envelope(headers: list[tuple[str, bytes]]) -> None:
    assert taken(json.dumps(SURVEY).encode(), headers).id == SURVEY["id"]


def test_a_header_that_is_no_utf_8_is_read_with_marks() -> None:
    headers = [
        ("ce_subject", b"caf\xe9") if name == "ce_subject" else (name, value) for name, value in ce(HEAD)
    ]
    assert taken(b'{"nps": 3}', headers).subject == "caf\ufffd"


@pytest.mark.parametrize("headers", [[], ce(HEAD)], ids=["structured", "binary"])
def test_a_forwarded_copy_is_the_same_event_with_its_origin(headers: list[tuple[str, bytes]]) -> None:
    raw = json.dumps(SURVEY["data"] if headers else SURVEY).encode()
    record = Record(b"  " + raw, headers)
    copy = taken(forwarded(record, "cx.reviews/3/1234"))
    assert copy.forwardedfrom == "cx.reviews/3/1234"
    copy.forwardedfrom = None
    assert copy == decode(record)


# --- times --------------------------------------------------------------------------------------------

YEARS = st.integers(-62_135_596_800_000, 253_402_300_799_999)  # 0001 to 9999


@examples(100)
@given(YEARS)
def test_a_time_is_written_and_read_back_to_the_millisecond(at: int) -> None:
    event = taken(survey(time=moment(at)))
    assert millis(event.time) == at or at < 0  # before 1970 see below
    assert abs(millis(event.time) - at) <= 1


@examples(100)
@given(st.integers(0, 253_000_000_000_000_000), st.integers(-14 * 60, 14 * 60))
def test_milliseconds_are_rounded_down_whatever_the_offset(micros: int, offset: int) -> None:
    time = datetime(1970, 1, 1, tzinfo=UTC) + timedelta(microseconds=micros)
    assert millis(time.astimezone(timezone(timedelta(minutes=offset)))) == micros // 1000


def test_milliseconds_are_rounded_down_before_1970_too() -> None:
    assert millis(datetime(1969, 12, 31, 23, 59, 59, 999_100, tzinfo=UTC)) == -1


@pytest.mark.parametrize(
    ("at", "text"),
    [
        (0, "1970-01-01T00:00:00Z"),
        (1, "1970-01-01T00:00:00.001Z"),
        (-1, "1969-12-31T23:59:59.999Z"),
        (1_767_225_600_000, "2026-01-01T00:00:00Z"),
        (1_767_225_600_120, "2026-01-01T00:00:00.120Z"),
        (-62_135_596_800_000, "0001-01-01T00:00:00Z"),
    ],
)
def test_a_fraction_is_written_only_where_there_is_one(at: int, text: str) -> None:
    assert moment(at) == text


@pytest.mark.parametrize("time", ["9999-12-31T23:59:59-14:00", "0001-01-01T00:00:00+14:00"])
def test_a_time_that_its_offset_puts_outside_the_calendar_can_be_named(time: str) -> None:
    assert len(moment(millis(taken(survey(time=time)).time))) >= 20


@pytest.mark.parametrize(
    "time", ["2026-01-01T00:00:00Z", "2026-01-01T01:00:00+01:00", "2025-12-31T19:00:00-05:00"]
)
def test_offsets_name_the_same_moment(time: str) -> None:
    assert millis(taken(survey(time=time)).time) == 1_767_225_600_000
