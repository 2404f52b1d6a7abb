"""Several processes, started together and ended together."""

from __future__ import annotations

import subprocess
import sys
import time

import pytest

from pipeline.engine import supervise

#: Ends with the code of its first argument: at once, or when told to and not before.
CHILD = """
import signal, sys, time
code, waits = int(sys.argv[1]), sys.argv[2] == "wait"
signal.signal(signal.SIGTERM, lambda *_: sys.exit(code))
if waits:
    time.sleep(60)
sys.exit(code)
"""


def child(code: int, waits: bool) -> list[str]:
    return [sys.executable, "-c", CHILD, str(code), "wait" if waits else "go"]


@pytest.mark.parametrize("code", [0, 3])
def test_when_one_ends_by_itself_all_end_with_its_code(code: int) -> None:
    began = time.monotonic()
    assert supervise(3, lambda n: child(code, waits=n != 1)) == code
    assert time.monotonic() - began < 20


def test_one_that_is_killed_tells_by_which_signal() -> None:
    suicide = "import os, signal; os.kill(os.getpid(), signal.SIGKILL)"
    assert supervise(2, lambda n: child(0, waits=True) if n else [sys.executable, "-c", suicide]) == 128 + 9


def test_a_signal_is_passed_on_and_all_ends_well() -> None:
    program = f"""
import sys
from pipeline.engine import supervise
CHILD = {CHILD!r}
UP = "import os; os.write(1, b'up' + bytes([10]))"
sys.exit(supervise(2, lambda n: [sys.executable, "-c", UP + CHILD, "0", "wait"]))
"""
    with subprocess.Popen([sys.executable, "-c", program], stdout=subprocess.PIPE, text=True) as parent:
        assert parent.stdout is not None
        assert [parent.stdout.readline() for _ in range(2)] == ["up\n", "up\n"]
        time.sleep(0.2)  # until the children's handlers stand
        parent.terminate()
        assert parent.wait(20) == 0
