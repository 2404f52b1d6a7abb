"""The rows of `Hits`: each is a match. An event is one text, which is split only when an alert tells of it.

Most matches are only counted: the texts of a record stay packed, and a new one is put behind them.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import msgspec

from pipeline.state.packed import texts_of
from pipeline.state.records import Hits

#: Begins the text of an event with which a run ended.
_FIRED: Final = "!"

_encode: Final = msgspec.msgpack.Encoder().encode


def text(source: str, event_id: str) -> str:
    """What identifies an event."""
    begin = _begins.get(source)
    if begin is None:
        if len(_begins) >= _REMEMBERED:
            _begins.clear()
        begin = _begins[source] = f"{len(source)}#{source}#"
    return begin + event_id


#: How the texts of events begin. They come from few sources again and again.
_begins: Final[dict[str, str]] = {}
_REMEMBERED: Final = 10_000


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


def events_of(hits: Hits) -> list[str]:
    """The texts of all."""
    return texts_of(hits)


def set_events(hits: Hits, events: list[str]) -> None:
    """Change the texts of all."""
    hits.events = packed(events)


def packed(events: list[str]) -> bytes:
    """Texts one behind the other."""
    return b"".join([_encode(event) for event in events])


def insert(hits: Hits, times: list[int], place: int, at: int, event: str) -> None:
    """Put a row in. times: of `hits`; at: ms."""
    events = hits.events
    if place == len(times):
        hits.events = events + _encode(event)
    else:
        begin = _begin(events, place)
        hits.events = events[:begin] + _encode(event) + events[begin:]
    times.insert(place, at)


def _begin(events: bytes, place: int) -> int:
    """Where the text at a place begins. Ids have a limit, so none is longer than msgpack says in two bytes."""
    begin = 0
    for _ in range(place):
        head = events[begin]
        if head < 0xC0:  # less than 32 bytes
            begin += 1 + (head & 0x1F)
        elif head == 0xD9:  # less than 256
            begin += 2 + events[begin + 1]
        else:
            begin += 3 + 256 * events[begin + 1] + events[begin + 2]
    return begin


def joined(earlier: Hits, later: Hits) -> Hits:
    """The times and events of both."""
    return Hits(times=earlier.times + later.times, events=earlier.events + later.events)


def rows(hits: Hits, places: Sequence[int]) -> Hits:
    """Some of them, with all that is known of reviews."""
    events = events_of(hits)
    return Hits(
        times=[hits.times[place] for place in places],
        events=packed([events[place] for place in places]),
        reviews=tuple([hits.reviews[place] for place in places]),
        parts=tuple([hits.parts[place] for place in places]),
    )


def cut(hits: Hits, place: int) -> Hits:
    """Take the rows before `place` out; returns their times and events."""
    if place <= 0:
        return Hits()
    begin = _begin(hits.events, place)
    before = Hits(times=hits.times[:place], events=hits.events[:begin])
    hits.times, hits.events = hits.times[place:], hits.events[begin:]
    hits.reviews, hits.parts = hits.reviews[place:], hits.parts[place:]
    return before
