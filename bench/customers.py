"""What an event costs the heart, when ten thousand customers have been seen, and when ten million have."""

from __future__ import annotations

import time
from collections.abc import Iterator
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np

from bench.load import CHUNK, events
from pipeline import parts
from pipeline.effects import TOUCHPOINTS, Heart
from pipeline.engine import garbage
from pipeline.engine.tuning import Tuning
from pipeline.replay import FileRecord
from pipeline.settings import Settings

RULES = Path(__file__).parent / "packs" / "customers"
SIZES = (10_000, 100_000, 1_000_000, 10_000_000)
MEASURED = 5 * CHUNK  # events
EVENTS_PER_S = 20.0  # of event time
NOW = 1_900_000_000_000  # ms: later than all of them


def cost_by_customers(sizes: tuple[int, ...] = SIZES) -> dict[str, float]:
    """µs of an event, by the number of customers seen: on average, with all that holds up only some of them."""
    garbage.relax()
    heart = parts.build(Settings(), [RULES]).heart(TOUCHPOINTS, 0)
    crowd = _Crowd()
    count = sizes[-1] + len(sizes) * MEASURED
    stream = (
        FileRecord(offset, NOW, value.encode()) if topic == TOUCHPOINTS else None
        for offset, (topic, _, value) in enumerate(events(count, who=crowd.draw, span_s=count / EVENTS_PER_S))
    )
    found: dict[str, float] = {}
    for size in sizes:
        _take(heart, stream, size - crowd.seen)
        crowd.grows = False
        found[f"us_per_event_of_{size:,}_customers"] = _take(heart, stream, MEASURED) / MEASURED * 1e6
        crowd.grows = True
    return found


class _Crowd:
    """Who comes: somebody new while it grows, and else anybody who came before."""

    def __init__(self) -> None:
        self.seen, self.grows = 0, True

    def draw(self, chance: np.random.Generator, count: int) -> np.ndarray[Any, Any]:
        if not self.grows:
            return chance.integers(0, self.seen, count)
        self.seen += count
        return np.arange(self.seen - count, self.seen)


def _take(heart: Heart, stream: Iterator[FileRecord | None], count: int) -> float:
    """Give so many events to the heart, in batches as a worker does. Returns the seconds that the heart took."""
    took = 0.0
    while count > 0:
        batch = list(islice(stream, min(count, Tuning().batch)))
        count -= len(batch)
        records = [record for record in batch if record is not None]  # reviews are another heart's
        began = time.perf_counter()
        heart.apply(records)
        took += time.perf_counter() - began
    return took
