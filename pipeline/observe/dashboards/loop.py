"""The dashboard "Closing the loop": whether somebody acts, how soon, and whether it helps."""

from __future__ import annotations

from typing import Final

from pipeline.observe.dashboards import links
from pipeline.observe.dashboards.advice import described
from pipeline.observe.dashboards.colours import BAD, GOOD, MIDDLING
from pipeline.observe.dashboards.dashboard import Dashboard, Section
from pipeline.observe.dashboards.figures import figures
from pipeline.observe.dashboards.panel import Panel, Query, Scale
from pipeline.observe.dashboards.scales import COUNT, NONE_IS_GOOD
from pipeline.observe.dashboards.scores import (
    by,
    figure,
    over_time,
    rest,
    rows_over_time,
    time_figure,
    time_over_time,
    together,
)
from pipeline.observe.dashboards.tables import Column, Named, table
from pipeline.observe.dashboards.trends import trend

_SHARE: Final = Scale("percentunit", 0, ((None, BAD), (0.5, MIDDLING), (0.75, GOOD)))
_TIMES: Final = ("followup_contact", "followup_closing")


def _of_teams(name: str) -> str:
    return f'max by (team) (cxloop_followups_{name}{{team=~"$team"}})'


def _of_rules(name: str) -> str:
    return f'max by (rule) (cxloop_rule_{name}{{rule=~"$rule"}})'


def _share_of(part: str) -> str:
    return f"{_of_rules(part)} / ({_of_rules('followups_closed')} > 0)"


def _waiting() -> Panel:
    return figures(
        "Follow-ups now",
        described("Follow-ups of all chosen teams that are overdue, and that are open.", (), "Overdue ones first: each is a customer who was to hear from us, and did not."),
        [Query(f"sum({_of_teams('overdue')})", "overdue"), Query(f"sum({_of_teams('open')})", "open")],
        NONE_IS_GOOD, empty="No team has follow-ups, or no worker has the board", counts=("open",), links=(links.follow_ups(),),
    )  # fmt: skip


def _teams() -> Panel:
    return table(
        "Teams, overdue first",
        described("What each team has to do now.", (), "Help the team at the top, or move the deadline that nobody can keep."),
        [Named("team", "Team", (links.follow_ups(),))],
        [Column("Overdue", _of_teams("overdue"), NONE_IS_GOOD, judged=True), Column("Open", _of_teams("open"), COUNT)],
        empty="No rule opens follow-ups, or no worker has the board", sort=("Overdue", True), links=(links.follow_ups(),), width=12,
    )  # fmt: skip


def _waiting_over_time() -> Panel:
    return trend(
        "Follow-ups over time",
        described("How many follow-ups are open and overdue.", (), "Where open ones rise day after day, rules ask for more than teams can do."),
        [Query(f"sum({_of_teams('overdue')})", "overdue"), Query(f"sum({_of_teams('open')})", "open")],
        COUNT, empty="No team has follow-ups, or no worker has the board", colours={"overdue": BAD, "open": GOOD}, links=(links.follow_ups(),), height=9,
    )  # fmt: skip


def _score_cards() -> Panel:
    return table(
        "Score card of each rule",
        described(
            "Since its first event: what a rule's alerts came to. In time, useful and recovered are shares of the follow-ups that are closed.", (),
            "Few useful: the rule is wrong, or too wide. Useful, but few recovered: what is done about it does not help.",
        ),
        [Named("rule", "Rule", (links.to_dashboard("rules", "rule", windowed=False),))],
        [
            Column("Useful", _share_of("followups_useful"), _SHARE, judged=True),
            Column("In time", _share_of("followups_closed_in_time"), _SHARE, judged=True),
            Column("Recovered", _share_of("followups_recovered"), _SHARE, judged=True),
            Column("Closed", _of_rules("followups_closed"), COUNT),
            Column("Follow-ups", _of_rules("followups"), COUNT),
            Column("Alerts", _of_rules("alerts"), COUNT),
        ],
        empty="No rule has fired yet, or no worker has the board", sort=("Follow-ups", True), links=(links.alerts(), links.follow_ups()), height=10,
    )  # fmt: skip


def loop() -> Dashboard:
    """Who waits for us, how soon somebody acts, and what came of it, by team and by rule."""
    to_rules = links.to_dashboard("rules", "rule", windowed=False)
    return Dashboard(
        "loop", "Closing the loop",
        "For leads of service teams: who waits for us, how soon somebody acts, and whether it helps.",
        ("window", "team", "rule", "least"),
        [
            Section("Now", [_waiting(), figure("followups_in_time"), time_figure("followup_contact"), time_figure("followup_closing")]),
            Section("Who waits", [_teams(), _waiting_over_time()]),
            Section("Whether it helps", [
                together("Recovered, with us and alone", "Unhappy customers who are content again: those who were followed up, and those who were not.",
                         ("recovered", "recovered_alone"), "Only what the first is above the second is our doing. No difference: change what is done, not how fast."),
                over_time("followups_in_time"), _score_cards(),
                by("rule", "recovered", link=to_rules),
                by("team", "recovered"),
            ]),
            Section("How soon", [*map(time_over_time, _TIMES),
                                 rows_over_time("followups_in_time", "team")]),
            Section("How soon, by team", [by("team", "followup_contact_mean", "followup_contact_p90"), by("team", "followup_closing_mean", "followup_closing_p90"),
                                          by("team", "followups_in_time")]),
            Section("How soon, by rule", [by("rule", "followup_contact_mean", "followup_contact_p90", link=to_rules), by("rule", "followup_closing_mean", "followup_closing_p90", link=to_rules),
                                          by("rule", "followups_in_time", link=to_rules)]),
            Section("More", list(rest("loop", (*_TIMES, "followups_in_time", "recovered", "recovered_alone")))),
        ],
    )  # fmt: skip
