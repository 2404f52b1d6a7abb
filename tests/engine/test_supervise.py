"""Several processes, started together and ended together."""

from __future__ import annotations

import subprocess
import sys
import time
from pathlib import Path

import pytest

from pipeline.engine import supervise
from tests.engine.workers import until

module = sys.modules["pipeline.engine.supervise"]

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


@pytest.mark.parametrize("code", [1, 2])
def test_when_one_cannot_start_all_end_with_its_code(code: int) -> None:
    began = time.monotonic()
    assert supervise(3, lambda n: child(code if n == 2 else 0, waits=n != 2)) == code
    assert time.monotonic() - began < 20


@pytest.mark.parametrize("ends", ["sys.exit(3)", "os.kill(os.getpid(), signal.SIGKILL)", "sys.exit(0)"])
def test_one_that_ends_is_started_again_and_the_others_go_on(ends: str, tmp_path: Path) -> None:
    """The first of them ends at once, the first time."""
    child = f"""
import os, pathlib, signal, sys, time
number, home = sys.argv[1], pathlib.Path({str(tmp_path)!r})
signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
starts = home / number
with starts.open("a") as file:
    print(os.getpid(), file=file)
if number == "1" and len(starts.read_text().split()) == 1:
    {ends}
time.sleep(60)
"""
    program = f"""
import sys
from pipeline.engine import supervise
sys.exit(supervise(2, lambda n: [sys.executable, "-c", {child!r}, str(n)]))
"""

    def starts(number: int) -> int:
        file = tmp_path / str(number)
        return len(file.read_text().split()) if file.exists() else 0

    with subprocess.Popen([sys.executable, "-c", program], stderr=subprocess.PIPE, text=True) as parent:
        until("it is started again", lambda: starts(1) == 2 and starts(2) == 1)
        parent.terminate()
        assert parent.wait(20) == 0
        assert parent.stderr is not None
        assert "worker 1 ended with exit code" in parent.stderr.read()
    assert (starts(1), starts(2)) == (2, 1)


def test_one_that_does_not_last_is_started_again_later_each_time(monkeypatch: pytest.MonkeyPatch) -> None:
    one = module._Child(1, child(3, waits=False))
    one.process.wait()
    assert [one.rest() for _ in range(7)] == [1, 2, 4, 8, 16, 30, 30]
    monkeypatch.setattr(module, "LASTED_S", 0.0)
    assert one.rest() == 0


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
