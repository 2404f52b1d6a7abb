"""Workers as processes that can be broken, events for them, and what has to come of these."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from confluent_kafka import Producer

from tests.integration.kafka_log import LogRecord, read

ROOT = Path(__file__).parents[2]
PARTITIONS = 4


def until(what: str, holds: Callable[[], Any], within_s: float = 30.0) -> Any:
    """Wait until something holds, and give it back; fails with what was waited for."""
    deadline = time.monotonic() + within_s
    while time.monotonic() < deadline:
        if found := holds():
            return found
        time.sleep(0.05)
    raise AssertionError(f"not within {within_s:g} s: {what}")


class Worker:
    """One process."""

    def __init__(self, broker: str, prefix: str, home: Path, name: str, options: str, **env: str) -> None:
        self.name = name
        self.log = home / f"{name}.log"
        self._status = home / f"{name}.json"
        command = [sys.executable, "-m", "tests.engine.fake_worker", broker, prefix, str(self._status)]
        with self.log.open("ab") as log:
            self.process = subprocess.Popen(
                command, cwd=ROOT, stdout=log, stderr=log, env={**os.environ, "WORKER": options, **env}
            )

    @property
    def status(self) -> dict[str, Any]:
        """What it last wrote about itself; nothing before the first time."""
        with contextlib.suppress(FileNotFoundError):
            found: dict[str, Any] = json.loads(self._status.read_text())
            return found
        return {"ready": False, "partitions": {}, "hearts": {}, "feed": [0, 0]}

    @property
    def running(self) -> set[str]:
        """The partitions that it has open."""
        return {name for name, (state, *_) in self.status["partitions"].items() if state == "running"}

    @property
    def resident_mb(self) -> int:
        """Its memory."""
        pages = int(Path(f"/proc/{self.process.pid}/statm").read_text().split()[1])
        return pages * os.sysconf("SC_PAGE_SIZE") >> 20

    def signal(self, number: signal.Signals) -> None:
        self.process.send_signal(number)

    def kill(self) -> None:
        """End it as a power cut would."""
        self.process.kill()
        self.process.wait()

    def stop(self, within_s: float = 20.0) -> int:
        """End it in good order; returns the exit code."""
        self.process.terminate()
        return self.process.wait(within_s)


def committed(broker: str, topic: str) -> list[LogRecord]:
    """All that is committed on a topic, by partition and offset."""
    return read(broker, [topic])[topic]


class Town:
    """A prefix with workers, events and outputs. A context that ends all workers."""

    def __init__(self, broker: str, prefix: str, home: Path) -> None:
        self.broker, self.prefix, self.home = broker, prefix, home
        self.workers: list[Worker] = []
        self.sent = 0
        self._producer = Producer(
            {"bootstrap.servers": broker, "partitioner": "murmur2_random", "linger.ms": 5}
        )

    def __enter__(self) -> Town:
        return self

    def __exit__(self, *exc: object) -> None:
        for worker in self.workers:
            if worker.process.poll() is None:
                worker.process.send_signal(signal.SIGCONT)
                worker.kill()
            # Shown when the test fails.
            print(f"--- {worker.name} (exit code {worker.process.returncode})\n{worker.log.read_text()}")

    def start(self, options: str = "", **env: str) -> Worker:
        """One more worker."""
        worker = Worker(self.broker, self.prefix, self.home, f"w{len(self.workers) + 1}", options, **env)
        self.workers.append(worker)
        return worker

    def send(self, count: int, keys: int = 200, topic: str = "touchpoints") -> None:
        """Events, of so many customers."""
        for _ in range(count):
            self.sent += 1
            key = f"c{self.sent * 7919 % keys}"
            self._producer.produce(f"{self.prefix}.{topic}", b"e", key=key)
            if self.sent % 1_000 == 0:
                self._producer.poll(0)
        assert self._producer.flush(20) == 0

    def stream(self, seconds: float, rate: int) -> Iterator[float]:
        """Send so many events a second, for so long; gives the seconds gone, to break things in between."""
        began = time.monotonic()
        sent = 0
        while (gone := time.monotonic() - began) < seconds:
            due = int(gone * rate) - sent
            self.send(due)
            sent += due
            yield gone
            time.sleep(0.02)

    def read(self, topic: str) -> list[LogRecord]:
        """All that is committed on a topic, by partition and offset."""
        return committed(self.broker, f"{self.prefix}.{topic}")

    def expected(self, topic: str = "touchpoints") -> list[str]:
        """What counting hearts have to say about what is on a topic."""
        counts: Counter[bytes] = Counter()
        outputs = []
        for one in self.read(topic):
            if one.key is None:
                continue
            counts[one.key] += 1
            if counts[one.key] % 10 == 0:
                outputs.append(f"{one.partition} {one.key.decode()} {counts[one.key]} {one.offset}")
        return sorted(outputs)

    def outputs(self) -> list[str]:
        """What they said."""
        return sorted((one.value or b"").decode() for one in self.read("alerts"))

    def settled(self, within_s: float = 40.0) -> None:
        """Wait until the workers have applied all that was sent, then compare."""
        expected = self.expected()
        until("all outputs", lambda: len(self.outputs()) >= len(expected), within_s)
        assert self.outputs() == expected
