"""How a state is kept: one delta a transaction, and images of some shelves in turn.

A record of the changelog is one byte with the format's version, then lz4-compressed msgpack of a `Delta`
or an `Image`. Reading on from any point behind which every shelf has had an image gives the whole state: an
image replaces its shelf, a delta changes single records. Steps are numbered, so that one that is missing is
noticed.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Final

import cramjam
import msgspec

from pipeline.errors import StateError
from pipeline.state.format_3 import decode_format_3
from pipeline.state.logged import NUMEROUS, Delta, Entry, Image, Position
from pipeline.state.packed import check
from pipeline.state.records import Remembered
from pipeline.state.ref import Ref
from pipeline.state.seen import Seen
from pipeline.state.store import SHELVES, Change, Store

VERSION: Final = 8
#: The formats that can be read. In format 3 records were no bytes, no rows were added to one, a ref was three texts, and
#: there were fewer shelves. No release wrote formats 4 to 7.
READABLE: Final = (3, VERSION)
_READABLE: Final = " and ".join(map(str, READABLE))
#: Records are split below this size (bytes, before compression).
MAX_BYTES: Final = 450_000
#: Deltas take so many times the bytes of images at least.
_DELTAS: Final = 2

#: An image is of so many shelves at most: they are little where the state is small.
_TOGETHER: Final = 16
#: An image takes some bytes even without records.
_NO_RECORDS: Final = 50
#: Fingerprints, which are as even as the digests of keys, go with the shelves: so many numbers of 64 bits with each.
_MARKS: Final = 2**64 // SHELVES

#: What stands there where rows were added to a record.
_ADDED: Final = "+"

_encoder = msgspec.msgpack.Encoder()
_decoder: msgspec.msgpack.Decoder[Delta | Image] = msgspec.msgpack.Decoder(Delta | Image)


class Changelog:
    """Writes and reads the changelog of one store and one set of seen ids.

    kinds: the classes of records that are not numerous; the class's name says in the log which one it is.
    """

    def __init__(self, store: Store, seen: Seen, kinds: Sequence[type[Remembered]] = ()) -> None:
        self._store, self._seen = store, seen
        self._readers: dict[str, Callable[[msgspec.Raw], Remembered | bytes]] = {
            kind.__name__: msgspec.msgpack.Decoder(kind).decode for kind in kinds
        }
        self._readers[NUMEROUS] = _packed_record
        self.position = Position()
        self._step = self._next_shelf = 0
        # What a shelf took in the last image.
        self._shelf_bytes = 1
        # Above 0, an image may be written; below, the last one took more than its share of the deltas since.
        self._allowance = 0
        # The shelves that have had an image since the first record that was loaded; None: it was the very first step.
        self._imaged: set[int] | None = set()

    def step(self, position: Position) -> tuple[list[bytes], bool]:
        """The records of one transaction, and whether a new round of images begins with them."""
        self._number(position)
        changes = [_entry(ref, change) for ref, change in self._store.take_changes()]
        records = _packed(lambda some, _: Delta(position, some, []), changes)
        records += [_pack(Delta(position, [], [part])) for part in _parts(self._seen.take_new())]
        # An image for every transaction would cost the more, the larger the state is, however little has changed.
        self._allowance = min(self._allowance, 0) + sum(map(len, records))
        if self._allowance <= 0:
            return records, False
        begin = self._next_shelf
        shelves = min(self._allowance // (_DELTAS * self._shelf_bytes), _TOGETHER)
        end = min(begin + max(1, shelves), SHELVES)
        images = self._image(begin, end)
        size = sum(map(len, images))
        self._allowance -= _DELTAS * size
        self._shelf_bytes = max(1, (size - _NO_RECORDS) // (end - begin))
        self._next_shelf = end % SHELVES
        return records + images, begin == 0

    def snapshot(self, position: Position) -> list[bytes]:
        """The whole state."""
        self._number(position)  # a step of its own: behind the very first one nothing would be missing
        self._store.take_changes()
        self._seen.take_new()
        images = [
            record
            for begin in range(0, SHELVES, _TOGETHER)
            for record in self._image(begin, begin + _TOGETHER)
        ]
        return [*images, _pack(Delta(position, [], []))]

    def _image(self, begin: int, end: int) -> list[bytes]:
        """The records for the shelves from one to the one before another."""
        entries = list[Entry]()
        for shelf in range(begin, end):
            refs, records = self._store.shelf(shelf)
            entries += [_entry(ref, record) for ref, record in zip(refs, records, strict=True)]
        images = _packed(lambda some, first: Image(begin, end, first, some, []), entries)
        seen = _parts(self._seen.between(begin * _MARKS, end * _MARKS - 1))
        return images + [_pack(Image(begin, end, False, [], [part])) for part in seen]

    def load(self, record: bytes) -> bool:
        """Take one record of the changelog, oldest first; does a round of images begin with it? Raises StateError."""
        version = record[0] if record else 0
        if version not in READABLE:
            raise StateError(
                f"the state has format {version}, this cxloop reads {_READABLE}: run the cxloop that wrote it"
            )
        try:
            # As bytes: the raw parts of a step go on reading in them.
            decode = _decoder.decode if version == VERSION else decode_format_3
            step = decode(bytes(cramjam.lz4.decompress_block(record[1:])))
        except (cramjam.DecompressionError, msgspec.DecodeError) as error:
            raise StateError(f"a record of the state is damaged ({str(error).rstrip('.?')})") from error
        if isinstance(step, Image):
            if not 0 <= step.begin < step.end <= SHELVES:
                raise StateError(
                    f"a record of the state is of shelves {step.begin} to {step.end}, of {SHELVES}"
                )
            if step.first:
                for shelf in range(step.begin, step.end):
                    self._store.clear_shelf(shelf)
                self._next_shelf = step.end % SHELVES
                if self._imaged is not None:
                    self._imaged.update(range(step.begin, step.end))
            entries = step.entries
        else:
            self._count(step.position.step)
            self.position, entries = step.position, step.changes
        try:
            for ref, kind, raw in entries:
                if kind == _ADDED:
                    self._store.load_added(ref, raw)
                else:
                    self._store.load(ref, self._readers[kind](raw) if kind else None)
        except (KeyError, ValueError, msgspec.DecodeError) as error:
            raise StateError(
                f"a record of the state has another shape than this cxloop knows: {error}"
            ) from error
        for generation, fingerprints in step.seen:
            self._seen.load(generation, fingerprints)
        return isinstance(step, Image) and step.first and step.begin == 0

    def _number(self, position: Position) -> None:
        self._step += 1
        position.step = self._step

    def _count(self, step: int) -> None:
        if step == 1:
            self._imaged = None
        elif self._step and step not in (self._step, self._step + 1):
            raise StateError(f"between step {self._step} and {step} of the state records are missing")
        self._step = step

    def loaded(self) -> None:
        """After the last `load`. Raises StateError where what was loaded is not the whole state."""
        if self._imaged and not self._step:
            raise StateError("the newest records of the state are missing")
        if self._step and self._imaged is not None and len(self._imaged) < SHELVES:
            raise StateError(f"the oldest records of the state, before step {self._step}, are missing")
        self._store.loaded()
        self._seen.loaded(self.position.generation, self.position.day)


_decode_bytes: Final = msgspec.msgpack.Decoder(bytes).decode


def _packed_record(raw: msgspec.Raw) -> bytes:
    """One of those that are numerous stays packed, but is sure to be readable."""
    packed = _decode_bytes(raw)
    check(packed)
    return packed


def _entry(ref: Ref, record: Change) -> Entry:
    if isinstance(record, bytes):
        return ref, NUMEROUS, record  # type: ignore[return-value]
    if isinstance(record, list):
        return ref, _ADDED, record  # type: ignore[return-value]
    # Encoded here, each record would be copied twice; in its place, it becomes the same bytes.
    return ref, record.__class__.__name__ if record is not None else "", record  # type: ignore[return-value]


def _pack(step: Delta | Image) -> bytes:
    return _compress(_encoder.encode(step))


def _compress(raw: bytes) -> bytes:
    return bytes((VERSION,)) + bytes(cramjam.lz4.compress_block(raw))


def _packed(
    make: Callable[[list[Entry], bool], Delta | Image], entries: list[Entry], first: bool = True
) -> list[bytes]:
    """Entries in as few records below MAX_BYTES as halving gives; at least one. make: is told which is the first."""
    raw = _encoder.encode(make(entries, first))
    if len(raw) <= MAX_BYTES or len(entries) < 2:
        return [_compress(raw)]
    half = len(entries) // 2
    return _packed(make, entries[:half], first) + _packed(make, entries[half:], False)


def _parts(seen: Iterable[tuple[int, bytes]]) -> Iterable[tuple[int, bytes]]:
    """Fingerprints in parts below MAX_BYTES."""
    most = MAX_BYTES // 8 * 8
    for generation, marks in seen:
        for first in range(0, len(marks), most):
            yield generation, marks[first : first + most]
