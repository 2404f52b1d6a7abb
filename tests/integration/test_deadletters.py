"""Dead letters on a real Kafka: looked at, mended, and sent again, once."""

from __future__ import annotations

import asyncio
import json
import re
import time
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from pipeline.effects import ALERTS, DEAD_LETTERS, REVIEWS, TOUCHPOINTS
from pipeline.engine import Connection, deadletters
from tests.broker import RealKafka
from tests.integration.bad_records import TIME, event, noise
from tests.integration.in_process import make_topics
from tests.integration.kafka_log import LogRecord, Sending, read, write
from tests.integration.processes import Ended, Process, cxloop, processes, until
from tests.integration.shop import has_no_lag

WRONG = event(id="wrong", subject="anna", data={"nps": 42})
NO_JSON = b"{nps: 3"
REVIEW = event("review.posted", id="review", subject="ben", data={"review_id": "r-1", "rating": 1})
TOO_LATE = event(id="late", subject="cleo", time="2020-01-01T00:00:00Z")
TO_COME = event(id="future", subject="dora", time="2999-01-01T00:00:00Z")
LARGE = event(id="large", subject="emma", data={"nps": 3, "comment": noise(1_000_000)})
STRANGE = event("moon.landed", id="moon", subject="fred")
BINARY = Sending(
    "", b'{"nps": 77}', b"gina",
    [(f"ce_{name}", value.encode()) for name, value in (
        ("specversion", "1.0"), ("id", "binary"), ("source", "/test"), ("type", "cx.survey.answered"), ("time", TIME),
        ("subject", "gina"),
    )],
)  # fmt: skip


class Installation:
    """A worker, what it has rejected, and the commands for it."""

    def __init__(self, broker: str, prefix: str, worker: Process) -> None:
        self.broker, self.prefix, self.worker = broker, prefix, worker

    def call(self, *arguments: str | Path) -> Ended:
        ended = cxloop("deadletters", *arguments, "--broker", self.broker, "--prefix", self.prefix)
        assert "Traceback" not in ended.said
        return ended

    def id_of(self, reason: str) -> str:
        (one,) = self.with_reason(reason)
        return one.id

    def with_reason(self, reason: str) -> list[deadletters.Letter]:
        read_them = deadletters.read(Connection(self.broker), self.prefix, 1, lambda _, why: why == reason)
        return asyncio.run(read_them)

    def log(self, topic: str) -> list[LogRecord]:
        until("nothing waits", partial(has_no_lag, self.worker))
        name = f"{self.prefix}.{topic}"
        return read(self.broker, [name])[name]

    def alerts(self, customer: str) -> list[dict[str, Any]]:
        found = [json.loads(one.value or b"") for one in self.log(ALERTS)]
        return [one for one in found if one.get("subject") == customer and one["type"] == "cx.alert.fired"]


@pytest.fixture(scope="module")
def there(kafka: RealKafka, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Installation]:
    home = tmp_path_factory.mktemp("deadletters")
    prefix = f"t{home.name.replace('-', '')}"
    make_topics(kafka.address, {prefix: 2})
    topic = f"{prefix}.{TOUCHPOINTS}"
    first = [Sending(topic, event(id=f"first-{n}", data={"nps": 9}), b"k", (), n) for n in range(2)]
    bad = [
        Sending(topic, value, b"k") for value in (WRONG, NO_JSON, REVIEW, TOO_LATE, TO_COME, LARGE, STRANGE)
    ]
    write(kafka.address, [*first, *bad, Sending(topic, BINARY.value, BINARY.key, BINARY.headers)])
    with processes(home) as some:
        worker = some.worker(kafka.address, prefix, "--partitions", "2")
        until("it is ready", partial(getattr, worker, "is_ready"))
        one = Installation(kafka.address, prefix, worker)
        until("all is rejected", lambda: len(one.log(DEAD_LETTERS)) == 8)
        yield one


def test_they_are_listed_in_order_with_what_is_wrong(there: Installation) -> None:
    listed = json.loads(there.call("list", "--json").out)
    assert sorted(one["reason"] for one in listed) == sorted([
        "field.wrong", "json.invalid", "topic.wrong", "time.too_late", "time.future", "value.too_large", "type.unknown",
        "field.wrong",
    ])  # fmt: skip
    assert [one["arrived"] for one in listed] == sorted(one["arrived"] for one in listed)
    shown = there.call("list", "--limit", "1", "--reason", "field.wrong").out
    assert len(re.findall(rf"{there.prefix}\.touchpoints/\d", shown)) == 1
    assert "Not shown: 1 older (--limit)" in shown


def test_a_mended_one_is_processed_once_however_often_it_is_sent(there: Installation, tmp_path: Path) -> None:
    one = there.id_of("json.invalid")
    shown = there.call("show", one).out
    assert NO_JSON.decode() in shown
    assert re.search(r"Sent again +no", shown)
    refused = there.call("replay", one)
    assert refused.code == 1
    assert "it would be rejected again (json.invalid)" in refused.err
    assert "mend it, and use --with FILE" in refused.err

    mended = tmp_path / "mended.json"
    mended.write_bytes(event(id="mended", subject="hugo", data={"nps": 2}))
    sent = there.call("replay", one, "--with", mended)
    assert (sent.code, sent.err) == (0, "")
    assert sent.out == f"{one}: sent to {there.prefix}.touchpoints as event mended\n"
    until("it has fired", lambda: bool(there.alerts("hugo")))
    again = there.call("replay", one, "--with", mended)
    assert again.code == 1
    assert re.fullmatch(rf"{one}: it was sent again at \S+Z\n", again.err)
    assert len(there.alerts("hugo")) == 1
    assert re.search(r"Sent again +\d{4}-", there.call("show", one).out)


def test_what_show_gives_can_be_mended_whatever_mode_it_came_in(there: Installation, tmp_path: Path) -> None:
    for one in [letter.id for letter in there.with_reason("field.wrong")]:
        whole = json.loads(there.call("show", one, "--event").out)
        whole["data"]["nps"] = 1
        file = tmp_path / "event.json"
        file.write_text(json.dumps(whole))
        assert there.call("replay", one, "--with", file).code == 0
    for customer in ("anna", "gina"):
        until("it has fired", lambda customer=customer: len(there.alerts(customer)) == 1)  # type: ignore[misc]


def test_one_on_the_wrong_topic_goes_to_the_right_one_and_is_no_duplicate(there: Installation) -> None:
    one = there.id_of("topic.wrong")
    sent = there.call("replay", one)
    assert sent.out == f"{one}: sent to {there.prefix}.reviews as event review/replayed\n"
    (review,) = (one for one in there.log(REVIEWS) if b"r-1" in (one.value or b""))
    assert review.key == b"r-1"
    until(
        "it is passed on", lambda: any(b"review/replayed" in (r.value or b"") for r in there.log(TOUCHPOINTS))
    )


def test_what_would_only_be_rejected_again_is_refused(there: Installation, tmp_path: Path) -> None:
    late, future, large = map(there.id_of, ("time.too_late", "time.future", "value.too_large"))
    refused = there.call("replay", late, future, large)
    assert refused.code == 1
    assert refused.out == ""
    for said in (
        f"{late}: it would be too late again; mend `time`, if it was wrong, and use --with FILE",
        f"{future}: its time is still to come (2999-01-01T00:00:00Z); wait, or mend `time`",
        f"{large}: not all of its",
    ):
        assert said in refused.err
    # With another time it is another event than the one that is remembered.
    file = tmp_path / "event.json"
    file.write_bytes(TOO_LATE.replace(b"2020-01-01T00:00:00Z", TIME.encode()))
    assert "as event late/replayed" in there.call("replay", late, "--with", file).out
    until("it has fired", lambda: len(there.alerts("cleo")) == 1)
    file.write_bytes(event("alert.fired", id="x", data={}))
    assert there.call("replay", future, "--with", file).code == 1


def test_all_of_a_reason_are_sent_and_those_that_cannot_be_are_told(there: Installation) -> None:
    ended = there.call("replay", "--reason", "type.unknown")
    assert ended.code == 1
    assert "moon.landed" in ended.err
    assert ended.out == "0 sent, 1 not\n"
    ended = there.call("replay", "--reason", "no.such")
    assert (ended.code, ended.out) == (0, "0 sent, 0 not\n")


def test_wrong_calls_say_what_to_do(there: Installation, tmp_path: Path) -> None:
    unknown = there.call("replay", "cx.touchpoints/0/99/none")
    assert (
        unknown.err
        == "there is no dead letter cx.touchpoints/0/99/none; `cxloop deadletters list` shows them\n"
    )
    assert there.call("show", "none").code == 1
    assert "name the dead letters by their ids, or all of a reason" in there.call("replay").err
    assert there.call("replay", "a", "b", "--with", tmp_path / "x").code == 2
    missing = there.call("replay", "a", "--with", tmp_path / "x")
    assert missing.err == f"{tmp_path / 'x'}: No such file or directory\n"


async def test_of_two_that_send_at_once_the_one_that_began_last_does(there: Installation) -> None:
    connection, now = Connection(there.broker), int(time.time() * 1000)
    mended = event(id="both", subject="ivan")

    def is_future(_: str, reason: str) -> bool:
        return reason == "time.future"

    async with deadletters.Replay(connection, there.prefix, 1) as first:
        (letter,) = await first.letters(is_future)
        async with deadletters.Replay(connection, there.prefix, 1) as second:
            (same,) = await second.letters(is_future)
            await second.send([deadletters.again(same, mended, now)], now)
        with pytest.raises(deadletters.DeadLettersError, match="another replay has begun meanwhile"):
            await first.send([deadletters.again(letter, mended, now)], now)
    found = [one for one in there.log(TOUCHPOINTS) if b'"both"' in (one.value or b"")]
    assert len(found) == 1
