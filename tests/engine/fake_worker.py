"""A worker with counting hearts, for tests that break it: fake_worker.py BROKER PREFIX STATUS_FILE.

STATUS_FILE gets a line of JSON whenever something changed: what the partitions are doing, and what the feed saw.
"""

from __future__ import annotations

import asyncio
import json
import logging
import os
import sys
import time
from pathlib import Path
from typing import Any

import faust
import mode

from pipeline.engine import Connection, EventPath, Feed, Plan, Tuning, run_worker
from tests.engine.counting_heart import CountingHeart

TUNING = Tuning(batch=500, backlog=2_000, session_s=3.0, heartbeat_s=0.5, transaction_s=10.0, watchdog_s=20.0)


class Slow(CountingHeart):
    """Takes its time with each record of the changelog, so that a test can interrupt it."""

    def restore(self, value: bytes) -> bool:
        time.sleep(float(os.environ.get("RESTORE_S", "0")))
        return super().restore(value)


class Status(mode.Service):
    def __init__(self, path: EventPath, feed: Feed, file: Path, **kwargs: Any) -> None:
        self.path, self.feed, self.file = path, feed, file
        self.seen_by_agent = 0
        super().__init__(**kwargs)

    @mode.Service.task
    async def _write(self) -> None:
        while not self.should_stop:
            health = self.path.health
            now = {
                "ready": health.ready,
                "rebalances": health.rebalances,
                "partitions": {
                    one.name: [one.state, one.applied, one.lag, one.restored, one.ticks]
                    for one in health.partitions.values()
                },
                "hearts": {
                    f"{topic}/{part}": [heart.opened_with, heart.restored]
                    for (topic, part), heart in self.path.hearts.items()
                    if isinstance(heart, CountingHeart)
                },
                "feed": [self.feed.taken, self.feed.failed],
                "agent": self.seen_by_agent,
            }
            fresh = self.file.with_suffix(".new")
            fresh.write_text(json.dumps(now))
            fresh.rename(self.file)
            await self.sleep(0.05)


class NeverEnds(mode.Service):
    """Does not let itself be stopped."""

    async def on_stop(self) -> None:
        await asyncio.Event().wait()


def main() -> int:
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(name)s %(message)s")
    broker, prefix, file = sys.argv[1:4]
    options = os.environ.get("WORKER", "").split()
    heart = Slow if "RESTORE_S" in os.environ else CountingHeart
    path = EventPath(
        Connection(broker), prefix, lambda topic, part: heart(topic, part, "ticks" in options), tuning=TUNING
    )
    feed = Feed(on_alert=lambda value: None) if "feed" in options else None
    if feed is not None and "raise" in options:

        def fail(value: bytes) -> None:
            raise ValueError(value)

        feed.on_alert = fail
    status = Status(path, feed or Feed(), Path(file))
    services: list[mode.ServiceT] = [status, *([NeverEnds()] if "never-ends" in options else [])]
    agents = []
    if "agent" in options or "slow-agent" in options:
        pause = 0.5 if "slow-agent" in options else 0.0

        def register(app: faust.App, prefix: str) -> None:
            @app.agent(app.topic(f"{prefix}.alerts"))
            async def agent(stream: Any) -> None:
                async for value in stream:
                    await asyncio.sleep(pause)
                    status.seen_by_agent += len(value) > 0

        agents.append(register)
    return run_worker(path, plan=Plan(prefix), services=services, feed=feed, agents=agents)


if __name__ == "__main__":
    sys.exit(main())
