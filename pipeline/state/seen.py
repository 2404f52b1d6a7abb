"""The ids of events that were taken, so that the same event twice is one event.

Ids are kept as 64-bit fingerprints in two generations. A generation begins when the watermark enters
a new UTC day, or when the current one holds half of the permitted number: a duplicate is recognised
for 24 to 48 h of watermark, less only when the ids do not fit. Newest fingerprints are in a set, older
ones in sorted runs of uint64 (9 to 10 bytes an id, with a filter) that a whole batch is looked up in at once.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Final

import numpy as np
import numpy.typing as npt
from xxhash import xxh3_64_intdigest

from pipeline.span import DAY

Marks = npt.NDArray[np.uint64]

_RUN: Final = 4_096
#: Longer runs have a filter: shorter ones stay in a processor's cache.
_FILTERED: Final = 65_536
#: Bits of a filter a fingerprint, at least. One of so many that are not there passes it.
_BITS: Final = 8


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
        self._runs: list[_Run] = []
        self._previous: list[_Run] = []
        self._stale: set[int] = set()
        self._found_previous: set[int] = set()
        self._found_current: set[int] = set()
        self._new: list[tuple[int, list[int]]] = []
        self._loaded: dict[int, list[Marks]] = {}

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
            _merge(self._previous, _sorted(self._stale))
            self._stale = set()
        if len(self.fresh) >= _RUN:
            self._count += len(self.fresh)
            _merge(self._runs, _sorted(self.fresh))
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

    def between(self, low: int, high: int) -> list[tuple[int, bytes]]:
        """(generation, fingerprints) from one number to another."""
        current = [_between(run.marks, low, high) for run in self._runs]
        current.append(_between(_sorted(self.fresh), low, high))
        previous = [_between(run.marks, low, high) for run in self._previous]
        pairs = (
            (self.generation, np.concatenate(current)),
            (self.generation - 1, np.concatenate([*previous, _sorted(())])),
        )
        return [(generation, marks.tobytes()) for generation, marks in pairs if len(marks)]

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
        now = np.unique(np.concatenate([*self._loaded.get(generation, []), _sorted(())]))
        before = np.unique(np.concatenate([*self._loaded.get(generation - 1, []), _sorted(())]))
        self._runs = [_Run(now)] if len(now) else []
        self._previous = [_Run(before)] if len(before) else []
        self._count = len(now)
        self.fresh, self._stale, self._loaded = set(), set(), {}
        self._plan_turn()

    def _plan_turn(self) -> None:
        self.turn_at = (self._day + 1) * DAY
        self.room = self._limit // 2 - self._count


class _Run:
    """Sorted fingerprints.

    A search waits for memory at each of its last steps, and most of what is looked up is not there: mostly one look
    at a filter says so.
    """

    def __init__(self, marks: Marks) -> None:
        self.marks = marks
        #: A bit for the highest bits of each of them.
        self._filter: npt.NDArray[np.uint8] | None = None
        self._shift = 0
        if len(marks) > _FILTERED:
            self._shift = 64 - (_BITS * len(marks) - 1).bit_length()
            bits = np.zeros(1 << 64 - self._shift, np.bool_)
            bits[marks >> np.uint64(self._shift)] = True
            self._filter = np.packbits(bits, bitorder="little")

    def __len__(self) -> int:
        return len(self.marks)

    def find(self, wanted: Marks) -> list[int]:
        """Those of `wanted` that are in it."""
        if self._filter is not None:
            bits = (wanted >> np.uint64(self._shift)).view(np.int64)
            wanted = wanted[(self._filter.take(bits >> 3) >> (bits & 7)) & 1 != 0]
        found: list[int] = wanted[
            self.marks.take(self.marks.searchsorted(wanted), mode="clip") == wanted
        ].tolist()
        return found


def _sorted(fingerprints: Iterable[int]) -> Marks:
    marks = np.fromiter(fingerprints, np.uint64)
    marks.sort()
    return marks


def _between(marks: Marks, low: int, high: int) -> Marks:
    first = np.searchsorted(marks, np.uint64(low), "left")
    return marks[first : np.searchsorted(marks, np.uint64(high), "right")]


def _merge(runs: list[_Run], new: Marks) -> None:
    """Add a run; runs of like size are merged, so that there are few (their number is logarithmic)."""
    while runs and len(runs[-1]) <= 8 * len(new):
        new = np.concatenate((runs.pop().marks, new))
        new.sort(kind="stable")
    runs.append(_Run(new))


def _as_one(runs: list[_Run]) -> list[_Run]:
    """What is only looked up from now on is worth one search instead of several."""
    if len(runs) < 2:
        return runs
    one = np.concatenate([run.marks for run in runs])
    one.sort(kind="stable")
    return [_Run(one)]


def _find(wanted: Marks, runs: Sequence[_Run]) -> set[int]:
    found: set[int] = set()
    for run in runs:
        found.update(run.find(wanted))
    return found
