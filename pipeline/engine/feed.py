"""What happens, handed to this process as it happens: for live pages and projections."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from heapq import merge
from itertools import chain, repeat
from typing import Any, Final

import mode
from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.errors import KafkaError

from pipeline.effects import ALERTS, FOLLOW_UPS, METRICS
from pipeline.engine import topics
from pipeline.engine.closing import closed
from pipeline.engine.connection import Connection
from pipeline.engine.fatal import told
from pipeline.engine.fetch import unpack_whole_batches

log = logging.getLogger("pipeline.engine")

#: The event loop is given back after so many seconds: what is shown can wait, what happens cannot. Five times as long
#: slices took a fifth of a worker that has all hands full; these take an eighth.
SLICE_S: Final = 0.001
#: How long the broker may hold a fetch, and the bytes of one, of a partition and of all.
FETCH_WAIT_MS: Final = 250
PARTITION_BYTES, FETCH_BYTES = 262_144, 4_194_304
#: After an error it goes on in so many seconds; its good-bye takes so long at most.
AGAIN_S, LEAVE_S = 1.0, 3.0

#: Gets the bytes of one committed record. What it raises is logged and counted, and goes no further.
Take = Callable[[bytes], None]


@dataclass(slots=True)
class Feed:
    """Who wants what. Each worker sees all partitions, and is in no group for that.

    on_behind: gets how old what is handed over is (s).
    since: so many records of each partition are handed over that were there before; None: all there are.
    taken, failed: records handed over, and those of them that raised.
    """

    on_alert: Take | None = None
    on_followup: Take | None = None
    on_metrics: Take | None = None
    on_behind: Callable[[float], None] = lambda seconds: None
    since: int | None = 100
    taken: int = 0
    failed: int = 0

    @property
    def takers(self) -> dict[str, Take]:
        """By topic without its prefix."""
        wanted = {ALERTS: self.on_alert, FOLLOW_UPS: self.on_followup, METRICS: self.on_metrics}
        return {topic: take for topic, take in wanted.items() if take is not None}


def in_order(
    fetched: Mapping[TopicPartition, Iterable[Iterable[Any]]],
) -> Iterator[tuple[TopicPartition, Any]]:
    """Records of several partitions in the order in which the broker got them.

    Else what one partition has had for days would come behind the newest of another one.
    """
    lanes = [zip(repeat(place), chain.from_iterable(batches)) for place, batches in fetched.items()]
    return merge(*lanes, key=lambda found: found[1].timestamp)


class FeedService(mode.Service):
    """Follows the topics of a feed, a fetch at a time, and each record once while it lives."""

    mundane_level = "debug"

    def __init__(self, feed: Feed, connection: Connection, prefix: str, **kwargs: Any) -> None:
        self._feed, self._connection = feed, connection
        self._takers = {topics.name(prefix, topic): take for topic, take in feed.takers.items()}
        #: Where each partition goes on.
        self._next: dict[TopicPartition, int] = {}
        self._assigned: frozenset[TopicPartition] = frozenset()
        super().__init__(**kwargs)

    @mode.Service.task
    async def _follow(self) -> None:
        while not self.should_stop:
            consumer = AIOKafkaConsumer(
                *self._takers,
                **self._connection.aiokafka(),
                isolation_level="read_committed",
                enable_auto_commit=False,
                auto_offset_reset="earliest",
                max_partition_fetch_bytes=PARTITION_BYTES,
                fetch_max_bytes=FETCH_BYTES,
                fetch_max_wait_ms=FETCH_WAIT_MS,
            )
            try:
                await consumer.start()
                unpack_whole_batches(consumer)
                self._assigned = frozenset()
                while not self.should_stop:
                    await self._go_on(consumer)
                    await self._take(await consumer.getmany(timeout_ms=FETCH_WAIT_MS))
            except KafkaError as error:
                log.warning("the page's feed stands still, and goes on in %g s: %s", AGAIN_S, told(error))
            finally:
                await closed(consumer.stop(), LEAVE_S)
            await self.sleep(AGAIN_S)

    async def _go_on(self, consumer: AIOKafkaConsumer) -> None:
        """Where partitions have come, all of them begin anew: each goes on where it was, or near its end."""
        assigned = consumer.assignment()
        if assigned == self._assigned:
            return
        fresh = [place for place in assigned if place not in self._next]
        if fresh:
            first, ends = await consumer.beginning_offsets(fresh), await consumer.end_offsets(fresh)
            since = self._feed.since
            for place in fresh:
                self._next[place] = first[place] if since is None else max(first[place], ends[place] - since)
        for place in assigned & consumer.assignment():
            consumer.seek(place, self._next[place])
        self._assigned = assigned

    async def _take(self, fetched: Mapping[TopicPartition, Iterable[Iterable[Any]]]) -> None:
        began, newest = time.monotonic(), time.time() * 1000
        for place, record in in_order(fetched):
            newest = record.timestamp
            if record.offset < self._next.get(place, 0):
                continue  # it was fetched before the partition went on
            self._next[place] = record.offset + 1
            self._hand(self._takers[place.topic], place.topic, record.value or b"")
            if time.monotonic() - began > SLICE_S:
                self._feed.on_behind(time.time() - newest / 1000)
                await asyncio.sleep(0)
                began = time.monotonic()
        self._feed.on_behind(time.time() - newest / 1000)

    def _hand(self, take: Take, topic: str, value: bytes) -> None:
        feed = self._feed
        feed.taken += 1
        try:
            take(value)
        except Exception as error:
            feed.failed += 1
            # Each of a flood of the same would bury everything else.
            if feed.failed.bit_count() == 1:
                log.error("feed of %s (%d failed so far)", topic, feed.failed, exc_info=error)
