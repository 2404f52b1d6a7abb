"""Measure Bytewax alone, on a real Apache Kafka of its own.

usage: python -m bench.peers.bytewax [EVENTS]    prints events/s
"""

from __future__ import annotations

import sys

from bench.peers.environment import measure
from bench.visits import load_visits
from tests.broker import BrokerError, RealKafka

EVENTS = 300_000


def bytewax(kafka: RealKafka, prefix: str, events: int) -> float:
    """Events/s of all `events` visits of a prefix (bench.visits), from the first event to the last flush.

    Raises RuntimeError where its answer is wrong, or there is none in time.
    """
    return measure("bytewax_flow.py", kafka, prefix, events)


def main() -> None:
    events = int(sys.argv[1]) if len(sys.argv) > 1 else EVENTS
    with RealKafka(heap_mb=1024) as kafka:
        load_visits(kafka, "peer", events)
        print(f"{bytewax(kafka, 'peer', events):.0f} events/s")


if __name__ == "__main__":
    try:
        main()
    except (BrokerError, RuntimeError) as error:
        sys.exit(f"bench: {error}")
