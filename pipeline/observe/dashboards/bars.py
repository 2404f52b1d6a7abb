"""Panels with a bar for each name: ranked, or in an order of their own."""

from __future__ import annotations

from collections.abc import Sequence

from pipeline.observe.dashboards.panel import Json, Panel, Query, Scale, of_name, of_numbers, ref_id

_NO_LEGEND: Json = {"calcs": [], "displayMode": "list", "placement": "bottom", "showLegend": False}


def ranking(
    title: str,
    description: str,
    query: Query,
    scale: Scale,
    *,
    empty: str,
    links: Sequence[Json] = (),
    width: int = 12,
    height: int = 8,
) -> Panel:
    """Bars from the left, in the order in which the query sorts them, each with its name and number."""
    return Panel(
        "bargauge", title, description, [query], empty, scale, width, height,
        {
            "displayMode": "basic", "legend": _NO_LEGEND, "maxVizHeight": 36, "minVizHeight": 16, "minVizWidth": 8,
            "namePlacement": "left", "orientation": "horizontal",
            "reduceOptions": {"calcs": ["lastNotNull"], "fields": "", "values": False},
            "showUnfilled": False, "sizing": "auto", "valueMode": "text",
        },
        now=True,
        defaults={"min": 0},
        links=links,
    )  # fmt: skip


def curve(
    title: str,
    description: str,
    along: tuple[str, str],
    order: tuple[str, Query],
    queries: Sequence[Query],
    scale: Scale,
    *,
    empty: str,
    told: Sequence[str] = (),
    counts: Sequence[str] = (),
    links: Sequence[Json] = (),
    width: int = 24,
    height: int = 9,
) -> Panel:
    """A bar a name, in the order of another label.

    along: (label, title). order: (label, a query that has both labels). queries: the first is drawn.
    told: names of those that are only shown where somebody points; counts: those of them that are plain numbers.
    """
    label, named = along
    sorted_by, first = order
    every = [first, *queries]
    values = {f"Value #{ref_id(n)}": query.name for n, query in enumerate(every)}
    transformations: list[Json] = [
        {"id": "merge", "options": {}},
        {
            "id": "filterByValue",
            "options": {
                "filters": [{"config": {"id": "isNotNull", "options": {}}, "fieldName": sorted_by}],
                "match": "all",
                "type": "include",
            },
        },
        {"id": "sortBy", "options": {"fields": {}, "sort": [{"desc": False, "field": sorted_by}]}},
        {
            "id": "organize",
            "options": {
                "excludeByName": {"Time": True, sorted_by: True, f"Value #{ref_id(0)}": True},
                "includeByName": {},
                "indexByName": {of: n for n, of in enumerate((label, *values))},
                "renameByName": values | {label: named},
            },
        },
    ]
    hidden: Json = {"legend": True, "tooltip": False, "viz": True}
    return Panel(
        "barchart", title, description, every, empty, scale, width, height,
        {
            "barRadius": 0.1, "barWidth": 0.8, "fullHighlight": False, "groupWidth": 0.7, "legend": _NO_LEGEND,
            "orientation": "auto", "showValue": "auto", "stacking": "none", "tooltip": {"mode": "multi", "sort": "none"},
            "xField": named, "xTickLabelRotation": -45, "xTickLabelSpacing": 0,
        },
        now=True,
        columns=True,
        custom={"axisPlacement": "auto", "fillOpacity": 85, "gradientMode": "none", "lineWidth": 0},
        overrides=[
            of_numbers(noValue="–"),
            *(of_name(name, custom_hideFrom=hidden) for name in told),
            *(of_name(name, unit="short", decimals=0) for name in counts),
        ],
        transformations=transformations,
        links=links,
    )  # fmt: skip
