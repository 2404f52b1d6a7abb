"""What people choose at the top of a dashboard."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from pipeline.observe.dashboards.panel import DATASOURCE, Json

_OF_JOURNEY = 'cxloop_journey_touchpoint_info{stage=~"$stage"}'


def _values(dimension: str) -> str:
    return f'label_values(cxloop_metric_samples{{dimension="{dimension}"}}, value)'


#: Variable → (label, query), where several may be chosen.
_QUERIES: Final[Mapping[str, tuple[str, str]]] = {
    "stage": ("Stage", "label_values(cxloop_journey_stage_info, stage)"),
    "touchpoint": ("Touchpoint", _values("touchpoint")),
    "channel": ("Channel", _values("channel")),
    "segment": ("Segment", _values("segment")),
    "platform": ("Platform", _values("platform")),
    "team": ("Team", "label_values(cxloop_followups_open, team)"),
    "rule": ("Rule", "label_values(cxloop_episodes_open, rule)"),
    "topic": ("Topic", "label_values(cxloop_partition_up, topic)"),
}
#: The touchpoints of the stages that are chosen.
TOUCHPOINTS_OF_STAGES: Final = f"label_values({_OF_JOURNEY}, touchpoint)"
#: Teams that customers or employees named; others than those that have follow-ups.
TEAMS_NAMED: Final = _values("team")


def variables(names: tuple[str, ...], queries: Mapping[str, str]) -> list[Json]:
    """The data source, those named, and where the status page is. queries: others than the usual ones."""
    made = [_datasource()]
    for name in names:
        match name:
            case "window":
                made.append(_window())
            case "least":
                made.append(_least())
            case _:
                label, query = _QUERIES[name]
                made.append(_several(name, label, queries.get(name, query)))
    return [*made, _page()]


def _datasource() -> Json:
    return {
        "current": {}, "hide": 0, "includeAll": False, "label": "Data source", "multi": False, "name": "datasource",
        "options": [], "query": "prometheus", "refresh": 1, "regex": "", "skipUrlSync": False, "type": "datasource",
    }  # fmt: skip


def _query(name: str, label: str, query: str) -> Json:
    return {
        "datasource": DATASOURCE, "definition": query, "hide": 0, "label": label, "name": name, "options": [],
        "query": {"qryType": 1, "query": query, "refId": "PrometheusVariableQueryEditor-VariableQuery"},
        "refresh": 2, "regex": "", "skipUrlSync": False, "type": "query",
    }  # fmt: skip


def _window() -> Json:
    return _query("window", "Window", "label_values(cxloop_metric_samples, window)") | {
        "current": {"selected": True, "text": "7d", "value": "7d"}, "description": "How far back a score looks at each moment.",
        "includeAll": False, "multi": False, "sort": 0,
    }  # fmt: skip


def _several(name: str, label: str, query: str) -> Json:
    return _query(name, label, query) | {
        "allValue": ".+", "current": {"selected": True, "text": ["All"], "value": ["$__all"]},
        "includeAll": True, "multi": True, "sort": 1,
    }  # fmt: skip


def _least() -> Json:
    choices = ("1", "5", "10", "30", "100")
    return {
        "current": {"selected": True, "text": "5", "value": "5"}, "description": "Scores by touchpoint, channel and so on that rest on less are not ranked or drawn.",
        "hide": 0, "includeAll": False, "label": "Rests on at least", "multi": False, "name": "least",
        "options": [{"selected": one == "5", "text": one, "value": one} for one in choices],
        "query": ",".join(choices), "skipUrlSync": False, "type": "custom",
    }  # fmt: skip


def _page() -> Json:
    url = "http://127.0.0.1:6066"
    return {
        "current": {"selected": True, "text": url, "value": url}, "description": "Where the status page of a worker is, for links to alerts and follow-ups.",
        "hide": 0, "label": "Status page", "name": "cxloop", "options": [{"selected": True, "text": url, "value": url}],
        "query": url, "skipUrlSync": False, "type": "textbox",
    }  # fmt: skip
