"""Workers that are killed, leave and join: what comes out is what it would be if nothing had happened."""

from __future__ import annotations

import signal
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.broker import RealKafka
from tests.integration.processes import Process, processes, until
from tests.integration.shop import EVENTS, Shop

pytestmark = pytest.mark.slow  # processes that start, and a session that has to expire


@pytest.fixture
def shop(kafka: RealKafka, prefix: str, tmp_path: Path) -> Iterator[Shop]:
    with processes(tmp_path) as running:
        yield Shop(kafka.address, prefix, running)


def test_a_worker_that_is_killed_twice_is_as_if_it_had_never_been(shop: Shop) -> None:
    workers = [shop.worker()]
    until("ready", lambda: workers[0].is_ready)
    with shop.offsets() as offsets:
        for _ in shop.stream(5):
            if len(workers) == 1 and sum(offsets.applied().values()) > EVENTS / 4:
                workers[0].kill()
                workers.append(shop.worker())
        if len(workers) == 1:  # on a slow machine it has come less far by now
            until("a quarter is applied", lambda: sum(offsets.applied().values()) > EVENTS / 4)
            workers[0].kill()
            workers.append(shop.worker())
        # It has to wait for the session of the dead one, and then to restore what that one knew.
        until("the second one is at work", lambda: workers[1].says_ready)
        workers[1].kill()
    workers.append(shop.worker())
    shop.done(workers[2:])
    assert workers[2].end() == 0
    assert "Traceback" not in "".join(one.said for one in workers)
    shop.compare()


def test_two_workers_share_and_one_leaves_and_one_joins(shop: Shop) -> None:
    one, two = shop.worker(), shop.worker()
    until("both are ready", lambda: one.is_ready and two.is_ready)
    third: Process | None = None
    for gone in shop.stream(6):
        if gone > 2 and third is None:
            one.process.send_signal(signal.SIGTERM)
            third = shop.worker()
    assert third is not None
    assert one.process.wait(20) == 0
    until("the third has a share", lambda: "lag_events" in third.get("metrics")[1])
    shop.done([two, third])
    assert [two.end(), third.end()] == [0, 0]
    assert "Traceback" not in one.said + two.said + third.said
    shop.compare()
