"""The shards on a real Kafka against the oracle, alert for alert.

The oracle reads the very log that the shards have read, up to where they have: the order of forwarded records,
the broker's timestamps and the ticks that the worker wrote are all in it, so any moment is a good one to compare.
"""

from __future__ import annotations

import asyncio
import json
import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from pipeline import parts
from pipeline.board import Board
from pipeline.effects import ALERTS, DEAD_LETTERS, FOLLOW_UPS, METRICS, REVIEWS, TOUCHPOINTS, Heart
from pipeline.metrics.values import MetricValue
from pipeline.settings import Settings
from tests.broker import RealKafka
from tests.generate import RULES, load
from tests.golden_runner import is_quantile
from tests.integration import oracle_log
from tests.integration.histories import ZONE, History, histories, under
from tests.integration.in_process import running
from tests.integration.kafka_log import LogRecord, Writer, read

#: For each set of rules.
HISTORIES = 4
OUTPUTS = (ALERTS, FOLLOW_UPS, DEAD_LETTERS)
CONFIG = {"message.timestamp.type": "LogAppendTime", "retention.ms": "-1", "max.message.bytes": "4194304"}


@dataclass
class Run:
    """A history that was played: the committed records by topic, and the hearts as they were at the end."""

    log: Mapping[str, list[LogRecord]]
    hearts: Mapping[tuple[str, int], Heart]

    def applied(self, topic: str, partition: int) -> list[LogRecord]:
        """The records of an input that its heart has taken."""
        applied = self.hearts[topic, partition].applied
        return [one for one in self.log[topic] if one.partition == partition and one.offset <= applied]

    def left(self) -> list[LogRecord]:
        """The records of the inputs that no heart has taken; not counting ticks."""
        return [
            one
            for (topic, partition), heart in self.hearts.items()
            for one in self.log[topic]
            if one.partition == partition
            and one.offset > heart.applied
            and b"clock.ticked" not in (one.value or b"")
        ]


def make_topics(kafka: RealKafka, installations: Mapping[str, History]) -> None:
    """All topics at once: one by one takes longer than the test."""
    counts = {}
    for prefix, history in installations.items():
        for topic in (TOUCHPOINTS, REVIEWS):
            counts[f"{prefix}.{topic}"] = counts[f"{prefix}.{topic}.changelog"] = history.partitions
        counts |= {f"{prefix}.{topic}": 1 for topic in (METRICS, f"{METRICS}.changelog", *OUTPUTS)}
    kafka.create_topics(counts, CONFIG)


async def play(broker: str, prefix: str, history: History, rules: Path) -> Run:
    """Send a history, let workers apply it, and read back all that there is."""
    made = parts.build(Settings(prefix=prefix, zone=ZONE), [rules])
    hearts: dict[tuple[str, int], Heart] = {}
    writer = Writer(broker)
    shifts = history.stretches[: history.handover], history.stretches[history.handover :]
    for shift in filter(None, shifts):
        async with running(broker, made, history.partitions) as worker:
            for records in shift:
                await asyncio.to_thread(writer.write, under(prefix, records))
                await worker.settled(writer.last)
            hearts = dict(worker.hearts)
    topics = (TOUCHPOINTS, REVIEWS, METRICS, *OUTPUTS)
    log = await asyncio.to_thread(read, broker, [f"{prefix}.{topic}" for topic in topics])
    return Run({topic: log[f"{prefix}.{topic}"] for topic in topics}, hearts)


@pytest.mark.slow  # several workers that start, settle and stop
@pytest.mark.parametrize("rules", list(RULES))
async def test_the_worker_and_the_oracle_say_the_same(
    rules: str, kafka: RealKafka, prefix: str, tmp_path: Path
) -> None:
    file = tmp_path / "rules.yml"
    file.write_text("rules:" + RULES[rules])
    installations = {f"{prefix}-{n}": one for n, one in enumerate(histories(rules, HISTORIES))}
    make_topics(kafka, installations)
    runs = await asyncio.gather(
        *(play(kafka.address, name, history, file) for name, history in installations.items())
    )
    said = 0
    for run in runs:
        assert not run.left()
        said += len(run.log[ALERTS]) + len(run.log[FOLLOW_UPS])
        compare(load(rules), run)
    assert said, "histories in which nothing is said would agree with anything"


def compare(rules: list[dict[str, Any]], run: Run) -> None:
    shards = [place for place in run.hearts if place[0] != METRICS]
    judge = oracle_log.Judge(rules, ZONE, {place: run.applied(*place) for place in shards})
    judge.read(json.loads(one.value or b"") for one in run.applied(METRICS, 0))
    forwarded = [one for place in shards for one in run.log[place[0]] if one.partition == place[1]]
    assert oracle_log.forwarded(forwarded) == judge.forwarded()
    assert oracle_log.dead_letters(run.log[DEAD_LETTERS]) == judge.dead_letters()
    assert oracle_log.alerts(run.log[ALERTS]) == judge.alerts()
    assert oracle_log.follow_ups(run.log[FOLLOW_UPS]) == judge.follow_ups()
    board = run.hearts[METRICS, 0]
    assert isinstance(board, Board)
    assert differences(judge.values(), board.values()) == []


def differences(expected: Iterable[Mapping[str, Any]], actual: Iterable[MetricValue]) -> list[str]:
    """Where the board's values are not those of the oracle."""
    ours = {(one["metric"], one["window"], one["dimension"], one["value"]): one for one in expected}
    theirs = {(one.metric, one.window, one.dimension, one.value): one for one in actual if one.samples}

    def agree(one: Mapping[str, Any] | None, other: MetricValue | None) -> bool:
        if one is None or other is None:
            return False
        # Quantiles come from a sketch with a relative error of 1 %, and milliseconds at its lower end.
        rough = (0.0101, 1e-3) if is_quantile(other.metric) else (1e-9, 1e-6)
        same = math.isclose(one["result"], other.result, rel_tol=rough[0], abs_tol=rough[1])
        return same and (one["samples"], one["at"]) == (other.samples, other.at)

    return [
        f"{key}: oracle {ours.get(key)}, board {theirs.get(key)}"
        for key in sorted(ours.keys() | theirs.keys())
        if not agree(ours.get(key), theirs.get(key))
    ]
