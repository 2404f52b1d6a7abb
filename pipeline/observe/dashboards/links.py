"""Ways from the dashboards to the follow-ups behind a number, and from one dashboard to another."""

from __future__ import annotations

from pipeline.observe.dashboards.panel import Json

#: Where the status page is, as the variable `cxloop` says it.
_PAGE = "${cxloop:raw}"
#: What another dashboard is told of this one.
_KEPT = "${datasource:queryparam}&${cxloop:queryparam}&${__url_time_range}"


def follow_ups() -> Json:
    """To the follow-ups, on the status page."""
    return _link("Follow-ups behind this", f"{_PAGE}/#followups")


def alerts() -> Json:
    """To the alerts, on the status page."""
    return _link("Alerts behind this", f"{_PAGE}/#alerts")


def partitions() -> Json:
    """To what the worker's partitions do, on the status page."""
    return _link("What each partition does", f"{_PAGE}/#partitions")


def to_dashboard(name: str, variable: str, *, windowed: bool = True) -> Json:
    """From a cell of a table to a dashboard with the cell's value chosen. windowed: both have the variable `window`."""
    kept = "${window:queryparam}&" + _KEPT if windowed else _KEPT
    url = f"/d/cxloop-{name}?var-{variable}=${{__value.text:percentencode}}&{kept}"
    return _link(f"{name.capitalize()}: ${{__value.text}}", url, new=False)


def of_dashboard() -> list[Json]:
    """At the top of every dashboard."""
    common: Json = {"icon": "external link", "includeVars": True, "keepTime": True, "targetBlank": False}
    common |= {"asDropdown": True, "tags": ["cxloop"], "tooltip": "", "url": ""}
    page: Json = {
        "asDropdown": False,
        "includeVars": False,
        "keepTime": False,
        "tags": [],
        "targetBlank": True,
    }
    return [
        common | {"title": "Other dashboards", "type": "dashboards"},
        common | page | {"title": "Follow-ups", "type": "link", "url": f"{_PAGE}/#followups", "tooltip": "Who waits for us now"},
        common | page | {"title": "Alerts", "type": "link", "url": f"{_PAGE}/#alerts", "tooltip": "What fired, and why"},
    ]  # fmt: skip


def _link(title: str, url: str, *, new: bool = True) -> Json:
    return {"targetBlank": new, "title": title, "url": url}
