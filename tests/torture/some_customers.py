"""What the oracle says of some of a shop's customers: for all of them it would be too slow."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any

import yaml

from pipeline.effects import ALERTS, FOLLOW_UPS, METRICS
from pipeline.rules.load import rule_files
from pipeline.settings import SHIPPED
from tests.integration import oracle_log
from tests.integration.kafka_log import LogRecord
from tests.integration.shop import Shop
from tests.oracle.reading import ms, rfc3339
from tests.oracle.rules import written_out

Event = Mapping[str, Any]


def agree(shop: Shop) -> None:
    """Whether their alerts and follow-ups are the oracle's."""
    with shop.offsets() as offsets:
        applied = offsets.applied()
    log = shop.log()
    inputs = {
        (topic, number): list(
            _thinned([one for one in log[topic] if one.partition == number and one.offset <= last])
        )
        for (topic, number), last in applied.items()
        if topic != METRICS
    }
    files = rule_files([SHIPPED / "rules"])
    rules = [one for file in files for one in written_out(yaml.safe_load(file.read_text()))]
    judge = oracle_log.Judge(rules, str(shop.zone), inputs)
    judge.read([])
    alerts, follow_ups = ([one for one in log[topic] if _told(_event(one))] for topic in (ALERTS, FOLLOW_UPS))
    assert len(alerts) > 50
    assert len(follow_ups) > 50
    assert oracle_log.alerts(alerts) == judge.alerts()
    assert oracle_log.follow_ups(follow_ups) == judge.follow_ups()


def _thinned(records: Sequence[LogRecord]) -> Iterator[LogRecord]:
    """The records about them. What the others did to time, ticks do."""
    latest = 0
    for one in records:
        event = _event(one)
        if "forwardedfrom" not in event:
            latest = max(latest, ms(event["time"]))
        if _told(event) or one is records[-1]:
            tick = {"id": f"{one.partition}/{one.offset}", "source": "/test", "type": "cx.clock.ticked"}
            time = {"specversion": "1.0", "time": rfc3339(latest)}
            yield replace(one, value=json.dumps(tick | time).encode())
        if _told(event):
            yield one


def _told(event: Event) -> bool:
    """One customer in twenty."""
    return str(event.get("subject", "")).endswith(("07", "27", "47", "67", "87"))


def _event(record: LogRecord) -> Event:
    event: Event = json.loads(record.value or b"")
    return event
