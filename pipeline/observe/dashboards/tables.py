"""Panels with one row a touchpoint, team or rule, and numbers of this moment."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from pipeline.observe.dashboards.panel import Json, Panel, Query, Scale, of_name, of_numbers, ref_id


@dataclass(frozen=True, slots=True)
class Named:
    """A column with a label's values. links: from each of its cells."""

    label: str
    title: str
    links: Sequence[Json] = ()
    width: int | None = None


@dataclass(frozen=True, slots=True)
class Column:
    """A column of numbers. judged: its cells have the colour that its scale gives them."""

    title: str
    expr: str
    scale: Scale
    judged: bool = False
    bar: bool = False


def table(
    title: str,
    description: str,
    names: Sequence[Named],
    columns: Sequence[Column],
    *,
    empty: str,
    sort: tuple[str, bool],
    needs: str = "",
    hidden: Sequence[str] = (),
    links: Sequence[Json] = (),
    width: int = 24,
    height: int = 9,
) -> Panel:
    """A table.

    sort: (title, greatest first). needs: title of a column without which a row is left out.
    hidden: titles of columns, or labels, that are not shown.
    """
    titles = {name.label: name.title for name in names}
    for n, column in enumerate(columns):
        titles[f"Value #{ref_id(n)}" if len(columns) > 1 else "Value"] = column.title
    field = {title: of for of, title in titles.items()}
    sorted_by, descending = sort
    transformations: list[Json] = [{"id": "merge", "options": {}}]
    if needs:
        only: Json = {"config": {"id": "isNotNull", "options": {}}, "fieldName": field[needs]}
        transformations.append(
            {"id": "filterByValue", "options": {"filters": [only], "match": "all", "type": "include"}}
        )
    transformations += (
        {
            "id": "sortBy",
            "options": {"fields": {}, "sort": [{"desc": descending, "field": field[sorted_by]}]},
        },
        {
            "id": "organize",
            "options": {
                "excludeByName": dict.fromkeys(("Time", *(field.get(one, one) for one in hidden)), True),
                "includeByName": {},
                "indexByName": {of: n for n, of in enumerate(titles)},
                "renameByName": titles,
            },
        },
    )
    return Panel(
        "table", title, description, [Query(column.expr) for column in columns], empty, columns[0].scale, width, height,
        {
            "cellHeight": "sm", "showHeader": True, "sortBy": [],
            "footer": {"countRows": False, "fields": "", "reducer": ["sum"], "show": False},
        },
        now=True,
        columns=True,
        custom={"align": "auto", "cellOptions": {"type": "auto"}, "filterable": False, "inspect": False},
        overrides=[of_numbers(noValue="–"), *(_of_name(name) for name in names if name.title not in hidden), *(_of_column(column) for column in columns if column.title not in hidden)],
        transformations=transformations,
        links=links,
    )  # fmt: skip


def _of_name(name: Named) -> Json:
    properties: Json = {"custom_minWidth": 120}
    if name.width is not None:
        properties = {"custom_width": name.width}
    if name.links:
        properties["links"] = list(name.links)
    return of_name(name.title, **properties)


def _of_column(column: Column) -> Json:
    scale = column.scale
    properties: Json = {"unit": scale.unit, "custom_minWidth": 90, "custom_align": "right"}
    if scale.decimals is not None:
        properties["decimals"] = scale.decimals
    if column.judged:
        properties |= {
            "thresholds": scale.thresholds(), "color": {"mode": "thresholds"},
            "custom_cellOptions": {"type": "color-background", "mode": "basic", "applyToRow": False},
        }  # fmt: skip
    if column.bar:
        properties |= {
            "thresholds": scale.thresholds(), "color": {"mode": "thresholds"}, "min": 0,
            "custom_cellOptions": {"type": "gauge", "mode": "basic", "valueDisplayMode": "text"},
        }  # fmt: skip
    return of_name(column.title, **properties)
