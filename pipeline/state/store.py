"""Records of a shard, on 256 shelves, each with the moment at which it must be looked at again."""

from __future__ import annotations

import heapq
from collections.abc import Iterator

import msgspec
from xxhash import xxh3_64_intdigest

#: What remembers (a rule's id, or "@" and a word), for which key, and for which part of it ("" for all).
Ref = tuple[str, str, str]

SHELVES = 256


class Remembered(msgspec.Struct, array_like=True, kw_only=True, gc=False):
    """One record. wake: ms UTC of event time; when the watermark is beyond it, the record's owner is told."""

    wake: int = 0


def shelf_of(key: str) -> int:
    """The shelf (0 to 255) of a key; the same on every machine."""
    return xxh3_64_intdigest(key.encode()) & (SHELVES - 1)


class Store:
    """Records by ref, and a heap of their wake-up times.

    The heap may hold stale entries; an entry counts only if its record still has that wake time.
    """

    def __init__(self) -> None:
        self._shelves: list[dict[Ref, Remembered]] = [{} for _ in range(SHELVES)]
        self._heap: list[tuple[int, Ref]] = []
        self._changed: set[Ref] = set()

    def get(self, ref: Ref) -> Remembered | None:
        """The record at ref. After changing it, `put` it back."""
        return self._shelves[shelf_of(ref[1])].get(ref)

    def put(self, ref: Ref, record: Remembered, wake: int) -> None:
        """Keep a new or changed record, to be looked at when the watermark is beyond `wake`."""
        shelf = self._shelves[shelf_of(ref[1])]
        if record.wake != wake or ref not in shelf:
            record.wake = wake
            heapq.heappush(self._heap, (wake, ref))
        shelf[ref] = record
        self._changed.add(ref)

    def drop(self, ref: Ref) -> None:
        """Forget a record."""
        if self._shelves[shelf_of(ref[1])].pop(ref, None) is not None:
            self._changed.add(ref)

    @property
    def next_wake(self) -> int | None:
        """The earliest wake-up time, or None. It may be stale, and so too early."""
        return self._heap[0][0] if self._heap else None

    def pop_due(self, before: int) -> tuple[int, Ref, Remembered] | None:
        """The next record whose wake time is strictly below `before`, in order of (time, ref)."""
        heap = self._heap
        while heap and heap[0][0] < before:
            wake, ref = heapq.heappop(heap)
            record = self.get(ref)
            if record is not None and record.wake == wake:
                return wake, ref, record
        return None

    def take_changes(self) -> list[tuple[Ref, Remembered | None]]:
        """What changed since the last call, once a ref, in order of ref; None: dropped."""
        changes = [(ref, self.get(ref)) for ref in sorted(self._changed)]
        self._changed.clear()
        return changes

    def shelf(self, number: int) -> Iterator[tuple[Ref, Remembered]]:
        """All records of one shelf."""
        return iter(self._shelves[number].items())

    def load(self, ref: Ref, record: Remembered | None) -> None:
        """Restore one record (None: it was dropped), without counting it as a change."""
        if record is None:
            self._shelves[shelf_of(ref[1])].pop(ref, None)
        else:
            self._shelves[shelf_of(ref[1])][ref] = record

    def clear_shelf(self, number: int) -> None:
        """Forget a shelf, before its image is loaded."""
        self._shelves[number].clear()

    def loaded(self) -> None:
        """Make the heap anew, after the last `load`."""
        self._heap = [(record.wake, ref) for ref, record in self]
        heapq.heapify(self._heap)

    def __iter__(self) -> Iterator[tuple[Ref, Remembered]]:
        for shelf in self._shelves:
            yield from shelf.items()

    def __len__(self) -> int:
        return sum(map(len, self._shelves))
