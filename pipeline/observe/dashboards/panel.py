"""A panel of Grafana as a value, and the JSON that it becomes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

Json = dict[str, object]

#: What every query asks: the Prometheus that the dashboard's variable names.
DATASOURCE: Final[Json] = {"type": "prometheus", "uid": "${datasource}"}


@dataclass(frozen=True, slots=True)
class Query:
    """One query. name: of its series, where labels may stand as `{{rule}}`."""

    expr: str
    name: str = ""


@dataclass(frozen=True, slots=True)
class Scale:
    """How a number is written and judged.

    unit: one of Grafana's, or `suffix:…`. decimals: None leaves them to Grafana.
    steps: colours from a number on, the first of which has none.
    """

    unit: str = "short"
    decimals: int | None = None
    steps: tuple[tuple[float | None, str], ...] = ()

    def thresholds(self) -> Json:
        steps = [{"color": colour, "value": value} for value, colour in self.steps]
        return {"mode": "absolute", "steps": steps or [{"color": "text", "value": None}]}


@dataclass(frozen=True, slots=True)
class Panel:
    """One panel, still without a place.

    kind: Grafana's name of it. description: what it says, and what to do. empty: why there may be nothing.
    width: of 24 columns. now: asks for this moment alone, not for a span. columns: asks for tables.
    """

    kind: str
    title: str
    description: str
    queries: Sequence[Query]
    empty: str
    scale: Scale
    width: int
    height: int
    options: Json
    now: bool = False
    columns: bool = False
    custom: Json = field(default_factory=dict)
    defaults: Json = field(default_factory=dict)
    overrides: Sequence[Json] = ()
    transformations: Sequence[Json] = ()
    links: Sequence[Json] = ()

    def json(self, number: int, x: int, y: int) -> Json:
        """As Grafana reads it. number: its id in the dashboard; x, y: its place."""
        defaults: Json = {
            "color": {"mode": "thresholds"},
            "custom": self.custom,
            "mappings": [],
            "noValue": self.empty,
            "thresholds": self.scale.thresholds(),
            "unit": self.scale.unit,
        } | self.defaults
        if self.scale.decimals is not None:
            defaults["decimals"] = self.scale.decimals
        return {
            "datasource": DATASOURCE,
            "description": self.description,
            "fieldConfig": {"defaults": defaults, "overrides": list(self.overrides)},
            "gridPos": {"h": self.height, "w": self.width, "x": x, "y": y},
            "id": number,
            "links": list(self.links),
            "options": self.options,
            "targets": [self._target(n, query) for n, query in enumerate(self.queries)],
            "title": self.title,
            "transformations": list(self.transformations),
            "type": self.kind,
        }

    def _target(self, n: int, query: Query) -> Json:
        return {
            "datasource": DATASOURCE,
            "editorMode": "code",
            "expr": query.expr,
            "format": "table" if self.columns else "time_series",
            "instant": self.now,
            "legendFormat": query.name or "__auto",
            "range": not self.now,
            "refId": ref_id(n),
        }


def ref_id(n: int) -> str:
    """What Grafana calls the n-th query of a panel: A to Z, then AA."""
    return chr(ord("A") + n) if n < 26 else ref_id(n // 26 - 1) + ref_id(n % 26)


def of_name(name: str, **properties: object) -> Json:
    """What is different for the series or column of a name. Properties are Grafana's, with `_` for `.`."""
    return _override({"id": "byName", "options": name}, properties)


def of_numbers(**properties: object) -> Json:
    """What is different for all columns of numbers."""
    return _override({"id": "byType", "options": "number"}, properties)


def _override(matcher: Json, properties: Mapping[str, object]) -> Json:
    return {
        "matcher": matcher,
        "properties": [{"id": name.replace("_", "."), "value": value} for name, value in properties.items()],
    }


def fixed(colour: str) -> Json:
    """One colour, whatever the value."""
    return {"mode": "fixed", "fixedColor": colour}
