"""Shards and boards for properties: fed in any batches, stopped and restored anywhere; and what left them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any
from zoneinfo import ZoneInfo

import msgspec

from pipeline.board import Board, BoardSettings
from pipeline.effects import METRICS, TOUCHPOINTS, Heart, Output
from pipeline.events.codec import Record
from pipeline.events.journey import Journey
from pipeline.followup.clocks import BusinessClock
from pipeline.handlers import ShardSettings
from pipeline.metrics.fold import unfolded
from pipeline.metrics.segment import MetricsRecord
from pipeline.parts import Parts
from pipeline.replay import FileRecord
from pipeline.rules.compiled import Role, RuleSet
from pipeline.rules.load import load
from pipeline.shard import Shard
from tests.generate import NOW, RULES

ZONE = "Europe/Amsterdam"
BOTH, CUSTOMER, REVIEW = frozenset(Role), frozenset((Role.CUSTOMER,)), frozenset((Role.REVIEW,))

#: Metrics of a batch: how much was counted in each pane, series and name; and the levels.
Counts = Counter[tuple[Any, ...]]


@cache
def rule_set(text: str) -> RuleSet:
    """Rules as they stand under "rules:"."""
    with TemporaryDirectory() as folder:
        file = Path(folder) / "rules.yml"
        file.write_text(f"rules:{text}")
        return load([file])


def rules_of(name: str) -> RuleSet:
    """Rules of generated histories."""
    return rule_set(RULES[name])


def parts(rules: RuleSet, *, value_limit: int = 200, **more: Any) -> Parts:
    """What hearts are made of. more: settings of shards."""
    clock = BusinessClock(ZoneInfo(ZONE))
    journey = Journey("test", {"till-1": "conversion"})
    return Parts(
        ShardSettings(rules=rules, clock=clock, journey=journey, **more),
        BoardSettings(rules=rules, clock=clock, value_limit=value_limit),
        "test",
    )


def shard(rules: RuleSet, roles: frozenset[Role] = BOTH, name: str = "shard/0", **more: Any) -> Shard:
    """A shard as the pipeline builds it."""
    return Shard(parts(rules, **more).shard, name, roles, _origin)


def board(rules: RuleSet, value_limit: int = 200) -> Board:
    """A board as the pipeline builds it."""
    return Board(parts(rules, value_limit=value_limit).board)


def _origin(record: Record) -> dict[str, Any]:
    return {"file": "events.jsonl", "line": getattr(record, "line", 0)}


def log(values: Iterable[str | bytes], timestamp: int = NOW) -> list[FileRecord]:
    """Values as a log holds them; their lines are counted from 1."""
    return [
        FileRecord(offset, timestamp, value.encode() if isinstance(value, str) else value, line=offset + 1)
        for offset, value in enumerate(values)
    ]


@dataclass
class Fed:
    """What left a heart: outputs in order, without counts; counts summed; the board's records; the changelog."""

    outputs: list[tuple[str, bytes | None, bytes]] = field(default_factory=list)
    counts: Counts = field(default_factory=Counter)
    metrics: list[bytes] = field(default_factory=list)
    changelog: list[bytes] = field(default_factory=list)

    def take(self, outputs: Iterable[Output]) -> None:
        for output in outputs:
            if output.topic != METRICS:
                self.outputs.append((output.topic, output.key, output.value))
                continue
            self.metrics.append(output.value)
            record = msgspec.json.decode(output.value, type=MetricsRecord)
            for segment, counted in zip(record.segments, unfolded(record), strict=True):
                for end, series, counts in counted:
                    for name, count in counts.items():
                        self.counts[end, series, name] += count
                for name, label, change in segment.levels:
                    self.counts["level", name, label] += change

    @property
    def counted(self) -> dict[tuple[Any, ...], int]:
        """Counts that are not 0."""
        return {what: count for what, count in self.counts.items() if count}


def feed(
    heart: Heart, records: Sequence[Record], cuts: Iterable[int] = (), *, restore: Callable[[Heart, Fed], Heart] | None = None
) -> Fed:  # fmt: skip
    """Feed records in batches that end at the cuts; where `restore` is given, its heart goes on at each of them."""
    fed, first = Fed(), 0
    for last in [*sorted({cut for cut in cuts if 0 < cut < len(records)}), len(records)]:
        effects = heart.apply(records[first:last])
        fed.take(effects.outputs)
        fed.changelog += effects.changelog
        first = last
        if restore is not None and last < len(records):
            heart = restore(heart, fed)
    return fed


def from_snapshot(make: Callable[[], Heart]) -> Callable[[Heart, Fed], Heart]:
    """Restore from a snapshot."""

    def restore(heart: Heart, fed: Fed) -> Heart:
        assert isinstance(heart, Shard | Board)
        return reopened(make(), heart.snapshot(), fed)

    return restore


def from_changelog(make: Callable[[], Heart]) -> Callable[[Heart, Fed], Heart]:
    """Restore from everything that was written so far."""
    return lambda heart, fed: reopened(make(), fed.changelog, fed)


def reopened(heart: Heart, changelog: Iterable[bytes], fed: Fed) -> Heart:
    """A new heart with the state of another. What it says at its start goes to `fed`."""
    for record in changelog:
        heart.restore(record)
    fed.take(heart.opened(waiting=True).outputs)
    return heart


def customers_log(values: Sequence[str], rules: RuleSet) -> list[FileRecord]:
    """What stands on a partition of cx.touchpoints: everything but reviews, and what the reviews' shard forwards."""
    reviews = shard(rules, REVIEW, "reviews/0")
    found: list[bytes] = []
    for record in log(values):
        if b'"cx.review.' in record.value:
            outputs = reviews.apply([record]).outputs
            found += [output.value for output in outputs if output.topic == TOUCHPOINTS]
        else:
            found.append(record.value)
    return log(found)


def of_board(metrics: Iterable[bytes], rules: RuleSet) -> tuple[list[Any], dict[Any, int], list[Any]]:
    """What a board says to the records of shards: its outputs, levels (but not those at 0) and values."""
    one = board(rules)
    fed = feed(one, log(metrics))
    levels = {name: n for name, n in one.levels().items() if n}
    return fed.outputs, levels, sorted(one.values(), key=repr)
