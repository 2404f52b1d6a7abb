"""The board: rolling windows from what the shards counted."""

from __future__ import annotations

import json
import random
from collections.abc import Sequence
from typing import Any

import pytest

from pipeline.effects import METRICS
from pipeline.rules.compiled import RuleSet
from pipeline.span import DAY, HOUR, MINUTE
from tests import generate
from tests.boards import LOW, NONE, NOON, TILL, at, down, record, segment, survey, told, up, value
from tests.hearts import BOTH, Fed, board, feed, log, rule_set, shard
from tests.naive_board import PANE, WINDOWS, Count, NaiveBoard, Series, end_of

# --- windows ------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("since", "known"),
    [
        (-1, False),
        (0, False),
        (1, True),
        (MINUTE, True),
        (DAY, True),
        (DAY + 1, False),
    ],
)
def test_an_answer_is_in_the_window_of_a_day_for_exactly_a_day_of_panes(since: int, known: bool) -> None:
    # A pane is judged when the watermark is strictly beyond it.
    one, _ = told(NONE, ([(NOON, (), up())], NOON + since))
    assert (value(one) is not None) is known


@pytest.mark.parametrize(
    ("window", "leaves"),
    [("24h", NOON + DAY), ("7d", NOON + 7 * DAY), ("28d", NOON + 28 * DAY)],
)
def test_an_answer_leaves_each_window_at_the_pane_end_a_length_behind_its_own(
    window: str, leaves: int
) -> None:
    counts: list[Count] = [(NOON, (), up())]
    one, _ = told(NONE, (counts, leaves))
    assert value(one, window) == (100, 1)
    one, _ = told(NONE, (counts, leaves + 1))
    assert value(one, window) is None


@pytest.mark.parametrize(
    ("window", "enters"), [("24h", NOON + PANE), ("7d", NOON + HOUR), ("28d", NOON + HOUR)]
)
def test_an_answer_enters_each_window_at_the_end_of_the_windows_own_pane(window: str, enters: int) -> None:
    one, _ = told(NONE, ([(NOON + PANE, (), up())], enters))
    assert value(one, window) is None
    one, _ = told(NONE, ([(NOON + PANE, (), up())], enters + 1))
    assert value(one, window) == (100, 1)


def test_an_hour_that_an_interruption_cuts_in_two_is_summed_up_all_the_same() -> None:
    before, after = board(NONE), board(NONE)
    counted = [
        record("s", 0, segment(NOON + 20 * MINUTE, [(NOON + PANE, (), up())])),
        record("s", 1, segment(NOON + 2 * HOUR)),
    ]
    before.apply(log([b"", *counted])[1:2])
    for one in before.snapshot():
        after.restore(one)
    after.opened(waiting=True)
    after.apply(log([b"", *counted])[2:])
    assert [value(after, window) for window in ("24h", "7d", "28d")] == [(100, 1)] * 3


def test_late_counts_mend_values_and_undo_no_decision() -> None:
    one, said = told(
        rule_set(LOW),
        ([(NOON, (), down())], NOON + HOUR),
        ([(NOON - HOUR, (), up(3))], NOON + HOUR),  # late: the alert was wrong, and stands
        ([], NOON + 2 * HOUR),
    )
    assert said == [("fired", at("05T12:00")), ("cleared", at("05T13:00"))]
    assert value(one) == (50, 4)


def test_counts_that_no_window_reaches_are_forgotten_at_once() -> None:
    one, _ = told(NONE, ([], NOON), ([(NOON - 29 * DAY, (), up())], NOON + HOUR))
    assert one.stats()["open.records"] == 1  # the shard's position
    one, _ = told(NONE, ([], NOON), ([(NOON - 8 * DAY, (), up())], NOON + HOUR))
    assert value(one, "28d") == (100, 1)
    assert value(one, "7d") is None


def test_everything_is_forgotten_when_the_longest_window_has_passed() -> None:
    one, _ = told(NONE, ([(NOON, TILL, up()), (NOON, (), up())], NOON), ([], NOON + 70 * DAY))
    assert one.stats()["open.records"] == 1
    assert list(one.values()) == []


@pytest.mark.parametrize("seed", range(20))
def test_totals_are_the_same_however_often_somebody_reads_them(seed: int) -> None:
    chance = random.Random(seed)
    one, naive, at = board(NONE), NaiveBoard([]), NOON
    values: list[bytes] = []
    for number in range(60):
        at += chance.choice((0, PANE, 40 * MINUTE, HOUR, 3 * HOUR, 30 * HOUR))
        counted: list[Count] = [
            (
                end_of(at - chance.choice((-PANE, 0, HOUR, 6 * HOUR, 2 * DAY, 6 * DAY)), PANE),
                chance.choice(((), TILL)),
                up(chance.randrange(1, 4)),
            )
            for _ in range(chance.randrange(4))
        ]
        naive.take("s", counted, at)
        values.append(record("s", number, segment(at, [(e, s, dict(c)) for e, s, c in counted])))
        one.apply(log(values)[number:])
        if chance.random() < 0.5:
            found = {(v.window, v.dimension): dict(v.counts) for v in one.values() if v.metric == "nps"}
            assert naive.at is not None
            assert found == {
                (name, series[0][0] if series else "total"): counts
                for name, length in WINDOWS.items()
                for series, counts in naive.total(length, naive.at).items()
            }, number


# --- watermarks ---------------------------------------------------------------------------------------


def shards(rules: RuleSet, *records: tuple[str, Sequence[Count], int | None]) -> tuple[Any, Fed]:
    one, offsets = board(rules), dict[str, int]()
    values = []
    for name, counted, watermark in records:
        offsets[name] = offsets.get(name, -1) + 1
        values.append(
            record(name, offsets[name], segment(watermark, [(e, s, dict(c)) for e, s, c in counted]))
        )
    return one, feed(one, log(values), range(len(values)))


def test_time_is_that_of_the_shard_that_is_furthest_behind() -> None:
    one, _ = shards(NONE, ("a", [], NOON + HOUR), ("b", [], NOON), ("a", [], NOON + DAY))
    assert one.watermark == NOON + HOUR  # it never goes back, though b came later
    one, _ = shards(NONE, ("b", [], NOON), ("a", [], NOON + HOUR), ("a", [], NOON + DAY))
    assert one.watermark == NOON
    one, _ = shards(NONE, ("b", [], NOON), ("a", [], NOON + HOUR), ("b", [], NOON + 2 * HOUR))
    assert one.watermark == NOON + HOUR


def test_a_shard_without_a_watermark_holds_nobody_up() -> None:
    one, _ = shards(NONE, ("a", [], NOON), ("b", [(NOON, (), up())], None), ("a", [], NOON + HOUR))
    assert one.watermark == NOON + HOUR
    assert value(one) == (100, 1)


def test_without_any_watermark_nothing_is_judged() -> None:
    one, fed = shards(rule_set(LOW), ("a", [(NOON, (), down())], None))
    assert one.watermark is None
    assert fed.outputs == []


def test_records_at_or_below_the_applied_offset_are_skipped() -> None:
    one = board(NONE)
    records = log([record("a", 0, segment(NOON + HOUR, [(NOON, (), up())]))])
    one.apply(records)
    assert one.apply(records).changelog == []
    assert (one.applied, value(one)) == (0, (100, 1))


@pytest.mark.parametrize("raw", [b"", b"{}", b"rubbish", b'{"shard": 1}', b"\xff", b"[" * 5000, None])
def test_what_is_no_record_of_a_shard_becomes_a_dead_letter(raw: bytes | None) -> None:
    one = board(NONE)
    records = log([raw or b"", record("a", 0, segment(NOON, []))])
    (letter,) = [json.loads(output.value) for output in one.apply(records).outputs]
    assert letter["data"]["reason"] == "field.wrong"
    assert letter["data"]["origin"] == {"topic": METRICS, "partition": 0, "offset": 0}
    assert one.watermark == NOON


def test_a_shard_for_which_records_wait_is_waited_for() -> None:
    one = board(NONE)
    quick, slow = shard(NONE, BOTH, "s/0"), shard(NONE, BOTH, "s/1")
    said = Fed()
    said.take(slow.opened(waiting=True).outputs)
    said.take(quick.opened(waiting=False).outputs)
    said.take(quick.apply(log([survey(1, NOON, nps=9)])).outputs)
    feed(one, log(said.metrics))
    assert one.watermark == 0
    said.take(slow.apply(log([survey(2, NOON - HOUR, nps=9)])).outputs)
    feed(one, log(said.metrics))
    assert one.watermark == NOON - HOUR - 5 * MINUTE


def test_a_shard_for_which_nothing_waits_is_not_waited_for() -> None:
    one, said = board(NONE), Fed()
    for name, waiting in (("s/0", True), ("s/1", False)):
        said.take(shard(NONE, BOTH, name).opened(waiting=waiting).outputs)
    said.take(shard(NONE, BOTH, "s/0").apply(log([survey(1, NOON, nps=9)])).outputs)
    feed(one, log(said.metrics))
    assert one.watermark == NOON - 5 * MINUTE


@pytest.mark.parametrize(
    "waiting",
    [b"rubbish", survey(2, NOON, nps=11), survey(2, generate.NOW * 2, nps=9)],
    ids=["no JSON", "a wrong field", "from the future"],
)
def test_a_shard_that_could_use_none_of_its_records_is_waited_for_no_longer(waiting: bytes) -> None:
    one, said = board(NONE), Fed()
    bad, good = shard(NONE, BOTH, "s/0"), shard(NONE, BOTH, "s/1")
    said.take(bad.opened(waiting=True).outputs)
    said.take(good.apply(log([survey(1, NOON, nps=9)])).outputs)
    said.take(bad.apply(log([waiting])).outputs)
    feed(one, log(said.metrics))
    assert one.watermark == NOON - 5 * MINUTE


# --- values and levels --------------------------------------------------------------------------------


def places(*names: str, end: int = NOON, counts: dict[str, int] | None = None) -> list[Count]:
    return [(end, (("touchpoint", name),), counts or up()) for name in names]


def values(one: Any, window: str = "24h") -> dict[str, int]:
    return {v.value: v.samples for v in one.values() if v.metric == "nps" and v.window == window and v.value}


def test_more_values_than_there_is_room_for_become_other_and_are_counted() -> None:
    one = board(NONE, value_limit=2)
    counts = [(end, series, dict(c)) for end, series, c in places("a", "b", "c", "a", "d", "c")]
    feed(one, log([record("s", 0, segment(NOON + 1, counts))]))
    assert values(one) == {"a": 2, "b": 1, "other": 3}
    assert one.overflow() == {"touchpoint": 3}


def test_each_dimension_has_its_own_room() -> None:
    one = board(NONE, value_limit=1)
    both: Series = (("channel", "web"), ("touchpoint", "a"))
    mixed: Series = (("channel", "web"), ("touchpoint", "b"))
    feed(one, log([record("s", 0, segment(NOON + 1, [(NOON, both, up()), (NOON, mixed, up())]))]))
    assert values(one) == {"web,a": 1, "web,other": 1}
    assert one.overflow() == {"touchpoint": 1}


@pytest.mark.parametrize(("watermark", "room"), [(NOON + 35 * DAY, "other"), (NOON + 35 * DAY + 1, "b")])
def test_a_value_that_was_not_seen_for_35_days_makes_room(watermark: int, room: str) -> None:
    one, later = board(NONE, value_limit=1), NOON + 36 * DAY
    feed(one, log([
        record("s", 0, segment(NOON + 1, [(e, s, dict(c)) for e, s, c in places("a", "b")])),
        record("s", 1, segment(watermark, [])),
        record("s", 2, segment(later + 1, [(e, s, dict(c)) for e, s, c in places("b", end=later)])),
    ]))  # fmt: skip
    assert values(one) == {room: 1}


def test_what_went_to_other_is_taken_out_of_other() -> None:
    one = board(NONE, value_limit=1)
    posted = NOON + 30 * DAY

    def counts(end: int, *, n: int) -> tuple[int, Series, dict[str, int]]:
        return end, (("touchpoint", "b"),), {"nps_promoters": n}

    feed(one, log([
        record("s", 0, segment(NOON + 1, [(NOON, (("touchpoint", "a"),), up())])),
        record("s", 1, segment(posted + 1, [counts(posted, n=1)])),
        # By now "a" has made room; what is in the pane of `posted` is changed, and moves to a new pane.
        record("s", 2, segment(NOON + 36 * DAY, [])),
        record("s", 3, segment(NOON + 36 * DAY + 1, [counts(posted, n=-1), counts(NOON + 36 * DAY, n=1)])),
    ]))  # fmt: skip
    assert values(one, "28d") == {"b": 1}


def test_what_overflows_is_counted_the_same_in_any_batches() -> None:
    story = log(
        [survey(number, NOON + number, nps=9, touchpoint=f"place-{number % 3}") for number in range(9)]
    )
    one, other = board(NONE, value_limit=1), board(NONE, value_limit=1)
    feed(one, log(feed(shard(NONE), story).metrics))
    feed(other, log(feed(shard(NONE), story, range(9)).metrics))
    assert one.overflow() == other.overflow()


def test_levels_add_up() -> None:
    one = board(NONE)
    feed(one, log([
        record("a", 0, segment(NOON, [], [("followups_open", "care", 2)])),
        record("b", 0, segment(None, [], [("followups_open", "care", -1), ("episodes_open", "low", 1)])),
    ]))  # fmt: skip
    assert one.levels() == {("followups_open", "care"): 1, ("episodes_open", "low"): 1}
