"""Measure cxloop against stock Faust and against a bare consumer, on a real Apache Kafka.

usage: python -m bench [--rounds 3] [--events 1000000] [--only NAME ...]

The measures take turns, so that a busy minute of the machine hits them all; the median counts.
Figures of different machines do not compare, their ratios do: only those have a bar. Exits with 1
where one is short of its bar.
"""

from __future__ import annotations

import argparse
import os
import re
import statistics
import subprocess
import sys
from collections.abc import Callable

from bench.cxloop import run_cxloop
from bench.load import load
from pipeline import shard
from tests.broker import BrokerError, RealKafka

#: Ratios: how many times the one is as fast as the other, and how many at least.
BARS = (
    ("cxloop", "stock_faust", 8.0),
    ("cxloop", "bare_fetch", 0.20),
)
FAUST_EVENTS = 60_000  # of the load: it would take minutes for all
TIMEOUT_S = 300.0

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


MEASURES: dict[str, Measure] = {measure.__name__: measure for measure in (stock_faust, bare_fetch, cxloop)}


def run_module(module: str, kafka: RealKafka, events: int) -> float:
    """Run one of the bench's programs over the shared topic, of which reviews are no part.

    Returns the events/s that it prints.
    """
    command = [sys.executable, "-m", module, kafka.address, "shared.touchpoints", str(events)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=TIMEOUT_S, check=False)
    found = re.search(r"(\d+) events/s$", done.stdout.strip())
    if found is None:
        raise RuntimeError(
            f"{module} ended with {done.returncode} and no figure:\n{done.stdout}{done.stderr}"
        )
    return float(found[1])


def report(figures: dict[str, list[float]]) -> bool:
    """Print one line a measure, and one a ratio with its bar. Returns whether all bars are met."""
    medians = {name: statistics.median(values) for name, values in figures.items() if values}
    for name, median in medians.items():
        print(f"{name} = {median:,.0f} events/s ({min(figures[name]):,.0f} to {max(figures[name]):,.0f})")
    met = True
    for name, other, bar in BARS:
        if name in medians and other in medians:
            ratio = medians[name] / medians[other]
            met = met and ratio >= bar
            print(f"{name}/{other} = {ratio:.2f} (bar {bar:g}) {'ok' if ratio >= bar else 'short'}")
    return met


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m bench", description="Measure events per second.")
    parser.add_argument("--rounds", type=int, default=3, help="of each measure (default: %(default)s)")
    parser.add_argument("--events", type=int, default=1_000_000, help="to load (default: %(default)s)")
    parser.add_argument("--only", nargs="+", choices=MEASURES, default=list(MEASURES), metavar="NAME")
    options = parser.parse_args()

    if (busy := os.getloadavg()[0]) > 1:
        print(f"this machine is busy (load {busy:.1f}): the figures will not mean much", file=sys.stderr)
    if not str(shard.__file__).endswith(".so"):
        print("the heart is not compiled: `make bench` does that", file=sys.stderr)
    figures: dict[str, list[float]] = {name: [] for name in options.only}
    with RealKafka(heap_mb=1024) as kafka:
        print(f"loading {options.events:,} events", file=sys.stderr, flush=True)
        load(kafka, "shared", options.events)
        for number in range(1, options.rounds + 1):
            for name in options.only:
                figures[name].append(MEASURES[name](kafka, options.events, number))
                last = f"{name} {figures[name][-1]:,.0f} events/s"
                print(f"round {number} of {options.rounds}: {last}", file=sys.stderr, flush=True)
    return 0 if report(figures) else 1


if __name__ == "__main__":
    try:
        sys.exit(main())
    except (BrokerError, RuntimeError, subprocess.TimeoutExpired) as error:
        sys.exit(f"bench: {error}")
