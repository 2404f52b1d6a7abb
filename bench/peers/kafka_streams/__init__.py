"""Kafka Streams: hopping windows, as it brings them along, and panes, written by hand on its Processor API."""

from __future__ import annotations

import contextlib
import hashlib
import os
import tempfile
from pathlib import Path

from bench.load import PARTITIONS, TOPIC_CONFIG
from bench.peers.program import run_peer, verify
from tests import broker
from tests.broker import RealKafka

PROGRAMS = ("hopping", "panes")

_HERE = Path(__file__).parent
# The parallel collector is at least as fast as the default; Windows.java says what else was tried.
_JAVA_OPTIONS = ("-Xmx4g", "-XX:+UseParallelGC")


def kafka_streams(kafka: RealKafka, prefix: str, events: int, program: str) -> float:
    """Events/s of all `events` visits of a prefix (bench.visits), from the first event to the last commit.

    program: one of PROGRAMS. Raises RuntimeError where its answer is wrong, or there is none in time.
    """
    output = f"{prefix}.often"
    # Its records bear the time of their events, which lies far back: Kafka would delete them by its defaults.
    kafka.create_topics({output: PARTITIONS}, TOPIC_CONFIG)
    jars = broker.fetched("kafka-streams", _HERE / "pom.xml")
    classpath = f"{_compiled(jars)}{os.pathsep}{jars}/*"
    command = [broker.program("java"), *_JAVA_OPTIONS, "-cp", classpath, "Windows", program, kafka.address]
    with tempfile.TemporaryDirectory(prefix="cxloop-bench-streams-") as state:
        rate = run_peer([*command, f"{prefix}.touchpoints", output, str(events), state])
    verify(kafka, output, events)
    # So that it can run again on the same visits; and nobody else's measure pays for what is left.
    kafka.delete_topics(output, f"{Path(state).name}-counts-changelog")
    return rate


def _compiled(jars: Path) -> Path:
    """The folder with the program's classes. By ecj, for who has a Java to run Kafka may have none to compile."""
    source = _HERE / "Windows.java"
    content = source.read_bytes() + (_HERE / "pom.xml").read_bytes()
    folder = broker.cache() / f"kafka-streams-peer-{hashlib.sha256(content).hexdigest()[:8]}"
    if not folder.is_dir():
        (compiler,) = jars.glob("ecj-*.jar")
        path = os.pathsep.join(map(str, jars.glob("*.jar")))
        compile_to = [broker.program("java"), "-jar", str(compiler), "-17", "-nowarn", "-cp", path, "-d"]
        with tempfile.TemporaryDirectory(dir=broker.cache()) as temporary:
            output = Path(temporary) / "classes"
            broker.run([*compile_to, str(output), str(source)])
            with contextlib.suppress(OSError):  # another one was faster
                output.rename(folder)
    return folder
