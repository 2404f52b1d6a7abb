"""Looks from outside the event loop whether anything still moves, and ends the process if not."""

from __future__ import annotations

import threading

from pipeline.engine.connection import Connection
from pipeline.engine.fatal import Fatal, told
from pipeline.engine.health import Health

#: Between two looks, s.
LOOK_S = 1.0
#: Looks without a change, until we ask whether a broker is there at all.
SUSPICIOUS = 5


class Watchdog:
    """Ends a process in which something stands still for longer than `bound_s` seconds.

    That is: the poll loop, the broker's answers to it (consumers can go silent), or lag that nobody works on.

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
            try:
                reason = self.look()
            except Exception as error:  # noqa: BLE001 - nobody else would notice
                reason = f"the watchdog: {told(error)}"
            if reason is not None:
                self._fatal(reason)
                return

    def look(self) -> str | None:
        """One look; the reason why the process has to end, if so."""
        health = self._health
        partitions = list(health.partitions.values())
        found = [(self._still("poll", health.polled), "the poll loop is silent")]
        if any(one.state == "running" for one in partitions):
            found.append(
                (self._still("answer", health.answered), "the broker is silent towards our consumer")
            )
        for one in partitions:
            if one.state == "running" and one.lag == 0:
                self._seen.pop(one.name, None)
                continue
            what = f"{one.name} ({one.state}) has a lag of {one.lag} and makes no step"
            found.append((self._still(one.name, one.progress), what))
        looks, what = max(found)
        if looks < min(self._bound, SUSPICIOUS):
            health.broker = None
            return None
        # Something stands still: is it Kafka?
        why = self._connection.why_unreachable(LOOK_S)
        health.broker = why and f"no broker answers at {self._connection.bootstrap}: {why}"
        return f"{what} for {looks * LOOK_S:g} s" if looks >= self._bound and why is None else None

    def _still(self, what: str, value: object) -> int:
        """For how many looks a value has not changed."""
        before, looks = self._seen.get(what, (None, 0))
        looks = looks + 1 if before == value else 0
        self._seen[what] = value, looks
        return looks
