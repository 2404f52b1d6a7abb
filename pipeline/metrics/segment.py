"""What a shard hands to the board."""

from __future__ import annotations

from typing import Annotated, Final

import msgspec

from pipeline.state.records import Series

#: What can be counted: sums stay exact far below 64 bits.
Count = Annotated[int, msgspec.Meta(ge=-(2**53), le=2**53)]
#: The watermark of all but the last of several segments that belong together.
UNCHANGED: Final = -1
#: A segment has at most so many rows of counts, so that a record has a limit.
MOST_ROWS: Final = 500


class Segment(msgspec.Struct, omit_defaults=True):
    """Counts, and then the watermark (ms) that they lead to.

    watermark: None: the shard has none, do not wait for it; UNCHANGED: more counts follow.

    counts: rows of the end of a 5 min pane (ms), the place of a series in the record, and then in turns the place of a
    name there and how much (`fold.py`); those of the total come first. levels: (name, label, change).
    silences: (event, since, at): since then (ms) none has come, as is known at that time (ms); -1: they come again.
    """

    watermark: int | None
    counts: list[list[Count]] = []
    levels: list[tuple[str, str, int]] = []
    followups: list[msgspec.Raw] = []
    silences: list[tuple[str, int, int]] = []

    @property
    def is_empty(self) -> bool:
        """Does it count nothing?"""
        return not (self.counts or self.levels or self.followups or self.silences)


class MetricsRecord(msgspec.Struct, omit_defaults=True):
    """What a shard hands to the board. shard: topic/partition; offset: the last one that is counted in it.

    series, names: of all that its segments count, each once.
    """

    shard: str
    offset: int
    segments: list[Segment]
    series: list[Series] = []
    names: list[str] = []


_encode = msgspec.json.Encoder().encode
#: A record of several segments is smaller than this (bytes), unless one segment is larger by itself.
_MOST_BYTES = 500_000


def encoded(record: MetricsRecord) -> list[bytes]:
    """A record as it is written; several where its segments are many."""
    value, segments = _encode(record), record.segments
    if len(value) <= _MOST_BYTES or len(segments) < 2:
        return [value]
    half = len(segments) // 2
    return [
        value
        for some in (segments[:half], segments[half:])
        for value in encoded(msgspec.structs.replace(record, segments=some))
    ]
