"""Queries for the metrics of the catalogue.

The board may move to another worker: for a moment two of them have its series, so every query takes the greatest.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from pipeline.metrics.catalogue import METRICS, Metric

#: Variable of the dashboards for the values of a dimension.
CHOSEN: Final[Mapping[str, str]] = {
    name: f"${name}" for name in ("touchpoint", "channel", "stage", "segment", "platform", "team", "rule")
}
TOTAL: Final = "total"


def rests_on(metric: Metric) -> str:
    """The metric whose samples are this one's too: parts of a whole, and quantiles, have none of their own."""
    if not metric.labels:
        return metric.name
    whole = metric.name.rpartition("_")[0]
    return whole if whole in METRICS else f"{whole}_mean"


def value(metric: Metric, dimension: str = TOTAL, *, among: str = "") -> str:
    """The metric. among: values of the dimension as a regular expression; those that are chosen, where it is empty."""
    return _greatest(metric.gauge, dict(metric.labels), dimension, among)


def samples(metric: Metric, dimension: str = TOTAL, *, among: str = "") -> str:
    """How much its value rests on."""
    return _greatest("cxloop_metric_samples", {"metric": rests_on(metric)}, dimension, among)


def bound(end: str, metric: Metric, dimension: str = TOTAL, *, among: str = "") -> str:
    """The `lower` or `upper` end of where it lies, with a confidence of 95 %."""
    return _greatest(f"cxloop_metric_{end}", {"metric": metric.name}, dimension, among)


def enough(expr: str, metric: Metric, dimension: str) -> str:
    """Of these by the dimension, those that rest on enough."""
    return f"{expr}\nand on (value) ({samples(metric, dimension)} >= $least)"


def worst(metric: Metric, dimension: str, number: int = 5) -> str:
    """The few values of a dimension at which the metric is worst, of those that rest on enough."""
    pick = "bottomk" if metric.better >= 0 else "topk"
    return f"{pick} ({number}, {enough(value(metric, dimension), metric, dimension)})"


def at_touchpoint(expr: str) -> str:
    """These by touchpoint, at touchpoints of the stages that are chosen; the label is `touchpoint`."""
    return (
        f'max by (touchpoint) (label_replace({expr}, "touchpoint", "$1", "value", "(.+)"))\n'
        'and on (touchpoint) cxloop_journey_touchpoint_info{stage=~"$stage"}'
    )


def at_stage(expr: str) -> str:
    """These by stage, with the label `stage`."""
    return f'max by (stage) (label_replace({expr}, "stage", "$1", "value", "(.+)"))'


def _greatest(gauge: str, labels: Mapping[str, str], dimension: str, among: str) -> str:
    matchers = [f'{name}="{of}"' for name, of in labels.items()]
    matchers += ['window="$window"', f'dimension="{dimension}"']
    if dimension == TOTAL:
        return f"max({gauge}{{{', '.join(matchers)}}})"
    if chosen := among or CHOSEN.get(dimension):
        matchers.append(f'value=~"{chosen}"')
    return f"max by (value) ({gauge}{{{', '.join(matchers)}}})"
