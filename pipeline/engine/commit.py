"""One transaction a batch: outputs, changelog, and how far we have read, all or nothing."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Iterable
from typing import Any

from aiokafka import AIOKafkaProducer, TopicPartition

from pipeline.effects import Effects, Output
from pipeline.engine import topics
from pipeline.engine.clock import BrokerClock
from pipeline.engine.closing import closed_well
from pipeline.engine.connection import Connection
from pipeline.engine.errors import TopicsError
from pipeline.engine.tuning import Tuning
from pipeline.partitioner import partition_of

#: A topic is gone when brokers have not known it for so long, s, looked at so often, s.
GONE_S, LOOK_S = 5.0, 0.25
#: Size of one batch of records on its way to a partition, bytes; one larger record is a batch of its own.
BATCH_BYTES = 524_288


class Transactions:
    """The transactional producer of one input partition.

    Its transactional id names the group, the topic and the partition: whoever starts the next one fences
    this one, aborts what it left open, and makes every later commit of it fail.
    """

    def __init__(
        self,
        connection: Connection,
        prefix: str,
        group: str,
        source: TopicPartition,
        tuning: Tuning,
        clock: BrokerClock,
    ) -> None:
        self._clock = clock
        self._prefix = prefix
        self._group = group
        self._source = source
        self._changelog = TopicPartition(f"{source.topic}.changelog", source.partition)
        self._producer = AIOKafkaProducer(
            **connection.aiokafka(),
            transactional_id=f"{group}-{source.topic}-{source.partition}",
            transaction_timeout_ms=int(tuning.transaction_s * 1000),
            max_batch_size=BATCH_BYTES,
            # The broker answers "retry" while it verifies a transaction's first write, and while the one
            # before is being marked.
            retry_backoff_ms=20,
        )

    async def start(self) -> None:
        """Fence whoever held the partition before."""
        await self._producer.start()

    async def stop(self, within_s: float) -> bool:
        """Close the connections; False if that took too long. What is open stays so: the next owner aborts it."""
        return await closed_well(self._producer.stop(), within_s)

    async def commit(self, effects: Effects, applied: int | None) -> tuple[int, int]:
        """One transaction. applied: offset of the last record of the batch; None: no record was read.

        Returns the offset of the first changelog record, and the one behind the last; (-1, -1) without any.
        Any failure means that this process is no longer the owner, or that the broker refused a record.
        """
        producer = self._producer
        batches = await self._batches(effects.outputs)
        logged = self._packed(self._changelog, ((None, value) for value in effects.changelog))

        await producer.begin_transaction()
        waiting = [
            await producer.send_batch(batch, at.topic, partition=at.partition)
            for at, batch in [*batches, *logged]
        ]
        if applied is not None:
            offsets = {self._source: applied + 1}
            waiting.append(asyncio.ensure_future(producer.send_offsets_to_transaction(offsets, self._group)))
        # The producer commits what got through, whatever became of the rest: so look at each first.
        answers = await self._answers(waiting, {at.topic for at, _ in [*batches, *logged]})
        for answer in answers:
            if isinstance(answer, BaseException):
                raise answer
        self._clock.heed(answers)
        await producer.commit_transaction()
        if not logged:
            return -1, -1
        first, last = len(batches), len(batches) + len(logged) - 1
        return answers[first].offset, answers[last].offset + logged[-1][1].record_count()

    async def append(self, value: bytes) -> int:
        """Append one record to the input partition itself; returns its offset."""
        producer = self._producer
        ((at, batch),) = self._packed(self._source, [(None, value)])
        await producer.begin_transaction()
        answer = await (await producer.send_batch(batch, at.topic, partition=at.partition))
        await producer.commit_transaction()
        self._clock.heed([answer])
        return int(answer.offset)

    async def _batches(self, outputs: Iterable[Output]) -> list[tuple[TopicPartition, Any]]:
        # `send` costs 20 µs a record; packing them ourselves costs 2.
        packed: dict[tuple[str, int], list[tuple[bytes | None, bytes]]] = {}
        counts: dict[str, int] = {}
        for output in outputs:
            topic = output.topic
            if (count := counts.get(topic)) is None:
                count = counts[topic] = await self._partitions(topics.name(self._prefix, topic))
            where = topic, partition_of(output.key, count)
            packed.setdefault(where, []).append((output.key, output.value))
        batches = []
        for (topic, partition), records in packed.items():
            batches += self._packed(TopicPartition(topics.name(self._prefix, topic), partition), records)
        return batches

    async def _partitions(self, topic: str) -> int:
        """How many it has. Raises TopicsError where it is gone."""
        cluster, gone = self._producer.client.cluster, 0
        while (found := cluster.partitions_for_topic(topic)) is None:
            gone += await self._is_gone(topic)
            if gone * LOOK_S > GONE_S:
                raise TopicsError([f"topic {topic} is gone; `cxloop topics` makes it anew"])
            await asyncio.sleep(LOOK_S)
        return len(found)

    async def _is_gone(self, topic: str) -> bool:
        """Does a broker answer, and does not know the topic?"""
        client = self._producer.client
        client.add_topic(topic)
        return (
            bool(await client.force_metadata_update()) and client.cluster.partitions_for_topic(topic) is None
        )

    async def _answers(self, waiting: Iterable[Awaitable[Any]], names: Iterable[str]) -> list[Any]:
        """The broker's answers, or what went wrong in place of each. Raises TopicsError where a topic is gone.

        A client would wait for ever then. To look for it, where answers are late, holds none of them up.
        """
        answered: asyncio.Future[list[Any]] = asyncio.gather(*waiting, return_exceptions=True)
        look: asyncio.Future[Any] | None = None
        try:
            while not (await asyncio.wait({answered}, timeout=GONE_S))[0]:
                look = asyncio.create_task(self._raise_if_gone(names))
                await asyncio.wait((answered, look), return_when=asyncio.FIRST_COMPLETED)
                if look.done():
                    look.result()
            return answered.result()
        finally:
            for one in (answered, look):
                if one is not None:
                    one.cancel()

    async def _raise_if_gone(self, names: Iterable[str]) -> None:
        for topic in names:
            if await self._is_gone(topic):
                await self._partitions(topic)

    def _packed(
        self, at: TopicPartition, records: Iterable[tuple[bytes | None, bytes]]
    ) -> list[tuple[TopicPartition, Any]]:
        batches: list[tuple[TopicPartition, Any]] = []
        batch = None
        for key, value in records:
            # A batch that is full takes nothing; an empty one takes anything.
            if batch is None or batch.append(timestamp=None, key=key, value=value) is None:
                batch = self._producer.create_batch()
                batch.append(timestamp=None, key=key, value=value)
                batches.append((at, batch))
        return batches
