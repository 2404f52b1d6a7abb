"""The dashboard "Voice of the customer": what customers say, and how sure we are of it."""

from __future__ import annotations

from pipeline.observe.dashboards import links
from pipeline.observe.dashboards.advice import described
from pipeline.observe.dashboards.dashboard import Dashboard, Section
from pipeline.observe.dashboards.panel import Panel, Scale
from pipeline.observe.dashboards.scores import (
    by,
    figure,
    over_time,
    rest,
    rows_over_time,
    shares_over_time,
)
from pipeline.observe.dashboards.tables import Column, Named, table
from pipeline.observe.dashboards.variables import TEAMS_NAMED

#: What customers say, in the order in which it is read.
_SCORES = ("nps", "csat", "ces", "expectation_gap", "tone", "goal_reached")
_SHARES = ("nps_promoters", "nps_passives", "nps_detractors")
_EMPLOYEES = ("enps_promoters", "enps_passives", "enps_detractors")


def _spread() -> Panel:
    return table(
        "How far channels are apart",
        described(
            "The greatest less the smallest value across channels, each in the unit of its metric.", (),
            "A large one means that it matters how customers reach us: bring the worst channel up to the best.",
        ),
        [Named("metric", "Metric")],
        [Column("Apart by", 'max by (metric) (cxloop_channel_spread{window="$window"})', Scale("none", 2))],
        empty="Fewer than two channels have answers in this window", sort=("Metric", False), links=(links.follow_ups(),), width=12, height=8,
    )  # fmt: skip


def voice() -> Dashboard:
    """Scores from surveys, by everything by which they can be told apart, and those of employees beside them."""
    to_journey = links.to_dashboard("journey", "touchpoint")
    return Dashboard(
        "voice", "Voice of the customer",
        "For everybody: what customers say in surveys, where, and how sure we are of it.",
        ("window", "stage", "touchpoint", "channel", "segment", "team", "least"),
        [
            Section("Now", [figure(name) for name in _SCORES]),
            Section("Over time", [over_time("nps"), shares_over_time("Promoters, passives and detractors", _SHARES),
                                  over_time("csat"), over_time("csat_satisfied"), over_time("ces"), over_time("expectation_gap"),
                                  over_time("tone"), over_time("goal_reached")]),
            Section("By touchpoint", [*(by("touchpoint", name, link=to_journey) for name in ("nps", "csat", "ces", "goal_reached", "expectation_gap", "tone")),
                                      rows_over_time("nps", "touchpoint", height=10)]),
            Section("By stage", [*(by("stage", name) for name in ("nps", "csat", "ces", "expectation_gap")), rows_over_time("nps", "stage")]),
            Section("By channel", [*(by("channel", name) for name in ("nps", "csat", "ces")), _spread(), rows_over_time("csat", "channel")]),
            Section("By segment", [*(by("segment", name) for name in ("nps", "csat", "ces", "expectation_gap")), rows_over_time("nps", "segment")]),
            Section("Employees beside customers", [
                by("team", "enps", says="What employees of each team say; set it beside what their customers say."),
                by("team", "csat", says="What the customers whom each team served say; set it beside what employees say."),
                over_time("enps"), shares_over_time("Answers of employees", _EMPLOYEES), figure("enps"), by("team", "tone"),
            ]),
            Section("More that customers say", list(rest("loyalty", (*_SCORES, *_SHARES, *_EMPLOYEES, "enps", "csat_satisfied", "emotion")))),
        ],
        queries={"team": TEAMS_NAMED},
    )  # fmt: skip
