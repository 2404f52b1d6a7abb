"""The real Kafka that other tests stand on: it keeps its promises, and says so when it cannot run."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, TopicPartition

from tests.broker import BrokerError, RealKafka


async def test_what_is_produced_is_consumed_in_order(kafka: RealKafka, prefix: str) -> None:
    topic = f"{prefix}.events"
    kafka.create_topics({topic: 1})
    sent = [b"%d" % number for number in range(100)]

    async with AIOKafkaProducer(bootstrap_servers=kafka.address) as producer:
        for value in sent:
            await producer.send(topic, value)

    assert await read(kafka, topic) == sent


async def test_who_reads_committed_sees_committed_transactions_alone(kafka: RealKafka, prefix: str) -> None:
    topic = f"{prefix}.events"
    kafka.create_topics({topic: 1})

    async with transactional(kafka, prefix) as producer:
        async with producer.transaction():
            await producer.send(topic, b"first")
        await producer.begin_transaction()
        await producer.send_and_wait(topic, b"aborted")
        await producer.abort_transaction()
        async with producer.transaction():
            await producer.send(topic, b"second")

    assert await read(kafka, topic) == [b"first", b"second"]


async def test_offsets_are_committed_with_their_transaction(kafka: RealKafka, prefix: str) -> None:
    topic = f"{prefix}.events"
    kafka.create_topics({topic: 1})
    partition = TopicPartition(topic, 0)

    async with transactional(kafka, prefix) as producer, producer.transaction():
        await producer.send(topic, b"done")
        await producer.send_offsets_to_transaction({partition: 7}, prefix)

    async with AIOKafkaConsumer(
        bootstrap_servers=kafka.address, group_id=prefix, enable_auto_commit=False
    ) as member:
        member.assign([partition])
        assert await member.committed(partition) == 7


async def test_topics_can_keep_the_time_of_the_broker(kafka: RealKafka, prefix: str) -> None:
    topic = f"{prefix}.events"
    kafka.create_topics({topic: 1}, {"message.timestamp.type": "LogAppendTime"})

    async with AIOKafkaProducer(bootstrap_servers=kafka.address) as producer:
        sent = await producer.send_and_wait(topic, b"long ago", timestamp_ms=1)

    assert sent.timestamp > 1


@pytest.mark.slow  # starts a broker of its own, twice
@pytest.mark.xdist_group("kafka")  # and the machine has room for one at a time
async def test_a_killed_broker_comes_back_with_what_it_held(prefix: str) -> None:
    with RealKafka() as kafka:
        kafka.create_topics({prefix: 1})
        async with AIOKafkaProducer(bootstrap_servers=kafka.address) as producer:
            await producer.send_and_wait(prefix, b"kept")

        address = kafka.address
        kafka.kill()
        kafka.start()

        assert kafka.address == address
        assert await read(kafka, prefix) == [b"kept"]


def test_a_missing_java_is_named_with_the_package_to_install(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(BrokerError, match="apt-get install"):
        RealKafka()


@asynccontextmanager
async def transactional(kafka: RealKafka, name: str) -> AsyncIterator[AIOKafkaProducer]:
    """A started producer whose transactional id is `name`."""
    async with AIOKafkaProducer(bootstrap_servers=kafka.address, transactional_id=name) as producer:
        yield producer


async def read(kafka: RealKafka, topic: str) -> list[bytes]:
    """The committed values of partition 0, from its start to where it ends now."""
    partition = TopicPartition(topic, 0)
    values: list[bytes] = []
    async with AIOKafkaConsumer(
        bootstrap_servers=kafka.address, isolation_level="read_committed", auto_offset_reset="earliest"
    ) as consumer:
        consumer.assign([partition])
        end = (await consumer.end_offsets([partition]))[partition]
        while await consumer.position(partition) < end:
            for records in (await consumer.getmany(timeout_ms=500)).values():
                values += [record.value for record in records]
    return values
