"""One look at the board, ordered for those who show it."""

from __future__ import annotations

from dataclasses import dataclass, field

from pipeline.metrics.catalogue import METRICS
from pipeline.observe.views import TOTAL, BoardView


@dataclass(slots=True)
class Scores:
    """What the board says of one value of a dimension in one window: metric → (result, samples).

    nps_margin: half the interval of the NPS, in points; None where nothing can be said.
    bounds: of the total alone: metric → between what it lies with a confidence of 95 %.
    """

    metrics: dict[str, tuple[float, int]] = field(default_factory=dict)
    nps_margin: float | None = None
    bounds: dict[str, tuple[float, float]] = field(default_factory=dict)

    def result(self, metric: str) -> float | None:
        """A metric's number; None: it rests on nothing."""
        found = self.metrics.get(metric)
        return None if found is None or found[1] == 0 else found[0]

    def samples(self, metric: str) -> int:
        """What a metric rests on."""
        found = self.metrics.get(metric)
        return 0 if found is None else found[1]


@dataclass(slots=True)
class Scoreboard:
    """The board's numbers at one moment.

    at: window → end of its last judged pane, ms UTC.
    scores: (window, dimension) → value → scores.
    standing: rule → alerts of it that stand: fired, and not ended.
    left_out: the metrics that are not kept, in their order.
    """

    at: dict[str, int] = field(default_factory=dict)
    scores: dict[tuple[str, str], dict[str, Scores]] = field(default_factory=dict)
    standing: dict[str, int] = field(default_factory=dict)
    left_out: list[str] = field(default_factory=list)

    @classmethod
    def read(cls, board: BoardView) -> Scoreboard:
        """Go once over all values."""
        open_now = {rule: n for (level, rule), n in board.levels().items() if level == "episodes_open" and n}
        kept = board.kept()
        seen = cls(standing=open_now, left_out=[name for name in METRICS if name not in kept])
        for one in board.values():
            if one.at < 0:  # nothing has been judged yet
                continue
            by_value = seen.scores.setdefault((one.window, one.dimension), {})
            scores = by_value.get(one.value)
            if scores is None:
                scores = by_value[one.value] = Scores()
            scores.metrics[one.metric] = (one.result, one.samples)
            if (one.metric == "nps" or one.dimension == TOTAL) and (interval := one.interval) is not None:
                if one.metric == "nps":
                    scores.nps_margin = (interval[1] - interval[0]) / 2
                if one.dimension == TOTAL:
                    scores.bounds[one.metric] = interval
            seen.at[one.window] = max(one.at, seen.at.get(one.window, one.at))
        return seen

    def total(self, window: str) -> Scores:
        """Scores of all that counts in a window."""
        return self.scores.get((window, TOTAL), {}).get("") or Scores()
