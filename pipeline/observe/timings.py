"""How long steps and transactions take, and how large they are, as histograms of Prometheus."""

from __future__ import annotations

from typing import Protocol

from prometheus_client import CollectorRegistry, Histogram, disable_created_metrics

from pipeline.effects import METRICS, REVIEWS, TOUCHPOINTS

_SECONDS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)
_RECORDS = (1, 3, 10, 30, 100, 300, 1_000, 3_000, 10_000, 30_000)


class Place(Protocol):
    """A partition. topic: without its prefix."""

    @property
    def topic(self) -> str: ...


class Timings:
    """Observes the event path: `step` and `transaction` are told the partition, records and seconds."""

    def __init__(self, registry: CollectorRegistry) -> None:
        disable_created_metrics()  # type: ignore[no-untyped-call]  # a series more for each, which nobody looks at

        def histogram(name: str, text: str, buckets: tuple[float, ...]) -> Histogram:
            made = Histogram(name, text, ["topic"], registry=registry, buckets=buckets)
            for topic in (TOUCHPOINTS, REVIEWS, METRICS):
                made.labels(topic)  # there as 0 before it happens
            return made

        self._step_seconds = histogram(
            "cxloop_step_seconds", "Time that one step takes: a batch of records through the rules.", _SECONDS
        )
        self._step_records = histogram("cxloop_step_records", "Records in one step.", _RECORDS)
        self._transaction_seconds = histogram(
            "cxloop_transaction_seconds", "Time from the begin of a transaction to its commit.", _SECONDS
        )
        self._transaction_records = histogram(
            "cxloop_transaction_records", "Records in one transaction, of one step or several.", _RECORDS
        )

    def step(self, one: Place, records: int, seconds: float) -> None:
        """A step was made."""
        self._step_seconds.labels(one.topic).observe(seconds)
        self._step_records.labels(one.topic).observe(records)

    def transaction(self, one: Place, records: int, seconds: float) -> None:
        """A transaction was committed."""
        self._transaction_seconds.labels(one.topic).observe(seconds)
        self._transaction_records.labels(one.topic).observe(records)
