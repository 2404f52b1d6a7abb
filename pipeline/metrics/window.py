"""Rolling windows of event time, cut into panes. All times are ms UTC."""

from __future__ import annotations

from typing import Final, NamedTuple

from pipeline.span import DAY, HOUR, MINUTE

#: Shards count in panes of this length.
PANE: Final = 5 * MINUTE


def pane_end(at: int, pane: int = PANE) -> int:
    """The end of the pane that holds `at`; a pane covers (end - pane, end]."""
    return -(-at // pane) * pane


class Window(NamedTuple):
    """A sliding span that covers the panes whose end is in (t - length, t]."""

    name: str
    length: int

    @property
    def pane(self) -> int:
        """Length of its panes: 5 min up to a day, an hour above."""
        return PANE if self.length <= DAY else HOUR
