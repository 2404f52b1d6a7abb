"""Short names: one count that stands for several."""

from __future__ import annotations

import pytest

from pipeline.metrics import counts as c
from pipeline.metrics import shorthand as short
from pipeline.metrics.sample import counted
from pipeline.metrics.sketch import bucket

RESPONSE_BUCKET = f"response_bucket_{bucket(1500)}"


@pytest.mark.parametrize(
    ("counts", "stand_for"),
    [
        ({"visits": 2}, {"visits": 2}),
        ({"visits+visits_with_outcome": 2, "visits": 1}, {"visits": 3, "visits_with_outcome": 2}),
        ({"csat/4+csat_satisfied": 3}, {"csat_count": 3, "csat_sum": 12, "csat_squares": 48, "csat_satisfied": 3}),
        ({"expectation_gap/-2": 1}, {c.GAP_COUNT: 1, c.GAP_SUM: -2, c.GAP_SQUARES: 4}),
        ({"emotion/-1": 2}, {c.EMOTION_COUNT: 2, c.EMOTION_SUM: -200, c.EMOTION_SQUARES: 20_000}),
        ({"review/5": 1}, {c.REVIEW_COUNT: 1, c.REVIEW_RATING: 500, c.REVIEW_SQUARES: 250_000}),
        ({"engagement/3": 2, "engagement/5": 1}, {c.ENGAGED: 3, c.ENGAGEMENT: 11}),
        ({"told/12": -1}, {c.UNHAPPY: -1, c.TOLD: -12}),
        ({"response/737": 2}, {"response_count": 2, "response_bucket_737": 2}),
        ({"=rule/a+b": 1}, {"=rule/a+b": 1}),
        ({"something/else": 1}, {"something/else": 1}),
    ],
)  # fmt: skip
def test_a_short_name_stands_for_counts(counts: dict[str, int], stand_for: dict[str, int]) -> None:
    assert short.expanded(counts) == stand_for


@pytest.mark.parametrize(
    ("name", "n", "adds"),
    [
        (c.PURCHASES, 1, {"purchases": 1}),
        (c.RESPONSE, 1500, {"response_count": 1, RESPONSE_BUCKET: 1, "response_ms": 1500}),
        (
            short.joined(c.PURCHASES, c.RESPONSE), 1500,
            {"purchases": 1, "response_count": 1, RESPONSE_BUCKET: 1, "response_ms": 1500},
        ),
        (
            short.joined(c.RESPONSE, c.RESOLUTION), 0,
            {
                "response_count": 1, "response_bucket_0": 1, "response_ms": 0,
                "resolution_count": 1, "resolution_bucket_0": 1, "resolution_ms": 0,
            },
        ),
    ],
)  # fmt: skip
def test_a_sample_counts_by_as_few_names_as_say_it(name: str, n: int, adds: dict[str, int]) -> None:
    names = dict(counted((0, name, n)))
    assert len(names) == (2 if n != 1 else 1)
    assert short.expanded(names) == adds


def test_what_is_empty_says_nothing() -> None:
    assert short.joined("visits", "", short.valued("emotion", -2)) == "visits+emotion/-2"
