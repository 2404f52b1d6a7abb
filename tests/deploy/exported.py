"""What a worker exports: names and labels of its samples, from the code that exports them."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache

from prometheus_client import CollectorRegistry, ProcessCollector

from pipeline.observe import Feed, Gauges
from pipeline.observe.gauges import Known
from pipeline.observe.timings import Timings
from tests.browser.fakes import NOON, FakeBoard, FakeHealth, Value, partition

#: What Prometheus itself says of each that it asks.
BY_PROMETHEUS = {"up": {"job", "instance"}, "ALERTS": {"alertname", "alertstate"}}


class FullBoard(FakeBoard):
    """A board with a level of each kind, so that each has a series."""

    def levels(self) -> Mapping[tuple[str, str], int]:
        return {
            **super().levels(),
            ("sources_silent", "contact.replied"): 1,
            ("absences_held", "some-rule"): 1,
        }


@cache
def exported(*, with_board: bool = True) -> dict[str, set[str]]:
    """Sample → its labels, those included that Prometheus adds. with_board: the worker keeps the board."""
    registry = CollectorRegistry()
    known = Known(
        rules=("some-rule",), teams=("care",), types=("cx.survey.answered",), reasons=("json.invalid",)
    )
    board = FullBoard(extra=[Value("ces", "24h", "total", "", NOON, 5.0, 50, (4.0, 6.0))])
    health = FakeHealth([partition(), partition("metrics")])
    gauges = Gauges(lambda: board if with_board else None, health, feed=Feed(), known=lambda: known)
    ProcessCollector(registry=registry)
    Timings(registry)
    found = {name: {*labels} for name, labels in BY_PROMETHEUS.items()}
    for family in (*gauges.look().collect(), *registry.collect()):
        for sample in family.samples:
            found.setdefault(sample.name, {"job", "instance"}).update(sample.labels)
    return found
