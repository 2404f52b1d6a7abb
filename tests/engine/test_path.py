"""The event path in this process: what is at the edge of its work."""

from __future__ import annotations

import asyncio
import re
import time
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import replace
from typing import Any

import pytest
from aiokafka import AIOKafkaConsumer, TopicPartition
from confluent_kafka import Consumer, Producer
from confluent_kafka import TopicPartition as At

from pipeline.effects import Output
from pipeline.engine import BrokerUnreachableError, Connection, EventPath, Health, Plan, Tuning, topics
from pipeline.engine.changelog import Reader
from tests.broker import RealKafka, free_port
from tests.engine.counting_heart import ROUND, CountingHeart
from tests.engine.workers import committed

TUNING = Tuning(batch=20, linger_s=0.001, heartbeat_s=0.3, quiet_s=0.1)


class Told(Exception):  # noqa: N818 - it is no error of ours
    """Why a process would have ended."""


@asynccontextmanager
async def running(
    kafka: RealKafka,
    prefix: str,
    heart: Callable[[str, int], CountingHeart] = CountingHeart,
    **tuning: Any,
) -> AsyncIterator[tuple[EventPath, list[str]]]:
    failures: list[str] = []
    health = Health()
    path = EventPath(
        Connection(kafka.address),
        prefix,
        heart,
        tuning=replace(TUNING, **tuning),
        health=health,
        fatal=failures.append,
    )
    await path.start()
    try:
        await until(lambda: health.ready or bool(failures))
        yield path, failures
    finally:
        await path.stop()


def quiet_heart(topic: str, partition: int) -> CountingHeart:
    return CountingHeart(topic, partition, ticks=False)


async def until(holds: Callable[[], bool], within_s: float = 30) -> None:
    async with asyncio.timeout(within_s):
        while not holds():  # noqa: ASYNC110 - the engine has no bell for it
            await asyncio.sleep(0.02)


def made(kafka: RealKafka, prefix: str) -> None:
    topics.ensure(Connection(kafka.address), Plan(prefix, {"touchpoints": 1, "reviews": 1}))


def send(kafka: RealKafka, prefix: str, values: list[bytes]) -> None:
    producer = Producer({"bootstrap.servers": kafka.address, "message.max.bytes": 4_100_000})
    for value in values:
        producer.produce(f"{prefix}.touchpoints", value, key=b"one")
    assert producer.flush(20) == 0


async def lose_a_state(kafka: RealKafka, prefix: str) -> None:
    """Of 25 events that were processed."""
    made(kafka, prefix)
    send(kafka, prefix, [b"e"] * 25)
    async with running(kafka, prefix, quiet_heart) as (path, _):
        await until(lambda: path.health.partitions["touchpoints", 0].applied == 24)
    kafka.delete_topics(f"{prefix}.touchpoints.changelog")
    made(kafka, prefix)


def first_offset(kafka: RealKafka, topic: str) -> int:
    consumer = Consumer({"bootstrap.servers": kafka.address, "group.id": "none"})
    try:
        low, _ = consumer.get_watermark_offsets(At(topic, 0), timeout=10)
        return int(low)
    finally:
        consumer.close()


async def test_a_changelog_is_cut_where_a_whole_round_of_images_is_behind_it(
    kafka: RealKafka, prefix: str
) -> None:
    made(kafka, prefix)
    log = f"{prefix}.touchpoints.changelog"
    rounds = 4
    async with running(kafka, prefix) as (path, failures):
        for step in range(rounds * ROUND):
            send(kafka, prefix, [b"e"])
            await until(lambda step=step: path.health.partitions["touchpoints", 0].applied >= step)  # type: ignore[misc]
        await until(lambda: first_offset(kafka, log) > 0)
        assert failures == []
    # What is left is enough.
    async with running(kafka, prefix) as (path, failures):
        heart = path.hearts["touchpoints", 0]
        assert isinstance(heart, CountingHeart)
        assert heart.counts == {"one": rounds * ROUND}
        assert 0 < heart.restored < (rounds - 1) * ROUND
        one = path.health.partitions["touchpoints", 0]
        assert one.restored == one.to_restore > heart.restored  # markers of transactions too
        assert failures == []


async def test_an_event_of_nearly_four_megabytes_reaches_the_heart(kafka: RealKafka, prefix: str) -> None:
    made(kafka, prefix)
    sizes: list[int] = []

    class Sizes(CountingHeart):
        def apply(self, records):  # type: ignore[no-untyped-def]
            records = list(records)
            sizes.extend(len(record.value or b"") for record in records)
            return super().apply(records)

    async with running(kafka, prefix, Sizes) as (_, failures):
        await asyncio.to_thread(send, kafka, prefix, [b"a", b"b" * 4_000_000, b"c"])
        await until(lambda: len(sizes) == 3)
        assert sizes == [1, 4_000_000, 1]
        assert failures == []


@pytest.mark.parametrize(
    "limits", [{"backlog": 100, "transaction": 40}, {"backlog_bytes": 80_000}], ids=["records", "bytes"]
)
async def test_what_a_slow_heart_cannot_take_stays_with_the_broker(
    kafka: RealKafka, prefix: str, limits: dict[str, int]
) -> None:
    made(kafka, prefix)

    class Slow(CountingHeart):
        def apply(self, records):  # type: ignore[no-untyped-def]
            time.sleep(0.005)
            return super().apply(records)

    for _ in range(60):
        send(kafka, prefix, [b"e" * 1_000] * 50)
    most = 0
    async with running(kafka, prefix, Slow, **limits, fetch_bytes=20_000) as (path, _):
        one = path.health.partitions["touchpoints", 0]
        (partition,) = (one for at, one in path._group.partitions.items() if at.topic.endswith("touchpoints"))

        def all_of_it() -> bool:
            nonlocal most
            most = max(most, partition.waiting)
            return one.records >= 3_000

        await until(all_of_it)
        heart = path.hearts["touchpoints", 0]
        assert isinstance(heart, CountingHeart)
        assert heart.counts == {"one": 3_000}
    # What waits, one fetch more, and a transaction under way with the next one.
    assert most < 400


async def test_a_state_from_a_longer_topic_is_refused(kafka: RealKafka, prefix: str) -> None:
    made(kafka, prefix)
    send(kafka, prefix, [b"e"] * 5)

    class Elsewhere(CountingHeart):
        def __init__(self, topic: str, partition: int) -> None:
            super().__init__(topic, partition)
            if topic == "touchpoints":
                self.applied = 5

    async with running(kafka, prefix, Elsewhere) as (_, failures):
        assert len(failures) == 1
        assert (
            f"{prefix}.touchpoints/0 ends at offset 5, but its state was made up to offset 5" in failures[0]
        )


async def test_a_state_that_is_gone_is_refused_and_can_be_rebuilt_of_the_events(
    kafka: RealKafka, prefix: str
) -> None:
    await lose_a_state(kafka, prefix)
    send(kafka, prefix, [b"e"] * 5)
    async with running(kafka, prefix, quiet_heart) as (_, failures):
        (said,) = failures
        assert said == (
            "touchpoints/0: StateError: its state cannot be used: events up to offset 24 were processed, but there is no "
            "state. `cxloop run --rebuild` computes it anew from the events that are still there"
        )
    for _ in range(2):  # what was rebuilt is as good as what was not
        async with running(kafka, prefix, quiet_heart, rebuild=True) as (path, failures):
            await until(lambda: bool(failures) or path.health.partitions["touchpoints", 0].applied == 29)
            assert failures == []
            heart = path.hearts["touchpoints", 0]
            assert isinstance(heart, CountingHeart)
            assert heart.counts == {"one": 30}
    alerts = [one.value for one in committed(kafka.address, f"{prefix}.alerts")]
    assert alerts == [f"0 one {count} {count - 1}".encode() for count in (10, 20, 30)]


async def test_what_is_rebuilt_is_whole_where_the_broker_is_slow_to_decide(
    kafka: RealKafka, prefix: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    await lose_a_state(kafka, prefix)
    span, ends = Reader.span, dict[str, int]()

    async def late(reader: Reader, source: TopicPartition) -> tuple[int, int]:
        """The end as it was when somebody asked before."""
        begin, end = await span(reader, source)
        before, ends[source.topic] = ends.get(source.topic, end), end
        return begin, before if source.topic.endswith(".changelog") else end

    monkeypatch.setattr(Reader, "span", late)
    async with running(kafka, prefix, quiet_heart, rebuild=True) as (path, failures):
        assert failures == []
        heart = path.hearts["touchpoints", 0]
        assert isinstance(heart, CountingHeart)
        assert heart.counts == {"one": 25}


async def test_a_reader_that_cannot_close_holds_nobody_up(
    kafka: RealKafka, monkeypatch: pytest.MonkeyPatch
) -> None:
    stop = AIOKafkaConsumer.stop
    monkeypatch.setattr(AIOKafkaConsumer, "stop", lambda _: asyncio.sleep(60))
    async with asyncio.timeout(10):
        async with Reader(Connection(kafka.address), replace(TUNING, leave_s=0.2)) as reader:
            pass
    await stop(reader._consumer)


async def test_a_heart_that_raises_is_the_end(kafka: RealKafka, prefix: str) -> None:
    made(kafka, prefix)

    class Broken(CountingHeart):
        def apply(self, records):  # type: ignore[no-untyped-def]
            raise Told("no more")

    async with running(kafka, prefix, Broken) as (_, failures):
        await asyncio.to_thread(send, kafka, prefix, [b"e"])
        await until(lambda: bool(failures))
        # What it says may be about a customer; so its place is told.
        assert re.fullmatch(r"touchpoints/0: Told at [\w.]*test_path:\d+", failures[0])


async def test_who_stands_by_hears_from_the_broker(kafka: RealKafka, prefix: str) -> None:
    made(kafka, prefix)
    async with AsyncExitStack() as stack:
        # One more than there are partitions.
        paths = [(await stack.enter_async_context(running(kafka, prefix)))[0] for _ in range(4)]
        await until(lambda: all(path.health.ready for path in paths))
        (idle,) = (path.health for path in paths if not path.health.partitions)
        for _ in range(5):
            before = idle.answered
            await until(lambda before=before: idle.answered > before, 2)  # type: ignore[misc]


async def test_records_that_nobody_can_read_yet_wait_and_end_nothing(kafka: RealKafka, prefix: str) -> None:
    made(kafka, prefix)
    somebody = Producer({"bootstrap.servers": kafka.address, "transactional.id": prefix})
    async with running(kafka, prefix, quiet_heart, watchdog_s=3) as (path, failures):
        await asyncio.to_thread(somebody.init_transactions, 20)
        somebody.begin_transaction()
        for _ in range(5):
            somebody.produce(f"{prefix}.touchpoints", b"e", key=b"one")
        await asyncio.to_thread(somebody.flush, 20)
        one = path.health.partitions["touchpoints", 0]
        await until(lambda: (one.lag, one.undecided) == (5, 5))
        await asyncio.sleep(5)
        assert (failures, path.health.ready) == ([], True)
        await asyncio.to_thread(somebody.commit_transaction, 20)
        await until(lambda: (one.lag, one.undecided, one.records) == (0, 0, 5))


async def test_an_output_that_the_broker_refuses_is_the_end_and_nothing_of_it_is_committed(
    kafka: RealKafka, prefix: str
) -> None:
    made(kafka, prefix)

    class TooMuch(CountingHeart):
        def apply(self, records):  # type: ignore[no-untyped-def]
            effects = super().apply(records)
            effects.changelog.append(b"x" * 3_000_000)
            return effects

    async with running(kafka, prefix, TooMuch) as (_, failures):
        await asyncio.to_thread(send, kafka, prefix, [b"e"] * 10)
        await until(lambda: bool(failures))
        assert "MessageSizeTooLargeError" in failures[0]
    async with running(kafka, prefix) as (path, failures):
        heart = path.hearts["touchpoints", 0]
        assert isinstance(heart, CountingHeart)
        assert (heart.restored, heart.opened_with) == (0, [True])


async def test_an_output_topic_that_is_gone_is_the_end_and_named(kafka: RealKafka, prefix: str) -> None:
    made(kafka, prefix)

    class Alerting(CountingHeart):
        def apply(self, records):  # type: ignore[no-untyped-def]
            effects = super().apply(records)
            effects.outputs.append(Output("alerts", b"one", b"x"))
            return effects

    async with running(kafka, prefix, Alerting) as (path, failures):
        await asyncio.to_thread(send, kafka, prefix, [b"e"])
        await until(lambda: path.health.partitions["touchpoints", 0].applied == 0)
        await asyncio.to_thread(kafka.delete_topics, f"{prefix}.alerts")
        await asyncio.to_thread(send, kafka, prefix, [b"e"])
        await until(lambda: bool(failures))
        assert f"topic {prefix}.alerts is gone; `cxloop topics` makes it anew" in failures[0]
        await asyncio.to_thread(made, kafka, prefix)  # so that the client can close, which a process need not


async def test_a_path_that_stops_while_its_partitions_are_taken_away_ends_in_good_order(
    kafka: RealKafka, prefix: str
) -> None:
    made(kafka, prefix)
    async with running(kafka, prefix) as (path, failures):
        # As the client does in the midst of a rebalance, whose moment cannot be met from outside.
        group = path._group
        taken = asyncio.create_task(group.on_partitions_revoked(list(group.partitions)))
        await asyncio.sleep(0)
        await path.stop()
        await taken
        assert path.hearts == {}
        assert failures == []


async def test_without_a_broker_the_start_fails_with_one_line() -> None:
    path = EventPath(Connection(f"127.0.0.1:{free_port()}"), "cx", CountingHeart)
    with pytest.raises(BrokerUnreachableError, match="no Kafka broker answers"):
        await path.start()
