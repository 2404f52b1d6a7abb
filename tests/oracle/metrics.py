"""What is counted, what metrics are worth at a moment, and the rules about them."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

from tests.oracle.followups import FollowUps, next_of
from tests.oracle.reading import DAY, HOUR, MINUTE, Event
from tests.oracle.rules import Alert, Outputs, derived, duration, holds

WINDOWS = {"24h": DAY, "7d": 7 * DAY, "28d": 28 * DAY}
DIMENSIONS = ("touchpoint", "channel", "stage", "segment")
REVIEW_REMEMBERED = 35 * DAY
CONTACT_REMEMBERED = 28 * DAY
EARLY_REMEMBERED = 7 * DAY  # a response before its review, a reply before its opening


@dataclass(frozen=True)
class Counted:
    """An event that counts, and the watermark with which it was applied."""

    event: Event
    watermark: int


@dataclass(frozen=True)
class Sample:
    """One number that a metric is made of: a score, a rating, a share's 0 or 1, seconds."""

    kind: str  # nps, csat, ces, rating, answered, response
    time: int
    value: float
    data: dict[str, Any]  # of the event whose dimensions count


def pane(time: int, length: int) -> int:
    """The end of the pane in which a time lies: (end - length, end]."""
    return -(-time // length) * length


def pane_of(window: int) -> int:
    return 5 * MINUTE if window <= DAY else HOUR


def samples(counted: Sequence[Counted]) -> list[Sample]:
    return surveys(counted) + reviews(counted) + first_responses(counted)


def surveys(counted: Sequence[Counted]) -> list[Sample]:
    return [
        Sample(score, c.event.time, c.event.data[score], c.event.data)
        for c in counted
        for score in ("nps", "csat", "ces")
        if c.event.type == "survey.answered" and c.event.data.get(score) is not None
    ]


def reviews(counted: Sequence[Counted]) -> list[Sample]:
    """The newest version of each review, and whether any response to it is known."""
    result = []
    for name in sorted({c.event.data["review_id"] for c in counted if c.event.type.startswith("review.")}):
        newest: Event | None = None
        answered = False
        early: list[int] = []  # times of responses without a review
        for c in counted:
            event = c.event
            if not event.type.startswith("review.") or event.data["review_id"] != name:
                continue
            if newest is not None and newest.time + REVIEW_REMEMBERED < c.watermark:
                result += review(newest, answered)
                newest, answered = None, False
            if event.type == "review.posted":
                newest = event if newest is None or event.version > newest.version else newest
                answered = answered or any(time + EARLY_REMEMBERED >= c.watermark for time in early)
                early = []
            elif newest is None:
                early.append(event.time)
            else:
                answered = True
        if newest is not None:
            result += review(newest, answered)
    return result


def review(event: Event, answered: bool) -> list[Sample]:
    return [
        Sample("rating", event.time, event.data["rating"], event.data),
        Sample("answered", event.time, 1.0 if answered else 0.0, event.data),
    ]


def first_responses(counted: Sequence[Counted]) -> list[Sample]:
    """Seconds from the first opening of each contact to the earliest reply of an agent that is not before it."""
    result = []
    contacts = [c for c in counted if c.event.type in ("contact.opened", "contact.replied")]
    for key in sorted({(c.event.subject or "", c.event.data["contact_id"]) for c in contacts}):
        opened: Event | None = None
        replies: list[int] = []
        for c in contacts:
            event = c.event
            if (event.subject, event.data["contact_id"]) != key:
                continue
            if opened is not None and opened.time + CONTACT_REMEMBERED < c.watermark:
                result += first_response(opened, replies)
                opened, replies = None, []
            if event.type == "contact.replied":
                if event.data.get("by") in (None, "agent"):
                    replies.append(event.time)
            elif opened is None:
                opened = event
                replies = [time for time in replies if time + EARLY_REMEMBERED >= c.watermark]
        if opened is not None:
            result += first_response(opened, replies)
    return result


def first_response(opened: Event, replies: list[int]) -> list[Sample]:
    answers = [time for time in replies if time >= opened.time]
    return (
        [Sample("response", min(answers), (min(answers) - opened.time) / 1000, opened.data)]
        if answers
        else []
    )


def mean(values: list[float]) -> float:
    return sum(values) / len(values)


def share(counts: Callable[[float], bool]) -> Callable[[list[float]], float]:
    return lambda values: sum(1 for value in values if counts(value)) / len(values)


PROMOTERS = share(lambda score: score >= 9)
DETRACTORS = share(lambda score: score <= 6)

METRICS: dict[str, tuple[str, Callable[[list[float]], float]]] = {
    "nps": ("nps", lambda values: 100 * (PROMOTERS(values) - DETRACTORS(values))),
    "nps_promoters": ("nps", PROMOTERS),
    "nps_passives": ("nps", share(lambda score: 7 <= score <= 8)),
    "nps_detractors": ("nps", DETRACTORS),
    "csat": ("csat", mean),
    "csat_satisfied": ("csat", share(lambda score: score >= 4)),
    "ces": ("ces", mean),
    "review_rating": ("rating", mean),
    "review_response": ("answered", mean),
    "first_response_mean": ("response", mean),
    "first_response_p90": ("response", lambda values: sorted(values)[math.ceil(0.9 * len(values)) - 1]),
}


def within(known: list[Sample], metric: str, window: int, at: int) -> list[Sample]:
    """What a metric is made of in the window at a pane's end: the panes that end in (at - window, at]."""
    length = pane_of(window)
    return [s for s in known if s.kind == METRICS[metric][0] and at - window < pane(s.time, length) <= at]


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
    judged: int | None = None  # the last 5 min pane end
    series: dict[tuple[str, str], Series] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.follow_ups = FollowUps(self.outputs, self.zone)

    def judge(self, counted: Sequence[Counted], watermark: int) -> None:
        """Judge every pane whose end is strictly below the watermark, once."""
        last = pane(watermark, 5 * MINUTE) - 5 * MINUTE
        first = last if self.judged is None else self.judged + 5 * MINUTE
        known = samples(counted) if self.rules and first <= last else []
        for at in range(first, last + 1, 5 * MINUTE):
            for rule in self.rules:
                if at % pane_of(WINDOWS[rule["when"]["over"]]) == 0:
                    self.judge_rule(rule, known, at)
            self.fire_timers(at)
        self.judged = max(last, self.judged or last)
        self.fire_timers(watermark)

    def fire_timers(self, before: int) -> None:
        while timers := [timer for timer in self.follow_ups.timers() if timer[0] < before]:
            next_of(timers)[-1]()

    def judge_rule(self, rule: dict[str, Any], known: list[Sample], at: int) -> None:
        when = rule["when"]
        metric, by = when["metric"], sorted(when.get("by") or [])
        groups: dict[str, list[float]] = {}
        for s in within(known, metric, WINDOWS[when["over"]], at):
            values = [s.data.get(name) for name in by]
            if None not in values:
                labels = ",".join(f"{name}={value}" for name, value in zip(by, values, strict=True))
                groups.setdefault(metric + (f"{{{labels}}}" if labels else ""), []).append(s.value)
        for key in sorted(groups.keys() | {key for name, key in self.series if name == rule["id"]}):
            series = self.series.setdefault((rule["id"], key), Series(key))
            self.judge_series(rule, series, groups.get(key, []), at)

    def judge_series(self, rule: dict[str, Any], series: Series, values: list[float], at: int) -> None:
        when = rule["when"]
        alert = series.alert
        if not values or not holds(when.get("samples", ">= 1"), len(values)):
            series.since = None
            if not values and alert is not None:
                self.outputs.resolve(alert, at, "no_data")
                series.alert = None
            return
        value = METRICS[when["metric"]][1](values)
        condition = holds(when["is"], value)
        if alert is not None:
            if holds(rule["clear"], value) if "clear" in rule else not condition:
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
            "metric",
            rule["alert"],
            series.key,
            time,
            None,
            rule.get("follow_up"),
            start=time,
        )
        series.alert, series.since = alert, None
        self.outputs.alert(alert, "fired", time)
        self.follow_ups.fired(alert, series.key)

    def dimensions(self) -> set[tuple[str, ...]]:
        """The four, and what metric rules group by."""
        grouped = {tuple(sorted(rule["when"].get("by") or [])) for rule in self.rules}
        return {(name,) for name in DIMENSIONS} | grouped - {()}

    def values(self, counted: Sequence[Counted]) -> list[dict[str, Any]]:
        """Every metric, window, dimension and value at the last judged pane, where there are samples."""
        if self.judged is None:
            return []
        known = samples(counted)
        lines = []
        for metric, (_, formula) in METRICS.items():
            for window, length in WINDOWS.items():
                inside = within(known, metric, length, self.judged)
                groups = {("total", ""): [s.value for s in inside]}
                for dimension in self.dimensions():
                    for s in inside:
                        values = [s.data.get(name) for name in dimension]
                        if None not in values:
                            group = (",".join(dimension), ",".join(map(str, values)))
                            groups.setdefault(group, []).append(s.value)
                lines += [
                    {"metric": metric, "window": window, "dimension": dimension, "value": value}
                    | {"result": formula(numbers), "samples": len(numbers), "at": self.judged}
                    for (dimension, value), numbers in groups.items()
                    if numbers
                ]
        return lines
