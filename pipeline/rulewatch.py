"""Rules that change while a worker runs: read anew when their files change, or on SIGHUP; all or nothing."""

from __future__ import annotations

import asyncio
import logging
import signal
import time
from collections.abc import Sequence
from pathlib import Path

import mode

from pipeline import parts as all_parts
from pipeline.errors import CxloopError
from pipeline.rules.load import rule_files
from pipeline.settings import Settings
from pipeline.wiring import Worker

log = logging.getLogger("pipeline.rules")

#: Between two looks at the files, s. A change is taken when two looks find the same, for it may be half written.
LOOK_S = 1.0

#: A file's path, inode, size and time of change, in ns; the path alone where it cannot be read.
Stamp = tuple[str, int, int, int] | tuple[str]


class RuleWatch(mode.Service):
    """Keeps a worker's rules and journey as the files have them. Wrong ones leave those in force as they are."""

    mundane_level = "debug"

    def __init__(self, worker: Worker, read: Sequence[Stamp]) -> None:
        """read: the files' stamps from before the worker's rules were read."""
        self._worker, self._taken = worker, read
        self._asked = asyncio.Event()
        super().__init__()

    async def on_start(self) -> None:
        """Begin to look."""
        asyncio.get_running_loop().add_signal_handler(signal.SIGHUP, self._asked.set)
        self.add_future(self._watch())

    async def _watch(self) -> None:
        before = self._taken
        while not self.should_stop:
            asked = await self._rest()
            now = await asyncio.to_thread(stamps, self._worker.settings)
            if asked or (now != self._taken and now == before):
                self._taken = now
                await self._read()
            before = now

    async def _rest(self) -> bool:
        """Wait for the next look. True: somebody asks for it."""
        try:
            await asyncio.wait_for(self._asked.wait(), LOOK_S)
        except TimeoutError:
            return False
        self._asked.clear()
        return True

    async def _read(self) -> None:
        worker = self._worker
        try:
            # In a thread: a thousand rules take seconds, and the partitions go on meanwhile.
            parts = await asyncio.to_thread(all_parts.build, worker.settings)
        except CxloopError as error:
            first, *more = str(error).splitlines()
            self._keep(first + (f" and {len(more)} more" if more else ""), str(error))
            return
        except Exception as error:
            # A defect in reading must not end a worker that works.
            log.debug("the rules cannot be read", exc_info=error)
            self._keep(f"a defect of cxloop, {type(error).__name__}: {error}", str(error))
            return
        before = worker.parts
        worker.unread, worker.read_at = None, time.time()
        if (before.rules.version, before.shard.journey) == (parts.rules.version, parts.shard.journey):
            log.info("the rules in the files are those in force, version %s", before.rules.version)
            return
        worker.use(parts)
        log.info(
            "%d rules, version %s, in place of version %s",
            len(parts.rules.rules), parts.rules.version, before.rules.version,
        )  # fmt: skip

    def _keep(self, wrong: str, whole: str) -> None:
        """What is in force goes on. wrong: in short, for the status page."""
        version = self._worker.parts.rules.version
        self._worker.unread = f"The rules in the files are wrong, and version {version} goes on; `cxloop check` says more: {wrong}"
        log.error("the rules in the files are wrong, and version %s goes on:\n%s", version, whole)


def stamps(settings: Settings) -> list[Stamp]:
    """What tells a change of the files that rules and journey are read from."""
    return [_stamp(file) for file in rule_files([*settings.rules, settings.journey])]


def _stamp(file: Path) -> Stamp:
    try:
        found = file.stat()
    except OSError:
        return (str(file),)
    return str(file), found.st_ino, found.st_size, found.st_mtime_ns
