"""What the live page knows, fed at least once and in any order."""

from __future__ import annotations

import json
import random
from itertools import permutations
from typing import Any

import pytest

from pipeline.effects import METRICS
from pipeline.observe import Feed, PartitionView, Pulse
from pipeline.observe.truth import SMALL_LAG, STALLED_S
from tests.boards import NONE
from tests.browser.fakes import (
    DAY,
    HOUR,
    MINUTE,
    NOON,
    FakeBoard,
    FakeHealth,
    alert_record,
    counts_record,
    events,
    follow_up_record,
    partition,
)
from tests.hearts import log, shard
from tests.oracle.reading import rfc3339

LIFE = [
    alert_record(1, "fired", NOON),
    alert_record(
        1,
        "escalated",
        NOON + HOUR,
        to="lead",
        step=1,
        reasons=[{"text": "nobody has contacted the customer; lead is told"}],
    ),
    alert_record(
        1, "resolved", NOON + 2 * HOUR, code="followup_closed", reasons=[{"text": "closed by m.visser"}]
    ),
]


@pytest.mark.parametrize("order", list(permutations(range(3))), ids=str)
def test_an_alert_is_the_same_whatever_the_order_of_its_records(order: tuple[int, ...]) -> None:
    feed = Feed()
    for index in order:
        feed.alert(LIFE[index])
    (alert,) = feed.alerts()
    assert (alert.state, alert.fired, alert.changed) == ("resolved", NOON, NOON + 2 * HOUR)
    assert (alert.to, alert.code) == ("lead", "followup_closed")
    assert alert.reasons == ("nps is 3, limit <= 6",)
    assert alert.outcome == ("closed by m.visser",)


def test_a_change_of_an_alert_whose_firing_is_not_kept_is_not_taken_for_its_reason() -> None:
    feed = Feed(alerts=1)
    feed.alert(LIFE[0])
    feed.alert(alert_record(2))
    feed.alert(LIFE[1])
    (alert,) = feed.alerts()
    assert (alert.state, alert.fired, alert.reasons) == ("escalated", None, ())
    assert alert.outcome == ("nobody has contacted the customer; lead is told",)
    feed.alert(LIFE[2])
    (alert,) = feed.alerts()
    assert (alert.state, alert.fired, alert.reasons) == ("resolved", None, ())
    assert alert.outcome == ("closed by m.visser",)


def test_a_record_taken_twice_changes_nothing() -> None:
    feed = Feed()
    for record in LIFE:
        feed.alert(record)
    feed.followup(follow_up_record())
    before = (feed.changed, feed.alerts(), feed.follow_ups(None), feed.fired.copy(), feed.happened.copy())
    for record in LIFE:
        feed.alert(record)
    feed.followup(follow_up_record())
    assert (feed.changed, feed.alerts(), feed.follow_ups(None), feed.fired, feed.happened) == before


def test_a_state_does_not_go_back_when_an_id_was_forgotten_and_comes_again() -> None:
    feed = Feed(ids=1)
    for record in [*LIFE, *LIFE]:
        feed.alert(record)
    assert [alert.state for alert in feed.alerts()] == ["resolved"]


def test_a_late_truth_retracts_what_was_resolved() -> None:
    feed = Feed()
    for record in LIFE:
        feed.alert(record)
    feed.alert(alert_record(1, "retracted", NOON + HOUR, code="late_truth"))
    assert [(alert.state, alert.code) for alert in feed.alerts()] == [("retracted", "late_truth")]


def test_a_trial_is_shown_and_nobody_has_to_act_on_it() -> None:
    feed = Feed()
    feed.alert(alert_record(1, shadow=True))
    (alert,) = feed.alerts()
    assert alert.shadow
    assert not alert.standing
    assert feed.fired.total() == 0
    assert not feed.panes.upto(NOON, 1).by


def test_only_the_newest_alerts_are_kept() -> None:
    feed = Feed(alerts=10)
    for number in range(50):
        feed.alert(alert_record(number, at=NOON + number * MINUTE))
    assert [alert.key for alert in feed.alerts()] == [f"cust-{1000 + number}" for number in range(49, 39, -1)]
    assert feed.fired.total() == 50


def test_an_alert_on_something_long_ago_stays_when_it_has_just_come() -> None:
    feed = Feed(alerts=10)
    for number in range(10):
        feed.alert(alert_record(number, at=NOON + number * MINUTE))
    feed.alert(alert_record(99, at=NOON - 40 * DAY, rule="source-silent"))
    assert [alert.rule for alert in feed.alerts()] == ["source-silent", *["detractor-follow-up"] * 9]


def test_an_alert_that_changes_is_news_again_and_the_same_record_is_none() -> None:
    feed = Feed(alerts=3, ids=1)
    for number in range(3):
        feed.alert(alert_record(number))
    feed.alert(alert_record(1, "resolved", code="cleared"))
    feed.alert(alert_record(0))
    assert [alert.key for alert in feed.alerts()] == ["cust-1001", "cust-1002", "cust-1000"]
    feed.alert(alert_record(3))
    assert [alert.key for alert in feed.alerts()] == ["cust-1003", "cust-1001", "cust-1002"]


@pytest.mark.parametrize(
    "value",
    [
        None,
        b"",
        b"{",
        b"[]",
        b"\xff\xfe",
        b'{"id":"a-1/fired"}',
        alert_record().replace(b"cx.alert.fired", b"cx.alert.dreamt"),
        alert_record().replace(b"2026-11-22T12:00:00Z", b"noon"),
        alert_record().replace(b"2026-11-22T12:00:00Z", b"2026-11-22T12:00:00"),
        alert_record(severity=7),
    ],
    ids=["tombstone", "empty", "cut", "array", "not-utf8", "bare", "type", "time", "naive", "field"],
)
def test_a_malformed_record_is_counted_and_never_raises(value: bytes | None) -> None:
    feed = Feed()
    feed.alert(value)
    feed.followup(value)
    feed.metrics(value)
    assert feed.malformed == {"alerts": 1, "followups": 1, "metrics": 1}
    assert feed.alerts() == []
    assert feed.changed == 3


def test_texts_take_bounded_room() -> None:
    feed = Feed()
    feed.alert(alert_record(title="x" * 100_000, reasons=[{"text": "y" * 100_000}] * 100))
    (alert,) = feed.alerts()
    assert len(alert.title) == 300
    assert len(alert.reasons) == 8
    assert all(len(text) == 300 for text in alert.reasons)


def test_follow_ups_are_ordered_by_need() -> None:
    feed = Feed()
    feed.followup(follow_up_record(1, due=NOON + 3 * HOUR))
    feed.followup(follow_up_record(2, due=NOON + HOUR))
    feed.followup(follow_up_record(3, due=NOON - HOUR))
    feed.followup(follow_up_record(4, due=None))
    feed.followup(follow_up_record(5, due=NOON - 2 * HOUR, what="contacted"))
    order = [one.customer for one in feed.follow_ups(NOON)]
    assert order == ["cust-1003", "cust-1002", "cust-1001", "cust-1004", "cust-1005"]
    assert [one.overdue(NOON) for one in feed.follow_ups(NOON)] == [True, False, False, False, False]


def test_what_was_overdue_stays_so_until_somebody_was_in_touch() -> None:
    feed = Feed()
    due = NOON + HOUR
    feed.followup(follow_up_record(1, 1, "opened", NOON, due))
    feed.followup(follow_up_record(1, 2, "updated", due, due, change="overdue"))
    feed.followup(follow_up_record(1, 3, "assigned", due + 1, due, agent="m.visser"))
    assert [one.overdue(None) for one in feed.follow_ups(None)] == [True]
    feed.followup(follow_up_record(1, 4, "contacted", due + 2, due))
    assert [one.overdue(due + DAY) for one in feed.follow_ups(None)] == [False]


def test_a_reopened_follow_up_starts_its_clock_anew() -> None:
    feed = Feed()
    feed.followup(follow_up_record(1, 1, due=NOON + HOUR))
    feed.followup(follow_up_record(1, 2, "updated", NOON + HOUR, NOON + HOUR, change="overdue"))
    feed.followup(follow_up_record(1, 3, "closed", NOON + 2 * HOUR, NOON + HOUR, resolution="solved"))
    assert feed.follow_ups(None) == []
    feed.followup(follow_up_record(1, 4, "reopened", NOON + DAY, NOON + 2 * DAY))
    assert [one.overdue(NOON + DAY) for one in feed.follow_ups(NOON + DAY)] == [False]


def test_an_older_event_of_a_follow_up_does_not_undo_a_newer_one() -> None:
    feed = Feed()
    feed.followup(follow_up_record(1, 3, "closed", NOON + HOUR, resolution="solved"))
    feed.followup(follow_up_record(1, 1))
    feed.followup(follow_up_record(1, 2, "updated", change="overdue"))
    assert feed.follow_ups(NOON + 9 * DAY) == []
    assert [one.resolution for one in feed.closed()] == ["solved"]


def test_closed_follow_ups_drop_out_after_a_while() -> None:
    feed = Feed(closed_for=HOUR)
    feed.followup(follow_up_record(1, 2, "closed", NOON))
    assert len(feed.closed()) == 1
    feed.followup(follow_up_record(2, 1, at=NOON + 2 * HOUR))
    assert feed.closed() == []


def test_without_room_closed_ones_go_first_and_then_those_due_last() -> None:
    feed = Feed(follow_ups=20)
    for number in range(5):
        feed.followup(follow_up_record(number, 2, "closed"))
    for number in range(5, 30):
        feed.followup(follow_up_record(number, due=NOON + number * HOUR))
    waiting = feed.follow_ups(NOON)
    assert len(waiting) <= 20
    assert [one.due for one in waiting[:10]] == [NOON + number * HOUR for number in range(5, 15)]
    assert feed.closed() == []
    assert feed.forgotten == 25 - len(waiting)


def test_memory_is_bounded_whatever_comes() -> None:
    feed = Feed(alerts=20, follow_ups=50, ids=100, points=10)
    chance = random.Random(4)
    board = FakeBoard()
    for number in range(2_000):
        at = NOON + chance.randint(-40 * DAY, 40 * DAY)
        feed.alert(alert_record(number, at=at, rule=f"rule-{number}"))
        feed.followup(follow_up_record(number, at=at))
        board.at += 5 * MINUTE
        if number % 20 == 0:
            feed.sample(board)
    assert len(feed.alerts()) == 20
    assert len(feed.follow_ups(None)) + len(feed.closed()) <= 50
    assert len(feed._ids) + len(feed._older_ids) == 100
    assert len(feed.history) == 30
    assert len(feed.panes) <= 24 * 28
    assert len(feed.fired) == 501
    assert feed.fired.total() == 2_000


def test_alerts_are_counted_in_the_pane_that_ends_at_or_after_their_time() -> None:
    feed = Feed()
    for number, at in enumerate((NOON, NOON + 1, NOON + HOUR, NOON + HOUR + 1)):
        feed.alert(alert_record(number, at=at))
    feed.alert(alert_record(9, at=NOON, severity="odd"))
    counts = feed.panes.upto(NOON + 2 * HOUR, 3)
    assert counts.ends == [NOON, NOON + HOUR, NOON + 2 * HOUR]
    assert counts.by == {
        ("detractor-follow-up", "warning"): [1, 2, 1],
        ("detractor-follow-up", "other"): [1, 0, 0],
    }


def test_activity_is_what_shards_counted_each_record_once() -> None:
    feed = Feed()
    records = [
        counts_record(10, NOON, nps_promoters=3, nps_detractors=1, review_count=2),
        counts_record(11, NOON + 5 * MINUTE, nps_passives=5),
        counts_record(3, NOON, shard="reviews/0", review_count=4, review_answered=1),
        counts_record(12, NOON, first_response_count=-1),
    ]
    for record in [*records, *records]:
        feed.metrics(record)
    assert feed.activity.upto(NOON + HOUR, 2).by == {
        "nps_answers": [4, 5],
        "reviews": [6, 0],
        "first_replies": [-1, 0],
    }


def test_activity_is_read_in_the_words_of_a_shard() -> None:
    told: list[tuple[str, str | None, dict[str, Any]]] = [
        ("survey.answered", "cust-1", {"nps": 9, "csat": 5}),
        ("survey.answered", "cust-2", {"nps": 3}),
        ("contact.opened", "cust-1", {"contact_id": "c"}),
        ("contact.replied", "cust-1", {"contact_id": "c", "by": "agent"}),
        ("review.posted", None, {"review_id": "r", "platform": "maps", "rating": 1}),
        ("review.posted", None, {"review_id": "s", "platform": "maps", "rating": 4.5}),
    ]
    written = shard(NONE).apply(log((cloud_event(n, NOON, *one) for n, one in enumerate(told)), NOON))
    feed = Feed()
    for output in written.outputs:
        if output.topic == METRICS:
            feed.metrics(output.value)
    assert feed.activity.upto(NOON, 1).by == {"nps_answers": [2], "reviews": [2], "first_replies": [1]}


def cloud_event(number: int, at: int, kind: str, subject: str | None, data: dict[str, Any]) -> str:
    of = {"subject": subject} if subject is not None else {}
    return json.dumps({
        "specversion": "1.0", "id": f"e{number}", "source": "/test", "type": f"cx.{kind}", "time": rfc3339(at),
        **of, "data": data,
    })  # fmt: skip


def test_the_curve_has_one_point_a_judged_pane() -> None:
    feed = Feed()
    board = FakeBoard(at=NOON, nps=10.0)
    feed.sample(board)
    board.nps = 11.0  # a late count mends the value, and is no new point
    feed.sample(board)
    board.at, board.nps = NOON + 5 * MINUTE, 12.0
    feed.sample(board)
    curve = feed.history.curve("24h")
    assert curve.at == [NOON, NOON + 5 * MINUTE]
    assert curve.values["nps"] == [10.0, 12.0]
    assert feed.scoreboard is not None
    assert feed.scoreboard.total("24h").result("nps") == 12.0


def test_a_long_curve_keeps_its_ends() -> None:
    feed = Feed()
    board = FakeBoard(at=NOON)
    for _ in range(500):
        board.at += 5 * MINUTE
        feed.sample(board)
    curve = feed.history.curve("7d", 40)
    assert len(curve.at) == 40
    assert (curve.at[0], curve.at[-1]) == (NOON + 5 * MINUTE, board.at)


def test_numbers_go_when_the_board_goes_to_another_worker() -> None:
    feed = Feed()
    feed.sample(FakeBoard())
    assert feed.scoreboard is not None
    feed.sample(None)
    assert feed.scoreboard is None


def test_the_nps_margin_follows_from_its_shares() -> None:
    feed = Feed()
    feed.sample(FakeBoard(nps=0.0, answers=400))
    assert feed.scoreboard is not None
    # p = d = 0.42: variance 0.84, so ± 1.96 · 100 · √(0.84 / 400)
    assert feed.scoreboard.total("24h").nps_margin == pytest.approx(8.98, abs=0.01)


def states(*beats: tuple[float, list[PartitionView]], health: FakeHealth | None = None) -> list[str]:
    """How the pipeline is at each of these seconds."""
    health = health or FakeHealth()
    pulse = Pulse()
    said = []
    for at, views in beats:
        health.views = views
        said.append(pulse.beat(health, at).state)
    return said


def test_a_partition_that_does_not_move_though_it_could_is_stuck_whatever_it_says() -> None:
    waiting = [partition(lag=3)]
    assert states((0, waiting), (STALLED_S - 1, waiting), (STALLED_S, waiting)) == [
        "healthy",
        "healthy",
        "stuck",
    ]


def test_a_quiet_partition_is_healthy_however_long_it_is_quiet() -> None:
    assert states((0, [partition()]), (9_999, [partition(idle_s=9_999)])) == ["healthy", "healthy"]


def test_a_partition_that_begins_to_have_work_is_not_stuck_at_once() -> None:
    quiet, busy = [partition(idle_s=900)], [partition(lag=50, idle_s=900)]
    assert states((0, quiet), (900, busy), (901, busy)) == ["healthy"] * 3


def test_a_lag_that_lasts_is_called_one() -> None:
    def at(second: int) -> list[PartitionView]:
        return [partition(applied=100 + second, lag=SMALL_LAG + 1, stats=events(100 + second))]

    assert states(*((second, at(second)) for second in (0, 1, 4))) == ["healthy", "healthy", "behind"]


def test_a_lag_of_a_moment_s_work_is_none() -> None:
    def at(second: int) -> list[PartitionView]:
        return [partition(applied=50_000 * second, lag=20_000, stats=events(50_000 * second))]

    assert states(*((second, at(second)) for second in range(1, 9)))[3:] == ["healthy"] * 5


@pytest.mark.parametrize(
    ("views", "dead", "unready", "state"),
    [
        ([], [], [], "healthy"),
        ([], [], ["has not joined its group"], "waiting"),
        ([partition(state="restoring"), partition(number=1)], [], ["restoring"], "restoring"),
        ([partition(state="opening")], [], [], "restoring"),
        ([partition(state="closing")], [], [], "waiting"),
        ([partition(state="stuck")], [], [], "stuck"),
        ([partition(lag=None)], [], [], "waiting"),
        ([partition(lost=4)], [], [], "behind"),
        ([partition()], ["no poll for 130 s"], [], "stuck"),
        ([partition()], [], ["the broker does not answer"], "waiting"),
        ([partition("metrics"), partition()], [], [], "healthy"),
    ],
)
def test_the_truth_in_one_word(
    views: list[PartitionView], dead: list[str], unready: list[str], state: str
) -> None:
    assert states((0, views), health=FakeHealth(dead=dead, unready=unready)) == [state]


def test_what_somebody_should_mend_is_said_though_all_is_up_to_date() -> None:
    health = FakeHealth([partition()], to_mend=["the rules in the files are wrong"])
    truth = Pulse().beat(health, 0)
    assert truth.state == "behind"
    assert truth.reasons == ("The rules in the files are wrong.",)


def test_the_rate_counts_events_of_partitions_that_stayed() -> None:
    pulse, health = Pulse(), FakeHealth()
    truth = pulse.beat(health, -1)
    for second in range(5):
        health.views = [
            partition(number=0, stats=events(1_000 * second)),
            partition("metrics", stats=events(7 * second)),
        ]
        if second == 3:  # another worker's, with all that it did before
            health.views.append(partition(number=1, stats=events(900_000)))
        truth = pulse.beat(health, second)
    assert truth.rate == pytest.approx(800)  # 4,000 in the 5 s since the first look
    assert truth.applied == 4_000


@pytest.mark.parametrize(
    ("view", "count"),
    [
        (partition(stats={}), 48_212),
        (partition(stats={"type.cx.survey.answered": 7, "type.cx.clock.ticked": 5, "late": 2}), 7),
        (partition(stats={"type.cx.survey.answered": 7, "type.cx.review.posted": 5}), 7),
        (partition("reviews", stats={"type.cx.review.posted": 5}), 5),
        (partition(stats={"open.records": 9}), 0),
    ],
    ids=["nothing-counted", "ticks", "forwarded-reviews", "reviews", "sizes"],
)
def test_events_are_counted_where_they_came_from(view: PartitionView, count: int) -> None:
    assert Pulse().beat(FakeHealth([view]), 0).applied == count


def test_the_watermark_is_the_lowest_of_the_partitions_with_events() -> None:
    health = FakeHealth(
        [
            partition(number=0, watermark=NOON),
            partition(number=1, watermark=None),
            partition("metrics", watermark=5),
        ]
    )
    assert Pulse().beat(health, 0).watermark == NOON
