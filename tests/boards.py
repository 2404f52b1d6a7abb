"""Boards and what shards tell them, for tests."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from typing import Any, NamedTuple

import msgspec

from pipeline.effects import ALERTS
from pipeline.metrics.fold import Counted, Fold
from pipeline.metrics.segment import MetricsRecord, Segment
from pipeline.rules.compiled import RuleSet
from tests.hearts import Fed, board, feed, log, rule_set
from tests.naive_board import Count, Series
from tests.oracle.reading import ms, rfc3339

NOON = ms("2025-03-05T12:00:00Z")  # a Wednesday
NONE = rule_set(" []")
TILL: Series = (("touchpoint", "till"),)
CHECKOUT: Series = (("touchpoint", "checkout"),)

LOW = """
  - id: low
    summary: NPS is low.
    when: {metric: nps, over: 24h, is: "< 0"}
    alert: warning
"""


def up(n: int = 1) -> dict[str, int]:
    return {"nps_promoters": n}


def down(n: int = 1) -> dict[str, int]:
    return {"nps_detractors": n}


class segment(NamedTuple):  # noqa: N801 - it is written like a value
    """Counts, the watermark that they lead to, and levels."""

    watermark: int | None
    counts: Iterable[Counted] = ()
    levels: Sequence[tuple[str, str, int]] = ()


def record(shard: str, offset: int, *segments: segment) -> bytes:
    """What a shard hands over."""
    fold = Fold()
    told = [Segment(one.watermark, fold.rows(one.counts), list(one.levels)) for one in segments]
    return msgspec.json.encode(MetricsRecord(shard, offset, told, fold.series, fold.names))


def told(rules: RuleSet, *segments: tuple[Sequence[Count], int | None]) -> tuple[Any, list[tuple[str, str]]]:
    """One shard's segments, a record each: the board, and (what, time) of its alerts."""
    one = board(rules)
    records = [
        record(
            "s/0",
            number,
            segment(watermark, [(end, series, dict(counts)) for end, series, counts in counted]),
        )
        for number, (counted, watermark) in enumerate(segments)
    ]
    return one, alerts(feed(one, log(records), range(len(records))))


def alerts(fed: Fed) -> list[tuple[str, str]]:
    events = [json.loads(value) for topic, _, value in fed.outputs if topic == ALERTS]
    return [(event["data"].get("code", "fired"), event["time"]) for event in events]


def value(one: Any, window: str = "24h", series: str = "") -> tuple[float, int] | None:
    found = [v for v in one.values() if (v.metric, v.window, v.value) == ("nps", window, series)]
    return (found[0].result, found[0].samples) if found else None


def at(text: str) -> str:
    return f"2025-03-{text}:00Z"


def survey(number: int, time: int, **data: Any) -> bytes:
    return json.dumps({
        "specversion": "1.0", "id": f"s{number}", "source": "/test", "type": "cx.survey.answered", "time": rfc3339(time),
        "subject": "cust-1", "data": data,
    }).encode()  # fmt: skip
