"""What is measured: every metric with its formula, unit and source.

One entry makes a gauge, a name in rules, a line of a replay, a row of the reference, and a panel of the dashboards.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from pipeline.metrics import counts as c
from pipeline.metrics.measures import (
    Counts,
    Described,
    Metric,
    mean,
    number,
    ratio,
    score,
    share,
    share_spread,
    times,
    total,
)

#: The dimension that any event can have as an attribute.
TEAM: Final = "team"
#: Fields of an event by which metrics can be told apart. The last two are not of every event: `platform` is where a
#: review or a mention stands, `team` who an employee works with, or the attribute of that name.
DIMENSIONS: Final = (
    "touchpoint",
    "channel",
    "stage",
    "segment",
    "brand",
    "persona",
    "location",
    "product",
    "language",
    "platform",
    TEAM,
)
#: What metrics are told apart by where the settings say nothing else. Those of the loop itself are told apart by rule, too.
DEFAULT_GROUPINGS: tuple[tuple[str], ...] = (
    ("touchpoint",), ("channel",), ("stage",), ("segment",), ("platform",), ("team",),
)  # fmt: skip
#: The dimension of the rule that a follow-up was opened by. Events have none.
RULE: Final = "rule"

_surveys = Described("loyalty", ("survey.answered",))
_visits = Described("behaviour", ("touchpoint.visited",))
_contacts = Described(
    "service", ("contact.opened", "contact.replied", "contact.resolved", "contact.reopened")
)
_reviews = Described("reviews", ("review.posted", "review.responded"))
_mentions = Described("reviews", ("mention.posted",))
_purchases = Described("behaviour", ("purchase.completed", "touchpoint.visited"))
_customers = Described("behaviour", ("customer.joined", "customer.renewed", "customer.churned"))
_promises = Described("promises", ("promise.made", "promise.kept", "promise.broken"))
_follow_ups = Described("loop", ("followup.contacted", "followup.closed"))


def _less(of: Described) -> Described:
    """The same, where less is better."""
    return Described(of.group, of.sources, -1)


def _neither(of: Described) -> Described:
    """The same, where nobody can say what is better."""
    return Described(of.group, of.sources, 0)


_METRICS: tuple[Metric, ...] = (
    *score(
        "nps", "NPS",
        "Net Promoter Score (Reichheld 2003), from -100 to 100 points: share of 9 and 10 less share of 0 to 6.",
        (c.PROMOTERS, c.PASSIVES, c.DETRACTORS), _surveys,
    ),
    mean(
        "csat", "CSAT", "Mean customer satisfaction, from 1 to 5.",
        (c.CSAT_COUNT, c.CSAT_SUM, c.CSAT_SQUARES), (1, 5), _surveys,
    ),
    share(
        "csat_satisfied", "Satisfied", "Share of customer satisfaction answers of 4 and 5.",
        c.CSAT_SATISFIED, (c.CSAT_COUNT,), _surveys,
    ),
    mean(
        "ces", "CES", "Mean customer effort score, from 1 to 7; 7 is easiest.",
        (c.CES_COUNT, c.CES_SUM, c.CES_SQUARES), (1, 7), _surveys,
    ),
    mean(
        "expectation_gap", "Expectation gap", "Mean of what was experienced less what was expected, from -4 to 4.",
        (c.GAP_COUNT, c.GAP_SUM, c.GAP_SQUARES), (-4, 4), _surveys,
    ),
    mean(
        "tone", "Tone", "Mean score of the tone of voice, from 1 to 5; a tone in words is not counted.",
        (c.TONE_COUNT, c.TONE_SUM, c.TONE_SQUARES), (1, 5), _surveys,
    ),
    share(
        "goal_reached", "Goal reached", "Share of those who say that they did what they had come for.",
        c.GOALS_REACHED, (c.GOALS,), _surveys,
    ),
    mean(
        "emotion", "Emotion", "Mean emotion of visits, from -2 to 2: along the touchpoints, the curve of the journey.",
        (c.EMOTION_COUNT, c.EMOTION_SUM, c.EMOTION_SQUARES), (-2, 2), Described("loyalty", ("touchpoint.visited",)),
        scale=0.01,
    ),
    *score(
        "enps", "eNPS", "Net Promoter Score of employees, from -100 to 100 points.",
        (c.EMPLOYEE_PROMOTERS, c.EMPLOYEE_PASSIVES, c.EMPLOYEE_DETRACTORS), Described("loyalty", ("employee.answered",)),
    ),
    number("contacts", "Contacts", "Contacts opened.", c.CONTACTS, _less(_contacts)),
    *times(
        c.FIRST_RESPONSE, "First response", "from a contact to the first reply of an agent", _contacts,
    ),
    *times(
        c.RESPONSE, "Response", "that a customer waits for a reply of an agent, over all turns of a contact", _contacts,
    ),
    *times(
        c.RESOLUTION, "Resolution", "from a contact to the resolution that held", _contacts,
    ),
    share(
        "first_contact_resolution", "Resolved at once",
        "Share of resolved contacts with one reply of an agent at most, and not reopened.",
        c.CONTACTS_AT_ONCE, (c.CONTACTS_RESOLVED,), _contacts,
    ),
    share(
        "contacts_reopened", "Reopened", "Share of resolved contacts that were opened again.",
        c.CONTACTS_REOPENED, (c.CONTACTS_RESOLVED,), _less(_contacts),
    ),
    share(
        "human_answered", "Answered by a human", "Share of replies by a human among those that say who or what answered.",
        c.REPLIES_HUMAN, (c.REPLIES_TOLD,), Described("service", ("contact.replied",)),
    ),
    share(
        "selfservice_resolved", "Helped themselves", "Share of self-service that was enough.",
        c.HELPED_THEMSELVES, (c.HELPED_THEMSELVES, c.HELPED_IN_VAIN),
        Described("service", ("selfservice.resolved", "selfservice.failed")),
    ),
    mean(
        "review_rating", "Review rating", "Mean rating of reviews, from 1 to 5.",
        (c.REVIEW_COUNT, c.REVIEW_RATING, c.REVIEW_SQUARES), (1, 5), _reviews, scale=0.01,
    ),
    number("reviews", "Reviews", "Reviews posted, each once.", c.REVIEW_COUNT, _neither(_reviews)),
    share(
        "review_response", "Reviews answered", "Share of reviews that have a response.",
        c.REVIEW_ANSWERED, (c.REVIEW_COUNT,), _reviews,
    ),
    share(
        "review_negative", "Negative reviews", "Share of reviews with a rating of 2 at most.",
        c.REVIEW_NEGATIVE, (c.REVIEW_COUNT,), _less(_reviews),
    ),
    *times(
        c.REVIEW_ANSWER, "Review answered", "from a review to its first response", _reviews, (50, 90),
    ),
    number("mentions", "Mentions", "Mentions in public.", c.MENTIONS, _neither(_mentions)),
    Metric(
        "mentions_reach", "Reach of mentions", "People whom mentions reach, as their platforms say.",
        "cxloop_mentions_reach", total(c.MENTIONS),
        lambda counts: float(counts.get(c.MENTIONS_REACH, 0)) if counts.get(c.MENTIONS) else None,
        group="reviews", better=0, sources=("mention.posted",), formula=c.MENTIONS_REACH,
        counts=frozenset((c.MENTIONS, c.MENTIONS_REACH)),
    ),
    mean(
        "mention_sentiment", "Sentiment of mentions", "Mean sentiment of mentions, from -1 to 1.",
        (c.MENTION_SENTIMENT_COUNT, c.MENTION_SENTIMENT_SUM, c.MENTION_SENTIMENT_SQUARES), (-1, 1), _mentions,
        scale=0.01,
    ),
    Metric(
        "people_told", "People told",
        "People who hear of bad experiences: each detractor, each dissatisfied customer where no NPS was asked, and "
        "each review of 2 at most, times as many as the settings say (9 to 15).",
        "cxloop_people_told", total(c.UNHAPPY), lambda counts: float(counts.get(c.TOLD, 0)) if counts.get(c.UNHAPPY) else None,
        group="reviews", better=-1, sources=("survey.answered", "review.posted"), formula=c.TOLD,
        counts=frozenset((c.TOLD, c.UNHAPPY)),
    ),
    number("visits", "Visits", "Visits to touchpoints.", c.VISITS, _neither(_visits)),
    share(
        "visits_lost", "Visits lost", "Share of visits abandoned or failed among those that say how they ended.",
        c.VISITS_LOST, (c.VISITS_ENDED,), _less(_visits),
    ),
    share(
        "last_step_lost", "Lost at the last step",
        "Share of visits to the last step of the journey model that no purchase of the customer follows in its time.",
        c.LAST_STEPS_LOST, (c.LAST_STEPS,), _less(_purchases),
    ),
    share(
        "stage_conversion", "Go on to the next stage",
        "Of customers who come to a stage, the share that comes to the next one within 28 days; each once in 28 days.",
        c.STAGE_PASSED, (c.STAGE_REACHED,), _visits,
    ),
    number("purchases", "Purchases", "Purchases completed.", c.PURCHASES, Described("behaviour", ("purchase.completed",))),
    Metric(
        "order_value", "Order value", "Mean amount of purchases, in whole units of their currency.",
        "cxloop_order_value_mean", total(c.ORDER_VALUE_COUNT), ratio(c.ORDER_VALUE_SUM, c.ORDER_VALUE_COUNT, scale=0.01),
        unit="number", group="behaviour", sources=("purchase.completed",),
        formula=f"{c.ORDER_VALUE_SUM} / {c.ORDER_VALUE_COUNT} / 100",
        counts=frozenset((c.ORDER_VALUE_SUM, c.ORDER_VALUE_COUNT)),
    ),
    mean(
        "purchase_steps", "Steps to a purchase",
        "Mean number of different touchpoints that a customer visited before a purchase, since the one before, in 28 days.",
        (c.STEPS_COUNT, c.STEPS_SUM, c.STEPS_SQUARES), (0, float("inf")), _less(_purchases),
    ),
    *times(
        c.PURCHASE, "Way to a purchase", "from the first of the visits that lead to a purchase to it", _purchases, (50, 90),
    ),
    share(
        "purchases_again", "Bought again", "Share of purchases by customers who had bought within 365 days before.",
        c.PURCHASES_AGAIN, (c.PURCHASES,), _purchases,
    ),
    share(
        "orders_returned", "Returned", "Orders that came back, by those delivered and those that came back.",
        c.RETURNED, (c.DELIVERED, c.RETURNED), Described("behaviour", ("order.delivered", "order.returned"), -1),
    ),
    share(
        "retention", "Retention", "Customers who renew, by those who renew or leave.",
        c.RENEWED, (c.RENEWED, c.CHURNED), _customers,
    ),
    share(
        "churn", "Churn", "Customers who leave, by those who renew or leave.",
        c.CHURNED, (c.RENEWED, c.CHURNED), _less(_customers),
    ),
    number("customers_joined", "Joined", "Customers who joined.", c.JOINED, _customers),
    Metric(
        "customer_value", "Customer lifetime value",
        "Mean value of customers, as events say when they join, renew or leave.",
        "cxloop_customer_value_mean", total(c.VALUE_COUNT), ratio(c.VALUE_SUM, c.VALUE_COUNT, scale=0.01),
        low=-float("inf"), group="behaviour", sources=_customers.sources, formula=f"{c.VALUE_SUM} / {c.VALUE_COUNT} / 100",
        counts=frozenset((c.VALUE_SUM, c.VALUE_COUNT)),
    ),
    number("referrals", "Referrals", "Referrals made.", c.REFERRALS, Described("behaviour", ("referral.made",))),
    number("shares", "Shares", "Times that customers shared something.", c.SHARES, Described("behaviour", ("share.made",))),
    Metric(
        "engagement", "Engagement", "Points of engagement: events of customers, as the settings weigh them.",
        "cxloop_engagement_points", total(c.ENGAGED),
        lambda counts: float(counts.get(c.ENGAGEMENT, 0)) if counts.get(c.ENGAGED) else None,
        group="behaviour",
        sources=("touchpoint.visited", "survey.answered", "review.posted", "purchase.completed", "referral.made", "share.made"),
        formula=c.ENGAGEMENT, counts=frozenset((c.ENGAGEMENT, c.ENGAGED)),
    ),
    share(
        "promises_kept", "Promises kept", "Share of promises kept among those kept or broken.",
        c.PROMISES_KEPT, (c.PROMISES_SETTLED,), _promises,
    ),
    share(
        "promises_broken", "Promises broken", "Share of promises broken among those kept or broken.",
        c.PROMISES_BROKEN, (c.PROMISES_SETTLED,), _less(_promises),
    ),
    share(
        "promises_in_time", "Promises kept in time", "Share of promises kept by the time they named among those kept or broken.",
        c.PROMISES_IN_TIME, (c.PROMISES_SETTLED,), _promises,
    ),
    *times(
        c.FOLLOWUP_CONTACT, "First contact", "from a follow-up's start until somebody is in touch with the customer",
        _follow_ups, (50, 90),
    ),
    *times(
        c.FOLLOWUP_CLOSING, "Closing", "from a follow-up's start until it is closed", _follow_ups, (50, 90),
    ),
    share(
        "followups_in_time", "Follow-ups in time", "Share of follow-ups closed by the time at which they were due.",
        c.FOLLOWUPS_IN_TIME, (c.FOLLOWUPS_CLOSED,), Described("loop", ("followup.closed",)),
    ),
    share(
        "recovered", "Recovered",
        "Share of unhappy customers whose next score within 90 days is not unhappy, of those followed up before it.",
        c.HELPED_RECOVERED, (c.HELPED_AGAIN,), Described("loop", ("survey.answered", "followup.contacted", "followup.closed")),
    ),
    share(
        "recovered_alone", "Recovered alone",
        "Share of unhappy customers whose next score within 90 days is not unhappy, of those whom nobody followed up.",
        c.ALONE_RECOVERED, (c.ALONE_AGAIN,), Described("loop", ("survey.answered",)),
    ),
)  # fmt: skip

METRICS: Mapping[str, Metric] = {metric.name: metric for metric in _METRICS}

#: The counts that say how many things happened; others say how much, or are parts of these.
COUNTED: Final = frozenset((
    c.PROMOTERS, c.PASSIVES, c.DETRACTORS, c.CSAT_COUNT, c.CES_COUNT, c.GAP_COUNT, c.TONE_COUNT, c.GOALS, c.EMOTION_COUNT,
    c.EMPLOYEE_PROMOTERS, c.EMPLOYEE_PASSIVES, c.EMPLOYEE_DETRACTORS, c.CONTACTS, c.CONTACTS_RESOLVED, c.REPLIES_TOLD,
    c.HELPED_THEMSELVES, c.HELPED_IN_VAIN, c.REVIEW_COUNT, c.MENTIONS, c.VISITS, c.LAST_STEPS, c.STAGE_REACHED,
    c.PURCHASES, c.DELIVERED, c.RETURNED, c.JOINED, c.RENEWED, c.CHURNED, c.REFERRALS, c.SHARES, c.PROMISES_SETTLED,
    c.FOLLOWUPS_CLOSED, c.HELPED_AGAIN, c.ALONE_AGAIN, *(name + c.TIMES_COUNT for name in c.TIMED),
))  # fmt: skip


def number_of(name: str, count: str) -> Metric:
    """How many events a rule counts. Where there are none, it is 0."""
    of = total(count)
    return Metric(name, name, "", "", of, of)


def share_of(name: str, part: str, whole: str) -> Metric:
    """The share of the events that a rule counts among others that it counts."""
    return Metric(
        name, name, "", "", total(whole), ratio(part, whole), spread=share_spread(part, whole), high=1
    )


__all__ = [
    "COUNTED", "DEFAULT_GROUPINGS", "DIMENSIONS", "METRICS", "RULE", "TEAM", "Counts", "Metric", "number_of", "share_of",
]  # fmt: skip
