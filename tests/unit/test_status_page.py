"""The status page as machines see it, and the same on a terminal; a browser looks at it in tests/browser."""

from __future__ import annotations

import asyncio
import io
import re
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import httpx
import msgspec
import pytest
from rich.console import Console
from starlette.applications import Starlette

import pipeline.web
from pipeline.demo.screen import Screen, summary
from pipeline.observe import BoardView, Feed, Gauges, PartitionView, Truth
from pipeline.observe.scoreboard import Scoreboard
from pipeline.web.live import ALERTS, FOLLOW_UPS, ROWS, Live
from pipeline.web.status import status_app
from tests.browser.fakes import (
    DAY,
    MINUTE,
    NOON,
    Company,
    FakeBoard,
    FakeHealth,
    Value,
    alert_record,
    follow_up_record,
    partition,
)

EVIL = "<img src=x onerror=alert(1)>\"'&</script>\u2028"


def app_of(
    feed: Feed | None = None,
    board: Callable[[], BoardView | None] = lambda: None,
    health: FakeHealth | None = None,
    closing: Callable[[], bool] = lambda: False,
) -> Starlette:
    health = health or FakeHealth([partition()])
    feed = feed or Feed()
    gauges = Gauges(board, health, feed=feed)
    return status_app(feed, board, health, lambda: (gauges.look(),), closing=closing)


async def get(app: Starlette, path: str) -> httpx.Response:
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app=app), base_url="http://cxloop") as client:
        return await client.get(path)


async def state_of(app: Starlette) -> dict[str, Any]:
    response = await get(app, "/api/state")
    assert response.status_code == 200
    found: dict[str, Any] = response.json()
    return found


def countdown(beats: int) -> Callable[[], bool]:
    """False so many times, then true."""
    left: Iterator[bool] = iter([False] * beats)
    return lambda: next(left, True)


async def test_the_page_says_how_the_pipeline_is_where_no_script_runs() -> None:
    page = await get(app_of(health=FakeHealth(dead=["no poll for 130 s"])), "/")
    assert page.status_code == 200
    said = page.text.split("<noscript>")[1].split("</noscript>")[0]
    assert "Stuck. What is below may be out of date." in said
    assert "No poll for 130 s." in said


async def test_the_page_asks_nobody_else_and_runs_nothing_inline() -> None:
    page = await get(app_of(), "/")
    policy = page.headers["content-security-policy"]
    assert "default-src 'none'" in policy
    assert "unsafe" not in policy
    static = Path(pipeline.web.__path__[0]) / "static"
    texts = [page.text, *(path.read_text() for path in static.iterdir())]
    for text in texts:
        assert not re.search(r"(src|href|url|import|from)\W{1,3}(https?:)?//", text)
        assert "innerHTML" not in text
        assert "insertAdjacentHTML" not in text
    assert not re.search(r"<script(?![^>]*src=)|style=|\son\w+=", page.text)


async def test_reasons_with_markup_are_text_on_the_page() -> None:
    page = await get(app_of(health=FakeHealth([partition()], unready=[EVIL])), "/")
    assert "<img" not in page.text.split("<noscript>")[1].split("</noscript>")[0]
    assert "&lt;img src=x onerror=alert(1)&gt;" in page.text


async def test_the_state_holds_what_a_busy_day_brings() -> None:
    company = Company()
    state = await state_of(app_of(company.feed, lambda: company.board, company.health))
    assert state["head"]["state"] == "healthy"
    assert state["head"]["applied"] > 10_000
    day = state["metrics"]["windows"]["24h"]
    assert day["at"] == company.board.at
    assert day["total"]["nps"] == [pytest.approx(company.board.nps, rel=1e-4), company.board.answers]
    assert len(day["curve"]["at"]) == len(day["curve"]["values"]["nps"]) == 96
    assert set(state["metrics"]["windows"]) == {"24h", "7d", "28d"}
    alerts = state["alerts"]
    assert ALERTS <= len(alerts["newest"]) <= 2 * ALERTS
    assert alerts["known"] >= alerts["listed"] > 0
    assert sum(map(sum, state["rhythm"]["by_severity"].values())) == company.feed.fired.total()
    assert all(map(any, state["rhythm"]["activity"].values()))
    followups = state["followups"]
    assert followups["overdue"] == sum(team["overdue"] for team in followups["teams"]) > 0
    assert [row["overdue"] for row in followups["rows"]] == sorted(
        (row["overdue"] for row in followups["rows"]), reverse=True
    )
    assert [f"{one['topic']}/{one['partition']}" for one in state["partitions"]] == [
        "touchpoints/0", "touchpoints/1", "reviews/0", "metrics/0",
    ]  # fmt: skip


async def test_the_board_says_how_many_alerts_stand_though_few_of_them_are_kept() -> None:
    feed, board = Feed(alerts=20), FakeBoard()
    board.open_now = {"promise-broken": 450, "thank-you": 150, "on-trial": 7}
    for number in range(30):
        feed.alert(alert_record(number, severity="critical"))
    rules = {"promise-broken": "critical", "thank-you": "info"}
    live = Live(feed, lambda: board, FakeHealth([partition()]), severities=lambda: rules)
    alerts = msgspec.json.decode(live.state()["alerts"])
    assert (alerts["standing"], alerts["critical"], alerts["at_least"]) == (600, 450, False)
    assert (alerts["listed"], alerts["known"]) == (20, 20)


async def test_without_the_board_so_many_alerts_stand_at_least() -> None:
    feed = Feed(alerts=20)
    for number in range(30):
        feed.alert(alert_record(number, severity="critical"))
    alerts = (await state_of(app_of(feed)))["alerts"]
    assert (alerts["standing"], alerts["critical"], alerts["at_least"]) == (20, 20, True)


@pytest.mark.parametrize(
    ("applied", "end", "lag", "shown"),
    [
        (99, 100, 0, (100, 100, 0)),
        (14, 16, 0, (16, 16, 0)),
        (14, 30, 13, (17, 30, 13)),
        (-1, 0, 0, (0, 0, 0)),
        (14, 16, None, (15, 16, None)),
    ],
    ids=["applied", "a-marker-is-last", "a-marker-is-next", "nothing-yet", "not-measured"],
)
async def test_next_and_what_is_to_go_add_up_to_the_end(
    applied: int, end: int, lag: int | None, shown: tuple[int, int, int | None]
) -> None:
    health = FakeHealth([partition(applied=applied, end=end, lag=lag)])
    (one,) = (await state_of(app_of(health=health)))["partitions"]
    assert (one["next"], one["end"], one["lag"]) == shown


async def test_hostile_text_arrives_as_it_is_and_as_json() -> None:
    feed = Feed()
    feed.alert(alert_record(title=EVIL, key=EVIL, rule=EVIL, severity=EVIL, reasons=[{"text": EVIL}]))
    feed.followup(follow_up_record(subject=EVIL, team=EVIL))
    board = FakeBoard(extra=[Value("nps", "24h", "touchpoint", EVIL, NOON, -90.0, 50)])
    response = await get(app_of(feed, lambda: board), "/api/state")
    assert response.headers["content-type"] == "application/json"
    assert response.headers["x-content-type-options"] == "nosniff"
    state = response.json()
    assert state["alerts"]["newest"][0]["title"] == EVIL
    assert state["places"]["24h"]["touchpoint"]["rows"][0]["value"] == EVIL


async def test_places_are_ordered_worst_first_and_those_with_few_answers_are_not_ranked() -> None:
    state = await state_of(app_of(Feed(), FakeBoard))
    rows = state["places"]["24h"]["touchpoint"]["rows"]
    ranked = [row for row in rows if not row["few"]]
    assert [row["value"] for row in ranked[:3]] == ["checkout", "delivery", "returns"]
    assert [row["value"] for row in rows if row["few"]] == ["gift-card"]
    assert rows[-1]["value"] == "gift-card"


async def test_the_rank_rests_on_the_answers_of_what_it_ranks_by() -> None:
    extra = [
        Value("nps", "24h", "touchpoint", "kiosk", NOON, -100.0, 3),
        Value("csat", "24h", "touchpoint", "kiosk", NOON, 1.5, 80),
        Value("csat", "24h", "team", "care", NOON, 3.9, 40),
        Value("csat", "24h", "team", "lost-luggage", NOON, 2.1, 30),
        Value("nps", "24h", "team", "care", NOON, -90.0, 2),
    ]
    places = (await state_of(app_of(Feed(), lambda: FakeBoard(extra=extra))))["places"]["24h"]
    kiosk = next(row for row in places["touchpoint"]["rows"] if row["value"] == "kiosk")
    assert (places["touchpoint"]["by"], kiosk["few"], kiosk["nps_answers"]) == ("nps", True, 3)
    assert places["touchpoint"]["rows"][0]["value"] == "checkout"
    assert places["team"]["by"] == "csat"
    assert [(row["value"], row["few"]) for row in places["team"]["rows"]] == [
        ("lost-luggage", False), ("care", False),
    ]  # fmt: skip


async def test_what_a_page_is_given_is_bounded() -> None:
    feed = Feed()
    for number in range(500):
        feed.alert(alert_record(number, rule=f"rule-{number}"))
        feed.followup(follow_up_record(number, team=f"team-{number}"))
    board = FakeBoard(
        extra=[Value("nps", "24h", "touchpoint", f"t{number}", NOON, 1.0, 50) for number in range(200)]
    )
    response = await get(app_of(feed, lambda: board), "/api/state")
    state = response.json()
    assert len(state["alerts"]["newest"]) == ALERTS
    assert len(state["followups"]["rows"]) == FOLLOW_UPS
    assert state["followups"]["open"] == 500
    assert len(state["places"]["24h"]["touchpoint"]["rows"]) == ROWS
    assert state["places"]["24h"]["touchpoint"]["more"] == 208 - ROWS
    assert state["rhythm"]["more_rules"] == 488
    assert len(response.content) < 100_000


async def test_those_that_stand_are_given_though_many_newer_ones_are_over() -> None:
    feed = Feed()
    for number in range(150):
        feed.alert(alert_record(number))
    for number in range(70, 150):
        feed.alert(alert_record(number, "resolved", code="cleared"))
    alerts = (await state_of(app_of(feed)))["alerts"]
    newest = [one["key"] for one in alerts["newest"]]
    assert newest[: alerts["most"]] == [f"cust-{1000 + number}" for number in range(149, 149 - ALERTS, -1)]
    assert newest[alerts["most"] :] == [f"cust-{1000 + number}" for number in range(69, 69 - ALERTS, -1)]


async def test_nothing_yet_is_said_as_such() -> None:
    state = await state_of(app_of(Feed(), lambda: FakeBoard(empty=True), FakeHealth()))
    assert state["head"]["sentence"] == "Standing by. Other workers hold the partitions."
    assert state["head"]["watermark"] is None
    assert state["metrics"] == {"here": True, "trouble": None, "windows": {}, "left_out": []}
    assert state["alerts"]["newest"] == []
    assert state["followups"]["rows"] == []
    assert state["partitions"] == []


async def test_a_worker_without_the_board_says_that_another_one_has_it() -> None:
    state = await state_of(app_of(Feed(), lambda: None))
    assert state["metrics"]["here"] is False
    assert state["places"] == {}


async def test_a_board_that_cannot_be_read_is_said_and_shows_no_old_numbers() -> None:
    class Broken(FakeBoard):
        def values(self) -> Iterator[Value]:
            raise RuntimeError("no such pane")

    feed = Feed()
    feed.sample(FakeBoard())
    state = await state_of(app_of(feed, Broken))
    assert state["metrics"]["windows"] == {}
    assert state["metrics"]["trouble"] == "The board cannot be read: RuntimeError: no such pane."


async def test_a_health_that_cannot_be_read_is_stuck() -> None:
    class Broken(FakeHealth):
        def partitions(self) -> Sequence[PartitionView]:
            raise RuntimeError("gone")

    state = await state_of(app_of(health=Broken()))
    assert state["head"]["state"] == "stuck"
    assert state["head"]["reasons"] == ["The health cannot be read: RuntimeError: gone."]


async def test_events_begin_with_all_and_go_on_with_what_changed() -> None:
    company = Company(history=30)
    app = app_of(company.feed, lambda: company.board, company.health, closing=countdown(4))
    began = time.monotonic()
    response = await get(app, "/events")
    took = time.monotonic() - began
    assert response.headers["content-type"].startswith("text/event-stream")
    messages = [
        msgspec.json.decode(line[6:]) for line in response.text.splitlines() if line.startswith("data: ")
    ]
    sections = {
        "catalogue",
        "head",
        "partitions",
        "metrics",
        "places",
        "journey",
        "alerts",
        "rhythm",
        "followups",
    }
    assert set(messages[0]) == sections
    assert all(set(message) == {"head"} for message in messages[1:])
    assert len(messages) == 4
    assert took >= 2.0 - 0.1  # two a second at the most


async def test_events_tell_of_a_new_alert_without_the_rest() -> None:
    feed = Feed()
    live = Live(feed, lambda: None, FakeHealth([partition()]), monotonic=iter(range(100)).__next__)
    known: dict[str, int] = {}
    live.news(known)
    feed.alert(alert_record())
    news = live.news(known)
    assert set(news) == {"head", "alerts", "rhythm"}
    assert b"cust-1001" in news["alerts"]


async def test_the_curve_grows_while_nobody_looks() -> None:
    company = Company(history=1)
    points = len(company.feed.history)
    app = app_of(company.feed, lambda: company.board, company.health)
    company.board.at += 5 * MINUTE
    async with app.router.lifespan_context(app):
        await asyncio.sleep(0.2)
    assert len(company.feed.history) == points + 3  # one for each window


def test_what_was_seen_last_stays_when_the_worker_ends() -> None:
    clock = [0.0]
    boards: list[BoardView | None] = [FakeBoard()]
    health = FakeHealth([partition(applied=99, end=107, lag=7)])
    live = Live(Feed(), lambda: boards[0], health, monotonic=lambda: clock[0])
    before = {name: msgspec.json.decode(body) for name, body in live.state().items()}
    boards[0], health.ends, clock[0] = None, True, 1.0
    health.views = [partition(applied=99, end=107, lag=7, state="closing")]
    assert msgspec.json.decode(live.state()["partitions"])[0]["state"] == "closing"
    health.views, clock[0] = [], 2.0
    health.unready = ["This worker hands its partitions over and ends."]
    after = {name: msgspec.json.decode(body) for name, body in live.state().items()}
    assert after["head"]["reasons"] == health.unready
    assert after["head"]["sentence"] == "Not ready."
    for name in ("applied", "lag", "watermark"):
        assert after["head"][name] == before["head"][name] is not None
    assert after["partitions"] == [before["partitions"][0] | {"state": "closing"}]
    assert after["metrics"] == before["metrics"]


def test_a_board_that_is_slow_to_read_is_read_seldom() -> None:
    now = [0.0]
    reads = []

    class Slow(FakeBoard):
        def values(self) -> Iterator[Value]:
            reads.append(now[0])
            now[0] += 0.25
            return super().values()

    live = Live(Feed(), Slow, FakeHealth([partition()]), monotonic=lambda: now[0])
    while now[0] < 50:
        live.look()
        now[0] += 0.5
    assert len(reads) == 4  # a quarter of a second each, a fiftieth of the time


@pytest.mark.parametrize("path", ["/healthz", "/readyz"])
async def test_health_is_ok_without_reasons_and_503_with_them(path: str) -> None:
    fine = await get(app_of(), path)
    assert (fine.status_code, fine.json()) == (200, {"status": "ok", "reasons": []})
    health = FakeHealth(dead=["no poll for 130 s"], unready=["restoring touchpoints/0"])
    ill = await get(app_of(health=health), path)
    reason = health.dead if path == "/healthz" else health.unready
    assert (ill.status_code, ill.json()) == (503, {"status": "failing", "reasons": reason})


async def test_prometheus_is_answered_in_its_plain_text_format() -> None:
    response = await get(app_of(Feed(), FakeBoard), "/metrics")
    assert response.headers["content-type"] == "text/plain; version=0.0.4; charset=utf-8"
    assert 'cxloop_nps{dimension="total",value="",window="24h"} 31.0' in response.text


@pytest.mark.parametrize(
    "name", ["status.js", "charts.js", "words.js", "metrics.js", "lists.js", "status.css", "mark.svg"]
)
async def test_the_page_s_parts_are_asked_for_each_time(name: str) -> None:
    response = await get(app_of(), f"/static/{name}")
    assert response.status_code == 200
    assert response.headers["cache-control"] == "no-cache"
    assert response.headers["etag"]


async def test_only_the_page_s_parts_are_served() -> None:
    for path in ("/static/../live.py", "/static/%2e%2e/live.py", "/nothing"):
        assert (await get(app_of(), path)).status_code == 404


def screen_of(
    feed: Feed, board: BoardView | None, health: FakeHealth, **console: Any
) -> tuple[Screen, io.StringIO]:
    written = io.StringIO()
    terminal = Console(file=written, **console)
    screen = Screen(feed, lambda: board, health, "http://127.0.0.1:6066/", console=terminal,
                    monotonic=iter(range(1_000)).__next__)  # fmt: skip
    return screen, written


@pytest.mark.parametrize(("width", "height"), [(80, 24), (100, 30), (140, 50)])
def test_the_terminal_s_page_fits_the_terminal(width: int, height: int) -> None:
    company = Company()
    screen, written = screen_of(
        company.feed, company.board, company.health, force_terminal=True, width=width, height=height
    )
    Console(file=written, width=width, height=height).print(screen.page())
    lines = written.getvalue().splitlines()
    assert len(lines) <= height
    assert max(map(len, lines)) <= width
    text = written.getvalue()
    for word in ("Up to date", "NPS", "Alerts", "overdue", "http://127.0.0.1:6066/", "22 Nov 2026"):
        assert word in text


async def test_without_a_terminal_there_is_a_line_for_each_change_of_an_alert() -> None:
    feed = Feed()
    screen, written = screen_of(feed, None, FakeHealth([partition()]), width=200)
    stop = asyncio.Event()
    feed.alert(alert_record(1))
    running = asyncio.create_task(screen.run(stop))
    await asyncio.sleep(0.1)
    feed.alert(alert_record(1, "resolved", NOON + DAY, code="followup_closed"))
    stop.set()
    await running
    lines = [line for line in written.getvalue().splitlines() if "cust-1001" in line]
    assert [line.split()[4] for line in lines] == ["fired", "resolved"]


def test_a_terminal_obeys_no_customer() -> None:
    feed = Feed()
    feed.alert(
        alert_record(key="\x1b[2J\x07\u202e[red]", title="[link=x]\r", reasons=[{"text": "\x1b]0;hi\x07"}])
    )
    screen, written = screen_of(feed, None, FakeHealth([partition()]), width=200)
    screen.tell()
    Console(file=written, width=200).print(screen.page())
    text = written.getvalue()
    assert not re.search("[\x00-\x09\x0b-\x1f\u202e]", text)
    assert "[red]" in text


def test_the_summary_says_what_came_of_the_run() -> None:
    feed = Feed()
    for number in range(3):
        feed.alert(alert_record(number))
    feed.alert(alert_record(2, "retracted", code="late_truth"))
    feed.alert(alert_record(9, rule="promise-broken"))
    feed.followup(follow_up_record(1, 1))
    feed.followup(follow_up_record(2, 1))
    feed.followup(follow_up_record(1, 2, "updated", change="overdue"))
    feed.followup(follow_up_record(1, 3, "closed"))
    written = io.StringIO()
    board = Scoreboard.read(FakeBoard(nps=31.0))
    Console(file=written, width=120).print(
        summary(feed, Truth("healthy", "", applied=12_345, watermark=NOON), board)
    )
    text = re.sub(r" +", " ", written.getvalue())
    for line in (
        "Events applied 12,345 up to 22 Nov 2026 12:00",
        "Alerts fired 4 0 resolved, 1 retracted",
        "detractor-follow-up 3",
        "promise-broken 1",
        "Follow-ups opened 2 1 closed, 0 opened again, 1 open now",
        " overdue 1 at some time",
        "NPS +31 1,204 answers in 24h",
    ):
        assert line in text


def test_the_follow_ups_of_the_summary_add_up() -> None:
    feed = Feed()
    life = [
        ("opened", "open"), ("closed", "closed"), ("closed", "closed"), ("reopened", "open"),
        ("assigned", "assigned"), ("reopened", "assigned"), ("closed", "closed"),
    ]  # fmt: skip
    for number, so_far in enumerate((1, 3, 5, 7), 1):
        for event, (what, status) in enumerate(life[:so_far], 1):
            feed.followup(follow_up_record(number, event, what, status=status))
    written = io.StringIO()
    Console(file=written, width=120).print(summary(feed, Truth("healthy", ""), None))
    assert "4  4 closed, 2 opened again, 2 open now" in written.getvalue()


def test_what_the_terminal_saw_last_stays_when_the_worker_lets_go_and_a_browser_still_looks() -> None:
    feed, health = Feed(), FakeHealth([partition()])
    boards: list[BoardView | None] = [FakeBoard(nps=31.0)]
    clock = [0.0]
    written = io.StringIO()
    screen = Screen(feed, lambda: boards[0], health, "http://127.0.0.1:6066/",
                    console=Console(file=written, width=120), monotonic=lambda: clock[0])  # fmt: skip
    page = Live(feed, lambda: boards[0], health, monotonic=lambda: clock[0])
    screen.tell()
    page.state()
    boards[0], health.views, clock[0] = None, [], 1.0
    page.state()
    assert feed.scoreboard is None
    screen.tell()
    Console(file=written, width=120).print(screen.summary())
    text = re.sub(r" +", " ", written.getvalue())
    assert "Events applied 48,000" in text
    assert "NPS +31 1,204 answers in 24h" in text
