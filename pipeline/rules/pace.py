"""How often events of a type come to a shard, and whether they have stopped coming."""

from __future__ import annotations

from typing import Final

from pipeline.events.model import Data, Event, event_name
from pipeline.metrics.tally import Tally
from pipeline.rules.compiled import Role
from pipeline.span import DAY, HOUR
from pipeline.state.records import Pace, Remembered
from pipeline.state.ref import Ref, ref_of
from pipeline.state.timers import NEVER
from pipeline.step import Step

#: Events have stopped coming when so many would have come since the last one.
USUAL: Final = 15
#: What is usual is known after so many hours, and is the mean of so many weeks.
WEEK: Final = 168
_WEEKS: Final = 4
#: Counts are kept in thousandths.
_ONE: Final = 1000


class Feed:
    """The events of one type, whoever they are about.

    What is usual is told hour by hour of a week (UTC), as the mean of up to four weeks; a silence is no part of it.
    """

    def __init__(self, role: Role, event: type[Event], step: Step, tally: Tally) -> None:
        self.what = f"{_WHAT}{role}/{event_name(event)}"
        self._ref: Ref = ref_of(self.what, "")
        self._step, self._tally = step, tally

    @property
    def is_silent(self) -> bool:
        """Have they stopped coming?"""
        pace = self._step.store.get(self._ref)
        return isinstance(pace, Pace) and pace.silent

    def on_event(self, event: Event, data: Data, at: int, key: str) -> None:
        """Take one of them. at: ms."""
        hour = at // HOUR
        found = self._step.store.get(self._ref)
        if isinstance(found, Pace):
            pace, wake = found, found.wake
        else:
            pace, wake = Pace(begun=hour, latest=at, counts=[0] * WEEK), at + DAY
        last, pace.latest = pace.latest // HOUR, max(pace.latest, at)
        if pace.silent:
            stops = self._stops(pace)
            # What comes late tells of an old time: they have not stopped any more when it tells of this one.
            if stops is None or stops >= self._step.watermark:
                pace.silent, pace.missed, wake = False, hour, at + HOUR
                tell(self._step, self._tally, self.what, -1, at)
        elif hour > pace.missed:
            if hour > last:
                for one in range(max(last, pace.missed, hour - WEEK) + 1, hour + 1):
                    weeks = self._weeks(pace, one)
                    pace.counts[one % WEEK] = pace.counts[one % WEEK] * (weeks - 1) // weeks
            pace.counts[hour % WEEK] += _ONE // self._weeks(pace, hour)
        self._step.store.put(self._ref, pace, wake)

    def on_wake(self, ref: Ref, record: Remembered, due: int) -> None:
        """Have they stopped coming by now? Looked at when they may have, not at each of them."""
        assert isinstance(record, Pace)
        stops = self._stops(record)
        if stops is None or stops > due:
            # Once a day at least: where they become more, they have stopped sooner than it seems now.
            self._step.store.put(ref, record, due + DAY if stops is None else min(stops, due + DAY))
            return
        record.silent = True
        self._step.store.put(ref, record, NEVER)
        tell(self._step, self._tally, self.what, record.latest, due)

    def _weeks(self, pace: Pace, hour: int) -> int:
        """Of how many weeks the count of an hour is the mean, with its own."""
        return min(_WEEKS, 1 + max(0, hour - pace.begun) // WEEK)

    def _stops(self, pace: Pace) -> int | None:
        """When they will have stopped coming, if none comes until then (ms); None: not within two weeks."""
        hour = pace.latest // HOUR
        missing, at = USUAL * _ONE, pace.latest
        known = (pace.begun + WEEK) * HOUR
        for one in range(hour, hour + 2 * WEEK):
            end, count = (one + 1) * HOUR, pace.counts[one % WEEK]
            here = count * (end - at) // HOUR
            if here >= missing and end > known:
                return max(known, at + -(-missing * HOUR // count)) if missing > 0 else max(known, at)
            missing, at = missing - here, end
        return None


def tell(step: Step, tally: Tally, what: str, since: int, at: int) -> None:
    """Have the board know that the events of a feed have stopped coming, or (since -1) come again. Times in ms.

    A shard with both roles, which only a replay has, is silent as long as one of its feeds of a type is.
    """
    role, _, name = what.removeprefix(_WHAT).partition("/")
    other = step.store.get(ref_of(f"{_WHAT}{_OTHER[role]}/{name}", ""))
    if not isinstance(other, Pace) or not other.silent:
        tally.silence(name, since, at)


#: What remembers feeds, followed by their role and type.
_WHAT: Final = "@pace/"
_OTHER: Final = {str(Role.CUSTOMER): str(Role.REVIEW), str(Role.REVIEW): str(Role.CUSTOMER)}
