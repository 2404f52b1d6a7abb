"""Measure cxloop against stock Faust, a bare consumer and other stream engines, on a real Apache Kafka.

usage: python -m bench [--rounds 3] [--events 1000000] [--quick | --only NAME ...]

The measures take turns, so that a busy minute of the machine hits them all; the median counts.
Figures of different machines do not compare, their ratios do: only those have a bar. Exits with 1
where one is short of its bar.
"""

from __future__ import annotations

import argparse
import os
import statistics
import sys
from collections.abc import Callable
from functools import cache, partial
from pathlib import Path

from bench.cxloop import run_cxloop
from bench.load import load
from bench.peers.program import events_per_second, verify
from bench.peers.table import PEERS
from bench.visits import load_visits
from pipeline import shard
from tests.broker import BrokerError, RealKafka

#: Ratios: how many times the one is as fast as the other, and how many at least.
BARS = (
    ("cxloop", "stock_faust", 10.0),
    ("cxloop", "bare_fetch", 0.30),
    *(("windows", f"windows_{name}", peer.bar) for name, peer in PEERS.items()),
)
FAUST_EVENTS = 60_000  # of the load: it would take minutes for all
WINDOW_RULES = Path(__file__).parent / "packs" / "windows"

Measure = Callable[[RealKafka, int, int], float]


def stock_faust(kafka: RealKafka, events: int, _: int) -> float:
    return run_module("bench.stock_faust", kafka, min(events * 9 // 10, FAUST_EVENTS))


def bare_fetch(kafka: RealKafka, events: int, _: int) -> float:
    return run_module("bench.bare_fetch", kafka, events * 9 // 10)


def cxloop(kafka: RealKafka, events: int, number: int) -> float:
    """On topics of its own each time, for it also writes to its inputs."""
    prefix = f"cxloop{number}"
    load(kafka, prefix, events)
    return run_cxloop(kafka.address, prefix)


def windows(kafka: RealKafka, events: int, number: int) -> float:
    """A rule on a customer's visits within an hour, which other engines have as windows."""
    prefix = f"windows{number}"
    load_visits(kafka, prefix, events)
    rate = run_cxloop(kafka.address, prefix, "--rules", str(WINDOW_RULES))
    verify(kafka, f"{prefix}.alerts", events)
    return rate


def windows_of(peer: str, kafka: RealKafka, _: int, __: int) -> float:
    return PEERS[peer].measure(kafka, visits_of(kafka, peer), PEERS[peer].events)


@cache
def visits_of(kafka: RealKafka, peer: str) -> str:
    """The prefix of the visits that a peer gets, which are loaded once."""
    load_visits(kafka, peer, PEERS[peer].events)
    return peer


MEASURES: dict[str, Measure] = {
    **{measure.__name__: measure for measure in (stock_faust, bare_fetch, cxloop, windows)},
    **{f"windows_{peer}": partial(windows_of, peer) for peer in PEERS},
}
#: What `QUICK=1` measures.
QUICK = ("stock_faust", "bare_fetch", "cxloop", "windows", "windows_kafka_streams")


def run_module(module: str, kafka: RealKafka, events: int) -> float:
    """Events/s of one of the bench's programs over the shared topic, of which reviews are no part."""
    return events_per_second([sys.executable, "-m", module, kafka.address, "shared.touchpoints", str(events)])


def report(figures: dict[str, list[float]]) -> bool:
    """Print one line a measure, and one a ratio with its bar. Returns whether all bars are met."""
    medians = {name: statistics.median(values) for name, values in figures.items() if values}
    for name, median in medians.items():
        print(f"{name} = {median:,.0f} events/s ({min(figures[name]):,.0f} to {max(figures[name]):,.0f})")
    met = True
    for name, other, bar in BARS:
        if name in medians and other in medians:
            ratio = medians[name] / medians[other]
            if bar is None:
                print(f"{name}/{other} = {ratio:.2f} (no bar)")
                continue
            met = met and ratio >= bar
            print(f"{name}/{other} = {ratio:.2f} (bar {bar:g}) {'ok' if ratio >= bar else 'short'}")
    return met


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m bench", description="Measure events per second.")
    parser.add_argument("--rounds", type=int, default=3, help="of each measure (default: %(default)s)")
    parser.add_argument("--events", type=int, default=1_000_000, help="to load (default: %(default)s)")
    parser.add_argument("--quick", action="store_true", help="the most telling of them, in eight minutes")
    parser.add_argument("--only", nargs="+", choices=MEASURES, metavar="NAME")
    options = parser.parse_args()
    measures = options.only or (QUICK if options.quick else list(MEASURES))

    if (busy := os.getloadavg()[0]) > 1:
        print(f"this machine is busy (load {busy:.1f}): the figures will not mean much", file=sys.stderr)
    if not str(shard.__file__).endswith(".so"):
        print("the heart is not compiled: `make bench` does that", file=sys.stderr)
    figures: dict[str, list[float]] = {name: [] for name in measures}
    with RealKafka(heap_mb=1024) as kafka:
        print(f"loading {options.events:,} events", file=sys.stderr, flush=True)
        load(kafka, "shared", options.events)
        for number in range(1, options.rounds + 1):
            for name in measures:
                figures[name].append(MEASURES[name](kafka, options.events, number))
                last = f"{name} {figures[name][-1]:,.0f} events/s"
                print(f"round {number} of {options.rounds}: {last}", file=sys.stderr, flush=True)
    return 0 if report(figures) else 1


if __name__ == "__main__":
    try:
        sys.exit(main())
    except (BrokerError, RuntimeError) as error:
        sys.exit(f"bench: {error}")
