"""What is measured: every metric with its formula, from counts that add up.

A count is named; the counts of a pane and a series are a mapping of name → integer. Times are in ms,
ratings in hundredths, their squares in the square of that, so that sums do not depend on their order.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Final

from pipeline.metrics import sketch
from pipeline.metrics.confidence import Interval, Spread, interval
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
CSAT_SQUARES: Final = "csat_squares"
CES_COUNT: Final = "ces_count"
CES_SUM: Final = "ces_sum"
CES_SQUARES: Final = "ces_squares"
REVIEW_COUNT: Final = "review_count"
REVIEW_RATING: Final = "review_rating_hundredths"
REVIEW_SQUARES: Final = "review_rating_squares"
REVIEW_ANSWERED: Final = "review_answered"
RESPONSE_COUNT: Final = "first_response_count"
RESPONSE_SUM: Final = "first_response_ms"
RESPONSE_BUCKET: Final = "first_response_bucket_"

#: What the counts of events begin with that rules count themselves, and what says so of the series that they are in.
OF_RULES: Final = "="

#: The counts that say how many, rather than how much.
COUNTED = (PROMOTERS, PASSIVES, DETRACTORS, CSAT_COUNT, CES_COUNT, REVIEW_COUNT, RESPONSE_COUNT)


@dataclass(frozen=True, slots=True)
class Metric:
    """One metric. gauge: its Prometheus name; labels: fixed ones; result: None where there is nothing to say.

    spread: what a difference is compared with; None where a metric has none.
    """

    name: str
    title: str
    help: str
    gauge: str
    samples: Callable[[Counts], int]
    result: Callable[[Counts], float | None]
    labels: tuple[tuple[str, str], ...] = ()
    spread: Callable[[Counts], Spread] | None = None

    def interval(self, counts: Counts) -> Interval | None:
        """Where the value of all lies that these counts are a sample of; None where nothing can be said."""
        return interval(self.spread(counts)) if self.spread is not None else None


def _count(*names: str) -> Callable[[Counts], int]:
    return lambda counts: sum(counts.get(name, 0) for name in names)


def _ratio(part: str, *whole: str, scale: float = 1) -> Callable[[Counts], float | None]:
    of = _count(*whole)
    return lambda counts: counts.get(part, 0) * scale / n if (n := of(counts)) > 0 else None


def number_of(name: str, count: str) -> Metric:
    """How many events a rule counts. Where there are none, it is 0."""
    of = _count(count)
    return Metric(name, name, "", "", of, of)


def share_of(name: str, part: str, whole: str) -> Metric:
    """The share of the events that a rule counts among others that it counts."""
    return Metric(name, name, "", "", _count(whole), _ratio(part, whole), spread=_share_spread(part, whole))


def _nps(counts: Counts) -> float | None:
    n = _scores(counts)
    return 100 * (counts.get(PROMOTERS, 0) - counts.get(DETRACTORS, 0)) / n if n > 0 else None


def _nps_spread(counts: Counts) -> Spread:
    """Each answer is worth 100, 0 or -100 points."""
    n, promoters, detractors = _scores(counts), counts.get(PROMOTERS, 0), counts.get(DETRACTORS, 0)
    if n <= 0:
        return Spread(0, 0.0, 0.0, 3, -100, 100)
    mean = (promoters - detractors) / n
    return Spread(n, 100 * mean, 1e4 * max(0.0, (promoters + detractors) / n - mean**2), 3, -100, 100)


def _share_spread(part: str, *whole: str) -> Callable[[Counts], Spread]:
    of = _count(*whole)

    def spread(counts: Counts) -> Spread:
        n = of(counts)
        share = counts.get(part, 0) / n if n > 0 else 0.0
        return Spread(max(n, 0), share, share * (1 - share), 2, 0, 1)

    return spread


def _mean_spread(
    total: str, squares: str, count: str, highest: float, scale: float = 1
) -> Callable[[Counts], Spread]:
    """highest: of the scores, which begin with 1; scale: from what is summed to the metric's unit."""

    def spread(counts: Counts) -> Spread:
        n = counts.get(count, 0)
        if n <= 0:
            return Spread(0, 0.0, 0.0)
        mean = counts.get(total, 0) * scale / n
        return Spread(n, mean, max(0.0, counts.get(squares, 0) * scale**2 / n - mean**2), 0, 1, highest)

    return spread


def _response_p90(counts: Counts) -> float | None:
    p90 = sketch.quantile(_buckets(counts), 0.9)
    return p90 / 1000 if p90 is not None else None


def _response_spread(counts: Counts) -> Spread:
    """In seconds. The buckets know how they differ; squares of some weeks in ms would be too large to add up."""
    n = counts.get(RESPONSE_COUNT, 0)
    if n <= 0:
        return Spread(0, 0.0, 0.0)
    return Spread(n, counts.get(RESPONSE_SUM, 0) / 1000 / n, sketch.variance(_buckets(counts)) / 1e6, low=0)


def _buckets(counts: Counts) -> dict[int, int]:
    skip = len(RESPONSE_BUCKET)
    return {
        int(name[skip:]): n
        for name, n in counts.items()
        if name.startswith(RESPONSE_BUCKET) and name[skip:].isdecimal()
    }


_scores = _count(PROMOTERS, PASSIVES, DETRACTORS)
_nps_share = "cxloop_nps_share_ratio"

METRICS: Mapping[str, Metric] = {
    metric.name: metric
    for metric in (
        Metric(
            "nps", "NPS", "Net Promoter Score (Reichheld 2003), from -100 to 100 points: share of 9 and 10 less share of 0 to 6.",
            "cxloop_nps", _scores, _nps,
            spread=_nps_spread,
        ),
        Metric(
            "nps_promoters", "Promoters", "Share of NPS answers of a category.",
            _nps_share, _scores, _ratio(PROMOTERS, PROMOTERS, PASSIVES, DETRACTORS), (("category", "promoter"),),
            spread=_share_spread(PROMOTERS, PROMOTERS, PASSIVES, DETRACTORS),
        ),
        Metric(
            "nps_passives", "Passives", "Share of NPS answers of a category.",
            _nps_share, _scores, _ratio(PASSIVES, PROMOTERS, PASSIVES, DETRACTORS), (("category", "passive"),),
            spread=_share_spread(PASSIVES, PROMOTERS, PASSIVES, DETRACTORS),
        ),
        Metric(
            "nps_detractors", "Detractors", "Share of NPS answers of a category.",
            _nps_share, _scores, _ratio(DETRACTORS, PROMOTERS, PASSIVES, DETRACTORS), (("category", "detractor"),),
            spread=_share_spread(DETRACTORS, PROMOTERS, PASSIVES, DETRACTORS),
        ),
        Metric(
            "csat", "CSAT", "Mean customer satisfaction, from 1 to 5.",
            "cxloop_csat_mean", _count(CSAT_COUNT), _ratio(CSAT_SUM, CSAT_COUNT),
            spread=_mean_spread(CSAT_SUM, CSAT_SQUARES, CSAT_COUNT, 5),
        ),
        Metric(
            "csat_satisfied", "Satisfied", "Share of customer satisfaction answers of 4 and 5.",
            "cxloop_csat_satisfied_ratio", _count(CSAT_COUNT), _ratio(CSAT_SATISFIED, CSAT_COUNT),
            spread=_share_spread(CSAT_SATISFIED, CSAT_COUNT),
        ),
        Metric(
            "ces", "CES", "Mean customer effort score, from 1 to 7.",
            "cxloop_ces_mean", _count(CES_COUNT), _ratio(CES_SUM, CES_COUNT),
            spread=_mean_spread(CES_SUM, CES_SQUARES, CES_COUNT, 7),
        ),
        Metric(
            "review_rating", "Review rating", "Mean rating of reviews, from 1 to 5.",
            "cxloop_review_rating_mean", _count(REVIEW_COUNT), _ratio(REVIEW_RATING, REVIEW_COUNT, scale=0.01),
            spread=_mean_spread(REVIEW_RATING, REVIEW_SQUARES, REVIEW_COUNT, 5, scale=0.01),
        ),
        Metric(
            "review_response", "Reviews answered", "Share of reviews that have a response.",
            "cxloop_review_response_ratio", _count(REVIEW_COUNT), _ratio(REVIEW_ANSWERED, REVIEW_COUNT),
            spread=_share_spread(REVIEW_ANSWERED, REVIEW_COUNT),
        ),
        Metric(
            "first_response_mean", "First response, mean", "Mean time from a contact to the first reply of an agent.",
            "cxloop_first_response_mean_seconds", _count(RESPONSE_COUNT), _ratio(RESPONSE_SUM, RESPONSE_COUNT, scale=0.001),
            spread=_response_spread,
        ),
        Metric(
            "first_response_p90", "First response, p90", "90th percentile of the time to the first reply of an agent, within 1 %.",
            "cxloop_first_response_p90_seconds", _count(RESPONSE_COUNT), _response_p90,
        ),
    )
}  # fmt: skip
