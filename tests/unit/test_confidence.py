"""Changes of metrics are told apart from chance: on simulated touchpoints, through a real board and the shipped rule."""

from __future__ import annotations

import json
from math import sqrt
from random import Random
from statistics import NormalDist, fmean, pvariance

import pytest

from pipeline.board import Board, BoardSettings
from pipeline.effects import ALERTS
from pipeline.followup.clocks import BusinessClock
from pipeline.metrics import sketch
from pipeline.metrics.catalogue import METRICS
from pipeline.metrics.confidence import Spread, interval, limit_of_looks, z_score
from pipeline.replay import FileRecord
from pipeline.rules.load import load, rule_set
from pipeline.settings import SHIPPED, Settings
from pipeline.state.records import Series
from tests.boards import NOON, record, segment
from tests.oracle.metrics import deviates, must_deviate
from tests.oracle.reading import DAY, HOUR, ms

RULE = "nps-falls-at-touchpoint"
#: Each hour's answers of a touchpoint; 200 a day.
PER_HOUR = [8, 9, 8]
#: Answers as bytes: so many of 256 are promoters, and the last so many detractors. NPS 30, and 15 less.
BEFORE, AFTER = (128, 51), (109, 70)
COUNTED = ("nps_promoters", "nps_passives", "nps_detractors")


def kinds(chances: tuple[int, int]) -> bytes:
    promoters, detractors = chances
    return bytes([0] * promoters + [1] * (256 - promoters - detractors) + [2] * detractors)


def alarms(touchpoints: int, quiet_days: int, days: int, *, falls: bool, seed: int) -> dict[str, list[float]]:
    """Touchpoint → the days at which the shipped rule fires. After `quiet_days` its NPS may fall by 15 points."""
    rules = rule_set(rule for rule in load([SHIPPED / "rules" / "touchpoints.yml"]).rules if rule.id == RULE)
    board = Board(BoardSettings(rules=rules, clock=BusinessClock(Settings().zone), value_limit=touchpoints))
    chance, fired = Random(seed), dict[str, list[float]]()
    for hour in range((quiet_days + days) * 24):
        table = kinds(AFTER if falls and hour >= quiet_days * 24 else BEFORE)
        end = NOON + (hour + 1) * HOUR
        counts: list[tuple[int, Series, dict[str, int]]] = []
        for touchpoint in range(touchpoints):
            answers = chance.randbytes(PER_HOUR[hour % 3]).translate(table)
            found = {name: answers.count(kind) for kind, name in enumerate(COUNTED)}
            counts.append((end, (("touchpoint", f"t{touchpoint}"),), found))
        value = record("touchpoints/0", hour, segment(end + 1, counts))
        for output in board.apply([FileRecord(hour, NOON, value)]).outputs:
            event = json.loads(output.value)
            if output.topic == ALERTS and event["type"] == "cx.alert.fired":
                fired.setdefault(event["data"]["key"], []).append((ms(event["time"]) - NOON) / DAY)
    return fired


@pytest.mark.slow
@pytest.mark.timeout(600)
def test_of_a_thousand_touchpoints_at_which_nothing_changes_few_are_reported_in_four_weeks() -> None:
    """A look every hour: in the first four weeks there is little to look back on, in the next four there is most."""
    fired = alarms(1_000, 28, 28, falls=False, seed=1)
    at_first = sum(any(day <= 28 for day in days) for days in fired.values())
    later = sum(any(day > 28 for day in days) for days in fired.values())
    print(f"of 1,000 series without a change, {at_first} in their first 28 days, {later} in the next 28")
    assert at_first <= 50
    assert later <= 50


@pytest.mark.slow
@pytest.mark.timeout(600)
def test_a_drop_of_fifteen_points_is_reported_within_four_days() -> None:
    fired = alarms(300, 28, 4, falls=True, seed=2)
    took = sorted(day - 28 for days in fired.values() for day in days[-1:] if day > 28)
    print(f"{len(took)} of 300 drops within 4 days, half of them within {took[len(took) // 2]:.1f}")
    assert len(took) >= 270


def spread(values: list[float]) -> Spread:
    return Spread(len(values), fmean(values), pvariance(values))


@pytest.mark.parametrize("seed", range(20))
def test_a_difference_is_measured_as_the_oracle_does(seed: int) -> None:
    chance = Random(seed)
    recent, before = (
        [chance.choice([1.0, 2.0, 4.0, 5.0]) for _ in range(chance.randint(2, 60))] for _ in range(2)
    )
    assert z_score(spread(recent), spread(before)) == pytest.approx(deviates("csat", recent, before))
    points = [[100.0 if one > 3 else -100.0 for one in values] for values in (recent, before)]
    categories = [Spread(len(of), fmean(of), pvariance(of), kinds=3) for of in points]
    assert z_score(*categories) == pytest.approx(deviates("nps", *points))


def test_nothing_can_be_said_of_nothing_and_of_what_is_always_the_same() -> None:
    for kinds in (0, 2, 3):
        same = Spread(50, 5.0, 0.0, kinds)
        assert z_score(same, same) == 0
        assert z_score(Spread(1, 1.0, 0.0, kinds), same) == 0


@pytest.mark.parametrize(
    ("metric", "counts", "lower", "upper"),
    [
        # Wilson's interval of 8 of 10, of none of 10, and of one of one.
        ("csat_satisfied", {"csat_count": 10, "csat_satisfied": 8}, 0.4902, 0.9433),
        ("csat_satisfied", {"csat_count": 10}, 0.0, 0.2775),
        ("csat_satisfied", {"csat_count": 1, "csat_satisfied": 1}, 0.2065, 1.0),
        # Of 400 answers 168 are +1 and 168 are -1: 1.96 * 100 * sqrt(0.84 / 400).
        ("nps", {"nps_promoters": 168, "nps_passives": 64, "nps_detractors": 168}, -8.98, 8.98),
        # Of 5 scores, mean 3 and sum of squares 55: 3 - 2.7764 * sqrt(2 / 4) and 3 + the same.
        ("csat", {"csat_count": 5, "csat_sum": 15, "csat_squares": 55}, 1.0368, 4.9632),
        # 6.2 - 2.7764 * sqrt(2.56 / 4); no score is above 7.
        ("ces", {"ces_count": 5, "ces_sum": 31, "ces_squares": 205}, 3.979, 7.0),
    ],
)
def test_a_metric_lies_between_bounds(
    metric: str, counts: dict[str, int], lower: float, upper: float
) -> None:
    assert METRICS[metric].interval(counts) == pytest.approx((lower, upper), rel=0.005)


@pytest.mark.parametrize("metric", METRICS)
def test_nothing_is_known_of_what_nobody_answered(metric: str) -> None:
    assert METRICS[metric].interval({}) is None


def test_four_scores_say_too_little() -> None:
    assert METRICS["csat"].interval({"csat_count": 4, "csat_sum": 12, "csat_squares": 40}) is None


def test_what_is_no_share_has_no_interval() -> None:
    assert interval(Spread(4, 1.25, -0.3125, kinds=2, low=0, high=1)) is None


def test_nineteen_of_twenty_intervals_hold_the_truth() -> None:
    chance = Random(11)
    held = 0
    for _ in range(2_000):
        scores = [min(5, max(1, round(chance.gauss(3, 1)))) for _ in range(12)]
        found = interval(spread([float(one) for one in scores]))
        assert found is not None
        held += found[0] <= 3 <= found[1]
    assert 0.94 <= held / 2_000 <= 0.96


@pytest.mark.parametrize(("confidence", "over", "against"), [(0.95, 3, 28), (0.8, 1, 2), (0.999, 7, 28)])
def test_who_looks_all_the_time_needs_more_than_who_looks_once(
    confidence: float, over: int, against: int
) -> None:
    limit = limit_of_looks(confidence, over * DAY, (against - over) * DAY)
    assert limit == pytest.approx(must_deviate(confidence, over * DAY, against * DAY), abs=1e-4)
    once = NormalDist().inv_cdf(confidence)
    as_if_independent = NormalDist().inv_cdf(confidence ** (1 / (28 * 24)))
    assert once < limit < as_if_independent


def test_what_a_metric_counts_says_how_its_answers_differ() -> None:
    counts = {"nps_promoters": 5, "nps_passives": 3, "nps_detractors": 2}
    points = [100.0] * 5 + [0.0] * 3 + [-100.0] * 2
    found = METRICS["nps"].spread
    assert found is not None
    assert found(counts) == Spread(10, fmean(points), pytest.approx(pvariance(points)), 3, -100, 100)  # type: ignore[arg-type]
    scores = [1, 4, 4, 5]
    counts = {"csat_count": 4, "csat_sum": sum(scores), "csat_squares": sum(one * one for one in scores)}
    found = METRICS["csat"].spread
    assert found is not None
    assert found(counts) == Spread(4, 3.5, pytest.approx(pvariance(scores)), 0, 1, 5)  # type: ignore[arg-type]


def test_times_differ_as_their_buckets_do_within_four_percent() -> None:
    chance = Random(3)
    took = [round(chance.lognormvariate(11, 1)) for _ in range(5_000)]
    counts: dict[str, int] = {"first_response_count": len(took), "first_response_ms": sum(took)}
    for one in took:
        name = f"first_response_bucket_{sketch.bucket(one)}"
        counts[name] = counts.get(name, 0) + 1
    found = METRICS["first_response_mean"].spread
    assert found is not None
    seconds = [one / 1000 for one in took]
    assert found(counts).mean == pytest.approx(fmean(seconds))
    assert sqrt(found(counts).variance) == pytest.approx(sqrt(pvariance(seconds)), rel=0.02)
