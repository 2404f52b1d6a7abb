"""cxloop itself: one worker with the shipped rules, exactly once, all its outputs written.

Its progress is what it has committed, seen from outside: the offsets of its consumer group.
"""

from __future__ import annotations

import subprocess
import sys
import tempfile
import time

from confluent_kafka import Consumer, KafkaError, KafkaException, TopicPartition

from bench.load import PARTITIONS, TOPICS

COMMAND = (sys.executable, "-c", "from pipeline.cli import main; main()", "run", "--web-port", "0")
GROUP = "{prefix}-shards"  # the consumer group of a worker's shards
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


def _committed(observer: Consumer, inputs: list[TopicPartition]) -> list[int]:
    """The group's offsets; none while the broker is still looking for the group's coordinator."""
    try:
        return [max(0, partition.offset) for partition in observer.committed(inputs, timeout=10)]
    except KafkaException as error:
        if error.args[0].code() not in (KafkaError.NOT_COORDINATOR, KafkaError.COORDINATOR_LOAD_IN_PROGRESS):
            raise
        return [0] * len(inputs)


def _rate(worker: subprocess.Popen[bytes], broker: str, prefix: str) -> float:
    observer = Consumer(
        {
            "bootstrap.servers": broker,
            "group.id": GROUP.format(prefix=prefix),
            # Of offsets: what open transactions will commit is not shown, and not waited for either.
            "isolation.level": "read_uncommitted",
        }
    )
    inputs = [TopicPartition(f"{prefix}.{topic}", number) for topic in TOPICS for number in range(PARTITIONS)]
    ends = [observer.get_watermark_offsets(partition)[1] for partition in inputs]
    samples: list[tuple[float, int]] = []  # (seconds, events committed), one for each change
    patient_until = time.monotonic() + PATIENCE_S
    try:
        while not samples or samples[-1][1] < sum(ends):
            done = sum(map(min, _committed(observer, inputs), ends))
            now = time.monotonic()
            if done > (samples[-1][1] if samples else 0):
                samples.append((now, done))
                patient_until = now + PATIENCE_S
            elif worker.poll() is not None:
                raise RuntimeError(f"ended with exit code {worker.returncode}")
            elif now > patient_until:
                raise RuntimeError(
                    f"committed {done} of {sum(ends)} events, then none for {PATIENCE_S:.0f} s"
                )
            time.sleep(SAMPLE_EVERY_S)
    finally:
        observer.close()
    if len(samples) < 2:
        raise RuntimeError("was too fast for this load: it was done between two looks at it; use more events")
    (began, first), (ended, last) = samples[0], samples[-1]
    return (last - first) / (ended - began)
