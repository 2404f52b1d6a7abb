"""Panels with a row for each name and time to the right: a name stands beside its row, so colours need no key."""

from __future__ import annotations

from collections.abc import Sequence

from pipeline.observe.dashboards.panel import Json, Panel, Query, Scale


def timeline(
    title: str,
    description: str,
    queries: Sequence[Query],
    scale: Scale,
    *,
    empty: str,
    links: Sequence[Json] = (),
    width: int = 24,
    height: int = 8,
) -> Panel:
    """Rows whose colours the scale gives, with the numbers on them.

    Equal colours are not merged: Grafana would show their limits instead of the numbers.
    """
    return Panel(
        "state-timeline", title, description, queries, empty, scale, width, height,
        {
            "alignValue": "left", "mergeValues": False, "perPage": 20, "rowHeight": 0.9, "showValue": "auto",
            "legend": {"calcs": [], "displayMode": "list", "placement": "bottom", "showLegend": False},
            "tooltip": {"mode": "single", "sort": "none"},
        },
        custom={"fillOpacity": 80, "lineWidth": 0},
        links=links,
    )  # fmt: skip
