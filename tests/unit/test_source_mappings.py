"""What is said about source mappings that are wrong, word for word; and that the shipped ones are right."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

from pipeline.errors import SourceError
from pipeline.settings import SHIPPED
from pipeline.sources.files import read_events
from pipeline.sources.mapping import load_mapping
from pipeline.sources.model import Mapped, Scale, Value, When
from pipeline.step import dead_letter

PAGE = Path(__file__).parents[2] / "docs" / "sources.md"
MAPPINGS = sorted((SHIPPED / "schemas" / "sources").glob("*.yml"))

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


def wrong(folder: Path, mapping: str) -> list[str]:
    source = folder / "source.yml"
    source.write_text(mapping.lstrip("\n"), "utf-8")
    with pytest.raises(SourceError) as caught:
        load_mapping(source)
    return str(caught.value).replace(f"{source}:", "").splitlines()


@pytest.mark.parametrize("path", MAPPINGS, ids=lambda path: path.stem)
def test_the_shipped_mappings_are_right(path: Path) -> None:
    load_mapping(path)


def test_the_example_of_the_page_gives_what_is_said_there(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    block = dict(re.findall(r"```(csv|yaml|json)\n(.*?)```", PAGE.read_text("utf-8"), re.DOTALL))
    monkeypatch.chdir(tmp_path)
    Path("reviews.yml").write_text(block["yaml"], "utf-8")
    Path("reviews.csv").write_bytes(block["csv"].encode("cp1252"))
    rejected, event = read_events(Path("reviews.csv"), Path("reviews.yml"))
    assert json.loads(event.value) | {"id": ""} == {
        "specversion": "1.0", "id": "", "source": "/shop/reviews", "type": "cx.review.posted",
        "time": "2026-03-29T09:30:00+02:00", "subject": "K-204",
        "data": {"review_id": "17", "rating": 4.25, "platform": "shop", "comment": "Gute Beratung",
                 "attributes": {"branch": "Köln"}},
    }  # fmt: skip
    assert rejected.rejection is not None
    origin = {"file": rejected.file, "line": rejected.number}
    assert dead_letter(rejected.rejection, rejected.value, origin)["data"] == json.loads(block["json"])


def test_the_page_has_every_key() -> None:
    keys = {
        field.alias or name
        for model in (Mapped, Value, Scale, When)
        for name, field in model.model_fields.items()
    }
    page = PAGE.read_text("utf-8")
    assert [key for key in sorted(keys) if f"`{key}" not in page] == []


@pytest.mark.parametrize(
    "form",
    [
        "%Y%m%dT%H%M%S%z",
        "%d %B %y",
        "%m/%d/%y %I:%M %p",
        "%Y-%j",
        "%G-W%V-%u",
        "%A %d %b %Y CET",
        "unix",
        "iso",
    ],
)
def test_a_format_that_tells_the_day_is_right(form: str, tmp_path: Path) -> None:
    (tmp_path / "source.yml").write_text(REVIEW.replace("%d-%m-%Y", form))
    load_mapping(tmp_path / "source.yml")


MISTAKES = {
    "everything missing": ("{}", [
        '1:1: "source" is missing; write the events\' source, such as /shop/reviews',
        '1:1: "type" is missing; write the name of an event, such as review.posted',
        '1:1: "id" is missing; write a path, or a map such as {value: shop} or {hash: [author, date]}',
        '1:1: "time" is missing; write a path, or a map such as {path: date, format: "%Y-%m-%d", zone: UTC}',
    ]),
    "not a map": ("- 1\n", [
        "1:1: a list stands here; write a source mapping with source, format, encoding, delimiter, decimal, order, type, id, time, subject or data"
    ]),
    "unknown words": (REVIEW.lstrip().replace("review.posted", "review.postd").replace("csv", "xls") + "ordr: time\n", [
        '2:9: format: "xls" is not known; write csv, json or json-array',
        '3:7: unknown event "review.postd"; did you mean "review.posted"?',
        '9:1: "ordr" is not known here; did you mean "order"?',
    ]),
    "unknown event": (REVIEW.lstrip().replace("review.posted", "review.postd"), [
        '3:7: unknown event "review.postd"; did you mean "review.posted"?',
    ]),
    "fields": (SURVEY.lstrip().replace("{nps: score}", "{npss: score, comment: text}"), [
        '6:1: "survey.answered" needs one of the fields nps, csat, ces, tone, expected, experienced, goal_reached or survey_id',
        '6:8: "survey.answered" has no field "npss"; did you mean "nps"?',
    ]),
    "required field": (REVIEW.lstrip().replace("rating:", "title:"), [
        '6:1: "review.posted" needs the field "rating"',
        '8:28: as: "number" is not possible, for title is a text; take it out',
    ]),
    "empty": ("# Nothing yet.\n", ['1:1: the file is empty; a source mapping begins with "source:"']),
    "encodings": (SURVEY.lstrip() + "encoding: cp12522\n", [
        '7:11: encoding: "cp12522" is no encoding that is read here; write for example utf-8 or cp1252',
    ]),
    "an encoding that is not read": (SURVEY.lstrip() + "encoding: utf-16\n", [
        '7:11: encoding: "utf-16" is no encoding that is read here; write for example utf-8 or cp1252',
    ]),
    "an encoding that is a number": (SURVEY.lstrip() + "encoding: 1252\n", [
        '7:11: encoding: "1252" is no encoding that is read here; write for example utf-8 or cp1252',
    ]),
    "signs": (REVIEW.lstrip() + 'delimiter: ";;"\ndecimal: "\'"\n', [
        '9:12: delimiter: ";;" cannot be used; write the character that stands between values, such as ";"',
        '10:10: decimal: "\'" is not known; write what numbers have before their fraction, "." or ","',
    ]),
    "a delimiter of JSON": (SURVEY.lstrip() + 'delimiter: ";"\n', [
        "7:12: delimiter: a file of the format json has none; write format: csv, or take it out",
    ]),
    "functions": (SURVEY.lstrip().replace("who.id", "replace(who.id, 'a', 'b')").replace("score}", "'a[1:2] || lenght(b)'}"), [
        '5:10: subject: JMESPath has no function "replace"; https://jmespath.org lists what is known',
        '6:13: nps: JMESPath has no function "lenght"; did you mean "length"?',
    ]),
    "values that a field cannot have": (SURVEY.lstrip().replace(
        "{nps: score}", "{csat: {value: 9}, nps: {value: many}, goal_reached: {value: 3}, ces: {value: 3.5}, survey_id: {value: 3}, "
        'platform: {value: x}, attributes: {value: x}, attributes.v: {value: 3}, comment: {value: ""}, tone: {value: good}}'), [
        "6:22: value: 9 is not possible, for csat is a whole number from 1 to 5",
        '6:39: value: "many" is no number, and nps is a whole number from 0 to 10',
        '6:68: value: "3" is neither true nor false, and goal_reached is true or false',
        '6:85: value: "3.5" is no whole number, and ces is a whole number from 1 to 7',
        '6:114: "survey.answered" has no field "platform"; docs/rules.md lists what is known',
        '6:156: value: "x" is a text, and attributes is a map',
    ]),
    "kinds that a field is not": (REVIEW.lstrip().replace("as: number", "as: text") + (
        "  title: {path: t, as: integer}\n  attributes: {path: a, as: text}\n  attributes.v: {path: v, as: text}\ndelimiter: ','\n"), [
        '8:29: as: "text" is not possible, for rating is a number from 1 to 5; take it out',
        '9:24: as: "integer" is not possible, for title is a text; take it out',
        '10:29: as: "text" is not possible, for attributes is a map; take it out',
    ]),
    "subject": (SURVEY.lstrip().replace("subject: who.id\n", ""), [
        '2:7: "survey.answered" needs a "subject"; write where the customer\'s id stands',
    ]),
    "paths": (SURVEY.lstrip().replace("id: key", "id: {hash: [key, a b, 7]}", 1).replace("who.id", "who id"), [
        "3:18: hash: \"a b\" is no JMESPath; write '\"a b\"'",
        "3:23: hash: 7 is a number; write where it stands in a row, such as customer.id",
        "5:10: subject: \"who id\" is no JMESPath; write '\"who id\"'",
    ]),
    "origins": (SURVEY.lstrip().replace("id: key", "id: {as: text}", 1).replace("who.id", "{path: who, value: me}"), [
        '3:5: id: write one of "path", "value" and "hash"',
        '5:10: subject: write one of "path", "value" and "hash"',
    ]),
    "scale": (REVIEW.lstrip().replace("as: number", "as: stars, scale: [{from: june, divide_by: 0}]"), [
        '8:29: as: "stars" is not known; write text, number, integer or boolean',
        '8:51: from: "june" is no day; write for example 2015-06-09',
        "8:68: divide_by: 0 is too small; write a number above 0",
    ]),
    "time": (REVIEW.lstrip().replace("%d-%m-%Y", "%d-%q").replace("Europe/Amsterdam", "Amsterdam"), [
        '5:28: format: "%d-%q" is no format of a time; write for example "%Y-%m-%d %H:%M"',
        '5:43: zone: "Amsterdam" is no time zone; write for example Europe/Amsterdam',
    ]),
    "a format without a day": (REVIEW.lstrip().replace("%d-%m-%Y", "%m-%Y %H:%M"), [
        '5:28: format: "%m-%Y %H:%M" lacks the year, the month or the day; write for example "%Y-%m-%d %H:%M"',
    ]),
    "a format without a year": (REVIEW.lstrip().replace("%d-%m-%Y", "%d %b"), [
        '5:28: format: "%d %b" lacks the year, the month or the day; write for example "%Y-%m-%d %H:%M"',
    ]),
    "a format with a day twice": (REVIEW.lstrip().replace("%d-%m-%Y", "%d-%m-%Y %d"), [
        '5:28: format: "%d-%m-%Y %d" is no format of a time; write for example "%Y-%m-%d %H:%M"',
    ]),
    "a zone that is a folder": (REVIEW.lstrip().replace("Europe/Amsterdam", "Europe"), [
        '5:46: zone: "Europe" is no time zone; write for example Europe/Amsterdam',
    ]),
    "kinds": (SURVEY.lstrip().replace("{nps: score}", "[nps]").replace("time: at", "time: [at]"), [
        '4:7: time: a list stands here; write a path, or a map such as {path: date, format: "%Y-%m-%d", zone: UTC}',
        "6:7: data: a list stands here; write a map of an event's fields, each with where it comes from",
    ]),
    "nothing behind a key": (SURVEY.lstrip().replace("{nps: score}", "{nps: }").replace("who.id", ""), [
        "5:1: subject: nothing stands here; write a path, or a map such as {value: shop} or {hash: [author, date]}",
        "6:8: nps: nothing stands here; write a map of an event's fields, each with where it comes from",
    ]),
    "no YAML": ("source: [\n", ["2:1: a value is missing before this"]),
}  # fmt: skip


@pytest.mark.parametrize("name", MISTAKES)
def test_what_is_wrong_with_a_mapping_is_said_with_its_place(name: str, tmp_path: Path) -> None:
    mapping, expected = MISTAKES[name]
    assert sorted(wrong(tmp_path, mapping)) == sorted(expected)
