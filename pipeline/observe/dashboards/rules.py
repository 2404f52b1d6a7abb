"""The dashboard "Rules": what each rule does, and which rules are in force."""

from __future__ import annotations

from typing import Final

from pipeline.observe.dashboards import links
from pipeline.observe.dashboards.advice import described
from pipeline.observe.dashboards.bars import ranking
from pipeline.observe.dashboards.colours import BLUE
from pipeline.observe.dashboards.dashboard import Dashboard, Section
from pipeline.observe.dashboards.in_force import held_back, level, reloads, silent, versions
from pipeline.observe.dashboards.panel import Panel, Query, Scale
from pipeline.observe.dashboards.scales import COUNT
from pipeline.observe.dashboards.tables import Column, Named, table
from pipeline.observe.dashboards.timelines import timeline
from pipeline.observe.dashboards.trends import trend

_PLAIN: Final = Scale("short", 0, ((None, BLUE),))


def counted(name: str, span: str = "$__range", by: str = "rule") -> str:
    """How often it happened, by rule. Counters begin anew where a partition comes to a worker; `increase` knows."""
    return f'sum by ({by}) (increase(cxloop_{name}_total{{rule=~"$rule"}}[{span}]))'


def _all(name: str) -> str:
    return f'sum(increase(cxloop_{name}_total{{rule=~"$rule"}}[$__rate_interval]))'


def _rank(title: str, says: str, do: str, expr: str, empty: str) -> Panel:
    return ranking(
        title, described(says, (), do), Query(f"sort_desc({expr})", "{{rule}}"), _PLAIN, empty=empty, links=(links.alerts(), links.follow_ups()), height=9,
    )  # fmt: skip


def rules() -> Dashboard:
    """Alerts, episodes, absences, sources, and versions."""
    none = "No rule is in force, or no worker is scraped"
    return Dashboard(
        "rules", "Rules",
        "For those who write rules: what each of them does, what it holds back, and which are in force.",
        ("rule",),
        [
            Section("In force", [reloads(), versions()]),
            Section("What rules do", [
                table(
                    "Each rule",
                    described("In the span that is shown: how often a rule fired, was held by its cooldown, and opened follow-ups; and what stands now.", (),
                              "A jump after a change of rules: the rule. Far more held than fired: its cooldown hides how often it holds."),
                    [Named("rule", "Rule", (links.to_dashboard("loop", "rule", windowed=False),))],
                    [Column("Fired", counted("alerts_fired"), COUNT), Column("Held", counted("alerts_held"), COUNT),
                     Column("Follow-ups", counted("followups_opened"), COUNT), Column("Open now", level("episodes_open"), COUNT),
                     Column("Answers held", level("absences_held"), COUNT)],
                    empty=none, sort=("Fired", True), links=(links.alerts(),), height=12,
                ),
                trend("Alerts over time", described("Alerts fired and held, and follow-ups opened, in the minutes before each point.", (), "A peak: look which rule, below."),
                      [Query(_all("alerts_fired"), "fired"), Query(_all("alerts_held"), "held"), Query(_all("followups_opened"), "follow-ups opened")],
                      Scale("short", 1), empty=none, links=(links.alerts(),)),
                trend("Alerts that stand", described("Episodes that are open, of all chosen rules.", (), "Where it only rises, nobody closes what rules find."),
                      [Query(f"sum({level('episodes_open')})", "open")], COUNT, empty="No worker has the board", links=(links.alerts(),)),
                timeline("When each rule fired", described("Alerts of each rule in the minutes before each point.", (), "Rules that fire together may have one cause: set one to mute the other."),
                         [Query(f"{counted('alerts_fired', '$__rate_interval')} > 0", "{{rule}}")], Scale("short", 1, ((None, BLUE),)),
                         empty="No alert in the span that is shown", links=(links.alerts(),), height=10),
            ]),
            Section("Rule by rule", [
                _rank("Alerts fired", "Alerts in the span that is shown.", "The longest bar keeps people busiest: is it worth it? See its score card.", counted("alerts_fired"), none),
                _rank("Alerts held", "Matches held because their rule had fired a short while before.", "Many: the cooldown is long, or the rule wide.", counted("alerts_held"), none),
                _rank("Alerts that stand, by rule", "Fired, and neither resolved nor retracted.", "Old ones: close their follow-ups.", level("episodes_open"), "No worker has the board"),
                _rank("Follow-ups opened", "Follow-ups that rules asked for in the span that is shown.", "More than teams can do: narrow the rule.", counted("followups_opened"), none),
            ]),
            Section("What is held, and why", [silent(), held_back()]),
        ],
        span="now-24h",
    )  # fmt: skip
