"""Measure a peer alone, on a real Apache Kafka of its own.

usage: python -m bench.peers NAME [EVENTS]    prints events/s
"""

from __future__ import annotations

import argparse
import sys

from bench.peers.table import PEERS
from bench.visits import load_visits
from tests.broker import BrokerError, RealKafka


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m bench.peers", description="Measure a peer alone.")
    parser.add_argument("name", choices=PEERS)
    parser.add_argument("events", type=int, nargs="?", help="to load (default: a sample of a minute)")
    options = parser.parse_args()
    peer = PEERS[options.name]
    events = options.events or peer.events
    with RealKafka(heap_mb=1024) as kafka:
        load_visits(kafka, "peer", events)
        print(f"{peer.measure(kafka, 'peer', events):.0f} events/s")


if __name__ == "__main__":
    try:
        main()
    except (BrokerError, RuntimeError) as error:
        sys.exit(f"bench: {error}")
