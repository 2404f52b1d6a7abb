"""What waits on the inputs, seen from outside: no worker has to run."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.errors import KafkaError

from pipeline.engine import topics
from pipeline.engine.changelog import Reader
from pipeline.engine.connection import Connection
from pipeline.engine.errors import BrokerUnreachableError
from pipeline.engine.fatal import told
from pipeline.engine.path import group_id
from pipeline.engine.tuning import Tuning

#: So few offsets are looked at one by one: some are markers of transactions, and no events.
_COUNTED = 1_000


@dataclass(frozen=True, slots=True)
class Waiting:
    """One partition of an input.

    topic: with its prefix. next: the offset of the next record to process; where none waits, the end.
    end: the offset behind the last one.
    records: that wait. Fewer than there are offsets from next to end, for markers of transactions take some; where
        they are many, these count too.
    """

    topic: str
    partition: int
    next: int
    end: int
    records: int


async def waiting(connection: Connection, prefix: str, partitions: Mapping[str, int]) -> list[Waiting]:
    """Of all partitions of the inputs. partitions: by topic with its prefix; of those that are there. Raises BrokerUnreachableError."""
    # It asks for the group's offsets, and does not join.
    consumer = AIOKafkaConsumer(**connection.aiokafka(), group_id=group_id(prefix), enable_auto_commit=False)
    found = []
    try:
        await consumer.start()
        async with Reader(connection, Tuning()) as reader:
            for name in (topics.name(prefix, topic) for topic in topics.INPUTS):
                for partition in range(partitions.get(name, 0)):
                    at = TopicPartition(name, partition)
                    found.append(await _of(at, await consumer.committed(at) or 0, reader))
    except KafkaError as error:
        raise BrokerUnreachableError(connection, 0, told(error)) from error
    finally:
        await consumer.stop()
    return found


async def _of(at: TopicPartition, committed: int, reader: Reader) -> Waiting:
    begin, end = await reader.span(at)
    position = max(begin, committed)
    records = max(0, end - position)
    if 0 < records <= _COUNTED:
        records = 0

        def take(_: Any) -> bool:
            nonlocal records
            records += 1
            return True

        await reader.read(at, position, end, take)
    # Behind the last record may be markers, which nobody waits for.
    return Waiting(at.topic, at.partition, position if records else end, end, records)
