"""Records as bytes: what is numerous is kept packed, and rows are added to it without unpacking them."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any, Final, get_args

import msgspec

from pipeline.state.records import (
    Answered,
    Contact,
    Cooldown,
    Counts,
    FollowUp,
    Head,
    Hits,
    Matched,
    Mood,
    Numerous,
    Promised,
    Review,
    Rows,
    Series,
    Sums,
    Trail,
    Waits,
)

_Packed = (
    Contact
    | Review
    | Waits
    | Answered
    | Hits
    | Cooldown
    | FollowUp
    | Trail
    | Matched
    | Promised
    | Rows
    | Mood
)
#: The classes of those that are numerous.
PACKED: Final = frozenset(get_args(_Packed))
BY_TAG: Final[dict[int, type[Numerous]]] = {kind.__struct_config__.tag: kind for kind in get_args(_Packed)}
_decode_head: Final = msgspec.msgpack.Decoder(Head).decode
#: All but `Rows` → bytes, and back. They raise msgspec.MsgspecError.
pack = msgspec.msgpack.Encoder().encode
_unpack: Final[Callable[[bytes], Numerous]] = msgspec.msgpack.Decoder(_Packed).decode


#: A row of a record that has a list for each field of its rows: an item of each, in their order.
Row = tuple[Any, ...]
#: What was added to such a record: at which place the first of the rows stands, and the rows. To a pane: counts.
Added = list[Any]
decode_counts: Final = msgspec.msgpack.Decoder(Counts).decode
_decode_texts: Final = msgspec.msgpack.Decoder(list[str]).decode
#: Reads the rows that were added to each class of record that can have some.
_decode_rows: Final[Mapping[type[Numerous], Callable[[msgspec.Raw], list[Any]]]] = {
    Hits: msgspec.msgpack.Decoder(list[int | tuple[int, str]]).decode,
    Contact: msgspec.msgpack.Decoder(list[int | tuple[int, int]]).decode,
    Mood: msgspec.msgpack.Decoder(list[int | tuple[int, bool]]).decode,
}


#: What was added to rows: a row, or when they wake from now on (ms).
_decode_rows_added: Final = msgspec.msgpack.Decoder(list[bytes | int]).decode
#: `Rows` are packed so that a row is added by putting it behind the others: what msgpack says before tag and wake time,
#: that time in 8 bytes, and the rows as they are.
_ROWS: Final = bytes((0x92, 10, 0xCF))
_ROWS_AT: Final = len(_ROWS) + 8


def packed_rows(wake: int, rows: bytes) -> bytes:
    """`Rows`, packed. wake: ms."""
    return _ROWS + wake.to_bytes(8, "big") + rows


def rows_of(packed: bytes) -> bytes:
    """The rows of what is packed like that."""
    return packed[_ROWS_AT:]


def rows_wake(packed: bytes) -> int:
    """When they wake (ms)."""
    return int.from_bytes(packed[len(_ROWS) : _ROWS_AT], "big")


def unpack(packed: bytes) -> Numerous:
    """A packed record. Raises MsgspecError."""
    if packed.startswith(_ROWS):
        return Rows(wake=rows_wake(packed), rows=rows_of(packed))
    return _unpack(packed)


def decode_head(packed: bytes) -> Head:
    """What a packed record begins with. Raises MsgspecError."""
    return _decode_head(packed[:_ROWS_AT] if packed.startswith(_ROWS) else packed)


def add_counts(sums: Sums, counts: Iterable[tuple[Series, dict[str, int]]]) -> None:
    """Add counts to sums."""
    for series, of in counts:
        into = sums.get(series)
        if into is None:
            sums[series] = dict(of)
        else:
            for name, n in of.items():
                into[name] = into.get(name, 0) + n


def texts_of(hits: Hits) -> list[str]:
    """The texts of all events of a record."""
    return _decode_texts(list_head(len(hits.times)) + hits.events)


def list_head(n: int) -> bytes:
    """What msgpack says before the items of a list."""
    return bytes((0x90 | n,)) if n < 16 else b"\xdc" + n.to_bytes(2)


def check(packed: bytes) -> None:
    """Raises MsgspecError where a packed record cannot be read."""
    record = unpack(packed)
    if isinstance(record, Hits):
        texts_of(record)


def with_added(packed: bytes, added: msgspec.Raw) -> bytes:
    """A packed record with the rows that were added to it. Raises MsgspecError where it cannot have them."""
    record = unpack(packed)
    if isinstance(record, Rows):
        for one in _decode_rows_added(added):
            packed = packed_rows(one, rows_of(packed)) if isinstance(one, int) else packed + one
        return packed
    if type(record) not in _decode_rows:
        raise msgspec.ValidationError(f"{type(record).__name__} has no rows")
    place, *rows = _decode_rows[type(record)](added) or [-1]
    lists = _lists_of(record)
    if not isinstance(place, int) or not 0 <= place <= len(lists[0]):
        raise msgspec.ValidationError("rows of a record are missing")
    # Rows that say their place may stand there already: they are the same, however often they are said.
    if isinstance(record, Hits) and place < len(record.times):
        record.events = b"".join(map(pack, texts_of(record)[:place]))
    for items in lists:
        del items[place:]
    for row in rows:
        if isinstance(row, int):
            raise msgspec.ValidationError("a number is no row")
        for items, item in zip(lists, row, strict=False):
            items.append(item)
        if isinstance(record, Hits):
            record.events += pack(row[1])
    return pack(record)


def _lists_of(record: Numerous) -> list[list[Any]]:
    """The lists that hold the items of its rows, in their order."""
    if isinstance(record, Contact):
        return [record.times, record.turns]
    if isinstance(record, Mood):
        return [record.times, record.unhappy]
    assert isinstance(record, Hits)
    return [record.times]  # its texts are no list
