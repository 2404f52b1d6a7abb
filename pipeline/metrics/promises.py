"""Which promises are kept, and in time."""

from __future__ import annotations

from typing import Final

from pipeline.events import model as m
from pipeline.events.codec import millis
from pipeline.metrics import counts as c
from pipeline.metrics.sample import Sample
from pipeline.metrics.shorthand import joined
from pipeline.metrics.tally import Tally
from pipeline.span import DAY
from pipeline.state.records import Promised, Remembered
from pipeline.state.ref import Ref, ref_of
from pipeline.step import CORRECTION, Step

#: A promise is remembered so long after the last that is known of it, its due time included (ms).
REMEMBERED: Final = 28 * DAY + CORRECTION
#: A promise that is due later than this after it was made is never overdue (ms).
_FURTHEST: Final = 366 * DAY
_KEPT: Final = joined(c.PROMISES_SETTLED, c.PROMISES_KEPT)
_IN_TIME: Final = joined(_KEPT, c.PROMISES_IN_TIME)
_BROKEN: Final = joined(c.PROMISES_SETTLED, c.PROMISES_BROKEN)


class Promises:
    """Counts each promise once, when it is kept or broken, with the dimensions of the first that is known of it."""

    WHAT: Final = "@promise"
    #: What it counts.
    COUNTS: Final = (c.PROMISES_SETTLED, c.PROMISES_KEPT, c.PROMISES_BROKEN, c.PROMISES_IN_TIME)

    def __init__(self, step: Step, tally: Tally) -> None:
        self._step, self._tally = step, tally
        self._dims = tally.reader_of_all(m.PromiseData)

    def made(self, event: m.Event, data: m.PromiseData, at: int, key: str) -> None:
        """Take a promise; a second one of the same id is ignored."""
        ref, promise = self._promise(key, data)
        if promise.made >= 0:
            return
        before = samples(promise)
        promise.made = at
        if data.due is not None and millis(data.due) <= at + _FURTHEST:
            promise.due = max(0, millis(data.due))
        self._keep(ref, promise, before)

    def kept(self, event: m.Event, data: m.PromiseData, at: int, key: str) -> None:
        """Take that a promise was kept; the first time counts."""
        ref, promise = self._promise(key, data)
        if not 0 <= promise.kept <= at:
            before, promise.kept = samples(promise), at
            self._keep(ref, promise, before)

    def broken(self, event: m.Event, data: m.PromiseData, at: int, key: str) -> None:
        """Take that a promise was broken; the first time counts."""
        ref, promise = self._promise(key, data)
        if not 0 <= promise.broken <= at:
            before, promise.broken = samples(promise), at
            self._keep(ref, promise, before)

    def on_wake(self, ref: Ref, record: Remembered, due: int) -> None:
        """Its time has come, or it is to be forgotten."""
        assert isinstance(record, Promised)
        if due >= _last(record) + REMEMBERED:
            self._overdue(record, False)
            self._step.store.drop(ref)
            return
        self._overdue(record, record.kept < 0 and record.broken < 0)
        self._step.store.put(ref, record, _last(record) + REMEMBERED)

    def _promise(self, key: str, data: m.PromiseData) -> tuple[Ref, Promised]:
        ref = ref_of(self.WHAT, key, data.promise_id)
        found = self._step.store.get(ref)
        return ref, found if isinstance(found, Promised) else Promised(dims=self._dims(data))

    def _keep(self, ref: Ref, promise: Promised, before: list[Sample]) -> None:
        self._tally.mend(promise.dims, before, samples(promise))
        waits = promise.kept < 0 and promise.broken < 0 and promise.due > 0
        self._overdue(promise, waits and promise.due < self._step.watermark)
        wake = promise.due if waits and not promise.overdue else _last(promise) + REMEMBERED
        self._step.store.put(ref, promise, wake)

    def _overdue(self, promise: Promised, now: bool) -> None:
        if now is not promise.overdue:
            promise.overdue = now
            self._step.level("promises_overdue", "", 1 if now else -1)


def samples(promise: Promised) -> list[Sample]:
    """What a promise tells: how it ended, whichever of both was said of a later time."""
    if promise.kept >= 0 and promise.kept >= promise.broken:
        in_time = promise.due < 0 or promise.kept <= promise.due
        return [(promise.kept, _IN_TIME if in_time else _KEPT, 1)]
    return [(promise.broken, _BROKEN, 1)] if promise.broken >= 0 else []


def _last(promise: Promised) -> int:
    return max(promise.made, promise.due, promise.kept, promise.broken)
