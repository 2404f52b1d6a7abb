"""The dashboard "Pipeline health": whether every event is applied, how soon, and what stands in the way."""

from __future__ import annotations

from typing import Final

from pipeline.observe.dashboards import in_force, links
from pipeline.observe.dashboards.advice import described
from pipeline.observe.dashboards.bars import ranking
from pipeline.observe.dashboards.colours import BAD, BLUE, GOOD, MIDDLING
from pipeline.observe.dashboards.dashboard import Dashboard, Section
from pipeline.observe.dashboards.figures import figures
from pipeline.observe.dashboards.panel import Panel, Query, Scale
from pipeline.observe.dashboards.scales import COUNT, NONE_IS_GOOD, ONE_IS_GOOD, SECONDS
from pipeline.observe.dashboards.tables import Column, Named, table
from pipeline.observe.dashboards.timelines import timeline
from pipeline.observe.dashboards.trends import trend

_TOPICS: Final = ("touchpoints", "reviews", "metrics")
_NO_PARTITION: Final = "No worker holds a partition, or none is scraped"
_NO_WORKER: Final = "No worker is scraped"
_CHOSEN: Final = '{topic=~"$topic"}'
_LINKS: Final = (links.partitions(),)
_RATE: Final = Scale("ops", 1)


def _each(name: str) -> str:
    """Of each partition, whoever holds it."""
    return f"max by (topic, partition) (cxloop_{name}{_CHOSEN})"


def _sum(name: str) -> str:
    return f"sum by (topic) ({_each(name)})"


def _rate(name: str, by: str = "topic") -> str:
    return f"sum by ({by}) (rate(cxloop_{name}_total{_CHOSEN}[$__rate_interval]))"


def _by_topic(title: str, says: str, do: str, expr: str, scale: Scale, *, width: int = 12) -> Panel:
    return trend(
        title, described(says, (), do), [Query(expr, "{{topic}}")], scale, empty=_NO_PARTITION, names=_TOPICS, from_zero=True, links=_LINKS, width=width
    )  # fmt: skip


def _counted(
    title: str, says: str, do: str, name: str, label: str, empty: str, scale: Scale = NONE_IS_GOOD
) -> Panel:
    expr = f"sum by ({label}) (increase(cxloop_{name}_total[$__range]))"
    return ranking(
        title, described(says, (), do), Query(f"sort_desc({expr})", f"{{{{{label}}}}}"), scale, empty=empty, links=_LINKS
    )  # fmt: skip


def _took(title: str, says: str, do: str, name: str) -> Panel:
    """Half and nearly all of what a histogram has, of all topics."""
    of = f"sum by (le) (rate(cxloop_{name}_seconds_bucket{_CHOSEN}[$__rate_interval]))"
    return trend(
        title, described(says, (), do),
        [Query(f"histogram_quantile({q}, {of})", told) for q, told in (("0.5", "p50"), ("0.9", "p90"), ("0.99", "p99"))],
        Scale("s", 3), empty="Nothing was applied in the span that is shown", links=_LINKS,
    )  # fmt: skip


def _sized(title: str, says: str, do: str, name: str) -> Panel:
    total, number = (
        f"sum by (topic) (rate(cxloop_{name}_records_{of}{_CHOSEN}[$__rate_interval]))"
        for of in ("sum", "count")
    )
    return trend(
        title, described(says, (), do), [Query(f"{total} / ({number} > 0)", "{{topic}}")], Scale("short", 0),
        empty="Nothing was applied in the span that is shown", names=_TOPICS, from_zero=True, links=_LINKS,
    )  # fmt: skip


def _process(title: str, says: str, do: str, expr: str, scale: Scale) -> Panel:
    of = f"{expr} and on (job, instance) cxloop_build_info"
    return trend(
        title, described(says, (), do), [Query(f"max({of})", "largest worker"), Query(f"sum({of})", "all workers")], scale,
        empty="The system of the workers does not tell (only Linux does), or none is scraped", links=_LINKS,
    )  # fmt: skip


def _now() -> list[Panel]:
    words = ((0, "no", BAD), (1, "yes", GOOD))
    return [
        figures(
            "Workers", described("Whether every worker that is scraped lives and does its work; and how many there are.", (), "Not ready for minutes: `/readyz` says why. Not alive: it ends by itself, and a supervisor starts it again."),
            [Query("min(cxloop_worker_ready)", "all ready"), Query("min(cxloop_worker_alive)", "all alive"), Query("count(cxloop_build_info)", "workers")],
            ONE_IS_GOOD, empty=_NO_WORKER, words=words, worded=("all ready", "all alive"), counts=("workers",), links=_LINKS,
        ),
        figures(
            "Board", described("How many workers keep the metrics of customers (it should be one), and how far event time they are judged.", (), "Not 1 for minutes: the partition `metrics/0` is not open. Far behind: the partition with the lowest watermark holds it back."),
            [Query("sum(cxloop_board_here)", "boards"), Query("time() - max(cxloop_metric_timestamp_seconds)", "judged up to, ago")],
            Scale("s", 0, ((None, BLUE),)), empty=_NO_WORKER, counts=("boards",), links=_LINKS,
        ),
        figures(
            "Waiting", described("How long ago the last record applied had arrived, while others wait; and how many wait.", (), "Grows for minutes: more workers, up to the number of partitions."),
            [Query(f"max({_each('lag_seconds')})", "behind"), Query(f"sum({_each('lag_events')})", "records")],
            Scale("s", 0, ((None, GOOD), (10, MIDDLING), (60, BAD))), empty=_NO_PARTITION, counts=("records",), links=_LINKS,
        ),
        figures(
            "Lost and rejected", described("In the span that is shown: records that retention took away before they were applied, and dead letters.", (), "Lost: longer retention. Rejected: `cxloop deadletters list` shows what is wrong."),
            [Query("sum(increase(cxloop_lost_records_total[$__range]))", "lost"), Query("sum(increase(cxloop_rejected_total[$__range]))", "rejected")],
            NONE_IS_GOOD, empty=_NO_PARTITION, links=_LINKS,
        ),
    ]  # fmt: skip


def _partitions() -> list[Panel]:
    return [
        table(
            "Partitions", described("What each partition does: up, how far, how much waits, and when it last moved.", (), "Down for minutes: too few workers run, or its state cannot be restored; the log says which."),
            [Named("topic", "Topic"), Named("partition", "Partition", width=90)],
            [Column("Up", _each("partition_up"), ONE_IS_GOOD, judged=True), Column("Behind", _each("lag_seconds"), SECONDS),
             Column("Waiting", _each("lag_events"), COUNT), Column("Applied up to", _each("applied_offset"), Scale("none", 0)),
             Column("Last step, ago", f"time() - {_each('last_progress_timestamp_seconds')}", SECONDS),
             Column("Event time, ago", f"time() - {_each('watermark_timestamp_seconds')}", SECONDS)],
            empty=_NO_PARTITION, sort=("Topic", False), links=_LINKS, height=10,
        ),
        timeline(
            "Partitions that run, by topic", described("How many partitions of each topic run, over all workers.", (), "Less than the topic has: too few workers run."),
            [Query(_sum("partition_up"), "{{topic}}")], Scale("short", 0, ((None, BAD), (1, BLUE))), empty=_NO_PARTITION, links=_LINKS, width=12,
        ),
        _by_topic("State restored", "How much of the state is read back, while partitions open.", "Slow: the broker, or a changelog that is not compacted.",
                  f"{_sum('restored_records')} / ({_sum('restorable_records')} > 0)", Scale("percentunit", 0)),
        trend(
            "Partitions handed out anew", described("Rebalances of the group, as the worker that saw most of them counts.", (), "Rises without a deployment: workers die or lose the broker; read their logs."),
            [Query("max(increase(cxloop_rebalances_total[$__rate_interval]))", "rebalances")], Scale("short", 1), empty=_NO_WORKER, links=_LINKS,
        ),
        trend(
            "Since the last start", described("How long the worker runs that was started last.", (), "It falls to 0 at every restart."),
            [Query("time() - max(process_start_time_seconds and on (job, instance) cxloop_build_info)", "since the last start")], SECONDS,
            empty="The system of the workers does not tell (only Linux does), or none is scraped", links=_LINKS,
        ),
    ]  # fmt: skip


def _lag() -> list[Panel]:
    return [
        _by_topic("Behind, by the wall clock", "How long ago the last record applied had arrived, while others wait.", "Alert on this one: it is what people wait for.", f"max by (topic) ({_each('lag_seconds')})", SECONDS),
        _by_topic("Records that wait", "Records that are still to be applied.", "Grows for minutes: more workers, up to the number of partitions.", _sum("lag_events"), COUNT),
        _by_topic("Behind, by event time", "How far the event time that is complete lies back.", "Far behind without lag: the source sends old events, or its clock is wrong.",
                  f"time() - min by (topic) ({_each('watermark_timestamp_seconds')})", SECONDS),
        _by_topic("Behind an open transaction", "Records that nobody can read yet: a producer has not ended its transaction.", "Stays above 0: a producer hangs; `kafka-transactions.sh find-hanging`.", _sum("undecided_events"), COUNT),
    ]  # fmt: skip


def _events() -> list[Panel]:
    return [
        _by_topic("Events applied", "Events a second.", "Falls to 0: a source or a worker stopped.", _rate("events"), _RATE, width=24),
        _counted("Events by type", "Events in the span that is shown.", "A type stops: its source does.", "events", "type", _NO_PARTITION, Scale("short", 0, ((None, BLUE),))),
        _counted("Events by source", "Events in the span that is shown, by who sent them; of a partition the first 50 sources, all others as `other`.", "A source stops, or sends ten times as much.", "source_events", "source", _NO_PARTITION, Scale("short", 0, ((None, BLUE),))),
        trend(
            "Duplicates, late and lost", described("A second: events that came again, events behind the watermark, and records that retention took away.", (),
                                                   "Lost above 0: longer retention. Many late ones: `CXLOOP_LATENESS` is too short. Duplicates are harmless."),
            [Query(f"sum(rate(cxloop_{name}_total{_CHOSEN}[$__rate_interval]))", told) for name, told in (("duplicates", "duplicates"), ("late", "late"), ("lost_records", "lost"))],
            Scale("ops", 2), empty=_NO_PARTITION, colours={"lost": BAD}, links=_LINKS,
        ),
        _counted("Dead letters by reason", "Records that could not be processed in the span that is shown.", "`cxloop deadletters list` shows what is wrong, and sends them again when they are mended.", "rejected", "reason", _NO_PARTITION),
    ]  # fmt: skip


def _work() -> list[Panel]:
    return [
        _took("Time of a step", "How long a batch through the rules takes.", "Seconds by records grow: a costly rule, or a slow machine.", "step"),
        _sized("Records in a step", "The mean size of a batch.", "Full batches for minutes: more comes than is applied.", "step"),
        _took("Time of a transaction", "From the begin of a transaction to its commit.", "Slow while steps are not: the broker.", "transaction"),
        _sized("Records in a transaction", "The mean size of a transaction.", "Small and many: the broker answers quickly, and little comes.", "transaction"),
    ]  # fmt: skip


def _state() -> list[Panel]:
    return [
        _by_topic("What is remembered", "Episodes, follow-ups, cooldowns and reviews, each with its timer.", "Grows without end: a rule that waits too long, or too few partitions.", _sum("state_records"), COUNT),
        _by_topic("Ids of events", "Ids that are remembered to find duplicates.", "At its limit: duplicates are found for a shorter time.", _sum("state_seen_ids"), COUNT),
        _counted("Values without room", "Counts that went to the value `other` of a dimension in the span that is shown.", "Rises: `CXLOOP_VALUE_LIMIT`, or a source that puts ids into a dimension.", "dimension_overflow", "dimension", "No worker has the board"),
        _counted("Records that the page cannot read", "Records of our own topics that the live page could not read.", "Above 0: somebody else writes to our topics.", "feed_malformed", "topic", "Every record could be read, or no worker is scraped"),
    ]  # fmt: skip


def _workers() -> list[Panel]:
    return [
        table(
            "Versions", described("What runs, and how many workers have it.", (), "Two versions outside a deployment: a worker was forgotten."),
            [Named("version", "cxloop"), Named("python", "Python")], [Column("Workers", "count by (version, python) (cxloop_build_info)", COUNT)],
            empty=_NO_WORKER, sort=("Workers", True), links=_LINKS, width=12, height=8,
        ),
        _process("Memory", "Memory that workers use.", "Grows without end: see what is remembered.", "process_resident_memory_bytes", Scale("bytes", 1)),
        _process("CPU", "Processors that workers keep busy.", "A worker at 1 has no more: start another.", "rate(process_cpu_seconds_total[$__rate_interval])", Scale("none", 2)),
        _process("Open files", "Files and connections that workers have open.", "Grows without end: it is a defect; report it.", "process_open_fds", COUNT),
    ]  # fmt: skip


def health() -> Dashboard:
    """All that docs/operating.md has in its table."""
    return Dashboard(
        "pipeline", "Pipeline health",
        "For those who keep cxloop alive: whether every event is applied, how soon, and what stands in the way.",
        ("topic", "rule"),
        [
            Section("Now", _now()),
            Section("Lag", _lag()),
            Section("Partitions", _partitions()),
            Section("Events", _events()),
            Section("Sources and rules", [in_force.silent(), in_force.held_back(), in_force.reloads(), in_force.versions()]),
            Section("Steps and transactions", _work()),
            Section("State", _state()),
            Section("Workers", _workers()),
        ],
        span="now-6h",
    )  # fmt: skip
