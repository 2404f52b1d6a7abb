"""What is marked on every time axis: alerts, and changes of the rules."""

from __future__ import annotations

from pipeline.observe.dashboards.colours import ORANGE, PURPLE, VERMILION
from pipeline.observe.dashboards.panel import DATASOURCE, Json

_FIRED = 'sum by (rule) (increase(cxloop_alerts_fired_total{{topic{is_}"metrics"}}[$__rate_interval])) > 0'


def marks() -> list[Json]:
    """Of metrics, alerts are few, and shown. Those of single customers are many, and shown where somebody asks."""
    return [
        _mark("Alerts on metrics", _FIRED.format(is_="="), VERMILION, "{{rule}}", "An alert on a metric fired.", "rule"),
        _mark("Alerts on customers", _FIRED.format(is_="!="), ORANGE, "{{rule}}", "An alert on a customer or a review fired.", "rule", shown=False),
        _mark(
            "Changes of rules",
            "count by (version) (cxloop_rules_info) unless count by (version) (cxloop_rules_info offset $__rate_interval)",
            PURPLE, "Rules {{version}}", "Rules of this version came into force.", "version",
        ),
        {
            "builtIn": 1, "datasource": {"type": "grafana", "uid": "-- Grafana --"}, "enable": True, "hide": True,
            "iconColor": "rgba(0, 211, 255, 1)", "name": "Annotations & Alerts", "type": "dashboard",
        },
    ]  # fmt: skip


def _mark(name: str, expr: str, colour: str, title: str, text: str, tags: str, *, shown: bool = True) -> Json:
    return {
        "datasource": DATASOURCE,
        "enable": shown,
        "hide": False,
        "iconColor": colour,
        "name": name,
        "tagKeys": tags,
        "target": {"expr": expr, "interval": "1m", "refId": "Anno"},
        "textFormat": text,
        "titleFormat": title,
        "useValueForTime": False,
    }
