"""The event path with real hearts on a real Kafka, in this process."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager

from pipeline.effects import REVIEWS, TOUCHPOINTS, Heart
from pipeline.engine import Connection, EventPath, Plan, Tuning, topics
from pipeline.parts import Parts

#: Quick to notice, for there is little to do.
TUNING = Tuning(linger_s=0.01, fetch_wait_s=0.1, quiet_s=0.2)


class Running:
    """An event path that runs. fatal: why it could not go on, in a worker the last words of the process."""

    def __init__(self, broker: str, parts: Parts, partitions: int, tuning: Tuning = TUNING) -> None:
        self.fatal: list[str] = []
        self._expected = 2 * partitions + 1
        self.path = EventPath(
            Connection(broker), parts.prefix, parts.heart, tuning=tuning, fatal=self.fatal.append
        )

    @property
    def hearts(self) -> Mapping[tuple[str, int], Heart]:
        """By topic without prefix and partition. What they keep in memory outlives the path."""
        return self.path.hearts

    async def settled(self, sent: Mapping[tuple[str, int], int], within_s: float = 40.0) -> None:
        """Wait until all that was sent is applied, and all that came of it.

        sent: the last offset by topic with its prefix and partition.
        """
        deadline = time.monotonic() + within_s
        quiet = 0
        while quiet < 4:
            await asyncio.sleep(0.15)
            assert not self.fatal, self.fatal
            assert time.monotonic() < deadline, f"not applied in time: {self._state()}"
            quiet = quiet + 1 if self._is_quiet(sent) else 0

    def _is_quiet(self, sent: Mapping[tuple[str, int], int]) -> bool:
        parts = self.path.health.partitions
        prefix = self.path.prefix
        return (
            len(parts) == self._expected
            and all(one.state == "running" and one.lag == 0 for one in parts.values())
            and all(
                one.applied >= sent.get((f"{prefix}.{topic}", number), -1)
                for (topic, number), one in parts.items()
            )
        )

    def _state(self) -> str:
        parts = self.path.health.partitions.values()
        return ", ".join(f"{one.name} {one.state} applied {one.applied} lag {one.lag}" for one in parts)


@asynccontextmanager
async def running(
    broker: str, parts: Parts, partitions: int, tuning: Tuning = TUNING
) -> AsyncIterator[Running]:
    """An event path for as long as the context lasts. Its topics must exist."""
    one = Running(broker, parts, partitions, tuning)
    await one.path.start()
    try:
        yield one
    finally:
        await one.path.stop()


def make_topics(broker: str, prefixes: Mapping[str, int]) -> None:
    """What installations need, as the product makes it. prefixes: to the number of partitions."""
    for prefix, partitions in prefixes.items():
        names = dict.fromkeys((TOUCHPOINTS, REVIEWS, "alerts", "followups"), partitions)
        topics.ensure(Connection(broker), Plan(prefix, names, replication=1))
