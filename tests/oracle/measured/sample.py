"""Events that count, and the samples that metrics are made of."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from tests.oracle.measured.model import Model
from tests.oracle.reading import DAY, HOUR, MINUTE, Event

PLAIN = ("touchpoint", "channel", "segment", "brand", "persona", "location", "product", "language")
WITH_PLATFORM = ("review.posted", "mention.posted", "referral.made", "share.made")
Groupings = tuple[tuple[str, ...], ...]


@dataclass(frozen=True)
class Acted:
    """The follow-up that an event is about, as it was before.

    start: of the clock that it began with; due, closed: ms; closed None: it was open.
    """

    id: str
    team: str | None
    rule: str
    start: int
    due: int | None
    closed: int | None


@dataclass(frozen=True)
class Counted:
    """An event that counts, and the watermark with which it was applied."""

    event: Event
    watermark: int
    acted: Acted | None = None


@dataclass(frozen=True)
class Sample:
    """One number that a metric is made of: a score, a rating, a share's 0 or 1, seconds.

    data: the values by which it is told apart. only: the sets of dimensions in which it counts, () is the total;
    None: in all.
    """

    kind: str
    time: int
    value: float
    data: dict[str, Any]
    only: Groupings | None = None

    def counts_in(self, grouping: tuple[str, ...]) -> bool:
        return self.only is None or grouping in self.only


def pane(time: int, length: int) -> int:
    """The end of the pane in which a time lies: (end - length, end]."""
    return -(-time // length) * length


def pane_of(window: int) -> int:
    return 5 * MINUTE if window <= DAY else HOUR


def stage(event: Event, model: Model) -> str | None:
    """The event's, else that of the journey."""
    own: str | None = event.data.get("stage")
    return own if own is not None else model.journey.stages.get(event.data.get("touchpoint", ""))


def dims(event: Event, model: Model) -> dict[str, str]:
    """The values of an event by which metrics are told apart."""
    values = {name: event.data.get(name) for name in PLAIN}
    values["stage"] = stage(event, model)
    if event.type in WITH_PLATFORM:
        values["platform"] = event.data.get("platform")
    team = event.data.get("team") if event.type == "employee.answered" else attribute(event, "team")
    values["team"] = team[:256] if isinstance(team, str) and team else None
    return {name: value for name, value in values.items() if value is not None}


def attribute(event: Event, name: str) -> Any:
    return (event.data.get("attributes") or {}).get(name)
