"""Several workers on one machine: started together, each started again when it ends, ended together."""

from __future__ import annotations

import logging
import signal
import subprocess
import time
from collections.abc import Callable, Sequence
from types import FrameType

log = logging.getLogger("pipeline.engine")

#: How long workers have to end in good order, s.
GRACE_S = 30.0
#: Between two looks at the workers, s.
LOOK_S = 0.1
#: Exit codes of a worker that could not even start: the others could not either.
CANNOT_START = (1, 2)
#: One that ended within so many seconds is started again a while later: a second, and twice as long each time, up to this.
LASTED_S, LONGEST_PAUSE_S = 60.0, 30.0


class _Child:
    """One of them. number: from 1; due: when it is started again (`time.monotonic()`); None while it runs."""

    def __init__(self, number: int, argv: Sequence[str]) -> None:
        self.number, self._argv = number, list(argv)
        self.due: float | None = None
        self._pause_s = 0.0
        self.start()

    def start(self) -> None:
        self._began = time.monotonic()
        self.due = None
        # In a session of its own: Ctrl-C reaches it through us, once.
        self.process = subprocess.Popen(self._argv, start_new_session=True)

    def rest(self) -> float:
        """It has ended: for how many seconds it is left so."""
        now = time.monotonic()
        lasted = now - self._began >= LASTED_S
        self._pause_s = 0.0 if lasted else min(max(1.0, 2 * self._pause_s), LONGEST_PAUSE_S)
        self.due = now + self._pause_s
        return self._pause_s

    @property
    def code(self) -> int:
        """How it ended: its exit code; 128 + n if signal n killed it."""
        code = self.process.returncode
        return 128 - code if code < 0 else code


def supervise(count: int, argv: Callable[[int], Sequence[str]]) -> int:
    """Run so many child processes until told to end. Blocks; to be called in the main thread.

    argv: the command of the n-th, from 1. SIGTERM, SIGINT and SIGHUP are passed on. One that ends by itself is started
    again; the others go on meanwhile. One that could not even start (exit code 1 or 2) ends all, and its code is ours.
    Else it is 0 if all that ran ended well when they were told to.
    """
    children = [_Child(number, argv(number)) for number in range(1, count + 1)]
    told = False

    def pass_on(number: int, _frame: FrameType | None) -> None:
        nonlocal told
        told |= number != signal.SIGHUP
        for child in children:
            child.process.send_signal(number)

    handlers = {one: signal.signal(one, pass_on) for one in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP)}
    try:
        return _watch(children, lambda: told)
    finally:
        for child in children:
            if child.process.poll() is None:
                child.process.kill()
                child.process.wait()
        for one, handler in handlers.items():
            signal.signal(one, handler)


def _watch(children: list[_Child], told: Callable[[], bool]) -> int:
    while not told():
        for child in children:
            if child.due is not None:
                if time.monotonic() >= child.due:
                    child.start()
                    if told():  # while it was started: it was not passed on
                        child.process.terminate()
            elif child.process.poll() is not None:
                if child.code in CANNOT_START:
                    log.error("worker %d could not start; ending the others", child.number)
                    for other in children:
                        other.process.terminate()
                    _await(children)
                    return child.code
                ended = "worker %d ended with exit code %d; it is started again in %g s"
                log.error(ended, child.number, child.code, child.rest())
        time.sleep(LOOK_S)
    running = [child for child in children if child.due is None]
    _await(running)
    return max((child.code for child in running), default=0)


def _await(children: list[_Child]) -> None:
    deadline = time.monotonic() + GRACE_S
    for child in children:
        try:
            child.process.wait(max(0.0, deadline - time.monotonic()))
        except subprocess.TimeoutExpired:
            log.warning("worker %d did not end within %g s and is killed", child.number, GRACE_S)
            child.process.kill()
            child.process.wait()
