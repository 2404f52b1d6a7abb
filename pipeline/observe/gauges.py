"""The board, the partitions and the worker as Prometheus metrics, read when they are scraped.

A scrape has two halves. To look (`Gauges.look`) is quick, and done where nothing else moves. To make families of
what was seen takes long where there are many series, for each is worked out of counts, and so is its interval; it
touches nothing that moves, so it can be done in a thread.

Nothing is kept between scrapes: what this worker no longer holds is no longer shown. Values of
dimensions become labels, customers never do.
"""

from __future__ import annotations

import platform
import time
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from prometheus_client import Metric
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily
from prometheus_client.registry import Collector

import pipeline
from pipeline.events.journey import NO_JOURNEY, Journey
from pipeline.followup.score import SCORES
from pipeline.metrics import catalogue
from pipeline.observe.consistency import consistency, places
from pipeline.observe.feed import Feed
from pipeline.observe.views import DIMENSIONS, RUNNING, BoardView, Health, MetricValue, PartitionView

_PLACE = ("window", "dimension", "value")
_PARTITION = ("topic", "partition")

#: Level of the board → (gauge, label, help).
_LEVELS = {
    "episodes_open": (
        "cxloop_episodes_open",
        "rule",
        "Alerts that stand: fired, and neither resolved nor retracted.",
    ),
    "absences_held": (
        "cxloop_absences_held",
        "rule",
        "Answers that are due, but not missed yet: none come at all, so nobody knows.",
    ),
    "followups_open": ("cxloop_followups_open", "team", "Follow-ups that are not closed."),
    "sources_silent": (
        "cxloop_sources_silent",
        "event",
        "Partitions to which events that rules wait for have stopped coming, by their own usual pace.",
    ),
    "followups_overdue": (
        "cxloop_followups_overdue",
        "team",
        "Follow-ups whose deadline has passed and that nobody has been in touch on.",
    ),
    "contacts_open": (
        "cxloop_contacts_open",
        "channel",
        "Contacts of the last 28 days that are not resolved.",
    ),
    "reviews_waiting": (
        "cxloop_reviews_waiting",
        "platform",
        "Negative reviews of the last 35 days that nobody has answered.",
    ),
    "promises_overdue": (
        "cxloop_promises_overdue",
        "",
        "Promises that are due and neither kept nor broken.",
    ),
}

#: What is counted now only where a metric of such events is kept.
_WAITS = {"contacts_open": "contact.opened", "promises_overdue": "promise.made"}

#: The same of each rule, without those that are gone: their score cards are over.
_LEVELS |= {name: (f"cxloop_{name}", "rule", text) for name, text in SCORES.items()}

#: Counter of a heart, before its first dot → (counter, label, help).
_COUNTERS = {
    "type": (
        "cxloop_events",
        "type",
        "Events applied; reviews on touchpoints are copies for rules about a customer.",
    ),
    "source": (
        "cxloop_source_events",
        "source",
        "Events applied, by who sent them; of a partition the first 50 sources, and all others as `other`.",
    ),
    "rejected": ("cxloop_rejected", "reason", "Records that could not be processed; each is a dead letter."),
    "fired": ("cxloop_alerts_fired", "rule", "Alerts fired."),
    "held": ("cxloop_alerts_held", "rule", "Matches held because their rule had fired a short while before."),
    "followups": ("cxloop_followups_opened", "rule", "Follow-ups opened."),
}
_PLAIN_COUNTERS = {
    "duplicates": ("cxloop_duplicates", "Records dropped because their event had been seen."),
    "late": ("cxloop_late", "Events that came later than the watermark."),
}
#: Size of a heart → (gauge, help).
_SIZES = {
    "open.records": (
        "cxloop_state_records",
        "What a partition remembers: episodes, follow-ups, cooldowns and reviews, each with its timer.",
    ),
    "seen.ids": ("cxloop_state_seen_ids", "Ids of events that a partition remembers to find duplicates."),
}


@dataclass(frozen=True, slots=True)
class Known:
    """Names that are shown as 0 before they happen, so that the first one is seen as a rise.

    version: of the rules in force; read_at: when they were read, Unix time.
    is_newest: no others were written meanwhile that are wrong. journey: the model in force. awaited: events that rules wait for, without `cx.`.
    """

    rules: Sequence[str] = ()
    teams: Sequence[str] = ()
    types: Sequence[str] = ()
    reasons: Sequence[str] = ()
    version: str = ""
    read_at: float = 0.0
    is_newest: bool = True
    journey: Journey = NO_JOURNEY
    awaited: Sequence[str] = ()


class Gauges:
    """Everything that `/metrics` says of this worker."""

    def __init__(
        self,
        board: Callable[[], BoardView | None],
        health: Health,
        *,
        feed: Feed | None = None,
        known: Callable[[], Known] = Known,
        wall: Callable[[], float] = time.time,
    ) -> None:
        """What is read at each scrape.

        board: the board where this worker keeps it, else None.
        known: names that are there before they happen; rules may be replaced.
        wall: seconds of Unix time.
        """
        self._board = board
        self._health = health
        self._feed = feed
        self._known = known
        self._wall = wall

    def look(self) -> Seen:
        """What there is now. Only where nothing else moves."""
        board, health = self._board(), self._health
        return Seen(
            known=self._known(),
            wall=self._wall(),
            is_alive=not health.alive(),
            is_ready=not health.ready(),
            rebalances=health.rebalances(),
            partitions=health.partitions(),
            board=None if board is None else _SeenBoard(
                board.values(), board.kept(), board.levels(), board.heard(), board.overflow()
            ),
            malformed=dict(self._feed.malformed) if self._feed is not None else None,
        )  # fmt: skip


@dataclass(frozen=True, slots=True)
class _SeenBoard:
    """See `BoardView`."""

    values: Iterable[MetricValue]
    kept: Collection[str]
    levels: Mapping[tuple[str, str], int]
    heard: Mapping[str, int]
    overflow: Mapping[str, int]


@dataclass(frozen=True, slots=True, kw_only=True)
class Seen(Collector):
    """What was there when somebody looked. wall: then, Unix time. board: None where another worker keeps it."""

    known: Known
    wall: float
    is_alive: bool
    is_ready: bool
    rebalances: int
    partitions: Sequence[PartitionView]
    board: _SeenBoard | None
    malformed: Mapping[str, int] | None

    def collect(self) -> Iterator[Metric]:
        """All families, also those without a series."""
        known, board = self.known, self.board
        yield from _build()
        yield from _rules(known)
        yield from _journey(known.journey)
        yield from self._worker()
        yield from _partitions(self.partitions, self.wall)
        yield from _counters(self.partitions, known)
        yield GaugeMetricFamily(
            "cxloop_board_here", "1 where this worker keeps the rolling metrics.", value=board is not None
        )
        if board is not None:
            values = list(board.values)
            yield from _values(values)
            yield from _consistency(values, board.heard, known.journey)
            yield from _levels(board.levels, board.kept, known)
            yield _overflow(board.overflow)
        if self.malformed is not None:
            yield _malformed(self.malformed)

    def _worker(self) -> Iterator[Metric]:
        yield GaugeMetricFamily(
            "cxloop_worker_alive", "1 while the worker makes progress.", value=self.is_alive
        )
        yield GaugeMetricFamily(
            "cxloop_worker_ready", "1 while the worker does its work.", value=self.is_ready
        )
        yield CounterMetricFamily(
            "cxloop_rebalances",
            "How often the group's partitions were handed out anew.",
            value=self.rebalances,
        )


def _build() -> Iterator[Metric]:
    family = GaugeMetricFamily("cxloop_build_info", "Always 1; what runs here.", labels=["version", "python"])
    family.add_metric([pipeline.__version__, platform.python_version()], 1)
    yield family


def _rules(known: Known) -> Iterator[Metric]:
    family = GaugeMetricFamily("cxloop_rules_info", "Always 1; the rule set in force.", labels=["version"])
    family.add_metric([known.version], 1)
    yield family
    yield GaugeMetricFamily(
        "cxloop_rules_last_reload_successful",
        "0 while the rules that stand in the files are wrong, and older ones go on.",
        value=known.is_newest,
    )
    yield GaugeMetricFamily(
        "cxloop_rules_last_reload_success_timestamp_seconds",
        "When the rules in force were read, as Unix time.",
        value=known.read_at,
    )


def _values(values: Iterable[MetricValue]) -> Iterator[Metric]:
    gauges: dict[str, GaugeMetricFamily] = {}
    for metric in catalogue.METRICS.values():
        labels = [*(name for name, _ in metric.labels), *_PLACE]
        gauges.setdefault(metric.gauge, GaugeMetricFamily(metric.gauge, metric.help, labels=labels))
    samples = GaugeMetricFamily(
        "cxloop_metric_samples", "What a metric's value rests on.", labels=["metric", *_PLACE]
    )
    bounds = [
        GaugeMetricFamily(
            f"cxloop_metric_{name}",
            f"{name.capitalize()} end of the interval, of 95 % confidence, in which a metric lies; in its own unit.",
            labels=["metric", *_PLACE],
        )
        for name in ("lower", "upper")
    ]
    newest = -1
    for one in values:
        known = catalogue.METRICS.get(one.metric)
        if known is None or one.at < 0:
            continue
        place = [one.window, one.dimension, _label(one.value)]
        gauges[known.gauge].add_metric([*(value for _, value in known.labels), *place], one.result)
        if not known.labels:  # parts of a whole rest on what the whole rests on
            samples.add_metric([one.metric, *place], one.samples)
        for family, bound in zip(bounds, one.interval or (), strict=False):
            family.add_metric([one.metric, *place], bound)
        newest = max(newest, one.at)
    yield from gauges.values()
    yield samples
    yield from bounds
    if newest >= 0:
        yield GaugeMetricFamily(
            "cxloop_metric_timestamp_seconds",
            "Event time up to which the metrics have been judged, as Unix time.",
            value=newest / 1000,
        )


def _journey(journey: Journey) -> Iterator[Metric]:
    """The model, so that dashboards can draw the map of it."""
    stages = GaugeMetricFamily(
        "cxloop_journey_stage_info", "Always 1; a stage of the journey model.",
        labels=["journey", "stage", "order", "part"],
    )  # fmt: skip
    for number, stage in enumerate(journey.order, 1):
        stages.add_metric([journey.name, stage, f"{number:02}", journey.parts.get(stage, "")], 1)
    touchpoints = GaugeMetricFamily(
        "cxloop_journey_touchpoint_info",
        "Always 1; a touchpoint of the journey model, and whether it must always be positive (essential).",
        labels=["touchpoint", "stage", "order", "essential"],
    )
    for name, (stage, order) in places(journey).items():
        touchpoints.add_metric([name, stage, order, "yes" if name in journey.essential else "no"], 1)
    targets = GaugeMetricFamily(
        "cxloop_journey_target",
        "What a metric should be at a stage, in its own unit.",
        labels=["stage", "metric"],
    )
    for stage, of in journey.targets.items():
        for metric, target in of.items():
            targets.add_metric([stage, metric], target)
    yield from (stages, touchpoints, targets)


def _consistency(
    values: Sequence[MetricValue], last: Mapping[str, int], journey: Journey
) -> Iterator[Metric]:
    found = consistency(values, journey)
    spread = GaugeMetricFamily(
        "cxloop_channel_spread",
        "The greatest less the smallest value of a metric across channels with ten answers or more, in its own unit.",
        labels=["metric", "window"],
    )
    for (window, metric), value in sorted(found.spread.items()):
        spread.add_metric([metric, window], value)
    covered = GaugeMetricFamily(
        "cxloop_journey_covered_ratio",
        "Touchpoints of the journey model that customers say something about in the window, by all of them.",
        labels=["window"],
    )
    for window, share in found.covered.items():
        covered.add_metric([window], share)
    unknown = GaugeMetricFamily(
        "cxloop_journey_unknown_touchpoints",
        "Touchpoints of events that no stage of the journey model has.",
        value=len(found.unknown) if journey.order else 0,
    )
    heard = GaugeMetricFamily(
        "cxloop_feedback_timestamp_seconds",
        "Event time up to which customers last said something about a touchpoint, as Unix time.",
        labels=["touchpoint"],
    )
    for touchpoint, at in sorted(last.items()):
        heard.add_metric([_label(touchpoint)], at / 1000)
    yield from (spread, covered, unknown, heard)


def _levels(levels: Mapping[tuple[str, str], int], kept: Collection[str], known: Known) -> Iterator[Metric]:
    measured = {event for name in kept for event in catalogue.METRICS[name].sources}
    names: dict[str, Sequence[str]] = {"rule": known.rules, "team": known.teams, "event": known.awaited}
    for level, (gauge, label, text) in _LEVELS.items():
        if level in _WAITS and _WAITS[level] not in measured:
            continue
        counts = dict.fromkeys(names.get(label, ()), 0)
        counts |= {
            of: count
            for (kind, of), count in levels.items()
            if kind == level and (of in counts or level not in SCORES)
        }
        if not label:
            yield GaugeMetricFamily(gauge, text, value=counts.get("", 0))
            continue
        family = GaugeMetricFamily(gauge, text, labels=[label])
        for of, count in sorted(counts.items()):
            family.add_metric([_label(of)], count)
        yield family


def _overflow(overflow: Mapping[str, int]) -> Metric:
    family = CounterMetricFamily(
        "cxloop_dimension_overflow",
        "Counts that went to the value `other` of a dimension, for want of room.",
        labels=["dimension"],
    )
    for dimension, count in sorted({**dict.fromkeys(DIMENSIONS, 0), **overflow}.items()):
        family.add_metric([_label(dimension)], count)
    return family


def _counters(views: Sequence[PartitionView], known: Known) -> Iterator[Metric]:
    """Counters and sizes of the hearts.

    They keep topic and partition: one that moves away takes its series along, where a sum would seem
    to fall.
    """
    counters = {
        name: CounterMetricFamily(counter, text, labels=[label, *_PARTITION])
        for name, (counter, label, text) in _COUNTERS.items()
    }
    plain = {name: CounterMetricFamily(*told, labels=_PARTITION) for name, told in _PLAIN_COUNTERS.items()}
    sizes = {name: GaugeMetricFamily(*told, labels=_PARTITION) for name, told in _SIZES.items()}
    for view in views:
        place = [view.topic, str(view.partition)]
        for (name, of), count in _split(view, known).items():
            counters[name].add_metric([_label(of), *place], count)
        for name, counter in plain.items():
            if view.of_events:
                counter.add_metric(place, view.stats.get(name, 0))
        for name, size in sizes.items():
            if name in view.stats:
                size.add_metric(place, view.stats[name])
    yield from counters.values()
    yield from plain.values()
    yield from sizes.values()


def _split(view: PartitionView, known: Known) -> dict[tuple[str, str], int]:
    """(counter, label) → count: what is known begins with 0."""
    names = dict.fromkeys(("fired", "held", "followups"), known.rules)
    if view.of_events:
        names |= {"type": known.types, "rejected": known.reasons}
    counts = {(name, of): 0 for name, ofs in names.items() for of in ofs}
    for stat, count in view.stats.items():
        name, dot, of = stat.partition(".")
        if dot and name in _COUNTERS:
            counts[name, of] = count
    return counts


def _partitions(views: Sequence[PartitionView], wall: float) -> Iterator[Metric]:
    labels = _PARTITION
    up = GaugeMetricFamily(
        "cxloop_partition_up", "1 while a partition that this worker holds is running.", labels=labels
    )
    offset = GaugeMetricFamily("cxloop_applied_offset", "Offset of the last record applied.", labels=labels)
    lag = GaugeMetricFamily("cxloop_lag_events", "Records that are still to be applied.", labels=labels)
    undecided = GaugeMetricFamily(
        "cxloop_undecided_events",
        "Of the lag, records behind a transaction that a producer has not ended; nobody can read them yet.",
        labels=labels,
    )
    behind = GaugeMetricFamily(
        "cxloop_lag_seconds",
        "How long ago the last record applied had arrived at the broker, while others wait; 0 when none does.",
        labels=labels,
    )
    restored = GaugeMetricFamily(
        "cxloop_restored_records",
        "Offsets read so far to restore a partition's state, or to rebuild it.",
        labels=labels,
    )
    to_restore = GaugeMetricFamily(
        "cxloop_restorable_records",
        "Offsets that there are to read until a partition's state is restored, or rebuilt.",
        labels=labels,
    )
    watermark = GaugeMetricFamily(
        "cxloop_watermark_timestamp_seconds",
        "Event time before which everything has been seen, as Unix time.",
        labels=labels,
    )
    moved = GaugeMetricFamily(
        "cxloop_last_progress_timestamp_seconds",
        "When a partition last made a step, as Unix time.",
        labels=labels,
    )
    lost = CounterMetricFamily(
        "cxloop_lost_records", "Records that retention took away before they were applied.", labels=labels
    )
    for view in views:
        place = [view.topic, str(view.partition)]
        up.add_metric(place, view.state == RUNNING)
        offset.add_metric(place, view.applied)
        moved.add_metric(place, round(wall - view.idle_s))
        lost.add_metric(place, view.lost)
        restored.add_metric(place, view.restored)
        to_restore.add_metric(place, view.to_restore)
        if view.lag is not None:
            lag.add_metric(place, view.lag)
            undecided.add_metric(place, view.undecided)
            if view.lag == 0:
                behind.add_metric(place, 0)
            elif view.arrived is not None:
                behind.add_metric(place, max(0.0, wall - view.arrived))
        if view.watermark is not None:
            watermark.add_metric(place, view.watermark / 1000)
    yield from (up, offset, lag, undecided, behind, watermark, moved, lost, restored, to_restore)


def _malformed(malformed: Mapping[str, int]) -> Metric:
    family = CounterMetricFamily(
        "cxloop_feed_malformed",
        "Records of our own topics that the live page could not read.",
        labels=["topic"],
    )
    for topic, count in sorted(malformed.items()):
        family.add_metric([topic], count)
    return family


def _label(text: str) -> str:
    """A text that can be written as UTF-8, whatever was in the event."""
    return text.encode("utf-8", "backslashreplace").decode()
