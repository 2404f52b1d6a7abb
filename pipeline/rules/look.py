"""What a rule on a metric sees when it looks at a series: its level, or how it has moved."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from pipeline.metrics.catalogue import METRICS
from pipeline.metrics.confidence import z_score
from pipeline.metrics.window import Window, hourly, window
from pipeline.rules.compiled import Change, MetricRule
from pipeline.rules.condition import Comparison
from pipeline.span import duration
from pipeline.state.records import Series, Sums

Totals = Mapping[Window, Sums]


@dataclass(frozen=True, slots=True)
class Look:
    """result: None where there is nothing to see. enough: samples; holds: the condition; clear: its end.

    before: what a change was compared with, and on how many samples that rests.
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
        self._metric, self._limit, self._clear = METRICS[rule.metric], limit, rule.clear
        self._holds, self._enough = limit.test(), rule.samples.test()
        self._ends = rule.clear.test() if rule.clear is not None else None
        self._window = window(rule.window)
        self.windows, self.name = (self._window,), self._window.name

    def look(self, series: Series, totals: Totals) -> Look:
        """Look at the totals of now."""
        counts = totals[self._window].get(series, {})
        samples, result = self._metric.samples(counts), self._metric.result(counts)
        holds = result is not None and self._holds(result)
        clear = result is not None and (self._ends(result) if self._ends else not holds)
        return Look(result, samples, self._enough(samples), holds, clear)

    def why_fired(self, look: Look, held: str) -> tuple[str, str]:
        """In words, and the limit. held: words for how long it held."""
        text = f"{look.result:.4g} over {self.name} ({self._limit.words}){held}, from {look.samples} samples"
        return text, str(self._limit)

    def why_clear(self, look: Look) -> tuple[str, str]:
        """In words, and the limit."""
        limit = str(self._clear) if self._clear is not None else f"not {self._limit}"
        return f"{look.result:.4g}, clear at {limit}", limit


class Moved:
    """Compares a metric with what it was before its window. Looks at full hours."""

    def __init__(self, rule: MetricRule, change: Change) -> None:
        self._metric, self._change, self._enough = METRICS[rule.metric], change, rule.samples.test()
        self._window, self._whole = hourly(rule.window), hourly(change.against)
        self._earlier = duration(change.against - rule.window)
        self.windows = (self._window, self._whole)
        self.name = f"{self._window.name} against {self._whole.name}"

    def look(self, series: Series, totals: Totals) -> Look:
        """Look at the totals of now."""
        recent, whole = totals[self._window].get(series, {}), totals[self._whole].get(series, {})
        spread = self._metric.spread
        assert spread is not None  # or the rule would not have been compiled
        now = spread(recent)
        if not now.n:
            return Look(None, 0, enough=False, holds=False, clear=False)
        before = spread({name: number - recent.get(name, 0) for name, number in whole.items()})
        enough = self._enough(now.n) and self._enough(before.n)
        change, sign = self._change, -1 if self._change.by < 0 else 1
        moved = sign * (now.mean - before.mean)
        holds = enough and moved >= abs(change.by) and sign * z_score(now, before) >= change.limit
        return Look(now.mean, now.n, enough, holds, moved < abs(change.by) / 2, (before.mean, before.n))

    def why_fired(self, look: Look, held: str) -> tuple[str, str]:
        """In words, and the limit. held: words for how long it held."""
        limit = f"at least {abs(self._change.by):g}, with a confidence of {self._change.confidence:.4g}"
        _, samples = look.before
        return f"{self._compared(look)} ({limit}){held}, from {look.samples} and {samples} samples", limit

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
