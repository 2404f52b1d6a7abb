"""What is measured: every metric with its formula, from counts that add up.

A count is named; the counts of a pane and a series are a mapping of name → integer. Times are in ms,
ratings in hundredths, so that sums do not depend on their order.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Final

from pipeline.metrics import sketch
from pipeline.span import DAY

Counts = Mapping[str, int]

#: Rolling windows by their name; lengths in ms.
WINDOWS: Mapping[str, int] = {"24h": DAY, "7d": 7 * DAY, "28d": 28 * DAY}

#: Fields of an event by which metrics can be told apart.
DIMENSIONS = (
    "touchpoint",
    "channel",
    "stage",
    "segment",
    "brand",
    "persona",
    "location",
    "product",
    "language",
)
#: The series that are always kept, beside the total.
DEFAULT_GROUPINGS: tuple[tuple[str, ...], ...] = (("touchpoint",), ("channel",), ("stage",), ("segment",))

PROMOTERS: Final = "nps_promoters"
PASSIVES: Final = "nps_passives"
DETRACTORS: Final = "nps_detractors"
CSAT_COUNT: Final = "csat_count"
CSAT_SUM: Final = "csat_sum"
CSAT_SATISFIED: Final = "csat_satisfied"
CES_COUNT: Final = "ces_count"
CES_SUM: Final = "ces_sum"
REVIEW_COUNT: Final = "review_count"
REVIEW_RATING: Final = "review_rating_hundredths"
REVIEW_ANSWERED: Final = "review_answered"
RESPONSE_COUNT: Final = "first_response_count"
RESPONSE_SUM: Final = "first_response_ms"
RESPONSE_BUCKET: Final = "first_response_bucket_"

#: The counts that say how many, rather than how much.
COUNTED = (PROMOTERS, PASSIVES, DETRACTORS, CSAT_COUNT, CES_COUNT, REVIEW_COUNT, RESPONSE_COUNT)


@dataclass(frozen=True, slots=True)
class Metric:
    """One metric. gauge: its Prometheus name; labels: fixed ones; result: None where there is nothing to say."""

    name: str
    title: str
    help: str
    gauge: str
    samples: Callable[[Counts], int]
    result: Callable[[Counts], float | None]
    labels: tuple[tuple[str, str], ...] = ()


def _count(*names: str) -> Callable[[Counts], int]:
    return lambda counts: sum(counts.get(name, 0) for name in names)


def _ratio(part: str, *whole: str, scale: float = 1) -> Callable[[Counts], float | None]:
    of = _count(*whole)
    return lambda counts: counts.get(part, 0) * scale / n if (n := of(counts)) > 0 else None


def _nps(counts: Counts) -> float | None:
    n = _scores(counts)
    return 100 * (counts.get(PROMOTERS, 0) - counts.get(DETRACTORS, 0)) / n if n > 0 else None


def _response_p90(counts: Counts) -> float | None:
    skip = len(RESPONSE_BUCKET)
    buckets = {
        int(name[skip:]): n
        for name, n in counts.items()
        if name.startswith(RESPONSE_BUCKET) and name[skip:].isdecimal()
    }
    p90 = sketch.quantile(buckets, 0.9)
    return p90 / 1000 if p90 is not None else None


_scores = _count(PROMOTERS, PASSIVES, DETRACTORS)
_nps_share = "cxloop_nps_share_ratio"

METRICS: Mapping[str, Metric] = {
    metric.name: metric
    for metric in (
        Metric(
            "nps", "NPS", "Net Promoter Score (Reichheld 2003), from -100 to 100 points: share of 9 and 10 less share of 0 to 6.",
            "cxloop_nps", _scores, _nps,
        ),
        Metric(
            "nps_promoters", "Promoters", "Share of NPS answers of a category.",
            _nps_share, _scores, _ratio(PROMOTERS, PROMOTERS, PASSIVES, DETRACTORS), (("category", "promoter"),),
        ),
        Metric(
            "nps_passives", "Passives", "Share of NPS answers of a category.",
            _nps_share, _scores, _ratio(PASSIVES, PROMOTERS, PASSIVES, DETRACTORS), (("category", "passive"),),
        ),
        Metric(
            "nps_detractors", "Detractors", "Share of NPS answers of a category.",
            _nps_share, _scores, _ratio(DETRACTORS, PROMOTERS, PASSIVES, DETRACTORS), (("category", "detractor"),),
        ),
        Metric(
            "csat", "CSAT", "Mean customer satisfaction, from 1 to 5.",
            "cxloop_csat_mean", _count(CSAT_COUNT), _ratio(CSAT_SUM, CSAT_COUNT),
        ),
        Metric(
            "csat_satisfied", "Satisfied", "Share of customer satisfaction answers of 4 and 5.",
            "cxloop_csat_satisfied_ratio", _count(CSAT_COUNT), _ratio(CSAT_SATISFIED, CSAT_COUNT),
        ),
        Metric(
            "ces", "CES", "Mean customer effort score, from 1 to 7.",
            "cxloop_ces_mean", _count(CES_COUNT), _ratio(CES_SUM, CES_COUNT),
        ),
        Metric(
            "review_rating", "Review rating", "Mean rating of reviews, from 1 to 5.",
            "cxloop_review_rating_mean", _count(REVIEW_COUNT), _ratio(REVIEW_RATING, REVIEW_COUNT, scale=0.01),
        ),
        Metric(
            "review_response", "Reviews answered", "Share of reviews that have a response.",
            "cxloop_review_response_ratio", _count(REVIEW_COUNT), _ratio(REVIEW_ANSWERED, REVIEW_COUNT),
        ),
        Metric(
            "first_response_mean", "First response, mean", "Mean time from a contact to the first reply of an agent.",
            "cxloop_first_response_mean_seconds", _count(RESPONSE_COUNT), _ratio(RESPONSE_SUM, RESPONSE_COUNT, scale=0.001),
        ),
        Metric(
            "first_response_p90", "First response, p90", "90th percentile of the time to the first reply of an agent, within 1 %.",
            "cxloop_first_response_p90_seconds", _count(RESPONSE_COUNT), _response_p90,
        ),
    )
}  # fmt: skip
