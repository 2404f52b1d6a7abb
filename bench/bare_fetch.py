"""The limit: an aiokafka consumer that decodes every event into its typed struct, and drops it.

usage: python -m bench.bare_fetch BROKER TOPIC EVENTS    prints events/s, first to last event
"""

from __future__ import annotations

import sys
import time

import uvloop
from aiokafka import AIOKafkaConsumer, TopicPartition

from bench.load import PARTITIONS
from pipeline.events.codec import Rejection, decode


async def fetch(broker: str, topic: str, events: int) -> float:
    """Read `events` events from the start of the topic. Returns events/s."""
    seen, rejected, began = 0, 0, 0.0
    async with AIOKafkaConsumer(
        bootstrap_servers=broker,
        enable_auto_commit=False,
        auto_offset_reset="earliest",
        max_partition_fetch_bytes=4 << 20,  # faster than the default 1 MiB
    ) as consumer:
        consumer.assign([TopicPartition(topic, partition) for partition in range(PARTITIONS)])
        while seen < events:
            for records in (await consumer.getmany(timeout_ms=1_000, max_records=5_000)).values():
                began = began or time.perf_counter()
                for record in records:
                    if decode(record).__class__ is Rejection:
                        rejected += 1
                seen += len(records)
    if rejected:
        raise RuntimeError(f"{rejected} of {seen} events of the load were rejected")
    return seen / (time.perf_counter() - began)


if __name__ == "__main__":
    print(f"{uvloop.run(fetch(sys.argv[1], sys.argv[2], int(sys.argv[3]))):.0f} events/s")
