"""What is looked at: the board's values and the worker's health, as shapes that their owners fit."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Protocol

from pipeline.effects import METRICS

#: Dimensions of the board; `total` has the one value "".
TOTAL = "total"
DIMENSIONS = ("touchpoint", "channel", "stage", "segment", "platform", "team")

#: States of a partition.
OPENING, RESTORING, REBUILDING = "opening", "restoring", "rebuilding"
RUNNING, CLOSING, STUCK = "running", "closing", "stuck"


class MetricValue(Protocol):
    """One number on the board.

    metric: a name of the catalogue, such as `nps`.
    window, dimension, value: such as `7d`, `touchpoint`, `checkout`; the total is `total` and "".
    at: event time in ms UTC, the end of the last judged pane.
    result: in the metric's own unit (shares 0 to 1, response times in seconds).
    samples: what the number rests on.
    interval: (lower, upper), where it would be if everybody had answered, with a confidence of 95 %; None: unknown.
    """

    @property
    def metric(self) -> str: ...
    @property
    def window(self) -> str: ...
    @property
    def dimension(self) -> str: ...
    @property
    def value(self) -> str: ...
    @property
    def at(self) -> int: ...
    @property
    def result(self) -> float: ...
    @property
    def samples(self) -> int: ...
    @property
    def interval(self) -> tuple[float, float] | None: ...


class BoardView(Protocol):
    """The rolling metrics of the whole, where this worker keeps them. What is given stays as it is then."""

    def values(self) -> Iterable[MetricValue]:
        """Every number that rests on at least one sample."""
        ...

    def kept(self) -> Collection[str]:
        """The metrics that are kept."""
        ...

    def levels(self) -> Mapping[tuple[str, str], int]:
        """How many are open now: (`episodes_open`, rule), (`followups_open`, team), (`followups_overdue`, team)."""
        ...

    def heard(self) -> Mapping[str, int]:
        """Touchpoint → end of the newest pane with feedback on it, ms UTC."""
        ...

    def overflow(self) -> Mapping[str, int]:
        """Dimension → how many values were counted as `other` since the board was made."""
        ...


@dataclass(frozen=True, slots=True)
class PartitionView:
    """One partition that this worker holds.

    topic: without its prefix.
    state: `opening`, `restoring`, `rebuilding`, `running`, `closing` or `stuck`.
    applied: offset of the last record applied; -1 before the first.
    end: offset behind the last record that can be read; None while it is not known.
    lag: records still to apply; None while it is not known.
    watermark: ms UTC; None before the first record.
    idle_s: wall seconds since the last step forward.
    stats: counters of its heart since it was made.
    lost: records that retention took away before they were applied.
    restored, to_restore: offsets of its changelog that were read so far, and that there are; while it is rebuilt, of the events.
    undecided: of the lag, records that nobody can read yet: a producer has not ended its transaction.
    arrived: when the last record that was applied had arrived, Unix time; None before the first.
    """

    topic: str
    partition: int
    state: str
    applied: int
    end: int | None
    lag: int | None
    watermark: int | None
    idle_s: float
    stats: Mapping[str, int] = field(default_factory=dict)
    lost: int = 0
    restored: int = 0
    to_restore: int = 0
    arrived: float | None = None
    undecided: int = 0

    @property
    def name(self) -> str:
        return f"{self.topic}/{self.partition}"

    @property
    def of_events(self) -> bool:
        """It carries events of customers; the others carry counts."""
        return self.topic != METRICS


class Health(Protocol):
    """The worker about itself. None of these asks Kafka."""

    def alive(self) -> Sequence[str]:
        """Why the process should be ended, one sentence each; empty: it lives."""
        ...

    def ready(self) -> Sequence[str]:
        """Why it does not do its work, one sentence each; empty: it does."""
        ...

    def warnings(self) -> Sequence[str]:
        """What somebody should mend, one sentence each, though it does its work."""
        ...

    def ending(self) -> bool:
        """The worker was told to end, and hands its partitions over."""
        ...

    def rebalances(self) -> int:
        """How often the group's partitions were handed out anew since this process began."""
        ...

    def partitions(self) -> Sequence[PartitionView]:
        """The partitions that this worker holds, as they are now."""
        ...
