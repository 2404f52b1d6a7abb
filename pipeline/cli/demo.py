"""`cxloop demo`: everything on one machine, nothing to install."""

from __future__ import annotations

import asyncio
import logging
import signal
from collections.abc import Awaitable, Callable
from contextlib import suppress
from typing import Annotated, Any

import typer
from rich.console import Console

from pipeline import settings as all_settings
from pipeline.cli import logs, options
from pipeline.cli.importing import interruptible
from pipeline.errors import UsageError
from pipeline.span import DAY, duration

#: Faster than this a machine of today does not follow, ms a second; three months pass in a minute and a half.
_MOST_SPEED = DAY


def demo(
    lasts: Annotated[
        str | None,
        typer.Option(
            "--for", help="End after so long, such as 30s (default: until Ctrl-C).", show_default=False
        ),
    ] = None,
    speed: Annotated[str, typer.Option(help="Simulated time that passes in a second, 24h at most.")] = "1h",
    seed: Annotated[int, typer.Option(help="Another seed, another company.")] = 7,
    customers: Annotated[int, typer.Option(min=10, help="How many customers it has.")] = 400,
    port: Annotated[
        int, typer.Option(min=0, max=65_535, help="Of the status page; 0: any that is free.")
    ] = 6066,
    rules: options.Rules = None,
) -> None:
    """Show the whole loop with a simulated company, on an embedded broker.

    Example: cxloop demo --for 30s --speed 1h
    """
    logs.configure(logging.WARNING, as_json=False)
    logging.getLogger("aiokafka").setLevel(logging.CRITICAL)  # the embedded broker makes it talk
    pace, end = options.span(speed, "--speed"), options.span(lasts, "--for")
    assert pace is not None
    if pace > _MOST_SPEED:
        raise UsageError(
            f"--speed: no machine follows {duration(pace)} a second; write at most {duration(_MOST_SPEED)}, "
            "at which the company's three months pass in a minute and a half"
        )
    with interruptible():
        import mode  # slow to import, and for a running worker alone
        from aiokafka import AIOKafkaProducer

        from pipeline import parts as all_parts
        from pipeline import wiring
        from pipeline.demo.screen import Screen
        from pipeline.demo.simulation import Simulation
        from pipeline.engine import embedded_broker

    simulation = Simulation(seed=seed, customers=customers, speed=pace)

    class Running(mode.Service):
        """Something that runs until it is told to stop."""

        mundane_level = "debug"

        def __init__(self, work: Callable[[asyncio.Event], Awaitable[None]]) -> None:
            self._work, self._stop = work, asyncio.Event()
            super().__init__()

        async def on_start(self) -> None:
            self._task = asyncio.ensure_future(self._work(self._stop))
            self._task.add_done_callback(self._ended)

        def _ended(self, task: asyncio.Future[None]) -> None:
            if not task.cancelled() and (error := task.exception()) is not None:
                asyncio.ensure_future(self.crash(error))  # noqa: RUF006 - it ends the process

        async def on_stop(self) -> None:
            self._stop.set()
            await asyncio.wait({self._task}, timeout=5)

    with embedded_broker() as address:
        settings = all_settings.load(broker=address, prefix="cx", rules=rules)
        parts = all_parts.build(settings)
        one = wiring.Worker(
            settings, parts, None, port, on_followup=simulation.follow_up, port_option="--port"
        )
        screen = Screen(one.feed, one.board, one.health, one.url, console=Console())

        async def live(stop: asyncio.Event) -> None:
            producer = AIOKafkaProducer(bootstrap_servers=address, linger_ms=20)
            await producer.start()

            async def send(topic: str, key: bytes, value: bytes) -> None:
                await producer.send(f"{settings.prefix}.{topic}", value, key)

            try:
                await simulation.run(send, stop)
            finally:
                with suppress(Exception):
                    await producer.stop()

        async def end_in_time(stop: asyncio.Event) -> None:
            if end is not None:
                with suppress(TimeoutError):
                    await asyncio.wait_for(stop.wait(), end / 1000)
                if not stop.is_set():
                    signal.raise_signal(signal.SIGTERM)

        services: list[Any] = [Running(live), Running(screen.run), Running(end_in_time)]
        code = one.run(*services)
    Console().print(screen.summary())
    raise typer.Exit(code)
