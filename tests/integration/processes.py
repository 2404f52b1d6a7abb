"""cxloop as its users start it: in processes of its own."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[2]
COMMAND = (sys.executable, "-m", "pipeline.cli")
#: The same for Ctrl-C: heard even if whoever started the tests ignores it, as shells do in the background. Python
#: itself, while it starts, would show a traceback; so it says when it has.
LISTENING = "listens"
_LISTEN = f"""
import signal
signal.signal(signal.SIGINT, signal.default_int_handler)
print({LISTENING!r}, flush=True)
from pipeline.cli import main
main()
"""
INTERRUPTIBLE = (sys.executable, "-c", _LISTEN)


@dataclass(frozen=True)
class Ended:
    """What a command left behind."""

    code: int
    out: str
    err: str

    @property
    def said(self) -> str:
        """Everything."""
        return self.out + self.err


def cxloop(*arguments: str | Path, within_s: float = 60.0, env: Mapping[str, str] | None = None) -> Ended:
    """Run a command to its end. env: CXLOOP_… and the like. No terminal, and no settings of who runs the tests."""
    done = subprocess.run(
        [*COMMAND, *map(str, arguments)],
        cwd=ROOT,
        env=environment(env),
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=within_s,
        check=False,
    )
    return Ended(done.returncode, done.stdout, done.stderr)


def environment(more: Mapping[str, str] | None = None) -> dict[str, str]:
    """For a command that has to behave the same wherever the tests run."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("CXLOOP_")}
    return {"PYTHONPATH": str(ROOT), **kept, "COLUMNS": "120", "NO_COLOR": "1", **(more or {})}


class Process:
    """A command that runs until it is told to stop. name: for its log, which is shown when the test fails."""

    def __init__(
        self,
        home: Path,
        name: str,
        arguments: Sequence[str | Path],
        command: Sequence[str],
        env: Mapping[str, str] | None = None,
    ) -> None:
        self.name = name
        self.log = home / f"{name}.log"
        with self.log.open("ab") as log:
            self.process = subprocess.Popen(
                [*command, *map(str, arguments)],
                cwd=ROOT,
                env=environment(env),
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
            )

    @property
    def said(self) -> str:
        """What it printed so far."""
        return self.log.read_text(errors="replace")

    @property
    def url(self) -> str:
        """Where its status page is, as it said; empty before it did."""
        found = re.search(r"http://[\d.]+:\d+/", self.said)
        return found[0] if found else ""

    def get(self, path: str) -> tuple[int, str]:
        """Status and text of one of its pages; (0, "") while nobody answers."""
        if not self.url:
            return 0, ""
        try:
            with urllib.request.urlopen(self.url + path, timeout=5) as answer:
                return answer.status, answer.read().decode()
        except urllib.error.HTTPError as error:
            return error.code, error.read().decode()
        except OSError:
            return 0, ""

    @property
    def is_ready(self) -> bool:
        """It has its partitions, and they are open."""
        assert self.process.poll() is None, f"{self.name} ended with exit code {self.process.returncode}"
        return self.says_ready

    @property
    def says_ready(self) -> bool:
        """The same, but it may have ended."""
        return self.get("readyz")[0] == 200

    def kill(self) -> None:
        """End it as a power cut would."""
        self.process.kill()
        self.process.wait()

    def end(self, how: signal.Signals = signal.SIGTERM, within_s: float = 20.0) -> int:
        """Tell it to end; returns the exit code."""
        self.process.send_signal(how)
        return self.process.wait(within_s)


class Processes:
    """All processes of a test. Those that are still there at its end are killed."""

    def __init__(self, home: Path) -> None:
        self._home = home
        self._all: list[Process] = []

    def start(
        self, *arguments: str | Path, command: Sequence[str] = COMMAND, env: Mapping[str, str] | None = None
    ) -> Process:
        """One more."""
        one = Process(self._home, f"{arguments[0]}-{len(self._all) + 1}", arguments, command, env)
        self._all.append(one)
        return one

    def worker(
        self, broker: str, prefix: str, *more: str | Path, env: Mapping[str, str] | None = None
    ) -> Process:
        """`cxloop run`, with its page on any free port."""
        return self.start("run", "--broker", broker, "--prefix", prefix, "--web-port", "0", *more, env=env)

    def close(self) -> None:
        for one in self._all:
            if one.process.poll() is None:
                one.kill()
            # Shown when the test fails.
            print(f"--- {one.name} (exit code {one.process.returncode})\n{one.said}")


@contextmanager
def processes(home: Path) -> Iterator[Processes]:
    """Processes for as long as the context lasts."""
    some = Processes(home)
    try:
        yield some
    finally:
        some.close()


def until(what: str, holds: Callable[[], Any], within_s: float = 40.0, every_s: float = 0.1) -> Any:
    """Wait until something holds, and give it back; fails with what was waited for."""
    deadline = time.monotonic() + within_s
    while time.monotonic() < deadline:
        if found := holds():
            return found
        time.sleep(every_s)
    raise AssertionError(f"not within {within_s:g} s: {what}")
