"""The worker: a process that Faust supervises. Its services are the event path, the feed, and the rest."""

from __future__ import annotations

import asyncio
import logging
import signal
import sys
import threading
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from types import FrameType
from typing import Any

import faust
import mode
import uvloop

from pipeline.engine import topics
from pipeline.engine.calm import calm_clients
from pipeline.engine.closed_transport import heed_closed_transports
from pipeline.engine.fatal import EXIT_CODE, die, leave, told
from pipeline.engine.faust_app import faust_app
from pipeline.engine.feed import Feed, FeedService
from pipeline.engine.garbage import relax
from pipeline.engine.path import EventPath

log = logging.getLogger("pipeline.engine")

#: How long the event path may take to hand over, and then all the rest to close, s; together less than what process
#: managers usually grant.
HAND_OVER_S, CLOSE_S = 20.0, 7.0

#: Adds a platform team's agents to an app: gets it, and the topics' prefix.
Agents = Callable[[faust.App, str], None]


class EventPathService(mode.Service):
    """The event path, as Faust wants it."""

    mundane_level = "debug"

    def __init__(self, path: EventPath, **kwargs: Any) -> None:
        self.path = path
        super().__init__(**kwargs)

    async def on_start(self) -> None:
        """Connect and join the group."""
        await self.path.start()

    async def on_stop(self) -> None:
        """Hand over."""
        await self.path.stop()


class Worker(mode.Worker):
    """Starts services in order; on SIGTERM or SIGINT the event path hands over first, then the rest stops."""

    mundane_level = "debug"

    def __init__(self, events: EventPathService, *services: mode.ServiceT, **kwargs: Any) -> None:
        self._events = events
        super().__init__(
            events,
            *services,
            quiet=True,
            override_logging=False,
            redirect_stdouts=False,
            **kwargs,
        )

    def install_signal_handlers(self) -> None:
        """The two that end us; Faust's own open a debugger on SIGUSR2."""
        loop = asyncio.get_running_loop()
        for one in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(one, self._schedule_shutdown, one)

    async def on_stop(self) -> None:
        """Others can take over while the rest of us is still closing."""
        # Without a broker, a client may never come to its end.
        last = _in_time(HAND_OVER_S, lambda: die(f"it could not hand over within {HAND_OVER_S:g} s"))
        await self._events.stop()
        last.cancel()
        log.info("handed over")
        # Nor may a thread of Faust's that was told to stop while it started. Nothing hangs on it any more: what
        # agents do, they do at least once.
        _in_time(CLOSE_S, self._leave_the_rest)

    def _leave_the_rest(self) -> None:
        log.warning("handed over; the rest did not close within %g s and is left behind", CLOSE_S)
        leave(0 if self.crash_reason is None else EXIT_CODE)


def _in_time(seconds: float, otherwise: Callable[[], None]) -> threading.Timer:
    """Call it in a thread, unless the process has ended by then, or the timer was cancelled."""
    timer = threading.Timer(seconds, otherwise)
    timer.daemon = True
    timer.start()
    return timer


@contextmanager
def _ends_when_told() -> Iterator[None]:
    """While a broker is waited for there is nothing to hand over: SIGTERM ends the process at once, and well."""

    def end(_number: int, _frame: FrameType | None) -> None:
        log.info("told to end while it waited for a broker")
        sys.exit(0)

    before = signal.signal(signal.SIGTERM, end)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)


async def _live(path: EventPath, services: Iterable[mode.ServiceT]) -> BaseException | None:
    worker = Worker(EventPathService(path), *services, loop=asyncio.get_running_loop())
    try:
        await worker.start()
    finally:
        stopping = worker._signal_stop_future  # noqa: SLF001 - Faust waits for it in code that ends the process
        await (stopping if stopping is not None else worker.stop())
    return worker.crash_reason


def run_worker(
    path: EventPath,
    *,
    plan: topics.Plan | None,
    services: Sequence[mode.ServiceT] = (),
    feed: Feed | None = None,
    agents: Sequence[Agents] = (),
) -> int:
    """Run a worker until SIGTERM or SIGINT; returns the exit code. Blocks.

    plan: what the topics have to be; None on the embedded broker, where they appear on first use.
    services: started after the event path, in order, and stopped in reverse. feed: see there.
    agents: called with a Faust app of the group `<prefix>-agents` that all workers share, and the prefix.

    A service that crashes ends the process with exit code 3. Raises EngineError if it cannot even start.
    """
    connection, prefix = path.connection, path.prefix
    if plan is not None:
        with _ends_when_told():
            found = topics.ensure(connection, plan)
        for topic in found:
            if topic.made:
                log.info("made topic %s with %d partitions", topic.name, topic.partitions)
    apps: list[mode.ServiceT] = []
    if feed is not None and feed.takers:
        apps.append(FeedService(feed, connection, prefix))
    if agents:
        app = faust_app(connection, f"{prefix}-agents")
        for register in agents:
            register(app, prefix)
        apps.append(app)
    calm_clients()
    heed_closed_transports()
    relax()
    loop = uvloop.new_event_loop()
    asyncio.set_event_loop(loop)
    try:
        reason = loop.run_until_complete(_live(path, [*services, *apps]))
    finally:
        # Not `asyncio.run`: it waits for ever for tasks of clients that do not let themselves be cancelled.
        loop.close()
        asyncio.set_event_loop(None)
    if reason is not None:
        die(told(reason))
    return 0
