"""Kafka Streams: hopping windows, as it brings them along, and panes, written by hand on its Processor API."""

from __future__ import annotations

import contextlib
import hashlib
import os
import tempfile
from pathlib import Path

from bench.peers.program import measure
from tests import broker
from tests.broker import RealKafka

_HERE = Path(__file__).parent
# The parallel collector is at least as fast as the default; Windows.java says what else was tried.
_JAVA_OPTIONS = ("-Xmx4g", "-XX:+UseParallelGC")


def hopping(kafka: RealKafka, prefix: str, events: int) -> float:
    """As `measure`."""
    return _run(kafka, prefix, events, "hopping")


def by_hand(kafka: RealKafka, prefix: str, events: int) -> float:
    """As `measure`."""
    return _run(kafka, prefix, events, "panes")


def _run(kafka: RealKafka, prefix: str, events: int, how: str) -> float:
    jars = broker.fetched("kafka-streams", _HERE / "pom.xml")
    classpath = f"{_compiled(jars)}{os.pathsep}{jars}/*"
    program = [broker.program("java"), *_JAVA_OPTIONS, "-cp", classpath, "Windows"]
    with tempfile.TemporaryDirectory(prefix="cxloop-bench-streams-") as state:
        rate = measure(kafka, prefix, events, program, how, state)
    # Nobody else's measure pays for what is left.
    kafka.delete_topics(f"{Path(state).name}-counts-changelog")
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
