"""Panels that show metrics of the catalogue: each score with what it rests on and the bounds in which it lies."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import Final

from pipeline.metrics.catalogue import METRICS, Metric
from pipeline.observe.dashboards import links
from pipeline.observe.dashboards.advice import described, family, things
from pipeline.observe.dashboards.bars import ranking
from pipeline.observe.dashboards.colours import BLUE, GREY, ORANGE, PURPLE, VERMILION
from pipeline.observe.dashboards.figures import figures
from pipeline.observe.dashboards.panel import Json, Panel, Query
from pipeline.observe.dashboards.promql import bound, enough, samples, value, worst
from pipeline.observe.dashboards.scales import COUNT, scale_of
from pipeline.observe.dashboards.tables import Column, Named, table
from pipeline.observe.dashboards.timelines import timeline
from pipeline.observe.dashboards.trends import trend

FROM, TO = "from", "to"
#: Colours that mean something of their own.
_COLOURS: Final = {"promoters": BLUE, "passives": GREY, "detractors": VERMILION}


def named(*names: str) -> tuple[Metric, ...]:
    """Metrics of the catalogue."""
    return tuple(METRICS[name] for name in names)


def nothing(metric: Metric) -> str:
    """Why there may be no value."""
    return f"No {things(metric)} in this window"


def figure(name: str, *, width: int = 12, link: Json | None = None) -> Panel:
    """A metric now, where it lies, and what it rests on."""
    (metric,) = named(name)
    queries = [Query(value(metric), metric.title), *_bounds(metric)]
    counted = things(metric)
    if not _is_count(metric):
        queries.append(Query(samples(metric), counted))
    return figures(
        metric.title,
        described(_says(metric), (metric,)),
        queries,
        scale_of(metric),
        empty=nothing(metric),
        counts=() if _is_count(metric) else (counted,),
        beside=(FROM, TO) if metric.spread is not None else (),
        links=(link or links.follow_ups(),),
        width=width,
    )


def time_figure(name: str, *, width: int = 12) -> Panel:
    """A length of time now: mean with its bounds, half of them, nine of ten, and what they rest on."""
    metrics = times(name)
    mean, *quantiles = metrics
    title = mean.title.partition(",")[0]
    counted = things(mean)
    return figures(
        title,
        described("How long it takes now, and how much that rests on.", metrics),
        [
            *(Query(value(one), one.title.rpartition(" ")[2]) for one in quantiles),
            Query(value(mean), "mean"), *_bounds(mean), Query(samples(mean), counted),
        ],
        scale_of(mean),
        empty=nothing(mean),
        counts=(counted,),
        beside=(FROM, TO),
        links=(links.follow_ups(),),
        width=width,
    )  # fmt: skip


def over_time(name: str, *, width: int = 12) -> Panel:
    """A metric over time, the band in which it lies, and what it rests on."""
    (metric,) = named(name)
    counted = "" if _is_count(metric) else things(metric)
    queries = [Query(value(metric), metric.title), *_bounds(metric)]
    if counted:
        queries.append(Query(samples(metric), counted))
    return trend(
        f"{metric.title} over time",
        described(f"{_says(metric)} At each moment of the window that ends there.", (metric,)),
        queries,
        scale_of(metric),
        empty=nothing(metric),
        band=(FROM, TO) if metric.spread is not None else None,
        counts=counted,
        limits=len(scale_of(metric).steps) > 1,
        from_zero=_from_zero(metric),
        links=(links.follow_ups(),),
        width=width,
    )


def time_over_time(name: str, *, width: int = 12) -> Panel:
    """A length of time over time: mean and quantiles, and what they rest on."""
    metrics = times(name)
    mean, *quantiles = metrics
    counted = things(mean)
    drawn = {one.title.rpartition(" ")[2]: one for one in (*quantiles, mean)}
    colours = dict(zip(drawn, (BLUE, ORANGE, VERMILION), strict=False)) | {"mean": PURPLE}
    return trend(
        f"{mean.title.partition(',')[0]} over time",
        described("How long it takes: half of them take at most p50, nine of ten p90. The band is the mean's.", metrics),
        [*(Query(value(one), of) for of, one in drawn.items()), *_bounds(mean), Query(samples(mean), counted)],
        scale_of(mean),
        empty=nothing(mean),
        band=(FROM, TO),
        counts=counted,
        colours=colours,
        from_zero=True,
        links=(links.follow_ups(),),
        width=width,
    )  # fmt: skip


def shares_over_time(title: str, names: Sequence[str], *, width: int = 12) -> Panel:
    """Parts of a whole, stacked, and what they rest on."""
    metrics = named(*names)
    counted = things(metrics[0])
    titles = [metric.title for metric in metrics]
    return trend(
        title,
        described("How the answers divide.", metrics),
        [*(Query(value(one), one.title) for one in metrics), Query(samples(metrics[0]), counted)],
        scale_of(metrics[0]),
        empty=nothing(metrics[0]),
        counts=counted,
        stacked=True,
        from_zero=True,
        colours={of: _COLOURS[of.lower()] for of in titles if of.lower() in _COLOURS},
        links=(links.follow_ups(),),
        width=width,
    )


def together(title: str, says: str, names: Sequence[str], do: str, *, width: int = 12) -> Panel:
    """Two metrics of one unit against each other, each with its bounds and what it rests on."""
    metrics = named(*names)
    queries: list[Query] = []
    colours: dict[str, str] = {}
    for metric, colour in zip(metrics, (BLUE, ORANGE), strict=True):
        queries.append(Query(value(metric), metric.title))
        queries += (
            Query(bound(end, metric), f"{metric.title}, {word}")
            for end, word in (("lower", FROM), ("upper", TO))
        )
        queries.append(Query(samples(metric), f"{metric.title}, {things(metric)}"))
        colours |= {metric.title: colour, f"{metric.title}, {FROM}": colour, f"{metric.title}, {TO}": colour}
    counted = [query.name for query in queries if query.name.rpartition(", ")[2] == things(metrics[0])]
    return trend(
        title,
        described(says, metrics, do),
        queries,
        scale_of(metrics[0]),
        empty=nothing(metrics[0]),
        colours=colours,
        thin=[name for name in colours if name.endswith((FROM, TO))],
        told=counted,
        from_zero=_from_zero(metrics[0]),
        links=(links.follow_ups(),),
        width=width,
    )  # fmt: skip


def rows_over_time(name: str, dimension: str, *, height: int = 8, width: int = 24) -> Panel:
    """A metric over time, a row each value of a dimension."""
    (metric,) = named(name)
    return timeline(
        f"{metric.title} by {dimension} over time",
        described(f"{metric.title} at each {dimension} over time. What rests on too little is left out.", (metric,)),
        [Query(enough(value(metric, dimension), metric, dimension), "{{value}}")],
        scale_of(metric),
        empty=f"No {dimension} has enough {things(metric)} in this window",
        links=(links.follow_ups(),),
        width=width,
        height=height,
    )  # fmt: skip


def by(
    dimension: str,
    *names: str,
    title: str = "",
    says: str = "",
    link: Json | None = None,
    width: int = 12,
    height: int = 8,
) -> Panel:
    """A row each value of a dimension, worst first by the first metric: with bounds, and what they rest on.

    names: of metrics that rest on the same, so that the table stays narrow enough for a phone.
    """
    metrics = named(*names)
    first = metrics[0]
    columns: list[Column] = []
    for metric in metrics:
        scale = scale_of(metric)
        columns.append(Column(metric.title, value(metric, dimension), scale, judged=len(scale.steps) > 1))
        if metric.spread is not None:
            of = "" if metric is first else f"{metric.title}, "
            columns += (
                Column(of + word, bound(end, metric, dimension), scale)
                for end, word in (("lower", FROM), ("upper", TO))
            )
    if not _is_count(first):
        columns.append(Column(things(first), samples(first, dimension), COUNT))
    return table(
        title or f"{first.title.partition(',')[0]} by {dimension}",
        described(
            says or f"Each {dimension} now, worst first, with how much it rests on and where it lies.",
            metrics,
        ),
        [Named("value", dimension.capitalize(), (link,) if link else ())],
        columns,
        empty=f"No {things(first)} that name a {dimension} in this window",
        sort=(first.title, first.better < 0),
        links=(links.follow_ups(),),
        width=width,
        height=height,
    )


def ranked(name: str, dimension: str, *, width: int = 12, height: int = 8) -> Panel:
    """A count by a dimension, greatest first, and twenty at most."""
    (metric,) = named(name)
    return ranking(
        f"{metric.title} by {dimension}",
        described(f"Where the {metric.title.lower()} are.", (metric,)),
        Query(f"sort_desc(topk(20, {value(metric, dimension)}))", "{{value}}"),
        scale_of(metric),
        empty=f"No {things(metric)} that name a {dimension} in this window",
        links=(links.follow_ups(),),
        width=width,
        height=height,
    )


def worst_of(name: str, dimension: str, *, width: int = 12) -> Panel:
    """The few worst values of a dimension, with bounds and what they rest on."""
    (metric,) = named(name)
    few = worst(metric, dimension)
    columns = [Column(metric.title, few, scale_of(metric), judged=True)]
    if metric.spread is not None:
        columns += (
            Column(word, _only(bound(end, metric, dimension), few), scale_of(metric))
            for end, word in (("lower", FROM), ("upper", TO))
        )
    columns.append(Column(things(metric), _only(samples(metric, dimension), few), COUNT))
    return table(
        f"{metric.title}: the five worst",
        described(f"The {dimension}s where it is worst now, of those that rest on enough.", (metric,)),
        [Named("value", dimension.capitalize(), (links.to_dashboard("voice", dimension),))],
        columns,
        empty=f"No {dimension} has enough {things(metric)} in this window",
        sort=(metric.title, metric.better < 0),
        links=(links.follow_ups(),),
        width=width,
        height=7,
    )


def times(name: str) -> tuple[Metric, ...]:
    """The metrics of a length of time, its mean first."""
    return tuple(metric for metric in METRICS.values() if metric.unit == "seconds" and family(metric) == name)


def rest(group: str, shown: Iterable[str]) -> Iterator[Panel]:
    """All metrics of a group that are not shown yet, so that a new one has its panel at once.

    shown: names, or those that lengths of time share.
    """
    done = set(shown)
    for metric in METRICS.values():
        if metric.group != group or {metric.name, family(metric)} & done:
            continue
        done.add(family(metric))
        yield time_over_time(family(metric)) if metric.unit == "seconds" else over_time(metric.name)


def _says(metric: Metric) -> str:
    if _is_count(metric):
        return f"{metric.title} in the window."
    if metric.spread is None:
        return f"{metric.title} now, and how many {things(metric)} it rests on."
    return (
        f"{metric.title}, how many {things(metric)} it rests on, and from where to where it would be if everybody had "
        "told us, with a confidence of 95 %."
    )


def _bounds(metric: Metric) -> tuple[Query, ...]:
    if metric.spread is None:
        return ()
    return Query(bound("lower", metric), FROM), Query(bound("upper", metric), TO)


def _is_count(metric: Metric) -> bool:
    """It rests on nothing but itself."""
    return metric.formula == "a count"


def _from_zero(metric: Metric) -> bool:
    """Its axis begins at 0: of scores that start elsewhere, a change would be too small to see."""
    return metric.low == 0 and metric.unit != "score"


def _only(expr: str, few: str) -> str:
    return f"{expr}\nand on (value) ({few})"
