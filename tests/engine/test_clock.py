"""Ticks by the broker's time, whatever this machine's clock says."""

from __future__ import annotations

import time
from types import SimpleNamespace

import pytest

from pipeline.engine.clock import BrokerClock


def answer(timestamp: int, kind: int = 1) -> SimpleNamespace:
    return SimpleNamespace(timestamp=timestamp, timestamp_type=kind)


def test_before_the_broker_has_told_its_time_it_is_this_machine_s() -> None:
    assert abs(BrokerClock().now() - time.time() * 1000) < 1_000


def test_it_goes_on_from_what_the_broker_stamped_last() -> None:
    clock = BrokerClock()
    clock.heed([answer(5_000_000), None, answer(5_000_007)])
    assert 5_000_007 <= clock.now() < 5_001_000
    clock.heed([answer(1_000)])
    assert 1_000 <= clock.now() < 2_000


def test_stamps_of_producers_say_nothing() -> None:
    clock = BrokerClock()
    clock.heed([answer(1_000, 0), answer(-1, 0)])
    assert clock.now() > 1_000_000


def test_it_does_not_follow_this_machine_s_clock(monkeypatch: pytest.MonkeyPatch) -> None:
    clock = BrokerClock()
    clock.heed([answer(5_000_000)])
    monkeypatch.setattr(time, "time_ns", lambda: 0)
    monkeypatch.setattr(time, "time", lambda: 0.0)
    assert 5_000_000 <= clock.now() < 5_001_000
