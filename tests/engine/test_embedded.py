"""The embedded broker carries the event path. It proves nothing about exactly once; see the engine's own tests."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

import pytest
from aiokafka import TopicPartition
from confluent_kafka import Producer

from pipeline.engine import Connection, EventPath, Tuning, embedded_broker
from pipeline.engine.changelog import trim
from tests.engine.counting_heart import CountingHeart


async def until(holds: Callable[[], bool]) -> None:
    async with asyncio.timeout(20):
        while not holds():  # noqa: ASYNC110 - the engine has no bell for it
            await asyncio.sleep(0.05)


async def test_events_go_through_hearts_on_the_embedded_broker() -> None:
    with embedded_broker() as address:
        failures: list[str] = []
        path = EventPath(
            Connection(address), "cx", CountingHeart, tuning=Tuning(heartbeat_s=0.3), fatal=failures.append
        )
        await path.start()
        await until(lambda: path.health.ready)
        # The board is one, however many partitions the broker gives its topic.
        assert sum(topic == "metrics" for topic, _ in path.hearts) == 1

        producer = Producer({"bootstrap.servers": address, "partitioner": "murmur2_random"})
        for n in range(400):
            producer.produce("cx.touchpoints", b"e", key=f"c{n % 20}")
        await asyncio.to_thread(producer.flush, 10)

        def counted() -> int:
            return sum(
                sum(heart.counts.values())
                for heart in path.hearts.values()
                if isinstance(heart, CountingHeart) and heart.topic == "touchpoints"
            )

        await until(lambda: counted() == 400 and not path.health.lag)
        assert counted() == 400
        await path.stop()
        assert failures == []


async def test_a_changelog_that_cannot_be_cut_is_nothing_to_warn_of(caplog: pytest.LogCaptureFixture) -> None:
    with embedded_broker() as address:
        producer = Producer({"bootstrap.servers": address})
        producer.produce("cx.touchpoints.changelog", b"delta", partition=0)
        await asyncio.to_thread(producer.flush, 10)
        await trim(Connection(address), TopicPartition("cx.touchpoints.changelog", 0), 1)
    assert caplog.messages == []
