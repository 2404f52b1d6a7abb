"""Deadlines: spans of the clock, or of working hours."""

from __future__ import annotations

from datetime import date, datetime, time, timedelta
from functools import lru_cache
from zoneinfo import ZoneInfo

from pipeline.span import Span

#: Until teams have calendars of their own: Monday to Friday, 09:00 to 17:00.
OPENS, CLOSES = time(9), time(17)
MIDNIGHT = time(0)
_WORKDAYS = range(5)
_DAY = timedelta(days=1)


class BusinessClock:
    """Working hours of one time zone."""

    def __init__(self, zone: ZoneInfo) -> None:
        self._zone = zone
        self._working = lru_cache(maxsize=1_000)(self._working_day)
        # The day that was asked for last, and when it begins and ends (ms UTC): mostly it is asked for again.
        self._day, self._begins, self._ends = date.min, 0, 0

    def deadline(self, start: int, span: Span) -> int:
        """When a span that starts at `start` (ms UTC) is over; working time ends at the earliest such moment."""
        if not span.business:
            return start + span.millis
        left, day = span.millis, self._date(start)
        while True:
            opens, closes, day = self._working(day)
            begins = max(start, opens)
            works = closes - begins
            if works >= left:
                return begins + left
            left -= max(works, 0)

    def _date(self, at: int) -> date:
        if not self._begins <= at < self._ends:
            self._day = datetime.fromtimestamp(at / 1000, self._zone).date()
            self._begins, self._ends = self._at(self._day, MIDNIGHT), self._at(self._day + _DAY, MIDNIGHT)
        return self._day

    def _working_day(self, day: date) -> tuple[int, int, date]:
        """When work begins and ends (ms UTC) on this day, or on the next one with work; and the day after."""
        while day.weekday() not in _WORKDAYS:
            day += _DAY
        return self._at(day, OPENS), self._at(day, CLOSES), day + _DAY

    def _at(self, day: date, hour: time) -> int:
        return int(datetime.combine(day, hour, self._zone).timestamp()) * 1000
