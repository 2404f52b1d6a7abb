"""Records of a shard, on 256 shelves, each with the moment at which it must be looked at again."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from xxhash import xxh3_64_intdigest

from pipeline.state.records import Ref, Remembered
from pipeline.state.timers import Timers

SHELVES: Final = 256


def shelf_of(key: str) -> int:
    """The shelf (0 to 255) of a key; the same on every machine."""
    return xxh3_64_intdigest(key.encode()) & (SHELVES - 1)


class Store:
    """Records by ref, and their wake-up times."""

    def __init__(self) -> None:
        self._records: dict[Ref, Remembered] = {}
        self._shelves: list[set[Ref]] = [set() for _ in range(SHELVES)]
        #: They may hold stale entries: one counts only if its record still has that wake time.
        self.timers = Timers()
        self._changed: dict[Ref, Remembered | None] = {}
        #: The record at a ref, or None. After changing it, `put` it back.
        self.get = self._records.get

    def put(self, ref: Ref, record: Remembered, wake: int) -> None:
        """Keep a new or changed record, to be looked at when the watermark is beyond `wake`."""
        before = self._records.get(ref)
        if before is None:
            self._shelves[shelf_of(ref[1])].add(ref)
        if before is not record or record.wake != wake:
            record.wake = wake
            self.timers.add(wake, ref)
        self._records[ref] = self._changed[ref] = record

    def drop(self, ref: Ref) -> None:
        """Forget a record."""
        if self._records.pop(ref, None) is not None:
            self._shelves[shelf_of(ref[1])].discard(ref)
            self._changed[ref] = None

    def pop_due(self, before: int) -> tuple[int, Ref, Remembered] | None:
        """The next record whose wake time is strictly below `before`, in order of (time, ref)."""
        while (timer := self.timers.pop(before)) is not None:
            wake, ref = timer
            record = self._records.get(ref)
            if record is not None and record.wake == wake:
                return wake, ref, record
        return None

    def take_changes(self) -> list[tuple[Ref, Remembered | None]]:
        """What changed since the last call, once a ref, in the order in which they began; None: dropped."""
        changes, self._changed = self._changed, {}
        return list(changes.items())

    def shelf(self, number: int) -> Iterator[tuple[Ref, Remembered]]:
        """All records of one shelf."""
        return ((ref, self._records[ref]) for ref in self._shelves[number])

    def load(self, ref: Ref, record: Remembered | None) -> None:
        """Restore one record (None: it was dropped), without counting it as a change."""
        if record is None:
            self._records.pop(ref, None)
            self._shelves[shelf_of(ref[1])].discard(ref)
        else:
            self._records[ref] = record
            self._shelves[shelf_of(ref[1])].add(ref)

    def clear_shelf(self, number: int) -> None:
        """Forget a shelf, before its image is loaded."""
        for ref in self._shelves[number]:
            del self._records[ref]
        self._shelves[number].clear()

    def loaded(self) -> None:
        """Make the timers anew, after the last `load`."""
        self.timers = Timers()
        for ref, record in self._records.items():
            self.timers.add(record.wake, ref)

    def __iter__(self) -> Iterator[tuple[Ref, Remembered]]:
        return iter(self._records.items())

    def __len__(self) -> int:
        return len(self._records)
