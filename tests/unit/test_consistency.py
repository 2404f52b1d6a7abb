"""How much channels differ, where nobody is asked, and the map of the journey that the page draws."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from pipeline.board import Board
from pipeline.events.journey import NO_JOURNEY, Journey
from pipeline.metrics import counts as c
from pipeline.observe.consistency import consistency, places
from pipeline.observe.scoreboard import Scoreboard
from pipeline.replay import FileRecord
from pipeline.span import DAY, HOUR, MINUTE
from pipeline.state.records import Series
from pipeline.web.journey import journey_map
from tests.boards import NOON, record, segment
from tests.browser.fakes import FakeBoard, Value
from tests.hearts import board, rule_set

NO_RULES = rule_set(" []")
JOURNEY = Journey(
    "own", {"look": "first", "try": "first", "buy": "last"}, ("first", "middle", "last"), {"last": "sale"},
    frozenset({"buy"}), {"last": {"csat": 4, "visits_lost": 0.2}},
)  # fmt: skip


class Said(FakeBoard):
    """A board that says what it is given, and nothing else."""

    def values(self) -> Iterator[Value]:
        yield from self.extra


def value(metric: str, dimension: str, name: str, result: float, samples: int = 50) -> Value:
    return Value(metric, "24h", dimension, name, NOON, result, samples)


def test_channels_are_compared_where_they_have_enough_answers() -> None:
    values = [
        value("csat", "channel", "web", 3.0),
        value("csat", "channel", "phone", 4.5),
        value("csat", "channel", "fax", 1.0, samples=3),
        value("nps", "channel", "web", 20),
        value("csat", "touchpoint", "buy", 1.0),
    ]
    assert consistency(values, JOURNEY).spread == {("24h", "csat"): 1.5}


def test_a_touchpoint_is_covered_where_customers_say_something_of_it() -> None:
    values = [
        value("nps", "touchpoint", "buy", 10),
        value("csat", "touchpoint", "elsewhere", 4),
        value("visits", "touchpoint", "look", 300),
        value("nps", "touchpoint", "other", 5),
    ]
    found = consistency(values, JOURNEY)
    assert found.covered == {"24h": 1 / 3}
    assert found.unknown == {"elsewhere"}


def test_without_a_model_nothing_is_covered_or_unknown() -> None:
    assert consistency([value("nps", "touchpoint", "buy", 10)], NO_JOURNEY).covered == {}


def test_touchpoints_have_a_place_along_the_journey() -> None:
    assert places(JOURNEY) == {"look": ("first", "01"), "try": ("first", "02"), "buy": ("last", "03")}


def test_the_map_has_every_stage_and_what_no_stage_has() -> None:
    extra = [
        value("emotion", "touchpoint", "buy", -0.5),
        value("visits", "touchpoint", "kiosk", 7),
        value("csat", "stage", "last", 3.5),
        value("visits_lost", "stage", "last", 0.1),
        value("stage_conversion", "stage", "first", 0.25, samples=40),
    ]
    drawn: Any = journey_map(JOURNEY, Scoreboard.read(Said(extra=extra)))
    assert drawn["stages"] == [
        {"stage": "first", "part": None}, {"stage": "middle", "part": None}, {"stage": "last", "part": "sale"},
    ]  # fmt: skip
    window = drawn["windows"]["24h"]
    assert [one["touchpoint"] for one in window["touchpoints"]] == ["look", "try", "buy"]
    buy = window["touchpoints"][2]
    assert (buy["essential"], buy["scores"]["emotion"], buy["samples"]["emotion"]) == (True, -0.5, 50)
    assert [one["touchpoint"] for one in window["unknown"]] == ["kiosk"]
    assert window["stages"]["first"]["conversion"] == 0.25
    assert [(one["metric"], one["met"]) for one in window["stages"]["last"]["targets"]] == [
        ("csat", False), ("visits_lost", True),
    ]  # fmt: skip
    assert window["stages"]["middle"]["targets"] == []


def counted(
    one: Board, counts: list[tuple[int, Series, dict[str, int]]], levels: list[tuple[str, str, int]]
) -> None:
    value = record("touchpoints/0", one.applied + 1, segment(NOON + DAY, counts, levels))
    one.apply([FileRecord(one.applied + 1, NOON, value)])


def test_a_board_knows_when_customers_last_said_something_also_after_a_restart() -> None:
    one = board(NO_RULES)
    series = (("touchpoint", "buy"),)
    counts: list[tuple[int, Series, dict[str, int]]] = [
        (NOON, series, {c.CSAT_COUNT: 1, c.CSAT_SUM: 4}),
        (NOON - HOUR, series, {c.PROMOTERS: 1}),
        (NOON + 5 * MINUTE, series, {c.VISITS: 9}),
    ]
    counted(one, counts, [])
    assert one.heard() == {"buy": NOON}
    again = board(NO_RULES)
    for image in one.snapshot():
        again.restore(image)
    again.opened(waiting=False)
    assert again.heard() == {"buy": NOON}


def test_what_waits_now_has_a_limit_of_values_and_the_first_keep_their_place() -> None:
    one = board(NO_RULES, value_limit=2)
    levels = [
        ("contacts_open", name, n) for name, n in (("web", 2), ("phone", 1), ("fax", 3), ("", 4), ("web", -2))
    ]
    counted(one, [], levels)
    counted(one, [], [("contacts_open", "fax", -1), ("contacts_open", "telex", 1)])
    assert {label: n for (name, label), n in one.levels().items() if name == "contacts_open"} == {
        "web": 0, "phone": 1, "other": 3, "": 4,
    }  # fmt: skip
