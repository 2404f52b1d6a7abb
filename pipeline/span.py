"""Lengths of time as people write them: `30s`, `24h`, `30d`, `1 business day`."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final

from pipeline.plural import plural

SECOND: Final = 1_000
MINUTE: Final = 60_000
HOUR: Final = 3_600_000
DAY: Final = 86_400_000
WEEK: Final = 7 * DAY
#: A business day is eight working hours.
BUSINESS_DAY = 8 * HOUR

#: Examples, and those where working hours are not taken.
ANY_SPAN = "30m, 24h, 7d or 1 business day"
ELAPSED = "30m, 24h or 7d"

_UNITS = {"s": SECOND, "m": MINUTE, "h": HOUR, "d": DAY, "w": WEEK}
_ELAPSED = re.compile(r"(\d+)\s*([smhdw])")
_BUSINESS = re.compile(r"(\d+)\s+business\s+(hour|day)s?")


@dataclass(frozen=True, slots=True)
class Span:
    """A length of time. millis: of the clock, or of working hours where `business`."""

    millis: int
    business: bool = False

    @classmethod
    def parse(cls, text: str, such_as: str = ANY_SPAN) -> Span:
        """Raises ValueError that says what would be right. such_as: examples of it."""
        if found := _ELAPSED.fullmatch(text.strip()):
            return cls(int(found[1]) * _UNITS[found[2]])
        if found := _BUSINESS.fullmatch(text.strip()):
            return cls(int(found[1]) * (BUSINESS_DAY if found[2] == "day" else HOUR), business=True)
        raise ValueError(f'"{text}" is no length of time; write for example {such_as}')

    def __str__(self) -> str:
        if self.business:
            count, unit = (
                (self.millis // BUSINESS_DAY, "day")
                if self.millis % BUSINESS_DAY == 0
                else (self.millis // HOUR, "hour")
            )
            return f"{count} business {plural(count, unit)}"
        return duration(self.millis)


def duration(millis: int) -> str:
    """A length of time as people write it, such as 24h or 7d."""
    for unit in ("d", "h", "m"):
        if millis % _UNITS[unit] == 0 and millis != DAY:
            return f"{millis // _UNITS[unit]}{unit}"
    return "24h" if millis == DAY else f"{millis // SECOND}s"
