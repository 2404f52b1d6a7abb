"""Counts as they go to the board: rows of numbers, for the same series and names come again and again."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final, TypeVar

import msgspec

from pipeline.metrics.segment import MetricsRecord
from pipeline.state.records import Series

T = TypeVar("T")
#: The end of a 5 min pane (ms), a series, and what is counted in it by name.
Counted = tuple[int, Series, dict[str, int]]
#: The end of a 5 min pane (ms), the place of a series, and then in turns the place of a name and how much.
Row = list[int]

#: So many names and series are kept at hand, each as one object: what is the same object is found soonest.
_REMEMBERED: Final = 10_000
_names: Final[dict[str, str]] = {}
_series: Final[dict[Series, Series]] = {}


class Fold:
    """Makes rows. series, names: those that are in them, each once, in their places."""

    def __init__(self) -> None:
        self.series: list[Series] = []
        self.names: list[str] = []
        self._series_at: dict[Series, int] = {}
        self._names_at: dict[str, int] = {}

    def rows(self, counts: Iterable[Counted]) -> list[Row]:
        """A row of each."""
        rows: list[Row] = []
        for end, series, of in counts:
            at = self._series_at.get(series)
            if at is None:
                at = self._series_at[series] = len(self.series)
                self.series.append(series)
            row = [end, at]
            for name, n in of.items():
                place = self._names_at.get(name)
                if place is None:
                    place = self._names_at[name] = len(self.names)
                    self.names.append(name)
                row.append(place)
                row.append(n)
            rows.append(row)
        return rows


def unfolded(record: MetricsRecord) -> list[list[Counted]]:
    """What the segments of a record count. Raises ValidationError where a row names what is not there."""
    series, names = (
        [_known(_series, one) for one in record.series],
        [_known(_names, one) for one in record.names],
    )
    found: list[list[Counted]] = []
    try:
        for segment in record.segments:
            counted: list[Counted] = []
            for row in segment.counts:
                of = series[_place(row[1])]
                counts: dict[str, int] = {}
                for n in range(2, len(row), 2):
                    counts[names[_place(row[n])]] = row[n + 1]
                counted.append((row[0], of, counts))
            found.append(counted)
    except IndexError as error:
        raise msgspec.ValidationError("a row of counts names what is not there") from error
    return found


def _place(n: int) -> int:
    if n < 0:
        raise IndexError
    return n


def _known(found: dict[T, T], one: T) -> T:
    """The object that is at hand for all that are the same."""
    if len(found) >= _REMEMBERED:
        found.clear()
    return found.setdefault(one, one)
