"""Rules on a metric: what is written becomes compiled, if the metric can ever be so."""

from __future__ import annotations

import math
from collections.abc import Mapping
from itertools import pairwise
from typing import Any

from pipeline.errors import Mistake
from pipeline.metrics.catalogue import DIMENSIONS, METRICS, WINDOWS
from pipeline.metrics.window import Window
from pipeline.nearest import did_you_mean
from pipeline.rules import condition
from pipeline.rules import model as written
from pipeline.rules.compiled import MetricRule
from pipeline.rules.condition import Comparison
from pipeline.span import DAY, Span, duration
from pipeline.written import shown, validated
from pipeline.yaml_places import Document, Path_

#: The least and the greatest value of a metric; what is not listed is 0 or more.
_RANGES: Mapping[str, tuple[float, float]] = {
    "nps": (-100, 100), "nps_promoters": (0, 1), "nps_passives": (0, 1), "nps_detractors": (0, 1),
    "csat": (1, 5), "csat_satisfied": (0, 1), "ces": (1, 7), "review_rating": (1, 5), "review_response": (0, 1),
}  # fmt: skip
#: A condition may have to hold at most so long (ms).
LONGEST_FOR = 28 * DAY


def compile_metric(
    rule: written.Rule, common: Mapping[str, Any], document: Document, path: Path_, mistakes: list[Mistake]
) -> MetricRule | None:
    """One rule, or None, and why in `mistakes`. common: what all rules have."""
    when = validated(
        written.WhenMetric, rule.when, document, (*path, "when"), mistakes, "a map", {"over": "24h"}
    )
    if when is None:
        return None
    return _Metric(rule, when, document, path, mistakes).compile(common)


class _Metric:
    """One rule on a metric."""

    def __init__(
        self, rule: written.Rule, when: written.WhenMetric, document: Document, path: Path_, mistakes: list[Mistake]
    ) -> None:  # fmt: skip
        self._rule, self._when, self._path = rule, when, path
        self._document, self._mistakes = document, mistakes

    def compile(self, common: Mapping[str, Any]) -> MetricRule | None:
        rule, when = self._rule, self._when
        self._names()
        window = self._window()
        hold = self._hold(rule.for_, window) if rule.for_ is not None else 0
        limit = self._limit(when.is_, ("when", "is"), "< 20")
        samples = self._samples()
        clear = self._limit(rule.clear, ("clear",), ">= 25") if rule.clear is not None else None
        if limit is None or samples is None or window is None:
            return None
        if clear is not None and _meet(limit, clear):
            self._wrong(
                ("clear",),
                f'clear: "{clear}" can hold while "{limit}" does, so the alert would end as it begins; '
                "write a limit on the other side",
            )
        return MetricRule(
            **common, metric=when.metric, by=tuple(sorted(when.by)), window=window.length,
            limit=limit, samples=samples, hold=hold, clear=clear,
        )  # fmt: skip

    def _wrong(self, path: Path_, text: str) -> None:
        self._mistakes.append(self._document.mistake((*self._path, *path), text))

    def _names(self) -> None:
        when = self._when
        if when.metric not in METRICS:
            self._wrong(
                ("when", "metric"), f'unknown metric "{when.metric}"; {did_you_mean(when.metric, METRICS)}'
            )
        for number, dimension in enumerate(when.by):
            if dimension not in DIMENSIONS:
                text = f'no event carries the dimension "{dimension}"; {did_you_mean(dimension, DIMENSIONS)}'
                self._wrong(("when", "by", number), text)
            elif dimension in when.by[:number]:
                self._wrong(("when", "by", number), f'"{dimension}" stands twice; keep one of them')

    def _window(self) -> Window | None:
        length = self._when.over.millis
        found = next((Window(name, length) for name, known in WINDOWS.items() if known == length), None)
        if found is None:
            self._wrong(("when", "over"), f"metrics roll over {', '.join(WINDOWS)}, not {self._when.over}")
        return found

    def _hold(self, span: Span, window: Window | None) -> int:
        pane = window.pane if window is not None else 1
        if not 0 < span.millis <= LONGEST_FOR:
            self._wrong(
                ("for",), f"for: {span} is not possible; write a time of at most {duration(LONGEST_FOR)}"
            )
        elif span.millis % pane:
            self._wrong(
                ("for",),
                f"for: a window of {duration(window.length) if window else ''} is judged every {duration(pane)}; "
                f"write a multiple of that, not {span}",
            )
        return span.millis

    def _limit(self, text: object, path: Path_, example: str) -> Comparison | None:
        try:
            found = condition.limit(text, example)
        except ValueError as error:
            self._wrong(path, f"{path[-1]}: {error}")
            return None
        low, high = _RANGES.get(self._when.metric, (0, math.inf))
        if self._when.metric in METRICS and not _meet(found, Comparison(">=", low), Comparison("<=", high)):
            reach = f"from {low:g} to {high:g}" if math.isfinite(high) else f"{low:g} or more"
            self._wrong(path, f'{path[-1]}: "{found}" is never true, for {self._when.metric} is {reach}')
        return found

    def _samples(self) -> Comparison | None:
        text = self._when.samples
        if text is None:
            return Comparison(">=", 1)
        if isinstance(text, int) and not isinstance(text, bool):
            text = f">= {text}"
        try:
            found = condition.limit(text, ">= 50")
        except ValueError as error:
            self._wrong(("when", "samples"), f"samples: {error}")
            return None
        if found.sign not in (">=", ">") or found.right < 0:
            wrong = shown(text) if not isinstance(text, str) else f'"{text}"'
            self._wrong(
                ("when", "samples"), f'samples: {wrong} is no least number; write for example ">= 50"'
            )
        return found


def _meet(*comparisons: Comparison) -> bool:
    """Is there a number for which all of them hold?"""
    rights = sorted({comparison.right for comparison in comparisons})
    between = [(one + other) / 2 for one, other in pairwise(rights) if math.isfinite(other)]
    numbers = [*rights, *between, rights[0] - 1, rights[-1] + 1]
    tests = [comparison.test() for comparison in comparisons]
    return any(all(test(number) for test in tests) for number in numbers)
