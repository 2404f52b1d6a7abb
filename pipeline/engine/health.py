"""How the event path is doing: plain values that the engine keeps up to date and anybody may read."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Literal

State = Literal["opening", "restoring", "rebuilding", "running", "closing"]


@dataclass(slots=True)
class PartitionHealth:
    """One assigned partition.

    topic: without its prefix.
    applied, end: offset of the last committed record (-1: none), and the one behind the last in the topic.
    lag: records that are not yet applied (the markers of open transactions count too); None while it is not known.
    undecided: those of them that nobody can read yet: they lie behind a transaction that a producer has not ended.
    watermark: ms UTC of event time, None before the first record.
    progress: `time.monotonic()` of the last step forward.
    restored, to_restore: offsets of the changelog that are behind us, and that there are. Of the events, while it is rebuilt.
    records, transactions, transaction_seconds: sums since the process began.
    batch_records, batch_seconds: of the last transaction; seconds from its begin to its commit.
    opens: how often this process opened the partition.
    lost: records that retention took away before they were applied.
    stamp: when the last record that the heart took arrived, ms UTC of the broker; 0: none yet.
    """

    topic: str
    partition: int
    state: State = "opening"
    applied: int = -1
    end: int = 0
    lag: int | None = None
    undecided: int = 0
    watermark: int | None = None
    progress: float = field(default_factory=time.monotonic)
    restored: int = 0
    to_restore: int = 0
    records: int = 0
    transactions: int = 0
    transaction_seconds: float = 0.0
    batch_records: int = 0
    batch_seconds: float = 0.0
    ticks: int = 0
    opens: int = 0
    lost: int = 0
    stamp: int = 0

    @property
    def name(self) -> str:
        return f"{self.topic}/{self.partition}"

    def committed(self, applied: int) -> None:
        """The record at this offset, and all before it, are applied. What was measured before goes along with that."""
        self.applied = applied
        self.end = max(self.end, applied + 1)
        if self.lag is not None:
            self.lag = min(self.lag, self.end - self.applied - 1)

    def moved(self) -> None:
        """A step forward happened now."""
        self.progress = time.monotonic()


#: Called behind each step or transaction with the partition, its records and seconds (for histograms).
Observer = Callable[[PartitionHealth, int, float], None]


@dataclass(slots=True)
class Health:
    """The whole event path of this process.

    partitions: those that are ours now, by topic and partition.
    joined: the group has given us our share of the partitions (which may be none), and not yet taken it back.
    polled, answered: `time.monotonic()` of the poll loop's last round, and of the broker's last answer to it.
    broker: what keeps us from the broker, as a sentence; None when all is well.
    stalled: what stands still though a broker is there, as a sentence; None when nothing does.
    rebalances: how often partitions were handed out anew.
    """

    partitions: dict[tuple[str, int], PartitionHealth] = field(default_factory=dict)
    _known: dict[tuple[str, int], PartitionHealth] = field(default_factory=dict)
    joined: bool = False
    stopping: bool = False
    started: float = field(default_factory=time.monotonic)
    polled: float = field(default_factory=time.monotonic)
    answered: float = field(default_factory=time.monotonic)
    broker: str | None = None
    stalled: str | None = None
    rebalances: int = 0
    on_step: Observer | None = None
    on_transaction: Observer | None = None

    def assigned(self, topic: str, partition: int) -> PartitionHealth:
        """The entry of a partition that is ours now; sums of an earlier time with it go on."""
        one = self._known.setdefault((topic, partition), PartitionHealth(topic, partition))
        one.state = "opening"
        one.lag, one.undecided = None, 0
        one.moved()
        self.partitions[topic, partition] = one
        return one

    def gone(self, topic: str, partition: int) -> None:
        """A partition is no longer ours."""
        self.partitions.pop((topic, partition), None)

    @property
    def ready(self) -> bool:
        """All assigned partitions are open and move, and the broker answers."""
        return not self.unready()

    def unready(self) -> list[str]:
        """Why we do not do our work, one sentence each; empty: we do."""
        reasons = [reason for reason in (self.broker, self.stalled) if reason is not None]
        if self.stopping:
            reasons.append("This worker hands its partitions over and ends.")
        elif not self.joined:
            reasons.append("The group has not given this worker its partitions yet.")
        reasons += [
            f"{one.name} is {one.state}." for one in self.partitions.values() if one.state != "running"
        ]
        return reasons

    @property
    def lag(self) -> int:
        """Records that wait, in all our partitions, as far as that is known."""
        return sum(one.lag or 0 for one in self.partitions.values())

    def alive(self, within_s: float = 120.0) -> bool:
        """The poll loop has gone round within so many seconds. Does not ask Kafka."""
        return time.monotonic() - self.polled < within_s

    def transaction(self, one: PartitionHealth, records: int, seconds: float) -> None:
        """A transaction was committed."""
        one.records += records
        one.transactions += 1
        one.transaction_seconds += seconds
        one.batch_records = records
        one.batch_seconds = seconds
        one.moved()
        if self.on_transaction is not None:
            self.on_transaction(one, records, seconds)

    def step(self, one: PartitionHealth, records: int, seconds: float) -> None:
        """The heart took records."""
        if self.on_step is not None:
            self.on_step(one, records, seconds)
