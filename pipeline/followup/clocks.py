"""Deadlines: spans of the clock, or of working hours."""

from __future__ import annotations

from datetime import date, datetime, time, timedelta
from zoneinfo import ZoneInfo

from pipeline.span import Span

#: Until teams have calendars of their own: Monday to Friday, 09:00 to 17:00.
OPENS, CLOSES = time(9), time(17)
_WORKDAYS = range(5)


class BusinessClock:
    """Working hours of one time zone."""

    def __init__(self, zone: ZoneInfo) -> None:
        self._zone = zone

    def deadline(self, start: int, span: Span) -> int:
        """When a span that starts at `start` (ms UTC) is over; working time ends at the earliest such moment."""
        if not span.business:
            return start + span.millis
        left = span.millis
        day = datetime.fromtimestamp(start / 1000, self._zone).date()
        while True:
            if day.weekday() in _WORKDAYS:
                begins = max(start, self._at(day, OPENS))
                works = self._at(day, CLOSES) - begins
                if works >= left:
                    return begins + left
                left -= max(works, 0)
            day += timedelta(days=1)

    def _at(self, day: date, hour: time) -> int:
        return int(datetime.combine(day, hour, self._zone).timestamp()) * 1000
