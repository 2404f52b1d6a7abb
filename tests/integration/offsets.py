"""How far an installation has come, as its consumer group says: with the same transaction as its outputs."""

from __future__ import annotations

import time
from collections.abc import Iterable
from types import TracebackType
from typing import Self

from confluent_kafka import Consumer, KafkaError, KafkaException, TopicPartition

from pipeline.engine.path import group_id

NOT_YET = (KafkaError.NOT_COORDINATOR, KafkaError.COORDINATOR_LOAD_IN_PROGRESS)
PATIENCE_S = 20.0


class Offsets:
    """Looks at the group of a prefix from outside. A context."""

    def __init__(self, broker: str, prefix: str, inputs: Iterable[tuple[str, int]]) -> None:
        self._prefix = prefix
        self._places = list(inputs)
        # Of offsets: read_uncommitted shows the last that are decided, and waits for nothing.
        self._consumer = Consumer(
            {"bootstrap.servers": broker, "group.id": group_id(prefix), "isolation.level": "read_uncommitted"}
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._consumer.close()

    def applied(self) -> dict[tuple[str, int], int]:
        """The last applied offset of each input, by topic without prefix and partition; -1: none."""
        asked = [TopicPartition(f"{self._prefix}.{topic}", number) for topic, number in self._places]
        found = self._committed(asked)
        return {place: max(0, one.offset) - 1 for place, one in zip(self._places, found, strict=True)}

    def ends(self) -> dict[tuple[str, int], int]:
        """The offset behind the last record of each input."""
        return {
            (topic, number): self._consumer.get_watermark_offsets(
                TopicPartition(f"{self._prefix}.{topic}", number), timeout=10
            )[1]
            for topic, number in self._places
        }

    def _committed(self, asked: list[TopicPartition]) -> list[TopicPartition]:
        """A broker that has just started is still looking for the group's coordinator."""
        patient_until = time.monotonic() + PATIENCE_S
        while True:
            try:
                return self._consumer.committed(asked, timeout=10)
            except KafkaException as error:
                if error.args[0].code() not in NOT_YET or time.monotonic() > patient_until:
                    raise
            time.sleep(0.1)
