"""What the oracle says to the log of an installation: one of it for each shard, and one board."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from tests.integration.kafka_log import LogRecord
from tests.oracle.measured import Counted, pane
from tests.oracle.metrics import Board, on_board
from tests.oracle.reading import MINUTE, Event, ms, read_line, rfc3339
from tests.oracle.rules import Alert, Outputs
from tests.oracle.shard import BEFORE, Oracle

ROLES = {"touchpoints": "customer", "reviews": "review"}
ALERT = ("id", "rule", "key", "subject", "code", "to", "step")
FOLLOWUP = ("id", "key", "priority", "change", "resolution")

Place = tuple[str, int]  # topic without prefix, partition


class Judge:
    """Reads the inputs of an installation as its shards did.

    rules: as loaded from YAML. inputs: the records of each shard that it has applied, in order.
    """

    def __init__(
        self, rules: Sequence[dict[str, Any]], zone: str, inputs: Mapping[Place, list[LogRecord]]
    ) -> None:
        self._inputs = {place: list(reversed(records)) for place, records in inputs.items()}
        events = [rule for rule in rules if not on_board(rule)]
        self._rules = {rule["id"]: rule for rule in events}
        self.shards = {place: Oracle(events, roles=(ROLES[place[0]],), zone=zone) for place in inputs}
        self.board = Board([rule for rule in rules if on_board(rule)], Outputs(), zone)
        self.counted: list[Counted] = []
        self._watermarks: dict[Place, int] = {}
        self._low = 0
        self._alerts: dict[tuple[Place, str], Alert] = {}

    def read(self, told: Iterable[Mapping[str, Any]]) -> None:
        """Go through everything. told: what the board has applied of `cx.metrics`: who had come how far by then."""
        for one in told:
            topic, _, number = one["shard"].partition("/")
            place = topic, int(number)
            if one["segments"] == [{"watermark": 0}]:
                self._watermarks[place] = 0  # it begins with records to read, and the board waits for it
                continue
            while self._inputs[place] and self._inputs[place][-1].offset <= one["offset"]:
                self._next(place, board=True)
            if self.shards[place].watermark == BEFORE:
                self._watermarks.pop(place, None)  # what it had to read has no time
        for place, waiting in self._inputs.items():
            while waiting:
                self._next(place, board=False)

    def _next(self, place: Place, board: bool) -> None:
        record, shard = self._inputs[place].pop(), self.shards[place]
        before = len(shard.counted)
        self._feed(place, shard, record)
        if board:
            if shard.watermark > BEFORE:
                self._watermarks[place] = shard.watermark
            self._judge()
            self.counted += shard.counted[before:]

    def _feed(self, place: Place, shard: Oracle, record: LogRecord) -> None:
        text = (record.value or b"").decode()
        event = read_line(text)
        is_known = isinstance(event, Event) and shard.known(event)
        if '"forwardedfrom"' in text and shard.watermark > BEFORE and not is_known:
            # A copy moves no watermark; but as at every record, the timers below it fire first.
            shard.pass_time(shard.watermark)
        if '"cx.alert.' not in text:
            shard.feed(text, record.timestamp, record.offset)
            return
        alert = json.loads(text)
        what = alert["type"].rpartition(".")[2]
        shard.line = record.offset
        shard.take(what, self._handed_over(place, alert), ms(alert["time"]))

    def _handed_over(self, place: Place, event: Mapping[str, Any]) -> Alert:
        """The alert that a review's shard passed on; the same one for all that happens to it."""
        data = event["data"]
        known = self._alerts.get((place, data["alert_id"]))
        if known is None:
            rule = self._rules[data["rule"]]
            known = self._alerts[place, data["alert_id"]] = Alert(
                data["alert_id"], data["rule"], "absence" if "unless" in rule else "event", data["severity"],
                data["key"], ms(event["time"]), event["subject"], rule["follow_up"], start=ms(data["start"]),
            )  # fmt: skip
        return known

    def _judge(self) -> None:
        """Judge the panes that all shards have passed."""
        low = min(self._watermarks.values(), default=0)
        if low <= self._low:
            return
        self._low = low
        if self.board.judged is None and self.counted:
            # What was counted while the board waited is judged now, pane by pane.
            earliest = min(low, *(one.event.time for one in self.counted))
            self.board.judged = pane(earliest, 5 * MINUTE) - 10 * MINUTE
        self.board.judge(self.counted, low)

    # -- what it says

    def alerts(self) -> Counter[str]:
        return Counter(
            _line(
                one | {"type": f"cx.alert.{one['type']}", "time": rfc3339(one["time"])},
                ("type", "time", *ALERT),
            )
            for outputs in self._outputs()
            for one in outputs.alerts
        )

    def follow_ups(self) -> Counter[str]:
        return Counter(
            _line(
                one
                | {"type": f"cx.followup.{one['type']}", "time": rfc3339(one["time"])}
                | {"due": None if one["due"] is None else rfc3339(one["due"])}
                | {"alert_ids": sorted(one["alert_ids"])},
                ("type", "time", "due", "alert_ids", *FOLLOWUP),
            )
            for outputs in self._outputs()
            for one in outputs.followups
        )

    def dead_letters(self) -> Counter[str]:
        return Counter(
            f"{topic}/{number}/{letter['line']} {letter['reason']}"
            for (topic, number), shard in self.shards.items()
            for letter in shard.outputs.deadletters
        )

    def forwarded(self) -> Counter[str]:
        """What the shards of reviews hand to those of customers, by its id."""
        handed = Counter(copy.id for shard in self.shards.values() for copy in shard.forwarded)
        return handed + Counter(
            f"{alert.id}/{what}" for shard in self.shards.values() for what, alert, _ in shard.forwarded_alerts
            if alert.follow_up is not None
        )  # fmt: skip

    def values(self) -> list[dict[str, Any]]:
        return self.board.values(self.counted)

    def _outputs(self) -> list[Outputs]:
        return [*(shard.outputs for shard in self.shards.values()), self.board.outputs]


def alerts(records: Iterable[LogRecord]) -> Counter[str]:
    """What the product says, in the same form."""
    return Counter(_line(_flat(record), ("type", "time", *ALERT)) for record in records)


def follow_ups(records: Iterable[LogRecord]) -> Counter[str]:
    return Counter(
        _line(
            flat | {"alert_ids": sorted(flat["alert_ids"])}, ("type", "time", "due", "alert_ids", *FOLLOWUP)
        )
        for flat in map(_flat, records)
    )


def dead_letters(records: Iterable[LogRecord]) -> Counter[str]:
    found = []
    for record in records:
        data = _flat(record)
        origin = data["origin"]
        topic = origin["topic"].rpartition(".")[2]
        found.append(f"{topic}/{origin['partition']}/{origin['offset']} {data['reason']}")
    return Counter(found)


def forwarded(records: Iterable[LogRecord]) -> Counter[str]:
    """The ids of the records that a shard of reviews has written among those of customers."""
    events = (
        json.loads(record.value or b"null")
        for record in records
        if b'"forwardedfrom"' in (record.value or b"")
    )
    return Counter(event["id"] for event in events)


def _flat(record: LogRecord) -> dict[str, Any]:
    event: dict[str, Any] = json.loads(record.value or b"")
    data: dict[str, Any] = event.pop("data")
    return data | event


def _line(event: Mapping[str, Any], names: Sequence[str]) -> str:
    picked = {name: event[name] for name in names if event.get(name) is not None}
    if not str(event["type"]).endswith(".closed"):
        picked.pop("resolution", None)  # may be told again later
    return json.dumps(picked)
