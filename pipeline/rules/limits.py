"""Rules on a metric, a share or a number: what is written becomes compiled, if it can ever be so."""

from __future__ import annotations

import math
from collections.abc import Mapping
from itertools import pairwise
from typing import Any

from pipeline.errors import Mistake
from pipeline.metrics.catalogue import METRICS
from pipeline.metrics.confidence import limit_of_looks
from pipeline.metrics.window import Window, hourly, window
from pipeline.nearest import did_you_mean
from pipeline.rules import condition
from pipeline.rules import model as written
from pipeline.rules.compiled import Change, Measured, MetricRule, Unusual
from pipeline.rules.condition import Comparison
from pipeline.rules.conditions import Conditions
from pipeline.rules.look import LEAST_WEEKS
from pipeline.rules.measured import MEASURED, Subjects, When
from pipeline.rules.scope import Scope
from pipeline.span import DAY, HOUR, WEEK, Span, duration
from pipeline.written import shown, validated
from pipeline.yaml_places import Document, Path_

#: What a rule can ask of what it measures.
LOOKS = ("is", "falls", "rises", "spikes")
#: A condition may have to hold at most so long (ms).
LONGEST_FOR = 28 * DAY
#: Panes are kept so long, so a change can be judged against so much.
MOST_DAYS = 28
#: A number is compared where there were so many events, or are usually.
LEAST_UNUSUAL = 10
#: With fewer answers a mean is not distributed as the test of a change takes it to be.
LEAST_COMPARED = 30


def compile_measured(
    rule: written.Rule, kind: str, common: Mapping[str, Any], document: Document, path: Path_, mistakes: list[Mistake],
    conditions: Conditions, scope: Scope,
) -> MetricRule | None:  # fmt: skip
    """One rule, or None, and why in `mistakes`.

    kind: one of `MEASURED`. common: what all rules have. scope: the series that it is for.
    """
    here = (*path, "when")
    when = validated(MEASURED[kind], rule.when, document, here, mistakes, "a map", {"over": "24h"})
    if when is None:
        return None
    by = tuple(sorted(when.by))
    measured = Subjects(document, here, mistakes, conditions).measured(when, by)
    if measured is None:
        return None
    only, apart = scope.series(by)
    compiler = _Metric(rule, when, measured, document, path, mistakes)
    return compiler.compile({**common, "only": only, "apart": apart, "measured": measured, "by": by})


class _Metric:
    """One rule on what is measured."""

    def __init__(
        self, rule: written.Rule, when: When, measured: Measured, document: Document, path: Path_, mistakes: list[Mistake]
    ) -> None:  # fmt: skip
        self._rule, self._when, self._measured, self._path = rule, when, measured, path
        self._document, self._mistakes = document, mistakes
        #: As messages call it, and its least and greatest value.
        self._name, known = measured.key, bool(measured.matches) or measured.key in METRICS
        self._low = measured.metric.low if known else -math.inf
        self._high = measured.metric.high if known else math.inf
        if measured.matches:
            self._name = "a number of events" if measured.is_number else "a share"
            self._high = math.inf if measured.is_number else 1

    def compile(self, common: Mapping[str, Any]) -> MetricRule | None:
        rule, when = self._rule, self._when
        possible = [name for name in LOOKS if name == "is" or name in type(when).model_fields]
        kinds = [name for name in possible if name in rule.when]
        if len(kinds) != 1:
            what = " and ".join(f'"{name}"' for name in kinds) if kinds else "none of them"
            one_of = f'{", ".join(map(_quoted, possible[:-1]))} and "{possible[-1]}"'
            self._wrong(
                ("when", *kinds[1:2]),
                f"a rule on {self._kind} needs one of {one_of}, and has {what}",
                key=True,
            )
            return None
        if isinstance(when, written.WhenNumber) and kinds != ["is"]:
            return self._unusual(when, common, kinds[0])
        if kinds != ["is"]:
            return self._change(common, kinds[0])
        if self._measured.is_number and when.samples is not None:
            self._wrong(
                ("when", "samples"),
                '"samples" says how many events a value rests on, and this is their number; take it out', key=True,
            )  # fmt: skip
        window = self._window()
        hold = self._hold(rule.for_, window) if rule.for_ is not None else 0
        limit = self._limit(when.is_, ("when", "is"), "< 20") if when.is_ is not None else None
        samples = Comparison(">=", 0) if self._measured.is_number else self._samples()
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
            **common, window=window.length, limit=limit, samples=samples, hold=hold, clear=clear,
        )  # fmt: skip

    @property
    def _kind(self) -> str:
        return self._name if self._measured.matches else "a metric"

    def _unusual(self, when: written.WhenNumber, common: Mapping[str, Any], which: str) -> MetricRule | None:
        asked = when.spikes if which == "spikes" else when.falls
        if asked is None:
            return None
        self._no_clear()
        over, against, confidence = when.over.millis, asked.against.millis, self._confidence(asked, which)
        if over % HOUR or not HOUR <= over <= WEEK:
            self._wrong(
                ("when", "over"), f"over: {duration(over)} is not possible; write whole hours, and at most 7d"
            )
        if against % WEEK or not LEAST_WEEKS * WEEK <= against <= MOST_DAYS * DAY:
            self._wrong(
                ("when", which, "against"),
                f"against: {asked.against} is not possible; write whole weeks: 14d, 21d or 28d",
            )
        by = _percent(asked.by)
        if not by > 0 or (which == "falls" and by > 1):
            reach = "1% to 100%" if which == "falls" else "a share of what is usual"
            self._wrong(
                ("when", which, "by"), f'by: "{asked.by}" is not possible; write {reach}, such as 50%'
            )
        hold = self._hold(self._rule.for_, hourly(over)) if self._rule.for_ is not None else 0
        samples = self._samples(LEAST_UNUSUAL)
        if confidence is None or samples is None:
            return None
        limit = Unusual(
            -by if which == "falls" else by,
            against // WEEK,
            confidence,
            limit_of_looks(confidence, over, math.inf),
        )
        return MetricRule(**common, window=over, limit=limit, samples=samples, hold=hold, clear=None)

    def _change(self, common: Mapping[str, Any], which: str) -> MetricRule | None:
        rule, when = self._rule, self._when
        asked: written.Change | None = getattr(when, which)
        if asked is None:
            return None
        if self._measured.metric.spread is None and self._measured.key in METRICS:
            known = [name for name, metric in METRICS.items() if metric.spread is not None]
            self._wrong(
                ("when", which),
                f"of {self._name} nobody can say what is chance; {did_you_mean(self._name, known)}",
            )
        self._no_clear()
        low, high = self._low, self._high
        if asked.by >= high - low:
            self._wrong(
                ("when", which, "by"),
                f"by: {self._name} is from {low:g} to {high:g}, and cannot move by {asked.by:g}",
            )
        over, against = when.over.millis, asked.against.millis
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
        confidence = self._confidence(asked, which)
        hold = self._hold(rule.for_, hourly(over)) if rule.for_ is not None else 0
        samples = self._samples(LEAST_COMPARED)
        if confidence is None or samples is None:
            return None
        change = Change(
            -asked.by if which == "falls" else asked.by, against, confidence,
            limit_of_looks(confidence, over, against - over),
        )  # fmt: skip
        return MetricRule(**common, window=over, limit=change, samples=samples, hold=hold, clear=None)

    def _no_clear(self) -> None:
        if self._rule.clear is not None:
            self._wrong(
                ("clear",), '"clear" belongs to "is"; a change is over when it is less than half', key=True
            )

    def _confidence(self, asked: written.Change | written.UnusualNumber, which: str) -> float | None:
        text = asked.confidence
        found = _percent(text)
        if 0.8 <= found <= 0.9999:
            return found
        self._wrong(
            ("when", which, "confidence"),
            f'confidence: "{text}" is not possible; write 80% to 99.99%, such as 95%',
        )
        return None

    def _wrong(self, path: Path_, text: str, *, key: bool = False) -> None:
        self._mistakes.append(self._document.mistake((*self._path, *path), text, key=key))

    def _window(self) -> Window | None:
        length = self._when.over.millis
        pane = window(length).pane
        if length % pane or not pane <= length <= MOST_DAYS * DAY:
            self._wrong(
                ("when", "over"),
                f"over: {self._when.over} is not possible; write up to 24h in steps of 5m, or up to {MOST_DAYS}d in whole hours",
            )
            return None
        return window(length)

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
        low, high = self._low, self._high
        if not _meet(found, Comparison(">=", low), Comparison("<=", high)):
            reach = f"from {low:g} to {high:g}" if math.isfinite(high) else f"{low:g} or more"
            self._wrong(path, f'{path[-1]}: "{found}" is never true, for {self._name} is {reach}')
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


def _percent(text: str) -> float:
    """What is written as a percentage, as a share; nan where it is none."""
    try:
        return float(text.removesuffix("%")) / 100 if text.endswith("%") else math.nan
    except ValueError:
        return math.nan


def _quoted(name: str) -> str:
    return f'"{name}"'


def _meet(*comparisons: Comparison) -> bool:
    """Is there a number for which all of them hold?"""
    rights = sorted({comparison.right for comparison in comparisons})
    between = [(one + other) / 2 for one, other in pairwise(rights) if math.isfinite(other)]
    numbers = [*rights, *between, rights[0] - 1, rights[-1] + 1]
    tests = [comparison.test() for comparison in comparisons]
    return any(all(test(number) for test in tests) for number in numbers)
