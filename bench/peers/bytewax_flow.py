"""Bytewax: who comes by AT_LEAST times within an hour, in windows of an hour every five minutes of event time.

usage: python bytewax_flow.py BROKER TOPIC OUTPUT EVENTS

Prints events/s, from the first event processed to the last flush.
"""

from __future__ import annotations

import gc
import signal
import sys
import time
from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from typing import Any

import bytewax.operators as op
import bytewax.operators.windowing as win
import msgspec
from bytewax.connectors.kafka import KafkaSink, KafkaSinkMessage, KafkaSource
from bytewax.dataflow import Dataflow
from bytewax.run import cli_main

AT_LEAST = 6
TIMEOUT_S = 280  # shorter than the patience of who runs this

# What was the fastest, of what was tried with 100,000 events on two busy cores. Figures are events/s; those of the same
# settings differed by a quarter, 4,789 to 6,008 for batches of 10,000 and all else as it is here.
# - An epoch that never ends before the input does: 1,838 with the default of 10 s. At the end of each epoch Bytewax
#   copies the windows of every customer seen, without recovery too. So recovery is off, and state would not survive;
#   it was not tried, for it needs epochs that end, and writes those copies besides.
# - No garbage collector: 1,614 with it, 3,068 where it is made rarer (both with the default batches). It has much to
#   walk through and finds nothing: memory is the same without.
# - Batches of 50,000: 6,253. Of 1,000, the default: 2,820. The sink flushes after each.
# - A window that tells when it is AT_LEAST. fold_window tells each window's count at its end: 2,285 (and 1,799 against
#   3,068, with the default batches). count_window is a fold_window with a step more; it was not tried.
# - One worker. Two are threads that share Python's lock: 3,061 (and 2,607 against 3,068).
WORKERS = 1
EPOCH = timedelta(hours=1)
BATCH = 50_000


class Visit(msgspec.Struct):
    """All of a CloudEvent that this asks for; msgspec skips the rest."""

    time: datetime


_decode = msgspec.json.Decoder(Visit).decode


class Often(win.WindowLogic):  # type: ignore[misc]  # no types where this is checked
    """Counts, and tells each count from AT_LEAST on, as it is reached."""

    __slots__ = ("count",)

    def __init__(self, count: int | None) -> None:
        self.count = count or 0

    def on_value(self, _: datetime) -> Iterable[int]:
        self.count += 1
        return (self.count,) if self.count >= AT_LEAST else ()

    def on_merge(self, _: Often) -> Iterable[int]:
        return ()  # such windows never merge

    def on_close(self) -> Iterable[int]:
        return ()

    def snapshot(self) -> int:
        return self.count


class Flow:
    """The dataflow, and when its first event came."""

    def __init__(self, broker: str, topic: str, output: str) -> None:
        self.began = 0.0
        self.dataflow = Dataflow("often")
        messages = op.input(
            "visits", self.dataflow, KafkaSource([broker], [topic], tail=False, batch_size=BATCH)
        )
        counted = win.window(
            "often",
            op.map("visit", messages, self._visit),
            win.EventClock(ts_getter=lambda at: at, wait_for_system_duration=timedelta(minutes=10)),
            win.SlidingWindower(
                length=timedelta(hours=1),
                offset=timedelta(minutes=5),
                align_to=datetime(2026, 1, 1, tzinfo=UTC),
            ),
            Often,
            ordered=False,
        )
        op.output("out", op.map("found", counted.down, _found), KafkaSink([broker], output))

    def _visit(self, message: Any) -> tuple[str, datetime]:
        self.began = self.began or time.perf_counter()
        return message.key.decode(), _decode(message.value).time


def _found(customer_window_count: tuple[str, tuple[int, int]]) -> Any:
    customer, (_, count) = customer_window_count
    return KafkaSinkMessage(customer.encode(), b"%d" % count)


def main() -> None:
    broker, topic, output, events = sys.argv[1:]
    gc.disable()
    flow = Flow(broker, topic, output)
    cli_main(flow.dataflow, workers_per_process=WORKERS, epoch_interval=EPOCH)
    print(f"{int(events) / (time.perf_counter() - flow.began):.0f} events/s")


if __name__ == "__main__":
    signal.alarm(TIMEOUT_S)  # ends it also where nobody is left to do that
    main()
