"""Dashboards for Grafana, made from the catalogue of metrics."""

from collections.abc import Mapping

from pipeline.observe.dashboards.dashboard import Dashboard
from pipeline.observe.dashboards.health import health
from pipeline.observe.dashboards.journey import journey
from pipeline.observe.dashboards.loop import loop
from pipeline.observe.dashboards.reading import expressions, substituted, variables_of
from pipeline.observe.dashboards.reviews import reviews
from pipeline.observe.dashboards.rules import rules
from pipeline.observe.dashboards.service import service
from pipeline.observe.dashboards.voice import voice


def dashboards() -> tuple[Dashboard, ...]:
    """All of them, in the order in which people read them."""
    return (journey(), voice(), reviews(), service(), loop(), rules(), health())


def files() -> Mapping[str, str]:
    """Name of each file → its text."""
    return {f"{dashboard.uid}.json": dashboard.text() for dashboard in dashboards()}


__all__ = ["Dashboard", "dashboards", "expressions", "files", "substituted", "variables_of"]
