"""Records of a shard, on 256 shelves, each with the moment at which it must be looked at again."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Final, TypeVar

from xxhash import xxh3_64_intdigest

from pipeline.state.records import PACKED, Ref, Remembered, kind_of, pack, unpack, wake_of
from pipeline.state.timers import Timers

SHELVES: Final = 256

T = TypeVar("T", bound=Remembered)


def shelf_of(key: str) -> int:
    """The shelf (0 to 255) of a key; the same on every machine."""
    return xxh3_64_intdigest(key.encode()) & (SHELVES - 1)


class Store:
    """Records by ref, and their wake-up times.

    What a step looks at or changes is at hand until the changes are taken; all others are kept as they are written
    down, packed where they are numerous.
    """

    def __init__(self) -> None:
        self._records: dict[Ref, Remembered | bytes] = {}
        self._at_hand: dict[Ref, Remembered] = {}
        #: In the order in which they began; what is not at hand any more was dropped.
        self._changed: dict[Ref, None] = {}
        #: Refs that were dropped, or dropped and put again, stand there until the shelf is taken down.
        self._shelves: list[list[Ref]] = [[] for _ in range(SHELVES)]
        #: They may hold stale entries: one counts only if its record still has that wake time.
        self.timers = Timers(self._wake_of)

    def get(self, ref: Ref) -> Remembered | None:
        """The record at a ref, or None. Change it only to `put` it back: a change that is not put is lost."""
        at_hand = self._at_hand.get(ref)
        if at_hand is not None:
            return at_hand
        kept = self._records.get(ref)
        if kept is None:
            return None
        record = unpack(kept) if isinstance(kept, bytes) else kept
        self._at_hand[ref] = record
        return record

    def those_with(self, whats: Iterable[str], key: str, part: str) -> list[str]:
        """Who of so many remembers something for a key and part. Cheaper than `get` for each."""
        at_hand, records = self._at_hand, self._records
        return [what for what in whats if (what, key, part) in at_hand or (what, key, part) in records]

    def put(self, ref: Ref, record: Remembered, wake: int) -> None:
        """Keep a new or changed record, to be looked at when the watermark is beyond `wake` (> 0)."""
        if record.wake != wake:  # a new one has none yet
            record.wake = wake
            self.timers.add(wake, ref)
        self._at_hand[ref] = record
        self._changed[ref] = None

    def drop(self, ref: Ref) -> None:
        """Forget a record."""
        kept, at_hand = self._records.pop(ref, None), self._at_hand.pop(ref, None)
        if kept is not None or at_hand is not None:
            self._changed[ref] = None

    def pop_due(self, before: int) -> tuple[int, Ref, Remembered] | None:
        """The next record whose wake time is strictly below `before`, in order of (time, ref)."""
        while (timer := self.timers.pop(before)) is not None:
            wake, ref = timer
            record = self.get(ref)
            if record is not None and record.wake == wake:
                return wake, ref, record
        return None

    def take_changes(self) -> list[tuple[Ref, Remembered | bytes | None]]:
        """What changed since the last call, once a ref, in the order in which they began; None: dropped.

        Those that are numerous are packed, here and where they are kept.
        """
        records, at_hand = self._records, self._at_hand
        changes = list[tuple[Ref, Remembered | bytes | None]]()
        for ref in self._changed:
            record = at_hand.get(ref)
            if record is None:
                changes.append((ref, None))
                continue
            kept = pack(record) if type(record) in PACKED else record
            changes.append((ref, kept))
            before = len(records)
            records[ref] = kept
            if len(records) > before:
                self._shelves[shelf_of(ref[1])].append(ref)
        self._changed, self._at_hand = {}, {}
        return changes

    def shelf(self, number: int) -> list[tuple[Ref, Remembered | bytes]]:
        """All records of one shelf. Only after `take_changes`."""
        kept = []
        for ref in dict.fromkeys(self._shelves[number]):
            record = self._records.get(ref)
            if record is not None:
                kept.append((ref, record))
        self._shelves[number] = [ref for ref, _ in kept]
        return kept

    def load(self, ref: Ref, record: Remembered | bytes | None) -> None:
        """Restore one record, which may be packed (None: it was dropped), without counting it as a change."""
        if record is None:
            self._records.pop(ref, None)
            return
        if ref not in self._records:
            self._shelves[shelf_of(ref[1])].append(ref)
        self._records[ref] = record

    def clear_shelf(self, number: int) -> None:
        """Forget a shelf, before its image is loaded."""
        for ref in self._shelves[number]:
            self._records.pop(ref, None)
        self._shelves[number].clear()

    def loaded(self) -> None:
        """Make the timers anew, after the last `load`."""
        self.timers = Timers(self._wake_of)
        for ref, record in self._records.items():
            self.timers.add(wake_of(record), ref)

    def _wake_of(self, ref: Ref) -> int | None:
        record = self._at_hand.get(ref) or self._records.get(ref)
        return wake_of(record) if record is not None else None

    def _all(self) -> dict[Ref, Remembered | bytes]:
        return {**self._records, **self._at_hand} if self._at_hand else self._records

    def __iter__(self) -> Iterator[tuple[Ref, Remembered]]:
        """All records; they may be dropped meanwhile. What is packed stays so."""
        for ref, record in list(self._all().items()):
            yield ref, unpack(record) if isinstance(record, bytes) else record

    def of_key(self, key: str) -> list[tuple[Ref, Remembered]]:
        """The records of a key, in order of ref."""
        refs = [*self._shelves[shelf_of(key)], *self._at_hand]
        found = ((ref, self.get(ref)) for ref in sorted(dict.fromkeys(refs)) if ref[1] == key)
        return [(ref, record) for ref, record in found if record is not None]

    def of(self, kind: type[T]) -> Iterator[tuple[Ref, T]]:
        """All records of one kind; nothing may be put or dropped meanwhile. Others are not unpacked."""
        for ref, record in self._all().items():
            if kind_of(record) is kind:
                yield ref, unpack(record) if isinstance(record, bytes) else record  # type: ignore[misc]

    def __len__(self) -> int:
        return len(self._all())
