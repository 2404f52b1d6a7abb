"""Runs a peer's program, and looks at what it found out."""

from __future__ import annotations

import re
import subprocess
import time
from collections.abc import Mapping, Sequence

from confluent_kafka import Consumer, TopicPartition

from bench.load import PARTITIONS
from bench.visits import often
from tests.broker import RealKafka

TIMEOUT_S = 300.0


def run_peer(command: Sequence[str], env: Mapping[str, str] | None = None) -> float:
    """Run a program until it prints its events/s, and return that. Raises RuntimeError with its last words otherwise."""
    try:
        done = subprocess.run(
            command, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=TIMEOUT_S, check=False, env=env
        )  # fmt: skip
    except subprocess.TimeoutExpired as error:
        raise RuntimeError(f"`{command[0]}` of a peer took longer than {TIMEOUT_S:.0f} s") from error
    found = re.search(r"(\d+) events/s$", done.stdout.strip())
    if done.returncode or found is None:
        said = "\n".join([*done.stdout.splitlines(), *done.stderr.splitlines()][-20:])
        raise RuntimeError(f"`{command[0]}` of a peer ended with {done.returncode}; it said:\n{said}")
    return float(found[1])


def verify(kafka: RealKafka, output: str, events: int) -> None:
    """Raises RuntimeError where the customers that a peer found are not those who came often."""
    consumer = Consumer({"bootstrap.servers": kafka.address, "group.id": output, "enable.auto.commit": False})
    found: set[str] = set()
    for number in range(PARTITIONS):
        partition = TopicPartition(output, number, 0)
        end = consumer.get_watermark_offsets(partition, timeout=10)[1]
        consumer.assign([partition])
        position, patient_until = 0, time.monotonic() + TIMEOUT_S
        while position < end:
            if time.monotonic() > patient_until:
                raise RuntimeError(f"{output} cannot be read to its end")
            for message in consumer.consume(10_000, timeout=1.0):
                if message.error() is not None:
                    raise RuntimeError(f"{output} cannot be read: {message.error()}")
                found.add((message.key() or b"").decode())
                position = (message.offset() or 0) + 1
    consumer.close()
    right = often(events)
    if found != right:
        raise RuntimeError(
            f"{output} names {len(found - right)} customers who did not come often, and not {len(right - found)} who did"
        )
