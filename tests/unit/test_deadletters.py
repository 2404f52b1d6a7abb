"""What a dead letter says when it is read back, and what is sent again in its place."""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from pipeline import parts
from pipeline.deadletters import DeadLetters, Refusal
from pipeline.effects import DEAD_LETTERS, REVIEWS, TOUCHPOINTS, Heart, Output
from pipeline.events.codec import REASONS as EVENT_REASONS
from pipeline.events.codec import Rejection, forwarded
from pipeline.settings import Settings
from pipeline.step import REASONS, dead_letter
from tests.integration.bad_records import CASES, GONE, Case, answers, event, noise
from tests.integration.kafka_log import LogRecord

NOW = 1_772_500_000_000
REJECTED = [case for case in CASES if case.reason is not None]
BACK = {"topic": "x.touchpoints", "partition": 1, "offset": 7}


def record(
    offset: int, value: bytes | None, headers: Sequence[tuple[str, bytes | None]] = (), key: bytes = b"k"
) -> LogRecord:
    return LogRecord("x.any", 0, offset, NOW, key, value, headers)


def read(*outputs: Output | dict[str, Any]) -> DeadLetters:
    """What is known of them once they are on their topic."""
    letters = DeadLetters()
    for offset, one in enumerate(outputs):
        value = one.value if isinstance(one, Output) else json.dumps(one).encode()
        letters.take(record(offset, value, key=b"of the letter"))
    return letters


def letter(value: bytes | None, reason: str = "field.wrong", error: str = "wrong") -> tuple[DeadLetters, str]:
    """The only dead letter, and its id."""
    written = dead_letter(Rejection(reason, error), value, BACK)
    return read(written), written["id"]


def sent(value: bytes, reason: str = "field.wrong", mended: bytes | None = None) -> Output:
    """The event that is written again."""
    letters, number = letter(value, reason)
    found = letters.again(number, mended, NOW)
    assert not isinstance(found, Refusal), found.why
    again, marker = found
    assert (marker.topic, marker.key) == (DEAD_LETTERS, b"of the letter")
    return again


def refused(value: bytes | None, reason: str = "field.wrong", mended: bytes | None = None) -> Refusal:
    letters, number = letter(value, reason, "the reason of before")
    found = letters.again(number, mended, NOW)
    assert isinstance(found, Refusal)
    return found


@pytest.fixture(scope="module")
def made() -> parts.Parts:
    return parts.build(Settings(prefix="x"))


def first(topic: str) -> LogRecord:
    """Gives a shard its time."""
    value = event("review.posted", id="first", data={"review_id": "first", "rating": 5})
    return record(0, event(id="first") if topic == TOUCHPOINTS else value)


def dead(heart: Heart, *records: LogRecord) -> list[Output]:
    return [one for one in heart.apply(records).outputs if one.topic == DEAD_LETTERS]


@pytest.mark.parametrize("case", REJECTED, ids=lambda case: case.name)
def test_an_event_gets_another_id_where_its_own_is_a_duplicate_by_now(made: parts.Parts, case: Case) -> None:
    heart = made.heart(case.topic, 0)
    (output,) = dead(heart, first(case.topic), record(1, case.value, case.headers))
    ((name, one),) = read(output).letters.items()
    assert name == f"x.{case.topic}/0/1/{case.reason}"
    same = "one" if not case.headers else case.name
    heart.apply([record(2, event(id=same, source="/test"))])
    assert one.is_remembered == (heart.stats().get("duplicates", 0) == 1)
    outputs = read(output).again(name, event(id=same, time="2026-03-02T10:00:00Z"), NOW)
    assert not isinstance(outputs, Refusal)
    assert json.loads(outputs[0].value)["id"] == (f"{same}/replayed" if one.is_remembered else same)
    assert not dead(made.heart(TOUCHPOINTS, 0), record(0, outputs[0].value))


def test_every_reason_has_a_case() -> None:
    assert {case.reason for case in REJECTED} >= {*EVENT_REASONS, *REASONS} - {"output.too_large"}


@pytest.mark.parametrize("case", REJECTED, ids=lambda case: case.name)
def test_what_would_be_rejected_again_is_not_sent(made: parts.Parts, case: Case) -> None:
    (output,) = dead(made.heart(case.topic, 0), first(case.topic), record(1, case.value, case.headers))
    letters = read(output)
    (number,) = letters.letters
    found = letters.again(number, None, NOW)
    if case.reason in ("topic.wrong", "followup.unknown"):  # on its own topic, or later, it is right
        assert not isinstance(found, Refusal)
    else:
        assert isinstance(found, Refusal)
        assert found.can_be_mended


REVIEW = {"review_id": "r-1", "rating": 1}


@pytest.mark.parametrize(
    ("value", "topic", "key"),
    [
        (event(), TOUCHPOINTS, b"somebody"),
        (event("review.posted", data=REVIEW), REVIEWS, b"r-1"),
        (event("review.responded", data={"review_id": "r-1"}), REVIEWS, b"r-1"),
        (event("mention.posted", data={}, subject=GONE), TOUCHPOINTS, b"/test#one"),
        (event("followup.closed", data={"followup_id": "f", "key": "nps{}"}, subject=GONE), TOUCHPOINTS, b"nps{}"),
    ],
    ids=["customer", "review", "response", "nobody", "key"],
)  # fmt: skip
def test_an_event_goes_to_the_topic_of_its_type_with_its_key(value: bytes, topic: str, key: bytes) -> None:
    again = sent(b"broken", mended=value)
    assert (again.topic, again.key, json.loads(again.value)) == (topic, key, json.loads(value))


def test_what_nobody_knows_of_an_event_is_sent_as_it_came() -> None:
    again = sent(b"broken", mended=event()[:-1] + b', "more": [1.10, 123456789012345678901234567890]}')
    assert again.value.endswith(b'"more":[1.10, 123456789012345678901234567890]}')


def test_a_forwarded_copy_is_sent_as_the_event_that_it_was_with_another_id() -> None:
    copy = forwarded(record(0, event("review.posted", data=REVIEW)), "x.reviews/0/3")
    again = sent(copy, "value.too_large")
    found = json.loads(again.value)
    assert (again.topic, found["id"]) == (REVIEWS, "one/replayed")
    assert "forwardedfrom" not in found


def test_a_copy_that_is_cut_off_is_known_as_one() -> None:
    whole = event("review.posted", data=REVIEW | {"comment": noise(900_000)})
    copy = forwarded(record(0, whole), "x.reviews/0/3")
    assert "65,536 of its 90" in refused(copy, "value.too_large").why
    again = sent(copy, "value.too_large", mended=event("review.posted", data=REVIEW))
    assert json.loads(again.value)["id"] == "one/replayed"


def test_what_is_no_event_is_not_sent_whatever_the_file() -> None:
    found = refused(event(), "output.too_large", mended=event())
    assert "nothing to send again" in found.why
    assert not found.can_be_mended


@pytest.mark.parametrize(
    ("mended", "why"),
    [
        (answers(nps=11), "field.wrong: Expected `int` <= 10 - at `$.data.nps`"),
        (event("alert.fired", data={"alert_id": "a", "rule": "r", "key": "k"}), "is written by cxloop alone"),
        (event(time="2026-03-03T02:00:00Z"), "more than 5 min ahead"),
        (event(id="x" * 510), "field.wrong: Expected `str` of length <= 512 - at `$.id`"),
        (b"[1]", "field.wrong: Expected `object`"),
    ],
    ids=["field", "type", "time", "id", "list"],
)
def test_a_mended_event_is_refused_with_what_is_wrong(mended: bytes, why: str) -> None:
    assert why in refused(event(), "topic.wrong", mended).why


def test_an_event_that_was_too_late_needs_another_time() -> None:
    assert refused(event(), "time.too_late").why == "time.too_late: the reason of before"
    sent(event(), "time.too_late", mended=event(time="2026-03-02T10:00:00Z"))


def test_a_marker_says_that_it_was_sent() -> None:
    letters, number = letter(event(), "topic.wrong")
    outputs = letters.again(number, None, NOW)
    assert not isinstance(outputs, Refusal)
    assert letters.waiting("topic.wrong") == [number]
    letters.take(record(1, outputs[1].value))
    again = letters.again(number, None, NOW)
    assert isinstance(again, Refusal)
    assert again.why == "already sent again at 2026-03-03T01:06:40Z"
    assert letters.waiting("topic.wrong") == []
    assert len(letters.letters) == 1


@pytest.mark.parametrize("value", [None, b"", b"{", b'{"type": "cx.other"}', b"\xff", b"[" * 100_000])
def test_records_of_strangers_are_passed_over(value: bytes | None) -> None:
    letters = DeadLetters()
    assert letters.take(record(0, value))
    assert not letters.letters


def test_every_reason_is_explained_to_those_who_operate() -> None:
    page = (Path(__file__).parents[2] / "docs" / "operating.md").read_text().partition("\n## Dead letters")[2]
    table = [line.split("|")[1] for line in page.partition("\n## ")[0].splitlines() if line.startswith("| `")]
    assert sorted(re.findall("`(.+?)`", " ".join(table))) == sorted((*EVENT_REASONS, *REASONS))
