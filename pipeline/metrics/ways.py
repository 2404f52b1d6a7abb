"""The way to a purchase: where customers go, how far they come, and what they buy again."""

from __future__ import annotations

import struct
from bisect import bisect_left, bisect_right
from itertools import pairwise
from typing import Final

import msgspec
from xxhash import xxh3_64_intdigest

from pipeline.events import model as m
from pipeline.events.journey import Journey
from pipeline.metrics import counts as c
from pipeline.metrics import shorthand as short
from pipeline.metrics.sample import Sample, differences
from pipeline.metrics.tally import Tally
from pipeline.span import DAY
from pipeline.state.packed import list_head
from pipeline.state.records import Dims, Remembered, Rows, Series
from pipeline.state.ref import Ref, key_of, ref_of
from pipeline.state.timers import NEVER
from pipeline.step import CORRECTION, Step

#: Visits lead to what comes within this (ms).
LEADS: Final = 28 * DAY
#: Who bought within this has bought before (ms).
AGAIN: Final = 365 * DAY
#: So many visits and purchases of one customer are kept, the newest.
MOST_VISITS, MOST_PURCHASES = 64, 16

#: So long they are kept, from their time on (ms).
_VISIT_KEPT: Final = LEADS + CORRECTION
_PURCHASE_KEPT: Final = AGAIN + CORRECTION

#: A row has the time (ms) and the place: of a visit, a fingerprint of the touchpoint and, in the lowest bits, of the
#: stage (0: none); of a purchase, 0. Places are below 2**62, so that compiled they are plain integers.
_ROW: Final = 16
_PURCHASE: Final = 0
_STAGE_BITS: Final = 24
_STAGE: Final = (1 << _STAGE_BITS - 1) - 1
#: Set in the place of a visit that a forgotten one to the same stage came shortly before: it did not reach the stage.
_CONTINUED: Final = _STAGE + 1
_TOUCHPOINT: Final = (1 << 38) - 1
#: The places of so many touchpoints are kept at hand.
_REMEMBERED: Final = 10_000

#: What is told of visits: the series in which it counts, and the sample.
OfVisits = list[tuple[Series, Sample]]

_pack: Final = msgspec.msgpack.Encoder().encode
_unpack_dims: Final = msgspec.msgpack.Decoder(list[Dims]).decode


class Ways:
    """Counts what visits lead to, whatever the order in which they arrive.

    Stages count in their own series, visits to the last step in total and by touchpoint, purchases by their dimensions.
    Of each customer there are rows of visits and purchases in order of (time, arrival), and the dimensions of the purchases.
    Mostly what comes is the newest that is known: it is added to the rows, and nothing is mended.
    """

    WHAT: Final = "@way"
    BOUGHT: Final = "@bought"
    #: What it counts.
    COUNTS: Final = (
        c.STAGE_REACHED, c.STAGE_PASSED, c.LAST_STEPS, c.LAST_STEPS_LOST, c.PURCHASES, c.PURCHASES_AGAIN,
        c.STEPS_COUNT, c.STEPS_SUM, c.STEPS_SQUARES, c.PURCHASE,
    )  # fmt: skip

    def __init__(self, step: Step, tally: Tally, journey: Journey) -> None:
        self._step, self._tally, self._journey = step, tally, journey
        self._dims = tally.reader_of_all(m.PurchaseData)
        self._places: dict[tuple[str, str | None], int] = {}
        stages = journey.order
        self._series_of: dict[int, Series] = {
            _fingerprint(stage, _STAGE): (("stage", stage),) for stage in stages
        }
        #: The stage before each, and those with another one behind them.
        self._before = {
            _fingerprint(stage, _STAGE): _fingerprint(before, _STAGE) for before, stage in pairwise(stages)
        }
        self._go_on = frozenset(self._before.values())
        self._last_steps = {
            _fingerprint(touchpoint, _TOUCHPOINT): touchpoint for touchpoint in journey.last_steps
        }

    def visited(self, event: m.Event, data: m.VisitData, at: int, key: str) -> None:
        """Take a visit. It may mend what stages tell, and the first purchase after it."""
        store, ref, place = self._step.store, ref_of(self.WHAT, key), self._place(data.touchpoint, data.stage)
        rows = store.rows(ref)
        numbers = _numbers(rows)
        if (numbers and at <= numbers[-2]) or len(rows) >= _MOST_BYTES:
            self._mend(ref, _Way(rows), at, place)
            return
        if stage := place & _STAGE:
            self._tell_newest(numbers, at, stage)
        touchpoint = self._last_steps.get(place >> _STAGE_BITS)
        if touchpoint is not None:
            end = at + self._journey.within
            if end < self._step.watermark:
                self._tell([], _of_last_step(touchpoint, end, _LOST))
                end = at + _VISIT_KEPT
            store.add_row(ref, _pack_row(at, place), end)
        elif numbers and numbers[-1] != _PURCHASE:
            store.add_row(ref, _pack_row(at, place))  # the visit before wakes them, and earlier
        else:
            store.add_row(ref, _pack_row(at, place), at + _VISIT_KEPT)

    def purchased(self, event: m.Event, data: m.PurchaseData, at: int, key: str) -> None:
        """Take a purchase. It may mend what the next one tells, and the visits to the last step shortly before it."""
        store, ref, bought = self._step.store, ref_of(self.WHAT, key), ref_of(self.BOUGHT, key)
        way, dims = _Way(store.rows(ref)), self._dims(data)
        place, first = bisect_right(way.times, at), bisect_left(way.times, at - self._journey.within)
        steps, next_ = self._of_last_steps(way, first, place), way.purchase_from(place)
        before = way.of_purchase(next_)
        way.times.insert(place, at)
        way.places.insert(place, _PURCHASE)
        self._tally.tell(dims, way.of_purchase(place))
        self._tell(steps, self._of_last_steps(way, first, place))
        if next_ < 0:
            store.add_row(bought, _pack(dims), NEVER)
        else:
            kept = self._dims_of(bought, way.purchases - 1)
            which = way.places[:place].count(_PURCHASE)
            self._tally.mend(kept[which], before, way.of_purchase(next_ + 1))
            kept.insert(which, dims)
            store.put_rows(bought, b"".join(map(_pack, kept)), NEVER)
        if place < len(way.times) - 1 or way.purchases > MOST_PURCHASES:
            self._keep(ref, way)
        else:
            store.add_row(ref, _pack_row(at, _PURCHASE), at + _PURCHASE_KEPT)

    def on_wake(self, ref: Ref, record: Remembered, due: int) -> None:
        """Settle which visits to the last step led to nothing, and forget what is over."""
        assert isinstance(record, Rows)
        way, within = _Way(record.rows), self._journey.within
        first, after = (
            bisect_left(way.times, due - within),
            bisect_left(way.times, self._step.watermark - within),
        )
        self._tell([], self._of_last_steps(way, first, after, lost_alone=True))
        self._keep(ref, way, is_changed=False)

    # --- what is kept -------------------------------------------------------------------------------

    def _place(self, touchpoint: str, stage: str | None) -> int:
        found = self._places.get((touchpoint, stage))
        if found is None:
            if len(self._places) >= _REMEMBERED:
                self._places.clear()
            of = (stage if stage is not None else self._journey.stage(touchpoint)) or ""
            fingerprint = _fingerprint(of, _STAGE) if of else 0
            found = _fingerprint(touchpoint, _TOUCHPOINT) << _STAGE_BITS | fingerprint
            self._places[touchpoint, stage] = found
        return found

    def _dims_of(self, bought: Ref, purchases: int) -> list[Dims]:
        return _unpack_dims(list_head(purchases) + self._step.store.rows(bought))

    def _keep(self, ref: Ref, way: _Way, *, is_changed: bool = True) -> None:
        """Forget what is over, and wake for the next visit to the last step that is to be settled, or to forget."""
        store, watermark, within = self._step.store, self._step.watermark, self._journey.within
        is_changed |= way.surplus > 0
        rows, over = len(way.times), way.forget(watermark)
        if over:
            bought = ref_of(self.BOUGHT, key_of(ref))
            left = self._dims_of(bought, way.purchases + over)[over:]
            store.put_rows(bought, b"".join(map(_pack, left)))
        wake = NEVER
        for n in range(bisect_left(way.times, watermark - within), len(way.times)):
            if way.places[n] >> _STAGE_BITS in self._last_steps:
                wake = way.times[n] + within
                break
        for n in range(len(way.times) - 1, -1, -1):
            if way.places[n] != _PURCHASE:
                wake = min(wake, way.times[n] + _VISIT_KEPT)
                break
        if wake == NEVER and way.times:
            wake = way.times[-1] + _PURCHASE_KEPT
        if is_changed or rows > len(way.times):
            store.put_rows(ref, way.rows(), max(1, wake))
        else:
            store.wake_rows(ref, max(1, wake))

    def _mend(self, ref: Ref, way: _Way, at: int, place: int) -> None:
        """Take a visit that others, or a purchase, may be later than."""
        n, stage = bisect_right(way.times, at), place & _STAGE
        stages = self._of_stages(way) if stage else []
        next_ = way.purchase_from(bisect_left(way.times, at))
        before = way.of_purchase(next_)
        way.times.insert(n, at)
        way.places.insert(n, place)
        if stage:
            self._tell(stages, self._of_stages(way))
        self._tell([], self._of_last_steps(way, n, n + 1))
        if next_ >= 0:
            next_ += next_ >= n
            dims = self._dims_of(ref_of(self.BOUGHT, key_of(ref)), way.purchases)
            self._tally.mend(dims[way.places[:next_].count(_PURCHASE)], before, way.of_purchase(next_))
        self._keep(ref, way)

    # --- what it tells ------------------------------------------------------------------------------

    def _tell(self, before: OfVisits, now: OfVisits) -> None:
        for (series, (at, name, n)), sign in differences(before, now):
            self._tally.apart(at, series, name, n, sign)

    def _tell_newest(self, numbers: tuple[int, ...], at: int, stage: int) -> None:
        """What a visit to a stage adds to what the visits tell that are all earlier: the same as `_of_stages`."""
        before, first = self._before.get(stage, -1), 2 * _surplus(numbers)
        last = last_before = since = -LEADS
        for n in range(0, len(numbers), 2):
            time, place = numbers[n], numbers[n + 1]
            other = place & _STAGE
            if other == stage:
                if n >= first:
                    last, since = time, -LEADS
            elif other == before:
                if n >= first and last_before <= time - LEADS and not place & _CONTINUED:
                    since = time
                last_before = time
        if last <= at - LEADS and stage in self._go_on:
            self._tally.apart(at, self._series_of[stage], c.STAGE_REACHED, 1)
        if since > at - LEADS:
            self._tally.apart(since, self._series_of[before], c.STAGE_PASSED, 1)

    def _of_stages(self, way: _Way) -> OfVisits:
        found: OfVisits = []
        last: dict[int, int] = {}  # stage → the newest visit so far
        reached: dict[int, int] = {}  # stage → the newest time it was reached at, until it is passed
        for n in range(len(way.times)):
            at, place = way.times[n], way.places[n]
            stage = place & _STAGE
            if not stage:
                continue
            is_new = last.get(stage, -LEADS) <= at - LEADS and not place & _CONTINUED
            if is_new and stage in self._go_on:
                found.append((self._series_of[stage], (at, c.STAGE_REACHED, 1)))
                reached[stage] = at
            last[stage] = at
            before = self._before.get(stage, -1)
            since = reached.pop(before, -LEADS)
            if since > at - LEADS:
                found.append((self._series_of[before], (since, c.STAGE_PASSED, 1)))
        return found

    def _of_last_steps(self, way: _Way, first: int, after: int, lost_alone: bool = False) -> OfVisits:
        """Whether a purchase followed visits to the last step in its time, where that is settled."""
        found: OfVisits = []
        for n in range(first, after):
            touchpoint = self._last_steps.get(way.places[n] >> _STAGE_BITS)
            if touchpoint is None:
                continue
            over, name = way.times[n] + self._journey.within, _LOST
            next_ = way.purchase_from(bisect_left(way.times, way.times[n]))
            if next_ >= 0 and way.times[next_] <= over:
                over, name = way.times[next_], c.LAST_STEPS
                if lost_alone:
                    continue
            elif over >= self._step.watermark:
                continue  # that is still to be seen
            found += _of_last_step(touchpoint, over, name)
        return found


def _of_last_step(touchpoint: str, over: int, name: str) -> OfVisits:
    return [((), (over, name, 1)), ((("touchpoint", touchpoint),), (over, name, 1))]


class _Way:
    """Visits and purchases of a customer, in order of (time, arrival). times: ms; places: see `_ROW`."""

    def __init__(self, rows: bytes) -> None:
        numbers = _numbers(rows)
        #: Visits among so many of the oldest rows count as forgotten.
        self.surplus = _surplus(numbers)
        self.times: list[int] = list(numbers[::2])
        self.places: list[int] = list(numbers[1::2])
        if self.surplus:
            self._keep(
                [n for n in range(len(self.times)) if n >= self.surplus or self.places[n] == _PURCHASE]
            )

    @property
    def purchases(self) -> int:
        """How many there are."""
        return self.places.count(_PURCHASE)

    def rows(self) -> bytes:
        """As they are kept."""
        return b"".join([_pack_row(at, place) for at, place in zip(self.times, self.places, strict=True)])

    def purchase_from(self, n: int) -> int:
        """The first purchase from the nth row on; -1: there is none."""
        for place in range(n, len(self.places)):
            if self.places[place] == _PURCHASE:
                return place
        return -1

    def of_purchase(self, n: int) -> list[Sample]:
        """What a purchase tells that is the nth row; nothing where there is none (-1)."""
        if n < 0:
            return []
        at, before = self.times[n], -AGAIN
        for place in range(n - 1, -1, -1):
            if self.places[place] == _PURCHASE:
                before = self.times[place]
                break
        names = _BOUGHT_AGAIN if before > at - AGAIN else _BOUGHT
        first, after = bisect_right(self.times, max(before, at - LEADS)), bisect_right(self.times, at)
        touchpoints = [place >> _STAGE_BITS for place in self.places[first:after] if place != _PURCHASE]
        if not touchpoints:
            return [(at, names[0], 1)]
        while self.places[first] == _PURCHASE:
            first += 1
        return [(at, names[len(set(touchpoints))], at - self.times[first])]

    def forget(self, watermark: int) -> int:
        """Drop what is over; how many purchases were that?"""
        visits, purchases = len(self.places) - self.purchases, self.purchases
        kept, over = list[int](), 0
        for n in range(len(self.times)):
            if self.places[n] != _PURCHASE:
                is_over = self.times[n] < watermark - _VISIT_KEPT or visits > MOST_VISITS
                visits -= is_over
            else:
                is_over = self.times[n] < watermark - _PURCHASE_KEPT or purchases > MOST_PURCHASES
                purchases -= is_over
                over += is_over
            if not is_over:
                kept.append(n)
        if len(kept) < len(self.times):
            self._keep(kept)
        return over

    def _keep(self, rows: list[int]) -> None:
        """Forget all other rows; visits are forgotten in their order."""
        times, places, kept = self.times, self.places, set(rows)
        last: dict[int, int] = {}  # stage → the newest visit that is forgotten
        for n in range(len(times)):
            stage = places[n] & _STAGE
            if not stage:
                continue
            if n not in kept:
                last[stage] = times[n]
            elif last.pop(stage, -LEADS) > times[n] - LEADS:
                places[n] |= _CONTINUED
        self.times, self.places = [times[n] for n in rows], [places[n] for n in rows]


def _numbers(rows: bytes) -> tuple[int, ...]:
    """The time and the place of each row, one behind the other."""
    return struct.unpack(_FORMATS[len(rows) // _ROW], rows)


def _surplus(numbers: tuple[int, ...]) -> int:
    """The first row of the newest MOST_VISITS visits. Older ones stay until they are many: mostly a row is only added."""
    if len(numbers) <= 2 * MOST_VISITS:
        return 0
    visits = 0
    for place in range(len(numbers) - 1, 0, -2):
        visits += numbers[place] != _PURCHASE
        if visits == MOST_VISITS:
            return place // 2
    return 0


def _fingerprint(name: str, mask: int) -> int:
    """Above 0, so that it is told from what is none."""
    return xxh3_64_intdigest(name.encode()) & mask or 1


#: How so many rows are read.
_FORMATS: Final = tuple(f"<{2 * n}q" for n in range(1 + 2 * (MOST_VISITS + MOST_PURCHASES)))
#: With so many bytes of rows, what is over is forgotten.
_MOST_BYTES: Final = 2 * MOST_VISITS * _ROW
_pack_row: Final = struct.Struct("<qq").pack


def _bought(name: str) -> tuple[str, ...]:
    """What a purchase tells after visits to so many touchpoints; after one at least, how long the way to it was."""
    steps = (short.joined(name, short.valued(short.STEPS, n), c.PURCHASE) for n in range(1, MOST_VISITS + 2))
    return name, *steps


_BOUGHT: Final = _bought(c.PURCHASES)
_BOUGHT_AGAIN: Final = _bought(short.joined(c.PURCHASES, c.PURCHASES_AGAIN))
_LOST: Final = short.joined(c.LAST_STEPS, c.LAST_STEPS_LOST)
