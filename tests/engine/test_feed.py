"""The feed: what is committed is handed over, at least once; nothing that a taker does stops it."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from aiokafka import TopicPartition
from confluent_kafka import Producer

from pipeline.engine import Connection, Feed, Plan, topics
from pipeline.engine.feed import FeedService, in_order
from pipeline.replay import FileRecord
from tests.broker import RealKafka
from tests.engine.workers import Town, until


@pytest.fixture
def town(kafka: RealKafka, prefix: str, tmp_path: Path) -> Iterator[Town]:
    topics.ensure(Connection(kafka.address), Plan(prefix))
    with Town(kafka.address, prefix, tmp_path) as town:
        yield town


def alerts(town: Town, count: int, commit: bool) -> None:
    """Alerts on one partition, in one transaction."""
    producer = Producer({"bootstrap.servers": town.broker, "transactional.id": f"{town.prefix}-{commit}"})
    producer.init_transactions(20)
    producer.begin_transaction()
    for _ in range(count):
        producer.produce(f"{town.prefix}.alerts", b"alert", key=b"one")
    producer.flush(20)
    if commit:
        producer.commit_transaction(20)
    else:
        producer.abort_transaction(20)


def test_it_begins_near_the_end_and_sees_committed_alerts_only(town: Town) -> None:
    alerts(town, 250, commit=True)
    worker = town.start("feed")
    # 100 records of a partition, one of which is the transaction's marker.
    until("what was there before", lambda: worker.status["feed"] == [99, 0])
    alerts(town, 50, commit=False)
    alerts(town, 7, commit=True)
    until("what is new", lambda: worker.status["feed"][0] >= 106)
    assert worker.status["feed"] == [106, 0]
    assert worker.stop() == 0


def test_records_of_several_partitions_are_handed_over_as_they_came() -> None:
    def batches(*stamps: int) -> list[list[SimpleNamespace]]:
        return [[SimpleNamespace(timestamp=stamp)] for stamp in stamps]

    one, other = TopicPartition("alerts", 0), TopicPartition("alerts", 1)
    found = [
        (place, record.timestamp)
        for place, record in in_order({one: batches(1, 4, 9), other: batches(2, 3, 7)})
    ]
    assert found == [(one, 1), (other, 2), (other, 3), (one, 4), (other, 7), (one, 9)]


def test_a_taker_that_raises_stops_nothing(town: Town) -> None:
    worker = town.start("feed raise")
    until("ready", lambda: worker.status["ready"])
    alerts(town, 20, commit=True)
    until("all of them", lambda: worker.status["feed"] == [20, 20])
    town.send(500, keys=10)
    until("those of the event path too", lambda: worker.status["feed"] == [70, 70])
    assert worker.log.read_text().count("Traceback") == 7  # at 1, 2, 4, … 64
    assert worker.stop() == 0


def test_agents_of_all_workers_share_what_is_committed(town: Town) -> None:
    alerts(town, 30, commit=True)
    one, two = town.start("agent"), town.start("agent")
    until("all of them", lambda: one.status.get("agent", 0) + two.status.get("agent", 0) >= 30)
    assert one.stop() == 0
    assert two.stop() == 0


def test_a_slow_agent_holds_up_nobody_and_costs_no_memory(town: Town) -> None:
    worker = town.start("slow-agent")
    until("ready", lambda: worker.status["ready"])
    early = 0
    for gone in town.stream(20, rate=4_000):
        if gone > 8 and not early:
            early = worker.resident_mb
    late = worker.resident_mb
    town.settled()
    # Some 8,000 alerts wait, of which it took some 40.
    assert worker.status["agent"] < 100
    assert worker.status["rebalances"] == 1
    assert late < early + 16
    assert worker.process.poll() is None


class Partitions:
    """A consumer's, each with records at all offsets from 0 to before its end."""

    def __init__(self, ends: dict[int, int]) -> None:
        self.ends = {TopicPartition("cx.alerts", number): end for number, end in ends.items()}
        self.sought: dict[int, int] = {}

    def assignment(self) -> frozenset[TopicPartition]:
        return frozenset(self.ends)

    async def beginning_offsets(self, places: list[TopicPartition]) -> dict[TopicPartition, int]:
        return dict.fromkeys(places, 0)

    async def end_offsets(self, places: list[TopicPartition]) -> dict[TopicPartition, int]:
        return {place: self.ends[place] for place in places}

    def seek(self, place: TopicPartition, offset: int) -> None:
        self.sought[place.partition] = offset


def test_where_partitions_are_added_the_others_go_on_where_they_were() -> None:
    async def follow() -> None:
        consumer = Partitions({0: 250, 1: 40})
        await service._go_on(consumer)
        assert consumer.sought == {0: 150, 1: 0}
        await service._take({TopicPartition("cx.alerts", 0): [records(150, 190)]})
        grown = Partitions({0: 250, 1: 40, 2: 3})
        await service._go_on(grown)
        assert grown.sought == {0: 190, 1: 0, 2: 0}
        # What was fetched from the beginning before they went on is left out.
        await service._take({TopicPartition("cx.alerts", 0): [records(0, 200)]})

    taken: list[bytes] = []
    service = FeedService(Feed(on_alert=taken.append), Connection("nobody:1"), "cx")
    asyncio.run(follow())
    assert taken == [str(offset).encode() for offset in range(150, 200)]


def test_it_says_how_old_what_it_hands_over_is() -> None:
    async def follow() -> None:
        place = TopicPartition("cx.alerts", 0)
        hour_ago = int(time.time() * 1000) - 3_600_000
        await service._take(
            {place: [[FileRecord(0, hour_ago, b"0"), FileRecord(1, hour_ago + 60_000, b"1")]]}
        )
        assert 3_539 < said[-1] < 3_600
        await service._take({})
        assert said[-1] < 1

    said: list[float] = []
    feed = Feed(on_alert=lambda value: None, on_behind=said.append)
    service = FeedService(feed, Connection("nobody:1"), "cx")
    asyncio.run(follow())


def records(first: int, behind: int) -> list[Any]:
    return [FileRecord(offset, 0, str(offset).encode()) for offset in range(first, behind)]
