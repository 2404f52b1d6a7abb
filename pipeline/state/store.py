"""Records of a shard, on shelves, each with the moment at which it must be looked at again."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Final, TypeVar

import msgspec
from xxhash import xxh3_64_intdigest

from pipeline.state.packed import (
    BY_TAG,
    PACKED,
    Added,
    Row,
    add_counts,
    decode_counts,
    decode_head,
    pack,
    packed_rows,
    rows_of,
    rows_wake,
    unpack,
    with_added,
)
from pipeline.state.records import Counts, Numerous, Pane, Remembered, Rows
from pipeline.state.ref import Ref, key_of, ref_of
from pipeline.state.timers import NEVER, Timers

#: So many that one of a state of ten million customers takes a few ms.
SHELVES: Final = 4_096

#: As constants they need not be looked up.
_pack: Final = pack
_unpack: Final = unpack
_PACKED: Final = PACKED

T = TypeVar("T", bound=Remembered)
#: What became of a record: as it is now; packed; what was added to it; or None: it was dropped.
Change = Remembered | bytes | Added | None


def shelf_of(key: str) -> int:
    """The shelf of a key, from 0; the same on every machine."""
    digest = xxh3_64_intdigest(key.encode())
    # Format 3 had 256 shelves, by the lowest byte: each of them is 16 of these, side by side.
    return (digest & 0xFF) << 4 | digest >> 8 & 0xF


class _Held:
    """A record that is at hand; None: it was dropped.

    added: all that changed, if that is rows that were added to what is kept. is_kept: as it was before.
    """

    def __init__(self, ref: Ref, record: Remembered | None, is_kept: bool) -> None:
        self.ref, self.record, self.is_kept = ref, record, is_kept
        self.is_changed = False
        self.added: Added | None = None


_NOTHING: Final = _Held("", None, False)


class Store:
    """Records by ref, and their wake-up times.

    What a step looks at or changes is at hand until the changes are taken; all others are kept as they are written
    down, packed where they are numerous.
    """

    def __init__(self) -> None:
        self._records: dict[Ref, Remembered | bytes] = {}
        self._at_hand: dict[Ref, _Held] = {}
        #: What is put is mostly what was looked at last: to find it by its ref costs more than all else here.
        self._last = _NOTHING
        #: In the order in which they began.
        self._changed: list[_Held] = []
        #: What became of those that are settled, in order.
        self._settled: list[tuple[Ref, Change]] = []
        #: What became of rows, in order: they are few bytes, and mostly changed once in a step.
        self._rows: list[tuple[Ref, Change]] = []
        #: Refs that were dropped stand there until the shelf is taken down.
        self._shelves: list[list[Ref] | None] = [None] * SHELVES
        self._dropped: set[Ref] = set()
        #: They may hold stale entries: one counts only if its record still has that wake time.
        self.timers = Timers(self._wake_of)

    def get(self, ref: Ref) -> Remembered | None:
        """The record at a ref, or None. Change it only to `put` it back: a change that is not put is lost."""
        held = self._at_hand.get(ref)
        if held is None:
            kept = self._records.get(ref)
            if kept is None:
                return None
            record = _unpack(kept) if isinstance(kept, bytes) else kept
            if isinstance(record, Rows):
                return record  # only read: they are changed as they are kept
            held = self._at_hand[ref] = _Held(ref, record, True)
        self._last = held
        return held.record

    def those_with(self, whats: Iterable[str], key: str, part: str) -> list[str]:
        """Who of so many remembers something for a key and part. Cheaper than `get` for each."""
        found = []
        for what in whats:
            ref = ref_of(what, key, part)
            held = self._at_hand.get(ref)
            if held.record is not None if held is not None else ref in self._records:
                found.append(what)
        return found

    def put(self, ref: Ref, record: Remembered, wake: int) -> None:
        """Keep a new or changed record, to be looked at when the watermark is beyond `wake` (> 0)."""
        if record.wake != wake:  # a new one has none yet
            record.wake = wake
            self.timers.add(wake, ref)
        held = self._held(ref)
        held.record, held.added = record, None
        if not held.is_changed:
            held.is_changed = True
            self._changed.append(held)

    def add(self, ref: Ref, record: Numerous, place: int, row: Row) -> None:
        """Keep a record that is known and has a row more: at `place`, behind all others. Nothing else has changed."""
        added = self._added_to(ref, record)
        if added is not None:
            if not added:
                added.append(place)
            added.append(row)

    def grow(self, ref: Ref, pane: Pane, counts: Counts) -> None:
        """Keep a pane that is known and in which more was counted. Nothing else has changed."""
        added = self._added_to(ref, pane)
        if added is not None:
            added += counts

    def rows(self, ref: Ref) -> bytes:
        """The rows at a ref that were put or added there, one behind the other; none: b""."""
        kept = self._records.get(ref)
        return rows_of(kept) if isinstance(kept, bytes) else b""

    def add_row(self, ref: Ref, row: bytes, wake: int = NEVER) -> None:
        """Keep a row behind the others, which are looked at when the watermark is beyond `wake` (> 0), or earlier."""
        kept = self._records.get(ref)
        if not isinstance(kept, bytes):
            self.put_rows(ref, row, wake)
            return
        if wake != NEVER and wake < rows_wake(kept):
            self.wake_rows(ref, wake)
            kept = packed_rows(wake, rows_of(kept))
        self._records[ref] = kept + row
        self._rows.append((ref, [row]))

    def wake_rows(self, ref: Ref, wake: int) -> None:
        """Rows that are there are to be looked at when the watermark is beyond `wake` (> 0), and no earlier."""
        kept = self._records.get(ref)
        assert isinstance(kept, bytes)
        if wake != rows_wake(kept):
            self.timers.add(wake, ref)
            self._records[ref] = packed_rows(wake, rows_of(kept))
            self._rows.append((ref, [wake]))

    def put_rows(self, ref: Ref, rows: bytes, wake: int = NEVER) -> None:
        """Keep rows in place of all others, to be looked at when the watermark is beyond `wake` (> 0). None: forget them."""
        kept = self._records.get(ref)
        if not rows:
            if kept is not None:
                self._forget(ref)
                self._rows.append((ref, None))
            return
        packed = packed_rows(wake, rows)
        if kept is None:
            self._shelve(ref)
        if wake != NEVER and (not isinstance(kept, bytes) or rows_wake(kept) != wake):
            self.timers.add(wake, ref)
        self._records[ref] = packed
        self._rows.append((ref, packed))

    def _added_to(self, ref: Ref, record: Remembered) -> Added | None:
        """To note there what is added to a record; None: it is written as a whole."""
        held = self._held(ref)
        held.record = record
        if not held.is_changed:
            held.is_changed = True
            self._changed.append(held)
            if held.is_kept:
                held.added = []
        return held.added

    def drop(self, ref: Ref) -> None:
        """Forget a record."""
        is_kept = self._forget(ref)
        held = self._at_hand.get(ref)
        if not is_kept and (held is None or held.record is None):
            return
        held = self._held(ref)
        held.record, held.added, held.is_kept = None, None, False
        if not held.is_changed:
            held.is_changed = True
            self._changed.append(held)

    def _held(self, ref: Ref) -> _Held:
        held = self._last
        if held.ref is ref:
            return held
        found = self._at_hand.get(ref)
        if found is None:
            found = self._at_hand[ref] = _Held(ref, None, False)
        return found

    def pop_due(self, before: int) -> tuple[int, Ref, Remembered] | None:
        """The next record whose wake time is strictly below `before`, in order of (time, ref)."""
        while (timer := self.timers.pop(before)) is not None:
            wake, ref = timer
            record = self.get(ref)
            if record is not None and record.wake == wake:
                return wake, ref, record
        return None

    def settle(self) -> None:
        """Pack what is numerous, and put it where it is kept, while it is still in the processor's cache."""
        settled, left = self._settled, list[_Held]()
        for held in self._changed:
            ref, record = held.ref, held.record
            if record is None:
                settled.append((ref, None))
                continue
            if type(record) not in _PACKED:
                left.append(held)
                continue
            kept = _pack(record)
            settled.append((ref, kept if held.added is None else held.added))
            self._keep(ref, kept)
        self._changed, self._at_hand, self._last = left, {held.ref: held for held in left}, _NOTHING

    def take_changes(self) -> list[tuple[Ref, Change]]:
        """What changed since the last call, in order; then all that became of rows."""
        self.settle()
        changes = self._settled
        for held in self._changed:
            ref, record = held.ref, held.record
            assert record is not None
            changes.append((ref, record if held.added is None else held.added))
            self._keep(ref, record)
        changes += self._rows
        self._changed, self._settled, self._rows, self._at_hand, self._last = [], [], [], {}, _NOTHING
        return changes

    def _keep(self, ref: Ref, kept: Remembered | bytes) -> None:
        """Where a record is kept; a new one also stands on its shelf."""
        before = len(self._records)
        self._records[ref] = kept
        if len(self._records) > before:
            self._shelve(ref)

    def _shelve(self, ref: Ref) -> None:
        if ref in self._dropped:
            self._dropped.discard(ref)  # it is still there
            return
        shelf = shelf_of(key_of(ref))
        refs = self._shelves[shelf]
        if refs is None:
            self._shelves[shelf] = [ref]
        else:
            refs.append(ref)

    def _forget(self, ref: Ref) -> bool:
        """No longer keep a record; was it kept?"""
        if self._records.pop(ref, None) is None:
            return False
        self._dropped.add(ref)
        return True

    def shelf(self, number: int) -> tuple[list[Ref], list[Remembered | bytes]]:
        """The refs of one shelf, and the record at each. Only after `take_changes`."""
        refs = self._shelves[number]
        if refs is None:
            return [], []
        # In a loop that does nothing else, a processor waits for the memory of several at a time.
        found = [self._records.get(ref) for ref in refs]
        records = [record for record in found if record is not None]
        if len(records) < len(refs):
            self._dropped.difference_update(refs)
            refs = [ref for ref, record in zip(refs, found, strict=True) if record is not None]
            self._shelves[number] = refs or None
        return refs, records

    def load(self, ref: Ref, record: Remembered | bytes | None) -> None:
        """Restore one record, which may be packed (None: it was dropped), without counting it as a change."""
        if record is None:
            self._forget(ref)
        else:
            self._keep(ref, record)

    def load_added(self, ref: Ref, added: msgspec.Raw) -> None:
        """Restore what was added to a record. Raises MsgspecError where nothing can be."""
        kept = self._records.get(ref)
        if isinstance(kept, bytes):
            self._records[ref] = with_added(kept, added)
        elif isinstance(kept, Pane):
            add_counts(kept.counts, decode_counts(added))
        elif kept is not None:
            raise msgspec.ValidationError(f"{type(kept).__name__} has no rows")
        # Else it is from before all that is read, and is in the image of its shelf that is still to come.

    def clear_shelf(self, number: int) -> None:
        """Forget a shelf, before its image is loaded."""
        for ref in self._shelves[number] or ():
            self._records.pop(ref, None)
            self._dropped.discard(ref)
        self._shelves[number] = None

    def loaded(self) -> None:
        """Make the timers anew, after the last `load`."""
        self.timers = Timers(self._wake_of)
        for ref, record in self._records.items():
            if (wake := _wake_of(record)) != NEVER:
                self.timers.add(wake, ref)

    def _wake_of(self, ref: Ref) -> int | None:
        held = self._at_hand.get(ref)
        if held is not None:
            return held.record.wake if held.record is not None else None
        kept = self._records.get(ref)
        return _wake_of(kept) if kept is not None else None

    def _all(self) -> dict[Ref, Remembered | bytes]:
        if not self._at_hand:
            return self._records
        found = dict(self._records)
        for ref, held in self._at_hand.items():
            if held.record is not None:
                found[ref] = held.record
        return found

    def __iter__(self) -> Iterator[tuple[Ref, Remembered]]:
        """All records; they may be dropped meanwhile. What is packed stays so."""
        for ref, record in list(self._all().items()):
            yield ref, _unpack(record) if isinstance(record, bytes) else record

    def of_key(self, key: str) -> list[tuple[Ref, Remembered]]:
        """The records of a key, in order of ref."""
        refs = [*(self._shelves[shelf_of(key)] or ()), *self._at_hand]
        found = ((ref, self.get(ref)) for ref in sorted(dict.fromkeys(refs)) if key_of(ref) == key)
        return [(ref, record) for ref, record in found if record is not None]

    def of(self, kind: type[T]) -> Iterator[tuple[Ref, T]]:
        """All records of one kind; nothing may be put or dropped meanwhile. Others are not unpacked."""
        for ref, record in self._all().items():
            if _kind_of(record) is kind:
                yield ref, _unpack(record) if isinstance(record, bytes) else record  # type: ignore[misc]

    def __len__(self) -> int:
        return len(self._all())


def _wake_of(record: Remembered | bytes) -> int:
    """The wake time of a record (ms), which may be packed."""
    return decode_head(record).wake if isinstance(record, bytes) else record.wake


def _kind_of(record: Remembered | bytes) -> type[Remembered]:
    """The class of a record, which may be packed."""
    return BY_TAG[decode_head(record).tag] if isinstance(record, bytes) else record.__class__
