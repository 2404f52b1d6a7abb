"""The dashboard "Service": how long customers wait, whether it is solved, and whether promises are kept."""

from __future__ import annotations

from pipeline.observe.dashboards import links
from pipeline.observe.dashboards.advice import described
from pipeline.observe.dashboards.bars import ranking
from pipeline.observe.dashboards.colours import BLUE
from pipeline.observe.dashboards.dashboard import Dashboard, Section
from pipeline.observe.dashboards.figures import figures
from pipeline.observe.dashboards.panel import Panel, Query, Scale
from pipeline.observe.dashboards.scales import NONE_IS_GOOD
from pipeline.observe.dashboards.scores import (
    by,
    figure,
    over_time,
    ranked,
    rest,
    rows_over_time,
    time_figure,
    time_over_time,
    together,
)
from pipeline.observe.dashboards.variables import TEAMS_NAMED

_TIMES = ("first_response", "response", "resolution")


def _open() -> Panel:
    return ranking(
        "Contacts open now",
        described("Contacts without a resolution, by channel.", (), "Move people to the longest bar."),
        Query('sort_desc(max by (channel) (cxloop_contacts_open{channel=~"$channel"}))', "{{channel}}"),
        Scale("short", 0, ((None, BLUE),)), empty="No channel has had a contact yet, or no worker has the board", links=(links.follow_ups(),),
    )  # fmt: skip


def _overdue() -> Panel:
    return figures(
        "Promises overdue now",
        described("Promises whose time has passed, and that are neither kept nor broken.", (), "Call these customers before they call."),
        [Query("max(cxloop_promises_overdue)")], NONE_IS_GOOD, empty="No promise has been made yet, or no worker has the board", links=(links.follow_ups(), links.alerts()),
    )  # fmt: skip


def service() -> Dashboard:
    """Contacts, waiting times, resolution, self-service and promises."""
    shares = ("first_contact_resolution", "contacts_reopened", "human_answered", "selfservice_resolved")
    promises = ("promises_kept", "promises_broken", "promises_in_time")
    to_journey = links.to_dashboard("journey", "touchpoint")
    return Dashboard(
        "service", "Service",
        "For service teams: how long customers wait, whether their case is solved at once, and whether promises are kept.",
        ("window", "channel", "touchpoint", "team", "segment", "least"),
        [
            Section("Now", [time_figure("first_response"), time_figure("resolution"), *map(figure, shares)]),
            Section("Contacts", [_open(), ranked("contacts", "channel"), over_time("contacts"),
                                 ranked("contacts", "touchpoint")]),
            Section("How long customers wait", [*map(time_over_time, _TIMES), time_figure("response"),
                                                rows_over_time("first_response_p90", "channel")]),
            Section("By channel", [by("channel", "first_response_mean", "first_response_p90"), by("channel", "resolution_mean", "resolution_p90"),
                                   by("channel", "first_contact_resolution"), by("channel", "selfservice_resolved")]),
            Section("By team", [by("team", "first_response_mean", "first_response_p90"), by("team", "resolution_mean", "resolution_p90"),
                                by("team", "first_contact_resolution"), by("team", "contacts_reopened")]),
            Section("By touchpoint and segment", [by("touchpoint", "first_contact_resolution", link=to_journey), by("touchpoint", "contacts_reopened", link=to_journey),
                                                  by("segment", "first_response_mean", "first_response_p90"), by("segment", "first_contact_resolution")]),
            Section("Solved", [over_time("first_contact_resolution"), over_time("contacts_reopened"), over_time("human_answered"),
                               over_time("selfservice_resolved"), rows_over_time("selfservice_resolved", "touchpoint")]),
            Section("Promises", [_overdue(), figure("promises_in_time"),
                                 together("Promises kept", "Promises kept at all, and by the time that they named.", ("promises_kept", "promises_in_time"),
                                          "Where the two are apart, promise later times; where both fall, promise less."),
                                 over_time("promises_broken"), by("team", "promises_kept"), by("team", "promises_in_time")]),
            Section("More", [*rest("service", (*_TIMES, *shares, "contacts")), *rest("promises", promises)]),
        ],
        queries={"team": TEAMS_NAMED},
    )  # fmt: skip
