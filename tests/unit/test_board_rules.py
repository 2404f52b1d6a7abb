"""Rules on metrics: from change to change, in any batches, through interruptions, and when they change."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.effects import ALERTS, FOLLOW_UPS
from pipeline.span import DAY, HOUR, MINUTE
from tests.boards import CHECKOUT, LOW, NONE, NOON, TILL, alerts, at, down, record, segment, survey, told, up
from tests.chance import examples
from tests.hearts import Fed, board, feed, from_changelog, from_snapshot, log, rule_set, shard
from tests.naive_board import PANE, Count, NaiveBoard
from tests.oracle.reading import ms, rfc3339

# --- rules --------------------------------------------------------------------------------------------

HELD = """
  - id: held
    summary: NPS is low for an hour, and clears at 50.
    when: {metric: nps, over: 24h, is: "< 0", samples: ">= 2"}
    for: 1h
    clear: ">= 50"
    alert: warning
    follow_up: {team: care, due: 4h}
"""


@pytest.mark.parametrize(
    ("segments", "said"),
    [
        # Held for exactly the hour: the pane at the end of it counts.
        ([([(NOON, (), down(2))], NOON + HOUR)], []),
        ([([(NOON, (), down(2))], NOON + HOUR + 1)], [("fired", at("05T13:00"))]),
        # Too few samples begin nothing.
        ([([(NOON, (), down(1))], NOON + 2 * HOUR)], []),
        # An interruption of one pane begins anew.
        ([([(NOON, (), down(2)), (NOON + 30 * MINUTE, (), up(2)), (NOON + 35 * MINUTE, (), down(1))], NOON + 2 * HOUR)],
         [("fired", at("05T13:35"))]),
        # Above the limit, but not clear: it stays.
        ([([(NOON, (), down(2))], NOON + 2 * HOUR), ([(NOON + 3 * HOUR, (), up(3))], NOON + 4 * HOUR)], [("fired", at("05T13:00"))]),
        # Clear.
        ([([(NOON, (), down(2))], NOON + 2 * HOUR), ([(NOON + 3 * HOUR, (), up(6))], NOON + 4 * HOUR)],
         [("fired", at("05T13:00")), ("cleared", at("05T15:00"))]),
        # Clear, but with too few samples: it stays, until there is none.
        ([([(NOON, (), down(2)), (NOON + 6 * HOUR, (), up(1))], NOON + DAY + 1)], [("fired", at("05T13:00"))]),
        ([([(NOON, (), down(2)), (NOON + 6 * HOUR, (), up(1))], NOON + DAY + 6 * HOUR + 1)],
         [("fired", at("05T13:00")), ("no_data", at("06T18:00"))]),
        # It fires again, with an alert of its own.
        ([([(NOON, (), down(2))], NOON + 30 * HOUR), ([(NOON + 30 * HOUR, (), down(2))], NOON + 40 * HOUR)],
         [("fired", at("05T13:00")), ("no_data", at("06T12:00")), ("fired", at("06T19:00"))]),
        # A late count ends what was pending, from the next pane on.
        ([([(NOON, (), down(2))], NOON + 30 * MINUTE), ([(NOON - HOUR, (), up(9))], NOON + 30 * MINUTE), ([], NOON + 9 * HOUR)], []),
    ],
)  # fmt: skip
def test_an_episode_goes_from_pending_to_firing_to_resolved(segments: Any, said: Any) -> None:
    _, found = told(rule_set(HELD), *segments)
    assert found == said
    _, by_pane = told(rule_set(HELD), *by_five_minutes(segments))
    assert by_pane == said


def by_five_minutes(segments: Any) -> list[tuple[Sequence[Count], int]]:
    """The same, but the watermark comes in small steps, and counts just before their pane is over."""
    found: list[tuple[Sequence[Count], int]] = []
    now = segments[0][0][0][0] - DAY
    for counts, watermark in segments:
        late = [one for one in counts if one[0] < now]
        found += [(late, now)] if late else []
        while now < watermark:
            now = min(now + PANE, watermark)
            found.append(
                ([one for one in counts if now - PANE <= one[0] < now or (one[0] == now == watermark)], now)
            )
    return found


def test_an_alert_on_a_metric_opens_a_follow_up_whose_clocks_the_board_keeps() -> None:
    one = board(rule_set(HELD))
    fed = feed(one, log([
        record("s", 0, segment(NOON + 2 * HOUR, [(NOON, (), down(2))])),
        record("s", 1, segment(NOON + 6 * HOUR, [])),
    ]), [1])  # fmt: skip
    tasks = [json.loads(raw) for topic, _, raw in fed.outputs if topic == FOLLOW_UPS]
    assert [(task["type"], task["time"], task["data"]["key"]) for task in tasks] == [
        ("cx.followup.opened", at("05T13:00"), "nps"),
        ("cx.followup.updated", at("05T17:00"), "nps"),
    ]
    assert one.levels()["followups_overdue", "care"] == 1


def test_each_series_of_a_rule_has_an_episode_of_its_own() -> None:
    rules = rule_set(LOW.replace("metric: nps,", "metric: nps, by: [touchpoint],"))
    one = board(rules)
    counts = [(NOON, TILL, down()), (NOON, CHECKOUT, up()), (NOON, (), down(9))]
    fed = feed(one, log([record("s", 0, segment(NOON + HOUR, counts))]))
    keys = [json.loads(raw)["data"]["key"] for topic, _, raw in fed.outputs if topic == ALERTS]
    assert keys == ["nps{touchpoint=till}"]


# --- the naive model ----------------------------------------------------------------------------------

MODELLED = rule_set("""
  - id: low
    summary: At once.
    when: {metric: nps, over: 24h, is: "< 0"}
    alert: info
  - id: low-for-a-while
    summary: For a while, with a clear level and enough samples.
    when: {metric: nps, over: 24h, is: "<= 0", samples: ">= 3"}
    for: 15m
    clear: "> 40"
    alert: info
  - id: low-somewhere
    summary: At a touchpoint.
    when: {metric: nps, by: [touchpoint], over: 24h, is: "< 0", samples: ">= 2"}
    for: 5m
    alert: info
  - id: low-for-a-week
    summary: Over a longer window, which has longer panes.
    when: {metric: nps, over: 7d, is: "< 0"}
    for: 2h
    clear: ">= 10"
    alert: info
""")

GAPS = [0, MINUTE, 5 * MINUTE, 5 * MINUTE, 7 * MINUTE, 15 * MINUTE, HOUR, 3 * HOUR, 23 * HOUR, DAY]
answers = st.tuples(
    st.sampled_from(
        [0, 0, 0, 1, PANE, 12 * PANE, -PANE, -3 * PANE, -HOUR, -DAY]
    ),  # from the shard's watermark
    st.sampled_from([(), TILL, CHECKOUT]),
    st.sampled_from(
        [
            up(),
            up(3),
            down(),
            down(2),
            {"nps_passives": 1},
            {"nps_detractors": -1},
            {"nps_promoters": 1, "nps_detractors": 1},
        ]
    ),
)
steps = st.lists(
    st.tuples(st.sampled_from("ab"), st.sampled_from(GAPS), st.lists(answers, max_size=3), st.booleans()),
    min_size=1,
    max_size=14,
)


def story_of(steps: Sequence[Any]) -> list[tuple[str, list[Count], int | None]]:
    """(shard, counts, watermark) in the order of cx.metrics; now and then a shard has no watermark yet."""
    marks: dict[str, int] = {}
    found: list[tuple[str, list[Count], int | None]] = []
    for name, gap, counted, without in steps:
        before = marks.get(name, NOON)
        counts: list[Count] = [
            (-(-(before + offset) // PANE) * PANE, series, c) for offset, series, c in counted
        ]
        if without and name not in marks:
            found.append((name, counts, None))
            continue
        marks[name] = before + gap
        found.append((name, counts, marks[name]))
    return found


def in_records(story: Sequence[tuple[str, list[Count], int | None]]) -> list[bytes]:
    offsets: dict[str, int] = {}
    values = []
    for name, counts, watermark in story:
        offsets[name] = offsets.get(name, -1) + 1
        values.append(
            record(name, offsets[name], segment(watermark, [(e, s, dict(c)) for e, s, c in counts]))
        )
    return values


@examples(150)
@given(steps)
def test_going_from_change_to_change_gives_what_going_through_every_pane_does(steps: Sequence[Any]) -> None:
    story = story_of(steps)
    naive = NaiveBoard(list(MODELLED.on_metrics()))
    for one in story:
        naive.take(*one)
    quick = board(MODELLED)
    fed = feed(quick, log(in_records(story)))
    said = []
    for event in [json.loads(raw) for topic, _, raw in fed.outputs if topic == ALERTS]:
        inside = event["data"]["key"].removeprefix("nps").strip("{}")
        series = tuple(tuple(pair.split("=")) for pair in inside.split(",") if pair)
        said.append((event["data"]["rule"], series, event["data"].get("code", "fired"), ms(event["time"])))
    assert sorted(said, key=lambda one: (one[3], one)) == sorted(naive.said, key=lambda one: (one[3], one))
    assert [one[3] for one in said] == sorted(one[3] for one in said)
    shown = {(v.window, v.value): (v.result, v.samples) for v in quick.values() if v.metric == "nps"}
    expected = {
        (window, ",".join(value for _, value in series)): one
        for (window, series), one in naive.values().items()
    }
    assert shown == expected


def everything(one: Any, fed: Fed) -> tuple[Any, ...]:
    return fed.outputs, one.levels(), sorted(one.values(), key=repr), one.watermark, one.at


cuts = st.sets(st.integers(1, 13), max_size=6)


@examples(60)
@given(steps, cuts)
def test_any_batches_give_the_same(steps: Sequence[Any], cuts: set[int]) -> None:
    records = log(in_records(story_of(steps)))
    one, other = board(MODELLED), board(MODELLED)
    assert everything(one, feed(one, records, cuts)) == everything(other, feed(other, records, range(14)))


@pytest.mark.parametrize("how", [from_snapshot, from_changelog])
def test_interruptions_change_nothing(how: Any) -> None:
    @examples(80)
    @given(steps, cuts)
    def agree(steps: Sequence[Any], cuts: set[int]) -> None:
        records = log(in_records(story_of(steps)))
        boards = []

        def make() -> Any:
            boards.append(board(MODELLED))
            return boards[-1]

        one = make()
        uninterrupted = everything(one, feed(one, records))
        fed = feed(make(), records, cuts, restore=how(make))
        assert everything(boards[-1], fed) == uninterrupted

    agree()


# --- rules that change --------------------------------------------------------------------------------


def after_a_change(before: str, after: str) -> tuple[Any, Fed]:
    """A board on which an alert fires, and the same with other rules from then on."""
    old, new = board(rule_set(before)), board(rule_set(after))
    fed = feed(
        old, log([record("s", 0, segment(NOON + 2 * HOUR, [(NOON, (), down(2)), (NOON, TILL, down(2))]))])
    )
    assert [what for what, _ in alerts(fed)] == ["fired"]
    for one in old.snapshot():
        new.restore(one)
    fed = Fed()
    fed.take(new.opened(waiting=False).outputs)
    rest = [record("s", 1, segment(NOON + 3 * HOUR, [(NOON + 3 * HOUR, (), up(9)), (NOON + 3 * HOUR, TILL, up(9))])),
            record("s", 2, segment(NOON + 5 * HOUR, []))]  # fmt: skip
    fed.take(new.apply(log([b"", *rest])[1:]).outputs)
    return new, fed


@pytest.mark.parametrize(
    "after",
    [
        " []",
        LOW.replace("metric: nps,", "metric: nps, by: [touchpoint],"),
        LOW.replace("when: {metric: nps, over: 24h, is: \"< 0\"}", "when: {event: survey.answered}"),
    ],
    ids=["removed", "grouped otherwise", "of another kind"],
)  # fmt: skip
def test_the_alert_of_a_rule_that_changed_ends(after: str) -> None:
    new, fed = after_a_change(LOW, after)
    first, *rest = [what for what, _ in alerts(fed)]
    assert first in ("withdrawn", "cleared")
    assert rest in ([], ["fired", "cleared"])  # of what the changed rule looks at now
    assert new.levels()["episodes_open", "low"] == 0


def test_the_alert_of_a_rule_that_stayed_goes_on() -> None:
    new, fed = after_a_change(LOW, LOW + HELD)
    assert alerts(fed) == [("cleared", at("05T15:00"))]
    assert new.levels()["episodes_open", "low"] == 0


def test_the_board_hears_what_a_shard_withdraws_at_its_start() -> None:
    absence = """
  - id: waits
    summary: Nobody answers.
    when: {event: contact.opened}
    unless: {event: contact.replied, same: contact_id, within: 1h}
    alert: info
"""
    opened = json.dumps({
        "specversion": "1.0", "id": "c1", "source": "/test", "type": "cx.contact.opened", "subject": "cust-1",
        "time": rfc3339(NOON), "data": {"contact_id": "k"},
    }).encode()  # fmt: skip
    one, said = board(NONE), Fed()
    old, new = shard(rule_set(absence)), shard(NONE)
    said.take(old.apply(log([opened, survey(1, NOON + DAY, nps=9)])).outputs)
    for changed in old.snapshot():
        new.restore(changed)
    said.take(new.opened(waiting=False).outputs)
    feed(one, log(said.metrics))
    assert one.levels()["episodes_open", "waits"] == 0
