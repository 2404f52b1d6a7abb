"""`cxloop deadletters` on a real Kafka: what was rejected is looked at, mended, and sent again once."""

from __future__ import annotations

import asyncio
import json
import uuid
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest
from aiokafka import TopicPartition
from confluent_kafka import Producer

from pipeline.effects import DEAD_LETTERS, Effects
from pipeline.engine import Connection, Tuning, deadletters
from pipeline.engine.clock import BrokerClock
from pipeline.engine.commit import Transactions
from pipeline.engine.errors import ReplayError
from tests.broker import RealKafka
from tests.integration.bad_records import RULES, event
from tests.integration.in_process import make_topics
from tests.integration.kafka_log import LogRecord, Sending, read, write
from tests.integration.processes import Ended, cxloop, processes, until


class Installation:
    """Topics, a worker, and the command line."""

    def __init__(self, broker: str, prefix: str) -> None:
        self.broker, self.prefix = broker, prefix
        self.connection = Connection(broker)
        make_topics(broker, {prefix: 2})

    def log(self, topic: str) -> list[LogRecord]:
        return read(self.broker, [f"{self.prefix}.{topic}"])[f"{self.prefix}.{topic}"]

    def events(self, topic: str) -> list[Any]:
        return [json.loads(one.value or b"") for one in self.log(topic)]

    def send(self, *values: bytes, key: str = "k", headers: Sequence[tuple[str, bytes]] = ()) -> None:
        touchpoints = f"{self.prefix}.touchpoints"
        write(self.broker, [Sending(touchpoints, one, key.encode(), headers) for one in values])

    def rejected(self, *values: bytes, reason: str, headers: Sequence[tuple[str, bytes]] = ()) -> list[str]:
        """Send events, and wait until each is a dead letter; returns the ids of these."""
        before = {one["id"] for one in self.events(DEAD_LETTERS)}
        self.send(*values, headers=headers)

        def letters() -> list[str]:
            found = [one["id"] for one in self.events(DEAD_LETTERS) if one["id"] not in before]
            return found if len(found) == len(values) else []

        found: list[str] = until("they are dead letters", letters)
        assert all(one.endswith(f"/{reason}") for one in found)
        return found

    def alerts(self, customer: str) -> int:
        """How many a customer has, once all that was sent with that key is processed."""
        last = uuid.uuid4().hex
        self.send(event(id=last, subject=last), key=customer)
        subjects: list[str] = until(
            "the last is processed",
            lambda: last in (found := [one["subject"] for one in self.events("alerts")]) and found,
        )
        return subjects.count(customer)

    def markers(self, letter: str) -> int:
        return [one["id"] for one in self.events(DEAD_LETTERS)].count(f"{letter}/replayed")

    def run(self, *arguments: str | Path) -> Ended:
        ended = cxloop("deadletters", *arguments, "--broker", self.broker, "--prefix", self.prefix)
        assert "Traceback" not in ended.said
        return ended

    def replay(self, *ids: str, mended: bytes | None = None) -> Any:
        """The same in this process, to be awaited."""
        return deadletters.replay(self.connection, self.prefix, ids, mended=mended)


@pytest.fixture(scope="module")
def here(kafka: RealKafka, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Installation]:
    home = tmp_path_factory.mktemp("deadletters")
    (home / "rules.yml").write_text(RULES)
    one = Installation(kafka.address, f"t{uuid.uuid4().hex[:8]}")
    with processes(home) as running:
        worker = running.worker(kafka.address, one.prefix, "--partitions", "2", "--rules", home / "rules.yml")
        until("the worker is ready", lambda: worker.is_ready)
        yield one


@pytest.mark.slow  # ten commands, each a process
def test_what_was_rejected_is_listed_shown_mended_and_sent_again_once(
    here: Installation, tmp_path: Path
) -> None:
    (letter,) = here.rejected(event(id="a", subject="anna", data={"nps": 11}), reason="field.wrong")
    assert letter in here.run("list").out
    assert (
        "There are no dead letters of reason json.invalid."
        in here.run("list", "--reason", "json.invalid").out
    )
    shown = here.run("show", letter).out
    assert "Expected `int` <= 10 - at `$.data.nps`" in shown
    assert '    "nps": 11' in shown

    file = tmp_path / "mended.json"
    file.write_text(here.run("show", letter, "--record").out)
    unmended = here.run("replay", letter, "--with", file)
    assert unmended.code == 1
    assert f"{letter}: not sent again: field.wrong: Expected `int` <= 10 - at `$.data.nps`" in unmended.err
    assert unmended.err.endswith(f"Change {file}, and run this again.\n")

    file.write_text(file.read_text().replace("11", "1"))
    done = here.run("replay", letter, "--with", file)
    assert (done.code, done.err) == (0, "")
    assert f"{letter}: sent again, to {here.prefix}.touchpoints" in done.out
    again = here.run("replay", letter, "--with", file)
    assert (again.code, again.out) == (1, "")
    assert f"{letter}: not sent again: already sent again at 2" in again.err
    assert here.alerts("anna") == 1
    (listed,) = [one for one in json.loads(here.run("list", "--json").out) if one["id"] == letter]
    assert listed["sent_again"] is not None
    assert listed["origin"]["topic"] == f"{here.prefix}.touchpoints"
    assert "Sent again   2" in here.run("show", letter).out


def test_an_event_in_binary_mode_is_mended_as_one_of_json(here: Installation, tmp_path: Path) -> None:
    envelope = json.loads(event(id="b", subject="bob"))
    headers = [(f"ce_{name}", envelope[name].encode()) for name in envelope if name != "data"]
    (letter,) = here.rejected(b'{"nps": 11}', reason="field.wrong", headers=headers)
    found = json.loads(here.run("show", letter, "--record").out)
    assert found == envelope | {"data": {"nps": 11}}
    (tmp_path / "mended.json").write_text(json.dumps(found | {"data": {"nps": 1}}))
    assert here.run("replay", letter, "--with", tmp_path / "mended.json").code == 0
    assert here.alerts("bob") == 1


def test_bytes_that_are_no_json_are_shown_as_they_came(here: Installation) -> None:
    (letter,) = here.rejected(b"\xff\x1b[2J", reason="json.invalid")
    assert here.run("show", letter).out.endswith("\n\\xff\\x1b[2J\n")


def test_all_of_a_reason_are_sent_again_to_their_topic_under_another_id(here: Installation) -> None:
    customers = ["carl", "cora", "curt"]
    reviews = [
        event("review.posted", id=name, subject=name, data={"review_id": name, "rating": 1})
        for name in customers
    ]
    letters = here.rejected(*reviews, reason="topic.wrong")
    done = here.run("replay", "--reason", "topic.wrong")
    assert (done.code, done.err) == (0, "")
    assert done.out.splitlines() == [f"{one}: sent again, to {here.prefix}.reviews" for one in letters]
    again = here.run("replay", "--reason", "topic.wrong")
    assert (again.code, again.err) == (0, "")
    assert again.out == "There are no dead letters of reason topic.wrong that were not sent again.\n"
    until(
        "all have an alert",
        lambda: (
            customers
            == sorted(one["subject"] for one in here.events("alerts") if one["subject"] in customers)
        ),
    )
    sent = [one["id"] for one in here.events("reviews") if one["type"] == "cx.review.posted"]
    assert sorted(sent) == [f"{name}/replayed" for name in customers]


def test_what_its_sender_mended_meanwhile_counts_once(here: Installation) -> None:
    (letter,) = here.rejected(event(id="d", subject="dora", data={"nps": 11}), reason="field.wrong")
    mended = event(id="d", subject="dora", data={"nps": 1})
    here.send(mended, key="dora")
    asyncio.run(here.replay(letter, mended=mended))
    assert here.alerts("dora") == 1


def test_of_two_at_once_one_wins(here: Installation) -> None:
    async def both(letter: str, mended: bytes) -> list[Any]:
        # aiokafka leaves errors that nobody waits for.
        asyncio.get_running_loop().set_exception_handler(lambda *_: None)
        two = [here.replay(letter, mended=mended) for _ in range(2)]
        return await asyncio.gather(*two, return_exceptions=True)

    for number in range(3):
        name = f"eve-{number}"
        (letter,) = here.rejected(event(id=name, subject=name, data={"nps": 11}), reason="field.wrong")
        outcomes = asyncio.run(both(letter, event(id=name, subject=name)))
        for outcome in outcomes:
            if isinstance(outcome, ReplayError):
                assert "another replay began while this one was under way, and ended it" in str(outcome)
            else:
                assert not isinstance(outcome, BaseException), outcome
        assert sum(letter in getattr(outcome, "sent", ()) for outcome in outcomes) == 1
        assert here.markers(letter) == 1
        assert here.alerts(name) == 1


def test_of_two_commands_at_once_one_wins(here: Installation, tmp_path: Path) -> None:
    (letter,) = here.rejected(event(id="f", subject="fred", data={"nps": 11}), reason="field.wrong")
    (tmp_path / "mended.json").write_bytes(event(id="f", subject="fred"))
    where = "--broker", here.broker, "--prefix", here.prefix
    with processes(tmp_path) as some:
        two = [
            some.start("deadletters", "replay", letter, "--with", tmp_path / "mended.json", *where)
            for _ in range(2)
        ]
        assert sorted(one.process.wait(60) for one in two) == [0, 1]
        assert all(len(one.said.splitlines()) == 1 for one in two)
    assert here.markers(letter) == 1
    assert here.alerts("fred") == 1


async def test_a_marker_behind_somebodys_open_transaction_is_waited_for(here: Installation) -> None:
    (letter,) = here.rejected(event(id="g", subject="gina", data={"nps": 11}), reason="field.wrong")
    topic = f"{here.prefix}.{DEAD_LETTERS}"
    stranger = Producer({"bootstrap.servers": here.broker, "transactional.id": f"{here.prefix}-stranger"})
    stranger.init_transactions()
    stranger.begin_transaction()
    stranger.produce(topic, b"{}")
    stranger.flush()
    # As another replay would, that came this far before the stranger did.
    letters = await deadletters.read(here.connection, here.prefix)
    outputs = letters.again(letter, event(id="g", subject="gina"), 2_000_000_000_000)
    assert isinstance(outputs, list)
    before = Transactions(
        here.connection, here.prefix, "any", TopicPartition(topic, 0), Tuning(), BrokerClock()
    )
    await before.start()
    await before.commit(Effects(outputs), None)
    await before.stop(5)

    again = asyncio.create_task(here.replay(letter, mended=event(id="g", subject="gina")))
    await asyncio.sleep(2)
    assert not again.done()
    stranger.abort_transaction()
    (refusal,) = (await again).refused
    assert refusal.why.startswith("already sent again at ")


def test_of_several_what_can_be_is_sent_and_the_others_are_told(here: Installation) -> None:
    wrong = event(id="h", subject="hugo", data={"nps": 11})
    right = event("review.posted", id="i", subject="ines", data={"review_id": "i", "rating": 1})
    ids = [*here.rejected(wrong, reason="field.wrong"), *here.rejected(right, reason="topic.wrong")]
    done = here.run("replay", *ids, "cx.touchpoints/0/1/json.invalid")
    assert done.code == 1
    assert done.out == f"{ids[1]}: sent again, to {here.prefix}.reviews\n"
    assert f"{ids[0]}: not sent again: field.wrong: Expected" in done.err
    assert f"cxloop deadletters replay {ids[0]} --with mended.json" in done.err
    assert "cx.touchpoints/0/1/json.invalid: not sent again: there is no such dead letter; " in done.err


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (None, "mended.json: cannot be read: No such file or directory"),
        (b'{\n  "id": "x",\n}', "mended.json:3:1: this is no JSON: "),
        (b"\xff", "mended.json: byte 0 is no UTF-8"),
    ],
)
def test_a_file_that_holds_no_event_is_told_with_its_place(
    here: Installation, tmp_path: Path, content: bytes | None, said: str
) -> None:
    file = tmp_path / "mended.json"
    if content is not None:
        file.write_bytes(content)
    ended = here.run("replay", "x", "--with", file)
    assert (ended.code, len(ended.err.splitlines())) == (1, 1)
    assert said in ended.err


def test_a_topic_that_is_missing_is_told(here: Installation) -> None:
    for arguments in (["list"], ["show", "x"], ["replay", "x"]):
        ended = cxloop("deadletters", *arguments, "--broker", here.broker, "--prefix", "nobody")
        assert ended.code == 1
        assert ended.err.startswith("topic nobody.deadletters is missing; ")
        assert len(ended.err.splitlines()) == 1
