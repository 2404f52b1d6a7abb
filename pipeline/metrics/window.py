"""Rolling windows of event time, cut into panes. All times are ms UTC."""

from __future__ import annotations

from typing import Final, NamedTuple

from pipeline.span import DAY, HOUR, MINUTE, duration

#: Shards count in panes of this length.
PANE: Final = 5 * MINUTE


def pane_end(at: int, pane: int = PANE) -> int:
    """The end of the pane that holds `at`; a pane covers (end - pane, end]."""
    return -(-at // pane) * pane


class Window(NamedTuple):
    """A sliding span that covers the panes whose end is in (t - length, t]. pane: their length."""

    name: str
    length: int
    pane: int


def window(length: int) -> Window:
    """The window of a length: with panes of 5 min up to a day, of an hour above."""
    return Window(duration(length), length, PANE if length <= DAY else HOUR)


def hourly(length: int) -> Window:
    """The window of a length with panes of an hour, for what is looked at by the hour."""
    return Window(duration(length), length, HOUR)


#: The windows that are kept where the settings name no others.
WINDOWS_KEPT: Final = (window(DAY), window(7 * DAY), window(28 * DAY))
