"""The consumer group over the inputs: who has which partition, and the loop that reads.

Learnt by losing events, each of it:
- The position is set when a partition opens, from its own state. What was read before that is dropped, and
  read again: nothing can be skipped.
- The client sends no heartbeats while `on_partitions_assigned` runs. So it only registers the partitions;
  they open in tasks of their own.
- The loop never waits for one partition. One that is full is not asked for; its records stay with the
  fetcher. (To pause it would throw away what is fetched.)
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Callable, Iterable
from dataclasses import replace
from typing import Any

from aiokafka import AIOKafkaConsumer, ConsumerRebalanceListener, TopicPartition
from aiokafka.errors import KafkaError

from pipeline.effects import METRICS, Effects, Heart
from pipeline.engine import topics
from pipeline.engine.assignor import EvenAssignor
from pipeline.engine.clock import BrokerClock
from pipeline.engine.closing import closed_well
from pipeline.engine.connection import Connection
from pipeline.engine.fatal import told
from pipeline.engine.fetch import unpack_whole_batches
from pipeline.engine.garbage import spare
from pipeline.engine.health import Health
from pipeline.engine.partition import Partition
from pipeline.engine.tuning import Tuning

log = logging.getLogger("pipeline.engine")

#: Asks the fetcher for nothing, but counts as a poll.
NOWHERE = TopicPartition("", -1)
#: Between two attempts to open a partition, s.
RETRY_S = 1.0
#: How often lag is measured, s.
MEASURE_S = 0.2


class Group(ConsumerRebalanceListener):  # type: ignore[misc]
    """Our membership in the consumer group.

    hearts: makes the heart of (topic without prefix, partition).
    failed: gets the reason when something cannot go on; after that nothing here is to be relied on.
    """

    def __init__(
        self,
        connection: Connection,
        prefix: str,
        group: str,
        hearts: Callable[[str, int], Heart],
        health: Health,
        tuning: Tuning,
        failed: Callable[[str, BaseException], None],
    ) -> None:
        self.partitions: dict[TopicPartition, Partition] = {}
        self._connection = connection
        self._prefix = prefix
        self._group = group
        self._hearts = hearts
        self._health = health
        self._tuning = tuning
        self._failed = failed
        # Closed, with their state, in case they come back.
        self._parked: dict[TopicPartition, Partition] = {}
        self._opening: dict[TopicPartition, asyncio.Task[None]] = {}
        self._gate = asyncio.Semaphore(tuning.restoring)
        # The client may take partitions away while we give them back to leave.
        self._releasing = asyncio.Lock()
        self._stopping = False
        self._measured = 0.0
        self._answered = 0
        self._clock = BrokerClock()
        self._consumer: Any = None

    async def start(self) -> None:
        """Connect and join. Partitions come later, by themselves."""
        tuning = self._tuning
        # The client keeps what the assignor remembers on its class: one class for each member.
        assignor = type("Assignor", (EvenAssignor,), {})
        self._consumer = AIOKafkaConsumer(
            **self._connection.aiokafka(),
            group_id=self._group,
            isolation_level="read_committed",
            enable_auto_commit=False,
            auto_offset_reset="earliest",
            partition_assignment_strategy=(assignor,),
            session_timeout_ms=int(tuning.session_s * 1000),
            heartbeat_interval_ms=int(tuning.heartbeat_s * 1000),
            rebalance_timeout_ms=int(tuning.rebalance_s * 1000),
            max_poll_interval_ms=int(tuning.watchdog_s * 1000),
            max_partition_fetch_bytes=tuning.fetch_bytes,
            fetch_max_wait_ms=int(tuning.fetch_wait_s * 1000),
            retry_backoff_ms=100,
        )
        try:
            await self._consumer.start()
        except BaseException:
            await self._consumer.stop()
            raise
        unpack_whole_batches(self._consumer)
        # Not before: `start` would wait for the first assignment.
        self._consumer.subscribe([topics.name(self._prefix, topic) for topic in topics.INPUTS], listener=self)

    async def poll(self) -> None:
        """Read and feed, until stopped. Raises what the client cannot mend itself."""
        consumer, partitions = self._consumer, self.partitions
        while not self._stopping:
            hungry = [at for at, one in partitions.items() if not one.full]
            full = len(hungry) < len(partitions)
            if full and not hungry:
                hungry = [NOWHERE]
            batches = await consumer.getmany(*(hungry if full else ()), timeout_ms=20 if full else 200)
            for at, records in batches.items():
                # One that is not open yet is read anew when it is.
                if (one := partitions.get(at)) is not None and at not in self._opening:
                    one.feed(records)
            self._health.polled = now = time.monotonic()
            if now - self._measured > MEASURE_S:
                self._measured = now
                self._measure(now)

    async def stop(self) -> None:
        """Finish the transactions under way and leave the group, so that others take over at once."""
        self._stopping = True
        self._health.stopping = True
        await self._release(self.partitions)
        # Without a broker it hangs, or raises CancelledError at us.
        if self._consumer is not None and not await closed_well(self._consumer.stop(), self._tuning.leave_s):
            log.warning("could not leave the group in good order; the others notice after its session")

    def change(self, change: Callable[[Heart], Effects]) -> None:
        """Let something happen to every heart between two of its steps, also to those that may come back."""
        for one in (*self.partitions.values(), *self._parked.values()):
            one.change(change)

    # -- what the client tells us -----------------------------------------------------------------

    async def on_partitions_revoked(self, revoked: Iterable[TopicPartition]) -> None:
        """All partitions go away (they may come back at once). The client swallows what is raised here."""
        self._health.joined = False
        try:
            await self._release(list(revoked))
        except Exception as error:  # noqa: BLE001 - told and final
            self._failed(f"giving partitions back: {told(error)}", error)

    async def on_partitions_assigned(self, assigned: Iterable[TopicPartition]) -> None:
        """These are ours from now on. The client swallows what is raised here, and its heart stands still."""
        try:
            self._take_over(assigned)
        except Exception as error:  # noqa: BLE001 - told and final
            self._failed(f"taking partitions: {told(error)}", error)

    # ---------------------------------------------------------------------------------------------

    async def _release(self, which: Iterable[TopicPartition]) -> None:
        async with self._releasing:
            mine = [at for at in which if at in self.partitions]
            opening = [task for at in mine if (task := self._opening.pop(at, None))]
            for task in opening:
                task.cancel()
            # Before it is closed: it may be in the midst of opening.
            await asyncio.gather(*opening, return_exceptions=True)
            await asyncio.gather(*(self.partitions[at].close() for at in mine))
            for at in mine:
                self._parked[at] = self.partitions.pop(at)
                self._health.gone(self._topic(at), at.partition)

    def _take_over(self, assigned: Iterable[TopicPartition]) -> None:
        if self._stopping:
            return
        mine = sorted(at for at in assigned if self._topic(at) != METRICS or at.partition == 0)
        # The board is one. On the embedded broker its topic has more partitions, all empty.
        self._consumer.pause(*assigned)
        for at in mine:
            one = self._parked.pop(at, None) or self._made(at)
            self._health.assigned(self._topic(at), at.partition)
            self.partitions[at] = one
            # Registered before it opens.
            self._opening[at] = asyncio.create_task(self._open(at, one), name=f"open {one.health.name}")
        # Those went to somebody else, who knows better by now.
        self._parked.clear()
        self._health.rebalances += 1
        self._health.joined = True
        log.info("partitions: %s", ", ".join(one.health.name for one in self.partitions.values()) or "none")

    def _topic(self, at: TopicPartition) -> str:
        return str(at.topic.removeprefix(f"{self._prefix}."))

    def _made(self, at: TopicPartition) -> Partition:
        topic = self._topic(at)
        return Partition(
            at,
            self._connection,
            self._prefix,
            self._group,
            lambda: self._hearts(topic, at.partition),
            self._health.assigned(topic, at.partition),
            replace(self._tuning, linger_s=self._tuning.metrics_linger_s)
            if topic == METRICS
            else self._tuning,
            self._clock,
            committed=lambda: self._consumer.committed(at),
            caught_up=lambda: self._caught_up(at),
            failed=self._failed,
            on_step=self._health.step,
            on_transaction=self._health.transaction,
        )

    async def _open(self, at: TopicPartition, one: Partition) -> None:
        try:
            async with self._gate:
                began = time.monotonic()
                position = await self._opened(one)
        except asyncio.CancelledError:
            raise
        except Exception as error:  # noqa: BLE001 - told and final
            self._failed(f"{one.health.name}: {told(error)}", error)
            return
        if one.health.restored:
            spare()
            seconds = time.monotonic() - began
            log.info("%s: restored, %d offsets in %.1f s", one.health.name, one.health.restored, seconds)
        # In one step, so that nothing is read in between.
        self._consumer.seek(at, position)
        self._consumer.resume(at)
        one.start()
        del self._opening[at]

    async def _opened(self, one: Partition) -> int:
        while True:
            try:
                return await one.open()
            except KafkaError as error:
                # Losses of connection are retried for ever.
                if not error.retriable:
                    raise
                log.warning("%s: %s; trying again", one.health.name, told(error))
                await one.close()
                await asyncio.sleep(RETRY_S)

    # ---------------------------------------------------------------------------------------------

    def _gap(self, at: TopicPartition) -> int | None:
        """Offsets that were not fed, of one that is assigned; None before the first answer."""
        assignment = self._consumer._subscription.subscription.assignment  # noqa: SLF001 - no public way that does not wait
        state = assignment.state_value(at) if assignment is not None else None
        if state is None or state.highwater is None or not state.has_valid_position:
            return None
        return max(0, int(state.highwater) - int(state.position))

    def _caught_up(self, at: TopicPartition) -> bool:
        return at not in self._opening and self._gap(at) == 0

    def _measure(self, now: float) -> None:
        full, latest = False, 0
        for at, one in self.partitions.items():
            if at in self._opening or (gap := self._gap(at)) is None:
                continue
            one.health.lag = gap + one.waiting
            one.health.end = self._consumer.highwater(at)
            stable = self._consumer.last_stable_offset(at)
            one.health.undecided = one.health.end - stable if stable is not None else 0
            full |= one.full
            latest = max(latest, self._consumer.last_poll_timestamp(at))
        # Who stands by asks for no records; but he has a coordinator, as long as that one hears from him.
        led = not self.partitions and self._consumer._coordinator.coordinator_id is not None  # noqa: SLF001
        # While a partition is full, it may be us who do not ask.
        if full or led or latest != self._answered:
            self._answered = latest
            self._health.answered = now
