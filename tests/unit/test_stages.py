"""Stages that customers reach and pass: none is passed by more than have reached it, whatever is forgotten meanwhile."""

from __future__ import annotations

import json
from dataclasses import replace
from random import Random

import pytest

from pipeline.events.journey import Journey
from pipeline.metrics import counts as c
from pipeline.shard import Shard
from pipeline.span import DAY, HOUR
from tests.hearts import BOTH, feed, log, parts, rule_set
from tests.oracle.reading import rfc3339

STAGES = ("need", "choice", "use")
START = 1_767_600_000_000  # 2026-01-05T08:00:00Z
LATER = START + 10_000 * DAY
VISITS = 400


def shard() -> Shard:
    journey = Journey("test", {stage: stage for stage in STAGES}, STAGES)
    settings = replace(parts(rule_set(" []")).shard, journey=journey)
    return Shard(settings, "shard/0", BOTH, lambda record: {})


def visit(number: int, at: int, stage: str) -> str:
    event = {
        "specversion": "1.0", "id": str(number), "source": "/shop", "type": "cx.touchpoint.visited", "time": rfc3339(at),
        "subject": "anna", "data": {"touchpoint": stage},
    }  # fmt: skip
    return json.dumps(event)


@pytest.mark.parametrize("hours", [2, 12, 120], ids=lambda hours: f"every {hours} h")
@pytest.mark.parametrize("late", [0, 6 * DAY], ids=["in order", "some late"])
@pytest.mark.parametrize("seed", range(5))
def test_nobody_passes_a_stage_twice(hours: int, late: int, seed: int) -> None:
    chance, at, values = Random(f"{hours} {late} {seed}"), START, list[str]()
    for number in range(VISITS):
        at += round(chance.expovariate(1 / hours) * HOUR)
        behind = chance.randrange(late) if late and chance.random() < 0.1 else 0
        (stage,) = chance.choices(
            STAGES, (60, 8, 1)
        )  # to come to the last one takes longer than is remembered
        values.append(visit(number, at - behind, stage))
    counted = feed(shard(), log(values, timestamp=LATER)).counted
    passed = {(end, series): n for (end, series, name), n in counted.items() if name == c.STAGE_PASSED}
    assert passed
    for (end, series), n in passed.items():
        assert n <= counted.get((end, series, c.STAGE_REACHED), 0)
