"""cxloop itself: a worker as its users start it, exactly once, all its outputs written.

Its progress is what it has committed, seen from outside: the offsets of its consumer group.
"""

from __future__ import annotations

import resource
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

from bench.load import PARTITIONS, TOPICS
from tests.integration.offsets import Offsets
from tests.integration.processes import COMMAND, Process

SAMPLE_EVERY_S = 0.1
#: Longest wait for the first commit, and from one commit to the next; and until a worker is ready.
PATIENCE_S = 60.0
STOP_TIMEOUT_S = 30.0


@dataclass(frozen=True, slots=True)
class Run:
    """How a worker went through its load. cpu_s: seconds of processor for a million events, start and stop included."""

    events_per_s: float
    cpu_s: float


class Sample(NamedTuple):
    """How far a worker is. at: s; events: committed so far."""

    at: float
    events: int


def run(broker: str, prefix: str, *options: str, partitions: int = PARTITIONS, metrics: str = "") -> Run:
    """Start a worker on topics that are loaded (bench.load), until it has committed what is in them.

    options: of `cxloop run`. metrics: those that are kept, as CXLOOP_METRICS has them; empty: all.

    Events/s are from the first commit seen to the last: where there are many partitions, or workers, most are opened
    meanwhile. What the worker appends to its own input (ticks, forwarded reviews) does not count. Raises RuntimeError,
    with its last words, where it ends or stands still.
    """
    before = _cpu_s()
    with worker(broker, prefix, *options, metrics=metrics) as process:
        samples = list(commits(process, broker, prefix, partitions))
    if len(samples) < 2:
        raise RuntimeError("was too fast for this load: it was done between two looks at it; use more events")
    first, last = samples[0], samples[-1]
    rate = (last.events - first.events) / (last.at - first.at)
    return Run(rate, (_cpu_s() - before) / last.events * 1e6)


@contextmanager
def worker(broker: str, prefix: str, *options: str, metrics: str = "") -> Iterator[Process]:
    """`cxloop run`, until it is no longer needed. A RuntimeError meanwhile is raised with its last words."""
    env = {"CXLOOP_METRICS": metrics} if metrics else None
    arguments = ["run", "--web-port", "0", "--broker", broker, "--prefix", prefix, *options]
    with tempfile.TemporaryDirectory() as home:
        process = Process(Path(home), "cxloop", arguments, COMMAND, env)
        try:
            yield process
        except RuntimeError as error:
            said = process.said.splitlines()[-20:]
            raise RuntimeError("\n".join([f"cxloop {error}; it said:", *said])) from error
        finally:
            try:
                process.end(within_s=STOP_TIMEOUT_S)
            except subprocess.TimeoutExpired:
                process.kill()


def commits(process: Process, broker: str, prefix: str, partitions: int = PARTITIONS) -> Iterator[Sample]:
    """One for each change seen, until all is committed that is there now."""
    inputs = [(topic, number) for topic in TOPICS for number in range(partitions)]
    known, patient_until = 0, time.monotonic() + PATIENCE_S
    with Offsets(broker, prefix, inputs) as offsets:
        ends = offsets.ends()
        while known < sum(ends.values()):
            applied = offsets.applied()
            done = sum(min(offset + 1, ends[place]) for place, offset in applied.items())
            now = time.monotonic()
            if done > known:
                known, patient_until = done, now + PATIENCE_S
                yield Sample(now, done)
            else:
                _check(process)
            if now > patient_until:
                raise RuntimeError(
                    f"committed {done} of {sum(ends.values())} events, then none for {PATIENCE_S:.0f} s"
                )
            time.sleep(SAMPLE_EVERY_S)


def until_ready(process: Process) -> None:
    """Wait until it has its partitions, and they are restored."""
    patient_until = time.monotonic() + PATIENCE_S
    while not process.says_ready:
        _check(process)
        if time.monotonic() > patient_until:
            raise RuntimeError(f"was not ready within {PATIENCE_S:.0f} s")
        time.sleep(SAMPLE_EVERY_S)


def _check(process: Process) -> None:
    """Raises RuntimeError where it has ended."""
    if process.process.poll() is not None:
        raise RuntimeError(f"ended with exit code {process.process.returncode}")


def _cpu_s() -> float:
    """Seconds of processor of all processes that have ended."""
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime
