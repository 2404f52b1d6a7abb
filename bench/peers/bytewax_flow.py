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
WORKERS = 1


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
        messages = op.input("visits", self.dataflow, KafkaSource([broker], [topic], tail=False))
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
    cli_main(flow.dataflow, workers_per_process=WORKERS, epoch_interval=timedelta(hours=1))
    print(f"{int(events) / (time.perf_counter() - flow.began):.0f} events/s")


if __name__ == "__main__":
    signal.alarm(TIMEOUT_S)  # ends it also where nobody is left to do that
    main()
