"""Break workers and broker at random, and compare all that left with what should have.

usage: python -m tests.torture [--rounds 3] [--seed 1] [--only FAULT ...] [--lanes 2] [--report FILE]

A round is mostly waiting, so two are played at a time, each on a Kafka of its own. One that failed can be repeated: --only FAULT --seed SEED --rounds 1. What the workers of a round said is
kept in build/torture, and how it went in rounds.jsonl there: --report makes a page of all that stand in that
file. Ends with `N passed, N failed`, and exits with 1 where one failed.
"""

from __future__ import annotations

import argparse
import contextlib
import io
import multiprocessing
import queue
import signal
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from random import Random

import msgspec

from tests.broker import BrokerError, RealKafka
from tests.integration.processes import ROOT, processes
from tests.integration.shop import Shop
from tests.torture.faults import FAULTS, Machine
from tests.torture.proxy import Proxy

KEPT = ROOT / "build" / "torture"
ROUNDS = KEPT / "rounds.jsonl"


@dataclass(frozen=True)
class Round:
    """How one went. codes: exit codes of the workers; wrong: what failed, else empty."""

    fault: str
    seed: int
    seconds: float
    codes: Mapping[int, int]
    compared: int
    wrong: str

    def __str__(self) -> str:
        ends = ", ".join(f"{n} with {code}" for code, n in sorted(self.codes.items()))
        end = f"FAILED: {self.wrong}" if self.wrong else "ok"
        return f"{self.fault} {self.seed}: {self.seconds:.0f} s, {self.compared} outputs, workers ended {ends}: {end}"


def play(fault: str, seed: int, machine: Machine) -> Round:
    """One round. What was said in it is kept, for slow ones too have something to tell."""
    began, compared, codes = time.monotonic(), 0, dict[int, int]()
    said, wrong = io.StringIO(), ""
    with tempfile.TemporaryDirectory() as home, contextlib.redirect_stdout(said):
        try:
            with processes(Path(home)) as running:
                shop = Shop(machine.kafka.address, f"{fault}{seed}", running, seed)
                crew = FAULTS[fault](shop, machine, Random(f"{fault} {seed}"))
                crew.settle()
                crew.dismiss()
                codes = dict(Counter(crew.codes))
                compared = shop.compare()
        except Exception as error:  # noqa: BLE001 - a round that fails is what this looks for
            wrong = (
                f"{type(error).__name__}: {str(error).splitlines()[0] if str(error) else 'see what was said'}"
            )
    KEPT.mkdir(parents=True, exist_ok=True)
    (KEPT / f"{fault}-{seed}.log").write_text(f"{wrong}\n{said.getvalue()}")
    went = Round(fault, seed, time.monotonic() - began, codes, compared, wrong)
    with ROUNDS.open("ab") as rounds:
        rounds.write(msgspec.json.encode(went) + b"\n")
    return went


def play_all(games: Sequence[tuple[str, int]], lanes: int) -> Iterator[Round]:
    """Rounds of (fault, seed), so many at a time, as they end. Raises RuntimeError where a lane ends before them."""
    left: multiprocessing.Queue[tuple[str, int] | None] = multiprocessing.Queue()
    went: multiprocessing.Queue[Round] = multiprocessing.Queue()
    for game in (*games, *[None] * lanes):
        left.put(game)
    running = [multiprocessing.Process(target=_lane, args=(left, went), daemon=True) for _ in range(lanes)]
    for lane in running:
        lane.start()
    for _ in games:
        while True:
            try:
                yield went.get(timeout=1)
                break
            except queue.Empty:
                if any(lane.exitcode for lane in running):
                    raise RuntimeError("a lane has ended, see above") from None
    for lane in running:
        lane.join()


def _lane(left: multiprocessing.Queue[tuple[str, int] | None], went: multiprocessing.Queue[Round]) -> None:
    signal.signal(signal.SIGTERM, lambda *_: sys.exit("torture: the other lane has ended"))
    try:
        with RealKafka(heap_mb=1024) as kafka, Proxy(kafka.proxied_port, kafka.behind_port) as proxy:
            machine = Machine(kafka, proxy)
            while (game := left.get()) is not None:
                went.put(play(*game, machine))
    except BrokerError as error:
        sys.exit(f"torture: {error}")


def report(rounds: Sequence[Round]) -> str:
    """A page with a table, one line a fault."""
    lines = [
        "# Torture",
        "",
        "`make torture` breaks real workers on a real Kafka at random while a shop's customers are busy. Afterwards it",
        "compares every alert, follow-up, dead letter and forwarded copy, byte by byte, and the sums of all counts, with",
        "what hearts say to the same log that nobody ever interrupts. A round is repeated with its seed. This is what the",
        "rounds of the last long run said:",
        "",
        "| fault | what it is | rounds | seeds | failed | outputs compared | workers that ended |",
        "|---|---|---|---|---|---|---|",
    ]
    for fault in dict.fromkeys(one.fault for one in rounds):
        some = [one for one in rounds if one.fault == fault]
        seeds = f"{min(one.seed for one in some)} to {max(one.seed for one in some)}"
        failed = ", ".join(str(one.seed) for one in some if one.wrong) or "0"
        compared, ended = sum(one.compared for one in some), sum(sum(one.codes.values()) for one in some)
        what = (FAULTS[fault].__doc__ or "").strip()
        lines.append(f"| {fault} | {what} | {len(some)} | {seeds} | {failed} | {compared:,} | {ended} |")
    return "\n".join(lines) + "\n"


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.torture", description="Break things at random.")
    parser.add_argument("--rounds", type=int, default=3, help="of each fault (default: %(default)s)")
    parser.add_argument("--seed", type=int, default=1, help="of the first round (default: %(default)s)")
    parser.add_argument("--only", nargs="+", choices=FAULTS, default=list(FAULTS), metavar="FAULT")
    parser.add_argument("--lanes", type=int, default=2, help="rounds at a time (default: %(default)s)")
    parser.add_argument("--report", type=Path, help="a file for a table of all rounds so far")
    options = parser.parse_args()

    seeds = range(options.seed, options.seed + options.rounds)
    games = [(fault, seed) for seed in seeds for fault in options.only]
    rounds: list[Round] = []
    for one in play_all(games, options.lanes):
        rounds.append(one)
        print(one, flush=True)
    if options.report is not None:
        options.report.write_text(
            report([msgspec.json.decode(line, type=Round) for line in ROUNDS.read_bytes().splitlines()])
        )
    failed = sum(bool(one.wrong) for one in rounds)
    print(f"{len(rounds) - failed} passed, {failed} failed")
    return 1 if failed else 0


if __name__ == "__main__":
    try:
        sys.exit(main())
    except RuntimeError as error:
        sys.exit(f"torture: {error}")
