"""A dashboard as a value: sections of panels that flow over 24 columns, and the JSON that they become."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

from pipeline.observe.dashboards import links
from pipeline.observe.dashboards.marks import marks
from pipeline.observe.dashboards.panel import Json, Panel
from pipeline.observe.dashboards.variables import variables

COLUMNS: Final = 24
#: Version of the shape of Grafana's JSON, as Grafana 11.6 writes it.
_SCHEMA: Final = 41


@dataclass(frozen=True, slots=True)
class Section:
    """Panels under a title."""

    title: str
    panels: Sequence[Panel]


@dataclass(frozen=True, slots=True)
class Dashboard:
    """One dashboard.

    name: what follows `cxloop-` in its uid and its file. says: whom it is for, and what it answers.
    choices: variables, beside the data source and the status page. queries: for them, other than the usual ones.
    span: how far back it opens.
    """

    name: str
    title: str
    says: str
    choices: tuple[str, ...]
    sections: Sequence[Section]
    span: str = "now-7d"
    queries: Mapping[str, str] = field(default_factory=dict)

    @property
    def uid(self) -> str:
        return f"cxloop-{self.name}"

    def json(self) -> Json:
        """As Grafana reads it."""
        return {
            "annotations": {"list": marks()},
            "description": self.says,
            "editable": True,
            "fiscalYearStartMonth": 0,
            "graphTooltip": 1,
            "id": None,
            "links": links.of_dashboard(),
            "liveNow": False,
            "panels": list(_placed(self.sections)),
            "preload": False,
            "refresh": "1m",
            "schemaVersion": _SCHEMA,
            "tags": ["cxloop"],
            "templating": {"list": variables(self.choices, self.queries)},
            "time": {"from": self.span, "to": "now"},
            "timepicker": {},
            "timezone": "browser",
            "title": f"cxloop · {self.title}",
            "uid": self.uid,
            "version": 1,
            "weekStart": "",
        }

    def text(self) -> str:
        """The file: sorted, and the same each time."""
        return json.dumps(self.json(), ensure_ascii=False, indent=2, sort_keys=True) + "\n"


def _placed(sections: Iterable[Section]) -> Iterable[Json]:
    """Panels from left to right, as many as go beside each other, each section below the one before.

    A section without panels has no title either: everything has found its place elsewhere.
    """
    number = y = 0
    for section in sections:
        if not section.panels:
            continue
        number += 1
        yield _row(section.title, number, y)
        y += 1
        x = tallest = 0
        for panel in section.panels:
            if x + panel.width > COLUMNS:
                x, y, tallest = 0, y + tallest, 0
            number += 1
            yield panel.json(number, x, y)
            x, tallest = x + panel.width, max(tallest, panel.height)
        y += tallest


def _row(title: str, number: int, y: int) -> Json:
    return {
        "collapsed": False,
        "gridPos": {"h": 1, "w": COLUMNS, "x": 0, "y": y},
        "id": number,
        "panels": [],
        "title": title,
        "type": "row",
    }
