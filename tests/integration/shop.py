"""An installation whose customers are busy, and whose outputs can be compared with what they should be.

They are what hearts say that nobody ever interrupts, to the very log that the workers have read, forwarded records
and ticks included: so every byte of every output can be compared.
"""

from __future__ import annotations

import itertools
import re
import time
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from zoneinfo import ZoneInfo

from bench.load import START, drawn_of, events
from pipeline import parts
from pipeline.effects import ALERTS, DEAD_LETTERS, FOLLOW_UPS, METRICS, REVIEWS, TOUCHPOINTS
from pipeline.settings import Settings
from tests.integration import uninterrupted
from tests.integration.in_process import make_topics
from tests.integration.kafka_log import LogRecord, Sending, Writer, read
from tests.integration.offsets import Offsets
from tests.integration.processes import Process, Processes, until

PARTITIONS = 2
EVENTS = 40_000
CUSTOMERS = 4_000
INPUTS = [(topic, number) for topic in (TOUCHPOINTS, REVIEWS) for number in range(PARTITIONS)] + [
    (METRICS, 0)
]
TOPICS = (TOUCHPOINTS, REVIEWS, METRICS, ALERTS, FOLLOW_UPS, DEAD_LETTERS)


class Shop:
    """An installation whose customers are busy. A context of its processes."""

    def __init__(self, broker: str, prefix: str, running: Processes, seed: int = 11) -> None:
        self.broker, self.prefix, self._running, self._seed = broker, prefix, running, seed
        #: Where the workers find the broker.
        self.door = broker
        #: When the first customers come, and whose business hours the shop keeps.
        self.start, self.zone = START, ZoneInfo("UTC")
        self._writer = Writer(broker)
        make_topics(broker, {prefix: PARTITIONS})

    def worker(self, *options: str, env: Mapping[str, str] | None = None) -> Process:
        given = "--partitions", str(PARTITIONS), "--zone", str(self.zone)
        return self._running.worker(self.door, self.prefix, *given, *options, env=env)

    def write(self, records: Iterable[Sending]) -> None:
        """Write something besides."""
        self._writer.write(records)

    def stream(self, seconds: float) -> Iterator[float]:
        """Send everything within so many seconds; gives the seconds gone, to break things in between."""
        began = time.monotonic()
        records = (
            Sending(f"{self.prefix}.{topic}", value.encode(), key.encode())
            for topic, key, value in events(
                EVENTS, seed=self._seed, start=self.start, who=drawn_of(CUSTOMERS)
            )
        )
        sent = 0
        while sent < EVENTS:
            gone = time.monotonic() - began
            due = min(EVENTS, int(EVENTS * gone / seconds) + 1) - sent
            self._writer.write(itertools.islice(records, due))
            sent += due
            yield gone
            time.sleep(0.05)

    def offsets(self) -> Offsets:
        return Offsets(self.broker, self.prefix, INPUTS)

    def done(self, workers: Sequence[Process]) -> None:
        """Wait until the workers have applied all that was sent, and all that came of it."""

        def is_done() -> bool:
            with self.offsets() as offsets:
                applied = offsets.applied()
            sent = self._writer.last.items()
            return all(
                applied[topic.removeprefix(f"{self.prefix}."), number] >= last
                for (topic, number), last in sent
            ) and all(map(has_no_lag, workers))

        until("everything is applied", is_done, 60, every_s=0.5)
        until("what came of it too", is_done, 60, every_s=0.5)

    def log(self) -> dict[str, list[LogRecord]]:
        """Everything that is committed, by topic without prefix."""
        found = read(self.broker, [f"{self.prefix}.{topic}" for topic in TOPICS])
        return {topic: found[f"{self.prefix}.{topic}"] for topic in TOPICS}

    def compare(self) -> int:
        """Compare all outputs with what they should be. Returns how many there are."""
        with self.offsets() as offsets:
            applied = offsets.applied()
        log = self.log()
        said = uninterrupted.run(parts.build(Settings(prefix=self.prefix, zone=self.zone)), log, applied)
        for topic in (ALERTS, FOLLOW_UPS, DEAD_LETTERS):
            expected = said.outputs.get(topic, Counter()) + said.by_board.get(topic, Counter())
            assert same(uninterrupted.committed(log[topic]), expected), topic
        copies = [one for one in log[TOUCHPOINTS] if b'"forwardedfrom"' in (one.value or b"")]
        assert same(uninterrupted.committed(copies), said.outputs[TOUCHPOINTS])
        assert uninterrupted.counts(one.value for one in log[METRICS]) == said.counts
        # Something happened at all.
        assert len(log[ALERTS]) > 500
        assert len(log[FOLLOW_UPS]) > 500
        assert len(copies) > 500
        return sum(len(log[topic]) for topic in (ALERTS, FOLLOW_UPS, DEAD_LETTERS)) + len(copies)


def same(actual: Counter[uninterrupted.Said], expected: Counter[uninterrupted.Said]) -> bool:
    """Whether they are; if not, some of the difference is printed: all of it would be too much."""
    for what, lines in (("missing", expected - actual), ("too many", actual - expected)):
        print(f"{what}: {sum(lines.values())}", *list(lines)[:3], sep="\n  ")
    return actual == expected


def has_no_lag(worker: Process) -> bool:
    """Of no partition, and it is known of all of them."""
    _, text = worker.get("metrics")
    lags, partitions = _figures(text, "cxloop_lag_events"), _figures(text, "cxloop_partition_up")
    return len(lags) == len(partitions) > 0 and not any(lags)


def figures(worker: Process, metric: str) -> list[float]:
    """A metric of a worker, once for each of its labels; nothing while it does not answer."""
    _, text = worker.get("metrics")
    return _figures(text, metric)


def _figures(text: str, metric: str) -> list[float]:
    return [float(one) for one in re.findall(rf"^{metric}(?:\{{.*\}})? (\S+)$", text, re.MULTILINE)]
