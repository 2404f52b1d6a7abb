"""Runs programs that print their events/s, and looks at what a peer's has found out."""

from __future__ import annotations

import re
import subprocess
from collections.abc import Sequence

from bench.load import PARTITIONS, TOPIC_CONFIG
from bench.visits import often
from tests.broker import RealKafka
from tests.integration.kafka_log import read

TIMEOUT_S = 300.0


def events_per_second(command: Sequence[str]) -> float:
    """Run a program to its end, and return what it prints last. Raises RuntimeError with its last words otherwise."""
    try:
        done = subprocess.run(
            command, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=TIMEOUT_S, check=False
        )
    except subprocess.TimeoutExpired as error:
        raise RuntimeError(f"`{' '.join(command)}` took longer than {TIMEOUT_S:.0f} s") from error
    found = re.search(r"(\d+) events/s$", done.stdout.strip())
    if done.returncode or found is None:
        said = "\n".join([*done.stdout.splitlines(), *done.stderr.splitlines()][-20:])
        raise RuntimeError(f"`{' '.join(command)}` ended with {done.returncode}; it said:\n{said}")
    return float(found[1])


def measure(kafka: RealKafka, prefix: str, events: int, program: Sequence[str], *arguments: str) -> float:
    """Let a peer's program go through the `events` visits of a prefix (bench.visits), and check its answer.

    program: gets BROKER TOPIC OUTPUT EVENTS and the arguments. Returns events/s, from the first event to the last commit.
    Raises RuntimeError where its answer is wrong, or there is none in time.
    """
    output = f"{prefix}.often"
    # Some of its records bear the time of their events, which lies far back: Kafka would delete them by its defaults.
    kafka.create_topics({output: PARTITIONS}, TOPIC_CONFIG)
    rate = events_per_second(
        [*program, kafka.address, f"{prefix}.touchpoints", output, str(events), *arguments]
    )
    verify(kafka, output, events)
    kafka.delete_topics(output)  # so that the next one can run on the same visits
    return rate


def verify(kafka: RealKafka, output: str, events: int) -> None:
    """Raises RuntimeError where the keys of a topic are not the customers who came often."""
    found = {(record.key or b"").decode() for record in read(kafka.address, [output])[output]}
    right = often(events)
    if found != right:
        wrong, missing = len(found - right), len(right - found)
        raise RuntimeError(
            f"{output} names {wrong} customers who did not come often, and not {missing} who did"
        )
