"""How the metrics of the catalogue are written, and from where on they are good or bad."""

from __future__ import annotations

from math import isfinite
from typing import Final

from pipeline.metrics.catalogue import Metric
from pipeline.observe.dashboards.colours import BAD, BLUE, GOOD, MIDDLING
from pipeline.observe.dashboards.panel import Scale

COUNT: Final = Scale("short", 0)
#: Any number above 0 is bad.
NONE_IS_GOOD: Final = Scale("short", 0, ((None, GOOD), (1, BAD)))
#: 1 is good, and less is not.
ONE_IS_GOOD: Final = Scale("short", 0, ((None, BAD), (1, GOOD)))
SECONDS: Final = Scale("s", 1)


def scale_of(metric: Metric) -> Scale:
    """Of a metric's values.

    Where both ends are known and one is better, the better quarter of the range is good and the worse half is bad:
    NPS from 50 and below 0, CSAT from 4 and below 3, a share from 75 % and below 50 %. Else nobody can say.
    """
    unit, decimals = _unit(metric)
    if not (metric.better and isfinite(metric.low) and isfinite(metric.high)):
        return Scale(unit, decimals, ((None, BLUE),))
    whole = metric.high - metric.low
    if metric.better > 0:
        half, quarter = metric.low + whole / 2, metric.low + whole * 3 / 4
        return Scale(unit, decimals, ((None, BAD), (half, MIDDLING), (quarter, GOOD)))
    half, quarter = metric.low + whole / 2, metric.low + whole / 4
    return Scale(unit, decimals, ((None, GOOD), (quarter, MIDDLING), (half, BAD)))


def _unit(metric: Metric) -> tuple[str, int]:
    """Grafana's unit and the decimals worth reading."""
    match metric.unit:
        case "points":
            return "suffix:points", 0
        case "ratio":
            return "percentunit", 1
        case "seconds":
            return "s", 1
        case "score" if metric.low == 1 and isfinite(metric.high):
            return f"suffix:of {metric.high:g}", 2
        case "score":
            return "none", 2
        case _:
            return "short", 2 if metric.gauge.endswith("_mean") else 0
