"""The heart over files: what the pipeline would have done with these events."""

from __future__ import annotations

import heapq
import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from itertools import islice
from pathlib import Path
from typing import Any

import msgspec

from pipeline import parts as all_parts
from pipeline.board import Board
from pipeline.effects import (
    ALERTS,
    DEAD_LETTERS,
    FOLLOW_UPS,
    METRICS,
    REVIEWS,
    TOUCHPOINTS,
    Output,
)
from pipeline.errors import FileError
from pipeline.events.codec import Record, millis, moment
from pipeline.partitioner import partition_of
from pipeline.parts import Parts
from pipeline.rules.compiled import Role
from pipeline.settings import Settings
from pipeline.shard import Shard
from pipeline.sources.files import Line, read_events
from pipeline.step import dead_letter


@dataclass(slots=True)
class FileRecord:
    """A line of a file, as a log would hold it. timestamp: ms, when the replay began."""

    offset: int
    timestamp: int
    value: bytes
    file: str = ""
    line: int = 0
    key: bytes | None = None
    headers: Sequence[tuple[str, bytes]] = ()


@dataclass(slots=True)
class ReplayResult:
    """What left the pipeline, sorted: alerts and follow-ups by (time, id), metrics by name, dead letters by place."""

    alerts: list[dict[str, Any]] = field(default_factory=list)
    followups: list[dict[str, Any]] = field(default_factory=list)
    metrics: list[dict[str, Any]] = field(default_factory=list)
    deadletters: list[dict[str, Any]] = field(default_factory=list)
    events: int = 0

    def write(self, folder: Path) -> None:
        """Write alerts.jsonl, followups.jsonl, metrics.jsonl and deadletters.jsonl. Raises FileError."""
        try:
            folder.mkdir(parents=True, exist_ok=True)
            for name in ("alerts", "followups", "metrics", "deadletters"):
                lines = b"".join(msgspec.json.encode(event) + b"\n" for event in getattr(self, name))
                (folder / f"{name}.jsonl").write_bytes(lines)
        except OSError as error:
            raise FileError(f"{error.filename or folder}: cannot be written: {error.strerror}") from error


class _Head(msgspec.Struct):
    """What ordering and partitioning need of an event."""

    time: datetime | None = None
    type: str = ""
    id: str = ""
    source: str = ""
    subject: str | None = None
    data: dict[str, Any] | None = None


#: What goes wrong with bytes that are no event.
_UNREADABLE = (msgspec.MsgspecError, UnicodeDecodeError, RecursionError)
_decode_head = msgspec.json.Decoder(_Head).decode


def replay(
    events: Sequence[Path], rules: Sequence[Path], *, until: int | None = None, partitions: int = 1,
    batch: int = 2_000, source: Path | None = None, now: int | None = None, settings: Settings | None = None,
) -> ReplayResult:  # fmt: skip
    """Run the shards and the board over files. until, now: ms UTC; now: the future check's clock.

    One partition: one shard with one watermark plays all roles. More: shards as Kafka would have them.
    Raises RulesError, SourceError or FileError.
    """
    now = int(time.time() * 1000) if now is None else now
    parts = all_parts.build(settings or Settings(), rules)
    files = [read_events(path, source) for path in events]
    lines = files[0] if len(files) == 1 else heapq.merge(*files, key=lambda line: _time(line.value))
    run = Run(parts, partitions, now)
    while chunk := list(islice(lines, batch)):
        run.take([line for line in chunk if until is None or line.rejection or _time(line.value) <= until])
    if until is not None:
        run.pass_time(until + (settings or Settings()).lateness)
    return run.result()


class Run:
    """Shards and the board in one process, and what left them.

    now: ms UTC; the broker's timestamp of every event.
    """

    def __init__(self, parts: Parts, partitions: int, now: int) -> None:
        self._now = now
        self._partitions = partitions
        if partitions == 1:
            every_role = Shard(parts.shard, "replay/0", frozenset(Role), _origin)
            self._shards = {(TOUCHPOINTS, 0): every_role, (REVIEWS, 0): every_role}
        else:
            self._shards = {
                (topic, number): Shard(parts.shard, f"{topic}/{number}", roles, _origin)
                for topic, roles in all_parts.ROLES.items()
                for number in range(partitions)
            }
        self._board = Board(parts.board)
        self._offsets: Counter[tuple[str, int]] = Counter()
        self._counted = 0
        self._outputs: dict[str, list[dict[str, Any]]] = {name: [] for name in _KEPT}
        self._events = 0

    def take(self, lines: Sequence[Line]) -> None:
        """Give lines to their shards, then what the shards forwarded, then their counts to the board."""
        queues: dict[tuple[str, int], list[Record]] = {}
        for line in lines:
            if line.rejection is not None:
                origin = {"file": line.file, "line": line.number}
                self._outputs[DEAD_LETTERS].append(dead_letter(line.rejection, line.value, origin))
                continue
            self._events += 1
            place = self._place(line.value)
            queues.setdefault(place, []).append(self._record(place, line.value, line.file, line.number))
        self._apply(queues)

    def pass_time(self, latest: int) -> None:
        """Move every shard's time on. latest: ms UTC, as if an event of that time had come."""
        tick = {
            "specversion": "1.0",
            "id": f"tick/{latest}",
            "source": "/cxloop/clock",
            "type": "cx.clock.ticked",
        }
        value = msgspec.json.encode({**tick, "time": moment(latest)})
        places = [(TOUCHPOINTS, 0)] if self._partitions == 1 else list(self._shards)
        self._now = max(self._now, latest)
        self._apply({place: [self._record(place, value, "", 0)] for place in places})

    def since(self, topic: str, number: int) -> list[dict[str, Any]]:
        """What left on a topic, but for the first so many: alerts, follow-ups or dead letters, in their order."""
        return self._outputs[topic][number:]

    def count(self, name: str) -> int:
        """A counter of all shards, such as `held.RULE`."""
        return sum(shard.stats().get(name, 0) for shard in set(self._shards.values()))

    def result(self) -> ReplayResult:
        """Everything, in order."""
        by_time = {name: sorted(self._outputs[name], key=_when) for name in (ALERTS, FOLLOW_UPS)}
        values = [
            {
                "metric": v.metric, "window": v.window, "dimension": v.dimension, "value": v.value,
                "at": moment(v.at), "result": v.result, "samples": v.samples,
            }
            for v in sorted(self._board.values(), key=lambda v: (v.metric, v.window, v.dimension, v.value))
        ]  # fmt: skip
        dead = sorted(self._outputs[DEAD_LETTERS], key=lambda event: list(event["data"]["origin"].values()))
        return ReplayResult(by_time[ALERTS], by_time[FOLLOW_UPS], values, dead, self._events)

    def _apply(self, queues: dict[tuple[str, int], list[Record]]) -> None:
        while queues:
            counts, forwarded = [], dict[tuple[str, int], list[Record]]()
            for place in sorted(queues):
                for output in self._shards[place].apply(queues[place]).outputs:
                    if output.topic == METRICS:
                        counts.append(self._record((METRICS, 0), output.value, METRICS, 0))
                    elif output.topic in (TOUCHPOINTS, REVIEWS):
                        to = (output.topic, partition_of(output.key or b"", self._partitions))
                        forwarded.setdefault(to, []).append(self._record(to, output.value, "", 0))
                    else:
                        self._keep(output)
            for output in self._board.apply(counts).outputs:
                self._keep(output)
            queues = forwarded

    def _keep(self, output: Output) -> None:
        self._outputs[output.topic].append(msgspec.json.decode(output.value))

    def _record(self, place: tuple[str, int], value: bytes, file: str, line: int) -> FileRecord:
        offset = self._offsets[place]
        self._offsets[place] += 1
        return FileRecord(offset, self._now, value, file, line)

    def _place(self, value: bytes) -> tuple[str, int]:
        """Topic and partition, as a producer to Kafka would choose them."""
        if self._partitions == 1:
            return TOUCHPOINTS, 0
        try:
            head = _decode_head(value)
        except _UNREADABLE:
            return TOUCHPOINTS, 0
        if head.type.startswith("cx.review."):
            topic, key = REVIEWS, str((head.data or {}).get("review_id", ""))
        else:
            topic, key = TOUCHPOINTS, head.subject if head.subject is not None else f"{head.source}#{head.id}"
        return topic, partition_of(key.encode(), self._partitions)


_KEPT = (ALERTS, FOLLOW_UPS, DEAD_LETTERS)


def _origin(record: Record) -> dict[str, Any]:
    assert isinstance(record, FileRecord)
    return {"file": record.file, "line": record.line}


def _when(event: dict[str, Any]) -> tuple[datetime, str]:
    return datetime.fromisoformat(event["time"]), event["id"]


def _time(value: bytes) -> int:
    """An event's time in ms UTC; before all others where it has none that can be read."""
    try:
        found = _decode_head(value).time
    except _UNREADABLE:
        return -1
    return millis(found) if found is not None and found.tzinfo is not None else -1
