"""Quix Streams: who comes by AT_LEAST times within an hour, in windows of an hour every five minutes of event time.

usage: python quix_flow.py BROKER TOPIC OUTPUT EVENTS GROUP

Prints events/s, from the first event processed to the end of an orderly stop, behind which all is committed.
"""

from __future__ import annotations

import signal
import sys
import tempfile
import time
from datetime import datetime, timedelta

import msgspec
from quixstreams import Application

AT_LEAST = 6
TIMEOUT_S = 280  # shorter than the patience of who runs this


class Visit(msgspec.Struct):
    """All of a CloudEvent that this asks for; msgspec skips the rest."""

    time: datetime


_decode = msgspec.json.Decoder(Visit).decode


def event_time(value: bytes, *_: object) -> int:
    """Ms UTC."""
    return int(_decode(value).time.timestamp() * 1000)


def main() -> None:
    broker, topic, output, count, group = sys.argv[1:]
    events, seen, began = int(count), 0, 0.0

    def note(*_: object) -> None:
        """Quix can stop by itself, but counts what comes out, not what goes in."""
        nonlocal seen, began
        seen += 1
        if seen == 1:
            began = time.perf_counter()
        if seen == events:
            app.stop()

    # Nothing that was tried made it faster: its time goes into twelve windows an event, each read and written in Python.
    # 100,000 events on two busy cores, in events/s, where figures of the same settings differ by a tenth or more:
    # without garbage collector, commits each 30 s 1,213, each 5 s 1,315; with it, each 30 s 1,234; exactly once 1,105;
    # RocksDB without fsync and compression 1,205; the time cut out of the JSON, instead of msgspec, 1,329.
    # So it is at least once, with the defaults of RocksDB and of the commits, and its changelog on.
    with tempfile.TemporaryDirectory(prefix="cxloop-bench-quix-") as state:
        app = Application(
            broker_address=broker,
            consumer_group=group,
            auto_offset_reset="earliest",
            state_dir=state,
            processing_guarantee="at-least-once",
            commit_interval=5.0,
            loglevel=None,
            on_message_processed=note,
        )
        visits = app.topic(topic, value_deserializer="bytes", timestamp_extractor=event_time)
        windows = (
            app.dataframe(visits)
            .hopping_window(timedelta(hours=1), timedelta(minutes=5), timedelta(minutes=10))
            .count()
            .current()
        )
        windows.filter(lambda window: window["value"] >= AT_LEAST).to_topic(app.topic(output))
        app.run()
        seconds = time.perf_counter() - began
    print(f"{events / seconds:.0f} events/s")


if __name__ == "__main__":
    signal.alarm(TIMEOUT_S)  # ends it also where nobody is left to do that
    main()
