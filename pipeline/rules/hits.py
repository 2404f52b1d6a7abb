"""The rows of `Hits`: each is a match. An event is one text, which is split only when an alert tells of it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from pipeline.state.records import Hits

#: Begins the text of an event with which a run ended.
_FIRED: Final = "!"


def text(source: str, event_id: str) -> str:
    """What identifies an event."""
    return f"{len(source)}#{source}#{event_id}"


def split(event: str) -> tuple[str, str]:
    """(source, id)."""
    size, _, both = event.removeprefix(_FIRED).partition("#")
    return both[: int(size)], both[int(size) + 1 :]


def mark_fired(events: list[str], place: int) -> None:
    """A run ended with an event."""
    if not has_fired(events, place):
        events[place] = _FIRED + events[place]


def has_fired(events: list[str], place: int) -> bool:
    """Whether a run ended with an event."""
    return events[place].startswith(_FIRED)


def joined(earlier: Hits, later: Hits) -> Hits:
    """The times and events of both."""
    return Hits(times=earlier.times + later.times, events=earlier.events + later.events)


def rows(hits: Hits, places: Sequence[int]) -> Hits:
    """Some of them, with all that is known of reviews."""
    return Hits(
        times=[hits.times[place] for place in places],
        events=[hits.events[place] for place in places],
        reviews=tuple([hits.reviews[place] for place in places]),
        parts=tuple([hits.parts[place] for place in places]),
    )


def cut(hits: Hits, place: int) -> Hits:
    """Take the rows before `place` out; returns their times and events."""
    before = Hits(times=hits.times[:place], events=hits.events[:place])
    hits.times, hits.events = hits.times[place:], hits.events[place:]
    hits.reviews, hits.parts = hits.reviews[place:], hits.parts[place:]
    return before
