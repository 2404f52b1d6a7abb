"""Kinds of metrics: how a value, what it rests on, and its spread come of counts that add up."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Final, Literal

from pipeline.metrics import sketch
from pipeline.metrics.confidence import Interval, Spread, interval
from pipeline.metrics.counts import TIMES_BUCKET, TIMES_COUNT, TIMES_SUM

Counts = Mapping[str, int]
#: What a value is measured in.
Unit = Literal["points", "ratio", "score", "seconds", "number"]
#: Where a metric belongs, in the order in which people read them.
GROUPS: Final[Mapping[str, str]] = {
    "loyalty": "Loyalty and satisfaction",
    "service": "Service",
    "reviews": "Reviews and reputation",
    "behaviour": "Behaviour",
    "promises": "Promises",
    "loop": "The loop itself",
}


@dataclass(frozen=True, slots=True)
class Metric:
    """One metric.

    gauge: its Prometheus name; labels: fixed ones. group: one of `GROUPS`. low, high: of its values, in its unit.
    better: 1 where more is better, -1 where less is, 0 where nobody can say. sources: types of events, without `cx.`.
    formula: in words. counts: what it is worked out from; lengths of time by their own name. result: None where there is nothing to say.
    spread: what a difference is compared with; None where a metric has none.
    """

    name: str
    title: str
    help: str
    gauge: str
    samples: Callable[[Counts], int]
    result: Callable[[Counts], float | None]
    labels: tuple[tuple[str, str], ...] = ()
    spread: Callable[[Counts], Spread] | None = None
    unit: Unit = "number"
    group: str = "loyalty"
    low: float = 0
    high: float = float("inf")
    better: int = 1
    sources: tuple[str, ...] = ()
    formula: str = ""
    counts: frozenset[str] = frozenset()

    def interval(self, counts: Counts) -> Interval | None:
        """Where the value of all lies that these counts are a sample of; None where nothing can be said."""
        return interval(self.spread(counts)) if self.spread is not None else None


@dataclass(frozen=True, slots=True)
class Described:
    """What the metrics of one family share. sources, group, better: see `Metric`."""

    group: str
    sources: tuple[str, ...]
    better: int = 1


def number(name: str, title: str, meaning: str, count: str, of: Described) -> Metric:
    """How many there were in the window."""
    n = total(count)
    return Metric(
        name, title, meaning, f"cxloop_{name}", n, lambda counts: n(counts) or None,
        group=of.group, better=of.better, sources=of.sources, formula="a count", counts=frozenset((count,)),
    )  # fmt: skip


def share(
    name: str, title: str, meaning: str, part: str, whole: tuple[str, ...], of: Described, *,
    gauge: str = "", labels: tuple[tuple[str, str], ...] = (),
) -> Metric:  # fmt: skip
    """The share of some among others, 0 to 1."""
    return Metric(
        name, title, meaning, gauge or f"cxloop_{name}_ratio", total(*whole), ratio(part, *whole), labels,
        share_spread(part, *whole), "ratio", of.group, 0, 1, of.better, of.sources, f"{part} / {' + '.join(whole)}",
        frozenset((part, *whole)),
    )  # fmt: skip


def mean(
    name: str, title: str, meaning: str, names: tuple[str, str, str], limits: tuple[float, float], of: Described, *,
    scale: float = 1,
) -> Metric:  # fmt: skip
    """The mean of scores. names: of their count, sum and squares; scale: from what is summed to the metric's unit."""
    count, sum_, squares = names
    low, high = limits
    return Metric(
        name, title, meaning, f"cxloop_{name}_mean", total(count), ratio(sum_, count, scale=scale), (),
        mean_spread(sum_, squares, count, limits, scale), "score", of.group, low, high, of.better, of.sources,
        f"{sum_} / {count}" + (f" * {scale:g}" if scale != 1 else ""), frozenset(names),
    )  # fmt: skip


def times(
    name: str,
    title: str,
    meaning: str,
    of: Described,
    quantiles: tuple[int, ...] = (50, 90, 99),
) -> tuple[Metric, ...]:
    """Lengths of time: their mean and quantiles, in seconds. meaning: what is timed."""
    n = total(name + TIMES_COUNT)
    summed = ratio(name + TIMES_SUM, name + TIMES_COUNT, scale=0.001)
    found = [
        Metric(
            f"{name}_mean", f"{title}, mean", f"Mean time {meaning}.", f"cxloop_{name}_mean_seconds", n, summed, (),
            _times_spread(name), "seconds", of.group, better=-1, sources=of.sources,
            formula=f"{name}{TIMES_SUM} / {name}{TIMES_COUNT} / 1000", counts=frozenset((name,)),
        )
    ]  # fmt: skip
    found += (
        Metric(
            f"{name}_p{percent}", f"{title}, p{percent}",
            f"Quantiles of the time {meaning}, by nearest rank, within 1 %.", f"cxloop_{name}_seconds",
            n, _quantile(name, percent / 100), (("percentile", f"{percent}"),), None, "seconds", of.group,
            better=-1, sources=of.sources, formula=f"the value at rank ⌈{percent / 100:g} n⌉", counts=frozenset((name,)),
        )
        for percent in quantiles
    )  # fmt: skip
    return tuple(found)


def score(
    name: str,
    title: str,
    meaning: str,
    parts: tuple[str, str, str],
    of: Described,
) -> tuple[Metric, ...]:
    """A net score of promoters, passives and detractors (the names of their counts), and their shares."""
    promoters, passives, detractors = parts
    n = total(*parts)

    def result(counts: Counts) -> float | None:
        of_all = n(counts)
        return 100 * (counts.get(promoters, 0) - counts.get(detractors, 0)) / of_all if of_all > 0 else None

    def spread(counts: Counts) -> Spread:
        """Each answer is worth 100, 0 or -100 points."""
        of_all, up, down = n(counts), counts.get(promoters, 0), counts.get(detractors, 0)
        if of_all <= 0:
            return Spread(0, 0.0, 0.0, 3, -100, 100)
        middle = (up - down) / of_all
        return Spread(of_all, 100 * middle, 1e4 * max(0.0, (up + down) / of_all - middle**2), 3, -100, 100)

    whole = f"({promoters} + {passives} + {detractors})"
    net = Metric(
        name, title, meaning, f"cxloop_{name}", n, result, (), spread, "points", of.group, -100, 100, 1, of.sources,
        f"100 * ({promoters} - {detractors}) / {whole}", frozenset(parts),
    )  # fmt: skip
    shares = (
        share(
            f"{name}_{plural}", plural.capitalize() if name == "nps" else f"{title} {plural}", f"Share of {title} answers of a category.", part, parts,
            Described(of.group, of.sources, better), gauge=f"cxloop_{name}_share_ratio",
            labels=(("category", plural.removesuffix("s")),),
        )
        for plural, part, better in (("promoters", promoters, 1), ("passives", passives, 0), ("detractors", detractors, -1))
    )  # fmt: skip
    return (net, *shares)


def total(*names: str) -> Callable[[Counts], int]:
    """The sum of some counts."""
    if len(names) == 1:
        (only,) = names
        return lambda counts: counts.get(only, 0)
    return lambda counts: sum(counts.get(name, 0) for name in names)


def ratio(part: str, *whole: str, scale: float = 1) -> Callable[[Counts], float | None]:
    """One count by the sum of others; None where there are none."""
    of = total(*whole)
    return lambda counts: counts.get(part, 0) * scale / n if (n := of(counts)) > 0 else None


def share_spread(part: str, *whole: str) -> Callable[[Counts], Spread]:
    """Of a share."""
    of = total(*whole)

    def spread(counts: Counts) -> Spread:
        n = of(counts)
        found = counts.get(part, 0) / n if n > 0 else 0.0
        return Spread(max(n, 0), found, found * (1 - found), 2, 0, 1)

    return spread


def mean_spread(
    sum_: str, squares: str, count: str, limits: tuple[float, float], scale: float = 1
) -> Callable[[Counts], Spread]:
    """Of a mean of scores between two limits. scale: from what is summed to the metric's unit."""

    def spread(counts: Counts) -> Spread:
        n = counts.get(count, 0)
        if n <= 0:
            return Spread(0, 0.0, 0.0)
        middle = counts.get(sum_, 0) * scale / n
        return Spread(n, middle, max(0.0, counts.get(squares, 0) * scale**2 / n - middle**2), 0, *limits)

    return spread


def _times_spread(name: str) -> Callable[[Counts], Spread]:
    """In seconds. The buckets know how they differ; squares of some weeks in ms would be too large to add up."""

    def spread(counts: Counts) -> Spread:
        n = counts.get(name + TIMES_COUNT, 0)
        if n <= 0:
            return Spread(0, 0.0, 0.0)
        middle = counts.get(name + TIMES_SUM, 0) / 1000 / n
        return Spread(n, middle, sketch.variance(_buckets(counts, name)) / 1e6, low=0)

    return spread


def _quantile(name: str, q: float) -> Callable[[Counts], float | None]:
    def result(counts: Counts) -> float | None:
        if (
            counts.get(name + TIMES_COUNT, 0) <= 0
        ):  # most series have none: do not go through all their counts
            return None
        found = sketch.quantile(_buckets(counts, name), q)
        return found / 1000 if found is not None else None

    return result


def _buckets(counts: Counts, name: str) -> dict[int, int]:
    prefix = name + TIMES_BUCKET
    skip = len(prefix)
    return {
        int(key[skip:]): n for key, n in counts.items() if key.startswith(prefix) and key[skip:].isdecimal()
    }
