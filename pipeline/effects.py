"""What a step gives back: records to write. It does nothing by itself; the edge writes them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Final, Protocol

import msgspec

from pipeline.events.codec import Record

TOUCHPOINTS: Final = "touchpoints"
REVIEWS: Final = "reviews"
METRICS: Final = "metrics"
ALERTS: Final = "alerts"
FOLLOW_UPS: Final = "followups"
DEAD_LETTERS: Final = "deadletters"

#: No output may be larger (bytes); topics admit a little more, for Kafka's own headers.
MAX_OUTPUT_BYTES: Final = 1_000_000


class Output(msgspec.Struct, gc=False):
    """One record for a topic (without its prefix), partitioned by key; no key: partition 0."""

    topic: str
    key: bytes | None
    value: bytes


@dataclass(slots=True)
class Effects:
    """All that one step leaves behind, to be written in one transaction.

    changelog: records for the changelog of this partition, in order.
    rotation: a new round of state images begins with the first of them.
    """

    outputs: list[Output] = field(default_factory=list)
    changelog: list[bytes] = field(default_factory=list)
    rotation: bool = False


class Heart(Protocol):
    """What an engine drives: one per input partition. Pure: the same records give the same effects.

    applied: offset of the last record taken, by this heart or by the one whose state was restored; -1 before the first.
    watermark: ms UTC; None before the first record.
    """

    @property
    def applied(self) -> int: ...
    @property
    def watermark(self) -> int | None: ...

    def apply(self, records: Iterable[Record]) -> Effects:
        """Take records in order of offset; those at or below `applied` are skipped."""
        ...

    def restore(self, value: bytes) -> bool:
        """Take one record of the changelog, oldest first; is it the first image of a round? Raises StateError."""
        ...

    def opened(self, waiting: bool) -> Effects:
        """Called once after the last `restore`. waiting: the partition holds records not yet applied."""
        ...

    def snapshot(self) -> list[bytes]:
        """The whole state, as records that `restore` takes."""
        ...

    def tick(self, now: int) -> bytes | None:
        """A `cx.clock.ticked` for this very partition, if its time should move on. now: ms UTC, of the broker."""
        ...

    def stats(self) -> Mapping[str, int]:
        """Counters since the heart was made, for /metrics."""
        ...
