"""Panels with lines over time. Only for series whose number is known: more than a few lines cannot be told apart."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from pipeline.observe.dashboards.colours import GREY, SERIES
from pipeline.observe.dashboards.panel import Json, Panel, Query, Scale, fixed, of_name


def trend(
    title: str,
    description: str,
    queries: Sequence[Query],
    scale: Scale,
    *,
    empty: str,
    names: Sequence[str] = (),
    band: tuple[str, str] | None = None,
    counts: str = "",
    thin: Sequence[str] = (),
    told: Sequence[str] = (),
    stacked: bool = False,
    from_zero: bool = False,
    limits: bool = False,
    colours: Mapping[str, str] | None = None,
    links: Sequence[Json] = (),
    width: int = 12,
    height: int = 8,
) -> Panel:
    """Lines.

    names: of the series that are drawn, where labels make them; else those of the queries.
    band: (lower, upper), filled between. counts: name of what is drawn as pale bars, by the right axis.
    thin: names of dashed lines. told: names of plain numbers that are only shown where somebody points.
    stacked: parts of a whole. from_zero: the axis begins there. limits: draw from where on the scale is good or bad.
    """
    lines = [
        name
        for name in names or [query.name for query in queries]
        if name not in (*(band or ()), counts, *told)
    ]
    own = dict(zip(lines, SERIES, strict=False)) | dict(colours or {})
    overrides = [of_name(name, color=fixed(colour)) for name, colour in own.items()]
    dashed: Json = {"custom_lineWidth": 1, "custom_lineStyle": {"dash": [4, 4], "fill": "dash"}}
    if band is not None:
        lower, upper = band
        faint = dashed | {"color": fixed(GREY)}
        overrides += [
            of_name(lower, **faint),
            of_name(upper, custom_fillBelowTo=lower, custom_fillOpacity=12, **faint),
        ]
    overrides += (of_name(name, **dashed) for name in thin)
    hidden: Json = {"legend": True, "tooltip": False, "viz": True}
    overrides += (of_name(name, unit="short", decimals=0, custom_hideFrom=hidden) for name in told)
    if counts:
        overrides.append(
            of_name(
                counts,
                color=fixed(GREY),
                unit="short",
                decimals=0,
                min=0,
                custom_axisLabel=counts,
                custom_axisPlacement="right",
                custom_drawStyle="bars",
                custom_fillOpacity=20,
                custom_lineWidth=0,
                custom_showPoints="never",
                custom_thresholdsStyle={"mode": "off"},
                custom_stacking={"group": "B", "mode": "none"},
            )
        )
    return Panel(
        "timeseries", title, description, queries, empty, scale, width, height,
        {
            "legend": {"calcs": [], "displayMode": "list", "placement": "bottom", "showLegend": True},
            "tooltip": {"mode": "multi", "sort": "none"},
        },
        custom={
            "axisPlacement": "auto", "drawStyle": "line", "fillOpacity": 60 if stacked else 0, "lineInterpolation": "linear",
            "lineWidth": 2, "pointSize": 4, "showPoints": "auto", "spanNulls": False,
            "stacking": {"group": "A", "mode": "normal" if stacked else "none"},
            "thresholdsStyle": {"mode": "dashed" if limits else "off"},
        },
        defaults={"color": {"mode": "shades", "fixedColor": SERIES[0]}} | ({"min": 0} if from_zero else {}),
        overrides=overrides,
        links=links,
    )  # fmt: skip
