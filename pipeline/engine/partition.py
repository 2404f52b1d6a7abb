"""One open partition: its heart, its producer, and the records that wait for it."""

from __future__ import annotations

import asyncio
import logging
import time
from collections import deque
from collections.abc import Awaitable, Callable, Iterator, Sequence
from itertools import chain
from typing import Any

from aiokafka import TopicPartition

from pipeline.effects import Effects, Heart
from pipeline.engine.changelog import Reader, delete_records, trim
from pipeline.engine.clock import BrokerClock
from pipeline.engine.commit import Transactions
from pipeline.engine.connection import Connection
from pipeline.engine.errors import StateAheadError
from pipeline.engine.fatal import told
from pipeline.engine.fetch import UNPACKED, Unread
from pipeline.engine.health import Observer, PartitionHealth
from pipeline.engine.tuning import Tuning
from pipeline.errors import StateError

log = logging.getLogger("pipeline.engine")

#: So many records of a rebuilt state are written in one transaction; each has less than half a megabyte.
REBUILT = 20
#: From one transaction to the next it is so many times as long as the last one took, where few records wait.
_LINGER_FOR = 2.0


class _Step:
    """What goes into one transaction: the effects of one batch, or of several.

    records, size: how many, and their bytes; behind: the offset behind the last of them.
    """

    __slots__ = ("applied", "behind", "effects", "records", "size")

    def __init__(self, effects: Effects | None = None) -> None:
        self.effects = effects or Effects()
        self.applied: int | None = None
        self.records = self.size = self.behind = 0

    def add(self, effects: Effects, applied: int, records: int, size: int, behind: int) -> None:
        """Take the effects of one more batch. applied: offset of its last record."""
        if self.records:
            self.effects.outputs += effects.outputs
            self.effects.changelog += effects.changelog
            self.effects.rotation |= effects.rotation
        else:
            self.effects = effects
        self.applied, self.behind = applied, behind
        self.records += records
        self.size += size


class Partition:
    """One input partition, from its assignment to its going away.

    `open`, `start`, `feed` with what is read, `close` at the end. One that was closed may be opened again
    when the partition comes back: if nobody wrote its changelog meanwhile, what is in memory still holds,
    and nothing is read again.

    committed: the group's offset, the one behind the last that is done; None: nothing yet.
    caught_up: whether everything in the topic has been fed. failed: gets the reason when this partition
    cannot go on. on_step, on_transaction: told of each.
    """

    def __init__(
        self,
        source: TopicPartition,
        connection: Connection,
        prefix: str,
        group: str,
        heart: Callable[[], Heart],
        health: PartitionHealth,
        tuning: Tuning,
        clock: BrokerClock,
        *,
        committed: Callable[[], Awaitable[int | None]],
        caught_up: Callable[[], bool],
        failed: Callable[[str, BaseException], None],
        on_step: Observer,
        on_transaction: Observer,
    ) -> None:
        self.source = source
        self.changelog = TopicPartition(f"{source.topic}.changelog", source.partition)
        self.health = health
        self.heart = heart()
        self._make_heart = heart
        self._connection = connection
        self._prefix = prefix
        self._group = group
        self._tuning = tuning
        self._clock = clock
        self._committed_offset = committed
        self._caught_up = caught_up
        self._failed = failed
        self._on_step = on_step
        self._on_transaction = on_transaction
        self._transactions: Transactions | None = None
        self._queue: deque[Unread] = deque()
        self._queued_bytes = 0
        # The offsets behind what was fed, what the heart has taken, and what is committed.
        self._fed = self._taken = self._committed = 0
        self._gathered_at = 0.0
        # How long the last transaction took, s.
        self._took = 0.0
        self._wake = asyncio.Event()
        self._closing = False
        self._running: asyncio.Task[None] | None = None
        # The heart knows the changelog up to this offset; None: nothing of it.
        self._known: int | None = None
        # The heart has gone on from the changelog's end by itself.
        self._opened = False
        self._ticked = -1
        # Where the newest full round of images begins in the changelog.
        self._round = -1
        self._trims: set[asyncio.Task[None]] = set()
        self._changes: deque[Callable[[Heart], Effects]] = deque()

    # -- opening ----------------------------------------------------------------------------------

    async def open(self) -> int:
        """Fence, restore, and say at which offset to read on. Raises StateError, StateAheadError, KafkaError."""
        health = self.health
        health.state = "opening"
        health.opens += 1
        health.moved()
        self._closing = False
        transactions = self._transactions = Transactions(
            self._connection, self._prefix, self._group, self.source, self._tuning, self._clock
        )
        await transactions.start()
        async with Reader(self._connection, self._tuning) as reader:
            try:
                position, effects = await self._resume(reader)
            except StateError as error:
                if not self._tuning.rebuild:
                    raise StateError(
                        f"its state cannot be used: {error}. `cxloop run --rebuild` computes it anew from the events that "
                        "are still there"
                    ) from error
                log.warning("%s: its state cannot be used: %s. It is computed anew", health.name, error)
                await self._rebuild(reader, transactions)
                position, effects = await self._resume(reader, rebuilt=True)
            if effects.outputs or effects.changelog:
                try:
                    await self._commit(transactions, _Step(effects))
                except BaseException:
                    # Cut short here, the heart is ahead of its changelog.
                    self._forget()
                    raise
        health.applied = self.heart.applied
        health.watermark = self.heart.watermark
        health.state = "running"
        health.moved()
        self._fed = self._taken = self._committed = position
        return position

    async def _resume(self, reader: Reader, *, rebuilt: bool = False) -> tuple[int, Effects]:
        """Restore; where to read on, and what the heart says first. Raises StateError, StateAheadError."""
        try:
            await self._restore(reader)
            position, waiting = await self._position(reader, rebuilt)
            # Once for each heart: one that was kept while the partition was away goes on by itself.
            first, self._opened = not self._opened, True
            return position, self.heart.opened(waiting) if first else Effects()
        except StateError:
            self._forget()
            raise

    async def _rebuild(self, reader: Reader, transactions: Transactions) -> None:
        """Make the state anew of the events up to where this installation has come, and say nothing of it to others.

        Killed in the midst of it, it begins again: there is no position before all is written.
        """
        health, heart = self.health, self._make_heart()
        health.state = "rebuilding"
        begin, end = await reader.span(self.source)
        end = min(end, await self._committed_offset() or 0)
        health.restored, health.to_restore = 0, end - begin
        some: list[Any] = []

        def take(record: Any) -> bool:
            some.append(record)
            health.restored = record.offset + 1 - begin
            if len(some) >= self._tuning.batch:
                heart.apply(some)
                some.clear()
                health.moved()
            return True

        await reader.read(self.source, begin, end, take)
        heart.apply(some)
        _, behind = await reader.span(self.changelog)
        await delete_records(self._connection, self.changelog, behind)
        records = heart.snapshot() if heart.applied >= 0 else []
        for first in range(0, len(records), REBUILT):
            _, behind = await transactions.commit(Effects(changelog=records[first : first + REBUILT]), None)
            health.moved()
        await reader.decided(self.changelog, behind)
        log.info("%s: its state is rebuilt of %d offsets", health.name, end - begin)

    async def _restore(self, reader: Reader) -> None:
        health = self.health
        health.state = "restoring"
        health.restored = health.to_restore = 0
        begin, end = await reader.span(self.changelog)
        if self._known is not None:
            # Cut off, or made anew: what we know has no place in it.
            out_of_range = not begin <= self._known <= end
            # Somebody else went on from it meanwhile.
            if out_of_range or (
                self._opened and not await reader.read(self.changelog, self._known, end, _stop)
            ):
                self._forget()
        if self._opened:
            return
        start = begin if self._known is None else self._known
        health.to_restore = end - start
        restore = self.heart.restore

        def take(record: Any) -> bool:
            if restore(record.value):
                self._round = record.offset
            self._known = record.offset + 1
            health.restored = self._known - start
            health.moved()
            return True

        await reader.read(self.changelog, start, end, take)
        self._known, health.restored = end, end - start

    def _forget(self) -> None:
        self.heart = self._make_heart()
        self._known = None
        self._opened = False
        self._round = -1

    async def _position(self, reader: Reader, rebuilt: bool) -> tuple[int, bool]:
        """Where to read on, and whether a record is there."""
        begin, end = await reader.span(self.source)
        applied = self.heart.applied
        if applied >= end:
            raise StateAheadError(self.source.topic, self.source.partition, applied, end)
        committed = await self._committed_offset() or 0
        if committed > applied + 1 and not rebuilt:
            # State and offsets are written in one transaction. To go on would mean to say everything once more.
            known = f"the state ends at {applied}" if applied >= 0 else "there is no state"
            raise StateError(f"events up to offset {committed - 1} were processed, but {known}")
        position = max(applied + 1, begin, committed)
        if applied >= 0 and position > applied + 1:
            self.health.lost += position - applied - 1
            log.error(
                "%s/%d: offsets %d to %d were deleted before they were read; is its retention too short?",
                self.source.topic,
                self.source.partition,
                applied + 1,
                position - 1,
            )
        self.health.end = end
        # Behind the last record there may be markers of transactions only; so look.
        nothing = position >= end or await reader.read(self.source, position, end, _stop)
        return position, not nothing

    # -- running ----------------------------------------------------------------------------------

    def start(self) -> None:
        """Begin to take what is fed."""
        self._running = asyncio.create_task(self._run(), name=f"partition {self.health.name}")

    def feed(self, unread: Sequence[Unread]) -> None:
        """Records in order, as they were read. Never waits."""
        self._queue += unread
        self._queued_bytes += sum(one.size for one in unread)
        self._fed = unread[-1].behind
        self._wake.set()

    def change(self, change: Callable[[Heart], Effects]) -> None:
        """Let something happen to the heart between two steps, in a transaction of its own; now, or once it is open."""
        self._changes.append(change)

    @property
    def full(self) -> bool:
        """Enough records wait; leave further ones where they are."""
        tuning = self._tuning
        return self._queued >= tuning.backlog or self._queued_bytes >= tuning.backlog_bytes

    @property
    def waiting(self) -> int:
        """Offsets that were fed and are not committed."""
        return self._fed - self._committed

    @property
    def _queued(self) -> int:
        return self._fed - self._taken

    async def _run(self) -> None:
        try:
            await self._steps()
        except asyncio.CancelledError:
            raise
        except Exception as error:  # noqa: BLE001 - whatever it is, this partition cannot go on
            self._failed(f"{self.health.name}: {told(error)}", error)

    async def _steps(self) -> None:
        transactions, tuning = self._transactions, self._tuning
        assert transactions is not None, "open it first"
        done = _Step()
        committing: asyncio.Task[None] | None = None

        async def commit() -> None:
            nonlocal committing, done
            if committing is not None:
                await committing
                committing = None
            if done.records:
                committing = asyncio.create_task(self._commit(transactions, done))
                done = _Step()

        try:
            while not self._closing:
                if self._changes:
                    await commit()
                    await commit()
                    effects = self._changes.popleft()(self.heart)
                    if effects.outputs or effects.changelog:
                        await self._commit(transactions, _Step(effects))
                elif done.records and not self._queued:
                    await commit()
                elif await self._gathered():
                    self._apply(done)
                    if done.records >= tuning.transaction or done.size >= tuning.backlog_bytes:
                        await commit()
                    # For the others: without this, a full queue would keep the event loop to itself.
                    await asyncio.sleep(0)
                elif not self._closing:
                    await commit()
                    await self._tick(transactions)
            # What the heart has taken is committed, so that heart and changelog agree.
            await commit()
            await commit()
        finally:
            if committing is not None:
                committing.cancel()

    async def _gathered(self) -> bool:
        """Wait for records; False when it was quiet for a while, or we are closing."""
        tuning = self._tuning
        if not self._queued:
            await self._until(1, tuning.quiet_s)
        if not self._queued or self._closing:
            return False
        # Few records: let others come too, so that there are fewer transactions; the fewer, the slower the broker is.
        linger = max(tuning.linger_s, min(_LINGER_FOR * self._took, tuning.longest_linger_s))
        pause = self._gathered_at + linger - time.monotonic()
        if pause > 0:
            await self._until(tuning.batch, pause)
        self._gathered_at = time.monotonic()
        return not self._closing

    async def _until(self, count: int, within_s: float) -> None:
        """Wait for so many records, but not longer, and not when closing."""
        late = False

        def ring() -> None:
            nonlocal late
            late = True
            self._wake.set()

        timer = asyncio.get_running_loop().call_later(within_s, ring)
        try:
            while self._queued < count and not late and not self._closing:
                self._wake.clear()
                await self._wake.wait()
        finally:
            timer.cancel()

    def _apply(self, step: _Step) -> None:
        """Up to a batch of records through the heart. Pure CPU, while the transaction before waits for the broker."""
        left = most = self._tuning.batch
        behind, size = self._taken, 0

        def picked() -> Iterator[list[Any]]:
            nonlocal left, behind, size
            while left and self._queue:
                unread = self._queue[0]
                asked = min(left, UNPACKED)
                some = unread.take(asked)
                left -= len(some)
                if some:
                    self.health.stamp = some[-1].timestamp
                if len(some) < asked:
                    behind = unread.behind
                    size += unread.size
                    self._queue.popleft()
                yield some

        began = time.monotonic()
        effects = self.heart.apply(chain.from_iterable(picked()))
        self._on_step(self.health, most - left, time.monotonic() - began)
        self._taken = max(behind, self.heart.applied + 1)
        self._queued_bytes -= size
        step.add(effects, self.heart.applied, most - left, size, self._taken)

    async def _commit(self, transactions: Transactions, step: _Step) -> None:
        began = time.monotonic()
        first, behind = await transactions.commit(step.effects, step.applied)
        self._took = time.monotonic() - began
        if step.records:
            self._committed = step.behind
        health = self.health
        health.committed(self.heart.applied if step.applied is None else step.applied)
        health.watermark = self.heart.watermark
        self._on_transaction(health, step.records, self._took)
        if first < 0:
            return
        self._known = behind
        if step.effects.rotation:
            # The round before this one is complete now; nothing below it is needed.
            if self._round >= 0:
                trimming = asyncio.create_task(trim(self._connection, self.changelog, self._round))
                self._trims.add(trimming)
                trimming.add_done_callback(self._trims.discard)
            self._round = first

    async def _tick(self, transactions: Transactions) -> None:
        """Move the clock of a quiet partition, once everything is applied, our last tick too."""
        if self._ticked > self.heart.applied or not self._caught_up():
            return
        value = self.heart.tick(self._clock.now())
        if value is None:
            return
        self._ticked = await transactions.append(value)
        self.health.ticks += 1

    # -- going away -------------------------------------------------------------------------------

    async def close(self) -> None:
        """Finish the transaction under way, and let go. Records that wait are left to the next owner."""
        self._closing = True
        self.health.state = "closing"
        self._wake.set()
        tuning, name = self._tuning, self.health.name
        if self._running is not None:
            _, late = await asyncio.wait({self._running}, timeout=tuning.close_s)
            if late:
                log.warning(
                    "%s: its transaction did not end within %g s; it is left open", name, tuning.close_s
                )
                self._running.cancel()
                await asyncio.wait({self._running}, timeout=1)
                self._forget()
            self._running = None
        self._queue.clear()
        self._queued_bytes = 0
        self._fed = self._taken = self._committed
        if self._trims:
            await asyncio.wait(self._trims, timeout=tuning.leave_s)
        if self._transactions is not None:
            if not await self._transactions.stop(tuning.leave_s):
                log.warning("%s: its producer did not close within %g s", name, tuning.leave_s)
            self._transactions = None


def _stop(_record: Any) -> bool:
    return False
