"""The JSON Schemas say what the decoder does, and the files are what the code says."""

from __future__ import annotations

import json
from copy import deepcopy
from typing import Any

import jsonschema_rs
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from pipeline.events.codec import decode, unknown_fields
from pipeline.events.model import CUSTOMER_EVENTS, SUBJECT_OPTIONAL, Event, type_name
from pipeline.events.schema import all_schemas, example, schema
from pipeline.replay import FileRecord
from pipeline.settings import SHIPPED
from tests.chance import examples

FOLDER = SHIPPED / "schemas" / "events"
VALIDATORS = {
    event: jsonschema_rs.Draft202012Validator(schema(event), validate_formats=True)
    for event in CUSTOMER_EVENTS
}
NAMES = {event: type_name(event) for event in CUSTOMER_EVENTS}

each_type = pytest.mark.parametrize("event", CUSTOMER_EVENTS, ids=NAMES.values())
quick = examples(40)


def taken(event: Any) -> bool:
    return isinstance(decode(FileRecord(0, 0, json.dumps(event).encode())), Event)


def test_the_files_are_what_the_code_says() -> None:
    assert {file.name: file.read_text("utf-8") for file in FOLDER.iterdir()} == all_schemas()


@each_type
def test_a_schema_is_right_and_describes_every_field(event: type[Event]) -> None:
    found = schema(event)
    jsonschema_rs.meta.validate(found)
    for properties in (found["properties"], found["properties"]["data"]["properties"]):
        for name, one in properties.items():
            assert one["description"].endswith((".", "?", ")")), name
    assert "Topic: cx." in found["description"]


@each_type
@pytest.mark.parametrize("full", [False, True], ids=["minimal", "full"])
def test_examples_are_valid_and_decode_to_what_they_say(event: type[Event], full: bool) -> None:
    one = example(event, full=full)
    VALIDATORS[event].validate(one)
    raw = json.dumps(one).encode()
    found = decode(FileRecord(0, 0, raw))
    assert type(found) is event
    assert unknown_fields(raw, found) == {} if full else True
    data = getattr(found, "data", None)
    assert all(getattr(data, name) is not None for name in one.get("data", {}))


@each_type
@pytest.mark.parametrize("full", [False, True], ids=["minimal", "full"])
def test_without_a_field_that_is_needed_neither_takes_the_event(event: type[Event], full: bool) -> None:
    whole = example(event, full=full)
    for place in (whole, whole.get("data", {})):
        for name in list(place):
            value = place.pop(name)
            assert VALIDATORS[event].is_valid(whole) == taken(whole), f"without {name}"
            place[name] = None
            assert VALIDATORS[event].is_valid(whole) == taken(whole) or name == "datacontenttype", (
                f"{name} is null"
            )
            place[name] = value


#: Values around every limit, and of every other kind.
VALUES: list[Any] = [
    None, True, False, "", "x", "completed", "agent", "human", [], {}, ["x"], {"a": {"b": 1}}, {"a": [1]}, {"a": None, "b": 1.5},
    -3, -2, -1.001, -1, -0.5, 0, 1, 1.5, 2, 2.001, 5, 5.5, 6, 7, 8, 10, 11, 10**12,
    "2026-01-01T00:00:00Z", "2026-01-01T00:00:00.123+05:30", "2026-01-01T00:00:00", "2026-13-01T00:00:00Z", "2026-01-01",
]  # fmt: skip


@each_type
def test_both_agree_on_every_kind_of_value_in_every_field(event: type[Event]) -> None:
    whole = example(event)
    for place in (whole, whole["data"]):
        for name in list(place):
            if name == "datacontenttype":
                continue
            kept = place[name]
            for value in VALUES:
                place[name] = value
                assert VALIDATORS[event].is_valid(whole) == taken(whole), (name, value)
            place[name] = kept


values = st.recursive(
    st.sampled_from(VALUES) | st.text(max_size=3) | st.integers(-12, 12) | st.floats(-12, 12, width=16),
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(st.text(max_size=2), inner, max_size=2),
    max_leaves=3,
)


@each_type
def test_both_agree_on_events_with_several_changes(event: type[Event]) -> None:
    fields = [*example(event), *(("data", name) for name in example(event)["data"]), ("data", "more"), "more"]

    @quick
    @given(st.booleans(), st.lists(st.tuples(st.sampled_from(fields), values), max_size=4))
    def agree(full: bool, changes: list[tuple[Any, Any]]) -> None:
        one = deepcopy(example(event, full=full))
        for where, value in changes:
            name = where[1] if isinstance(where, tuple) else where
            place: Any = one.get("data") if isinstance(where, tuple) else one
            assume(isinstance(place, dict) and name != "datacontenttype")
            # 7.0 is a whole number to JSON Schema, and none to the decoder.
            assume(not (isinstance(value, float) and value.is_integer()))
            place[name] = value
        assert VALIDATORS[event].is_valid(one) == taken(one)

    agree()


@pytest.mark.parametrize(
    ("event", "field"),
    [(event, name) for event in CUSTOMER_EVENTS if NAMES[event] == "cx.survey.answered"
     for name in ("nps", "csat", "ces", "tone", "expected", "experienced", "goal_reached", "survey_id")],
)  # fmt: skip
def test_a_survey_needs_one_of_its_answers_at_least(event: type[Event], field: str) -> None:
    one = example(event, full=False)
    one["data"] = {field: example(event)["data"][field]}
    assert VALIDATORS[event].is_valid(one)
    assert taken(one)
    for nothing in (
        {},
        {"touchpoint": "checkout"},
        {field: None},
        {"comment": "fine", "nps": None, "csat": None},
    ):
        one["data"] = nothing
        assert not VALIDATORS[event].is_valid(one)
        assert not taken(one)


@each_type
def test_a_subject_is_asked_for_where_the_decoder_does(event: type[Event]) -> None:
    one = example(event)
    del one["subject"]
    assert taken(one) is VALIDATORS[event].is_valid(one) is (event in SUBJECT_OPTIONAL)
    if "followup" in NAMES[event]:
        one["data"]["key"] = "review-9"
        assert VALIDATORS[event].is_valid(one)
        assert taken(one)


def test_what_only_the_decoder_takes_is_known() -> None:
    """RFC 3339 is a little stricter than the decoder, and a whole number may have a fraction of nothing."""
    event = CUSTOMER_EVENTS[0]
    one = example(event)
    for time in ("2026-01-01 00:00:00Z", "2026-01-01T00:00:00+0100"):
        assert taken(one | {"time": time})
        assert not VALIDATORS[event].is_valid(one | {"time": time})


def test_the_page_names_every_type_and_links_to_files_that_are_there() -> None:
    page = all_schemas()["README.md"]
    for name in NAMES.values():
        assert f"[`{name}`]({name}.schema.json)" in page
        assert (FOLDER / f"{name}.schema.json").is_file()
