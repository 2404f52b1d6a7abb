"""Numbers that are unusual are told apart from chance and from the rhythm of a week: on simulated contacts, through a real board."""

from __future__ import annotations

import json
from math import exp
from pathlib import Path
from random import Random
from statistics import fmean

import pytest

from pipeline.board import Board, BoardSettings
from pipeline.effects import ALERTS
from pipeline.followup.clocks import BusinessClock
from pipeline.metrics.confidence import unusual
from pipeline.replay import FileRecord
from pipeline.rules.compiled import MetricRule
from pipeline.rules.load import load, rule_set
from pipeline.settings import SHIPPED, Settings
from pipeline.state.records import Series
from tests.boards import NOON, record, segment
from tests.oracle.metrics import unusual as by_the_oracle
from tests.oracle.reading import DAY, HOUR, ms

ANY = """
rules:
  - id: contacts-spike
    summary: More contacts than usual.
    when: {number: {event: contact.opened}, by: [reason], over: 24h, spikes: {by: 1%, against: 28d, confidence: 95%}}
    alert: warning
"""
#: How busy the hours of a day are, and the days of a week.
HOURS = [0.2] * 7 + [1, 2, 2, 2, 2, 1.5, 2, 2, 1.5, 1.5, 1, 1, 0.8, 0.6, 0.4, 0.3, 0.2]
DAYS = [1.4, 1.2, 1.1, 1, 1, 0.7, 0.6]


def poisson(chance: Random, mean: float) -> int:
    """Knuth's way: how many factors it takes to come below exp(-mean)."""
    limit, product, n = exp(-mean), chance.random(), 0
    while product > limit:
        product *= chance.random()
        n += 1
    return n


def rule_of(file: Path) -> MetricRule:
    (rule,) = [one for one in load([file]).rules if one.id == "contacts-spike"]
    assert isinstance(rule, MetricRule)
    return rule


def alarms(
    rule: MetricRule, reasons: int, days: int, *, a_day: float, seed: int, doubled: int = 10**6, restless: float = 0
) -> dict[str, list[float]]:  # fmt: skip
    """Reason → the days at which the rule fires. From the day `doubled` on there are twice as many.

    restless: by so much a day is busier or quieter than others, beside the rhythm (a standard deviation, as a share).
    """
    board = Board(
        BoardSettings(rules=rule_set([rule]), clock=BusinessClock(Settings().zone), value_limit=reasons)
    )
    chance, fired = Random(seed), dict[str, list[float]]()
    (matches,) = rule.measured.matches
    place, share = (matches.dimensions[0], ""), sum(HOURS) * fmean(DAYS)
    for hour in range(days * 24):
        day = hour // 24
        busy = a_day * HOURS[hour % 24] * DAYS[day % 7] / share * (2 if day >= doubled else 1)
        counts: list[tuple[int, Series, dict[str, int]]] = []
        for number in range(reasons):
            mood = 1 + restless * Random(seed * 10**6 + number * 1000 + day).gauss(0, 1) if restless else 1
            if n := poisson(chance, busy * max(0.0, mood)):
                counts.append(
                    (NOON + (hour + 1) * HOUR, (place, ("reason", f"r{number}")), {matches.count: n})
                )
        value = record("touchpoints/0", hour, segment(NOON + (hour + 1) * HOUR + 1, counts))
        for output in board.apply([FileRecord(hour, NOON, value)]).outputs:
            event = json.loads(output.value)
            if output.topic == ALERTS and event["type"] == "cx.alert.fired":
                fired.setdefault(event["data"]["key"], []).append((ms(event["time"]) - NOON) / DAY)
    return fired


@pytest.fixture(scope="module")
def anything_unusual(tmp_path_factory: pytest.TempPathFactory) -> MetricRule:
    file = tmp_path_factory.mktemp("spikes") / "any.yml"
    file.write_text(ANY)
    return rule_of(file)


@pytest.mark.slow
@pytest.mark.timeout(600)
@pytest.mark.parametrize("a_day", [8, 60])
def test_of_three_hundred_reasons_with_nothing_unusual_few_are_reported_in_four_weeks(
    anything_unusual: MetricRule, a_day: float
) -> None:
    """A rule that asks for no more than that it is no accident, at its 95 %."""
    fired = alarms(anything_unusual, 300, 57, a_day=a_day, seed=5)
    at_first = sum(any(day <= 29 for day in days) for days in fired.values())
    later = sum(any(day > 29 for day in days) for days in fired.values())
    print(
        f"of 300 reasons with {a_day} contacts a day, {at_first} in their first 29 days, {later} in the next 28"
    )
    assert at_first <= 15
    assert later <= 15


@pytest.mark.slow
@pytest.mark.timeout(600)
def test_the_shipped_rule_reports_a_doubling_within_a_day_and_no_restless_days() -> None:
    rule = rule_of(SHIPPED / "rules" / "service.yml")
    fired = alarms(rule, 200, 30, a_day=60, seed=6, doubled=29)
    found = [days[-1] - 29 for days in fired.values() if days[-1] > 29]
    falsely = sum(days[0] <= 29 for days in fired.values())
    print(f"{len(found)} of 200 doublings of 60 a day within a day, {falsely} falsely in four weeks before")
    assert len(found) >= 180
    assert falsely <= 2
    restless = alarms(rule, 200, 57, a_day=60, seed=7, restless=0.1)
    print(f"{len(restless)} of 200 falsely in eight weeks, where days differ by 10 % for no reason")
    assert len(restless) <= 10


@pytest.mark.parametrize("seed", range(20))
def test_what_is_unusual_is_measured_as_the_oracle_does(seed: int) -> None:
    chance = Random(seed)
    number, *earlier = (chance.randint(0, 60) for _ in range(chance.randint(3, 5)))
    assert unusual(number, earlier) == pytest.approx(by_the_oracle(number, earlier))


def test_weeks_that_differ_say_less_than_weeks_that_do_not() -> None:
    assert unusual(90, [50, 50, 50, 50]) > 4 > unusual(90, [20, 40, 60, 80]) > 0
    assert unusual(0, [0, 0]) == 0
