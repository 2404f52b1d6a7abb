"""Generated histories as records to send: the same ones each time, or with `CXLOOP_EXPLORE=1` new ones."""

from __future__ import annotations

import json
import os
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from hypothesis import HealthCheck, Phase, given, settings

from pipeline.partitioner import partition_of
from tests.generate import Step, steps, tell
from tests.integration.kafka_log import Sending
from tests.oracle.reading import DAY, rfc3339

ZONE = "Europe/Amsterdam"
#: So many are drawn for one that is told.
DRAWN_FOR_ONE = 15
EXPLORE = bool(os.environ.get("CXLOOP_EXPLORE"))


#: Shards do not read at the same speed, and copies of reviews are never too late: one could arrive when its
#: customer's shard has forgotten by rule what it needs to know, which the oracle never does. So behind a leap of
#: event time all is applied first; and reviews that are FAR behind are left out.
LEAP, FAR = 2 * DAY, 6 * DAY


@dataclass(frozen=True)
class History:
    """Records of one installation. stretches: each is sent when the one before is applied.

    handover: before this stretch another worker takes over; 0: never.
    """

    rules: str
    partitions: int
    stretches: list[list[Sending]]
    handover: int


def histories(rules: str, count: int) -> Iterator[History]:
    """Histories of one set of rules; on one or two partitions, some with a handover in the middle."""
    for number, story in enumerate(_richest(rules, count)):
        partitions = 1 + number % 2
        told = tell(rules, story, ZONE)
        records = list(_near(zip(map(_sending, told.lines), told.times, strict=True)))
        middle = len(records) // 2 if number % 4 > 1 else 0
        if number % 4 != 3:
            end = told.clock + DAY
            records += [(one, end) for one in ends(end, partitions)]
        stretches: list[list[Sending]] = []
        latest, handover = 0, 0
        for n, (record, time) in enumerate(records):
            if time > latest + LEAP or n == middle:
                stretches.append([])
            if n == middle:
                handover = len(stretches) - 1
            stretches[-1].append(record)
            latest = max(latest, time)
        yield History(rules, partitions, stretches, handover)


def under(prefix: str, records: Iterable[Sending]) -> list[Sending]:
    """Records on the topics of a prefix."""
    return [Sending(f"{prefix}.{one.topic}", one.value, one.key, (), one.partition) for one in records]


def _near(records: Iterable[tuple[Sending, int]]) -> Iterator[tuple[Sending, int]]:
    """Without reviews that come far behind what is on other shards."""
    latest = 0
    for record, time in records:
        latest = max(latest, time)
        if record.topic != "reviews" or time > latest - FAR:
            yield record, time


def _richest(rules: str, count: int) -> list[list[Step]]:
    """Those of which most comes, of many that are drawn."""
    drawn: list[list[Step]] = []

    @settings(
        max_examples=count * DRAWN_FOR_ONE, phases=[Phase.generate], derandomize=not EXPLORE, database=None,
        deadline=None, suppress_health_check=list(HealthCheck),
    )  # fmt: skip
    @given(steps(rules), steps(rules))
    def draw(one: list[Step], other: list[Step]) -> None:
        drawn.append([*one, *other])

    draw()

    def outputs(story: list[Step]) -> int:
        found = tell(rules, story, ZONE).oracle.outputs
        return len(found.alerts) + len(found.followups)

    # Those that are drawn one after another are often much alike: so the best of each stretch.
    return [
        max(drawn[first * DRAWN_FOR_ONE : (first + 1) * DRAWN_FOR_ONE], key=outputs) for first in range(count)
    ]


def _sending(line: str) -> Sending:
    event = json.loads(line)
    if str(event.get("type")).startswith("cx.review."):
        return Sending("reviews", line.encode(), event["data"]["review_id"].encode())
    return Sending("touchpoints", line.encode(), str(event.get("subject")).encode())


def key_of(partition: int, partitions: int, prefix: str) -> str:
    """A key that belongs on a partition."""
    keys = (f"{prefix}-{tried}" for tried in range(100))
    return next(key for key in keys if partition_of(key.encode(), partitions) == partition)


def ends(time: int, partitions: int) -> Iterator[Sending]:
    """An event for each partition that lets its time pass."""
    for topic, number in (
        (topic, number) for topic in ("touchpoints", "reviews") for number in range(partitions)
    ):
        event: dict[str, object] = {
            "specversion": "1.0",
            "id": f"end-{number}",
            "source": "/test/end",
            "time": rfc3339(time),
        }
        key = key_of(number, partitions, "end")
        if topic == "reviews":
            event |= {"type": "cx.review.posted", "data": {"review_id": key, "rating": 5}}
        else:
            event |= {"type": "cx.touchpoint.visited", "subject": key, "data": {"touchpoint": "home"}}
        yield Sending(topic, json.dumps(event).encode(), key.encode())
