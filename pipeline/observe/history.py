"""How the board's totals moved: one point a judged pane, in bounded memory."""

from __future__ import annotations

from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class Curve:
    """Points over event time, oldest first.

    at: ms UTC.
    values: metric → its number at each of them; None where it rested on nothing.
    """

    at: list[int] = field(default_factory=list)
    values: dict[str, list[float | None]] = field(default_factory=dict)


class History:
    """The totals of each window, the newest `limit` points of each."""

    def __init__(self, limit: int = 2_000) -> None:
        self._limit = limit
        self._points: dict[str, deque[tuple[int, Mapping[str, float]]]] = {}

    def add(self, window: str, at: int, totals: Mapping[str, float]) -> bool:
        """Take what was judged at a pane's end; True: it was not known yet.

        A board that begins anew earlier takes back what was later.
        """
        points = self._points.setdefault(window, deque(maxlen=self._limit))
        while points and points[-1][0] > at:
            points.pop()
        if points and points[-1][0] == at:
            return False
        points.append((at, totals))
        return True

    def curve(self, window: str, most: int = 96) -> Curve:
        """At most so many points, evenly chosen, the oldest and the newest among them."""
        points = list(self._points.get(window, ()))
        if len(points) > most:
            step = (len(points) - 1) / (most - 1)
            points = [points[round(index * step)] for index in range(most)]
        metrics = sorted({metric for _, totals in points for metric in totals})
        return Curve(
            at=[at for at, _ in points],
            values={metric: [totals.get(metric) for _, totals in points] for metric in metrics},
        )

    def __len__(self) -> int:
        return sum(map(len, self._points.values()))
