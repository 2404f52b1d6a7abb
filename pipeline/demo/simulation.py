"""Lets the simulated company live, at a speed of one's own, and hands its events to Kafka."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable

import msgspec

from pipeline.demo.company import Company
from pipeline.span import DAY, HOUR

#: Sends (topic without prefix, key, value).
Send = Callable[[str, bytes, bytes], Awaitable[None]]

#: The company's life begins so long before now, so that its time does not run ahead of the world's.
BEFORE = 90 * DAY
_STEP_S = 0.1


class Simulation:
    """The company, from 07:00 UTC of a day three months ago on. speed: simulated ms a second."""

    def __init__(
        self, *, seed: int, customers: int, speed: int, wall: Callable[[], float] = time.time
    ) -> None:
        self._wall, self._speed = wall, speed
        self.start = (int(wall() * 1000) - BEFORE) // DAY * DAY + 7 * HOUR
        self.now = self.start
        self.sent = 0
        self._company = Company(seed=seed, customers=customers, start=self.start)

    async def run(self, send: Send, stop: asyncio.Event) -> None:
        """Send what happens until `stop` is set. When it has caught up with the present, it goes on as fast as that."""
        began = time.monotonic()
        while not stop.is_set():
            wanted = self.start + int((time.monotonic() - began) * self._speed)
            self.now = max(self.now, min(wanted, int(self._wall() * 1000)))
            for arrival in self._company.until(self.now):
                await send(arrival.topic, arrival.key.encode(), msgspec.json.encode(arrival.event))
                self.sent += 1
            try:
                await asyncio.wait_for(stop.wait(), _STEP_S)
            except TimeoutError:
                continue

    def follow_up(self, value: bytes) -> None:
        """Let an agent of the company see a follow-up event. value: its bytes."""
        event = msgspec.json.decode(value)
        if event.get("type") == "cx.followup.opened":
            self._company.agent_acts(event, self.now)
