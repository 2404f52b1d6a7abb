"""The status page in a real browser: it moves, it is quiet, and it never shows old numbers as live ones."""

from __future__ import annotations

import re
import socket
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import uvicorn
from playwright.sync_api import Browser, Page, Route, expect

from pipeline.events.journey import Journey
from pipeline.metrics.catalogue import METRICS
from pipeline.observe import Feed
from pipeline.web.status import status_app
from tests.browser.chromium import chromium
from tests.browser.fakes import (
    HOUR,
    NOON,
    Company,
    FakeBoard,
    FakeHealth,
    Value,
    alert_record,
    follow_up_record,
    partition,
)

pytestmark = [pytest.mark.browser, pytest.mark.xdist_group("browser")]

JOURNEY = Journey(
    "shop", {"shop": "buy", "checkout": "buy", "delivery": "use", "returns": "use"}, ("buy", "use"), {"buy": "sale"},
    frozenset({"checkout"}), {"use": {"csat": 4}},
)  # fmt: skip
EVIL = "<img src=x onerror=\"document.title='owned'\"><b>bold</b>&amp;</script>"


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with chromium() as started:
        yield started


class Served:
    """A status page on a port of its own, until it is stopped."""

    def __init__(
        self, company: Company, port: int = 0, board: Callable[[], FakeBoard | None] | None = None
    ) -> None:
        self.company = company
        self._socket = socket.create_server(("127.0.0.1", port))
        self.port: int = self._socket.getsockname()[1]
        self.url = f"http://127.0.0.1:{self.port}"
        app = status_app(
            company.feed, board or (lambda: company.board), company.health, lambda: (),
            journey=lambda: JOURNEY, closing=lambda: self._server.should_exit,
            severities=lambda: {"nps-low-at-touchpoint": "warning", "promise-broken": "critical"},
        )  # fmt: skip
        self._server = uvicorn.Server(uvicorn.Config(app, log_level="warning", timeout_graceful_shutdown=5))
        self._thread = threading.Thread(target=self._server.run, kwargs={"sockets": [self._socket]})
        self._thread.start()
        while not self._server.started:
            time.sleep(0.02)

    def stop(self) -> None:
        self._server.should_exit = True
        self._thread.join(20)
        assert not self._thread.is_alive(), "open pages keep the server from stopping"
        self._socket.close()


@pytest.fixture
def served() -> Iterator[Served]:
    running = Served(Company())
    yield running
    running.stop()


class Visit:
    """A page that was opened, with all that it asked for and complained about."""

    def __init__(self, browser: Browser, url: str, width: int = 1440, scheme: str = "light") -> None:
        self.page: Page = browser.new_page(viewport={"width": width, "height": 900}, color_scheme=scheme)  # type: ignore[arg-type]
        self.complaints: list[str] = []
        self.elsewhere: list[str] = []
        self.page.on("console", lambda message: self.complaints.append(f"{message.type}: {message.text}"))
        self.page.on("pageerror", lambda error: self.complaints.append(str(error)))
        self.page.on(
            "request", lambda one: None if one.url.startswith(url) else self.elsewhere.append(one.url)
        )
        self.page.goto(url)

    def close(self) -> None:
        self.page.close()
        assert self.complaints == []
        assert self.elsewhere == []


@pytest.mark.parametrize(
    ("width", "scheme"), [(1440, "light"), (1440, "dark"), (390, "light")], ids=["light", "dark", "phone"]
)
def test_alerts_appear_and_numbers_move(
    browser: Browser, served: Served, tmp_path: Path, width: int, scheme: str
) -> None:
    visit = Visit(browser, served.url, width, scheme)
    page, company = visit.page, served.company
    expect(page.locator("#sentence")).to_have_text("Up to date. Every partition is running.")
    nps = page.locator(".tile.nps .value")
    expect(nps).to_have_text(f"+{company.board.nps:.0f}")
    events = page.locator("#facts dd").first.inner_text()

    company.board.nps = 61.0
    company.step()
    company.feed.alert(
        alert_record(77_777, at=NOON + 9 * HOUR, severity="critical", title="The lift is stuck.")
    )
    first = page.locator("table.alerts tbody tr").first
    expect(first).to_contain_text("The lift is stuck.")
    expect(first).to_contain_text("critical")
    expect(first).to_have_class(re.compile("fresh"))
    expect(nps).to_have_text(f"+{company.board.nps:.0f}")
    expect(page.locator("#facts dd").first).not_to_have_text(events)
    expect(page.locator("#updated")).to_contain_text("live")
    expect(page.locator("table.partitions tbody tr")).to_have_count(4)
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth"), (
        "the page is wider than its window"
    )
    picture = tmp_path / f"{scheme}-{width}.png"
    page.screenshot(path=picture, full_page=True)
    assert picture.stat().st_size > 20_000
    visit.close()


def test_windows_and_dimensions_can_be_chosen_and_shared(browser: Browser, served: Served) -> None:
    visit = Visit(browser, served.url)
    page = visit.page
    expect(page.locator(".tile.csat .rests")).to_contain_text(f"{served.company.board.answers:,} answers")
    page.get_by_label("7 days").check()
    expect(page.locator(".tile.csat .rests")).to_contain_text(f"{served.company.board.answers * 6:,} answers")
    page.get_by_label("Channel").check()
    expect(page.locator("table.places tbody th").first).to_have_text("phone")
    page.get_by_label("Standing").check()
    expect(page.locator("table.alerts .state.resolved")).to_have_count(0)
    shared = page.url
    visit.close()
    again = Visit(browser, shared)
    expect(again.page.get_by_label("7 days")).to_be_checked()
    expect(again.page.locator("table.places tbody th").first).to_have_text("phone")
    again.page.close()


def test_markup_in_what_customers_write_stays_text(browser: Browser, served: Served) -> None:
    company = served.company
    company.feed.alert(
        alert_record(88_888, at=NOON + 9 * HOUR, key=EVIL, rule=EVIL, title=EVIL, severity=EVIL,
                     reasons=[{"text": EVIL}, {"text": "w" * 5_000}])
    )  # fmt: skip
    company.feed.followup(
        follow_up_record(
            88_888,
            due=NOON - 90 * HOUR,
            subject=EVIL,
            team=EVIL,
            reasons=[EVIL],
            messages=[EVIL, "w" * 5_000],
        )
    )
    company.board.extra = [Value("nps", "24h", "touchpoint", EVIL, company.board.at, -99.0, 90)]
    company.health.views = [partition(state=EVIL)]
    visit = Visit(browser, served.url)
    page = visit.page
    expect(page.locator("table.alerts tbody tr").first).to_contain_text(EVIL)
    expect(page.locator("table.followups tbody tr").first).to_contain_text(EVIL)
    expect(page.locator("table.places tbody th").first).to_have_text(EVIL)
    assert page.locator("main img").count() == 0
    assert page.get_by_text("bold", exact=True).count() == 0
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    assert "owned" not in page.title()
    visit.close()


def test_moments_in_reasons_are_written_as_all_others(browser: Browser, served: Served) -> None:
    reason = "It waits: no contact.replied within 24h, by 2026-09-01T08:00:01.934Z"
    feed = served.company.feed
    feed.followup(follow_up_record(88_889, due=NOON - 95 * HOUR, reasons=[reason]))
    # What a customer wrote.
    feed.alert(alert_record(88_889, at=NOON + 10 * HOUR, reasons=[{"text": "on 2026-13-45T99:00:00Z"}]))
    visit = Visit(browser, served.url)
    follow_up = visit.page.locator("table.followups tbody tr").first
    expect(follow_up.locator(".reason")).to_have_text(
        "It waits: no contact.replied within 24h, by 1 Sept 08:00"
    )
    expect(follow_up.locator(".reason time")).to_have_attribute("datetime", "2026-09-01T08:00:01.934Z")
    expect(visit.page.locator("table.alerts tbody tr").first).to_contain_text("on 2026-13-45T99:00:00Z")
    visit.close()


def test_what_rules_say_to_those_who_act_is_shown(browser: Browser, served: Served) -> None:
    message = "Case k-17. What they wrote: nobody called me back"
    served.company.feed.followup(follow_up_record(88_890, due=NOON - 99 * HOUR, messages=[message]))
    visit = Visit(browser, served.url)
    follow_up = visit.page.locator("table.followups tbody tr").first
    expect(follow_up.locator(".message")).to_have_text(message)
    visit.close()


def test_empty_sections_say_why(browser: Browser) -> None:
    company = Company(history=0)
    company.feed, company.board, company.health = Feed(), FakeBoard(empty=True), FakeHealth()
    running = Served(company)
    visit = Visit(browser, running.url)
    for section, why in (
        ("#tiles", "No metric yet."),
        ("#places-body", "No answer that names a touchpoint"),
        ("#rhythm-body", "no alert fired in the last 48 hours"),
        ("#alerts-body", "No alert has fired"),
        ("#followups-body", "Nobody waits for a follow-up."),
        ("#partitions-body", "This worker holds no partition."),
    ):
        expect(visit.page.locator(section)).to_contain_text(why)
    visit.close()
    running.stop()


def test_a_page_that_is_behind_says_by_how_much(browser: Browser, served: Served) -> None:
    served.company.feed.is_behind(125.0)
    visit = Visit(browser, served.url)
    expect(visit.page.locator("#reasons")).to_contain_text("What is listed below is 2 min old")
    served.company.feed.is_behind(3.0)
    expect(visit.page.locator("#reasons")).to_be_empty()
    visit.close()


def test_metrics_that_are_not_kept_have_no_tile_and_are_counted(browser: Browser, served: Served) -> None:
    served.company.board.measured = [name for name in METRICS if name not in ("ces", "visits")]
    visit = Visit(browser, served.url)
    expect(visit.page.locator(".tile.csat")).to_be_visible()
    expect(visit.page.locator(".tile.ces")).to_have_count(0)
    expect(visit.page.locator("#catalogue-body")).to_contain_text("2 metrics are not kept (CXLOOP_METRICS)")
    visit.close()


def test_a_lost_connection_is_said_and_mended_by_itself(browser: Browser) -> None:
    company = Company(history=20)
    running = Served(company)
    visit = Visit(browser, running.url)
    page = visit.page
    expect(page.locator("#updated")).to_contain_text("live")
    running.stop()
    expect(page.locator("#sentence")).to_contain_text("Connection lost, last update", timeout=10_000)
    expect(page.locator("#updated")).to_contain_text("connection lost, last update")
    expect(page.locator("#lost")).to_contain_text("not live")
    assert float(page.evaluate("getComputedStyle(document.querySelector('main')).opacity")) < 0.6
    assert "Connection lost" in page.title()

    company.board.nps = -12.0
    back = Served(company, running.port)
    expect(page.locator("#sentence")).to_have_text("Up to date. Every partition is running.", timeout=15_000)
    expect(page.locator(".tile.nps .value")).to_have_text("−12")
    expect(page.locator("#lost")).to_be_empty()
    page.close()
    back.stop()


@pytest.mark.parametrize("width", [1440, 390], ids=["wide", "phone"])
def test_the_map_shows_every_stage_and_how_it_is_at_its_touchpoints(
    browser: Browser, served: Served, width: int
) -> None:
    company = served.company
    company.board.extra += [
        Value("emotion", "24h", "touchpoint", "shop", NOON, 1.2, 40),
        Value("emotion", "24h", "touchpoint", "checkout", NOON, -0.7, 30),
        Value("visits", "24h", "touchpoint", "kiosk", NOON, 12, 12),
        Value("csat", "24h", "stage", "use", NOON, 3.2, 25),
        Value("stage_conversion", "24h", "stage", "buy", NOON, 0.4, 50),
        Value("stage_conversion", "24h", "stage", "use", NOON, 0.25, 4),
    ]
    company.step()
    visit = Visit(browser, served.url, width)
    stages = visit.page.locator("#journey-map .stage")
    expect(stages).to_have_count(3)
    expect(stages.nth(0)).to_contain_text("buy sale")
    expect(stages.nth(0)).to_contain_text("40 % go on to the next · 50 customers")
    expect(stages.nth(1)).to_contain_text("4 customers came: too few to say how many go on")
    expect(stages.nth(1)).not_to_contain_text("25 %")
    expect(stages.nth(0).locator(".unhappy")).to_contain_text("◆ checkout")
    expect(stages.nth(1)).to_contain_text("✗ CSAT 3.20, at least 4.00")
    expect(stages.nth(2)).to_contain_text("kiosk")
    curve = visit.page.locator("#journey-curve svg")
    expect(curve).to_have_attribute("aria-label", re.compile("from −0.7 at checkout to [+]1.2 at shop"))
    expect(curve.locator("circle.point")).to_have_count(1)
    expect(curve.locator("path.point.below")).to_have_count(1)
    expect(visit.page.locator("#catalogue-body")).to_contain_text("NPS")
    assert visit.page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    visit.close()


def test_the_windows_that_the_worker_keeps_can_be_chosen(browser: Browser, served: Served) -> None:
    served.company.board.extra.append(Value("nps", "90m", "total", "", NOON, 12.0, 9))
    served.company.step()
    visit = Visit(browser, served.url)
    expect(visit.page.locator("#windows label")).to_have_text(["24 h", "7 days", "28 days", "90m"])
    visit.page.locator("#windows label", has_text="90m").click()
    expect(visit.page.locator(".tile.nps .value")).to_have_text("+12")
    visit.close()


def test_the_head_says_that_it_counts_a_part_where_the_board_is_elsewhere(browser: Browser) -> None:
    company = Company(history=20)
    company.feed = Feed(alerts=5)
    for number in range(9):
        company.feed.alert(alert_record(number, severity="critical"))
    boards: list[FakeBoard | None] = [FakeBoard(open_now={"promise-broken": 450})]
    running = Served(company, board=lambda: boards[0])
    visit = Visit(browser, running.url)
    glance = visit.page.locator("#glance")
    expect(glance).to_contain_text("450 critical")
    expect(glance).not_to_contain_text("at least")
    expect(visit.page.locator("#alerts-aside")).to_have_text("5 standing of the newest 5")
    boards[0] = None
    expect(glance).to_contain_text("at least 5 critical")
    expect(glance).to_contain_text("at least 5 alerts standing")
    visit.close()
    running.stop()


def test_an_alert_whose_firing_is_not_kept_says_so(browser: Browser, served: Served) -> None:
    told = [{"text": "nobody has contacted the customer; lead is told"}]
    feed = served.company.feed
    feed.alert(alert_record(70_001, "escalated", NOON + 9 * HOUR, to="lead", step=1, reasons=told))
    visit = Visit(browser, served.url)
    rows = visit.page.locator("table.alerts tbody tr")
    expect(rows.first).to_contain_text("fired before what is kept here")
    expect(rows.first).to_contain_text("lead is told")
    expect(rows.nth(1)).not_to_contain_text("fired before what is kept here")
    visit.close()


@pytest.mark.parametrize("width", [1440, 400], ids=["wide", "phone"])
def test_a_list_that_is_cut_says_of_how_many(browser: Browser, width: int) -> None:
    company = Company(history=20)
    company.feed = Feed()
    for number in range(194):
        company.feed.alert(alert_record(number))
        company.feed.followup(follow_up_record(number))
    company.board.open_now = {"promise-broken": 700}
    running = Served(company)
    visit = Visit(browser, running.url, width)
    page = visit.page
    note, alerts_note = page.locator("#followups .left-out"), page.locator("#alerts .left-out")
    expect(note).to_have_text("the 60 most urgent of 194")
    expect(alerts_note).to_have_text("the newest 60 of 194 that are kept here")
    page.get_by_label("Standing").check()
    expect(alerts_note).to_have_text("the newest 60 of 700 that stand")
    page.locator("#followups button.more").click()
    expect(page.locator("table.followups tbody tr")).to_have_count(60)
    expect(note).to_be_visible()
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    visit.close()
    running.stop()


@pytest.mark.parametrize("width", [1440, 400], ids=["wide", "phone"])
def test_places_show_the_answers_of_the_figure_that_ranks(
    browser: Browser, served: Served, width: int
) -> None:
    served.company.board.extra = [
        Value("nps", "24h", "touchpoint", "kiosk", NOON, -100.0, 3),
        Value("csat", "24h", "touchpoint", "kiosk", NOON, 1.5, 80),
    ]
    served.company.step()
    visit = Visit(browser, served.url, width)
    table = visit.page.locator("table.places")
    expect(table.locator("thead th").last).to_have_text("NPS answers")
    expect(table.locator(".below-few")).to_have_text("Fewer than 10 NPS answers: shown, not ranked")
    expect(table.locator("tr.few", has_text="kiosk").locator("td.number")).to_have_text("3")
    assert visit.page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    visit.close()


def test_before_the_first_state_the_page_says_that_it_loads(browser: Browser, served: Served) -> None:
    page = browser.new_page()
    held: list[Route] = []
    page.route("**/events", lambda route: held.append(route))  # noqa: PLW0108 - playwright marks what it is given
    page.goto(served.url)
    expect(page.locator("#sentence")).to_have_text("Loading.")
    expect(page.locator("#truth")).to_have_attribute("data-state", "loading")
    expect(page.locator("#tiles")).not_to_be_visible()
    page.wait_for_timeout(200)
    held[0].continue_()
    expect(page.locator("#sentence")).to_have_text("Up to date. Every partition is running.")
    expect(page.locator("#main")).to_have_attribute("aria-busy", "false")
    expect(page.locator("#tiles .tile").first).to_be_visible()
    page.close()
