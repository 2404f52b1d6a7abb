"""Measure cxloop against stock Faust, a bare consumer and other stream engines, on a real Apache Kafka.

usage: python -m bench [--rounds 3] [--events 1000000] [--quick | --only NAME ...] [--report FILE]

The measures take turns, so that a busy minute of the machine hits them all; the median counts.
Figures of different machines do not compare, their ratios do: most bars are on those. Exits with 1
where one is short of its bar, or a measure failed.
"""

from __future__ import annotations

import argparse
import os
import sys
from pathlib import Path

from bench.load import load
from bench.measures import MEASURES, QUICK
from bench.report import Figures, lines, short, write_into
from pipeline import shard
from tests.broker import BrokerError, RealKafka


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m bench", description="Measure events per second.")
    parser.add_argument("--rounds", type=int, default=3, help="of each measure (default: %(default)s)")
    parser.add_argument("--events", type=int, default=1_000_000, help="to load (default: %(default)s)")
    parser.add_argument("--quick", action="store_true", help="the most telling of them, in eight minutes")
    parser.add_argument("--only", nargs="+", choices=MEASURES, metavar="NAME")
    parser.add_argument("--report", type=Path, help="a page whose chart and table get these figures")
    options = parser.parse_args()
    if options.report is not None and not options.report.is_file():
        parser.error(f"{options.report} is not there: the figures go into a page that has a place for them")
    measures = options.only or (QUICK if options.quick else list(MEASURES))

    if (busy := os.getloadavg()[0]) > 1:
        print(f"this machine is busy (load {busy:.1f}): the figures will not mean much", file=sys.stderr)
    if not str(shard.__file__).endswith(".so"):
        print("the heart is not compiled: `make bench` does that", file=sys.stderr)
    figures: Figures = {}
    failed = False
    with RealKafka(heap_mb=1024) as kafka:
        print(f"loading {options.events:,} events", file=sys.stderr, flush=True)
        load(kafka, "shared", options.events)
        for number in range(1, options.rounds + 1):
            for measure in measures:
                try:
                    found = MEASURES[measure](kafka, options.events, number)
                except RuntimeError as error:  # the others go on: they may have taken half an hour
                    print(f"{measure} failed: {error}", file=sys.stderr, flush=True)
                    failed = True
                    continue
                for name, figure in found.items():
                    figures.setdefault(name, []).append(figure)
                    said = f"round {number} of {options.rounds}: {name} {figure:,.6g}"
                    print(said, file=sys.stderr, flush=True)
    print(*lines(figures), sep="\n")
    if options.report is not None:
        write_into(options.report, figures)
    return 1 if failed or short(figures) else 0


if __name__ == "__main__":
    try:
        sys.exit(main())
    except (BrokerError, RuntimeError) as error:
        sys.exit(f"bench: {error}")
