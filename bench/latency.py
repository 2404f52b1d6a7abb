"""From an event to its alert: how long it takes at a steady pace, and a bare round trip through Kafka beside it."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from pathlib import Path
from statistics import quantiles

import msgspec
import numpy as np
from confluent_kafka import Consumer, Message, Producer, TopicPartition

from bench.load import PARTITIONS, create_inputs, events
from bench.worker import until_ready, worker
from tests.broker import RealKafka

EVENTS_PER_S = 5_000
SPAN_S, WARM_UP_S = 40, 15
#: As producers usually wait for more: an event of its own each would be as much work for Kafka as all else.
LINGER_MS = 5
#: One of so many events goes the bare way too.
ECHOED = 20
PATIENCE_S = 20.0


def latency(kafka: RealKafka, prefix: str, rules: Path) -> dict[str, float]:
    """Ms, at p50 and p99, from sending an event until its alert is read (committed), and until its bare copy is.

    rules: each fires on one event. Where a rule is about two, the one that came first may be the one it says last.
    Only what is sent after the warm-up counts. Raises RuntimeError where alerts are missing.
    """
    echo = f"{prefix}.echo"
    create_inputs(kafka, prefix)
    kafka.create_topics({echo: PARTITIONS})
    sent: dict[str, float] = {}
    with worker(kafka.address, prefix, "--rules", str(rules)) as process:
        until_ready(process)
        alerts = Listener(kafka.address, f"{prefix}.alerts", "read_committed", _alerted)
        echoes = Listener(kafka.address, echo, "read_uncommitted", _echoed)
        since = _send(kafka.address, prefix, echo, sent)
        expected = {event for event, at in sent.items() if at >= since}
        patient_until = time.monotonic() + PATIENCE_S
        while len(echoes.heard) < len(sent) // ECHOED and time.monotonic() < patient_until:
            time.sleep(0.05)
        time.sleep(1)  # what a worker needs for an alert would have to be worse than any bar
        alerts.stop()
        echoes.stop()
    found: dict[str, float] = {}
    for name, listener in (("alert", alerts), ("round_trip", echoes)):
        took = [(at - sent[event]) * 1e3 for event, at in listener.heard.items() if event in expected]
        if len(took) < 1_000:
            raise RuntimeError(f"of {len(expected)} events only {len(took)} came back as {name}")
        percentiles = quantiles(took, n=100)
        found |= {f"{name}_p50_ms": percentiles[49], f"{name}_p99_ms": percentiles[98]}
    return found


def _send(broker: str, prefix: str, echo: str, sent: dict[str, float]) -> float:
    """Send events at an even pace; `sent` gets the time of each. Returns the end of the warm-up."""
    producer = Producer(
        {"bootstrap.servers": broker, "partitioner": "murmur2_random", "linger.ms": LINGER_MS}
    )
    now = np.datetime64(int(time.time() * 1e3), "ms")
    # Made before, so that sending is all that there is to do meanwhile.
    ready = [
        (topic, key, value, msgspec.json.decode(value, type=_Event).id)
        for topic, key, value in events(EVENTS_PER_S * SPAN_S, start=now, span_s=SPAN_S)
    ]
    began = time.monotonic()
    for number, (topic, key, value, event) in enumerate(ready):
        pause = began + number / EVENTS_PER_S - time.monotonic()
        if pause > 0.001:
            producer.poll(0)
            time.sleep(pause)
        sent.setdefault(event, time.monotonic())
        producer.produce(f"{prefix}.{topic}", value, key)
        if number % ECHOED == 0:
            producer.produce(echo, value, key)
    producer.flush(PATIENCE_S)
    return began + WARM_UP_S


class Listener:
    """Hears what arrives on a topic, in a thread of its own. heard: event id to the time of its first arrival."""

    def __init__(
        self, broker: str, topic: str, isolation: str, event_of: Callable[[bytes], str | None]
    ) -> None:
        self.heard: dict[str, float] = {}
        self._event_of, self._stopped = event_of, threading.Event()
        self._consumer = Consumer(
            {
                "bootstrap.servers": broker,
                "group.id": "hears-only",  # never joined
                "isolation.level": isolation,
                "enable.auto.commit": False,
            }
        )
        self._consumer.assign([TopicPartition(topic, number, 0) for number in range(PARTITIONS)])
        self._thread = threading.Thread(target=self._listen, name=topic)
        self._thread.start()

    def stop(self) -> None:
        """Hear no more."""
        self._stopped.set()
        self._thread.join()
        self._consumer.close()

    def _listen(self) -> None:
        while not self._stopped.is_set():
            message: Message | None = self._consumer.poll(0.1)
            if message is None or message.error() is not None:
                continue
            event = self._event_of(message.value() or b"")
            if event is not None:
                self.heard.setdefault(event, time.monotonic())


class _Reason(msgspec.Struct):
    events: list[str] = []


class _Data(msgspec.Struct):
    reasons: list[_Reason] = []


class _Event(msgspec.Struct):
    id: str
    type: str
    data: _Data = msgspec.field(default_factory=_Data)


def _alerted(value: bytes) -> str | None:
    """The event that an alert was fired upon."""
    alert = msgspec.json.decode(value, type=_Event)
    return alert.data.reasons[-1].events[-1] if alert.type == "cx.alert.fired" else None


def _echoed(value: bytes) -> str:
    return msgspec.json.decode(value, type=_Event).id
