"""A board as plain as can be: it keeps every count, and looks at every pane."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from pipeline.rules.compiled import MetricRule
from pipeline.rules.condition import Comparison
from pipeline.span import DAY, HOUR, MINUTE

PANE = 5 * MINUTE
WINDOWS = {"24h": DAY, "7d": 7 * DAY, "28d": 28 * DAY}

Series = tuple[tuple[str, str], ...]
Count = tuple[int, Series, Mapping[str, int]]


def end_of(at: int, pane: int) -> int:
    """A pane covers (end - pane, end]."""
    return -(-at // pane) * pane


@dataclass
class Episode:
    since: int | None = None
    fired: bool = False


@dataclass
class NaiveBoard:
    """Takes what each shard counted and the watermark that it led to. said: (rule, series, what, time)."""

    rules: Sequence[MetricRule]
    counts: list[Count] = field(default_factory=list)
    marks: dict[str, int | None] = field(default_factory=dict)
    at: int | None = None
    said: list[tuple[str, Series, str, int]] = field(default_factory=list)
    episodes: dict[tuple[str, Series], Episode] = field(default_factory=dict)

    def take(self, shard: str, counts: Sequence[Count], watermark: int | None) -> None:
        self.counts += counts
        self.marks[shard] = watermark
        known = [mark for mark in self.marks.values() if mark is not None]
        if not known:
            return
        last = end_of(min(known), PANE) - PANE  # strictly below the lowest
        first = min((end for end, _, _ in self.counts), default=last) if self.at is None else self.at + PANE
        for end in range(first, last + 1, PANE):
            self.judge(end)
        self.at = last if self.at is None else max(self.at, last)

    def total(self, window: int, at: int) -> dict[Series, dict[str, int]]:
        """What the panes whose end is in (at - window, at] add up to."""
        pane = PANE if window <= DAY else HOUR
        found: dict[Series, dict[str, int]] = {}
        for end, series, counts in self.counts:
            if at - window < end_of(end, pane) <= at:
                into = found.setdefault(series, {})
                for name, count in counts.items():
                    into[name] = into.get(name, 0) + count
        return found

    def judge(self, at: int) -> None:
        for rule in self.rules:
            if at % (PANE if rule.window <= DAY else HOUR):
                continue
            totals = self.total(rule.window, at)
            asked = {series for name, series in self.episodes if name == rule.id} | set(totals)
            for series in sorted(one for one in asked if tuple(name for name, _ in one) == rule.by):
                self.judge_series(rule, series, totals.get(series, {}), at)

    def judge_series(self, rule: MetricRule, series: Series, counts: Mapping[str, int], at: int) -> None:
        samples, value = nps(counts)
        episode = self.episodes.setdefault((rule.id, series), Episode())
        enough = value is not None and rule.samples.test()(samples)
        assert isinstance(rule.limit, Comparison)
        holds = enough and rule.limit.test()(value)
        if episode.fired:
            clear = rule.clear.test()(value) if rule.clear is not None else not holds
            if value is None or (enough and clear):
                self.said.append((rule.id, series, "no_data" if value is None else "cleared", at))
                episode.fired, episode.since = False, None
            return
        if not holds:
            episode.since = None
            return
        episode.since = at if episode.since is None else episode.since
        if at - episode.since >= rule.hold:
            self.said.append((rule.id, series, "fired", at))
            episode.fired = True

    def values(self) -> dict[tuple[str, Series], tuple[float, int]]:
        """(window, series) → NPS and samples now."""
        if self.at is None:
            return {}
        found = {}
        for name, length in WINDOWS.items():
            for series, counts in self.total(length, self.at).items():
                samples, value = nps(counts)
                if value is not None:
                    found[name, series] = (value, samples)
        return found


def nps(counts: Mapping[str, Any]) -> tuple[int, float | None]:
    promoters, passives, detractors = (
        counts.get(f"nps_{kind}", 0) for kind in ("promoters", "passives", "detractors")
    )
    samples = promoters + passives + detractors
    return samples, 100 * (promoters - detractors) / samples if samples > 0 else None
