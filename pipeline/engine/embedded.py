"""The embedded broker: librdkafka's mock cluster, in this process and in memory. For the demo, nothing else.

It has 4 partitions a topic, which appear on first use, keeps some 5 MB of each, shows aborted records to
readers of committed ones, and lets a fenced producer commit.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from confluent_kafka import Producer

#: Partitions of each of its topics.
PARTITIONS = 4


@contextmanager
def embedded_broker() -> Iterator[str]:
    """A broker for as long as the context lasts; gives its bootstrap address."""
    # The cluster lives as long as the client that carries it.
    carrier = Producer({"bootstrap.servers": "x:1", "test.mock.num.brokers": 1, "log_level": 0})
    brokers = carrier.list_topics(timeout=10).brokers.values()
    try:
        yield ",".join(f"{broker.host}:{broker.port}" for broker in brokers)
    finally:
        carrier.flush(0)
        del carrier
