"""Wake-up times: those of the hour that comes next in a heap, all others in a drawer for each hour.

One heap of all would be taken apart at places far from each other in memory, which a processor waits for; a drawer
only grows, and the heap is small.
"""

from __future__ import annotations

import heapq
from collections.abc import Callable
from typing import Final

from pipeline.span import HOUR
from pipeline.state.ref import Ref

Timer = tuple[int, Ref]

#: A wake time (ms) that no watermark passes. Compiled, an integer of 62 bits is still a plain one.
NEVER: Final = 1 << 61


class Timers:
    """(ms UTC, ref) in order. soonest: none is earlier; it may be too early, and pop(soonest + 1) mends that.

    wake_of: when a ref wakes as things are now (ms), or None where there is none. A drawer keeps refs alone, for
    most of them wake at another time, or not at all, by the time its hour comes.
    """

    def __init__(self, wake_of: Callable[[Ref], int | None]) -> None:
        self.soonest = NEVER
        self._wake_of = wake_of
        self._heap: list[Timer] = []
        self._drawers: dict[int, list[Ref]] = {}
        self._hours: list[int] = []
        #: What is earlier is in the heap, the others are in drawers.
        self._until = 0

    def add(self, at: int, ref: Ref) -> None:
        """Wake `ref` at `at`."""
        self.soonest = min(self.soonest, at)
        if at < self._until:
            heapq.heappush(self._heap, (at, ref))
            return
        hour = at // HOUR
        drawer = self._drawers.get(hour)
        if drawer is None:
            self._drawers[hour] = [ref]
            heapq.heappush(self._hours, hour)
        else:
            drawer.append(ref)

    def pop(self, before: int) -> Timer | None:
        """The next one that is strictly below `before`, or None."""
        while not self._heap and self._hours and self._hours[0] * HOUR < before:
            self._open(heapq.heappop(self._hours))
        if self._heap:
            if self._heap[0][0] < before:
                return heapq.heappop(self._heap)
            self.soonest = self._heap[0][0]
        else:
            self.soonest = self._hours[0] * HOUR if self._hours else NEVER
        return None

    def _open(self, hour: int) -> None:
        self._until = (hour + 1) * HOUR
        for ref in dict.fromkeys(self._drawers.pop(hour)):
            at = self._wake_of(ref)
            if at is not None and at // HOUR == hour:
                self._heap.append((at, ref))
        heapq.heapify(self._heap)
