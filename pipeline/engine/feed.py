"""What happens, handed to this process as it happens: for live pages and projections."""

from __future__ import annotations

import inspect
import logging
import time
import uuid
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any

import faust
from kafka.admin import OffsetSpec
from kafka.errors import KafkaError
from kafka.structs import OffsetAndMetadata, TopicPartition

from pipeline.effects import ALERTS, FOLLOW_UPS, METRICS
from pipeline.engine import topics
from pipeline.engine.connection import Connection
from pipeline.engine.fatal import told
from pipeline.engine.faust_app import faust_app

log = logging.getLogger("pipeline.engine")

#: How long a group may take to find its coordinator, s.
COORDINATOR_S = 10.0

#: Gets the bytes of one committed record. What it raises is logged and counted, and goes no further.
Take = Callable[[bytes], Awaitable[None] | None]


@dataclass(slots=True)
class Feed:
    """Who wants what. Each worker sees all partitions: it has a group of its own, made anew at each start.

    since: so many records of each partition are handed over that were there before; None: all there are.
    taken, failed: records handed over, and those of them that raised.
    """

    on_alert: Take | None = None
    on_followup: Take | None = None
    on_metrics: Take | None = None
    since: int | None = 100
    taken: int = 0
    failed: int = 0

    @property
    def takers(self) -> dict[str, Take]:
        """By topic without its prefix."""
        wanted = {ALERTS: self.on_alert, FOLLOW_UPS: self.on_followup, METRICS: self.on_metrics}
        return {topic: take for topic, take in wanted.items() if take is not None}


def feed_app(feed: Feed, connection: Connection, prefix: str, *, embedded: bool = False) -> faust.App:
    """The Faust app whose agents serve a feed. Blocks; some 100 ms.

    embedded: the embedded broker, which does not answer kafka-python; there the feed sees all there is.
    """
    group = f"{prefix}-feed-{uuid.uuid4().hex[:12]}"
    all_of_it = feed.since is None or embedded
    if feed.since and not embedded:
        # Before the group is joined, so that it finds where to begin.
        _begin_near_the_end(feed, feed.since, connection, prefix, group)
    app = faust_app(connection, group, begin="earliest" if all_of_it else "latest")
    for topic, take in feed.takers.items():
        app.agent(app.topic(topics.name(prefix, topic)), name=f"feed.{topic}")(_agent(feed, topic, take))
    return app


def _agent(feed: Feed, topic: str, take: Take) -> Callable[[Any], Awaitable[None]]:
    async def agent(stream: Any) -> None:
        async for value in stream:
            feed.taken += 1
            try:
                answer = take(value)
                if inspect.isawaitable(answer):
                    await answer
            except Exception as error:
                feed.failed += 1
                # Each of a flood of the same would bury everything else.
                if feed.failed.bit_count() == 1:
                    log.error("feed of %s (%d failed so far)", topic, feed.failed, exc_info=error)

    return agent


def _begin_near_the_end(feed: Feed, since: int, connection: Connection, prefix: str, group: str) -> None:
    """Let a group that is new begin so many records before the end."""
    try:
        with topics.admin(connection) as client:
            names = [topics.name(prefix, topic) for topic in feed.takers]
            parts = [
                TopicPartition(one["name"], part["partition_index"])
                for one in client.describe_topics(names)
                for part in one["partitions"]
            ]
            first = client.list_partition_offsets(dict.fromkeys(parts, OffsetSpec.EARLIEST))
            ends = client.list_partition_offsets(dict.fromkeys(parts, OffsetSpec.LATEST))
            begin = {at: max(first[at].offset, ends[at].offset - since) for at in parts}
            _commit(client, group, {at: OffsetAndMetadata(offset, "", -1) for at, offset in begin.items()})
    except Exception as error:  # noqa: BLE001 - then it begins at the end
        log.warning("the feed begins at the end of its topics: %s", told(error))


def _commit(client: Any, group: str, offsets: dict[TopicPartition, OffsetAndMetadata]) -> None:
    # On a broker that never had a group, the first one has to wait until there is a place for it.
    deadline = time.monotonic() + COORDINATOR_S
    while True:
        try:
            client.alter_group_offsets(group, offsets)
        except KafkaError as error:
            if not error.retriable or time.monotonic() > deadline:
                raise
            time.sleep(0.1)
        else:
            return
