"""Measure Quix Streams alone, on a real Apache Kafka of its own.

usage: python -m bench.peers.quix [EVENTS]    prints events/s
"""

from __future__ import annotations

import sys
import uuid

from bench.peers.environment import measure
from bench.visits import load_visits
from tests.broker import BrokerError, RealKafka

EVENTS = 60_000  # a minute


def quix(kafka: RealKafka, prefix: str, events: int) -> float:
    """Events/s of all `events` visits of a prefix (bench.visits), from the first event to the last commit.

    Raises RuntimeError where its answer is wrong, or there is none in time.
    """
    group = f"quix-{uuid.uuid4().hex}"  # of its own, so that it starts with the first event
    rate = measure("quix_flow.py", kafka, prefix, events, group)
    # Nobody else's measure pays for what is left. The name is of Quix's own making.
    kafka.delete_topics(f"changelog__{group}--{prefix}.touchpoints--hopping_window_3600000_300000_count")
    return rate


def main() -> None:
    events = int(sys.argv[1]) if len(sys.argv) > 1 else EVENTS
    with RealKafka(heap_mb=1024) as kafka:
        load_visits(kafka, "peer", events)
        print(f"{quix(kafka, 'peer', events):.0f} events/s")


if __name__ == "__main__":
    try:
        main()
    except (BrokerError, RuntimeError) as error:
        sys.exit(f"bench: {error}")
