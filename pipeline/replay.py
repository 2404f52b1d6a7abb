"""The heart over files: what the pipeline would have done with these events."""

from __future__ import annotations

import heapq
import time
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
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
from pipeline.events.codec import Record, millis, moment
from pipeline.folder import write
from pipeline.metrics.values import MetricValue
from pipeline.partitioner import partition_of
from pipeline.parts import Parts
from pipeline.rules.compiled import Role
from pipeline.rules.look import Now
from pipeline.settings import Settings
from pipeline.shard import Shard
from pipeline.sources.files import Line, read_events
from pipeline.state.records import Remembered
from pipeline.state.ref import Ref
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
    """What left the pipeline, sorted: alerts and follow-ups by (time, id), metrics by name, dead letters by place.

    events: the lines or rows that were read, whatever became of them. duplicates, skipped: those of them that were
    dropped since their id was seen, and those that were later than `until`.
    """

    alerts: list[dict[str, Any]] = field(default_factory=list)
    followups: list[dict[str, Any]] = field(default_factory=list)
    metrics: list[dict[str, Any]] = field(default_factory=list)
    deadletters: list[dict[str, Any]] = field(default_factory=list)
    events: int = 0
    duplicates: int = 0
    skipped: int = 0

    @property
    def rejected(self) -> int:
        """So many of the lines or rows were rejected: what could not be written of an event is none."""
        letters = [one["data"] for one in self.deadletters if one["data"]["reason"] != "output.too_large"]
        places = {tuple(data["origin"].values()) for data in letters if data["origin"]["file"]}
        return len(places)  # what the shards forward to each other stands in no file

    def write(self, folder: Path) -> None:
        """Write alerts.jsonl, followups.jsonl, metrics.jsonl and deadletters.jsonl. Raises FileError."""
        write(
            folder,
            (
                (
                    f"{name}.jsonl",
                    b"".join(msgspec.json.encode(event) + b"\n" for event in getattr(self, name)),
                )
                for name in ("alerts", "followups", "metrics", "deadletters")
            ),
        )


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
    """What the shards and the board say to files. until, now: ms UTC; now: the future check's clock.

    One partition: one shard with one watermark plays all roles. More: shards as Kafka would have them.
    Raises RulesError, SourceError or FileError.
    """
    settings = settings or Settings()
    run = Run(all_parts.build(settings, rules), partitions, now)
    run.files(events, source=source, until=until, batch=batch)
    return run.result()


def lines_of(events: Sequence[Path], source: Path | None = None) -> Iterator[Line]:
    """What files have, in order of time where they are several. Raises SourceError or FileError."""
    files = [read_events(path, source) for path in events]
    return files[0] if len(files) == 1 else heapq.merge(*files, key=lambda line: time_of(line.value))


class Run:
    """Shards and the board in one process, and what left them.

    now: ms UTC; the broker's timestamp of every event. keep: gets what leaves, in place of this.
    """

    def __init__(
        self, parts: Parts, partitions: int = 1, now: int | None = None, keep: Callable[[Output], None] | None = None
    ) -> None:  # fmt: skip
        self._now = int(time.time() * 1000) if now is None else now
        self._partitions, self._lateness = partitions, parts.shard.lateness
        self._keep = keep or self._decode
        if partitions == 1:
            every_role = Shard(parts.shard, "replay/0", frozenset(Role), _origin)
            self._shards = {_ONLY: every_role, (REVIEWS, 0): every_role}
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
        self._events = self._skipped = 0

    def files(
        self, events: Sequence[Path], *, source: Path | None = None, until: int | None = None, batch: int = 2_000,
        on_batch: Callable[[Sequence[Line]], None] | None = None,
    ) -> None:  # fmt: skip
        """Take what files have, in order of time where they are several. until: ms UTC. Raises SourceError or FileError."""
        lines = lines_of(events, source)
        while chunk := list(islice(lines, batch)):
            kept = [line for line in chunk if until is None or line.rejection or time_of(line.value) <= until]
            self.take(kept)
            self._events += len(chunk)
            self._skipped += len(chunk) - len(kept)
            if on_batch is not None:
                on_batch(chunk)
        if until is not None:
            self.pass_time(until + self._lateness)

    def take(self, lines: Sequence[Line]) -> None:
        """Give lines to their shards, then what the shards forwarded, then their counts to the board."""
        for file, number, value, rejection in lines:
            if rejection is not None:
                origin = {"file": file, "line": number}
                letter = msgspec.json.encode(dead_letter(rejection, value, origin))
                self._keep(Output(DEAD_LETTERS, None, letter))
        fresh = [line for line in lines if line.rejection is None]
        if self._partitions == 1:
            # One at a time would take as long as what becomes of them.
            first = self._offsets[_ONLY]
            self._offsets[_ONLY] += len(fresh)
            self._apply({
                _ONLY: [FileRecord(first + n, self._now, line.value, line.file, line.number)
                        for n, line in enumerate(fresh)]
            })  # fmt: skip
            return
        queues: dict[tuple[str, int], list[Record]] = {}
        for line in fresh:
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
        places = [_ONLY] if self._partitions == 1 else list(self._shards)
        self._now = max(self._now, latest)
        self._apply({place: [self._record(place, value, "", 0)] for place in places})

    def since(self, topic: str, number: int) -> list[dict[str, Any]]:
        """What left on a topic, but for the first so many: alerts, follow-ups or dead letters, in their order."""
        return self._outputs[topic][number:]

    def levels(self) -> Mapping[tuple[str, str], int]:
        """(name, label) → how many, of shards and board together."""
        return self._board.levels()

    def values(self) -> Iterable[MetricValue]:
        """Every metric of every window and series that has a value now."""
        return self._board.values()

    def about(self, key: str) -> list[tuple[Ref, Remembered]]:
        """What the shards remember of a key."""
        return [one for shard in dict.fromkeys(self._shards.values()) for one in shard.about(key)]

    @property
    def now(self) -> Now:
        """What rules on metrics look at."""
        return self._board.now

    @property
    def board_at(self) -> int:
        """The last pane end that was judged (ms UTC); -1: none."""
        return self._board.at

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
            for v in sorted(self.values(), key=lambda v: (v.metric, v.window, v.dimension, v.value))
        ]  # fmt: skip
        dead = sorted(self._outputs[DEAD_LETTERS], key=lambda event: list(event["data"]["origin"].values()))
        return ReplayResult(
            by_time[ALERTS], by_time[FOLLOW_UPS], values, dead, self._events, self.count("duplicates"), self._skipped
        )  # fmt: skip

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

    def _decode(self, output: Output) -> None:
        self._outputs[output.topic].append(msgspec.json.decode(output.value))

    def _record(self, place: tuple[str, int], value: bytes, file: str, line: int) -> FileRecord:
        offset = self._offsets[place]
        self._offsets[place] += 1
        return FileRecord(offset, self._now, value, file, line)

    def _place(self, value: bytes) -> tuple[str, int]:
        """Topic and partition, as a producer to Kafka would choose them."""
        try:
            head = _decode_head(value)
        except _UNREADABLE:
            return TOUCHPOINTS, 0
        if head.type.startswith("cx.review."):
            topic, key = REVIEWS, str((head.data or {}).get("review_id", ""))
        else:
            topic, key = TOUCHPOINTS, head.subject if head.subject is not None else f"{head.source}#{head.id}"
        return topic, partition_of(key.encode(), self._partitions)


#: Where everything stands that is in one partition.
_ONLY = (TOUCHPOINTS, 0)
_KEPT = (ALERTS, FOLLOW_UPS, DEAD_LETTERS)


def _origin(record: Record) -> dict[str, Any]:
    assert isinstance(record, FileRecord)
    return {"file": record.file, "line": record.line}


def _when(event: dict[str, Any]) -> tuple[datetime, str]:
    return datetime.fromisoformat(event["time"]), event["id"]


def time_of(value: bytes) -> int:
    """An event's time in ms UTC; before all others where it has none that can be read."""
    try:
        found = _decode_head(value).time
    except _UNREADABLE:
        return -1
    return millis(found) if found is not None and found.tzinfo is not None else -1
