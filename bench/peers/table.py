"""All peers."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from bench.peers.in_python import bytewax, quix
from bench.peers.kafka_streams import by_hand, hopping
from tests.broker import RealKafka


@dataclass(frozen=True, slots=True)
class Peer:
    """measure: see bench.peers.program. events: a sample of a minute at most. bar: how many times as fast cxloop must be."""

    measure: Callable[[RealKafka, str, int], float]
    events: int
    bar: float | None


PEERS: Mapping[str, Peer] = {
    "kafka_streams": Peer(hopping, 400_000, 8.0),
    "kafka_streams_by_hand": Peer(by_hand, 1_000_000, None),
    "quix": Peer(quix, 60_000, 20.0),
    "bytewax": Peer(bytewax, 300_000, 8.0),
}
