"""`python -m bench.backtest`: how fast a backtest is, beside a shard that does nothing else.

Both rule sets are the benchmark's default pack, each in a process of its own, as the command runs them.
"""

from __future__ import annotations

import argparse
import gc
import time
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory

from bench.load import events
from pipeline import parts as all_parts
from pipeline.authoring.backtest import both
from pipeline.replay import FileRecord
from pipeline.rules.compiled import Role
from pipeline.settings import Settings
from pipeline.shard import Shard

PACK = [Path(__file__).parent / "packs" / "default"]
ROUNDS = 3
BATCH = 2_000
#: The shard alone is measured on so many, for they stand in memory.
MOST_IN_MEMORY = 1_000_000


def shard_alone(values: list[bytes]) -> float:
    """Events a second of a shard with all roles, over records that are in memory."""
    now = int(time.time() * 1000)
    one = Shard(
        all_parts.build(Settings(), PACK).shard, "bench/0", frozenset(Role), lambda _: {"file": "", "line": 0}
    )
    records = [FileRecord(number, now, value) for number, value in enumerate(values)]
    began = time.perf_counter()
    for first in range(0, len(records), BATCH):
        one.apply(records[first : first + BATCH])
    return len(records) / (time.perf_counter() - began)


def main() -> None:
    """Print both, and their ratio: medians of three rounds."""
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("--events", type=int, default=1_000_000)
    count = arguments.parse_args().events
    gc.set_threshold(100_000, 50, 100)
    print(f"the shard is {'compiled' if _is_compiled() else 'not compiled'}; {count:,} events")
    with TemporaryDirectory() as folder:
        file = Path(folder) / "events.jsonl"
        with file.open("w") as lines:
            lines.writelines(f"{value}\n" for _, _, value in events(count))
        with file.open("rb") as lines:
            values = [line.strip() for line, _ in zip(lines, range(min(count, MOST_IN_MEMORY)), strict=False)]
        ratios = []
        for number in range(ROUNDS):
            alone = shard_alone(values)
            began = time.perf_counter()
            told = both(PACK, PACK, [file], Settings())
            wall = time.perf_counter() - began
            each = min(one.events / one.took_s for one in told)
            ratios.append(each / alone)
            print(
                f"round {number + 1}: shard alone {alone:,.0f} events/s; each of two rule sets side by side "
                f"{each:,.0f} events/s; {wall:.1f} s in all; ratio {ratios[-1]:.2f}"
            )
        print(f"backtest/shard: {median(ratios):.2f} (bar 0.60)")


def _is_compiled() -> bool:
    import pipeline.shard

    return not (pipeline.shard.__file__ or "").endswith(".py")


if __name__ == "__main__":
    main()
