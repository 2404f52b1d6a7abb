"""What a shard writes fits into its topics, whatever it reads: a record that Kafka refuses would come back for ever.

Without Kafka: the hearts alone, and the limits that `cxloop topics` sets.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from pipeline import parts
from pipeline.board import Board
from pipeline.effects import METRICS, REVIEWS, TOUCHPOINTS, Effects, Heart
from pipeline.engine.topics import Plan, changelogs, wanted
from pipeline.settings import Settings
from tests.integration.bad_records import GONE, binary, event, noise

RULES = """
rules:
  - id: low-score
    summary: A customer would not recommend us.
    when: {event: survey.answered, nps: "<= 6"}
    alert: warning
    follow_up: {team: care, due: 1 business day, escalate: [{after: 2h, to: lead}]}
  - id: gold-customer-waits
    summary: A good customer waits for an answer.
    when: {event: contact.opened, attributes.tier: ">= 5"}
    unless: {event: contact.replied, same: contact_id, within: 1h}
    alert: warning
    follow_up: {team: desk, due: 1h}
  - id: bad-review-unanswered
    summary: A bad review without a public answer within a day.
    when: {event: review.posted, rating: "<= 2"}
    unless: {event: review.responded, same: review_id, within: 24h}
    alert: critical
    follow_up: {team: reputation, due: 4h}
  - id: nps-low
    summary: Customers stopped recommending us.
    when: {metric: nps, by: [touchpoint], over: 24h, is: "< 0"}
    alert: warning
    follow_up: {team: product, due: 2h}
"""
ARRIVED = int(datetime(2026, 4, 2, tzinfo=UTC).timestamp() * 1000)
#: Kafka's own share of a record batch, bytes.
ENVELOPE = 512


@dataclass(frozen=True)
class Record:
    """A record of a log."""

    offset: int
    value: bytes | None
    timestamp: int = ARRIVED
    key: bytes | None = None
    headers: Sequence[tuple[str, bytes | None]] = ()


def limits() -> dict[str, int]:
    """Bytes that Kafka takes in one record, by topic without prefix."""
    plan = Plan("x")
    made = [*wanted(plan), *changelogs(plan, dict.fromkeys((TOUCHPOINTS, REVIEWS, METRICS), 1))]
    return {one.name.removeprefix("x."): int(one.configs["max.message.bytes"]) for one in made}


@pytest.fixture
def heart(tmp_path: Path) -> Callable[[str], Heart]:
    """Makes the heart of a topic."""
    rules = tmp_path / "rules.yml"
    rules.write_text(RULES)
    made = parts.build(Settings(prefix="x"), [rules])
    return lambda topic: made.heart(topic, 0)


def too_large(topic: str, effects: Effects) -> list[str]:
    """What Kafka would refuse."""
    sizes = [(output.topic, len(output.key or b"") + len(output.value)) for output in effects.outputs]
    sizes += [(f"{topic}.changelog", len(value)) for value in effects.changelog]
    most = limits()
    return [f"{where}: {size} bytes" for where, size in sizes if size + ENVELOPE > most[where]]


def lives(make: Callable[[str], Heart], topic: str, values: Sequence[bytes | Record]) -> list[Any]:
    """A shard and the board behind it take records in one step, and a restored one goes on; returns the shard's outputs."""
    one, board = make(topic), make(METRICS)
    one.opened(False)
    board.opened(False)
    records = [
        Record(n, value) if isinstance(value, bytes) else Record(n, value.value, headers=value.headers)
        for n, value in enumerate(values)
    ]
    effects = one.apply(records)
    assert too_large(topic, effects) == []
    counted = [output.value for output in effects.outputs if output.topic == METRICS]
    judged = board.apply([Record(n, value) for n, value in enumerate(counted)])
    assert too_large(METRICS, judged) == []
    again = make(topic)
    for value in effects.changelog:
        again.restore(value)
    assert again.applied == one.applied  # tells where to read on, before it is opened
    again.opened(False)
    assert (again.applied, again.watermark) == (one.applied, one.watermark)
    again.apply([Record(len(records), event(id="the-next"))])
    return [json.loads(output.value) for output in effects.outputs if output.topic != METRICS] + [
        json.loads(output.value) for output in judged.outputs
    ]


def reasons(outputs: Sequence[Any]) -> set[str]:
    return {one["data"]["reason"] for one in outputs if one["type"] == "cx.deadletter"}


def minutes(count: int, apart: int) -> Iterator[str]:
    """Times, so many minutes apart."""
    start = datetime(2026, 3, 2, 9, tzinfo=UTC)
    return ((start + timedelta(minutes=apart * n)).isoformat() for n in range(count))


@pytest.mark.parametrize("name", ["touchpoint", "channel", "segment", "stage"])
def test_long_values_of_dimensions(heart: Callable[[str], Heart], name: str) -> None:
    values = [event(id=str(n), data={"nps": 9, name: f"{n}{noise(900_000)}"}) for n in range(3)]
    lives(heart, TOUCHPOINTS, values)


def test_a_customer_with_a_long_name(heart: Callable[[str], Heart]) -> None:
    assert reasons(lives(heart, TOUCHPOINTS, [event(subject=noise(900_000))])) <= {
        "output.too_large",
        "field.wrong",
    }


def test_a_review_with_a_long_id(heart: Callable[[str], Heart]) -> None:
    data = {"review_id": noise(900_000), "rating": 1}
    lives(heart, REVIEWS, [event("review.posted", data=data)])


def test_a_backfill_of_surveys_that_lie_far_apart(heart: Callable[[str], Heart]) -> None:
    places = {"touchpoint": "checkout", "channel": "web", "segment": "family", "stage": "use"}
    values = [
        event(id=str(n), subject=f"customer-{n}", time=time, data={"nps": 9, "csat": 5, "ces": 7} | places)
        for n, time in enumerate(minutes(Settings().batch, apart=6))
    ]
    lives(heart, TOUCHPOINTS, values)


def test_many_long_events_of_agents_about_a_metric(heart: Callable[[str], Heart]) -> None:
    data = {"followup_id": "f-1", "key": "nps", "comment": noise(900_000)}
    values = [event("followup.closed", id=str(n), subject=GONE, data=data) for n in range(3)]
    lives(heart, TOUCHPOINTS, values)


def test_a_customer_whose_alerts_nobody_ever_closes(heart: Callable[[str], Heart]) -> None:
    """All guests of a shop have the same id, for example."""
    values = [event(id=f"{n}", subject="guest", time=time) for n, time in enumerate(minutes(2_000, apart=1))]
    outputs = lives(heart, TOUCHPOINTS, values)
    # Each alert tells its follow-up anew: if that tells all reasons each time, this is quadratic.
    assert sum(len(json.dumps(one)) for one in outputs) < 10_000 * len(values)


@pytest.mark.parametrize(
    "tier",
    [1 << 70, -(1 << 70), 5.5, "gold", True, None],
    ids=["70 bits", "-70 bits", "5.5", "gold", "true", "null"],
)
def test_an_attribute_that_a_rule_remembers(heart: Callable[[str], Heart], tier: object) -> None:
    data = {"contact_id": "k-1", "attributes": {"tier": tier}}
    assert reasons(lives(heart, TOUCHPOINTS, [event("contact.opened", data=data)])) <= {"field.wrong"}


ALERT = {"alert_id": "a-1", "rule": "low-score", "key": "k"}
CONTACT = {"contact_id": "k-1", "attributes": {"tier": 7}}
REVIEW = {"review_id": "r-1", "rating": 1}
END = "9999-12-31T23:59:59Z"
BEGINNING = "0001-01-01T00:00:00+14:00"


@pytest.mark.parametrize(
    ("kind", "changes"),
    [
        pytest.param("alert.fired", {"time": END, "data": ALERT}, id="alert of 9999"),
        pytest.param("alert.fired", {"data": ALERT | {"start": END}}, id="alert whose clock starts in 9999"),
        pytest.param("alert.fired", {"data": ALERT | {"start": BEGINNING}}, id="alert from before our era"),
        pytest.param("survey.answered", {"time": END}, id="survey of 9999"),
        pytest.param("contact.opened", {"time": END, "data": CONTACT}, id="contact of 9999"),
        pytest.param("review.posted", {"subject": GONE, "data": REVIEW}, id="review of nobody"),
    ],
)
def test_a_record_that_only_says_it_was_forwarded(
    heart: Callable[[str], Heart], kind: str, changes: dict[str, Any]
) -> None:
    lives(heart, TOUCHPOINTS, [event(kind, forwardedfrom="x.reviews/0/1", **changes)])


COUNTED = b'{"shard":"touchpoints/7","offset":1,"segments":[{"watermark":1772443320000,"counts":[[1772442000000,0,0,%b]]}],"series":[[]],"names":["%b"]}'


@pytest.mark.parametrize(
    "value",
    [
        pytest.param(b"hello", id="a text"),
        pytest.param(None, id="nothing"),
        pytest.param(COUNTED % (b"-1", b"nps_detractors"), id="less than nothing"),
        pytest.param(COUNTED % (b"18446744073709551616", b"nps_detractors"), id="more than 64 bits"),
        pytest.param(COUNTED % (b"1", b"first_response_bucket_x"), id="a bucket without a number"),
        pytest.param(COUNTED % (b"1", b"csat/x"), id="a score without a number"),
        pytest.param(COUNTED % (b"1", b"engagement/"), id="points without a number"),
        pytest.param(COUNTED % (b"1", b"csat/" + b"9" * 5000), id="a score of 5,000 digits"),
        pytest.param(COUNTED.replace(b"points", b"\xff") % (b"1", b"csat"), id="invalid UTF-8"),
        pytest.param(COUNTED.replace(b",0,0,", b",1,0,") % (b"1", b"csat"), id="a series that is not there"),
        pytest.param(COUNTED.replace(b",0,0,", b",0,-1,") % (b"1", b"csat"), id="a name before the first"),
        pytest.param(COUNTED % (b"1,0", b"csat"), id="half a count"),
        pytest.param(COUNTED.replace(b",0,0,%b", b"%b") % (b"", b"csat"), id="a pane alone"),
        pytest.param(b'{"more":' + b"[" * 100_000 + b"]" * 100_000 + b"}", id="deep nesting"),
    ],
)
def test_a_record_for_the_board_that_no_shard_wrote(
    heart: Callable[[str], Heart], value: bytes | None
) -> None:
    board = heart(METRICS)
    board.opened(False)
    effects = board.apply([Record(0, value), Record(1, COUNTED % (b"1", b"nps_promoters"))])
    again = heart(METRICS)
    for one in effects.changelog:
        again.restore(one)
    again.opened(False)
    assert again.applied == 1
    assert isinstance(again, Board)
    assert list(again.values()) is not None


def test_an_agents_event_about_a_metric_in_binary_mode(heart: Callable[[str], Heart]) -> None:
    data = b'{"followup_id": "f-unknown", "key": "nps{touchpoint=home}"}'
    case = binary(data, None, "closed", type=b"cx.followup.closed", subject=None)
    outputs = lives(heart, TOUCHPOINTS, [event(), Record(0, case.value, headers=case.headers)])
    assert reasons(outputs) == {"followup.unknown"}  # the board has seen it


def test_an_agents_event_that_is_half_an_event_does_not_spoil_what_is_counted(
    heart: Callable[[str], Heart],
) -> None:
    data = b'{"followup_id": "f-unknown", "key": "nps"}, "x": {}'
    case = binary(data, None, "closed", type=b"cx.followup.closed", subject=None)
    outputs = lives(heart, TOUCHPOINTS, [event(), Record(0, case.value, headers=case.headers)])
    assert "field.wrong" not in reasons(outputs)  # that would be all that the shard has counted


@pytest.mark.parametrize(
    "value",
    [b"{", event("review.posted", forwardedfrom="x.reviews/0/1", data={"review_id": "r-1", "rating": 5})],
    ids=["a record that cannot be read", "a forwarded copy"],
)
def test_a_backlog_that_has_no_time_does_not_hold_the_board_for_ever(
    heart: Callable[[str], Heart], value: bytes
) -> None:
    waiting, board = heart(TOUCHPOINTS), heart(METRICS)
    told = [*waiting.opened(True).outputs, *waiting.apply([Record(0, value)]).outputs]
    records = [output.value for output in told if output.topic == METRICS]
    board.opened(False)
    board.apply([Record(n, one) for n, one in enumerate([*records, COUNTED % (b"1", b"nps_promoters")])])
    assert isinstance(board, Board)
    assert [one.result for one in board.values() if (one.metric, one.window) == ("nps", "24h")] == [100]
