"""Measure Kafka Streams alone, on a real Apache Kafka of its own.

usage: python -m bench.peers.kafka_streams hopping|panes [EVENTS]    prints events/s
"""

from __future__ import annotations

import argparse
import sys

from bench.peers.kafka_streams import PROGRAMS, kafka_streams
from bench.visits import load_visits
from tests.broker import BrokerError, RealKafka


def main() -> None:
    parser = argparse.ArgumentParser(
        prog="python -m bench.peers.kafka_streams", description="Measure Kafka Streams."
    )
    parser.add_argument("program", choices=PROGRAMS)
    parser.add_argument("events", type=int, nargs="?", default=400_000, help="to load (default: %(default)s)")
    options = parser.parse_args()
    with RealKafka(heap_mb=1024) as kafka:
        load_visits(kafka, "peer", options.events)
        print(f"{kafka_streams(kafka, 'peer', options.events, options.program):.0f} events/s")


if __name__ == "__main__":
    try:
        main()
    except (BrokerError, RuntimeError) as error:
        sys.exit(f"bench: {error}")
