"""The event path of one process: group, partitions, watchdog."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Mapping

from aiokafka.errors import KafkaError

from pipeline.effects import Effects, Heart
from pipeline.engine.connection import Connection
from pipeline.engine.errors import BrokerUnreachableError
from pipeline.engine.fatal import Fatal, die, told
from pipeline.engine.group import Group
from pipeline.engine.health import Health
from pipeline.engine.tuning import Tuning
from pipeline.engine.watchdog import Watchdog

log = logging.getLogger("pipeline.engine")


class EventPath:
    """Moves events through hearts, exactly once: `start`, `stop`, or `run` until `stop` is called.

    prefix: of the topics; it names the consumer group too.
    hearts: makes the heart of (topic without prefix, partition).
    fatal: gets the reason when this process cannot go on; it should not come back.
    """

    def __init__(
        self,
        connection: Connection,
        prefix: str,
        hearts: Callable[[str, int], Heart],
        *,
        tuning: Tuning | None = None,
        health: Health | None = None,
        fatal: Fatal = die,
    ) -> None:
        self.health = health or Health()
        self.connection = connection
        self.prefix = prefix
        self._tuning = tuning or Tuning()
        self._fatal = fatal
        self._polling: asyncio.Task[None] | None = None
        self._stopped = asyncio.Event()
        self._group = Group(
            connection, prefix, group_id(prefix), hearts, self.health, self._tuning, self._failed
        )
        self._watchdog = Watchdog(self.health, connection, self._tuning.watchdog_s, fatal)

    @property
    def hearts(self) -> Mapping[tuple[str, int], Heart]:
        """The hearts of the partitions that we have, by topic without prefix and partition.

        Look at them between two steps only (that is, without an await in between), in the event loop.
        """
        return {
            (one.health.topic, one.health.partition): one.heart for one in self._group.partitions.values()
        }

    def change(self, change: Callable[[Heart], Effects]) -> None:
        """Let something happen to every heart between two of its steps, in a transaction of its own.

        Hearts that are made later do not hear of it.
        """
        self._group.change(change)

    async def start(self) -> None:
        """Connect and join the group. Raises BrokerUnreachableError."""
        try:
            await self._group.start()
        except KafkaError as error:
            raise BrokerUnreachableError(self.connection, 0, told(error)) from error
        self._polling = asyncio.create_task(self._poll(), name="poll")
        self._watchdog.start()

    async def stop(self) -> None:
        """Finish the transactions under way and leave the group."""
        self._watchdog.stop()
        await self._group.stop()
        if self._polling is not None:
            await asyncio.wait({self._polling}, timeout=self._tuning.close_s)
        self._stopped.set()

    async def run(self) -> None:
        """Start, and come back when `stop` was called."""
        await self.start()
        await self._stopped.wait()

    async def _poll(self) -> None:
        try:
            await self._group.poll()
        except asyncio.CancelledError:
            raise
        except Exception as error:  # noqa: BLE001 - told and final
            if not self.health.stopping:
                self._failed(f"reading: {told(error)}", error)

    def _failed(self, reason: str, error: BaseException) -> None:
        log.debug("%s", reason, exc_info=error)
        self._fatal(reason)


def group_id(prefix: str) -> str:
    """The consumer group of an installation."""
    return f"{prefix}-shards"
