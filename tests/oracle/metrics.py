"""What is counted, what metrics are worth at a moment, and the rules about them."""

from __future__ import annotations

import math
import statistics
from bisect import bisect_right
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import cache
from typing import Any, NamedTuple

from tests.oracle.followups import FollowUps, next_of
from tests.oracle.measured import METRICS, Counted, Model, Sample, pane, pane_of, samples
from tests.oracle.measured.model import default
from tests.oracle.measured.reviews import REMEMBERED as REVIEW_REMEMBERED
from tests.oracle.reading import DAY, HOUR, MINUTE, Event
from tests.oracle.rules import Alert, Filter, Outputs, derived, duration, field_of, holds, meets

DIMENSIONS = ("touchpoint", "channel", "stage", "segment", "platform", "team", "rule")
WEEK = 7 * DAY


def mean(values: list[float]) -> float:
    return sum(values) / len(values)


#: What one answer is worth where changes are judged; else its value. They are of categories.
WORTH: dict[str, Callable[[float], float]] = {
    "nps": lambda score: 100.0 * ((score >= 9) - (score <= 6)),
    "nps_promoters": lambda score: float(score >= 9),
    "nps_passives": lambda score: float(7 <= score <= 8),
    "nps_detractors": lambda score: float(score <= 6),
    "csat_satisfied": lambda score: float(score >= 4),
    "review_response": float,
}


def deviates(metric: str, recent: list[float], before: list[float]) -> float:
    """By how many standard errors the mean of the recent answers is above that of the others."""
    if len(recent) < 2 or len(before) < 2:
        return 0.0
    difference = mean(recent) - mean(before)
    if metric in WORTH:
        error = math.sqrt(statistics.pvariance(recent + before) * (1 / len(recent) + 1 / len(before)))
        return difference / error if error else 0.0
    parts = [statistics.variance(values) / len(values) for values in (recent, before)]
    if not sum(parts):
        return 0.0
    t = difference / math.sqrt(sum(parts))
    freedom = sum(parts) ** 2 / (parts[0] ** 2 / (len(recent) - 1) + parts[1] ** 2 / (len(before) - 1))
    return t * (1 - 1 / (4 * freedom)) / math.sqrt(1 + t**2 / (2 * freedom))


def first_below(limit: float, chance: Callable[[float], float]) -> float:
    """The first of 0, 0.00001, 0.00002, … whose chance is within a limit: it rises, and then falls for ever."""
    rough = next(n for n in range(10_000) if chance(n / 1000) <= limit)
    fine = (n / 100_000 for n in range((rough - 1) * 100, rough * 100 + 1))
    return next(u for u in fine if chance(u) <= limit)


@cache
def must_deviate(confidence: float, over: int, against: int) -> float:
    """So that looks in four weeks without a change find one with a probability of 1 - confidence: see docs/rules.md."""
    w, b, normal = over / DAY, (against - over) / DAY, statistics.NormalDist()
    decay = (w**-2 + (1 / w + 1 / b) ** 2 + b**-2) / 2 / (1 / w + 1 / b)
    return first_below(1 - confidence, lambda u: 1 - normal.cdf(u) + 28 * decay * u * normal.pdf(u))


def on_board(rule: dict[str, Any]) -> bool:
    """Is it about all customers?"""
    return any(name in rule["when"] for name in ("metric", "share", "number", "first"))


def wanted(rule: dict[str, Any]) -> Filter:
    """The events that a rule counts; of a share, all that it is a share of."""
    when = rule["when"]
    if "share" in when:
        return Filter(when["share"]["event"], when.get("of", {}))
    return Filter.of({k: v for k, v in when.items() if k != "first"} if "first" in when else when["number"])


def newest(counted: Sequence[Counted]) -> list[Counted]:
    """Without the versions of a review that newer ones took the place of."""
    versions: dict[str, list[Counted]] = {}
    for one in counted:
        if one.event.type == "review.posted":
            versions.setdefault(one.event.data["review_id"], []).append(one)
    replaced = {
        id(one)
        for of in versions.values()
        for number, one in enumerate(of)
        if any(one.event.time + REVIEW_REMEMBERED >= later.watermark for later in of[number + 1 :])
    }
    return [one for one in counted if id(one) not in replaced]


def unusual(number: int, earlier: list[int]) -> float:
    """By how many standard errors, from the square roots of Poisson numbers."""
    now, *before = (2 * math.sqrt(n + 0.375) for n in (number, *earlier))
    spread = max(1.0, statistics.variance(before))
    return (now - mean(before)) / math.sqrt(spread + spread / len(before))


@cache
def must_be_unusual(confidence: float, over: int) -> float:
    """The same as for changes, of a window and windows that never overlap with it."""
    w, normal = over / DAY, statistics.NormalDist()
    return first_below(1 - confidence, lambda u: 1 - normal.cdf(u) + 28 / w * u * normal.pdf(u))


def percent(text: str) -> float:
    return float(text.rstrip("%")) / 100


def inside(known: list[Sample], window: int, at: int) -> list[Sample]:
    """What lies in the window at a pane's end: the panes that end in (at - window, at]."""
    length = pane_of(window)
    return [s for s in known if at - window < pane(s.time, length) <= at]


NEVER = 10**15


def labelled(name: str, by: list[str], values: list[Any]) -> str:
    """The key of a series."""
    labels = ",".join(f"{name}={value}" for name, value in zip(by, values, strict=True))
    return name + (f"{{{labels}}}" if labels else "")


def group(rule: dict[str, Any], event: Event) -> str | None:
    """The key of the series that a rule counts an event in; None where it does not."""
    when = rule["when"]
    if not wanted(rule).matches(event):
        return None
    by = [when["first"]["of"]] if "first" in when else sorted(when.get("by") or [])
    values = [field_of(name, event.data) for name in by]
    return None if None in values else labelled(event.type, by, values)


def worth_of(rule: dict[str, Any], event: Event) -> float:
    """Of a share: is it part of it?"""
    return float("share" in rule["when"] and Filter.of(rule["when"]["share"]).matches(event))


def pane_length(rule: dict[str, Any]) -> int:
    when = rule["when"]
    if any(name in when for name in ("falls", "rises", "spikes")):
        return HOUR
    return 5 * MINUTE if "first" in when else pane_of(duration(when["over"]))


class Row(NamedTuple):
    """What a rule on all customers looks at. end: of its pane; key: of its series."""

    end: int
    key: str
    value: float


class Rows:
    """Rows in order of their panes."""

    def __init__(self, rows: list[Row]) -> None:
        self.all = sorted(rows, key=lambda row: row.end)
        self.ends = [row.end for row in self.all]

    def between(self, since: int, until: int) -> list[Row]:
        """Those whose pane ends in (since, until]."""
        return self.all[bisect_right(self.ends, since) : bisect_right(self.ends, until)]


def by_key(rows: list[Row]) -> dict[str, list[float]]:
    found: dict[str, list[float]] = {}
    for row in rows:
        found.setdefault(row.key, []).append(row.value)
    return found


@dataclass
class Series:
    """One metric rule for one combination of values."""

    key: str
    since: int | None = None  # the first pane of those in a row at which the condition holds
    alert: Alert | None = None


@dataclass
class Board:
    rules: list[dict[str, Any]]
    outputs: Outputs
    zone: str
    model: Model = field(default_factory=default)
    judged: int | None = None  # the last 5 min pane end
    series: dict[tuple[str, str], Series] = field(default_factory=dict)
    familiar: dict[tuple[str, str], int | None] = field(
        default_factory=dict
    )  # until when; None: it is there now

    # Rule and event → the key that it is counted with, and what it is worth there.
    groups: dict[tuple[str, int], tuple[str, float] | None] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.follow_ups = FollowUps(self.outputs, self.zone)

    def counts(self, rule: dict[str, Any], event: Event) -> tuple[str, float] | None:
        place = (rule["id"], id(event))
        if place not in self.groups:
            key = group(rule, event)
            self.groups[place] = None if key is None else (key, worth_of(rule, event))
        return self.groups[place]

    def rows(self, rule: dict[str, Any], known: Sequence[Sample], valid: Sequence[Counted]) -> Rows:
        """What a rule looks at, in order of panes."""
        when, length = rule["when"], pane_length(rule)
        rows = []
        if "metric" in when:
            kind, by = METRICS[when["metric"]].kind, sorted(when.get("by") or [])
            for s in known:
                values = [s.data.get(name) for name in by]
                if (
                    s.kind == kind
                    and s.counts_in(tuple(by))
                    and None not in values
                    and all(meets(one, s.data) for one in when.get("all", []))
                ):
                    rows.append(Row(pane(s.time, length), labelled(when["metric"], by, values), s.value))
        else:
            for c in valid:
                found = self.counts(rule, c.event)
                if found is not None and all(meets(one, c.event.data) for one in when.get("all", [])):
                    rows.append(Row(pane(c.event.time, length), *found))
        return Rows(rows)

    def judge(self, counted: Sequence[Counted], watermark: int) -> None:
        """Judge every pane whose end is strictly below the watermark, once."""
        last = pane(watermark, 5 * MINUTE) - 5 * MINUTE
        first = last if self.judged is None else self.judged + 5 * MINUTE
        panes = range(first, last + 1, 5 * MINUTE)
        lengths = [(rule, pane_length(rule)) for rule in self.rules]
        if any(at % length == 0 for at in panes for _, length in lengths):
            known, valid = samples(counted, self.model), newest(counted)
            rows = {rule["id"]: self.rows(rule, known, valid) for rule in self.rules}
            of_events = [rule for rule in self.rules if "metric" not in rule["when"]]
            begun = [c.event.time for c in counted for r in of_events if self.counts(r, c.event) is not None]
            begun += [s.time for s in known]
            since = pane(min(begun, default=NEVER), 5 * MINUTE)
            for at in panes:
                for rule in [rule for rule, length in lengths if at % length == 0]:
                    if "first" in rule["when"]:
                        self.judge_first(rule, rows[rule["id"]], since, at)
                    elif "number" in rule["when"]:
                        self.judge_number(rule, rows[rule["id"]], since, at)
                    else:
                        self.judge_rule(rule, rows[rule["id"]], at)
                self.fire_timers(at)
        self.judged = max(last, self.judged or last)
        self.fire_timers(watermark)

    def keys(self, rule: dict[str, Any]) -> set[str]:
        """Of the series that a rule has seen."""
        return {key for name, key in self.series if name == rule["id"]}

    def fire_timers(self, before: int) -> None:
        while timers := self.follow_ups.timers(before):
            next_of(timers)[-1]()

    def judge_rule(self, rule: dict[str, Any], rows: Rows, at: int) -> None:
        when = rule["when"]
        over, change = duration(when["over"]), when.get("falls") or when.get("rises")
        recent = by_key(rows.between(at - over, at))
        before = by_key(rows.between(at - duration(change["against"]), at - over)) if change else {}
        for key in sorted(recent.keys() | self.keys(rule)):
            series = self.series.setdefault((rule["id"], key), Series(key))
            values = recent.get(key, [])
            look = self.moved(when, values, before.get(key, [])) if change else self.level(rule, values)
            self.judge_series(rule, series, *look, none=not values, at=at)

    def judge_number(self, rule: dict[str, Any], rows: Rows, begun: int, at: int) -> None:
        when = rule["when"]
        over, asked = duration(when["over"]), when.get("spikes") or when.get("falls")
        weeks = duration(asked.get("against", "28d")) // WEEK if asked else 0
        back = [at - n * WEEK for n in range(1, weeks + 1) if at - n * WEEK - over >= begun]
        now, *then = [by_key(rows.between(end - over, end)) for end in (at, *back)]
        for key in sorted(self.keys(rule).union(now, *then)):
            series = self.series.setdefault((rule["id"], key), Series(key))
            number, *earlier = [len(of.get(key, [])) for of in (now, *then)]
            if not asked:
                condition = holds(when["is"], number)
                clear = holds(rule["clear"], number) if "clear" in rule else not condition
                self.judge_series(rule, series, True, condition, clear, none=False, at=at)
                continue
            if len(earlier) < 2:
                self.judge_series(rule, series, False, False, False, none=False, at=at)
                continue
            usual, by, sign = (
                mean([float(n) for n in earlier]),
                percent(asked["by"]),
                -1 if "falls" in when else 1,
            )
            difference = sign * (number - usual)
            condition = (
                holds(when.get("samples", ">= 10"), max(number, round(usual)))
                and difference >= by * usual
                and sign * unusual(number, earlier)
                >= must_be_unusual(percent(asked.get("confidence", "95%")), over)
            )
            clear = difference < by * usual / 2 or difference == 0
            self.judge_series(rule, series, True, condition, clear, none=False, at=at)

    def judge_first(self, rule: dict[str, Any], rows: Rows, begun: int, at: int) -> None:
        within = duration(rule["when"]["first"]["within"])
        there = {row.key for row in rows.between(at - DAY, at)}
        for (name, key), until in [*self.familiar.items()]:
            if name != rule["id"]:
                continue
            if until is None and key not in there:
                self.familiar[name, key] = at - DAY + within
            elif until is not None and until < at:
                del self.familiar[name, key]
        for key in sorted(there):
            if (rule["id"], key) not in self.familiar and at - begun >= WEEK:
                self.fire(rule, Series(key), at, at)
            self.familiar[rule["id"], key] = None

    def level(self, rule: dict[str, Any], values: list[float]) -> tuple[bool, bool, bool]:
        """Are there enough samples, does the condition hold, is it clear?"""
        when = rule["when"]
        if not values:
            return False, False, False
        value = METRICS[when["metric"]].result(values) if "metric" in when else mean(values)
        condition = holds(when["is"], value)
        clear = holds(rule["clear"], value) if "clear" in rule else not condition
        return holds(when.get("samples", ">= 1"), len(values)), condition, clear

    def moved(
        self, when: dict[str, Any], recent: list[float], before: list[float]
    ) -> tuple[bool, bool, bool]:
        if not recent:
            return False, False, False
        sign, change = (-1, when["falls"]) if "falls" in when else (1, when["rises"])
        metric, wanted = when.get("metric", "csat_satisfied"), when.get("samples", ">= 30")
        enough = holds(wanted, len(recent)) and holds(wanted, len(before))
        worth = WORTH.get(metric, float) if "metric" in when else float
        now, then = [worth(value) for value in recent], [worth(value) for value in before]
        difference = sign * (mean(now) - (mean(then) if then else 0.0))
        confidence = float(change.get("confidence", "95%").rstrip("%")) / 100
        limit = must_deviate(confidence, duration(when["over"]), duration(change["against"]))
        condition = enough and difference >= change["by"] and sign * deviates(metric, now, then) >= limit
        return enough, condition, difference < change["by"] / 2

    def judge_series(
        self,
        rule: dict[str, Any],
        series: Series,
        enough: bool,
        condition: bool,
        clear: bool,
        *,
        none: bool,
        at: int,
    ) -> None:
        alert = series.alert
        if not enough:
            series.since = None
            if none and alert is not None:
                self.outputs.resolve(alert, at, "no_data")
                series.alert = None
            return
        if alert is not None:
            if clear:
                self.outputs.resolve(alert, at, "cleared")
                series.alert = None
            return
        if not condition:
            series.since = None
            return
        series.since = at if series.since is None else series.since
        if at - series.since >= duration(rule.get("for", "0s")):
            self.fire(rule, series, series.since, at)

    def fire(self, rule: dict[str, Any], series: Series, since: int, time: int) -> None:
        alert_id = "a-" + derived(rule["id"], series.key, str(since))
        alert = Alert(
            alert_id,
            rule["id"],
            "event" if "first" in rule["when"] else "metric",
            rule["alert"],
            series.key,
            time,
            None,
            None if rule.get("shadow") else rule.get("follow_up"),
            start=time,
        )
        series.alert, series.since = alert, None
        self.outputs.alert(alert, "fired", time)
        self.follow_ups.fired(alert, series.key)

    def groupings(self) -> set[tuple[str, ...]]:
        """The total, those that are always kept, and what metric rules group by."""
        grouped = {
            tuple(sorted(rule["when"].get("by") or [])) for rule in self.rules if "metric" in rule["when"]
        }
        return {(), *((name,) for name in DIMENSIONS)} | grouped

    def values(self, counted: Sequence[Counted]) -> list[dict[str, Any]]:
        """Every metric, window, dimension and value at the last judged pane, where there is one."""
        if self.judged is None:
            return []
        known = samples(counted, self.model)
        lines = []
        for window, length in self.model.windows.items():
            for grouping in self.groupings():
                groups = grouped(inside(known, length, self.judged), grouping)
                for (kind, value), numbers in groups.items():
                    for name, metric in METRICS.items():
                        result = metric.result(numbers) if metric.kind == kind else None
                        if result is not None:
                            place = {
                                "window": window,
                                "dimension": ",".join(grouping) or "total",
                                "value": value,
                            }
                            lines.append(
                                {"metric": name, **place, "at": self.judged}
                                | {"result": result, "samples": metric.samples(numbers)}
                            )
        return lines


def grouped(known: list[Sample], grouping: tuple[str, ...]) -> dict[tuple[str, str], list[float]]:
    """(kind of sample, the values of the dimensions) → values of the samples."""
    groups: dict[tuple[str, str], list[float]] = {}
    for s in known:
        values = [s.data.get(name) for name in grouping]
        if s.counts_in(grouping) and None not in values:
            groups.setdefault((s.kind, ",".join(map(str, values))), []).append(s.value)
    return groups
