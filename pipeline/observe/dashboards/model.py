"""Queries for the journey model: where its touchpoints are, and how its stages are against their targets."""

from __future__ import annotations

from typing import Final

from pipeline.metrics.catalogue import METRICS, Metric
from pipeline.observe.dashboards.promql import value

#: Metrics that a stage may have a target for and that are set against it here.
TARGETS: Final = (
    "nps", "csat", "csat_satisfied", "ces", "expectation_gap", "tone", "goal_reached", "emotion", "visits_lost",
    "stage_conversion", "last_step_lost", "first_response_p90", "resolution_p90", "first_contact_resolution",
    "contacts_reopened", "selfservice_resolved", "review_rating", "review_response", "promises_kept", "followups_in_time",
)  # fmt: skip

#: Stages with their order and part of the journey.
STAGES: Final = 'max by (order, stage, part) (cxloop_journey_stage_info{stage=~"$stage"})'
#: Touchpoints with their stage; `step` sorts them along the journey.
TOUCHPOINTS: Final = (
    "max by (step, stage, touchpoint, essential) (label_join(\n"
    '  max by (stage, touchpoint, order, essential) (cxloop_journey_touchpoint_info{stage=~"$stage", touchpoint=~"$touchpoint"})\n'
    "  * on (stage) group_left (place)\n"
    '  label_replace(max by (stage, order) (cxloop_journey_stage_info), "place", "$1", "order", "(.+)"),\n'
    '  "step", ".", "place", "order"))'
)
TARGET: Final = 'max by (stage, metric) (cxloop_journey_target{stage=~"$stage"})'


def actual() -> str:
    """What the stages have of the metrics that may have targets, by stage and metric."""
    return _by_metric([METRICS[name] for name in TARGETS])


def rests_on() -> str:
    """What these rest on; quantiles have no samples of their own."""
    return (
        'max by (stage, metric) (label_replace(max by (metric, value) (cxloop_metric_samples{window="$window", '
        'dimension="stage", value=~"$stage"}), "stage", "$1", "value", "(.+)"))'
    )


def margin() -> str:
    """By how much each stage is better than its target; below 0: worse."""
    more = _by_metric([METRICS[name] for name in TARGETS if METRICS[name].better >= 0])
    less = _by_metric([METRICS[name] for name in TARGETS if METRICS[name].better < 0])
    return f"({more} - on (stage, metric) {TARGET})\nor\n({TARGET} - on (stage, metric) {less})"


def _by_metric(metrics: list[Metric]) -> str:
    of_each = "\n  or ".join(
        f'label_replace({value(metric, "stage")}, "metric", "{metric.name}", "", "")' for metric in metrics
    )
    return f'max by (stage, metric) (label_replace(\n  {of_each},\n  "stage", "$1", "value", "(.+)"))'
