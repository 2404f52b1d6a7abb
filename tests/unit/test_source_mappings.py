"""What is said about source mappings that are wrong, word for word; and that the shipped ones are right."""

from __future__ import annotations

from pathlib import Path

import pytest

from pipeline.errors import SourceError
from pipeline.settings import SHIPPED
from pipeline.sources.mapping import load_mapping

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


MISTAKES = {
    "everything missing": ("{}", [
        '1:1: "source" is missing; write the events\' source, such as /shop/reviews',
        '1:1: "type" is missing; write the name of an event, such as review.posted',
        '1:1: "id" is missing; write a path, or a map such as {value: shop} or {hash: [author, date]}',
        '1:1: "time" is missing; write a path, or a map such as {path: date, format: "%Y-%m-%d", zone: UTC}',
    ]),
    "not a map": ("- 1\n", [
        "1:1: a list stands here; write a source mapping with source, format, order, type, id, time, subject or data"
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
