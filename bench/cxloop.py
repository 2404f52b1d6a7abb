"""cxloop itself: one worker with the shipped rules, exactly once, all its outputs written.

Its progress is what it has committed, seen from outside: the offsets of its consumer group.
"""

from __future__ import annotations

import subprocess
import sys
import tempfile
import time

from bench.load import PARTITIONS, TOPICS
from tests.integration.offsets import Offsets

COMMAND = (sys.executable, "-c", "from pipeline.cli import main; main()", "run", "--web-port", "0")
SAMPLE_EVERY_S = 0.1
#: Longest wait for the first commit, and from one commit to the next.
PATIENCE_S = 60.0
STOP_TIMEOUT_S = 30.0


def run_cxloop(broker: str, prefix: str, *options: str) -> float:
    """Start a worker on topics that are loaded (bench.load), until it has committed what is in them.

    options: of `cxloop run`.

    Returns events/s from the first commit seen to the last. What the worker appends to its own
    input meanwhile (ticks, forwarded reviews) does not count.
    Raises RuntimeError, with the worker's last words, where it ends or stands still.
    """
    command = [*COMMAND, "--broker", broker, "--prefix", prefix, *options]
    with tempfile.TemporaryFile() as log:
        worker = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=log, stderr=log)
        try:
            return _rate(worker, broker, prefix)
        except RuntimeError as error:
            log.seek(0)
            said = log.read().decode(errors="replace").splitlines()[-20:]
            raise RuntimeError("\n".join([f"cxloop {error}; it said:", *said])) from error
        finally:
            worker.terminate()
            try:
                worker.wait(STOP_TIMEOUT_S)
            except subprocess.TimeoutExpired:
                worker.kill()
                worker.wait()


def _rate(worker: subprocess.Popen[bytes], broker: str, prefix: str) -> float:
    inputs = [(topic, number) for topic in TOPICS for number in range(PARTITIONS)]
    samples: list[tuple[float, int]] = []  # (seconds, events committed), one for each change
    patient_until = time.monotonic() + PATIENCE_S
    with Offsets(broker, prefix, inputs) as offsets:
        ends = offsets.ends()
        while not samples or samples[-1][1] < sum(ends.values()):
            done = sum(min(applied + 1, ends[place]) for place, applied in offsets.applied().items())
            now = time.monotonic()
            if done > (samples[-1][1] if samples else 0):
                samples.append((now, done))
                patient_until = now + PATIENCE_S
            elif worker.poll() is not None:
                raise RuntimeError(f"ended with exit code {worker.returncode}")
            elif now > patient_until:
                raise RuntimeError(
                    f"committed {done} of {sum(ends.values())} events, then none for {PATIENCE_S:.0f} s"
                )
            time.sleep(SAMPLE_EVERY_S)
    if len(samples) < 2:
        raise RuntimeError("was too fast for this load: it was done between two looks at it; use more events")
    (began, first), (ended, last) = samples[0], samples[-1]
    return (last - first) / (ended - began)
