"""From a worker's /metrics through a real Prometheus and a real Alertmanager to whoever hears of it.

With the shipped rules and routes; time before an alert rings goes 120 times faster. So CxloopDown may ring at the
start: Prometheus takes some seconds until it asks for the first time.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
from prometheus_client import CollectorRegistry, ProcessCollector, generate_latest

from pipeline.observe import Feed, Gauges
from pipeline.observe.timings import Timings
from tests.broker import HOST, free_port
from tests.browser.fakes import FakeBoard, FakeHealth, partition
from tests.deploy.receiver import Receiver, impatient_copy, receiving
from tests.deploy.running import Server, alertmanager, copied, prometheus
from tests.integration.processes import until

FASTER = 120
TOPICS = ("touchpoints", "reviews", "metrics")


@dataclass
class Worker:
    """Says on /metrics what a worker says whose health is `health`, while it is there."""

    address: str = field(default_factory=lambda: f"{HOST}:{free_port()}")
    health: FakeHealth = field(default_factory=lambda: FakeHealth([partition(topic) for topic in TOPICS]))

    def falls_behind(self, by_s: float) -> None:
        """One partition lags."""
        self.health.views[0] = partition("touchpoints", lag=9_000, arrived=time.time() - by_s)

    def catches_up(self) -> None:
        self.health.views[0] = partition("touchpoints")

    @contextmanager
    def there(self) -> Iterator[None]:
        """It answers; behind that nobody does."""
        registry = CollectorRegistry()
        board = FakeBoard(empty=True)
        gauges = Gauges(lambda: board, self.health, feed=Feed())
        ProcessCollector(registry=registry)
        Timings(registry)

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                self.send_response(200)
                self.send_header("content-type", "text/plain; version=0.0.4; charset=utf-8")
                self.end_headers()
                self.wfile.write(generate_latest(gauges.look()) + generate_latest(registry))

            def log_message(self, *_: object) -> None:
                pass

        server = ThreadingHTTPServer((HOST, int(self.address.split(":")[1])), Handler)
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
        thread.start()
        try:
            yield
        finally:
            server.shutdown()
            thread.join()
            server.server_close()


@dataclass(frozen=True)
class Watched:
    """A worker, who watches it, and who hears of it."""

    worker: Worker
    prometheus: Server
    alertmanager: Server
    receiver: Receiver

    def rings(self) -> set[str]:
        """Alerts that ring by Prometheus, without those that always do."""
        found = self.prometheus.get("/api/v1/alerts")["data"]["alerts"]
        return {one["labels"]["alertname"] for one in found if one["state"] == "firing"} - {"CxloopHeartbeat"}

    def muted(self) -> set[tuple[str, str]]:
        """Alerts that Alertmanager keeps to itself, and how bad they are."""
        found = self.alertmanager.get("/api/v2/alerts")
        labels = [one["labels"] for one in found if one["status"]["inhibitedBy"]]
        return {(one["alertname"], one["severity"]) for one in labels}

    def is_calm(self) -> bool:
        """Nothing rings, and whoever heard of something has heard that it is over."""
        heard = self.receiver.heard("on-call")
        over = {(name, "resolved") for name, _ in heard} <= heard
        told = self.titles("platform")
        return not self.rings() and over and all(title.startswith("Over") for title in told[-1:])

    def titles(self, room: str) -> list[str]:
        """What a chat room was told, newest last."""
        return [message["attachments"][0]["title"] for message in self.receiver.of(room)]

    def text(self, room: str) -> str:
        """What the newest message in a chat room says."""
        newest: dict[str, Any] = self.receiver.of(room)[-1]["attachments"][0]
        return str(newest["text"])


@pytest.fixture
def watched(tmp_path: Path) -> Iterator[Watched]:
    worker = Worker()
    with receiving() as receiver, alertmanager(impatient_copy(tmp_path, receiver), tmp_path) as manager:
        config = copied(tmp_path, worker.address, every="250ms", alerts=manager, faster=FASTER)
        with prometheus(config, tmp_path) as server:
            yield Watched(worker, server, manager, receiver)


@pytest.mark.slow  # two servers, and a story that takes its time
def test_what_happens_to_a_worker_reaches_people(watched: Watched) -> None:
    worker, receiver = watched.worker, watched.receiver
    with worker.there():
        until("the heartbeat arrives", lambda: receiver.of("heartbeat"), within_s=15)
        until("all that began before Prometheus had asked anybody is over", watched.is_calm, within_s=15)
        receiver.messages.clear()
        # All is well: longer than most alerts would wait.
        time.sleep(3)
        assert watched.rings() == set()
        assert {to for to, _ in receiver.messages} <= {"heartbeat"}

        worker.falls_behind(by_s=2 * 3600)
        until("the lag arrives", lambda: ("CxloopLag", "firing") in receiver.heard("on-call"), within_s=15)
        until("the chat has it", lambda: watched.titles("platform"), within_s=5)
        (title,) = watched.titles("platform")
        assert title.startswith("Critical: touchpoints/0 is 2h 0m ")
        assert "start more of them, up to the number of partitions" in watched.text("platform")
        assert watched.text("platform").strip().endswith("More: docs/operating.md#it-lags")
        # It is more than five minutes behind, too.
        until("the milder one is muted", lambda: watched.muted() == {("CxloopLag", "warning")}, within_s=5)

        worker.catches_up()
        until(
            "that it is over arrives",
            lambda: ("CxloopLag", "resolved") in receiver.heard("on-call"),
            within_s=15,
        )
        until("the chat has that", lambda: watched.titles("platform")[-1].startswith("Over: "), within_s=5)

    # The worker is gone, and all that follows from it is muted.
    until("that arrives", lambda: ("CxloopDown", "firing") in receiver.heard("on-call"), within_s=15)
    follows = {"CxloopPartitionDown", "CxloopBoardMissing", "CxloopWorkerDown"}
    until("what follows rings", lambda: watched.rings() == {"CxloopDown"} | follows, within_s=15)
    until("and is muted", lambda: {name for name, _ in watched.muted()} == follows, within_s=5)

    with worker.there():
        until("it is over", lambda: ("CxloopDown", "resolved") in receiver.heard("on-call"), within_s=15)
        until("nothing rings", lambda: not watched.rings(), within_s=10)
        until(
            "the chat has that",
            lambda: watched.titles("platform")[-1] == "Over: No worker of cxloop answers.",
            5,
        )

    assert {name for name, _ in receiver.heard("on-call")} == {"CxloopLag", "CxloopDown"}
    assert not any(title.startswith("Warning") for title in watched.titles("platform"))
    assert receiver.of("teams") == []
