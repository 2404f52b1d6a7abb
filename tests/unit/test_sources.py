"""Foreign rows become events, or say what is wrong with them; so do mappings."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import pytest

from pipeline.errors import FileError, SourceError
from pipeline.events.codec import decode, millis
from pipeline.events.model import Event
from pipeline.replay import FileRecord, replay
from pipeline.settings import SHIPPED, Settings
from pipeline.sources.files import Line, read_events
from tests.oracle.reading import ms

LOUNGES = Path(__file__).parent.parent / "data" / "lounge-reviews"

REVIEW = """
source: /shop/reviews
format: csv
type: review.posted
id: number
time: {path: date, format: "%d-%m-%Y", zone: Europe/Amsterdam}
data:
  review_id: number
  rating: {path: stars, as: number}
"""
SURVEY = """
source: /shop/surveys
type: survey.answered
id: key
time: at
subject: who.id
data: {nps: score}
"""


def read(folder: Path, mapping: str, rows: str | bytes) -> list[Line]:
    source, file = folder / "source.yml", folder / "rows"
    source.write_text(mapping, "utf-8")
    file.write_bytes(rows if isinstance(rows, bytes) else rows.encode())
    return list(read_events(file, source))


def events(folder: Path, mapping: str, rows: str | bytes) -> list[dict[str, Any]]:
    lines = read(folder, mapping, rows)
    assert [line.rejection for line in lines] == [None] * len(lines)
    for line in lines:
        assert isinstance(decode(FileRecord(0, 0, line.value)), Event)
    return [json.loads(line.value) for line in lines]


def first(folder: Path, mapping: str, row: Any) -> dict[str, Any]:
    (event,) = events(folder, mapping, json.dumps(row))
    return event


# --- formats ------------------------------------------------------------------------------------------


def test_a_row_of_csv_becomes_an_event(tmp_path: Path) -> None:
    assert events(tmp_path, REVIEW, "number,date,stars,text\n7,29-03-2026,4.5,fine\n") == [
        {
            "specversion": "1.0", "id": "7", "source": "/shop/reviews", "type": "cx.review.posted",
            "time": "2026-03-29T00:00:00+01:00", "data": {"review_id": "7", "rating": 4.5},
        }
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("form", "rows"),
    [
        ("json", '{"key": 1, "at": "2026-01-01", "who": {"id": "c"}}\n\n{"key": 2, "at": "2026-01-01", "who": {"id": "c"}}'),
        ("json-array", '[{"key": 1, "at": "2026-01-01", "who": {"id": "c"}}, {"key": 2, "at": "2026-01-01", "who": {"id": "c"}}]'),
    ],
)  # fmt: skip
def test_objects_become_events(form: str, rows: str, tmp_path: Path) -> None:
    found = events(tmp_path, f"{SURVEY.replace('score', '{value: 3}')}format: {form}", rows)
    assert [(event["id"], event["subject"], event["data"]) for event in found] == [
        ("1", "c", {"nps": 3}),
        ("2", "c", {"nps": 3}),
    ]


def test_a_byte_order_mark_is_no_part_of_the_first_column_or_line(tmp_path: Path) -> None:
    mark = b"\xef\xbb\xbf"
    assert len(events(tmp_path, REVIEW, mark + b"number,date,stars\n7,29-03-2026,4\n")) == 1
    row = b'{"key": 1, "at": "2026-01-01T00:00:00Z", "who": {"id": "c"}, "score": 3}'
    assert len(events(tmp_path, SURVEY, mark + row)) == 1
    plain = tmp_path / "events.jsonl"
    plain.write_bytes(mark + b"{}\n\n  {}  \n")
    assert list(read_events(plain)) == [Line(str(plain), 1, b"{}"), Line(str(plain), 3, b"{}")]


def test_a_text_keeps_its_lines(tmp_path: Path) -> None:
    mapping = f"{REVIEW}  comment: text\n"
    (event,) = events(tmp_path, mapping, 'number,date,stars,text\n1,29-03-2026,4,"café\r\nnoir"\n')
    assert event["data"]["comment"] == "café\r\nnoir"


@pytest.mark.parametrize(
    ("encoding", "byte", "other"),
    [("utf-8", "0xe8", "cp1252"), ("ascii", "0xe8", "utf-8"), ("UTF8", "0xe8", "cp1252")],
)
def test_a_row_with_bytes_of_another_encoding_becomes_a_dead_letter_and_the_others_go_on(
    encoding: str, byte: str, other: str, tmp_path: Path
) -> None:
    bad = b'2,29-03-2026,4,"Ren\xe8\r\nand more"'
    rows = b"number,date,stars,text\n1,29-03-2026,4,fine\n" + bad + b"\r\n\n3,29-03-2026,4,fine\n"
    one, wrong, three = read(tmp_path, f"{REVIEW}  comment: text\nencoding: {encoding}\n", rows)
    assert (one.number, one.rejection, three.number, three.rejection) == (2, None, 6, None)
    assert wrong.rejection is not None
    assert (wrong.number, wrong.value, wrong.rejection.reason) == (3, bad, "row.invalid")
    name = encoding.replace("UTF8", "utf-8")
    assert wrong.rejection.error == (
        f"the byte {byte} is no {name}; the mapping may name another encoding, such as encoding: {other}"
    )


def test_a_file_has_the_encoding_that_the_mapping_names(tmp_path: Path) -> None:
    mapping = f"{REVIEW}  comment: '\"Prénom\"'\nencoding: cp1252\n"
    rows = "number,date,stars,Prénom\n1,29-03-2026,4,René\n2,29-03-2026,4,Renè\n".encode("cp1252")
    assert [event["data"]["comment"] for event in events(tmp_path, mapping, rows)] == ["René", "Renè"]
    row = '{"key": 1, "at": "2026-01-01T00:00:00Z", "who": {"id": "René"}, "score": 3}'
    for form, text in (("json", row), ("json-array", f"[{row}]")):
        mapping = f"{SURVEY}format: {form}\nencoding: cp1252\n"
        (event,) = events(tmp_path, mapping, text.encode("cp1252"))
        assert event["subject"] == "René"


def test_a_line_of_json_with_bytes_of_another_encoding_becomes_a_dead_letter(tmp_path: Path) -> None:
    row = '{"key": 1, "at": "2026-01-01T00:00:00Z", "who": {"id": "René"}, "score": 3}'
    wrong, right = read(tmp_path, SURVEY, row.encode("cp1252") + b"\n" + row.encode())
    assert (wrong.value, right.rejection) == (row.encode("cp1252"), None)
    assert wrong.rejection is not None
    assert (wrong.rejection.reason, wrong.rejection.error[:26]) == (
        "row.invalid",
        "the byte 0xe9 is no utf-8;",
    )


@pytest.mark.parametrize("mark", [b"\xff\xfe", b"\xfe\xff"])
@pytest.mark.parametrize("mapping", [REVIEW, SURVEY, ""], ids=["csv", "json", "events"])
def test_a_file_in_utf_16_is_told_as_such(mark: bytes, mapping: str, tmp_path: Path) -> None:
    source, file = tmp_path / "source.yml", tmp_path / "rows"
    source.write_text(mapping)
    file.write_bytes(mark + b"n\0")
    with pytest.raises(FileError, match="rows: the file is UTF-16; save the file as UTF-8"):
        list(read_events(file, source if mapping else None))


def test_a_line_of_json_may_hold_any_character_but_a_new_line(tmp_path: Path) -> None:
    row = {"key": "a\u2028b", "at": "2026-01-01T00:00:00Z", "who": {"id": "c\x85"}, "score": 3}
    (event,) = events(tmp_path, SURVEY, json.dumps(row, ensure_ascii=False))
    assert (event["id"], event["subject"]) == ("a\u2028b", "c\x85")


# --- rows that are no events --------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("row", "error"),
    [
        ('1,29-03-2026,', "rating: the row has no value for it"),
        ('1,,4', "time: the row has no value for it"),
        (',29-03-2026,4', "id: the row has no value for it"),
        ('1,29-03-2026,four', 'rating: "four" is no number'),
        ('1,29-03-2026,nan', 'rating: "nan" is no number'),
        ('1,2026-03-29,4', 'time: "2026-03-29" is no time of the format %d-%m-%Y'),
        ('1,31-02-2026,4', 'time: "31-02-2026" is no time of the format %d-%m-%Y'),
        ('1,29-03-2026,4,5,6', "the row has 2 more than the 3 values of the header"),
        ('1', "time: the row has no value for it"),
    ],
)  # fmt: skip
def test_a_bad_row_of_csv_becomes_a_dead_letter_and_the_others_go_on(
    row: str, error: str, tmp_path: Path
) -> None:
    good = "8,29-03-2026,5"
    lines = read(tmp_path, REVIEW, f"number,date,stars\n{good}\n{row}\n{good}\n")
    assert [line.rejection and (line.rejection.reason, line.rejection.error) for line in lines] == [
        None, ("row.invalid", error), None,
    ]  # fmt: skip
    assert (lines[1].number, lines[1].value) == (3, row.encode())


@pytest.mark.parametrize("end", ["", "\n"])
def test_a_quote_that_is_never_closed_costs_its_own_row_alone(end: str, tmp_path: Path) -> None:
    lines = read(tmp_path, REVIEW, f'number,date,stars\n1,29-03-2026,4\n2,"29-03-2026,4\n3,29-03-2026,4{end}')
    assert [line.number for line in lines if line.rejection is None] == [2, 4]
    (lost,) = [line for line in lines if line.rejection is not None]
    assert lost.rejection is not None
    assert lost.rejection.error == "the row is no CSV: a quote that begins in it is never closed"
    assert (lost.number, lost.value) == (3, b'2,"29-03-2026,4')


def test_a_quote_that_the_next_one_closes_loses_nothing_either(tmp_path: Path) -> None:
    lines = read(tmp_path, REVIEW, 'number,date,stars\n2,"29-03-2026,4\n3,29-03-2026,"4"\n4,"29-03-2026",4')
    assert [line.number for line in lines if line.rejection is None] == [4]
    assert lines[0].value == b'2,"29-03-2026,4\n3,29-03-2026,"4"'


def test_a_row_stands_at_the_line_at_which_it_begins(tmp_path: Path) -> None:
    rows = 'number,date,stars\r\n\r\n1,"29-03-2026","4\n"\r\n2,29-03-2026,4\r3,"29\n\n03",4\n\n4,29-03-2026,4'
    assert [(line.number, line.rejection is None) for line in read(tmp_path, REVIEW, rows)] == [
        (3, True), (5, True), (6, False), (10, True),
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("row", "reason", "error"),
    [
        ("[1]", "row.invalid", "an object is expected"),
        ('"text"', "row.invalid", "an object is expected"),
        ("{", "json.invalid", "the line is no JSON: Input data was truncated"),
        ('{"key": [1], "at": "2026-01-01T00:00:00Z"}', "row.invalid", "id: a text or a number is expected"),
        ('{"key": 1, "at": "soon"}', "row.invalid", 'time: "soon" is no time of the format iso'),
        ("[" * 3000, "json.invalid", "the line is no JSON: "),
    ],
)
def test_a_bad_line_of_json_becomes_a_dead_letter_with_its_place_and_bytes(
    row: str, reason: str, error: str, tmp_path: Path
) -> None:
    (line,) = read(tmp_path, SURVEY, f"\n\n{row}\n")
    assert line.rejection is not None
    assert (line.number, line.value, line.rejection.reason) == (3, row.encode(), reason)
    assert line.rejection.error.startswith(error)


@pytest.mark.parametrize("at", ["1e30", "nan", "inf", "soon", [1]])
def test_a_unix_time_that_is_none_becomes_a_dead_letter(at: Any, tmp_path: Path) -> None:
    mapping = SURVEY.replace("time: at", "time: {path: at, format: unix}")
    (line,) = read(tmp_path, mapping, json.dumps({"key": 1, "at": at, "who": {"id": "c"}, "score": 3}))
    assert line.rejection is not None
    assert line.rejection.reason == "row.invalid"


@pytest.mark.parametrize(
    ("form", "rows", "error"),
    [
        ("json-array", "{}", "a list of objects is expected; for one object a line, say format: json"),
        ("json-array", "[", "is no JSON: Input data was truncated"),
        ("json-array", b'["\xe9"]', "the byte 0xe9 is no utf-8; the mapping may name another encoding, such as encoding: cp1252"),
        ("csv", "key,key,at,score\n", 'the column "key" is there twice; give one of them another name'),
        ("csv", "\nkey;at;score\n", 'the header has one column, "key;at;score"; write delimiter: ";" in the mapping'),
        ("csv", "key\tat\n", 'the header has one column, "key\tat"; write delimiter: "\\t" in the mapping'),
        ("csv", "key|at\n", 'the header has one column, "key|at"; write delimiter: "|" in the mapping'),
        ('csv\ndelimiter: ";"', "key,at\n", 'the header has one column, "key,at"; write delimiter: "," in the mapping'),
        ("csv", '{"key": 1}\n', "this is no CSV, but JSON; write format: json in the mapping"),
        ("csv", '[{"key": 1}]', "this is no CSV, but JSON; write format: json-array in the mapping"),
        ("csv", '"key,at\n', "the header cannot be read: the row is no CSV: a quote that begins in it is never closed"),
        ("csv", b"k\xe9y,at\n", "the header cannot be read: the byte 0xe9 is no utf-8; the mapping may name another encoding, such as encoding: cp1252"),
    ],
)  # fmt: skip
def test_a_file_of_another_shape_is_refused(form: str, rows: str | bytes, error: str, tmp_path: Path) -> None:
    mapping = SURVEY.replace("who.id", "key")
    with pytest.raises(FileError) as caught:
        read(tmp_path, f"{mapping}format: {form}", rows)
    assert str(caught.value) == f"{tmp_path / 'rows'}: {error}"


def test_a_file_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(FileError, match="there is no such file"):
        read_events(tmp_path / "gone")
    with pytest.raises(FileError, match="is a folder; name the files in it"):
        read_events(tmp_path)


def test_a_column_that_a_file_does_not_have_is_named_with_its_place(tmp_path: Path) -> None:
    mapping = REVIEW.lstrip().replace("id: number", "id: {hash: [number, autor]}", 1) + "  title: titel\n"
    with pytest.raises(SourceError) as caught:
        read(tmp_path, mapping, "number,date,stars,title,author\n")
    assert str(caught.value).replace(f"{tmp_path}/", "").splitlines() == [
        'source.yml:4:21: the file has no column "autor"; did you mean "author"?',
        'source.yml:9:10: the file has no column "titel"; did you mean "title"?',
    ]


# --- values -------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("written", "row", "expected"),
    [
        ("{path: v, as: text}", {"v": 5}, "5"),
        ("{path: v, as: text}", {"v": True}, "true"),
        ("{value: shop}", {}, "shop"),
        ("v.inner[1]", {"v": {"inner": ["a", "b"]}}, "b"),
        ("join('-', v)", {"v": ["a", "b"]}, "a-b"),
        ("'\"my column\"'", {"my column": "x"}, "x"),
        ("v", {"v": ""}, None),
        ("v", {"v": None}, None),
        ("v", {}, None),
        ("{hash: [v, w]}", {"v": "a", "w": "b"}, "ffc151170352baa3"),
        ("{hash: [v, w]}", {"v": "", "w": None}, None),
    ],
)
def test_a_field_comes_from_where_the_mapping_says(
    written: str, row: dict[str, Any], expected: Any, tmp_path: Path
) -> None:
    base = {"key": 1, "at": "2026-01-01T00:00:00Z", "who": {"id": "c"}, "score": 3}
    found = first(
        tmp_path, SURVEY.replace("{nps: score}", f"\n  nps: score\n  comment: {written}\n"), base | row
    )
    assert found["data"].get("comment") == expected


@pytest.mark.parametrize(
    ("kind", "value", "expected"),
    [
        ("integer", "7", 7), ("integer", "7.0", 7), ("integer", 7.0, 7), ("integer", " 7 ", 7), ("integer", "", None),
        ("number", "7.5", 7.5), ("number", 7, 7.0), ("number", None, None),
        ("boolean", "1", True), ("boolean", "true", True), ("boolean", "YES", True), ("boolean", "0", False),
        ("boolean", False, False),
    ],
)  # fmt: skip
def test_a_value_is_converted(kind: str, value: Any, expected: Any, tmp_path: Path) -> None:
    mapping = SURVEY.replace(
        "{nps: score}", f"{{survey_id: {{value: s}}, attributes.v: {{path: v, as: {kind}}}}}"
    )
    row = {"key": 1, "at": "2026-01-01T00:00:00Z", "who": {"id": "c"}, "v": value}
    found = first(tmp_path, mapping, row)["data"].get("attributes", {}).get("v")
    assert found == expected
    assert type(found) in (type(expected), int)  # JSON has one kind of number


@pytest.mark.parametrize(
    ("kind", "value", "error"),
    [
        ("integer", "7.5", 'attributes.v: "7.5" is no whole number'),
        ("integer", [7], 'attributes.v: "[7]" is no whole number'),
        ("integer", "1e400", 'attributes.v: "1e400" is no whole number'),
        ("number", "7,5", 'attributes.v: "7,5" is no number'),
        ("boolean", "maybe", 'attributes.v: "maybe" is neither true nor false'),
        ("text", {"a": 1}, "attributes.v: \"{'a': 1}\" is no text"),
    ],
)
def test_a_value_that_cannot_be_converted_becomes_a_dead_letter(
    kind: str, value: Any, error: str, tmp_path: Path
) -> None:
    assert said_of(f"attributes.v: {{path: v, as: {kind}}}", value, tmp_path) == error


def said_of(written: str, value: Any, folder: Path) -> str:
    """What is wrong with a value of `v`. written: the field's name, and how the mapping has it."""
    mapping = SURVEY.replace("{nps: score}", f"{{survey_id: {{value: s}}, {written}}}")
    row = {"key": 1, "at": "2026-01-01T00:00:00Z", "who": {"id": "c"}, "v": value}
    (line,) = read(folder, mapping, json.dumps(row))
    return line.rejection.error if line.rejection is not None else ""


@pytest.mark.parametrize(
    ("written", "row", "expected"),
    [
        ("nps: v", "7", 7),
        ("nps: v", "7.0", 7),
        ("nps: {path: v, as: number}", "7", 7),
        ("nps: {path: v, as: number, scale: [{from: 2015-06-09, divide_by: 2}]}", "14", 7),
        ("goal_reached: v", "yes", True),
        ("goal_reached: v", "false", False),
        ("survey_id: v", "007", "007"),
        ("language: v", "no", "no"),
        ("attributes: {path: v}", {"shelf": 4}, {"shelf": 4}),
        ("survey_id: v", 7, "7"),
        ("comment: v", True, "true"),
        ("csat: {value: 4}", "", 4),
        ("survey_id: {value: 4}", "", "4"),
        ("tone: v", "4", "4"),
        ("tone: {path: v, as: integer}", "4", 4),
        ('decimal: ","\nnps: v', "7,0", 7),
        ('decimal: ","\nnps: {path: v, as: integer}', 7.0, 7),
        ('decimal: ","\ncomment: v', "7,5", "7,5"),
    ],
)
def test_a_field_gets_what_it_can_hold(written: str, row: Any, expected: Any, tmp_path: Path) -> None:
    around, _, field = written.rpartition("\n")
    mapping = SURVEY.replace("{nps: score}", f"{{expected: {{value: 3}}, {field}}}") + around
    found = first(tmp_path, mapping, {"key": 1, "at": "2026-01-01T00:00:00Z", "who": {"id": "c"}, "v": row})
    name = field.partition(":")[0]
    assert (found["data"][name], type(found["data"][name])) == (expected, type(expected))


@pytest.mark.parametrize(
    ("written", "value", "error"),
    [
        ("nps: v", "7.5", 'nps: "7.5" is no whole number'),
        ("nps: {path: v, as: number}", "7.5", 'nps: "7.5" is no whole number'),
        ("nps: {path: v, as: number, scale: [{from: 2015-06-09, divide_by: 2}]}", "7", 'nps: "3.5" is no whole number'),
        ("nps: v", "seven", 'nps: "seven" is no number'),
        ("nps: v", True, 'nps: "true" is no number'),
        ("goal_reached: v", "maybe", 'goal_reached: "maybe" is neither true nor false'),
        ("comment: v", ["a"], "comment: \"['a']\" is no text"),
        ('decimal: ","\nnps: v', "7,5", 'nps: "7.5" is no whole number'),
        ('decimal: ","\nnps: v', "7.0", 'nps: "7.0" is no number'),
        ('decimal: ","\nattributes.v: {path: v, as: number}', "1.234,5", 'attributes.v: "1.234,5" is no number'),
    ],
)  # fmt: skip
def test_what_a_field_cannot_hold_becomes_a_dead_letter(
    written: str, value: Any, error: str, tmp_path: Path
) -> None:
    around, _, field = written.rpartition("\n")
    assert said_of(f"{field}}}\n{around}#", value, tmp_path) == error


def test_a_file_has_the_delimiter_and_the_decimal_sign_that_the_mapping_names(tmp_path: Path) -> None:
    mapping = f'{REVIEW}delimiter: ";"\ndecimal: ","\n'.replace("{path: stars, as: number}", "stars")
    (event,) = events(tmp_path, mapping, "number;date;stars\n7;29-03-2026;4,5\n")
    assert event["data"]["rating"] == 4.5


@pytest.mark.parametrize(
    ("day", "stars", "rating"),
    [
        ("08-06-2015", "4", 4.0),
        ("09-06-2015", "4", 2.0),
        ("09-06-2015", "1", 1.0),
        ("31-12-2019", "10", 5.0),
        ("01-01-2020", "100", 5.0),
        ("01-01-2020", "10", 1.0),
    ],
)
def test_a_scale_counts_from_its_day_on_until_the_next(
    day: str, stars: str, rating: float, tmp_path: Path
) -> None:
    scale = "[{from: 2015-06-09, divide_by: 2, at_least: 1}, {from: 2020-01-01, divide_by: 20, at_least: 1}]"
    mapping = REVIEW.replace("as: number", f"as: number, scale: {scale}")
    (event,) = events(tmp_path, mapping, f"number,date,stars\n7,{day},{stars}\n")
    assert event["data"]["rating"] == rating


def test_a_scale_of_what_is_no_number_becomes_a_dead_letter(tmp_path: Path) -> None:
    scaled = "attributes.v: {path: v, scale: [{from: 2015-06-09, divide_by: 2}]}"
    assert said_of(scaled, "4", tmp_path) == 'attributes.v: "4" is no number that can be scaled'


def test_a_hash_is_the_same_for_the_same_parts_and_another_for_others(tmp_path: Path) -> None:
    mapping = SURVEY.replace("id: key", "id: {hash: [a, b]}", 1)
    rows = [{"a": "x", "b": "yz"}, {"a": "xy", "b": "z"}, {"a": "x", "b": "yz"}, {"a": "x"}, {"b": "x"}]
    base = {"at": "2026-01-01T00:00:00Z", "who": {"id": "c"}, "score": 3}
    found = events(tmp_path, mapping, "\n".join(json.dumps(base | row) for row in rows))
    ids = [event["id"] for event in found]
    assert ids[0] == ids[2]
    assert len({*ids}) == 4


def test_dimensions_of_ones_own_stand_together(tmp_path: Path) -> None:
    mapping = SURVEY.replace("{nps: score}", "{nps: score, attributes.shelf: shelf, attributes.gold: gold}")
    row = {"key": 1, "at": "2026-01-01T00:00:00Z", "who": {"id": "c"}, "score": 3, "shelf": 4}
    assert first(tmp_path, mapping, row)["data"] == {"nps": 3, "attributes": {"shelf": 4}}


# --- times --------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("time", "value", "expected"),
    [
        ("at", "2026-01-01T10:00:00+02:00", "2026-01-01T08:00:00Z"),
        ("at", "2026-01-01", "2026-01-01T00:00:00Z"),
        ("{path: at, zone: Europe/Amsterdam}", "2026-07-01 10:00", "2026-07-01T08:00:00Z"),
        ("{path: at, zone: Europe/Amsterdam}", "2026-07-01T10:00:00Z", "2026-07-01T10:00:00Z"),
        ("{path: at, format: unix}", 1767225600, "2026-01-01T00:00:00Z"),
        ("{path: at, format: unix}", "1767225600.5", "2026-01-01T00:00:00.5Z"),
        ('{path: at, format: "%d/%m/%y %H.%M"}', "31/12/25 23.59", "2025-12-31T23:59:00Z"),
    ],
)
def test_a_time_is_read_in_its_format_and_zone(time: str, value: Any, expected: str, tmp_path: Path) -> None:
    row = {"key": 1, "at": value, "who": {"id": "c"}, "score": 3}
    (line,) = read(tmp_path, SURVEY.replace("time: at", f"time: {time}"), json.dumps(row))
    event = decode(FileRecord(0, 0, line.value))
    assert isinstance(event, Event)
    assert millis(event.time) == ms(expected)


def test_a_file_can_be_sorted_by_time_whatever_the_offsets(tmp_path: Path) -> None:
    times = [
        "2026-10-25T02:30:00+01:00",
        "2026-10-25T02:45:00+02:00",
        "2026-10-25T01:00:00Z",
        "soon",
        "2026-10-25T00:00:00Z",
    ]
    rows = "\n".join(json.dumps({"key": t, "at": t, "who": {"id": "c"}, "score": 3}) for t in times)
    arrived = read(tmp_path, SURVEY, rows)
    assert [line.number for line in arrived] == [1, 2, 3, 4, 5]
    assert [line.number for line in read(tmp_path, f"{SURVEY}order: time", rows)] == [4, 5, 2, 3, 1]


def test_rows_of_one_time_keep_their_order(tmp_path: Path) -> None:
    row = {"at": "2026-10-25T00:00:00Z", "who": {"id": "c"}, "score": 3}
    rows = "\n".join(json.dumps(row | {"key": key}) for key in "cab")
    assert [event["id"] for event in events(tmp_path, f"{SURVEY}order: time", rows)] == ["c", "a", "b"]


def test_a_type_may_have_its_prefix(tmp_path: Path) -> None:
    row = {"key": 1, "at": "2026-01-01T00:00:00Z", "who": {"id": "c"}, "score": 3}
    assert (
        first(tmp_path, SURVEY.replace("survey.answered", "cx.survey.answered"), row)["type"]
        == "cx.survey.answered"
    )


# --- real reviews -------------------------------------------------------------------------------------


@pytest.mark.parametrize("output", ["alerts", "followups", "metrics", "deadletters"])
def test_real_reviews_give_what_is_written_down(output: str, tmp_path: Path) -> None:
    result = replay(
        [LOUNGES / "reviews.csv"], [LOUNGES / "rules.yml"], source=SHIPPED / "schemas" / "sources" / "lounge-reviews.yml",
        until=ms("2015-08-03T12:00:00Z"), now=ms("2026-01-01T00:00:00Z"), settings=Settings(),
    )  # fmt: skip
    result.write(tmp_path)
    text = (tmp_path / f"{output}.jsonl").read_text("utf-8").replace(f"{LOUNGES}/", "")
    expected = LOUNGES / "expected" / f"{output}.jsonl"
    if os.environ.get("CXLOOP_WRITE_GOLDEN"):
        expected.parent.mkdir(exist_ok=True)
        expected.write_text(text, "utf-8")
        pytest.fail("written anew: read the difference, and run it again")
    assert text.splitlines() == expected.read_text("utf-8").splitlines()


def test_real_reviews_are_read_to_the_last_row() -> None:
    lines = list(read_events(LOUNGES / "reviews.csv", SHIPPED / "schemas" / "sources" / "lounge-reviews.yml"))
    read_ = [json.loads(line.value) for line in lines if line.rejection is None]
    assert (len(lines), len(read_)) == (30, 27)
    assert len({event["id"] for event in read_}) == 27
    assert [event["time"] for event in read_] == sorted(event["time"] for event in read_)
    assert {1.0, 2.0, 2.5, 3.0, 3.5, 4.0, 5.0} >= {event["data"]["rating"] for event in read_}
