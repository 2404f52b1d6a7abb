"""Lengths of time as people write them."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.span import DAY, HOUR, MINUTE, SECOND, Span, duration
from tests.chance import examples


@pytest.mark.parametrize(
    ("text", "span"),
    [
        ("30s", Span(30 * SECOND)),
        ("5m", Span(5 * MINUTE)),
        ("24h", Span(DAY)),
        ("30d", Span(30 * DAY)),
        ("2w", Span(14 * DAY)),
        ("  7 d ", Span(7 * DAY)),
        ("0h", Span(0)),
        ("1 business hour", Span(HOUR, business=True)),
        ("4 business hours", Span(4 * HOUR, business=True)),
        ("1 business day", Span(8 * HOUR, business=True)),
        ("3  business  days", Span(24 * HOUR, business=True)),
    ],
)
def test_a_length_of_time_is_read(text: str, span: Span) -> None:
    assert Span.parse(text) == span


@pytest.mark.parametrize(
    "text",
    ["", "d", "30", "30 days", "1.5h", "1,5h", "-3h", "+3h", "one day", "1 day", "1h30m", "business day", "1 business week",
     "1 Business day", "1d ago", "1e3s"],
)  # fmt: skip
def test_what_is_no_length_of_time_is_refused_with_what_would_be(text: str) -> None:
    with pytest.raises(
        ValueError, match="is no length of time; write for example 30m, 24h, 7d or 1 business day"
    ) as error:
        Span.parse(text)
    assert str(error.value).startswith(f'"{text}"')


@pytest.mark.parametrize(
    ("millis", "text"),
    [(30 * SECOND, "30s"), (90 * SECOND, "90s"), (5 * MINUTE, "5m"), (90 * MINUTE, "90m"), (HOUR, "1h"), (DAY, "24h"),
     (36 * HOUR, "36h"), (2 * DAY, "2d"), (7 * DAY, "7d"), (28 * DAY, "28d")],
)  # fmt: skip
def test_a_length_of_time_is_written_as_people_do(millis: int, text: str) -> None:
    assert duration(millis) == text == str(Span(millis))


@pytest.mark.parametrize(
    ("hours", "text"),
    [
        (1, "1 business hour"),
        (4, "4 business hours"),
        (8, "1 business day"),
        (12, "12 business hours"),
        (24, "3 business days"),
    ],
)
def test_working_time_is_written_as_people_do(hours: int, text: str) -> None:
    assert str(Span(hours * HOUR, business=True)) == text


@examples(200)
@given(st.integers(1, 10**6), st.sampled_from([SECOND, MINUTE, HOUR, DAY]), st.booleans())
def test_what_is_written_is_read_back(number: int, unit: int, business: bool) -> None:
    span = Span(number * (HOUR if business else unit), business)
    assert Span.parse(str(span)) == span
