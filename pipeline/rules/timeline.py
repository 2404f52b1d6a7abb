"""The matches of a key in order of time: the newest in one record, older ones in blocks that only late truth opens.

So a customer who comes by every hour costs no more than one who comes every week: a step reads and writes the
matches that a run with the new one can hold, and few more.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from typing import Final

from pipeline.state.records import Hit, Hits, Ref
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

    def add(self, key: str, part: str, new: Hit) -> list[Hit]:
        """Keep a match. Returns it and those around it, in order of (time, arrival): all that a run with it can hold."""
        ref = (self._id, key, part)
        newest = self._hits(ref)
        number = self._number(newest, new.at)
        segment = self._segment(ref, newest, number)
        near = segment.hits
        if near and new.at < near[-1].at:
            place = bisect_right(near, new.at, key=_at)
            near.insert(place, new)
        else:
            place = len(near)
            near.append(new)
        before = after = number
        while before > 0 and place < self._n - 1 and self._start(newest, before) > new.at - self._within:
            before -= 1
            earlier = self._segment(ref, newest, before).hits
            near, place = earlier + near, place + len(earlier)
        while (
            after < len(newest.blocks)
            and len(near) - place < self._n
            and self._start(newest, after + 1) < new.at + self._within
        ):
            after += 1
            near = near + self._segment(ref, newest, after).hits
        if segment is newest:
            self._split(ref, newest)
        self._put(ref, newest, self._number(newest, new.at))
        return near

    def changed(self, key: str, part: str, hit: Hit) -> None:
        """Keep what has become of a match that `add` returned in this step."""
        ref = (self._id, key, part)
        newest = self._hits(ref)
        self._put(ref, newest, self._number(newest, hit.at))

    def forget(self, ref: Ref, record: Hits, due: int) -> None:
        """Forget what nothing can complete any more."""
        if ref[0] == self._id:
            record.hits = [hit for hit in record.hits if hit.at + self._kept > due]
            if record.hits:
                self._store.put(ref, record, record.hits[0].at + self._kept)
            else:
                self._store.drop(ref)
            return
        self._store.drop(ref)
        start, _, part = ref[2].partition("/")
        newest = self._store.get((self._id, ref[1], part))
        if isinstance(newest, Hits):
            newest.blocks = [other for other in newest.blocks if other != int(start)]
            self._store.put((self._id, ref[1], part), newest, newest.wake)

    # --- segments: the blocks by number, oldest first, and behind them the newest matches ---------------

    def _number(self, newest: Hits, at: int) -> int:
        """The segment in whose time `at` lies. Every match of a segment is earlier than the next one's first."""
        if not newest.blocks or at >= newest.hits[0].at:
            return len(newest.blocks)
        return max(0, bisect_right(newest.blocks, at) - 1)

    def _start(self, newest: Hits, number: int) -> int:
        return newest.blocks[number] if number < len(newest.blocks) else newest.hits[0].at

    def _segment(self, ref: Ref, newest: Hits, number: int) -> Hits:
        return newest if number == len(newest.blocks) else self._hits(self._block(ref, newest, number))

    def _block(self, ref: Ref, newest: Hits, number: int) -> Ref:
        return self._block_at(ref, newest.blocks[number])

    def _block_at(self, ref: Ref, start: int) -> Ref:
        return (self.past, ref[1], f"{start}/{ref[2]}")

    def _hits(self, ref: Ref) -> Hits:
        record = self._store.get(ref)
        return record if isinstance(record, Hits) else Hits()

    def _put(self, ref: Ref, newest: Hits, number: int) -> None:
        record = self._segment(ref, newest, number)
        if len(record.hits) > MOST:
            record.hits = record.hits[-MOST:]
        if record is newest:
            self._store.put(ref, record, record.hits[0].at + self._kept)
        else:
            self._store.put(self._block(ref, newest, number), record, record.hits[-1].at + self._kept)

    def _split(self, ref: Ref, newest: Hits) -> None:
        """Make a block of the oldest matches, where one that comes in order does not need them."""
        hits = newest.hits
        if len(hits) < BLOCK:
            return
        size = max(len(hits) - self._n, bisect_right(hits, hits[-1].at - self._within, key=_at))
        size = bisect_left(hits, hits[min(size, len(hits) - 1)].at, key=_at)  # one moment is in one segment
        if size < BLOCK:
            return
        blocks = [*newest.blocks, hits[0].at]
        newest.hits, newest.blocks = hits[size:], blocks[-MOST_BLOCKS:]
        self._store.put(ref, newest, newest.hits[0].at + self._kept)
        self._store.put(
            self._block_at(ref, hits[0].at), Hits(hits=hits[:size]), hits[size - 1].at + self._kept
        )
        if len(blocks) > MOST_BLOCKS:
            self._store.drop(self._block_at(ref, blocks[0]))


def _at(hit: Hit) -> int:
    return hit.at
