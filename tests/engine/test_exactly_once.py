"""The event path on a real Kafka, with workers that are killed, stopped, suspended and joined by others.

What comes out is compared with what has to: nothing missing, nothing twice, nothing wrong.
"""

from __future__ import annotations

import signal
import time
from collections.abc import Iterator
from functools import partial
from pathlib import Path

import pytest

from tests.broker import RealKafka
from tests.engine.workers import Town, Worker, until

pytestmark = pytest.mark.slow  # processes, sessions that have to expire

#: 4 partitions of touchpoints, 4 of reviews, one of metrics.
ALL = 9


def restoring(worker: Worker) -> bool:
    """In the midst of it."""
    return any(
        state == "restoring" and done > 3 for state, _, _, done, _ in worker.status["partitions"].values()
    )


@pytest.fixture
def town(kafka: RealKafka, prefix: str, tmp_path: Path) -> Iterator[Town]:
    with Town(kafka.address, prefix, tmp_path) as town:
        yield town


def test_a_worker_killed_in_the_middle_of_a_stream_is_taken_up_where_it_was(town: Town) -> None:
    worker = town.start()
    until("ready", lambda: worker.status["ready"])
    for gone in town.stream(6, rate=3_000):
        if gone > 1.5 * len(town.workers):
            town.workers[-1].kill()
            town.start()
    assert len(town.workers) >= 4
    town.settled()


def test_workers_share_and_one_leaves_and_one_joins(town: Town) -> None:
    one, two = town.start(), town.start()
    until("both work", lambda: len(one.running) + len(two.running) == ALL and one.running and two.running)
    acted = set()
    third = None
    for gone in town.stream(6, rate=3_000):
        if gone > 1.5 and "leave" not in acted:
            acted.add("leave")
            assert one.stop() == 0
        if gone > 3 and third is None:
            third = town.start()
    assert third is not None
    until("the third has a share", lambda: len(third.running) + len(two.running) == ALL and third.running)
    town.settled()
    assert two.stop() == 0
    assert third.stop() == 0


def test_a_worker_suspended_beyond_its_session_does_no_harm_when_it_wakes(town: Town) -> None:
    one, two = town.start(), town.start()
    until("both work", lambda: len(one.running) + len(two.running) == ALL and one.running and two.running)
    for gone in town.stream(7.5, rate=2_000):
        if 1 < gone < 1.5:
            one.signal(signal.SIGSTOP)
        if 5.5 < gone < 6:
            one.signal(signal.SIGCONT)
    town.settled()
    # It either came back to the group, or found itself fenced and ended.
    assert one.process.poll() in {None, 3}
    assert two.process.poll() is None


def test_a_restore_that_is_killed_begins_again(town: Town) -> None:
    worker = town.start()
    until("ready", lambda: worker.status["ready"])
    for _ in town.stream(2, rate=3_000):
        pass
    town.settled()
    worker.kill()
    for _ in range(2):
        slow = town.start(RESTORE_S="0.03")
        until("some restored", partial(restoring, slow))
        town.send(500)
        slow.kill()
    last = town.start()
    until("ready", lambda: last.status["ready"])
    assert sum(restored for _, restored in last.status["hearts"].values()) > 10
    town.settled()


def test_a_worker_told_to_stop_hands_over_within_three_seconds(town: Town) -> None:
    one, two = town.start(), town.start()
    until("both work", lambda: len(one.running) + len(two.running) == ALL and one.running and two.running)
    stopped = took = 0.0
    for gone in town.stream(3, rate=2_000):
        if gone > 1 and not stopped:
            stopped = time.monotonic()
            one.signal(signal.SIGTERM)
            until("the other one has all", lambda: len(two.running) == ALL and two.status["ready"], 10)
            took = time.monotonic() - stopped
    assert one.process.wait(5) == 0
    assert 0 < took < 3
    town.settled()


def test_partitions_that_stay_with_a_worker_are_not_restored_again(town: Town) -> None:
    one = town.start()
    until("ready", lambda: one.status["ready"])
    town.send(5_000)
    town.settled()
    two = town.start()
    until("both work", lambda: len(one.running) + len(two.running) == ALL and two.running)
    kept = [(len(opened), restored) for opened, restored in one.status["hearts"].values()]
    assert kept
    assert set(kept) == {(1, 0)}  # opened once: the same heart went on
    town.send(5_000)
    town.settled()


def test_a_worker_whose_rest_never_ends_hands_over_and_leaves_it_behind(town: Town) -> None:
    worker = town.start("never-ends")
    until("ready", lambda: worker.status["ready"])
    town.send(400)
    until("it is at work", lambda: "touchpoints/0" in worker.running)
    assert worker.stop() == 0
    assert "handed over; the rest did not close" in worker.log.read_text()
    # Nobody waits for the session of one that has handed over.
    next_one = town.start()
    until("the next one has it all", lambda: next_one.status["ready"], 8)
    town.settled()


def test_a_heart_is_told_exactly_whether_records_wait(town: Town) -> None:
    worker = town.start("ticks")
    until("ready", lambda: worker.status["ready"])
    town.send(400)
    # A tick is written in a transaction, whose marker is the last thing on the partition.
    until("ticks", lambda: sum(ticks for *_, ticks in worker.status["partitions"].values()) >= 4)
    assert worker.stop() == 0
    again = town.start()
    until("ready", lambda: again.status["ready"])
    opened = {opened[0] for opened, _ in again.status["hearts"].values()}
    assert opened == {False}
    assert again.stop() == 0
    town.send(400)
    third = town.start()
    until("ready", lambda: third.status["ready"])
    waiting = {name: opened[0] for name, (opened, _) in third.status["hearts"].items()}
    assert {name for name, waits in waiting.items() if waits} == {f"touchpoints/{n}" for n in range(4)}
    town.settled()


def test_a_quiet_partition_is_ticked_and_a_busy_one_is_not_twice(town: Town) -> None:
    worker = town.start("ticks")
    until("ready", lambda: worker.status["ready"])
    town.send(400)
    until("ticks", lambda: sum(ticks for *_, ticks in worker.status["partitions"].values()) >= 8)
    ticks = [one for one in town.read("touchpoints") if one.key is None]
    assert {one.value for one in ticks} == {b"tick"}
    # CountingHeart wants one a second on each of 4 partitions; more would be ticks that were not waited for.
    time.sleep(3)
    more = [one for one in town.read("touchpoints") if one.key is None]
    assert len(more) - len(ticks) <= 4 * 4
    town.settled()
