"""All measures: each gives one figure or several, by name."""

from __future__ import annotations

import multiprocessing
import sys
import tempfile
from collections.abc import Callable, Mapping
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from functools import cache, partial
from pathlib import Path

from bench import worker
from bench.customers import cost_by_customers
from bench.episodes import episodes
from bench.latency import latency
from bench.load import NOTES, load
from bench.peers.program import events_per_second, verify
from bench.peers.table import PEERS
from bench.rules import write_ten, write_thousand
from bench.visits import load_visits
from tests.broker import RealKafka

FAUST_EVENTS = 60_000  # of the load: it would take minutes for all
EPISODES = 1_000_000
#: Rules as they were when they were frozen: one more that ships is not a figure less.
PACKS = Path(__file__).parent / "packs"
DEFAULT_RULES, EVERY_KIND, WINDOW_RULES = PACKS / "default", PACKS / "every_kind", PACKS / "windows"
#: What cxloop measured when the bars were set.
ELEVEN = (
    "nps nps_promoters nps_passives nps_detractors csat csat_satisfied ces review_rating review_response "
    "first_response_mean first_response_p90"
)
MANY_PARTITIONS = 64

#: Gets Kafka, the number of events, and the number of the round. On topics of its own each time, for cxloop also
#: writes to its inputs.
Measure = Callable[[RealKafka, int, int], dict[str, float]]


@dataclass(frozen=True, slots=True)
class Bar:
    """What a figure must be: alone or as a ratio, at least or at most. limit None: only to be told."""

    figure: str
    to: str | None
    limit: float | None
    at_most: bool = False


BARS = (
    Bar("cxloop", "stock_faust", 10.0),
    Bar("cxloop", "bare_fetch", 0.30),
    Bar("eleven_metrics", "stock_faust", 10.0),
    Bar("eleven_metrics", "bare_fetch", 0.30),
    Bar("engine_alone", "stock_faust", None),
    Bar("engine_alone", "bare_fetch", None),
    Bar("every_kind", "stock_faust", 10.0),
    Bar("every_kind", "bare_fetch", 0.30),
    *(Bar("windows", f"windows_{name}", peer.bar) for name, peer in PEERS.items()),
    Bar("thousand_rules", "ten_rules", 0.5),
    Bar("two_workers", "cxloop", None),
    Bar("partitions_64", "cxloop", 0.6),
    Bar("alert_p99_ms", "round_trip_p99_ms", 15.0, at_most=True),
    Bar("bytes_per_episode", None, 600.0, at_most=True),
    Bar("restored_per_s", None, 60_000.0),
    Bar("us_per_event_of_10,000,000_customers", "us_per_event_of_10,000_customers", 1.5, at_most=True),
)


def stock_faust(kafka: RealKafka, events: int, _: int) -> dict[str, float]:
    return {"stock_faust": _module("bench.stock_faust", kafka, min(events * 9 // 10, FAUST_EVENTS))}


def bare_fetch(kafka: RealKafka, events: int, _: int) -> dict[str, float]:
    return {"bare_fetch": _module("bench.bare_fetch", kafka, events * 9 // 10)}


def engine_alone(kafka: RealKafka, events: int, number: int) -> dict[str, float]:
    """The whole job less what it is done for: events that nothing is counted of, and that concern no rule."""
    prefix = f"engine{number}"
    load(kafka, prefix, events, mix=NOTES)
    return {"engine_alone": worker.run(kafka.address, prefix, "--rules", str(DEFAULT_RULES)).events_per_s}


def cxloop(kafka: RealKafka, events: int, number: int) -> dict[str, float]:
    """The whole job, with all metrics."""
    run = _whole_job(kafka, events, f"cxloop{number}", DEFAULT_RULES)
    return {"cxloop": run.events_per_s, "cxloop_cpu_s": run.cpu_s}


def eleven_metrics(kafka: RealKafka, events: int, number: int) -> dict[str, float]:
    """The whole job, with the metrics that there were when its bars were set, beside those that its rules look at."""
    run = _whole_job(kafka, events, f"eleven{number}", DEFAULT_RULES, metrics=ELEVEN)
    return {"eleven_metrics": run.events_per_s, "eleven_metrics_cpu_s": run.cpu_s}


def every_kind(kafka: RealKafka, events: int, number: int) -> dict[str, float]:
    """The whole job with rules of every kind."""
    run = _whole_job(kafka, events, f"every{number}", EVERY_KIND)
    return {"every_kind": run.events_per_s, "every_kind_cpu_s": run.cpu_s}


def windows(kafka: RealKafka, events: int, number: int) -> dict[str, float]:
    """A rule on a customer's visits within an hour, which other engines have as windows; and nothing else, as they have."""
    prefix = f"windows{number}"
    load_visits(kafka, prefix, events)
    run = worker.run(kafka.address, prefix, "--rules", str(WINDOW_RULES), metrics="none")
    verify(kafka, f"{prefix}.alerts", events)
    return {"windows": run.events_per_s}


def windows_of(peer: str, kafka: RealKafka, _: int, __: int) -> dict[str, float]:
    return {f"windows_{peer}": PEERS[peer].measure(kafka, _visits_of(kafka, peer), PEERS[peer].events)}


@cache
def _visits_of(kafka: RealKafka, peer: str) -> str:
    """The prefix of the visits that a peer gets, which are loaded once."""
    load_visits(kafka, peer, PEERS[peer].events)
    return peer


def rules(kafka: RealKafka, events: int, number: int) -> dict[str, float]:
    """The same load through ten rules, and through a thousand."""
    found = {}
    with tempfile.TemporaryDirectory() as folder:
        for name, path in (("ten", write_ten(Path(folder))), ("thousand", write_thousand(Path(folder)))):
            load(kafka, f"{name}{number}", events)
            run = worker.run(kafka.address, f"{name}{number}", "--rules", str(path))
            found[f"{name}_rules"] = run.events_per_s
    return found


def two_workers(kafka: RealKafka, events: int, number: int) -> dict[str, float]:
    """The whole job by two workers, which share two cores with the broker."""
    run = _whole_job(kafka, events, f"two{number}", DEFAULT_RULES, "--workers", "2")
    return {"two_workers": run.events_per_s, "two_workers_cpu_s": run.cpu_s}


def partitions(kafka: RealKafka, events: int, number: int) -> dict[str, float]:
    """The whole job from many partitions, by one worker."""
    prefix = f"partitions{number}"
    load(kafka, prefix, events, partitions=MANY_PARTITIONS)
    run = worker.run(
        kafka.address, prefix, "--rules", str(DEFAULT_RULES), "--partitions", str(MANY_PARTITIONS),
        partitions=MANY_PARTITIONS,
    )  # fmt: skip
    return {f"partitions_{MANY_PARTITIONS}": run.events_per_s}


def customers(_: RealKafka, __: int, number: int) -> dict[str, float]:
    """In a process of its own, for what it has seen stays with it; once, for it takes minutes."""
    if number > 1:
        return {}
    with ProcessPoolExecutor(1, multiprocessing.get_context("spawn")) as pool:
        return pool.submit(cost_by_customers).result()


MEASURES: Mapping[str, Measure] = {
    **{
        measure.__name__: measure
        for measure in (stock_faust, bare_fetch, engine_alone, cxloop, eleven_metrics, every_kind, windows)
    },
    **{f"windows_{peer}": partial(windows_of, peer) for peer in PEERS},
    "rules": rules,
    "two_workers": two_workers,
    "partitions": partitions,
    "latency": lambda kafka, _, number: latency(kafka, f"latency{number}", DEFAULT_RULES),
    "episodes": lambda kafka, _, number: episodes(kafka, f"episodes{number}", EPISODES),
    "customers": customers,
}
#: What `QUICK=1` measures.
QUICK = ("stock_faust", "bare_fetch", "cxloop", "eleven_metrics", "windows", "windows_kafka_streams")


def _whole_job(
    kafka: RealKafka, events: int, prefix: str, rules: Path, *options: str, metrics: str = ""
) -> worker.Run:
    load(kafka, prefix, events)
    return worker.run(kafka.address, prefix, "--rules", str(rules), *options, metrics=metrics)


def _module(module: str, kafka: RealKafka, events: int) -> float:
    """Events/s of one of the bench's programs over the shared topic, of which reviews are no part."""
    return events_per_second([sys.executable, "-m", module, kafka.address, "shared.touchpoints", str(events)])
