"""What the records of a changelog hold."""

from __future__ import annotations

from typing import Final

import msgspec

from pipeline.state.ref import Ref

#: (ref, class or "", record). The record stays msgpack until its class is known.
Entry = tuple[Ref, str, msgspec.Raw]
#: How the class of a record is called that says itself which one it is.
NUMEROUS: Final = "Numerous"


class Position(msgspec.Struct, array_like=True, kw_only=True):
    """Where a shard stands. Times are ms UTC of event time; -1: none.

    applied: offset; latest: greatest event time; distance: ms from that event's time to its broker timestamp.
    generation, day: see `Seen`. rules: the version of the rule set. step: how many steps the changelog has had.
    """

    applied: int = -1
    watermark: int = -1
    latest: int = -1
    distance: int = 0
    generation: int = 0
    day: int = -1
    rules: str = ""
    step: int = 0


class Delta(msgspec.Struct, array_like=True, tag="d"):
    """What one transaction changed."""

    position: Position
    changes: list[Entry]
    seen: list[tuple[int, bytes]]


class Image(msgspec.Struct, array_like=True, tag="i"):
    """Some shelves, whole, from one to the one before another; or a part of them, where they are large.

    first: whether it is the first part, which empties the shelves.
    """

    begin: int
    end: int
    first: bool
    entries: list[Entry]
    seen: list[tuple[int, bytes]]
