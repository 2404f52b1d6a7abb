"""Reading a changelog partition to its end, and cutting off what is no longer needed."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Callable
from typing import Any

from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.admin import AIOKafkaAdminClient, RecordsToDelete
from aiokafka.errors import IncompatibleBrokerVersion

from pipeline.engine.closing import closed
from pipeline.engine.connection import Connection
from pipeline.engine.fatal import told
from pipeline.engine.fetch import unpack_whole_batches
from pipeline.engine.tuning import Tuning

#: The event loop is given back after so many seconds of restoring.
SLICE_S = 0.02

log = logging.getLogger("pipeline.engine")


class Reader:
    """Reads single partitions, committed records only, outside the group. Use as an async context."""

    def __init__(self, connection: Connection, tuning: Tuning) -> None:
        self._leave_s = tuning.leave_s
        self._consumer = AIOKafkaConsumer(
            **connection.aiokafka(),
            isolation_level="read_committed",
            enable_auto_commit=False,
            auto_offset_reset="earliest",
            max_partition_fetch_bytes=4 * tuning.fetch_bytes,
            retry_backoff_ms=50,
        )

    async def __aenter__(self) -> Reader:
        try:
            await self._consumer.start()
        except BaseException:
            await self._consumer.stop()
            raise
        unpack_whole_batches(self._consumer)
        return self

    async def __aexit__(self, *exc: object) -> None:
        # Cancelled in the midst of its first look at a partition, aiokafka may wait for ever.
        done = await closed(self._consumer.stop(), self._leave_s)
        if done is not None and not done.cancelled():
            done.result()

    async def span(self, source: TopicPartition) -> tuple[int, int]:
        """The first offset there is, and the one behind the last that is decided (no transaction open before)."""
        self._consumer.assign([source])
        first = await self._consumer.beginning_offsets([source])
        end = await self._consumer.end_offsets([source])
        return int(first[source]), int(end[source])

    async def decided(self, source: TopicPartition, end: int) -> None:
        """Wait until all before `end` is decided: a transaction's marker is written a moment after its commit."""
        while (await self.span(source))[1] < end:  # noqa: ASYNC110 - the broker has no bell for it
            await asyncio.sleep(0.02)

    async def read(self, source: TopicPartition, begin: int, end: int, take: Callable[[Any], bool]) -> bool:
        """Hand over the records from begin to before end, until `take` says False.

        Returns whether all were handed over.
        """
        consumer = self._consumer
        consumer.assign([source])
        consumer.seek(source, begin)
        began = time.monotonic()
        # Markers of transactions have offsets, but are never handed over: the position tells.
        while await consumer.position(source) < end:
            batches = await consumer.getmany(source, timeout_ms=200)
            for unread in batches.get(source, ()):
                for record in unread:
                    if record.offset >= end:
                        return True
                    if not take(record):
                        return False
                    if time.monotonic() - began > SLICE_S:
                        await asyncio.sleep(0)
                        began = time.monotonic()
        return True


async def trim(connection: Connection, changelog: TopicPartition, below: int) -> None:
    """Delete the records of a changelog partition below an offset. A failure is logged, no more."""
    try:
        await delete_records(connection, changelog, below)
        log.debug("trimmed %s/%d below %d", changelog.topic, changelog.partition, below)
    except IncompatibleBrokerVersion:
        log.debug(
            "%s/%d stays whole: the embedded broker deletes nothing", changelog.topic, changelog.partition
        )
    except Exception as error:  # noqa: BLE001 - a changelog that is too long does no harm
        log.warning(
            "could not trim %s/%d below %d: %s", changelog.topic, changelog.partition, below, told(error)
        )


async def delete_records(connection: Connection, changelog: TopicPartition, below: int) -> None:
    """Delete the records of a partition below an offset. Raises KafkaError."""
    client = AIOKafkaAdminClient(**connection.aiokafka())
    try:
        await client.start()
        await client.delete_records({changelog: RecordsToDelete(below)})
    finally:
        await client.close()
