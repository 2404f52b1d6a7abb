"""Deadlines: spans of the clock, or of working hours."""

from __future__ import annotations

from datetime import date, datetime, time, timedelta
from functools import lru_cache
from zoneinfo import ZoneInfo

from pipeline.span import Span

#: Until teams have calendars of their own: Monday to Friday, 09:00 to 17:00.
OPENS, CLOSES = time(9), time(17)
_WORKDAYS = range(5)


class BusinessClock:
    """Working hours of one time zone."""

    def __init__(self, zone: ZoneInfo) -> None:
        self._zone = zone
        self._hours = lru_cache(maxsize=1_000)(self._working_hours)

    def deadline(self, start: int, span: Span) -> int:
        """When a span that starts at `start` (ms UTC) is over; working time ends at the earliest such moment."""
        if not span.business:
            return start + span.millis
        left = span.millis
        day = datetime.fromtimestamp(start / 1000, self._zone).date()
        while True:
            if day.weekday() in _WORKDAYS:
                opens, closes = self._hours(day)
                begins = max(start, opens)
                works = closes - begins
                if works >= left:
                    return begins + left
                left -= max(works, 0)
            day += timedelta(days=1)

    def _working_hours(self, day: date) -> tuple[int, int]:
        """When a day begins and ends (ms UTC)."""
        opens, closes = (datetime.combine(day, hour, self._zone).timestamp() for hour in (OPENS, CLOSES))
        return int(opens) * 1000, int(closes) * 1000
