"""A million open episodes: how much memory each takes in a worker, and how fast another one restores them."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from bench.load import START, create_inputs, write
from bench.worker import commits, until_ready, worker
from tests.broker import RealKafka
from tests.integration.processes import Process
from tests.integration.shop import figures

RULES = Path(__file__).parent / "packs" / "promises"
SPAN_MS = 8 * 3_600_000  # of event time: shorter than the deadline


def episodes(kafka: RealKafka, prefix: str, count: int) -> dict[str, float]:
    """Bytes of each open episode, with all else that a worker remembers of its event; episodes restored a second.

    The memory is that of a worker that has restored them, as they lie there while nobody looks at them, less that of
    one that is ready for the first; and that of the one that has just taken them all in one go. The time of the
    restore is from the start of a new process until it says that it is ready.
    """
    create_inputs(kafka, prefix)
    options = ("--rules", str(RULES))
    with worker(kafka.address, prefix, *options) as process:
        until_ready(process)
        empty = _memory(process)
        write(kafka, ((f"{prefix}.touchpoints", customer, value) for customer, value in _promises(count)))
        for _ in commits(process, kafka.address, prefix):
            pass
        taken = (_memory(process) - empty) / count
    began = time.monotonic()
    with worker(kafka.address, prefix, *options) as process:
        until_ready(process)
        restored = count / (time.monotonic() - began)
        each = (_memory(process) - empty) / count
    return {"bytes_per_episode": each, "bytes_per_episode_just_taken": taken, "restored_per_s": restored}


def _memory(process: Process) -> float:
    """Its resident memory, in bytes."""
    (found,) = figures(process, "process_resident_memory_bytes")
    return found


def _promises(count: int) -> Iterator[tuple[str, str]]:
    """Promises to as many customers, which nobody has kept: (customer, CloudEvent in JSON)."""
    ids = np.random.default_rng(1).integers(0, 1 << 63, count).tolist()
    at_ms = (np.arange(count) * (SPAN_MS / count)).astype("timedelta64[ms]")
    for number, (event_id, at) in enumerate(
        zip(ids, np.datetime_as_string(START + at_ms).tolist(), strict=True)
    ):
        yield (
            f"cust-{number}",
            (
                f'{{"specversion":"1.0","id":"{event_id:016x}{number:08x}","source":"/shop/orders",'
                f'"type":"cx.promise.made","time":"{at}Z","subject":"cust-{number}",'
                f'"data":{{"promise_id":"promise-{number}","what":"delivery","touchpoint":"delivery",'
                f'"channel":"web","segment":"family","location":"Amsterdam"}}}}'
            ),
        )
