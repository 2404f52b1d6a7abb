"""The watchdog: what it takes for the end, and what it does not."""

from __future__ import annotations

import socket
from collections.abc import Iterator

import pytest

from pipeline.engine import Connection, Health
from pipeline.engine.watchdog import Watchdog
from tests.broker import free_port


@pytest.fixture
def answering() -> Iterator[str]:
    """An address where somebody answers."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        yield f"127.0.0.1:{server.getsockname()[1]}"


def looks(dog: Watchdog, count: int) -> list[str | None]:
    return [dog.look() for _ in range(count)]


def never(_reason: str) -> None:
    raise AssertionError


def test_a_poll_loop_that_stands_still_is_the_end(answering: str) -> None:
    health = Health()
    dog = Watchdog(health, Connection(answering), 10, never)
    told = looks(dog, 11)
    assert told[:-1] == [None] * 10
    assert told[-1] == "the poll loop is silent for 10 s"


def test_a_poll_loop_that_moves_is_left_alone(answering: str) -> None:
    health = Health()
    dog = Watchdog(health, Connection(answering), 3, never)
    for _ in range(10):
        health.polled += 0.1
        assert dog.look() is None


def test_a_broker_that_does_not_answer_the_consumer_is_the_end_though_it_is_there(answering: str) -> None:
    health = Health()
    health.assigned("touchpoints", 2).state = "running"
    dog = Watchdog(health, Connection(answering), 10, never)
    told = None
    for _ in range(11):
        health.polled += 0.1
        told = dog.look()
    assert told == "the broker is silent towards our consumer for 10 s"


def test_lag_that_nobody_works_on_is_the_end(answering: str) -> None:
    health = Health()
    one = health.assigned("touchpoints", 2)
    one.state, one.lag = "running", 17
    dog = Watchdog(health, Connection(answering), 10, never)
    told = None
    for _ in range(11):
        health.polled += 0.1
        health.answered += 0.1
        told = dog.look()
    assert told == "touchpoints/2 (running) has a lag of 17 and makes no step for 10 s"


def test_a_partition_without_lag_may_rest(answering: str) -> None:
    health = Health()
    health.assigned("touchpoints", 2).state = "running"
    dog = Watchdog(health, Connection(answering), 2, never)
    for _ in range(10):
        health.polled += 0.1
        health.answered += 0.1
        assert dog.look() is None


def test_a_restore_that_stands_still_is_the_end(answering: str) -> None:
    health = Health()
    one = health.assigned("reviews", 0)
    one.state = "restoring"
    dog = Watchdog(health, Connection(answering), 4, never)
    told = None
    for _ in range(5):
        health.polled += 0.1
        told = dog.look()
    assert told is not None
    assert "reviews/0 (restoring)" in told


def test_those_that_wait_while_another_restores_are_left_alone(answering: str) -> None:
    health = Health()
    health.assigned("reviews", 0)
    slow = health.assigned("reviews", 1)
    slow.state = "restoring"
    dog = Watchdog(health, Connection(answering), 4, never)
    for _ in range(20):
        health.polled += 0.1
        slow.progress += 0.1
        assert dog.look() is None
    told = None
    for _ in range(4):
        health.polled += 0.1
        told = dog.look()
    assert told == "reviews/1 (restoring) makes no step for 4 s"


def test_while_no_broker_answers_it_waits_and_tells(caplog: pytest.LogCaptureFixture) -> None:
    address = f"127.0.0.1:{free_port()}"
    health = Health(joined=True)
    dog = Watchdog(health, Connection(address), 3, never)
    with caplog.at_level("INFO", "pipeline.engine"):
        assert looks(dog, 10) == [None] * 10
        assert (health.broker, health.ready) == (f"no broker answers at {address}: Connection refused", False)
        health.polled += 1
        health.answered += 1
        assert dog.look() is None
    assert (health.broker, health.ready) == (None, True)
    gone = f"no broker answers at {address}: Connection refused; waiting for it"
    assert caplog.messages == [gone, "the broker answers again"]


def test_who_stands_by_notices_too_that_no_broker_answers() -> None:
    address = f"127.0.0.1:{free_port()}"
    health = Health(joined=True)
    dog = Watchdog(health, Connection(address), 120, never)
    for _ in range(6):
        health.polled += 0.1
        assert dog.look() is None
    assert health.unready() == [f"no broker answers at {address}: Connection refused"]


def test_what_stands_still_is_not_ready_long_before_it_is_the_end(answering: str) -> None:
    health = Health(joined=True)
    one = health.assigned("touchpoints", 2)
    one.state, one.lag = "running", 17
    dog = Watchdog(health, Connection(answering), 120, never)
    for _ in range(16):
        health.polled += 0.1
        health.answered += 0.1
        assert dog.look() is None
    assert health.unready() == ["touchpoints/2 (running) has a lag of 17 and makes no step for 15 s"]
    one.moved()
    assert dog.look() is None
    assert health.ready
