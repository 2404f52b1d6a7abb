"""What a rule on a metric sees when it looks at a series: its level, or how it has moved."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from statistics import fmean
from typing import Final, NamedTuple

from pipeline.metrics.confidence import unusual, z_score
from pipeline.metrics.window import Window, hourly, window
from pipeline.plural import plural
from pipeline.rules.compiled import Change, MetricRule, Unusual
from pipeline.rules.condition import Comparison
from pipeline.span import WEEK, duration
from pipeline.state.records import Series, Sums

#: What is usual is known from so many weeks at least.
LEAST_WEEKS: Final = 2


class Now(NamedTuple):
    """What there is to look at. at: the pane end that it is of (ms). since: from when on things are counted (ms)."""

    totals: Mapping[Window, Sums]
    at: int
    since: Mapping[str, int]


@dataclass(frozen=True, slots=True)
class Look:
    """result: None where there is nothing to see. enough: samples; holds: the condition; clear: its end.

    before: what a change was compared with, and on how many samples, or weeks, that rests.
    """

    result: float | None
    samples: int
    enough: bool
    holds: bool
    clear: bool
    before: tuple[float, int] = (0.0, 0)


class Level:
    """Compares a metric with a limit. windows: those that it looks at; name: of them, as an episode keeps it."""

    def __init__(self, rule: MetricRule, limit: Comparison) -> None:
        self._metric, self._limit, self._clear = rule.measured.metric, limit, rule.clear
        self._is_number = rule.measured.is_number
        self._holds, self._enough = limit.test(), rule.samples.test()
        self._ends = rule.clear.test() if rule.clear is not None else None
        self._window = window(rule.window)
        self.windows, self.name = (self._window,), self._window.name

    def look(self, series: Series, now: Now) -> Look:
        """Look at the totals of now."""
        counts = now.totals[self._window].get(series, {})
        samples, result = self._metric.samples(counts), self._metric.result(counts)
        holds = result is not None and self._holds(result)
        clear = result is not None and (self._ends(result) if self._ends else not holds)
        return Look(result, samples, self._enough(samples), holds, clear)

    def why_fired(self, look: Look, held: str) -> tuple[str, str]:
        """In words, and the limit. held: words for how long it held."""
        text = f"{self._said(look)} over {self.name} ({self._limit.words}){held}"
        return text if self._is_number else f"{text}, from {_samples(look.samples)}", str(self._limit)

    def why_clear(self, look: Look) -> tuple[str, str]:
        """In words, and the limit."""
        limit = str(self._clear) if self._clear is not None else f"not {self._limit}"
        return f"{self._said(look)}, clear at {limit}", limit

    def _said(self, look: Look) -> str:
        return f"{look.result:.0f}" if self._is_number else f"{look.result:.4g}"


class Moved:
    """Compares a metric with what it was before its window. Looks at full hours."""

    def __init__(self, rule: MetricRule, change: Change) -> None:
        self._metric, self._change, self._enough = rule.measured.metric, change, rule.samples.test()
        self._window, self._whole = hourly(rule.window), hourly(change.against)
        self._earlier = duration(change.against - rule.window)
        self.windows = (self._window, self._whole)
        self.name = f"{self._window.name} against {self._whole.name}"

    def look(self, series: Series, now: Now) -> Look:
        """Look at the totals of now."""
        recent = now.totals[self._window].get(series, {})
        whole = now.totals[self._whole].get(series, {})
        spread = self._metric.spread
        assert spread is not None  # or the rule would not have been compiled
        after = spread(recent)
        if not after.n:
            return Look(None, 0, enough=False, holds=False, clear=False)
        before = spread({name: number - recent.get(name, 0) for name, number in whole.items()})
        enough = self._enough(after.n) and self._enough(before.n)
        change, sign = self._change, -1 if self._change.by < 0 else 1
        moved = sign * (after.mean - before.mean)
        holds = enough and moved >= abs(change.by) and sign * z_score(after, before) >= change.limit
        return Look(after.mean, after.n, enough, holds, moved < abs(change.by) / 2, (before.mean, before.n))

    def why_fired(self, look: Look, held: str) -> tuple[str, str]:
        """In words, and the limit. held: words for how long it held."""
        limit = f"at least {abs(self._change.by):g}, with a confidence of {self._change.confidence:.4g}"
        _, samples = look.before
        return f"{self._compared(look)} ({limit}){held}, from {look.samples} and {_samples(samples)}", limit

    def why_clear(self, look: Look) -> tuple[str, str]:
        """In words, and the limit."""
        limit = f"less than {abs(self._change.by) / 2:g}"
        return f"{self._compared(look)}, clear at {limit}", limit

    def _compared(self, look: Look) -> str:
        assert look.result is not None
        mean, _ = look.before
        way = "below" if look.result < mean else "above"
        return (
            f"{look.result:.4g} over {self._window.name}, {abs(look.result - mean):.4g} {way} the {mean:.4g} of the "
            f"{self._earlier} before"
        )


class Weekly:
    """Compares a number with what it was at these hours of the weeks before. Looks at full hours."""

    def __init__(self, rule: MetricRule, unusual: Unusual) -> None:
        (matches,) = rule.measured.matches
        self._count, self._counted = matches.count, matches.name
        self._unusual, self._enough = unusual, rule.samples.test()
        self._window = hourly(rule.window)
        #: What was counted in a window of earlier is the difference of two that end now.
        self._earlier = [
            (hourly(week * WEEK + rule.window), hourly(week * WEEK)) for week in range(1, unusual.weeks + 1)
        ]
        self.windows = tuple(dict.fromkeys((self._window, *(one for both in self._earlier for one in both))))
        self.name = f"{self._window.name} against {unusual.weeks} weeks"

    def turns(self, now: Now) -> Sequence[int]:
        """When one more week can be compared with (ms): what is usual changes then for all series."""
        since = now.since.get(self._counted)
        return [] if since is None else [since + longer.length for longer, _ in self._earlier]

    def look(self, series: Series, now: Now) -> Look:
        """Look at the totals of now."""
        number = self._number(self._window, series, now)
        since = now.since.get(self._counted, now.at)
        earlier = [
            self._number(longer, series, now) - self._number(shorter, series, now)
            for longer, shorter in self._earlier
            if now.at - longer.length >= since
        ]
        if len(earlier) < LEAST_WEEKS:
            return Look(number, number, enough=False, holds=False, clear=False)
        usual, wanted, sign = fmean(earlier), self._unusual.by, -1 if self._unusual.by < 0 else 1
        samples = max(number, round(usual))
        moved = sign * (number - usual)
        holds = (
            self._enough(samples)
            and moved >= abs(wanted) * usual
            and sign * unusual(number, earlier) >= self._unusual.limit
        )
        clear = moved < abs(wanted) * usual / 2 or not moved
        return Look(number, samples, enough=True, holds=holds, clear=clear, before=(usual, len(earlier)))

    def why_fired(self, look: Look, held: str) -> tuple[str, str]:
        """In words, and the limit. held: words for how long it held."""
        limit = f"at least {abs(self._unusual.by):.0%}, with a confidence of {self._unusual.confidence:.4g}"
        return f"{self._compared(look)} ({limit}){held}", limit

    def why_clear(self, look: Look) -> tuple[str, str]:
        """In words, and the limit."""
        limit = f"less than {abs(self._unusual.by) / 2:.0%}"
        return f"{self._compared(look)}, clear at {limit}", limit

    def _compared(self, look: Look) -> str:
        usual, weeks = look.before
        number = f"{look.result:.0f} over {self._window.name}"
        if not weeks:
            return f"{number}; what is usual is not known yet"
        if not usual:
            return f"{number}, and none at these hours of {weeks} weeks before"
        way = "below" if (look.result or 0) < usual else "above"
        return (
            f"{number}, {abs((look.result or 0) - usual) / usual:.0%} {way} the usual {usual:.4g} at these hours of "
            f"{weeks} weeks before"
        )

    def _number(self, of: Window, series: Series, now: Now) -> int:
        return now.totals[of].get(series, {}).get(self._count, 0)


#: What a rule on a metric sees, by what it looks for.
Sees = Level | Moved | Weekly


def sees(rule: MetricRule) -> Sees:
    """What a rule sees."""
    limit = rule.limit
    if isinstance(limit, Change):
        return Moved(rule, limit)
    return Weekly(rule, limit) if isinstance(limit, Unusual) else Level(rule, limit)


def _samples(number: int) -> str:
    return f"{number} {plural(number, 'sample')}"
