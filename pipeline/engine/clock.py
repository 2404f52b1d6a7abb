"""What time it is for the broker."""

from __future__ import annotations

import time
from collections.abc import Iterable
from typing import Any

#: `timestamp_type` of what the broker stamped itself.
_LOG_APPEND_TIME = 1


class BrokerClock:
    """Now, as the broker has it: it stamps what is appended, and events are judged by that.

    Ticks by this machine's own clock would move time too far, or not at all, where that is wrong or set anew while we
    run. Until the broker has told its time once, it is this machine's.
    """

    def __init__(self) -> None:
        self._told = time.time_ns() // 1_000_000
        self._at = time.monotonic()

    def now(self) -> int:
        """Ms UTC."""
        return self._told + int((time.monotonic() - self._at) * 1000)

    def heed(self, answers: Iterable[Any]) -> None:
        """Take the time from the broker's answers to what was just appended."""
        stamps = [
            one.timestamp for one in answers if getattr(one, "timestamp_type", None) == _LOG_APPEND_TIME
        ]
        if stamps:
            self._told, self._at = max(stamps), time.monotonic()
