"""How often events of a type come, and whether they have stopped coming."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial

from tests.oracle.followups import FollowUps, Timer
from tests.oracle.reading import DAY, HOUR, MINUTE, Event
from tests.oracle.rules import Alert, Outputs, SilentRule, derived

WEEK = 168  # hours
QUARTER = 15 * MINUTE
ENOUGH = 15_000  # in thousandths, as all that is usual


def next_quarter(at: int) -> int:
    """The full quarter of an hour after a moment."""
    return at - at % QUARTER + QUARTER


@dataclass
class Feed:
    """The events of one type that come to a shard in one role.

    told: called with the moment when they have stopped coming, and when they come again.
    usual: of each hour of a week, in thousandths. Hours are counted from 1970.
    """

    role: str
    event: str
    told: Callable[[Feed, int], None]
    usual: dict[int, int] = field(default_factory=lambda: dict.fromkeys(range(WEEK), 0))
    first: int | None = None  # the hour of the first to arrive
    latest: int = 0  # ms
    look: int = 0  # ms, when to look whether they have stopped coming
    silent: bool = False
    lost: int = -1  # the hour in which the last silence ended

    def take(self, event: Event, watermark: int) -> None:
        if event.type != self.event:
            return
        hour = event.time // HOUR
        if self.first is None:
            self.first, self.latest, self.look = hour, event.time, event.time + DAY
        before, self.latest = self.latest // HOUR, max(self.latest, event.time)
        if self.silent:
            if (stop := self.stop()) is None or stop >= watermark:
                self.silent, self.lost, self.look = False, hour, event.time + HOUR
                self.told(self, event.time)
        elif hour > self.lost:
            for passed in range(before + 1, hour + 1):
                if passed > self.lost and passed > hour - WEEK:
                    weeks = self.weeks(passed)
                    self.usual[passed % WEEK] = self.usual[passed % WEEK] * (weeks - 1) // weeks
            self.usual[hour % WEEK] += 1000 // self.weeks(hour)

    def weeks(self, hour: int) -> int:
        """Over how many weeks the mean of an hour is taken: those since the first, with its own; four at most."""
        assert self.first is not None
        return min(4, max(0, hour - self.first) // WEEK + 1)

    def expected(self, until: int) -> int:
        """How many are usual from the latest until then."""
        total, at = 0, self.latest
        while at < until:
            end = min(until, (at // HOUR + 1) * HOUR)
            total += self.usual[at // HOUR % WEEK] * (end - at) // HOUR
            at = end
        return total

    def stop(self) -> int | None:
        """When they have stopped coming if no more come; None: not within two weeks."""
        assert self.first is not None
        end = (self.latest // HOUR + 2 * WEEK) * HOUR
        if self.expected(end) < ENOUGH:
            return None
        enough = bisect_left(range(end), ENOUGH, lo=self.latest, key=self.expected)
        return max(enough, (self.first + WEEK) * HOUR)

    def timers(self, before: int) -> list[Timer]:
        if self.first is None or self.silent or self.look >= before:
            return []
        name = (f"@pace/{self.role}/{self.event}", "", "")
        return [(self.look, name, 0, partial(self.see, self.look))]

    def see(self, at: int) -> None:
        """Look whether they have stopped coming; if not, when to look again."""
        stop = self.stop()
        if stop is not None and stop <= at:
            self.silent = True
            self.told(self, at)
        else:
            self.look = at + DAY if stop is None else min(stop, at + DAY)


@dataclass
class Silences:
    """The board's rules about events that have stopped coming."""

    rules: list[SilentRule]
    outputs: Outputs
    follow_ups: FollowUps
    feeds: list[Feed] = field(default_factory=list)  # that are silent
    alerts: dict[tuple[str, str], Alert] = field(
        default_factory=dict
    )  # that are firing: (rule, event) → alert

    def told(self, feed: Feed, at: int) -> None:
        """A feed has become silent, or is not any more."""
        self.feeds = [one for one in self.feeds if one is not feed] + ([feed] if feed.silent else [])
        silent = any(one.event == feed.event for one in self.feeds)
        for rule in self.rules:
            alert = self.alerts.get((rule.id, feed.event))
            if feed.event not in rule.events:
                continue
            if silent and alert is None:
                self.fire(rule, feed.event, at)
            elif alert is not None and not silent:
                self.outputs.resolve(alert, at, "cleared")
                del self.alerts[rule.id, feed.event]

    def fire(self, rule: SilentRule, event: str, at: int) -> None:
        alert_id = "a-" + derived(rule.id, event, str(at))
        alert = Alert(alert_id, rule.id, "silence", rule.severity, event, at, None, rule.follow_up, start=at)
        self.alerts[rule.id, event] = alert
        self.outputs.alert(alert, "fired", at)
        self.follow_ups.fired(alert, event)
