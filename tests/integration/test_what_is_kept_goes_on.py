"""A heart that is restored, or kept while its partition was away, goes on as if nothing had been."""

from __future__ import annotations

import asyncio
import json
from collections import Counter
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import pytest

from pipeline import parts
from pipeline.effects import METRICS, TOUCHPOINTS, Effects
from pipeline.metrics.fold import Counted
from pipeline.settings import Settings
from tests import boards
from tests.broker import RealKafka
from tests.integration.bad_records import event
from tests.integration.in_process import Running, make_topics, running
from tests.integration.kafka_log import LogRecord, Sending, read, write

MINUTE = 60_000
NINE = int(datetime(2026, 3, 2, 9, tzinfo=UTC).timestamp() * 1000)
RULES = """
rules:
  - id: low-score
    summary: A customer would not recommend us.
    when: {event: survey.answered, nps: "<= 6"}
    alert: warning
  - id: csat-low
    summary: Customers are not satisfied.
    when: {metric: csat, over: 24h, is: "<= 3"}
    alert: warning
"""


@pytest.fixture
def made(tmp_path: Path) -> Callable[[str], parts.Parts]:
    """The parts of an installation."""
    rules = tmp_path / "rules.yml"
    rules.write_text(RULES)
    return lambda prefix: parts.build(Settings(prefix=prefix), [rules])


def told(offset: int, watermark: int, *counts: Counted) -> LogRecord:
    """What a shard tells the board."""
    value = boards.record("touchpoints/0", offset, boards.segment(watermark, counts))
    return LogRecord(METRICS, 0, offset, NINE, None, value, ())


def fired(effects: Effects) -> list[str]:
    return [json.loads(output.value)["time"] for output in effects.outputs]


def test_late_counts_are_judged_at_the_next_pane_though_the_board_moved_in_between(
    made: Callable[[str], parts.Parts],
) -> None:
    board, again = (made("x").heart(METRICS, 0) for _ in range(2))
    board.opened(False)
    late: Counted = (NINE - 60 * MINUTE, (), {"csat_count": 1, "csat_sum": 1})
    before = [board.apply([one]) for one in (told(0, NINE + 1), told(1, NINE + 1, late))]
    for effects in before:
        for value in effects.changelog:
            again.restore(value)
    again.opened(False)
    behind = told(2, NINE + 30 * MINUTE)
    assert fired(board.apply([behind])) == fired(again.apply([behind])) == ["2026-03-02T09:05:00Z"]


async def test_a_partition_that_stays_with_a_worker_still_knows_what_it_has_seen(
    made: Callable[[str], parts.Parts], kafka: RealKafka, prefix: str
) -> None:
    make_topics(kafka.address, {prefix: 2})
    surveys = [
        Sending(f"{prefix}.{TOUCHPOINTS}", event(id=f"s-{n}", subject=f"c-{n}"), f"c-{n}".encode())
        for n in range(20)
    ]
    async with running(kafka.address, made(prefix), 2) as one:
        await one.settled(write(kafka.address, surveys))
        watermarks = {place: heart.watermark for place, heart in one.hearts.items()}
        async with running(kafka.address, made(prefix), 2) as other:
            await shared(one, other)
            for worker in (one, other):
                for place, heart in worker.hearts.items():
                    assert (heart.watermark or 0) >= (watermarks[place] or 0)
            await asyncio.to_thread(write, kafka.address, surveys)
            await shared(one, other)
            await asyncio.sleep(1)  # for what must not happen
    alerts = read(kafka.address, [f"{prefix}.alerts"])[f"{prefix}.alerts"]
    assert Counter(json.loads(alert.value or b"")["subject"] for alert in alerts) == {
        f"c-{n}": 1 for n in range(20)
    }


async def shared(one: Running, other: Running) -> None:
    """Wait until two workers share the partitions, and nothing waits."""
    for _ in range(200):
        await asyncio.sleep(0.1)
        assert not one.fatal + other.fatal
        both = [*one.path.health.partitions.values(), *other.path.health.partitions.values()]
        halves = one.path.health.partitions and other.path.health.partitions
        if halves and len(both) == 5 and all(p.state == "running" and p.lag == 0 for p in both):
            return
    raise AssertionError("they do not share the partitions")
