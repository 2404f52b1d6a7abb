"""How late timers fire on partitions to which nothing comes any more."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence

from pipeline.effects import ALERTS, REVIEWS, TOUCHPOINTS
from pipeline.partitioner import partition_of
from pipeline.span import SECOND
from tests.integration.kafka_log import LogRecord
from tests.integration.shop import PARTITIONS
from tests.oracle.reading import ms


def delays(log: Mapping[str, Sequence[LogRecord]], watermark: int) -> list[float]:
    """How long after its time each alert was there (s), from the shortest. watermark: at the last record of all (ms).

    Without records, event time goes on from there at the pace of the broker's clock.
    """
    found, came = [], {}
    for topic in (TOUCHPOINTS, REVIEWS):
        for one in log[topic]:
            if b'"/test/end"' in (one.value or b""):
                came[topic, one.partition] = one.timestamp
    for one in log[ALERTS]:
        alert = json.loads(one.value or b"")
        key, topic = alert["data"]["key"], TOUCHPOINTS if "subject" in alert else REVIEWS
        if key.startswith("quiet-"):
            due = came[topic, partition_of(key.encode(), PARTITIONS)] + ms(alert["time"]) - watermark
            found.append((one.timestamp - due) / SECOND)
    return sorted(found)
