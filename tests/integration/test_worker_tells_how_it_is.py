"""What a worker says of itself while it works on a real Kafka: /readyz, /healthz and /metrics."""

from __future__ import annotations

import json
import re
import subprocess
import uuid
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from prometheus_client.parser import text_string_to_metric_families

from tests.broker import RealKafka
from tests.deploy.programs import program
from tests.integration.in_process import make_topics
from tests.integration.kafka_log import Sending, write
from tests.integration.processes import Process, cxloop, processes, until

PREFIX = f"t{uuid.uuid4().hex[:8]}"
PARTITIONS = 2
PLACES = {(topic, str(number)) for topic in ("touchpoints", "reviews") for number in range(PARTITIONS)}
MORNING = datetime(2026, 3, 2, 9, tzinfo=UTC)
#: One a minute: 19 detractors and 9 promoters.
SURVEYS = 28


def event(name: str, kind: str, minute: int, subject: str, **data: Any) -> bytes:
    time = (MORNING + timedelta(minutes=minute)).isoformat()
    whole = {"specversion": "1.0", "id": name, "source": "/test", "type": f"cx.{kind}", "time": time}
    return json.dumps({**whole, "subject": subject, "data": data}).encode()


def survey(minute: int) -> bytes:
    return event(f"s-{minute}", "survey.answered", minute, f"customer-{minute}", nps=(2, 6, 10)[minute % 3])


def review(number: int, minute: int) -> bytes:
    data = {"review_id": f"r-{number}", "rating": number}
    return event(f"r-{number}", "review.posted", minute, f"reader-{number}", **data)


def customers() -> Iterator[Sending]:
    """All on one partition, so that what is late there is late for sure."""
    values = [
        *map(survey, range(SURVEYS)),
        *map(survey, range(3)),  # again
        *(event(f"late-{n}", "touchpoint.visited", n, f"customer-{n}", touchpoint="home") for n in range(2)),
        b"{",
        b"null",
        event("wrong", "survey.answered", 20, "customer-1", nps=11),
    ]
    for value in values:
        yield Sending(f"{PREFIX}.touchpoints", value, b"key", (), 1)


def reviews() -> Iterator[Sending]:
    """Two days behind the others nobody has answered the two bad ones."""
    for number, minute in ((1, 0), (2, 1), (3, 2), (4, 3), (5, 2 * 24 * 60)):
        yield Sending(f"{PREFIX}.reviews", review(number, minute), b"key", (), 0)


@dataclass(frozen=True)
class Told:
    """The samples of /metrics: labels and value, by name."""

    text: str
    samples: dict[str, list[tuple[dict[str, str], float]]]

    def by(self, name: str, *labels: str, **where: str) -> Counter[tuple[str, ...]]:
        """Sums by some labels, where others are as said; without those that are 0."""
        total: Counter[tuple[str, ...]] = Counter()
        for found, value in self.samples.get(name, ()):
            if where.items() <= found.items():
                total[tuple(found[label] for label in labels)] += int(value)
        return Counter({key: value for key, value in total.items() if value})


def metrics(worker: Process) -> Told:
    status, text = worker.get("metrics")
    assert status == 200
    samples: dict[str, list[tuple[dict[str, str], float]]] = {}
    for family in text_string_to_metric_families(text):
        for sample in family.samples:
            samples.setdefault(sample.name, []).append((sample.labels, sample.value))
    return Told(text, samples)


@dataclass(frozen=True)
class Started:
    """A worker, and what /readyz and /healthz answered from the first moment until it was ready."""

    worker: Process
    ready: list[tuple[int, str]]
    healthy: list[tuple[int, str]]


@pytest.fixture(scope="module")
def started(kafka: RealKafka, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Started]:
    make_topics(kafka.address, {PREFIX: PARTITIONS})
    with processes(tmp_path_factory.mktemp("worker")) as some:
        worker = some.worker(kafka.address, PREFIX, "--partitions", str(PARTITIONS))
        one = Started(worker, [], [])

        def is_ready() -> bool:
            assert worker.process.poll() is None
            one.healthy.append(worker.get("healthz"))
            one.ready.append(worker.get("readyz"))
            return one.ready[-1][0] == 200

        until("it is ready", is_ready, every_s=0.02)
        yield one


@pytest.fixture(scope="module")
def told(started: Started, kafka: RealKafka) -> Told:
    """What it says when it has worked off everything, and what came of it."""
    write(kafka.address, customers())
    # The board's time is that of the shards which have one: first of those that are two days behind.
    until("the board has values", lambda: metrics(started.worker).by("cxloop_metric_samples"))
    write(kafka.address, reviews())

    def all_of_it() -> bool:
        now = metrics(started.worker)
        handed_over = now.by("cxloop_events_total", "type", topic="touchpoints")["cx.alert.fired",]
        opened = now.by("cxloop_followups_open", "team")["reputation",]
        return (handed_over, opened) == (2, 2) and not now.by("cxloop_lag_events")

    until("everything is applied", all_of_it)
    return metrics(started.worker)


def test_it_is_ready_once_it_has_its_partitions(started: Started) -> None:
    assert {status for status, _ in started.ready} <= {0, 503, 200}
    for status, text in started.ready:
        if status == 503:
            assert json.loads(text)["reasons"]
    up = metrics(started.worker).by("cxloop_partition_up", "topic", "partition")
    assert up == Counter(dict.fromkeys(PLACES | {("metrics", "0")}, 1))


def test_it_is_alive_from_the_first_moment(started: Started) -> None:
    assert {status for status, _ in started.healthy} <= {0, 200}


def test_its_counters_are_right(told: Told) -> None:
    by_type = told.by("cxloop_events_total", "topic", "type")
    del by_type["touchpoints", "cx.clock.ticked"], by_type["reviews", "cx.clock.ticked"]
    assert by_type == {
        ("touchpoints", "cx.survey.answered"): SURVEYS,
        ("touchpoints", "cx.touchpoint.visited"): 2,
        ("touchpoints", "cx.review.posted"): 5,  # copies
        ("touchpoints", "cx.alert.fired"): 2,
        ("reviews", "cx.review.posted"): 5,
    }
    assert told.by("cxloop_rejected_total", "reason") == {("json.invalid",): 1, ("field.wrong",): 2}
    assert told.by("cxloop_duplicates_total") == {(): 3}
    assert told.by("cxloop_late_total") == {(): 2}
    assert told.by("cxloop_alerts_fired_total", "rule") == {
        ("detractor-follow-up",): 19,
        ("negative-review-unanswered",): 2,
    }
    assert told.by("cxloop_followups_opened_total", "rule") == {
        ("detractor-follow-up",): 19,
        ("negative-review-unanswered",): 2,
    }


def test_it_observes_its_steps_its_transactions_and_itself(told: Told) -> None:
    for what in ("step", "transaction"):
        assert told.by(f"cxloop_{what}_records_sum", "topic")["touchpoints",] >= SURVEYS
        assert told.by(f"cxloop_{what}_seconds_count", "topic").keys() == {
            ("touchpoints",), ("reviews",), ("metrics",)
        }  # fmt: skip
    assert re.fullmatch(r"\w{12}", told.samples["cxloop_rules_info"][0][0]["version"])
    assert told.by("process_resident_memory_bytes") > Counter({(): 50_000_000})


def test_its_gauges_are_right(told: Told) -> None:
    assert told.by("cxloop_followups_open", "team") == {("care",): 19, ("reputation",): 2}
    where = {"window": "24h", "dimension": "total"}
    # The watermark is at 09:22, so the panes up to 09:20 are judged.
    assert told.by("cxloop_metric_samples", "metric", **where)["nps",] == 21
    (nps,) = [value for labels, value in told.samples["cxloop_nps"] if where.items() <= labels.items()]
    assert nps == pytest.approx(100 * (7 - 14) / 21)
    assert told.by("cxloop_worker_ready") == {(): 1}
    assert told.by("cxloop_worker_alive") == {(): 1}


def test_what_has_not_happened_yet_is_there_as_0(told: Told) -> None:
    rules = {labels["rule"] for labels, _ in told.samples["cxloop_alerts_fired_total"]}
    assert {"promise-broken", "case-reopened-twice", "nps-low-at-touchpoint"} <= rules


def test_no_customer_is_a_label(told: Told) -> None:
    assert "customer-" not in told.text
    assert "reader-" not in told.text


def test_promtool_finds_nothing_to_mend(told: Told) -> None:
    done = subprocess.run(
        [program("promtool"), "check", "metrics"],
        input=told.text,
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


def test_its_rules_have_score_cards(started: Started, told: Told) -> None:
    done = cxloop("rules", "--worker", started.worker.url, "--json")
    assert done.code == 0, done.said
    cards = {one["id"]: one for one in json.loads(done.out)}
    card = cards["negative-review-unanswered"]
    assert (card["alerts"], card["followups"], card["followups_closed"]) == (2, 2, 0)
    assert told.by("cxloop_rule_alerts", "rule") == Counter(
        {(name,): one["alerts"] for name, one in cards.items() if one["alerts"]}
    )
    table = cxloop("rules", "--worker", started.worker.url)
    assert "negative-review-unanswered" in table.out


def test_it_says_what_it_remembers_of_a_rule_and_a_review(started: Started, told: Told) -> None:
    asked = ("--worker", started.worker.url)
    done = cxloop("explain", "negative-review-unanswered", "r-1", *asked)
    assert done.code == 0, done.said
    assert "r-1 began" in done.out
    assert "has fired" in done.out
    nothing = cxloop("explain", "negative-review-unanswered", "r-99", *asked)
    assert "nothing is remembered here; this worker has reviews/0, reviews/1, touchpoints/0" in nothing.out
    wrong = cxloop("explain", "negative-reviews", "r-1", *asked)
    assert (wrong.code, wrong.err) == (1, 'there is no rule "negative-reviews" here\n')
