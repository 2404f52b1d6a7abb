"""What the samples of each metric come to."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from tests.oracle.measured.ways import PASSED, REACHED

Values = Sequence[float]


@dataclass(frozen=True)
class Metric:
    """kind: of its samples. result: of their values, where there are any; None: nothing can be said."""

    kind: str
    result: Callable[[list[float]], float | None]
    samples: Callable[[list[float]], int] = len


def mean(values: Values) -> float:
    return sum(values) / len(values)


def share(counts: Callable[[float], bool]) -> Callable[[Values], float]:
    return lambda values: sum(1 for value in values if counts(value)) / len(values)


PROMOTERS = share(lambda score: score >= 9)
PASSIVES = share(lambda score: 7 <= score <= 8)
DETRACTORS = share(lambda score: score <= 6)
THE_REST = share(lambda value: not value)


def net(values: Values) -> float:
    return 100 * (PROMOTERS(values) - DETRACTORS(values))


def quantile(percent: int) -> Callable[[Values], float]:
    """By nearest rank."""
    return lambda values: sorted(values)[math.ceil(percent * len(values) / 100) - 1]


def times(kind: str, *percents: int) -> dict[str, Metric]:
    quantiles = {f"{kind}_p{percent}": Metric(kind, quantile(percent)) for percent in percents}
    return {f"{kind}_mean": Metric(kind, mean)} | quantiles


def whole(values: Values) -> int:
    return int(sum(values))


def conversion(values: list[float]) -> float | None:
    reached = values.count(REACHED)
    return values.count(PASSED) / reached if reached else None


def metrics(told: int) -> dict[str, Metric]:
    """All of them. told: how many hear of a bad experience."""
    return {
        "nps": Metric("nps", net),
        "nps_promoters": Metric("nps", PROMOTERS),
        "nps_passives": Metric("nps", PASSIVES),
        "nps_detractors": Metric("nps", DETRACTORS),
        "csat": Metric("csat", mean),
        "csat_satisfied": Metric("csat", share(lambda score: score >= 4)),
        "ces": Metric("ces", mean),
        "expectation_gap": Metric("gap", mean),
        "tone": Metric("tone", mean),
        "goal_reached": Metric("goal", mean),
        "emotion": Metric("emotion", mean),
        "enps": Metric("enps", net),
        "enps_promoters": Metric("enps", PROMOTERS),
        "enps_passives": Metric("enps", PASSIVES),
        "enps_detractors": Metric("enps", DETRACTORS),
        "contacts": Metric("contact", whole),
        **times("first_response", 50, 90, 99),
        **times("response", 50, 90, 99),
        **times("resolution", 50, 90, 99),
        "first_contact_resolution": Metric("at_once", mean),
        "contacts_reopened": Metric("reopened", mean),
        "human_answered": Metric("human", mean),
        "selfservice_resolved": Metric("selfservice", mean),
        "review_rating": Metric("rating", mean),
        "reviews": Metric("rating", len),
        "review_response": Metric("answered", mean),
        "review_negative": Metric("negative", mean),
        **times("review_answer", 50, 90),
        "mentions": Metric("mention", len),
        "mentions_reach": Metric("reach", whole),
        "mention_sentiment": Metric("sentiment", mean),
        "people_told": Metric("unhappy", lambda values: told * len(values)),
        "visits": Metric("visit", len),
        "visits_lost": Metric("lost", mean),
        "last_step_lost": Metric("last_step", mean),
        "stage_conversion": Metric("stage", conversion, lambda values: values.count(REACHED)),
        "purchases": Metric("purchase_again", len),
        "order_value": Metric("amount", mean),
        "purchase_steps": Metric("steps", mean),
        **times("purchase", 50, 90),
        "purchases_again": Metric("purchase_again", mean),
        "orders_returned": Metric("returned", mean),
        "retention": Metric("renewed", mean),
        "churn": Metric("renewed", THE_REST),
        "customers_joined": Metric("joined", len),
        "customer_value": Metric("value", mean),
        "referrals": Metric("referral", len),
        "shares": Metric("share", len),
        "engagement": Metric("engagement", whole),
        "promises_kept": Metric("promise", mean),
        "promises_broken": Metric("promise", THE_REST),
        "promises_in_time": Metric("promise_in_time", mean),
        **times("followup_contact", 50, 90),
        **times("followup_closing", 50, 90),
        "followups_in_time": Metric("followup_in_time", mean),
        "recovered": Metric("recovered", mean),
        "recovered_alone": Metric("alone", mean),
    }


METRICS = metrics(told=12)
