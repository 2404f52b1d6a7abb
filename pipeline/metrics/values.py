"""The values of metrics, as the board knows them at one moment."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass, field

from pipeline.metrics.catalogue import METRICS, Counts
from pipeline.metrics.confidence import Interval
from pipeline.state.records import Series


@dataclass(frozen=True, slots=True)
class MetricValue:
    """One metric of one window and series.

    at: the pane end it was judged at (ms UTC). counts: of then; some may be named that are 0.
    """

    metric: str
    window: str
    dimension: str
    value: str
    at: int
    result: float
    samples: int
    counts: Counts = field(compare=False, repr=False)

    @property
    def interval(self) -> Interval | None:
        """Worked out only for those who look: for times, it goes through all their buckets."""
        return METRICS[self.metric].interval(self.counts)


@dataclass(frozen=True, slots=True)
class Values:
    """What the board says at one moment.

    at: the pane end it was judged at (ms UTC). totals: (window, series, counts). kept: the metrics that are.

    The metrics are worked out when they are gone through, which takes long, and may be done elsewhere while the board
    moves on.
    """

    at: int
    totals: Sequence[tuple[str, Series, Counts]]
    kept: Collection[str]

    def __iter__(self) -> Iterator[MetricValue]:
        metrics = [metric for metric in METRICS.values() if metric.name in self.kept]
        for window, series, counts in self.totals:
            dimension, value = ",".join(d for d, _ in series) or "total", ",".join(v for _, v in series)
            for metric in metrics:
                result = metric.result(counts)
                if result is not None:
                    yield MetricValue(
                        metric.name, window, dimension, value, self.at, result, metric.samples(counts), counts
                    )
