"""Counts as a segment has them: rows of numbers, for the same series and names come again and again."""

from __future__ import annotations

from collections.abc import Iterable

import msgspec

from pipeline.metrics.segment import MOST_ROWS, Segment
from pipeline.state.records import Series

#: The end of a 5 min pane (ms), a series, and what is counted in it by name.
Counted = tuple[int, Series, dict[str, int]]


def folded(counts: Iterable[Counted], most: int = MOST_ROWS) -> list[Segment]:
    """Segments of at most so many rows that lead to no watermark yet; one at least."""
    segment, series_at, names_at = _empty(), dict[Series, int](), dict[str, int]()
    segments = [segment]
    for end, series, of in counts:
        if len(segment.counts) == most:
            segment, series_at, names_at = _empty(), {}, {}
            segments.append(segment)
        at = series_at.get(series)
        if at is None:
            at = series_at[series] = len(segment.series)
            segment.series.append(series)
        row = [end, at]
        for name, n in of.items():
            place = names_at.get(name)
            if place is None:
                place = names_at[name] = len(segment.names)
                segment.names.append(name)
            row.append(place)
            row.append(n)
        segment.counts.append(row)
    return segments


def unfolded(segment: Segment) -> list[Counted]:
    """What a segment counts. Raises ValidationError where a row names what is not there."""
    series, names, found = segment.series, segment.names, list[Counted]()
    try:
        for row in segment.counts:
            counts: dict[str, int] = {}
            for n in range(2, len(row), 2):
                counts[names[_place(row[n])]] = row[n + 1]
            found.append((row[0], series[_place(row[1])], counts))
    except IndexError as error:
        raise msgspec.ValidationError("a row of counts names what is not there") from error
    return found


def _empty() -> Segment:
    return Segment(None, series=[], names=[], counts=[])


def _place(n: int) -> int:
    if n < 0:
        raise IndexError
    return n
