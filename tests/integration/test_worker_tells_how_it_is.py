"""What a worker says of itself while it works on a real Kafka: /readyz, /healthz and /metrics."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from prometheus_client.parser import text_string_to_metric_families

from tests.broker import RealKafka
from tests.integration.in_process import make_topics
from tests.integration.kafka_log import Sending, write
from tests.integration.processes import Process, processes, until

PARTITIONS = 2
PLACES = {("touchpoints", "0"), ("touchpoints", "1"), ("reviews", "0"), ("reviews", "1"), ("metrics", "0")}


def event(number: int, kind: str, minute: int, subject: str | None, **data: Any) -> bytes:
    whole = {"specversion": "1.0", "id": f"e-{number}", "source": "/test", "type": f"cx.{kind}", "data": data}
    about = {} if subject is None else {"subject": subject}
    return json.dumps({**whole, **about, "time": f"2026-03-02T{9 + minute // 60:02}:{minute % 60:02}:00Z"}).encode()


def records(prefix: str) -> Iterator[Sending]:
    """What the worker gets: all of a topic on one partition, so that what is late is late for sure."""

    def touchpoint(value: bytes) -> Sending:
        return Sending(f"{prefix}.touchpoints", value, b"key", (), 1)

    def review(value: bytes) -> Sending:
        return Sending(f"{prefix}.reviews", value, b"key", (), 0)

    for n in range(30):  # ten of them detractors
        yield touchpoint(event(n, "survey.answered", n, f"customer-{n}", nps=n % 3 * 4 + 2, touchpoint="checkout"))
    for n in range(3):
        yield touchpoint(event(n, "survey.answered", n, f"customer-{n}", nps=n % 3 * 4 + 2, touchpoint="checkout"))
    for n in range(2):  # half an hour late
        yield touchpoint(event(100 + n, "touchpoint.visited", n, f"customer-{n}", touchpoint="home"))
    yield touchpoint(b"{")
    yield touchpoint(b"[")
    yield touchpoint(event(200, "survey.answered", 29, "customer-1", nps=11))
    for n in range(5):
        yield review(event(300 + n, "review.posted", n, f"customer-{n}", review_id=f"r-{n}", rating=n + 1))
    # Two days later nobody has answered the two bad ones; only the review's own partition knows of that day.
    yield review(event(400, "review.posted", 48 * 60, None, review_id="r-late", rating=5))


@dataclass
class Told:
    """The samples of /metrics, by name and labels."""

    text: str
    samples: dict[str, list[tuple[dict[str, str], float]]]

    def by(self, name: str, *labels: str) -> Counter[tuple[str, ...]]:
        """Sums by labels, of what is not 0."""
        total: Counter[tuple[str, ...]] = Counter()
        for found, value in self.samples[name]:
            total[tuple(found[label] for label in labels)] += value  # type: ignore[assignment]
        return Counter({key: int(value) for key, value in total.items() if value})


def metrics(worker: Process) -> Told:
    status, text = worker.get("metrics")
    assert status == 200
    samples: dict[str, list[tuple[dict[str, str], float]]] = {}
    for family in text_string_to_metric_families(text):
        for sample in family.samples:
            samples.setdefault(sample.name, []).append((sample.labels, sample.value))
    return Told(text, samples)


@pytest.fixture(scope="module")
def worker(kafka: RealKafka, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Process]:
    """A worker that is ready, and has got nothing yet."""
    prefix = "how-it-is"
    make_topics(kafka.address, {prefix: PARTITIONS})
    with processes(tmp_path_factory.mktemp("worker")) as some:
        one = some.worker(kafka.address, prefix, "--partitions", str(PARTITIONS))
        answers = []

        def is_ready() -> bool:
            answers.append(one.get("readyz"))
            return answers[-1][0] == 200

        until("it is ready", is_ready, every_s=0.02)
        one.answers = answers  # type: ignore[attr-defined]
        yield one


@pytest.fixture(scope="module")
def told(worker: Process, kafka: RealKafka) -> Told:
    """What it says when it has worked off everything."""
    sent = write(kafka.address, records("how-it-is"))
    expected = {(topic.rpartition(".")[2], str(number)): last for (topic, number), last in sent.items()}

    def is_done() -> Told | None:
        now = metrics(worker)
        applied = now.by("cxloop_applied_offset", "topic", "partition")
        forwarded = now.by("cxloop_events_total", "topic", "type")["touchpoints", "cx.review.posted"]
        lag = now.by("cxloop_lag_events")
        done = all(applied[place] >= last for place, last in expected.items()) and forwarded == 5
        return now if done and not lag and now.by("cxloop_metric_samples") else None

    found = until("everything is applied", is_done)
    assert isinstance(found, Told)
    return found
