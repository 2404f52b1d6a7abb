"""Deadlines: spans of the clock, and of working hours."""

from __future__ import annotations

from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.followup.clocks import BusinessClock
from pipeline.span import DAY, HOUR, MINUTE, Span
from tests.chance import examples
from tests.oracle.reading import ms, rfc3339

AMSTERDAM = ZoneInfo("Europe/Amsterdam")
ZONES = [
    AMSTERDAM,
    ZoneInfo("UTC"),
    ZoneInfo("America/New_York"),
    ZoneInfo("Asia/Kolkata"),
    ZoneInfo("Australia/Lord_Howe"),
]


def at(local: str, zone: ZoneInfo = AMSTERDAM) -> int:
    """A local time, such as "2026-03-27 16:00", in ms UTC."""
    return int(datetime.fromisoformat(local).replace(tzinfo=zone).timestamp() * 1000)


@pytest.mark.parametrize(
    ("start", "span", "deadline"),
    [
        # Monday 2026-03-23 is an ordinary one.
        ("2026-03-23 09:00", "1 business day", "2026-03-23 17:00"),
        ("2026-03-23 10:30", "1 business day", "2026-03-24 10:30"),
        ("2026-03-23 16:00", "1 business hour", "2026-03-23 17:00"),
        ("2026-03-23 16:00", "2 business hours", "2026-03-24 10:00"),
        ("2026-03-23 17:00", "1 business hour", "2026-03-24 10:00"),
        ("2026-03-23 08:59", "1 business hour", "2026-03-23 10:00"),
        ("2026-03-23 03:00", "1 business day", "2026-03-23 17:00"),
        ("2026-03-23 23:30", "1 business day", "2026-03-24 17:00"),
        ("2026-03-23 09:00", "5 business days", "2026-03-27 17:00"),
        ("2026-03-23 12:00", "5 business days", "2026-03-30 12:00"),
        # Over the weekend on which the clocks go forward (Sunday 29 March), and back (25 October).
        ("2026-03-27 16:00", "1 business day", "2026-03-30 16:00"),
        ("2026-03-28 12:00", "1 business hour", "2026-03-30 10:00"),
        ("2026-03-29 02:59", "1 business hour", "2026-03-30 10:00"),
        ("2026-10-23 16:00", "1 business day", "2026-10-26 16:00"),
        ("2026-10-25 02:30", "4 business hours", "2026-10-26 13:00"),
        # Christmas is no holiday yet.
        ("2026-12-25 09:00", "4 business hours", "2026-12-25 13:00"),
        # Spans of the clock do not care.
        ("2026-03-27 16:00", "24h", "2026-03-28 16:00"),
        ("2026-03-28 16:00", "24h", "2026-03-29 17:00"),
        ("2026-10-24 16:00", "24h", "2026-10-25 15:00"),
        ("2026-03-27 16:00", "30m", "2026-03-27 16:30"),
    ],
)
def test_a_deadline_counts_what_the_span_counts(start: str, span: str, deadline: str) -> None:
    found = BusinessClock(AMSTERDAM).deadline(at(start), Span.parse(span))
    assert rfc3339(found) == rfc3339(at(deadline))


def test_the_same_moment_is_another_deadline_elsewhere() -> None:
    start, span = ms("2026-03-23T16:30:00Z"), Span.parse("1 business hour")
    found = {zone.key: rfc3339(BusinessClock(zone).deadline(start, span)) for zone in ZONES[:4]}
    assert found == {
        "Europe/Amsterdam": "2026-03-24T09:00:00Z",
        "UTC": "2026-03-24T09:30:00Z",
        "America/New_York": "2026-03-23T17:30:00Z",
        "Asia/Kolkata": "2026-03-24T04:30:00Z",
    }


zones = st.sampled_from(ZONES)
starts = st.one_of(
    st.integers(ms("2025-01-01T00:00:00Z"), ms("2027-12-31T00:00:00Z")),
    # Around both changes of the clock in 2026.
    *(st.integers(change - 3 * DAY, change + 2 * DAY) for change in (ms("2026-03-29T01:00:00Z"), ms("2026-10-25T01:00:00Z"))),
)  # fmt: skip
spans = st.one_of(
    st.integers(1, 40).map(lambda n: Span(n * HOUR, business=True)),
    st.integers(1, 3 * 8 * HOUR).map(lambda n: Span(n, business=True)),
)


def worked(start: int, end: int, zone: ZoneInfo) -> int:
    """Working ms between two moments, day by day."""
    total = 0
    day = datetime.fromtimestamp(start / 1000, zone).date() - timedelta(days=1)
    while at(f"{day} 00:00", zone) <= end:
        if day.isoweekday() <= 5:
            opens, closes = at(f"{day} 09:00", zone), at(f"{day} 17:00", zone)
            total += max(0, min(end, closes) - max(start, opens))
        day += timedelta(days=1)
    return total


@examples(200)
@given(zones, starts, spans)
def test_a_deadline_lies_in_working_hours_and_as_much_is_worked_until_then(
    zone: ZoneInfo, start: int, span: Span
) -> None:
    found = BusinessClock(zone).deadline(start, span)
    local = datetime.fromtimestamp(found / 1000, zone)
    since_midnight = timedelta(
        hours=local.hour, minutes=local.minute, seconds=local.second, microseconds=local.microsecond
    )
    assert local.isoweekday() <= 5
    assert timedelta(hours=9) < since_midnight <= timedelta(hours=17)
    assert worked(start, found, zone) == span.millis
    assert worked(start, found - 1, zone) == span.millis - 1  # and it is the earliest such moment


@examples(200)
@given(zones, starts, st.integers(0, 4 * DAY), spans, st.integers(0, 20 * HOUR))
def test_who_starts_later_or_has_longer_is_never_due_earlier(
    zone: ZoneInfo, start: int, later: int, span: Span, longer: int
) -> None:
    clock = BusinessClock(zone)
    assert clock.deadline(start, span) <= clock.deadline(start + later, span)
    assert clock.deadline(start, span) <= clock.deadline(start, Span(span.millis + longer, business=True))


@examples(100)
@given(zones, starts, st.integers(1, 30 * DAY))
def test_a_span_of_the_clock_is_added(zone: ZoneInfo, start: int, millis: int) -> None:
    assert BusinessClock(zone).deadline(start, Span(millis)) == start + millis


@examples(100)
@given(zones, starts, st.integers(1, 20), st.integers(1, 20))
def test_two_spans_after_each_other_are_one(zone: ZoneInfo, start: int, one: int, other: int) -> None:
    clock = BusinessClock(zone)
    first = clock.deadline(start, Span(one * 30 * MINUTE, business=True))
    assert clock.deadline(first, Span(other * 30 * MINUTE, business=True)) == clock.deadline(
        start, Span((one + other) * 30 * MINUTE, business=True)
    )
