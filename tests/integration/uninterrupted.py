"""What hearts say that nobody ever interrupts, to the log that a worker has read."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

import msgspec

from pipeline.board import Board
from pipeline.effects import METRICS, REVIEWS, TOUCHPOINTS, Heart
from pipeline.metrics.fold import unfolded
from pipeline.metrics.segment import MetricsRecord
from pipeline.parts import Parts
from tests.integration.kafka_log import LogRecord

#: Records in one step.
BATCH = 1_000

Said = tuple[bytes | None, bytes]  # key and value
Counts = Counter[tuple[str, object, str]]  # (shard, pane or level, what) → count

_metrics = msgspec.json.Decoder(MetricsRecord).decode


@dataclass
class Run:
    """outputs: of the shards, by topic without prefix; those of the board apart, for its steps follow the metrics' log."""

    outputs: dict[str, Counter[Said]] = field(default_factory=dict)
    counts: Counts = field(default_factory=Counter)
    by_board: dict[str, Counter[Said]] = field(default_factory=dict)
    board: Board | None = None


def run(parts: Parts, log: Mapping[str, Sequence[LogRecord]], applied: Mapping[tuple[str, int], int]) -> Run:
    """Apply everything up to `applied` (by topic without prefix and partition), with hearts that are new."""
    said = Run()
    for (topic, partition), last in applied.items():
        records = [one for one in log[topic] if one.partition == partition and one.offset <= last]
        heart = parts.heart(topic, partition)
        into = said.by_board if topic == METRICS else said.outputs
        _live(heart, records, into)
        if isinstance(heart, Board):
            said.board = heart
    said.counts = counts(value for _, value in said.outputs.pop(METRICS, Counter()).elements())
    return said


def _live(heart: Heart, records: Sequence[LogRecord], into: dict[str, Counter[Said]]) -> None:
    batches = [records[first : first + BATCH] for first in range(0, len(records), BATCH)]
    heart.opened(bool(records))
    for batch in batches:
        for output in heart.apply(batch).outputs:
            into.setdefault(output.topic, Counter())[output.key, output.value] += 1


def counts(values: Iterable[bytes | None]) -> Counts:
    """What records for the board count, summed up: how they are cut into records is nobody's business."""
    total: Counts = Counter()
    for value in values:
        record = _metrics(value or b"")
        for segment, counted in zip(record.segments, unfolded(record), strict=True):
            for end, series, named in counted:
                for name, count in named.items():
                    total[record.shard, (end, series), name] += count
            for name, label, change in segment.levels:
                total[record.shard, name, label] += change
    return Counter({what: count for what, count in total.items() if count})


def committed(records: Sequence[LogRecord]) -> Counter[Said]:
    """What is on a topic, as hearts say it."""
    return Counter((one.key, one.value or b"") for one in records)


INPUTS = (TOUCHPOINTS, REVIEWS, METRICS)
