"""The workers of a round, some of which die."""

from __future__ import annotations

import signal
from collections.abc import Mapping, Sequence
from random import Random

from tests.integration.processes import Process, until
from tests.integration.shop import Shop

#: How a worker may end: told to (the second before it could listen), killed by us, or by itself as it could not go on.
TOLD = (0, -signal.SIGTERM)
KILLED, GAVE_UP = -signal.SIGKILL, 3
#: A worker that is told to end does so, whatever it is at (s).
PATIENCE_S = 30.0


class Crew:
    """Workers of one installation. Whoever ends by itself is replaced, as a supervisor would do it."""

    def __init__(self, shop: Shop, size: int) -> None:
        self._shop, self._size = shop, size
        self._workers: list[Process] = []
        self._frozen: set[str] = set()
        self.fill()

    @property
    def alive(self) -> Sequence[Process]:
        """Those that run, or are stopped by a signal."""
        return [one for one in self._workers if one.process.poll() is None]

    @property
    def codes(self) -> Sequence[int]:
        """The exit codes of those that have ended."""
        return [one.process.returncode for one in self._workers if one.process.poll() is not None]

    def hire(self, *options: str, env: Mapping[str, str] | None = None) -> Process:
        """One more."""
        self._workers.append(self._shop.worker(*options, env=env))
        return self._workers[-1]

    def fill(self) -> None:
        """As many as there should be."""
        while len(self.alive) < self._size:
            self.hire()

    def any(self, chance: Random) -> Process:
        """One that runs."""
        return chance.choice([one for one in self.alive if one.name not in self._frozen])

    def tell(self, worker: Process) -> None:
        """End it by SIGTERM."""
        code = worker.end(within_s=PATIENCE_S)
        assert code in TOLD, f"{worker.name} ended with exit code {code}"

    def freeze(self, worker: Process) -> None:
        """Stop it where it is."""
        worker.process.send_signal(signal.SIGSTOP)
        self._frozen.add(worker.name)

    def thaw(self, worker: Process) -> None:
        """Let it go on."""
        worker.process.send_signal(signal.SIGCONT)
        self._frozen.discard(worker.name)

    def settle(self, within_s: float = 90.0) -> None:
        """Wait until as many as there should be have done all that there is to do."""
        for extra in self.alive[self._size :]:
            self.tell(extra)

        def are_ready() -> bool:
            self.fill()
            return all(one.says_ready for one in self.alive)

        until("all are ready", are_ready, within_s)
        self._shop.done(self.alive)

    def dismiss(self) -> None:
        """Let all go home, and look at how each ended, and at what it said."""
        last = self.alive
        for one in last:
            one.process.terminate()
        wrong = {one.process.wait(PATIENCE_S) for one in last} - {*TOLD}
        wrong |= set(self.codes) - {*TOLD, KILLED, GAVE_UP}
        assert not wrong, f"workers ended with exit codes {wrong}"
        for one in self._workers:
            assert "Traceback" not in one.said, f"{one.name} shows a traceback"
