"""Topics of the real Kafka as plain records: what is written to them, and what is committed on them."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from confluent_kafka import Consumer, KafkaError, Message, Producer, TopicPartition

#: An event may be larger than a producer's usual limit.
LARGEST = 8 << 20


@dataclass(frozen=True, slots=True)
class LogRecord:
    """One committed record; what the hearts call a Record. topic: with its prefix; timestamp: ms, of the broker."""

    topic: str
    partition: int
    offset: int
    timestamp: int
    key: bytes | None
    value: bytes | None
    headers: Sequence[tuple[str, bytes | None]]


@dataclass(frozen=True, slots=True)
class Sending:
    """One record to be written. topic: with its prefix; partition: None for the one of its key."""

    topic: str
    value: bytes | None
    key: bytes | None = None
    headers: Sequence[tuple[str, bytes | None]] = ()
    partition: int | None = None


class Writer:
    """Writes records in order, to the partitions of their keys as Java would choose them.

    last: the last offset of each topic and partition.
    """

    def __init__(self, broker: str) -> None:
        self.last: dict[tuple[str, int], int] = {}
        self._lost: list[str] = []
        self._producer = Producer(
            {
                "bootstrap.servers": broker,
                "partitioner": "murmur2_random",
                "enable.idempotence": True,  # keeps the order, whatever is sent again
                "message.max.bytes": LARGEST,
                "linger.ms": 2,
                "log_level": 3,
            }
        )

    def write(self, records: Iterable[Sending]) -> None:
        """Write records, and wait until they are there. Raises RuntimeError where one does not get there."""
        for number, one in enumerate(records):
            headers: list[tuple[str, str | bytes | None]] = list(one.headers)
            where = -1 if one.partition is None else one.partition  # -1: that of its key
            self._producer.produce(
                one.topic,
                one.value,
                one.key,
                partition=where,
                headers=headers or None,
                on_delivery=self._note,
            )
            if number % 1_000 == 0:
                self._producer.poll(0)
        if self._producer.flush(30) or self._lost:
            raise RuntimeError(f"not everything reached Kafka: {self._lost[:1]}")

    def _note(self, error: KafkaError | None, message: Message) -> None:
        if error is not None:
            self._lost.append(error.str())
            return
        topic, partition, offset = message.topic(), message.partition(), message.offset()
        assert topic is not None
        assert partition is not None
        assert offset is not None
        self.last[topic, partition] = max(offset, self.last.get((topic, partition), -1))


def write(broker: str, records: Iterable[Sending]) -> dict[tuple[str, int], int]:
    """Write records; returns the last offset of each topic and partition."""
    writer = Writer(broker)
    writer.write(records)
    return writer.last


def read(broker: str, topics: Iterable[str]) -> dict[str, list[LogRecord]]:
    """All that is committed on topics (with their prefix), by partition and offset."""
    consumer = Consumer(
        {
            "bootstrap.servers": broker,
            "group.id": "reads-only",  # never joined
            "isolation.level": "read_committed",
            "enable.auto.commit": False,
            "enable.partition.eof": True,
            "fetch.wait.max.ms": 10,
            "log_level": 3,
        }
    )
    try:
        known = consumer.list_topics(timeout=10).topics
        found: dict[str, list[LogRecord]] = {topic: [] for topic in topics}
        places = [(topic, part) for topic in found for part in known[topic].partitions]
        consumer.assign([TopicPartition(topic, part, 0) for topic, part in places])
        unread = set(places)
        while unread:
            for message in consumer.consume(5_000, 0.2):
                topic, partition = message.topic(), message.partition()
                assert topic is not None
                assert partition is not None
                if message.error() is not None:
                    unread.discard((topic, partition))
                else:
                    found[topic].append(_record(topic, partition, message))
    finally:
        consumer.close()
    for records in found.values():
        records.sort(key=lambda record: (record.partition, record.offset))
    return found


def _record(topic: str, partition: int, message: Message) -> LogRecord:
    offset, headers = message.offset(), message.headers() or []
    assert offset is not None
    assert isinstance(headers, list)
    return LogRecord(
        topic,
        partition,
        offset,
        message.timestamp()[1],
        message.key(),
        message.value(),
        [(name, value.encode() if isinstance(value, str) else value) for name, value in headers],
    )
