"""A heart whose effects a test can work out by itself: how often each key was seen, and every tenth time.

An output's value is `partition key count offset`, so a second one, or a wrong one, shows.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping

from pipeline.effects import Effects, Output
from pipeline.events.codec import Record

#: Transactions between two full images of the state.
ROUND = 40
#: A quiet partition wants a tick when its newest record is older than this, ms.
STALE_MS = 1_000


class CountingHeart:
    """Counts records by key; those without a key are ticks."""

    def __init__(self, topic: str, partition: int, ticks: bool = True) -> None:
        self.topic = topic
        self.partition = partition
        self.counts: dict[str, int] = {}
        self.applied = -1
        self.watermark: int | None = None
        self.ticks = 0
        self.restored = 0
        self.opened_with: list[bool] = []
        self._ticking = ticks
        self._steps = 0

    def apply(self, records: Iterable[Record]) -> Effects:
        effects = Effects()
        changed = {}
        for record in records:
            if record.offset <= self.applied:
                continue
            self.applied = record.offset
            self.watermark = record.timestamp
            if record.key is None:
                self.ticks += 1
                continue
            key = record.key.decode()
            count = changed[key] = self.counts[key] = self.counts.get(key, 0) + 1
            if count % 10 == 0:
                value = f"{self.partition} {key} {count} {record.offset}".encode()
                effects.outputs.append(Output("alerts", record.key, value))
        self._steps += 1
        if self._steps % ROUND == 1:
            effects.rotation = True
            changed = self.counts
        effects.changelog.append(json.dumps([self.applied, self.watermark, self.ticks, changed]).encode())
        return effects

    def restore(self, value: bytes) -> bool:
        self.applied, self.watermark, self.ticks, changed = json.loads(value)
        self.counts.update(changed)
        self.restored += 1
        return False

    def snapshot(self) -> list[bytes]:
        return [json.dumps([self.applied, self.watermark, self.ticks, self.counts]).encode()]

    def opened(self, waiting: bool) -> Effects:
        self.opened_with.append(waiting)
        return Effects()

    def tick(self, now: int) -> bytes | None:
        due = self._ticking and self.watermark is not None and now - self.watermark > STALE_MS
        return b"tick" if due else None

    def stats(self) -> Mapping[str, int]:
        return {"keys": len(self.counts)}
