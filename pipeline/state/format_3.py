"""The state as format 3 wrote it.

What that format did not look at is not known: where a contact was resolved, and when a review was answered.
"""

from __future__ import annotations

from typing import Final

import msgspec

from pipeline.state.logged import NUMEROUS, Delta, Entry, Image, Position
from pipeline.state.packed import check, decode_head, pack
from pipeline.state.records import Contact, Dims, Hits, Numerous, Review
from pipeline.state.ref import ref_of
from pipeline.state.store import SHELVES

#: Format 3 knew these dimensions alone, in this order; in place of which of today's, and how many those are.
_PLACES: Final = {0: 1, 1: 3, 2: 2, 3: 0}
_DIMENSIONS: Final = 11
#: One of its shelves is so many of today's.
_SHELVES: Final = SHELVES // 256


class _Contact(Numerous, kw_only=True, tag=0):
    opened: int = -1
    first: int = -1
    dims: Dims = ()
    orphans: list[int] = msgspec.field(default_factory=list)


class _Review(Numerous, kw_only=True, tag=1):
    at: int = -1
    event_id: str = ""
    hundredths: int = 0
    dims: Dims = ()
    answered: bool = False


class _Hits(Numerous, kw_only=True, tag=4):
    times: list[int] = msgspec.field(default_factory=list)
    events: list[str] = msgspec.field(default_factory=list)
    blocks: tuple[int, ...] = ()
    reviews: tuple[str, ...] = ()
    parts: tuple[str, ...] = ()


_decode: Final = msgspec.msgpack.Decoder(_Contact | _Review | _Hits).decode
_CHANGED: Final = frozenset((0, 1, 4))


#: (what, key, part, class or "", record).
_Entry = tuple[str, str, str, str, msgspec.Raw]


class _Delta(msgspec.Struct, array_like=True, tag="d"):
    position: Position
    changes: list[_Entry]
    seen: list[tuple[int, bytes]]


class _Image(msgspec.Struct, array_like=True, tag="i"):
    shelf: int
    first: bool
    entries: list[_Entry]
    seen: list[tuple[int, bytes]]


_decode_step: Final = msgspec.msgpack.Decoder(_Delta | _Image).decode


def decode_format_3(step: bytes) -> Delta | Image:
    """A step of format 3 as it is now. Raises MsgspecError where it cannot be read."""
    old = _decode_step(step)
    if isinstance(old, _Delta):
        return Delta(old.position, list(map(_entry, old.changes)), old.seen)
    return Image(
        old.shelf * _SHELVES, (old.shelf + 1) * _SHELVES, old.first, list(map(_entry, old.entries)), old.seen
    )


def _entry(old: _Entry) -> Entry:
    what, key, part, kind, record = old
    return (
        ref_of(what, key, part),
        kind,
        msgspec.Raw(pack(_record(bytes(record)))) if kind == NUMEROUS else record,
    )


def _record(packed: bytes) -> bytes:
    if decode_head(packed).tag not in _CHANGED:
        check(packed)
        return packed
    old = _decode(packed)
    new: Numerous
    if isinstance(old, _Contact):
        times = old.orphans if old.opened < 0 else [old.first] if old.first >= 0 else []
        new = Contact(
            wake=old.wake,
            opened=old.opened,
            dims=_dims(old.dims),
            times=sorted(times),
            turns=[0] * len(times),
        )
    elif isinstance(old, _Review):
        # A moment before it was posted: it was answered, but nobody can say how long that took.
        new = Review(
            wake=old.wake, at=old.at, event_id=old.event_id, hundredths=old.hundredths, dims=_dims(old.dims),
            responded=max(0, old.at - 1) if old.answered else -1, posted=old.at,
        )  # fmt: skip
    else:
        new = Hits(
            wake=old.wake, times=old.times, events=b"".join(map(pack, old.events)), blocks=old.blocks,
            reviews=old.reviews, parts=old.parts,
        )  # fmt: skip
    return pack(new)


def _dims(old: Dims) -> Dims:
    """Of rules that asked for others, too, nobody can say which is which."""
    new: list[str | None] = [None] * _DIMENSIONS
    if len(old) == len(_PLACES):
        for place, value in enumerate(old):
            new[_PLACES[place]] = value
    return tuple(new)
