"""Rules on a metric: what is written becomes compiled, if the metric can ever be so."""

from __future__ import annotations

import math
from collections.abc import Mapping
from itertools import pairwise
from typing import Any

from pipeline.errors import Mistake
from pipeline.metrics.catalogue import DIMENSIONS, METRICS, WINDOWS
from pipeline.metrics.confidence import limit_of_looks
from pipeline.metrics.window import Window, hourly, window
from pipeline.nearest import did_you_mean
from pipeline.rules import condition
from pipeline.rules import model as written
from pipeline.rules.compiled import Change, MetricRule
from pipeline.rules.condition import Comparison
from pipeline.rules.scope import Scope
from pipeline.span import DAY, HOUR, Span, duration
from pipeline.written import a_or_b, shown, validated
from pipeline.yaml_places import Document, Path_

#: The least and the greatest value of a metric; what is not listed is 0 or more.
_RANGES: Mapping[str, tuple[float, float]] = {
    "nps": (-100, 100), "nps_promoters": (0, 1), "nps_passives": (0, 1), "nps_detractors": (0, 1),
    "csat": (1, 5), "csat_satisfied": (0, 1), "ces": (1, 7), "review_rating": (1, 5), "review_response": (0, 1),
}  # fmt: skip
#: A condition may have to hold at most so long (ms).
LONGEST_FOR = 28 * DAY
#: Panes are kept so long, so a change can be judged against so much.
MOST_DAYS = 28
#: With fewer answers a mean is not distributed as the test of a change takes it to be.
LEAST_COMPARED = 30


def compile_metric(
    rule: written.Rule, common: Mapping[str, Any], document: Document, path: Path_, mistakes: list[Mistake],
    scope: Scope,
) -> MetricRule | None:  # fmt: skip
    """One rule, or None, and why in `mistakes`. common: what all rules have. scope: the series that it is for."""
    when = validated(
        written.WhenMetric, rule.when, document, (*path, "when"), mistakes, "a map", {"over": "24h"}
    )
    if when is None:
        return None
    only, apart = scope.series(tuple(sorted(when.by)))
    return _Metric(rule, when, document, path, mistakes).compile({**common, "only": only, "apart": apart})


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
        kinds = [name for name in ("is", "falls", "rises") if name in self._rule.when]
        if len(kinds) != 1:
            what = " and ".join(f'"{name}"' for name in kinds) if kinds else "none of them"
            self._wrong(
                ("when", *kinds[1:2]),
                f'a rule on a metric needs one of "is", "falls" and "rises", and has {what}',
                key=True,
            )
            return None
        if kinds != ["is"]:
            return self._change(common, kinds[0])
        window = self._window()
        hold = self._hold(rule.for_, window) if rule.for_ is not None else 0
        limit = self._limit(when.is_, ("when", "is"), "< 20") if when.is_ is not None else None
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

    def _change(self, common: Mapping[str, Any], which: str) -> MetricRule | None:
        rule, when = self._rule, self._when
        written = when.falls if which == "falls" else when.rises
        if written is None:
            return None
        if when.metric in METRICS and METRICS[when.metric].spread is None:
            known = [name for name, metric in METRICS.items() if metric.spread is not None]
            self._wrong(
                ("when", which),
                f"of {when.metric} nobody can say what is chance; take one of {a_or_b(known)}",
            )
        if rule.clear is not None:
            self._wrong(
                ("clear",), '"clear" belongs to "is"; a change is over when it is less than half', key=True
            )
        low, high = _RANGES.get(when.metric, (0, math.inf))
        if written.by >= high - low:
            self._wrong(
                ("when", which, "by"),
                f"by: {when.metric} is from {low:g} to {high:g}, and cannot move by {written.by:g}",
            )
        over, against = when.over.millis, written.against.millis
        for length, place in ((over, ("when", "over")), (against, ("when", which, "against"))):
            if length % HOUR or not HOUR <= length <= MOST_DAYS * DAY:
                self._wrong(
                    place,
                    f"{place[-1]}: {duration(length)} is not possible; write whole hours, and at most {MOST_DAYS}d",
                )
                return None
        if against < 2 * over:
            self._wrong(
                ("when", which, "against"),
                f"against: {duration(against)} is too short to compare {duration(over)} with; write at least {duration(2 * over)}",
            )
            return None
        confidence = self._confidence(written.confidence, which)
        hold = self._hold(rule.for_, hourly(over)) if rule.for_ is not None else 0
        samples = self._samples(LEAST_COMPARED)
        if confidence is None or samples is None:
            return None
        change = Change(
            -written.by if which == "falls" else written.by, against, confidence,
            limit_of_looks(confidence, over, against - over),
        )  # fmt: skip
        return MetricRule(
            **common, metric=when.metric, by=tuple(sorted(when.by)), window=over, limit=change, samples=samples,
            hold=hold, clear=None,
        )  # fmt: skip

    def _confidence(self, text: str, which: str) -> float | None:
        try:
            found = float(text.removesuffix("%")) / 100 if text.endswith("%") else math.nan
        except ValueError:
            found = math.nan
        if 0.8 <= found <= 0.9999:
            return found
        self._wrong(
            ("when", which, "confidence"),
            f'confidence: "{text}" is not possible; write 80% to 99.99%, such as 95%',
        )
        return None

    def _wrong(self, path: Path_, text: str, *, key: bool = False) -> None:
        self._mistakes.append(self._document.mistake((*self._path, *path), text, key=key))

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
        found = window(length) if length in WINDOWS.values() else None
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

    def _samples(self, least: int = 1) -> Comparison | None:
        text = self._when.samples
        if text is None:
            return Comparison(">=", least)
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
        elif found.right < least - (found.sign == ">"):
            self._wrong(
                ("when", "samples"),
                f'samples: "{found}" is too few to tell a change from chance; write at least ">= {least}"',
            )
        return found


def _meet(*comparisons: Comparison) -> bool:
    """Is there a number for which all of them hold?"""
    rights = sorted({comparison.right for comparison in comparisons})
    between = [(one + other) / 2 for one, other in pairwise(rights) if math.isfinite(other)]
    numbers = [*rights, *between, rights[0] - 1, rights[-1] + 1]
    tests = [comparison.test() for comparison in comparisons]
    return any(all(test(number) for test in tests) for number in numbers)
