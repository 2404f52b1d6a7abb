"""What a scrape of /metrics says."""

from __future__ import annotations

import re
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
from prometheus_client import CollectorRegistry, generate_latest

from pipeline.metrics import catalogue
from pipeline.observe import BoardView, Feed, Gauges
from pipeline.observe.gauges import Known
from pipeline.observe.timings import Timings
from pipeline.replay import FileRecord
from pipeline.span import HOUR
from tests.boards import NONE, down, record, segment, told, up
from tests.browser.fakes import NOON, FakeBoard, FakeHealth, Value, alert_record, partition
from tests.deploy.programs import program

OPERATING = Path(__file__).parents[2] / "docs" / "operating.md"
KNOWN = Known(
    rules=("detractor-follow-up", "nps-low-at-touchpoint"),
    teams=("care", "reputation"),
    types=("cx.survey.answered", "cx.review.posted"),
    reasons=("time.future", "json.invalid"),
    version="c3e827e3f576",
)


def scrape(
    board: BoardView | None = None,
    health: FakeHealth | None = None,
    feed: Feed | None = None,
    known: Known = KNOWN,
) -> str:
    health = health or FakeHealth([partition()])
    gauges = Gauges(lambda: board, health, feed=feed, known=lambda: known, wall=lambda: 2_000_000_000.0)
    return generate_latest(gauges.look()).decode()


@pytest.mark.parametrize(
    "line",
    [
        'cxloop_nps{dimension="total",value="",window="24h"} 31.0',
        'cxloop_nps{dimension="touchpoint",value="checkout",window="7d"} -18.4',
        'cxloop_csat_mean{dimension="channel",value="store",window="28d"} 4.5',
        'cxloop_metric_samples{dimension="total",metric="nps",value="",window="24h"} 1204.0',
        "cxloop_metric_timestamp_seconds 1.7953488e+09",
        'cxloop_episodes_open{rule="nps-low-at-touchpoint"} 1.0',
        'cxloop_episodes_open{rule="detractor-follow-up"} 0.0',
        'cxloop_followups_open{team="care"} 3.0',
        'cxloop_followups_overdue{team="reputation"} 0.0',
        'cxloop_dimension_overflow_total{dimension="touchpoint"} 2.0',
        'cxloop_dimension_overflow_total{dimension="channel"} 0.0',
        'cxloop_events_total{partition="0",topic="touchpoints",type="cx.survey.answered"} 48000.0',
        'cxloop_events_total{partition="0",topic="touchpoints",type="cx.review.posted"} 0.0',
        'cxloop_source_events_total{partition="0",source="/shop/web",topic="touchpoints"} 47000.0',
        'cxloop_rejected_total{partition="0",reason="time.future",topic="touchpoints"} 2.0',
        'cxloop_rejected_total{partition="0",reason="json.invalid",topic="touchpoints"} 0.0',
        'cxloop_alerts_held_total{partition="0",rule="detractor-follow-up",topic="touchpoints"} 7.0',
        'cxloop_alerts_fired_total{partition="0",rule="detractor-follow-up",topic="touchpoints"} 40.0',
        'cxloop_alerts_fired_total{partition="0",rule="nps-low-at-touchpoint",topic="touchpoints"} 0.0',
        'cxloop_followups_opened_total{partition="0",rule="detractor-follow-up",topic="touchpoints"} 38.0',
        'cxloop_state_records{partition="0",topic="touchpoints"} 512.0',
        'cxloop_duplicates_total{partition="0",topic="touchpoints"} 12.0',
        'cxloop_late_total{partition="0",topic="touchpoints"} 31.0',
        'cxloop_lag_events{partition="0",topic="touchpoints"} 0.0',
        'cxloop_lag_seconds{partition="0",topic="touchpoints"} 0.0',
        'cxloop_restored_records{partition="0",topic="touchpoints"} 0.0',
        'cxloop_watermark_timestamp_seconds{partition="0",topic="touchpoints"} 1.7953488e+09',
        'cxloop_last_progress_timestamp_seconds{partition="0",topic="touchpoints"} 2e+09',
        'cxloop_partition_up{partition="0",topic="touchpoints"} 1.0',
        "cxloop_board_here 1.0",
        "cxloop_worker_alive 1.0",
        "cxloop_rebalances_total 3.0",
        'cxloop_rules_info{version="c3e827e3f576"} 1.0',
    ],
)
def test_a_scrape_says(line: str) -> None:
    assert NOON == 1_795_348_800_000
    assert line in scrape(FakeBoard()).splitlines()


def test_a_metric_lies_between_its_bounds() -> None:
    text = scrape(FakeBoard(nps=0.0, answers=400))
    where = r'{dimension="total",metric="nps",value="",window="24h"} (\S+)'
    bounds = [float(bound) for bound in re.findall(rf"cxloop_metric_(?:lower|upper){where}", text)]
    assert bounds == [pytest.approx(-8.98, abs=0.01), pytest.approx(8.98, abs=0.01)]
    assert 'cxloop_metric_lower{dimension="total",metric="first_response_p90"' not in text


def test_shares_add_up_to_one() -> None:
    found = re.findall(
        r'cxloop_nps_share_ratio{category="\w+",dimension="total",value="",window="24h"} (\S+)',
        scrape(FakeBoard()),
    )
    assert len(found) == 3
    assert sum(map(float, found)) == pytest.approx(1)


def test_a_worker_without_the_board_shows_no_metric_of_customers() -> None:
    text = scrape(None)
    assert "cxloop_board_here 0.0" in text
    assert not re.search(
        r"^cxloop_(nps|csat|metric|followups_open\b|followups_overdue|episodes)", text, re.MULTILINE
    )


def test_a_partition_that_went_away_leaves_no_series() -> None:
    health = FakeHealth([partition(number=0), partition(number=1)])
    assert 'partition="1"' in scrape(health=health)
    health.views.pop()
    assert 'partition="1"' not in scrape(health=health)


def test_while_events_wait_the_lag_grows_with_the_clock() -> None:
    text = scrape(health=FakeHealth([partition(lag=5, arrived=2_000_000_000.0 - 12)]))
    assert 'cxloop_lag_seconds{partition="0",topic="touchpoints"} 12.0' in text


def test_steps_and_transactions_are_observed_by_topic() -> None:
    registry = CollectorRegistry()
    timings = Timings(registry)
    timings.step(partition(), 400, 0.004)
    timings.transaction(partition(), 500, 0.03)
    text = generate_latest(registry).decode()
    assert 'cxloop_step_seconds_bucket{le="0.005",topic="touchpoints"} 1.0' in text
    assert 'cxloop_step_records_sum{topic="touchpoints"} 400.0' in text
    assert 'cxloop_transaction_seconds_sum{topic="touchpoints"} 0.03' in text
    assert 'cxloop_transaction_records_bucket{le="300.0",topic="touchpoints"} 0.0' in text
    assert 'cxloop_step_seconds_count{topic="reviews"} 0.0' in text
    assert "_created" not in text


def test_what_is_not_known_has_no_series() -> None:
    text = scrape(health=FakeHealth([partition(lag=None, watermark=None, state="restoring")]))
    assert "cxloop_lag_events{" not in text
    assert "cxloop_lag_seconds{" not in text
    assert "cxloop_lag_seconds{" not in scrape(health=FakeHealth([partition(lag=5, arrived=None)]))
    assert "cxloop_watermark_timestamp_seconds{" not in text
    assert 'cxloop_partition_up{partition="0",topic="touchpoints"} 0.0' in text


def test_a_hostile_value_of_a_dimension_is_one_label_and_no_more() -> None:
    evil = 'x"} 1\ncxloop_nps 99\n\\\ud800'
    board = FakeBoard(extra=[Value("nps", "24h", "touchpoint", evil, NOON, 5.0, 50)])
    lines = scrape(board).splitlines()
    assert not any(line.startswith("cxloop_nps 99") for line in lines)
    assert sum("ud800" in line for line in lines) == 2  # the value and its samples


def test_customers_are_never_labels() -> None:
    feed = Feed()
    feed.alert(alert_record(subject="cust-1042"))
    assert "cust-" not in scrape(FakeBoard(), feed=feed)


def test_what_the_page_could_not_read_is_counted() -> None:
    feed = Feed()
    feed.alert(b"{")
    text = scrape(feed=feed)
    assert 'cxloop_feed_malformed_total{topic="alerts"} 1.0' in text
    assert 'cxloop_feed_malformed_total{topic="followups"} 0.0' in text


def test_every_family_has_help_and_a_base_unit() -> None:
    text = scrape(FakeBoard(), feed=Feed())
    names = re.findall(r"^# TYPE (\S+) \w+$", text, re.MULTILINE)
    helped = dict(re.findall(r"^# HELP (\S+) (.+)$", text, re.MULTILINE))
    assert len(names) == len(set(names)) > 25
    for name in names:
        assert name.startswith("cxloop_")
        assert helped[name].endswith(".")
        assert not re.search(r"_(ms|millis\w*|minutes|hours|days|percent)$", name)
    assert all(name.endswith("_total") for name in re.findall(r"^# TYPE (\S+) counter$", text, re.MULTILINE))


def test_every_metric_of_the_pipeline_is_explained_to_operators() -> None:
    registry = CollectorRegistry()
    Timings(registry)
    text = scrape(FakeBoard(), feed=Feed()) + generate_latest(registry).decode()
    names = set(re.findall(r"^# TYPE (\S+) \w+$", text, re.MULTILINE))
    of_customers = {metric.gauge for metric in catalogue.METRICS.values()}
    explained = re.findall(r"`(cxloop_\w+)`", OPERATING.read_text())
    assert sorted(names - of_customers - {*explained}) == []
    assert sorted({*explained} - names) == []


def test_promtool_finds_nothing_to_mend() -> None:
    registry = CollectorRegistry()
    Timings(registry)
    text = scrape(FakeBoard(), FakeHealth([partition(), partition("metrics")]), Feed())
    text += generate_latest(registry).decode()
    done = subprocess.run(
        [program("promtool"), "check", "metrics"], input=text, capture_output=True, text=True, check=False
    )
    assert (done.returncode, done.stdout + done.stderr) == (0, "")


def test_what_was_seen_stays_as_it_was_though_the_board_moves_on() -> None:
    board, _ = told(NONE, ([(NOON, (), up(30) | down(10))], NOON + HOUR))
    gauges = Gauges(lambda: board, FakeHealth([partition()]), wall=lambda: 2_000_000_000.0)
    seen = gauges.look()
    before = generate_latest(seen)
    late = record("s/0", 1, segment(NOON + 2 * HOUR, [(NOON, (), down(20))]))
    board.apply([FileRecord(1, NOON, late)])
    assert generate_latest(gauges.look()) != before
    assert generate_latest(seen) == before


def test_to_look_works_nothing_out() -> None:
    """It is done where events wait for it."""

    class Never(FakeBoard):
        def values(self) -> Iterator[Value]:
            yield from ()
            raise AssertionError("it was gone through")

    seen = Gauges(Never, FakeHealth([partition()])).look()
    with pytest.raises(AssertionError, match="gone through"):
        generate_latest(seen)
