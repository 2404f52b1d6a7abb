"""Looks from outside the event loop whether anything still moves, and ends the process if not."""

from __future__ import annotations

import logging
import threading
from collections.abc import Sequence

from pipeline.engine.connection import Connection
from pipeline.engine.fatal import Fatal, told
from pipeline.engine.health import Health, PartitionHealth

#: Between two looks, s.
LOOK_S = 1.0
#: Looks without a change, until we ask whether a broker is there at all.
SUSPICIOUS = 5
#: Looks without a change, until we say that something is wrong.
WRONG = 15

log = logging.getLogger("pipeline.engine")


class Watchdog:
    """Ends a process in which something stands still for longer than `bound_s` seconds.

    That is: the poll loop, the broker's answers to it (consumers can go silent), or lag that nobody works on.

    Counts its own looks, not the clock: a process that was suspended is not to blame for that time. While
    no broker can be reached it waits: losses of connection are retried for ever, and shown in `health.broker`. What
    else stands still is shown in `health.stalled` before it is the end.
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
        stands_by = health.joined and not partitions
        if stands_by or any(one.state == "running" for one in partitions):
            found.append(
                (self._still("answer", health.answered), "the broker is silent towards our consumer")
            )
        found += self._running([one for one in partitions if one.state == "running"])
        found += self._others([one for one in partitions if one.state != "running"])
        looks, what = max(found)
        # Something stands still: is it Kafka?
        suspicious = looks >= min(self._bound, SUSPICIOUS)
        why = self._connection.why_unreachable(LOOK_S) if suspicious else None
        self._tell(why and f"no broker answers at {self._connection.bootstrap}: {why}")
        what = f"{what} for {looks * LOOK_S:g} s"
        health.stalled = what if looks >= WRONG and why is None else None
        return what if looks >= self._bound and why is None else None

    def _running(self, partitions: Sequence[PartitionHealth]) -> list[tuple[int, str]]:
        found = []
        for one in partitions:
            if not one.lag or one.lag <= one.undecided:
                self._seen.pop(one.name, None)
                continue
            what = f"{one.name} (running) has a lag of {one.lag} and makes no step"
            found.append((self._still(one.name, one.progress), what))
        return found

    def _others(self, partitions: Sequence[PartitionHealth]) -> list[tuple[int, str]]:
        """Only a few restore at a time, the others wait for their turn: one of them has to move."""
        if not partitions:
            self._seen.pop("others", None)
            return []
        last = max(partitions, key=lambda one: one.progress)
        return [(self._still("others", last.progress), f"{last.name} ({last.state}) makes no step")]

    def _tell(self, broker: str | None) -> None:
        """Keep what is wrong with the broker, and log it when it begins and when it ends."""
        before, self._health.broker = self._health.broker, broker
        if broker is not None and before is None:
            log.warning("%s; waiting for it", broker)
        elif broker is None and before is not None:
            log.info("the broker answers again")

    def _still(self, what: str, value: object) -> int:
        """For how many looks a value has not changed."""
        before, looks = self._seen.get(what, (None, 0))
        looks = looks + 1 if before == value else 0
        self._seen[what] = value, looks
        return looks
