"""Panels that show numbers of this moment, large."""

from __future__ import annotations

from collections.abc import Sequence

from pipeline.observe.dashboards.colours import GREY
from pipeline.observe.dashboards.panel import Json, Panel, Query, Scale, fixed, of_name


def figures(
    title: str,
    description: str,
    queries: Sequence[Query],
    scale: Scale,
    *,
    empty: str,
    counts: Sequence[str] = (),
    beside: Sequence[str] = (),
    words: Sequence[tuple[int, str, str]] = (),
    worded: Sequence[str] = (),
    links: Sequence[Json] = (),
    width: int = 12,
    height: int = 4,
) -> Panel:
    """Numbers beside each other, each with its name.

    counts: names that are plain numbers. beside: names that explain the first, and are no scores themselves.
    words: (value, word, colour), instead of the numbers of the names that are worded.
    """
    mapped: Json = {str(of): {"color": colour, "index": n, "text": word} for n, (of, word, colour) in enumerate(words)}  # fmt: skip
    return Panel(
        "stat", title, description, queries, empty, scale, width, height,
        {
            "colorMode": "value", "graphMode": "none", "justifyMode": "auto", "orientation": "auto",
            "percentChangeColorMode": "standard", "reduceOptions": {"calcs": ["lastNotNull"], "fields": "", "values": False},
            "showPercentChange": False, "textMode": "value_and_name" if len(queries) > 1 or queries[0].name else "value",
            "wideLayout": True,
        },
        now=True,
        overrides=[
            *(of_name(name, mappings=[{"options": mapped, "type": "value"}]) for name in worded),
            *(of_name(name, color=fixed(GREY)) for name in beside),
            *(of_name(name, color=fixed(GREY), unit="short", decimals=0) for name in counts),
        ],
        links=links,
    )  # fmt: skip
