"""The dashboard "Journey": where along the way customers are glad, and where we lose them."""

from __future__ import annotations

from typing import Final

from pipeline.observe.dashboards import links, model
from pipeline.observe.dashboards.advice import described, things
from pipeline.observe.dashboards.bars import curve, ranking
from pipeline.observe.dashboards.colours import BAD, BLUE, GOOD
from pipeline.observe.dashboards.dashboard import Dashboard, Section
from pipeline.observe.dashboards.figures import figures
from pipeline.observe.dashboards.panel import Panel, Query, Scale
from pipeline.observe.dashboards.promql import at_stage, at_touchpoint, bound, samples, value
from pipeline.observe.dashboards.scales import COUNT, scale_of
from pipeline.observe.dashboards.scores import (
    FROM,
    TO,
    figure,
    named,
    over_time,
    rest,
    rows_over_time,
    worst_of,
)
from pipeline.observe.dashboards.tables import Column, Named, table
from pipeline.observe.dashboards.trends import trend
from pipeline.observe.dashboards.variables import TOUCHPOINTS_OF_STAGES

_NO_MODEL: Final = "No journey model is in use, or none of its stages is chosen"
_TOUCHPOINT: Final = Named("touchpoint", "Touchpoint", (links.to_dashboard("voice", "touchpoint"),))
_STAGE: Final = Named("stage", "Stage")


def _map() -> Panel:
    metrics = named("emotion", "nps", "csat", "visits", "visits_lost")
    emotion, nps, csat, visits, lost = metrics
    return table(
        "Map of the journey",
        described(
            "Every touchpoint of the journey model, along the way, with what customers felt and said there. Empty: "
            "nobody told us in this window. Answers are those to NPS; the bounds of each score are on the voice dashboard.",
            metrics, "Start where the colour says bad and visits are many. Where a row is empty, start asking.",
        ),
        [Named("step", "Step"), _STAGE, _TOUCHPOINT, Named("essential", "Essential", width=80)],
        [
            Column("In model", model.TOUCHPOINTS, COUNT),
            Column("Emotion", at_touchpoint(value(emotion, "touchpoint")), scale_of(emotion), judged=True),
            Column("NPS", at_touchpoint(value(nps, "touchpoint")), scale_of(nps), judged=True),
            Column("Answers", at_touchpoint(samples(nps, "touchpoint")), COUNT),
            Column("CSAT", at_touchpoint(value(csat, "touchpoint")), scale_of(csat), judged=True),
            Column("Visits", at_touchpoint(value(visits, "touchpoint")), scale_of(visits)),
            Column("Lost", at_touchpoint(value(lost, "touchpoint")), scale_of(lost), judged=True),
        ],
        hidden=("In model", "Step"), empty=_NO_MODEL, sort=("Step", False), needs="Step", links=(links.follow_ups(),), height=16,
    )  # fmt: skip


def _emotion_curve() -> Panel:
    (emotion,) = named("emotion")
    return curve(
        "Emotion along the journey",
        described("The emotion of visits at each touchpoint, in the order of the journey; point at a bar for its bounds and visits.", (emotion,)),
        ("touchpoint", "Touchpoint"),
        ("step", Query(model.TOUCHPOINTS)),
        [
            Query(at_touchpoint(value(emotion, "touchpoint")), "Emotion"),
            Query(at_touchpoint(bound("lower", emotion, "touchpoint")), FROM), Query(at_touchpoint(bound("upper", emotion, "touchpoint")), TO),
            Query(at_touchpoint(samples(emotion, "touchpoint")), "visits"),
        ],
        scale_of(emotion), empty="No visits that say an emotion in this window, or no journey model", told=(FROM, TO, "visits"), counts=("visits",),
        links=(links.follow_ups(),),
    )  # fmt: skip


def _moments_of_truth() -> Panel:
    metrics = named("emotion", "nps", "expectation_gap")
    essential = '{essential="yes", stage=~"$stage"}'
    columns = []
    for metric in metrics:
        there = f"({at_touchpoint(value(metric, 'touchpoint'))}) <= 0\nand on (touchpoint) cxloop_journey_touchpoint_info{essential}"
        columns.append(Column(metric.title, there, scale_of(metric), judged=True))
        columns.append(
            Column(
                f"{metric.title}, to",
                f"({at_touchpoint(bound('upper', metric, 'touchpoint'))})\nand on (touchpoint) ({there})",
                scale_of(metric),
            )
        )
        columns.append(
            Column(
                f"{metric.title}, {things(metric)}",
                f"({at_touchpoint(samples(metric, 'touchpoint'))})\nand on (touchpoint) ({there})",
                COUNT,
            )
        )
    return table(
        "Moments of truth that are not positive",
        described(
            "Touchpoints that the journey model calls essential where emotion, NPS or the expectation gap is 0 or less. "
            "`to` is the upper end of where the value lies: where that is below 0 too, it is no chance.",
            metrics, "These come first: see the rule for moments of truth, and call the customers it fired for.",
        ),
        [_TOUCHPOINT], columns,
        empty="No essential touchpoint is at 0 or below in this window, or the model calls none essential",
        sort=("Touchpoint", False), links=(links.alerts(), links.follow_ups()), height=7,
    )  # fmt: skip


def _conversion() -> Panel:
    (metric,) = named("stage_conversion")
    return table(
        "Drop-off from stage to stage",
        described("How many of the customers who come to a stage come to the next, in the order of the journey.", (metric,)),
        [Named("order", "Order"), _STAGE],
        [
            Column("In model", model.STAGES, COUNT),
            Column(metric.title, at_stage(value(metric, "stage")), scale_of(metric), bar=True),
            Column("Customers", at_stage(samples(metric, "stage")), COUNT),
        ],
        hidden=("In model", "Order", "part"), empty=_NO_MODEL, sort=("Order", False), needs="Order", links=(links.follow_ups(),), width=12, height=8,
    )  # fmt: skip


def _targets() -> Panel:
    number = Scale("none", 2)
    return table(
        "Targets by stage",
        described(
            "What the journey model asks of each stage, what it has, and by how much it is better: below 0, the target "
            "is missed, whether more or less is better. Each in the unit of its metric; shares go from 0 to 1. A target "
            "without a value has no answers in this window, or is for a metric that is not set against targets here.",
            (), "Begin with the stage that misses most, and look at its touchpoints on the map.",
        ),
        [_STAGE, Named("metric", "Metric")],
        [
            Column("Target", model.TARGET, number),
            Column("Now", model.actual(), number),
            Column("Rests on", model.rests_on(), COUNT),
            Column("Better by", model.margin(), Scale("none", 2, ((None, BAD), (0, GOOD))), judged=True),
        ],
        empty="The journey model has no targets", sort=("Better by", False), needs="Target", links=(links.follow_ups(),), width=12,
    )  # fmt: skip


def _coverage() -> Panel:
    return figures(
        "Coverage",
        described(
            "The share of the model's touchpoints with feedback in this window, and touchpoints in events that no stage has.",
            (), "Below 1: ask at the empty touchpoints of the map. Above 0 unknown: add them to the journey file.",
        ),
        [
            Query('max(cxloop_journey_covered_ratio{window="$window"})', "touchpoints with feedback"),
            Query("max(cxloop_journey_unknown_touchpoints)", "touchpoints that no stage has"),
        ],
        Scale("percentunit", 0, ((None, BAD), (0.5, BLUE))),
        empty="No journey model is in use", counts=("touchpoints that no stage has",), links=(links.follow_ups(),),
    )  # fmt: skip


def _silence() -> Panel:
    return ranking(
        "Time since the newest feedback",
        described("How long ago each touchpoint last had feedback, longest first.", (), "Far longer than usual: nobody asks there any more, or a source stopped."),
        Query('sort_desc(time() - max by (touchpoint) (cxloop_feedback_timestamp_seconds{touchpoint=~"$touchpoint"}))', "{{touchpoint}}"),
        Scale("s", 1, ((None, BLUE),)), empty="No touchpoint has had feedback yet", links=(links.alerts(),), height=9,
    )  # fmt: skip


def _coverage_over_time() -> Panel:
    return trend(
        "Coverage over time",
        described("The share of the model's touchpoints with feedback, in the window that ends at each moment.", (), "A fall: somewhere we stopped asking, or a source stopped."),
        [Query('max(cxloop_journey_covered_ratio{window="$window"})', "touchpoints with feedback"), Query("max(cxloop_journey_unknown_touchpoints)", "unknown touchpoints")],
        Scale("percentunit", 0), empty="No journey model is in use", counts="unknown touchpoints", from_zero=True, links=(links.follow_ups(),), height=9,
    )  # fmt: skip


def journey() -> Dashboard:
    """Map, curve, drop-off, targets and coverage, and the rest of what customers do."""
    return Dashboard(
        "journey", "Journey",
        "For whoever owns the journey: where along the way customers are glad, and where we lose them.",
        ("window", "stage", "touchpoint", "least"),
        [
            Section("At a glance", [figure("emotion"), figure("visits_lost"), figure("last_step_lost"), _coverage()]),
            Section("The journey", [_map(), _emotion_curve(), over_time("emotion"), rows_over_time("emotion", "stage", width=12)]),
            Section("Where it goes wrong", [_moments_of_truth(), worst_of("emotion", "touchpoint"), worst_of("nps", "touchpoint"),
                                            worst_of("visits_lost", "touchpoint"), worst_of("csat", "touchpoint")]),
            Section("Drop-off", [_conversion(), over_time("last_step_lost"), over_time("visits_lost"), rows_over_time("stage_conversion", "stage", width=12),
                                 rows_over_time("visits_lost", "touchpoint", height=10)]),
            Section("Targets and coverage", [_targets(), _coverage_over_time(), _silence()]),
            Section("What customers do", list(rest("behaviour", ("visits_lost", "last_step_lost", "stage_conversion")))),
        ],
        queries={"touchpoint": TOUCHPOINTS_OF_STAGES},
    )  # fmt: skip
