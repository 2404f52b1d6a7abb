"""The dashboard "Reviews and reputation": what is said of us in public, and whether we answer."""

from __future__ import annotations

from pipeline.observe.dashboards import links
from pipeline.observe.dashboards.advice import described
from pipeline.observe.dashboards.bars import ranking
from pipeline.observe.dashboards.dashboard import Dashboard, Section
from pipeline.observe.dashboards.panel import Panel, Query
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


def _waiting() -> Panel:
    return ranking(
        "Negative reviews that wait for an answer",
        described("Reviews of 2 and less without a response now, by platform.", (), "Answer them, the oldest first: the follow-ups have them."),
        Query('sort_desc(max by (platform) (cxloop_reviews_waiting{platform=~"$platform"}))', "{{platform}}"),
        NONE_IS_GOOD, empty="No platform has had a negative review yet, or no worker has the board", links=(links.follow_ups(), links.alerts()),
    )  # fmt: skip


def reviews() -> Dashboard:
    """Ratings, responses and how long they take, mentions, and how many people hear of it."""
    placed = ("review_rating", "review_negative", "review_response", "review_answer", "reviews", "people_told", "mention_sentiment", "mentions", "mentions_reach")  # fmt: skip
    to_journey = links.to_dashboard("journey", "touchpoint")
    return Dashboard(
        "reviews", "Reviews and reputation",
        "For whoever answers reviews: what is said of us in public, where, and whether we answer in time.",
        ("window", "platform", "touchpoint", "least"),
        [
            Section("Now", [figure("review_rating"), figure("review_negative"), figure("review_response"), time_figure("review_answer")]),
            Section("To be answered", [_waiting(), time_over_time("review_answer")]),
            Section("By platform", [by("platform", "review_rating"), by("platform", "review_response"), by("platform", "review_negative"),
                                    by("platform", "review_answer_mean", "review_answer_p90"), rows_over_time("review_rating", "platform")]),
            Section("Over time", [
                over_time("review_rating"),
                together("Negative and answered", "Negative reviews, and reviews that have a response.", ("review_negative", "review_response"),
                         "Answered should rise where negative does: others read the answers."),
                over_time("reviews"), over_time("people_told"),
            ]),
            Section("By touchpoint", [by("touchpoint", "review_rating", link=to_journey), by("touchpoint", "review_negative", link=to_journey)]),
            Section("Mentions", [figure("mention_sentiment"), over_time("mention_sentiment"), over_time("mentions"), over_time("mentions_reach"),
                                 ranked("mentions", "platform"), by("platform", "mention_sentiment")]),
            Section("More", list(rest("reviews", placed))),
        ],
    )  # fmt: skip
