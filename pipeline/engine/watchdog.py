"""Looks from outside the event loop whether anything still moves, and ends the process if not."""

from __future__ import annotations

import threading

from pipeline.engine.connection import Connection
from pipeline.engine.fatal import Fatal
from pipeline.engine.health import Health

#: Between two looks, s.
LOOK_S = 1.0


class Watchdog:
    """Two things are fatal for longer than `bound_s`: a poll loop that stands still, and lag that nobody works on.

    Counts its own looks, not the clock: a process that was suspended is not to blame for that time. While
    no broker can be reached it waits: losses of connection are retried for ever, and shown in `health.broker`.
    """

    def __init__(self, health: Health, connection: Connection, bound_s: float, fatal: Fatal) -> None:
        self._health = health
        self._connection = connection
        self._bound = max(1, round(bound_s / LOOK_S))
        self._fatal = fatal
        self._end = threading.Event()
        self._thread: threading.Thread | None = None
        self._seen: dict[str, tuple[object, int]] = {}

    def start(self) -> None:
        """Begin to look, in a thread: it has to notice when the event loop hangs."""
        self._thread = threading.Thread(target=self._look_on, name="watchdog", daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """No more looks."""
        self._end.set()
        if self._thread is not None:
            self._thread.join(timeout=2 * LOOK_S)

    def _look_on(self) -> None:
        while not self._end.wait(LOOK_S):
            if (reason := self.look()) is not None:
                self._fatal(reason)
                return

    def look(self) -> str | None:
        """One look; the reason why the process has to end, if so."""
        health = self._health
        silent = self._still("poll", health.polled)
        reason = f"the poll loop has been silent for {silent * LOOK_S:g} s"
        for one in list(health.partitions.values()):
            idle = one.state == "running" and one.lag == 0
            still = 0 if idle else self._still(one.name, one.progress)
            if idle:
                self._seen.pop(one.name, None)
            if still > silent:
                silent = still
                reason = f"{one.name} ({one.state}) has a lag of {one.lag} and made no step for {still * LOOK_S:g} s"
        if silent < min(self._bound, 5):
            health.broker = None
            return None
        # Something stands still: is it Kafka?
        why = self._connection.why_unreachable(LOOK_S)
        health.broker = why and f"no broker answers at {self._connection.bootstrap}: {why}"
        return reason if silent >= self._bound and health.broker is None else None

    def _still(self, what: str, value: object) -> int:
        """For how many looks a value has not changed."""
        before, looks = self._seen.get(what, (None, 0))
        looks = looks + 1 if before == value else 0
        self._seen[what] = value, looks
        return looks
