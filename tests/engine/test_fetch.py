"""Our way of unpacking a fetch gives what aiokafka's own gives."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, TopicPartition
from aiokafka.record.default_records import _DefaultRecordBatchBuilderPy
from confluent_kafka import Producer

from pipeline.engine.fetch import Unread, unpack_whole_batches
from tests.broker import RealKafka


def fill(broker: str, topic: str) -> int:
    """Records of all kinds; returns the offset behind the last."""
    last = 0

    def told(_error: object, message: Any) -> None:
        nonlocal last
        last = max(last, message.offset() + 1)

    for codec in ("none", "lz4", "gzip", "snappy", "zstd"):
        producer = Producer({"bootstrap.servers": broker, "compression.type": codec, "linger.ms": 50})
        for n in range(50):
            producer.produce(
                topic,
                f"{codec} {n}" * 9,
                key=f"k{n}" if n % 3 else None,
                headers=[("h", b"1")],
                on_delivery=told,
            )
        producer.flush(10)
    for n, commits in enumerate([True, False, True, False, False, True]):
        producer = Producer(
            {"bootstrap.servers": broker, "transactional.id": f"{topic}-{n % 2}", "linger.ms": 50}
        )
        producer.init_transactions(10)
        producer.begin_transaction()
        for count in range(20):
            producer.produce(topic, f"transaction {n} {count}", on_delivery=told)
        producer.flush(10)
        if commits:
            producer.commit_transaction(10)
        else:
            producer.abort_transaction(10)
    return last


def all_of(unread: Unread) -> Iterator[Any]:
    while some := unread.take(7):
        yield from some


async def read(broker: str, at: TopicPartition, begin: int, end: int, ours: bool) -> list[tuple[Any, ...]]:
    consumer = AIOKafkaConsumer(
        bootstrap_servers=broker,
        isolation_level="read_committed",
        enable_auto_commit=False,
        max_partition_fetch_bytes=2_000,
    )
    await consumer.start()
    try:
        if ours:
            unpack_whole_batches(consumer)
        consumer.assign([at])
        consumer.seek(at, begin)
        found = []
        while await consumer.position(at) < end:
            for given in (await consumer.getmany(timeout_ms=200)).values():
                records = [record for unread in given for record in all_of(unread)] if ours else given
                found += [
                    (one.offset, one.timestamp, one.key, one.value, tuple(one.headers)) for one in records
                ]
        return found
    finally:
        await consumer.stop()


@pytest.mark.parametrize("kind", ["CreateTime", "LogAppendTime"])
async def test_it_gives_what_the_original_gives(kafka: RealKafka, prefix: str, kind: str) -> None:
    kafka.create_topics({prefix: 1}, {"message.timestamp.type": kind})
    end = fill(kafka.address, prefix)
    at = TopicPartition(prefix, 0)
    everything = await read(kafka.address, at, 0, end, ours=False)
    assert len(everything) == 5 * 50 + 3 * 20
    # From the beginning, from the midst of batches, from markers and aborted records.
    for begin in (0, 1, 17, 49, 50, 163, 251, 270, 271, 280, 300, end - 1):
        assert await read(kafka.address, at, begin, end, ours=True) == [
            one for one in everything if one[0] >= begin
        ]


class Wrong(str):
    """The name of a header that is no UTF-8: the byte ff."""

    __slots__ = ()

    def encode(self, *_: object) -> bytes:
        return b"\xff"


async def write_strange_names(broker: str, topic: str, compression: int) -> None:
    """40 records in one batch, three of them with such a name, as aiokafka in C would not write them."""
    producer = AIOKafkaProducer(bootstrap_servers=broker)
    await producer.start()
    try:
        batch = producer.create_batch()
        batch._builder = _DefaultRecordBatchBuilderPy(2, compression, 0, -1, -1, 0, 100_000)
        for n in range(40):
            name = Wrong() if n in (11, 12, 30) else "name"
            headers = [(name, b"\xff"), ("next", None)]
            batch.append(timestamp=None, key=None, value=f"{n}".encode(), headers=headers)
        await (await producer.send_batch(batch, topic, partition=0))
    finally:
        await producer.stop()


@pytest.mark.parametrize("compression", [0, 3], ids=["none", "lz4"])
async def test_names_of_headers_that_are_no_text_are_read_as_well_as_can_be(
    kafka: RealKafka, prefix: str, compression: int
) -> None:
    kafka.create_topics({prefix: 1})
    await write_strange_names(kafka.address, prefix, compression)
    found = await read(kafka.address, TopicPartition(prefix, 0), 0, 40, ours=True)
    assert [value for _, _, _, value, _ in found] == [f"{n}".encode() for n in range(40)]
    assert found[11][4] == (("\ufffd", b"\xff"), ("next", None))
    assert found[13][4] == (("name", b"\xff"), ("next", None))
    assert (await read(kafka.address, TopicPartition(prefix, 0), 20, 40, ours=True)) == found[20:]
