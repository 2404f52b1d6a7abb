"""The way to a purchase: where customers go, how far they come, and what they buy again."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from typing import Final

from pipeline.events import model as m
from pipeline.events.journey import Journey
from pipeline.metrics import counts as c
from pipeline.metrics import shorthand as short
from pipeline.metrics.sample import Sample, differences
from pipeline.metrics.tally import Tally
from pipeline.span import DAY
from pipeline.state.records import Ref, Remembered, Series, Way
from pipeline.state.timers import NEVER
from pipeline.step import CORRECTION, Step

#: Visits lead to what comes within this (ms).
LEADS: Final = 28 * DAY
#: Who bought within this has bought before (ms).
AGAIN: Final = 365 * DAY
#: So many visits and purchases of one customer are kept, the newest.
MOST_VISITS, MOST_PURCHASES = 64, 16

#: What is told of visits: the series in which it counts, and the sample.
OfVisits = list[tuple[Series, Sample]]


class Ways:
    """Counts what visits lead to, whatever the order in which they arrive.

    Stages count in their own series, visits to the last step in total and by touchpoint, purchases by their dimensions.
    """

    WHAT: Final = "@way"

    def __init__(self, step: Step, tally: Tally, journey: Journey) -> None:
        self._step, self._tally, self._journey = step, tally, journey
        #: The stages with another one behind them.
        self._go_on = frozenset(journey.order[:-1])
        self._stage_before: dict[str, str] = dict(zip(journey.order[1:], journey.order, strict=False))
        self._dims = tally.reader_of_all(m.PurchaseData)

    def visited(self, event: m.Event, data: m.VisitData, at: int, key: str) -> None:
        """Take a visit. It may mend what stages tell, and the first purchase after it."""
        ref, way = self._way(key)
        touchpoint = data.touchpoint
        stage = (data.stage if data.stage is not None else self._journey.stage(touchpoint)) or ""
        times = way.times
        place = len(times)
        if (
            touchpoint in self._journey.last_steps
            or (place and at < times[-1])
            or (way.bought and at <= way.bought[-1])
        ):
            self._mend(ref, way, at, touchpoint, stage)
            return
        # Mostly it is the newest that is known of the customer, and nothing has to be mended.
        if stage:
            self._tell([], self._of_newest(way, at, stage))
        times.append(at)
        way.touchpoints.append(touchpoint)
        way.stages.append(stage)
        if 0 < way.wake <= at + LEADS + CORRECTION and place < MOST_VISITS:
            self._step.store.add(ref, way, place, (at, touchpoint, stage))
        else:
            self._keep(ref, way)

    def _mend(self, ref: Ref, way: Way, at: int, touchpoint: str, stage: str) -> None:
        place, next_ = bisect_right(way.times, at), bisect_left(way.bought, at)
        stages = self._of_stages(way) if stage else []
        purchase = self._of_purchase(way, next_)
        way.times.insert(place, at)
        way.touchpoints.insert(place, touchpoint)
        way.stages.insert(place, stage)
        if stage:
            self._tell(stages, self._of_stages(way))
        if touchpoint in self._journey.last_steps:
            self._tell([], self._of_last_step(way, place))
        if next_ < len(way.bought):
            self._tally.mend(way.dims[next_], purchase, self._of_purchase(way, next_))
        self._keep(ref, way)

    def purchased(self, event: m.Event, data: m.PurchaseData, at: int, key: str) -> None:
        """Take a purchase. It may mend what the next one tells, and the visits to the last step shortly before it."""
        ref, way = self._way(key)
        place = bisect_right(way.bought, at)
        first, after = bisect_left(way.times, at - self._journey.within), bisect_right(way.times, at)
        steps = [step for n in range(first, after) for step in self._of_last_step(way, n)]
        next_ = self._of_purchase(way, place)
        way.bought.insert(place, at)
        way.dims.insert(place, self._dims(data))
        self._tally.mend(way.dims[place], [], self._of_purchase(way, place))
        if place + 1 < len(way.bought):
            self._tally.mend(way.dims[place + 1], next_, self._of_purchase(way, place + 1))
        self._tell(steps, [step for n in range(first, after) for step in self._of_last_step(way, n)])
        self._keep(ref, way)

    def on_wake(self, ref: Ref, record: Remembered, due: int) -> None:
        """Settle which visits to the last step led to nothing, and forget what is over."""
        assert isinstance(record, Way)
        self._keep(ref, record)

    # --- what is kept -------------------------------------------------------------------------------

    def _way(self, key: str) -> tuple[Ref, Way]:
        ref = (self.WHAT, key, "")
        found = self._step.store.get(ref)
        return ref, found if isinstance(found, Way) else Way()

    def _keep(self, ref: Ref, way: Way) -> None:
        """Settle and forget what is over, and wake for the next visit to the last step that is to be settled."""
        watermark = self._step.watermark
        last_steps, within = self._journey.last_steps, self._journey.within
        settled, way.until = way.until, max(way.until, watermark)
        wake = NEVER
        for place in range(bisect_left(way.times, settled - within), len(way.times)):
            if way.touchpoints[place] not in last_steps:
                continue
            end = way.times[place] + within
            if end >= way.until:
                wake = end
                break
            if end >= settled:
                self._tell(self._of_last_step(way, place, settled), self._of_last_step(way, place))
        over = max(bisect_left(way.times, watermark - LEADS - CORRECTION), len(way.times) - MOST_VISITS)
        if over > 0:
            del way.times[:over], way.touchpoints[:over], way.stages[:over]
        over = max(bisect_left(way.bought, watermark - AGAIN - CORRECTION), len(way.bought) - MOST_PURCHASES)
        if over > 0:
            del way.bought[:over], way.dims[:over]
        if way.times:
            wake = min(wake, way.times[-1] + LEADS + CORRECTION)
        elif way.bought:
            wake = way.bought[-1] + AGAIN + CORRECTION
        else:
            self._step.store.drop(ref)
            return
        if watermark <= way.wake <= wake:
            wake = way.wake  # early enough, and a timer that stays costs nothing
        self._step.store.put(ref, way, max(1, wake))

    # --- what it tells ------------------------------------------------------------------------------

    def _tell(self, before: OfVisits, now: OfVisits) -> None:
        for (series, (at, name, n)), sign in differences(before, now):
            self._tally.apart(at, series, name, n, sign)

    def _of_newest(self, way: Way, at: int, stage: str) -> OfVisits:
        """What a visit to a stage adds to what the visits tell that are all no later: the same as `_of_stages`."""
        before = self._stage_before.get(stage)
        last = last_before = since = -LEADS
        for place in range(len(way.times)):
            other = way.stages[place]
            if other == stage:
                last, since = way.times[place], -LEADS
            elif other == before:
                time = way.times[place]
                if last_before <= time - LEADS:
                    since = time
                last_before = time
        found: OfVisits = []
        if last <= at - LEADS and stage in self._go_on:
            found.append(((("stage", stage),), (at, c.STAGE_REACHED, 1)))
        if before is not None and since > at - LEADS:
            found.append(((("stage", before),), (since, c.STAGE_PASSED, 1)))
        return found

    def _of_stages(self, way: Way) -> OfVisits:
        found: OfVisits = []
        last: dict[str, int] = {}  # stage → the newest visit so far
        reached: dict[str, int] = {}  # stage → the newest time it was reached at, until it is passed
        for place in range(len(way.times)):
            at, stage = way.times[place], way.stages[place]
            if not stage:
                continue
            if last.get(stage, -LEADS) <= at - LEADS and stage in self._go_on:
                found.append(((("stage", stage),), (at, c.STAGE_REACHED, 1)))
                reached[stage] = at
            last[stage] = at
            before = self._stage_before.get(stage, "")
            since = reached.pop(before, -LEADS)
            if since > at - LEADS:
                found.append(((("stage", before),), (since, c.STAGE_PASSED, 1)))
        return found

    def _of_last_step(self, way: Way, place: int, until: int | None = None) -> OfVisits:
        """Whether a purchase followed a visit in its time. until: settled up to here (ms)."""
        touchpoint = way.touchpoints[place]
        if touchpoint not in self._journey.last_steps:
            return []
        end = way.times[place] + self._journey.within
        next_ = bisect_left(way.bought, way.times[place])
        lost = next_ == len(way.bought) or way.bought[next_] > end
        if lost and end >= (way.until if until is None else until):
            return []  # that is still to be seen
        over = end if lost else way.bought[next_]
        found: OfVisits = []
        for series in ((), (("touchpoint", touchpoint),)):
            found.append((series, (over, _LOST if lost else c.LAST_STEPS, 1)))
        return found

    def _of_purchase(self, way: Way, place: int) -> list[Sample]:
        """What a purchase tells; nothing where there is none."""
        if place >= len(way.bought):
            return []
        at, name = way.bought[place], c.PURCHASES
        before = way.bought[place - 1] if place else -AGAIN
        if before > at - AGAIN:
            name = _AGAIN
        first, after = bisect_right(way.times, max(before, at - LEADS)), bisect_right(way.times, at)
        if first == after:
            return [(at, name, 1)]
        steps = len(set(way.touchpoints[first:after]))
        return [
            (at, short.joined(name, short.valued(short.STEPS, steps)), 1),
            (at, c.PURCHASE, at - way.times[first]),
        ]


_AGAIN: Final = short.joined(c.PURCHASES, c.PURCHASES_AGAIN)
_LOST: Final = short.joined(c.LAST_STEPS, c.LAST_STEPS_LOST)
