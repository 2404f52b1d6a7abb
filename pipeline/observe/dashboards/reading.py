"""What the dashboards ask, for whoever wants to ask it of a Prometheus without Grafana."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any, Final

_VARIABLE: Final = re.compile(r"\$(?:\{(?P<braced>[A-Za-z_]\w*)(?::\w+)?\}|(?P<bare>[A-Za-z_]\w*))")
#: What stands for a variable that is no regular expression.
_USUAL: Final[Mapping[str, str]] = {
    "window": "24h", "least": "1", "__rate_interval": "1m", "__interval": "1m", "__range": "1h",
}  # fmt: skip
_ANY: Final = ".+"


def expressions(dashboard: Mapping[str, Any]) -> list[tuple[str, str]]:
    """Every query with the title of its panel, or the name of its annotation."""
    return [(title, target["expr"]) for title, target in _targets(dashboard)]


def substituted(expr: str, chosen: Mapping[str, str] | None = None) -> str:
    """A query as Grafana sends it.

    chosen: values of variables; the others are a window of 24h, a minute between scrapes, a span of an hour, and all.
    """
    values = {**_USUAL, **(chosen or {})}
    return _VARIABLE.sub(lambda found: values.get(found["braced"] or found["bare"], _ANY), expr)


def variables_of(expr: str) -> set[str]:
    """The variables that it names."""
    return {found["braced"] or found["bare"] for found in _VARIABLE.finditer(expr)}


def _targets(dashboard: Mapping[str, Any]) -> Iterator[tuple[str, Mapping[str, Any]]]:
    for panel in dashboard["panels"]:
        for inner in (panel, *panel.get("panels", ())):
            for target in inner.get("targets", ()):
                yield inner["title"], target
    for annotation in dashboard["annotations"]["list"]:
        if "expr" in annotation.get("target", {}):
            yield annotation["name"], annotation["target"]
