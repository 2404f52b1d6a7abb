"""The engine's numbers, with what they are for."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Tuning:
    """Sizes and times of the event path. Those that end in _s are seconds.

    batch: records in one step of the heart at most. With 15 µs an event, 4,000 hold the event loop for 60 ms.
    transaction: while more records wait, a transaction takes so many, some; the broker's work and ours for one hardly
        depends on its size.
    backlog, backlog_bytes: records that wait for one partition at most; more are left with the fetcher. A transaction
        takes no more bytes of them either, some.
    linger_s, longest_linger_s: from one transaction of a partition to the next at least, unless a batch waits; it is
        the longer, the longer transactions take, so that a broker that is busy has fewer of them.
    metrics_linger_s: the same for the board. The shards' records change the same panes; together they are written once.
    fetch_bytes: of one partition, in one answer of the broker.
    fetch_wait_s: how long the broker may hold a fetch. Only one is under way to a broker at a time, so a
        partition that resumes waits this long at most.
    quiet_s: without records, a partition is asked for a tick so often.
    session_s, heartbeat_s: until a dead worker loses its partitions; how soon the others hear of it.
    transaction_s: until the broker aborts what a dead worker left open and nobody took over.
    close_s, leave_s: for the transactions under way, when partitions go away; for good-byes to the broker.
    restoring: partitions that are opened at the same time: most of it is waiting for the broker.
    rebuild: where a state cannot be used, compute it anew from the events.
    watchdog_s: without progress, although there is lag, until the process ends.
    """

    batch: int = 4_000
    transaction: int = 12_000
    backlog: int = 12_000
    backlog_bytes: int = 8_388_608
    linger_s: float = 0.05
    longest_linger_s: float = 1.0
    metrics_linger_s: float = 0.25
    fetch_bytes: int = 1_048_576
    fetch_wait_s: float = 0.25
    quiet_s: float = 0.5
    session_s: float = 10.0
    heartbeat_s: float = 1.0
    rebalance_s: float = 30.0
    transaction_s: float = 30.0
    close_s: float = 10.0
    leave_s: float = 3.0
    restoring: int = 16
    rebuild: bool = False
    watchdog_s: float = 120.0
