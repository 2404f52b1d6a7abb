"""The ids of events that were taken, so that the same event twice is one event.

Ids are kept as 64-bit fingerprints in two generations. A generation begins when the watermark enters
a new UTC day, or when the current one holds half of the permitted number: a duplicate is recognised
for 24 to 48 h of watermark, less only when the ids do not fit. Newest fingerprints are in a set, older
ones in sorted runs of uint64 (8 bytes an id) that a whole batch is looked up in at once.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Final

import numpy as np
import numpy.typing as npt
from xxhash import xxh3_64_intdigest

from pipeline.span import DAY

Run = npt.NDArray[np.uint64]

_RUN: Final = 4_096


def fingerprint(source: str, event_id: str) -> int:
    """A stable hash of what identifies an event."""
    seed = _seeds.get(source)
    if seed is None:
        if len(_seeds) >= _REMEMBERED:
            _seeds.clear()
        seed = _seeds[source] = _digest(source.encode())
    return _digest(event_id.encode(), seed)


_digest: Final = xxh3_64_intdigest
#: Events come from few sources again and again.
_seeds: Final[dict[str, int]] = {}
_REMEMBERED: Final = 10_000


class Seen:
    """Fingerprints of two generations. limit: how many at most.

    `fresh` and `older` are read and filled directly by the shard's loop: a fingerprint is known when it
    is in one of them, provided that `look_up` was called with it before the batch.
    """

    def __init__(self, limit: int = 5_000_000) -> None:
        self._limit = limit
        self.fresh: set[int] = set()
        self.older: set[int] = set()
        self.generation, self._day = 0, -1
        #: A new generation begins when the watermark is there, or `fresh` has grown so large.
        self.turn_at, self.room = 0, limit // 2
        self._count = 0
        self._runs: list[Run] = []
        self._previous: list[Run] = []
        self._stale: set[int] = set()
        self._found_previous: set[int] = set()
        self._found_current: set[int] = set()
        self._new: list[tuple[int, list[int]]] = []
        self._loaded: dict[int, list[Run]] = {}

    def look_up(self, fingerprints: Sequence[int]) -> None:
        """Find out which of a batch's fingerprints are in the sorted runs."""
        self._found_current = self._found_previous = set()
        if self._runs or self._previous:
            wanted = np.array(fingerprints, np.uint64)
            wanted.sort()  # so that the search goes through a run's memory from one end to the other
            self._found_current, self._found_previous = (
                _find(wanted, self._runs),
                _find(wanted, self._previous),
            )
        self.older = self._found_current | self._found_previous | self._stale

    def begin(self) -> list[int]:
        """The list that takes new fingerprints, beside `fresh`."""
        if not self._new or self._new[-1][0] != self.generation:
            self._new.append((self.generation, []))
        return self._new[-1][1]

    def turn(self, watermark: int) -> list[int]:
        """Begin a new generation and forget the one before the last. Returns as `begin`.

        Where the watermark leaps over a day, the last one is older than that too, and is forgotten as well.
        """
        self._turn()
        if watermark // DAY > self._day + 1:
            self._turn()
        self._day = watermark // DAY
        self._plan_turn()
        return self.begin()

    def _turn(self) -> None:
        self._previous, self._runs = _as_one(self._runs), []
        self._stale, self.fresh = self.fresh, set()
        self._found_previous, self._found_current = self._found_current, set()
        self.older = self._found_previous | self._stale
        self.generation, self._count = self.generation + 1, 0

    def settle(self) -> None:
        """After a batch: move what was collected into sorted runs."""
        if self._stale:
            _merge(self._previous, _run(self._stale))
            self._stale = set()
        if len(self.fresh) >= _RUN:
            self._count += len(self.fresh)
            _merge(self._runs, _run(self.fresh))
            self.fresh = set()
            self._plan_turn()
        self._found_current = self._found_previous = self.older = set()

    def __len__(self) -> int:
        return self._count + len(self.fresh) + sum(map(len, self._previous)) + len(self._stale)

    def take_new(self) -> list[tuple[int, bytes]]:
        """(generation, fingerprints) since the last call."""
        new = [(g, np.array(f, np.uint64).tobytes()) for g, f in self._new if f]
        self._new.clear()
        return new

    def shelf(self, number: int) -> list[tuple[int, bytes]]:
        """(generation, fingerprints) whose highest byte is `number`."""
        low, high = number << 56, ((number + 1) << 56) - 1
        current = [_between(run, low, high) for run in self._runs]
        current.append(_between(_run(self.fresh), low, high))
        previous = [_between(run, low, high) for run in self._previous]
        pairs = (
            (self.generation, np.concatenate(current)),
            (self.generation - 1, np.concatenate([*previous, _run(())])),
        )
        return [(generation, run.tobytes()) for generation, run in pairs if len(run)]

    @property
    def day(self) -> int:
        """The UTC day of the watermark at which the current generation began; -1: none yet."""
        return self._day

    def load(self, generation: int, fingerprints: bytes) -> None:
        """Restore some fingerprints; `loaded` is called after the last of them."""
        self._loaded.setdefault(generation, []).append(np.frombuffer(fingerprints, np.uint64))

    def loaded(self, generation: int, day: int) -> None:
        """Restore where the generations stand."""
        self.generation, self._day = generation, day
        now = np.unique(np.concatenate([*self._loaded.get(generation, []), _run(())]))
        before = np.unique(np.concatenate([*self._loaded.get(generation - 1, []), _run(())]))
        self._runs, self._previous = [now] if len(now) else [], [before] if len(before) else []
        self._count = len(now)
        self.fresh, self._stale, self._loaded = set(), set(), {}
        self._plan_turn()

    def _plan_turn(self) -> None:
        self.turn_at = (self._day + 1) * DAY
        self.room = self._limit // 2 - self._count


def _run(fingerprints: Iterable[int]) -> Run:
    run = np.fromiter(fingerprints, np.uint64)
    run.sort()
    return run


def _between(run: Run, low: int, high: int) -> Run:
    first = np.searchsorted(run, np.uint64(low), "left")
    return run[first : np.searchsorted(run, np.uint64(high), "right")]


def _merge(runs: list[Run], new: Run) -> None:
    """Add a run; runs of like size are merged, so that there are few (their number is logarithmic)."""
    while runs and len(runs[-1]) <= 8 * len(new):
        new = np.concatenate((runs.pop(), new))
        new.sort(kind="stable")
    runs.append(new)


def _as_one(runs: list[Run]) -> list[Run]:
    """What is only looked up from now on is worth one search instead of several."""
    if len(runs) < 2:
        return runs
    one = np.concatenate(runs)
    one.sort(kind="stable")
    return [one]


def _find(wanted: Run, runs: Sequence[Run]) -> set[int]:
    found: set[int] = set()
    for run in runs:
        found.update(wanted[run.take(run.searchsorted(wanted), mode="clip") == wanted].tolist())
    return found
