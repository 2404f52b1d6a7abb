"""The log of a worker: one line a thing that a person would want to know, and nothing that a customer said."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from functools import partial
from pathlib import Path

import pytest

from pipeline.effects import REVIEWS, TOUCHPOINTS
from tests.broker import RealKafka
from tests.integration.bad_records import CASES, neighbour
from tests.integration.in_process import make_topics
from tests.integration.kafka_log import Sending, write
from tests.integration.processes import ROOT, Process, processes, until
from tests.integration.shop import has_no_lag

#: Each is in ids, names or texts of what is sent.
SAID_BY_CUSTOMERS = (
    "somebody",
    "neighbour",
    "good-",
    "review-",
    "twice",
    "moon.landed",
    "binary mode",
    "xxx",
)


def lines(worker: Process) -> list[dict[str, str]]:
    """Each is JSON, and has been written at once."""
    return [json.loads(line) for line in worker.said.splitlines()]


@pytest.fixture(scope="module")
def logs(kafka: RealKafka, tmp_path_factory: pytest.TempPathFactory) -> list[list[dict[str, str]]]:
    """Of a worker that took poison and good records, and of the one that went on from its state."""
    prefix = f"t{tmp_path_factory.mktemp('log').name.replace('-', '')}"
    make_topics(kafka.address, {prefix: 1})
    sendings = []
    for topic in (TOUCHPOINTS, REVIEWS):
        for number, case in enumerate(CASES):
            sendings.append(Sending(f"{prefix}.{topic}", neighbour(number, topic).value, b"good", (), 0))
            sendings.append(Sending(f"{prefix}.{topic}", case.value, case.key, case.headers, 0))
    sent = write(kafka.address, sendings)
    found = []
    home: Path = tmp_path_factory.mktemp("worker")
    with processes(home) as some:
        for _ in range(2):
            worker = some.worker(kafka.address, prefix, "--partitions", "1", "--log-json")
            until("it is ready", partial(getattr, worker, "is_ready"))
            until("nothing waits", partial(has_no_lag, worker))
            assert applied(worker) >= sent[f"{prefix}.{REVIEWS}", 0]
            assert worker.end() == 0
            found.append(lines(worker))
    return found


def applied(worker: Process) -> int:
    """The offset to which reviews are."""
    found = re.findall(
        r'^cxloop_applied_offset\{.*"reviews"\} (\S+)$', worker.get("metrics")[1], re.MULTILINE
    )
    return int(float(found[0]))


def test_it_tells_what_a_person_wants_to_know_and_no_more(logs: list[list[dict[str, str]]]) -> None:
    first, second = ([one["event"] for one in log if one["logger"].startswith("pipeline")] for log in logs)
    ours = [
        r"\d+ rules, version \w+; broker \S+, topics \w+\.\*",
        r"status page on http://\S+",
        r"partitions: metrics/0, reviews/0, touchpoints/0",
        r"\[\^Worker\]: Signal received: 15 \(15\)",
        r"handed over",
    ]
    assert len(first) == len(ours)
    assert all(map(re.fullmatch, ours, first)), first
    restored = [one for one in second if re.fullmatch(r"\w+/0: restored, \d+ offsets in \d+\.\d s", one)]
    assert len(restored) == 3
    assert len(second) == len(ours) + len(restored)


def test_each_line_says_when_how_bad_and_who(logs: list[list[dict[str, str]]]) -> None:
    for one in (*logs[0], *logs[1]):
        assert {"event", "level", "timestamp", "logger", "process"} <= one.keys()


def test_nothing_that_a_customer_said_is_in_it(logs: list[list[dict[str, str]]]) -> None:
    text = json.dumps(logs)
    assert [word for word in SAID_BY_CUSTOMERS if word in text] == []


@pytest.mark.parametrize("level", ["INFO", "WARNING"])
def test_an_error_in_the_line_of_a_library_quotes_nobody(level: str) -> None:
    crash = f"""
import logging
from pipeline.cli import logs
logs.configure(logging.{level}, as_json=True)
try:
    {{}}["customer-7"]
except KeyError as error:
    logging.getLogger("mode").exception("Crashed reason=%r", error)
"""
    done = subprocess.run(
        [sys.executable, "-c", crash], cwd=ROOT, capture_output=True, text=True, timeout=60, check=True
    )
    place = "KeyError at __main__:6"
    assert json.loads(done.stderr)["event"] == f"Crashed reason={place!r}: {place}"
