"""Promises: kept or broken."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from tests.oracle.measured.model import Model
from tests.oracle.measured.sample import Counted, Sample, dims
from tests.oracle.reading import DAY, Event, ms

REMEMBERED = 35 * DAY
LATEST_DUE = 366 * DAY


@dataclass
class Promise:
    """events: all of it that were taken, in order of arrival."""

    events: list[Event] = field(default_factory=list)

    @property
    def first_made(self) -> Event | None:
        return next((event for event in self.events if event.type == "promise.made"), None)

    @property
    def made(self) -> int | None:
        return self.first_made.time if self.first_made is not None else None

    @property
    def due(self) -> int | None:
        made = self.first_made
        if made is None or made.data.get("due") is None:
            return None
        due = ms(made.data["due"])
        return due if due <= made.time + LATEST_DUE else None

    def earliest(self, what: str) -> int | None:
        return min((event.time for event in self.events if event.type == what), default=None)

    @property
    def kept(self) -> int | None:
        return self.earliest("promise.kept")

    @property
    def broken(self) -> int | None:
        return self.earliest("promise.broken")

    def forgotten(self, watermark: int) -> bool:
        times = [self.made, self.due, self.kept, self.broken]
        return max(time for time in times if time is not None) + REMEMBERED < watermark


def promises(counted: Sequence[Counted]) -> list[Promise]:
    """All of them; one of which something comes again when it was forgotten is another one."""
    known: dict[tuple[str, str], Promise] = {}
    found: list[Promise] = []
    for c in counted:
        if not c.event.type.startswith("promise."):
            continue
        name = (c.event.subject or "", c.event.data["promise_id"])
        if name not in known or known[name].forgotten(c.watermark):
            known[name] = Promise()
            found.append(known[name])
        known[name].events.append(c.event)
    return found


def samples(counted: Sequence[Counted], model: Model) -> list[Sample]:
    found = []
    for promise in promises(counted):
        kept, broken, due = promise.kept, promise.broken, promise.due
        if kept is None and broken is None:
            continue
        time = max(at for at in (kept, broken) if at is not None)
        is_kept = kept == time
        in_time = is_kept and (due is None or time <= due)
        told_apart = dims(promise.events[0], model)
        found.append(Sample("promise", time, is_kept, told_apart))
        found.append(Sample("promise_in_time", time, in_time, told_apart))
    return found
