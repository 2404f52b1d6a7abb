"""The matches of a key in order of time: the newest in one record, older ones in blocks that only late truth opens.

So a customer who comes by every hour costs no more than one who comes every week: a step reads and writes the
matches that a run with the new one can hold, and few more.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from typing import Final

from pipeline.rules.hits import cut, events_of, insert, joined, mark_fired, set_events
from pipeline.state.records import Hits
from pipeline.state.ref import Ref, key_of, part_of, ref_of, what_of
from pipeline.state.store import Store

#: A block begins with so many matches at least; the newest so many blocks of a key and part are kept.
BLOCK: Final = 8
MOST_BLOCKS: Final = 32
#: The newest so many matches of a record are kept.
MOST: Final = 256


class Timeline:
    """The matches of one rule, by key and part.

    n: how many a run has; within: how long it may be (ms); kept: how long a match is kept (ms).
    """

    def __init__(self, rule_id: str, store: Store, n: int, within: int, kept: int) -> None:
        self.past = f"{rule_id}/past"
        self._id, self._store = rule_id, store
        self._n, self._within, self._kept = n, within, kept

    def add(self, key: str, part: str, at: int, event: str) -> tuple[Hits, int]:
        """Keep a match (at: ms; event: see `hits`). Returns its place among those around it: all that a run with it can hold."""
        ref = ref_of(self._id, key, part)
        newest = self._hits(ref)
        if len(newest.times) >= BLOCK:
            self._split(ref, newest, at)
        blocks = len(newest.blocks)
        number = blocks if not blocks else self._number(newest, at)
        near = segment = newest if number == blocks else self._segment(ref, newest, number)
        times = segment.times
        place = len(times) if not times or at >= times[-1] else bisect_right(times, at)
        insert(segment, times, place, at, event)
        if len(times) > MOST:
            near = joined(segment, Hits())  # the new one may be the oldest, and is shown all the same
            cut(segment, 1)
            self._put(ref, newest, number)
        elif number == blocks and 0 < place == len(times) - 1:
            self._store.add(ref, newest, place, (at, event))
        else:
            self._put(ref, newest, number)
        before = after = number
        while before > 0 and place < self._n - 1 and self._start(newest, before) > at - self._within:
            before -= 1
            earlier = self._segment(ref, newest, before)
            near, place = joined(earlier, near), place + len(earlier.times)
        while (
            after < blocks
            and len(near.times) - place < self._n
            and self._start(newest, after + 1) < at + self._within
        ):
            after += 1
            near = joined(near, self._segment(ref, newest, after))
        return near, place

    def fired(self, key: str, part: str, at: int, event: str) -> None:
        """A run ended with a match that `add` returned in this step."""
        ref = ref_of(self._id, key, part)
        newest = self._hits(ref)
        number = self._number(newest, at)
        segment = self._segment(ref, newest, number)
        place = bisect_left(segment.times, at)
        events = events_of(segment)
        if event in events[place:]:  # or it was one too many
            mark_fired(events, events.index(event, place))
            set_events(segment, events)
            self._put(ref, newest, number)

    def forget(self, ref: Ref, record: Hits, due: int) -> None:
        """Forget what nothing can complete any more."""
        if what_of(ref) == self._id:
            cut(record, bisect_right(record.times, due - self._kept))
            if record.times:
                self._store.put(ref, record, record.times[0] + self._kept)
            else:
                self._store.drop(ref)
            return
        self._store.drop(ref)
        start, _, part = part_of(ref).partition("/")
        newest = self._store.get(ref_of(self._id, key_of(ref), part))
        if isinstance(newest, Hits):
            newest.blocks = tuple([other for other in newest.blocks if other != int(start)])
            self._store.put(ref_of(self._id, key_of(ref), part), newest, newest.wake)

    # --- segments: the blocks by number, oldest first, and behind them the newest matches ---------------

    def _number(self, newest: Hits, at: int) -> int:
        """The segment in whose time `at` lies. Every match of a segment is earlier than the next one's first."""
        if not newest.blocks or at >= newest.times[0]:
            return len(newest.blocks)
        return max(0, bisect_right(newest.blocks, at) - 1)

    def _start(self, newest: Hits, number: int) -> int:
        return newest.blocks[number] if number < len(newest.blocks) else newest.times[0]

    def _segment(self, ref: Ref, newest: Hits, number: int) -> Hits:
        return newest if number == len(newest.blocks) else self._hits(self._block(ref, newest, number))

    def _block(self, ref: Ref, newest: Hits, number: int) -> Ref:
        return self._block_at(ref, newest.blocks[number])

    def _block_at(self, ref: Ref, start: int) -> Ref:
        return ref_of(self.past, key_of(ref), f"{start}/{part_of(ref)}")

    def _hits(self, ref: Ref) -> Hits:
        record = self._store.get(ref)
        return record if record is not None and isinstance(record, Hits) else Hits()

    def _put(self, ref: Ref, newest: Hits, number: int) -> None:
        record = self._segment(ref, newest, number)
        if record is newest:
            self._store.put(ref, record, record.times[0] + self._kept)
        else:
            self._store.put(self._block(ref, newest, number), record, record.times[-1] + self._kept)

    def _split(self, ref: Ref, newest: Hits, at: int) -> None:
        """Make a block of the oldest matches, where one that comes in order, now at `at`, does not need them."""
        times = newest.times
        size = max(len(times) - self._n + 1, bisect_right(times, max(at, times[-1]) - self._within))
        size = bisect_left(times, times[min(size, len(times) - 1)])  # one moment is in one segment
        if size < BLOCK:
            return
        block = cut(newest, size)
        blocks = (*newest.blocks, block.times[0])
        newest.blocks = blocks[-MOST_BLOCKS:]
        self._store.put(ref, newest, newest.times[0] + self._kept)
        self._store.put(self._block_at(ref, block.times[0]), block, block.times[-1] + self._kept)
        if len(blocks) > MOST_BLOCKS:
            self._store.drop(self._block_at(ref, blocks[0]))
