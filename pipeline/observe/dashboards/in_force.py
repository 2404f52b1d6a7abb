"""Panels on which rules are in force, and what they wait for in vain; of more than one dashboard."""

from __future__ import annotations

from pipeline.observe.dashboards import links
from pipeline.observe.dashboards.advice import described
from pipeline.observe.dashboards.bars import ranking
from pipeline.observe.dashboards.colours import BAD, BLUE, GOOD
from pipeline.observe.dashboards.figures import figures
from pipeline.observe.dashboards.panel import Panel, Query, Scale
from pipeline.observe.dashboards.scales import COUNT, NONE_IS_GOOD
from pipeline.observe.dashboards.tables import Column, Named, table


def level(name: str) -> str:
    """Of the board, by rule."""
    return f'max by (rule) (cxloop_{name}{{rule=~"$rule"}})'


def versions() -> Panel:
    """Which rules are in force, and at how many workers."""
    return table(
        "Rules in force",
        described("The versions of the rules, and how many workers have each.", (), "Two versions for minutes: a worker has old rules; its log says why."),
        [Named("version", "Version")], [Column("Workers", "count by (version) (cxloop_rules_info)", COUNT)],
        empty="No worker is scraped", sort=("Workers", True), links=(links.alerts(),), width=12, height=5,
    )  # fmt: skip


def reloads() -> Panel:
    """Whether the rules in the files are those in force, and since when."""
    return figures(
        "Last reload",
        described(
            "Whether the rules that stand in the files are in force at every worker, and how long ago those in force were read.", (),
            "Refused: somebody's change is wrong; `cxloop check` and the log say where.",
        ),
        [
            Query("min(cxloop_rules_last_reload_successful)", "rules in the files"),
            Query("time() - max(cxloop_rules_last_reload_success_timestamp_seconds)", "read"),
        ],
        Scale("s", 0, ((None, BLUE),)), empty="No worker is scraped",
        words=((0, "refused", BAD), (1, "in force", GOOD)), worded=("rules in the files",), beside=("read",), links=(links.alerts(),), height=5,
    )  # fmt: skip


def silent() -> Panel:
    """Sources that have stopped."""
    return ranking(
        "Silent sources",
        described("Partitions to which events that rules wait for have stopped coming, by their own usual pace.", (), "Mend the source; what is held is judged when it has caught up."),
        Query("sort_desc(max by (event) (cxloop_sources_silent))", "{{event}}"),
        NONE_IS_GOOD, empty="No source is silent, or no worker has the board", links=(links.partitions(),), height=7,
    )  # fmt: skip


def held_back() -> Panel:
    """Answers that are due and not judged."""
    return ranking(
        "Answers due, and held",
        described("Answers that are due, but not missed yet: none come at all, so nobody knows.", (), "Above 0: see the silent sources."),
        Query(f"sort_desc({level('absences_held')})", "{{rule}}"),
        NONE_IS_GOOD, empty="No rule waits for answers, or no worker has the board", links=(links.alerts(),), height=7,
    )  # fmt: skip
