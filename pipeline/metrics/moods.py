"""Whether unhappy customers recover, and whether it helps to follow up."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from typing import Final

from pipeline.events import model as m
from pipeline.metrics import counts as c
from pipeline.metrics.catalogue import RULE, TEAM
from pipeline.metrics.events import is_unhappy
from pipeline.metrics.sample import Sample, differences
from pipeline.metrics.shorthand import joined
from pipeline.metrics.tally import Tally
from pipeline.span import DAY
from pipeline.state.records import Mood, Remembered, Series
from pipeline.state.ref import Ref, ref_of
from pipeline.step import CORRECTION, Step

#: The next score of a customer tells of the one before if it comes within this (ms).
NEXT: Final = 90 * DAY
#: So many scores, and things done about follow-ups, are kept of one customer, the newest.
_MOST: Final = 32

_HELPED_RECOVERED: Final = joined(c.HELPED_AGAIN, c.HELPED_RECOVERED)
_ALONE_RECOVERED: Final = joined(c.ALONE_AGAIN, c.ALONE_RECOVERED)


class Moods:
    """Counts the next score of each unhappy customer, whatever the order in which they arrive.

    What somebody followed up between both counts in total, by team and by rule; the others count in total.
    """

    WHAT: Final = "@mood"
    #: What it counts.
    COUNTS: Final = (c.HELPED_AGAIN, c.HELPED_RECOVERED, c.ALONE_AGAIN, c.ALONE_RECOVERED)

    def __init__(self, step: Step, tally: Tally) -> None:
        self._step, self._tally = step, tally

    def answered(self, event: m.Event, data: m.SurveyData, at: int, key: str) -> None:
        """Take an answer."""
        unhappy = is_unhappy(data.nps, data.csat)
        if unhappy is None:
            return
        ref, mood = self._mood(key)
        place = bisect_right(mood.times, at)
        is_newest = place == len(mood.times)
        before = [] if is_newest else samples(mood)
        mood.times.insert(place, at)
        mood.unhappy.insert(place, unhappy)
        if is_newest and 0 < mood.wake <= at + NEXT + CORRECTION and place < _MOST:
            self._tell([], _of_score(mood, place))
            self._step.store.add(ref, mood, place, (at, unhappy))
        else:
            self._tell(before, _of_score(mood, place) if is_newest else samples(mood))
            self._keep(ref, mood)

    def helped(self, key: str, at: int, team: str, rule: str) -> None:
        """Somebody was in touch with a customer, or did something about their follow-up."""
        ref, mood = self._mood(key)
        before = samples(mood)
        mood.helped.insert(bisect_right(mood.helped, at, key=_time_of), (at, team, rule))
        self._tell(before, samples(mood))
        self._keep(ref, mood)

    def on_wake(self, ref: Ref, record: Remembered, due: int) -> None:
        """Forget what is over."""
        assert isinstance(record, Mood)
        self._keep(ref, record)

    def _mood(self, key: str) -> tuple[Ref, Mood]:
        ref = ref_of(self.WHAT, key)
        found = self._step.store.get(ref)
        return ref, found if isinstance(found, Mood) else Mood()

    def _tell(self, before: list[tuple[Series, Sample]], now: list[tuple[Series, Sample]]) -> None:
        for (series, (at, name, n)), sign in differences(before, now):
            self._tally.apart(at, series, name, n, sign)

    def _keep(self, ref: Ref, mood: Mood) -> None:
        since = self._step.watermark - NEXT - CORRECTION
        over = max(bisect_left(mood.times, since), len(mood.times) - _MOST)
        if over > 0:
            del mood.times[:over], mood.unhappy[:over]
        over = max(bisect_left(mood.helped, since, key=_time_of), len(mood.helped) - _MOST)
        if over > 0:
            del mood.helped[:over]
        newest = max([*mood.times[-1:], *(at for at, _, _ in mood.helped[-1:])], default=-1)
        if newest < 0:
            self._step.store.drop(ref)
        else:
            wake = newest + NEXT + CORRECTION
            if self._step.watermark <= mood.wake <= wake:
                wake = mood.wake  # early enough, and a timer that stays costs nothing
            self._step.store.put(ref, mood, wake)


def samples(mood: Mood) -> list[tuple[Series, Sample]]:
    """What scores tell that follow an unhappy one."""
    found: list[tuple[Series, Sample]] = []
    for place in range(1, len(mood.times)):
        found += _of_score(mood, place)
    return found


def _of_score(mood: Mood, place: int) -> list[tuple[Series, Sample]]:
    """What one of them tells."""
    if place == 0 or not mood.unhappy[place - 1]:
        return []
    since, at = mood.times[place - 1], mood.times[place]
    if at - since > NEXT:
        return []
    recovered = not mood.unhappy[place]
    helpers = [one for one in mood.helped if since <= one[0] <= at]
    if not helpers:
        return [((), (at, _ALONE_RECOVERED if recovered else c.ALONE_AGAIN, 1))]
    _, team, rule = helpers[-1]
    sample = (at, _HELPED_RECOVERED if recovered else c.HELPED_AGAIN, 1)
    return [(series, sample) for series in ((), ((TEAM, team),), ((RULE, rule),))]


def _time_of(helped: tuple[int, str, str]) -> int:
    return helped[0]
