"""Several workers on one machine: started together, ended together."""

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


def supervise(count: int, argv: Callable[[int], Sequence[str]]) -> int:
    """Run so many child processes until all have ended. Blocks; to be called in the main thread.

    argv: the command of the n-th, from 0. SIGTERM, SIGINT and SIGHUP are passed on. When one ends by itself,
    the others are ended too, and its exit code is ours (128 + n if signal n killed it); 0 if we were told to
    end and all did.
    """
    children = [
        # In a session of its own: Ctrl-C reaches it through us, once.
        subprocess.Popen(list(argv(n)), start_new_session=True)
        for n in range(count)
    ]
    told = False

    def pass_on(number: int, _frame: FrameType | None) -> None:
        nonlocal told
        told |= number != signal.SIGHUP
        for child in children:
            child.send_signal(number)

    handlers = {one: signal.signal(one, pass_on) for one in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP)}
    try:
        return _watch(children, lambda: told)
    finally:
        for child in children:
            if child.poll() is None:
                child.kill()
                child.wait()
        for one, handler in handlers.items():
            signal.signal(one, handler)


def _watch(children: list[subprocess.Popen[bytes]], told: Callable[[], bool]) -> int:
    while not told():
        for n, child in enumerate(children):
            if child.poll() is not None:
                code = _code(child)
                log.error("worker %d ended by itself with exit code %d; ending the others", n, code)
                for other in children:
                    other.terminate()
                _await(children)
                return code
        time.sleep(LOOK_S)
    _await(children)
    return max(map(_code, children), default=0)


def _await(children: list[subprocess.Popen[bytes]]) -> None:
    deadline = time.monotonic() + GRACE_S
    for child in children:
        try:
            child.wait(max(0.0, deadline - time.monotonic()))
        except subprocess.TimeoutExpired:
            log.warning("process %d did not end within %g s and is killed", child.pid, GRACE_S)
            child.kill()
            child.wait()


def _code(child: subprocess.Popen[bytes]) -> int:
    code = child.returncode
    return 128 - code if code < 0 else code
