"""Stock Faust: one worker, and an agent that does nothing but iterate over raw bytes.

usage: python -m bench.stock_faust BROKER TOPIC EVENTS    prints events/s, first to last event
"""

from __future__ import annotations

import os
import sys
import tempfile
import time
import uuid
from pathlib import Path

import mode.loop

mode.loop.use("uvloop")  # before anything imports asyncio's loop

import faust  # noqa: E402


def app(broker: str, topic: str, events: int) -> faust.App:
    """An app whose agent ends the process after `events` events.

    Its settings are the best for it: uvloop and compiled streams, no web server, no leader topic,
    no redirected output. Buffer, poll and commit sizes made no difference.
    """
    stock = faust.App(
        f"stock-{uuid.uuid4().hex}",  # a group of its own, so that it starts with the first event
        broker=f"kafka://{broker}",
        store="memory://",
        datadir=str(Path(tempfile.gettempdir()) / "cxloop-bench-faust"),  # else it makes one right here
        cython_optimizations=True,
        topic_disable_leader=True,
        web_enabled=False,
        worker_redirect_stdouts=False,
    )

    @stock.agent(stock.topic(topic, key_type=bytes, value_type=bytes, value_serializer="raw"))
    async def nothing(stream: faust.StreamT[bytes]) -> None:
        seen, began = 0, 0.0
        async for _ in stream:
            seen += 1
            if seen == 1:
                began = time.perf_counter()
            elif seen == events:
                print(f"{events / (time.perf_counter() - began):.0f} events/s", flush=True)
                os._exit(0)  # what a worker does to stop is not measured

    return stock


def main() -> None:
    broker, topic, events = sys.argv[1:]
    faust.Worker(app(broker, topic, int(events)), loglevel="WARNING", quiet=True).execute_from_commandline()


if __name__ == "__main__":
    main()
