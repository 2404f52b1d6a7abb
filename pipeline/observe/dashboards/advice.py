"""What to do about each metric, and what it rests on, in words."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from pipeline.metrics.catalogue import Metric

#: Metric, or the name that the lengths of one time share → what to do.
_ADVICE: Final[Mapping[str, str]] = {
    "nps": "Find the touchpoint and the segment where it falls, read what detractors wrote, and call them back. A change within the bounds may be chance.",
    "nps_promoters": "Thank them, and ask what they would miss.",
    "nps_passives": "Ask what kept them from a 9; they are the nearest to becoming promoters.",
    "nps_detractors": "Each one has a follow-up: see that it is closed in time.",
    "csat": "Look at the touchpoint with the lowest mean first, and read the comments there.",
    "csat_satisfied": "Where it falls while the mean stands, opinions are dividing: look at the segments.",
    "ces": "Where it is low, customers work too hard: take away a step, a form, or a second contact.",
    "expectation_gap": "Below 0 we promise more than we keep: mend the service, or what is said of it.",
    "tone": "Where it is low, listen to conversations with the team, and talk about how rather than what.",
    "goal_reached": "Ask those who failed what they had come for; then mend that page, script or counter.",
    "emotion": "Start at the lowest point of the curve, and at the last one: people remember the peak and the end.",
    "enps": "Employees who would not recommend us serve customers worse: talk with the team before you count calls.",
    "enps_promoters": "Ask what makes this team work, and tell the others.",
    "enps_passives": "Ask them what is missing before they make up their minds.",
    "enps_detractors": "Talk with the team's lead; see whether CSAT of the same team falls too.",
    "contacts": "A rise without more sales means that something is broken or unclear: look at the reasons.",
    "first_response": "Above what customers were told: move people to the busiest channel, or say how long it takes.",
    "response": "Where later replies take longer than the first, cases lie: give each an owner.",
    "resolution": "See which reasons take longest, and what they wait for: another team, a part, a decision.",
    "first_contact_resolution": "Give agents the right and the means to settle more at once.",
    "contacts_reopened": "Cases are closed too early: ask why the first solution did not hold.",
    "human_answered": "Very low, customers may not get past the menu; see that a way to a person is offered.",
    "selfservice_resolved": "Where it falls, a page or a bot gives wrong answers: look at its topics.",
    "review_rating": "Read the newest reviews of the lowest platform; answer those of 2 and less first.",
    "reviews": "Few reviews make a rating jumpy: ask content customers for one.",
    "review_response": "Answer the rest, bad ones first: others read the answers.",
    "review_negative": "Look for what they have in common: touchpoint, product, place.",
    "review_answer": "Above a day for bad reviews: see who is on duty for that platform.",
    "mentions": "A sudden rise is news, good or bad: look at the sentiment beside it.",
    "mentions_reach": "Far more reach than mentions means that one large account speaks: answer there first.",
    "mention_sentiment": "Where it falls, find the mention with the greatest reach, and answer in public.",
    "people_told": "It falls as fewer are disappointed, and as those who are hear from us first.",
    "visits": "A fall at one touchpoint alone is a broken way to it, or a source that stopped.",
    "visits_lost": "See at which touchpoint, and on which channel; try it yourself, on a phone too.",
    "last_step_lost": "They wanted to buy. Look at errors, delivery costs, and means of payment at the last step.",
    "stage_conversion": "The lowest one is where the journey leaks: mend the touchpoints of that stage.",
    "purchases": "Set it beside visits: fewer visits, or the same visits that buy less?",
    "order_value": "It is a mean: one large order moves it where purchases are few.",
    "purchase_steps": "More steps than the journey asks for: people go back to look for something.",
    "purchase": "Long ways show doubt: see what people look at twice.",
    "purchases_again": "Where it falls, look at delivery and returns of first orders.",
    "orders_returned": "Look at the reasons: wrong expectations are mended on the product page.",
    "retention": "See which segment leaves, and what its scores were before.",
    "churn": "Talk with those who leave; then look for customers with the same signs.",
    "customers_joined": "Set it beside churn: growth hides loss.",
    "customer_value": "Where it falls, valuable customers leave or new ones bring less.",
    "referrals": "Thank those who refer; where it falls, look at the promoters' share.",
    "shares": "See what is shared, and make more of it.",
    "engagement": "Where it falls, customers come less often: ask before they leave.",
    "promises_kept": "Promise less, or see who could not keep what was promised, and why.",
    "promises_broken": "Tell the customer before the time is over, and offer something.",
    "promises_in_time": "Where promises are kept, but late, promise later times.",
    "followup_contact": "Overdue ones first; where a team is always late, it has too many or too few people.",
    "followup_closing": "Where contact is quick and closing is slow, the team cannot decide: give it the right to.",
    "followups_in_time": "Below what was agreed: fewer alerts of rules that help little, or more people.",
    "recovered": "Set it beside those whom nobody followed up: only what is above them is our doing.",
    "recovered_alone": "It is what happens without us: the measure for what following up is worth.",
}  # fmt: skip

#: Kind of event → what a value rests on.
_THINGS: Final[Mapping[str, str]] = {
    "survey.answered": "answers", "employee.answered": "answers", "touchpoint.visited": "visits",
    "contact.opened": "contacts", "contact.replied": "replies", "selfservice.resolved": "attempts",
    "review.posted": "reviews", "mention.posted": "mentions", "purchase.completed": "purchases",
    "order.delivered": "orders", "customer.joined": "customers", "referral.made": "referrals", "share.made": "shares",
    "promise.made": "promises", "followup.contacted": "follow-ups", "followup.closed": "follow-ups",
}  # fmt: skip
_OTHER_THINGS: Final[Mapping[str, str]] = {
    "response": "replies", "last_step_lost": "visits", "stage_conversion": "customers", "people_told": "bad experiences",
    "engagement": "events", "retention": "customers", "recovered": "customers", "recovered_alone": "customers",
}  # fmt: skip


def family(metric: Metric) -> str:
    """The name that the mean and the quantiles of one time share; of others, their own."""
    return metric.name.rpartition("_")[0] if metric.unit == "seconds" else metric.name


def to_do(metric: Metric) -> str:
    """What to do about a metric; of one that is new here, where to look."""
    return _ADVICE.get(family(metric), "Find where it changes: by touchpoint, channel and segment.")


def things(metric: Metric) -> str:
    """What it rests on: answers, visits, reviews."""
    return _OTHER_THINGS.get(family(metric)) or _THINGS.get(
        metric.sources[0] if metric.sources else "", "events"
    )


def described(says: str, metrics: tuple[Metric, ...], do: str = "") -> str:
    """What a panel says, how its metrics are computed, and what to do."""
    formulas = [f"{metric.title}: {metric.help} `{metric.formula}`" for metric in metrics]
    return "\n\n".join((says, *formulas, f"What to do: {do or to_do(metrics[0])}"))
