"""A line becomes an event, or the reason why it cannot."""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

SECOND = 1000
MINUTE = 60 * SECOND
HOUR = 60 * MINUTE
DAY = 24 * HOUR

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)

# One of the fields in a group must be there.
REQUIRED: dict[str, list[list[str]]] = {
    "survey.answered": [
        ["nps", "csat", "ces", "tone", "expected", "experienced", "goal_reached", "survey_id"]
    ],
    "review.posted": [["review_id"], ["rating"]],
    "review.responded": [["review_id"]],
    "touchpoint.visited": [["touchpoint"]],
    "contact.opened": [["contact_id"]],
    "contact.replied": [["contact_id"]],
    "contact.resolved": [["contact_id"]],
    "contact.reopened": [["contact_id"]],
    "purchase.completed": [["order_id"]],
    "order.delivered": [["order_id"]],
    "order.returned": [["order_id"]],
    "selfservice.resolved": [],
    "selfservice.failed": [],
    "promise.made": [["promise_id"]],
    "promise.kept": [["promise_id"]],
    "promise.broken": [["promise_id"]],
    "customer.joined": [],
    "customer.renewed": [],
    "customer.churned": [],
    "referral.made": [],
    "share.made": [],
    "observation.noted": [["comment"]],
    "mention.posted": [],
    "employee.answered": [],
    "clock.ticked": [],
    "followup.opened": [["followup_id"]],
    "followup.assigned": [["followup_id"]],
    "followup.contacted": [["followup_id"]],
    "followup.closed": [["followup_id"]],
    "followup.reopened": [["followup_id"]],
}
WITHOUT_SUBJECT = {"review.posted", "review.responded", "mention.posted", "employee.answered", "clock.ticked"}
RANGES: dict[str, tuple[float, float]] = {
    "nps": (0, 10),
    "csat": (1, 5),
    "ces": (1, 7),
    "rating": (1, 5),
    "sentiment": (-1, 1),
    "enps": (0, 10),
    "experienced": (1, 5),
    "emotion": (-2, 2),
}


@dataclass(frozen=True)
class Event:
    """An event that could be read. type: without `cx.`; time: ms; forwarded: a review shard sent this copy."""

    id: str
    source: str
    type: str
    time: int
    subject: str | None
    data: dict[str, Any]
    forwarded: bool = False

    @property
    def episode(self) -> str:
        return f"{self.source}#{self.id}"

    @property
    def version(self) -> tuple[int, str]:
        """What the versions of a review are ordered by."""
        return (self.time, self.id)


def ms(text: str) -> int:
    """RFC 3339 with an offset → ms."""
    return (datetime.fromisoformat(text) - EPOCH) // timedelta(milliseconds=1)


def rfc3339(time: int) -> str:
    """RFC 3339 in UTC of ms, with milliseconds only if there are any."""
    moment = EPOCH + timedelta(milliseconds=time)
    return moment.isoformat(timespec="milliseconds" if time % SECOND else "seconds").replace("+00:00", "Z")


def read_line(line: str) -> Event | str:
    """The event of a line, or the reason code of its dead letter."""
    if not line.strip():
        return "value.empty"
    try:
        value = json.loads(line)
    except ValueError:
        return "json.invalid"
    return read(value) if isinstance(value, dict) else "json.invalid"


def time_of(line: str) -> int | None:
    """The time of a line, whether it is an event or not; None where there is none to read."""
    try:
        return ms(json.loads(line)["time"])
    except (ValueError, TypeError, KeyError):
        return None


def read(value: dict[str, Any]) -> Event | str:
    name = value.get("type")
    if name is None:
        return "type.missing"
    kind = str(name).removeprefix("cx.")
    if kind not in REQUIRED or not str(name).startswith("cx."):
        return "type.unknown"
    if not value.get("id") or not value.get("source"):
        return "field.missing"
    data = value.get("data") or {}
    for group in REQUIRED[kind]:
        if all(data.get(field) is None for field in group):
            return "field.missing"
    for field, (low, high) in RANGES.items():
        if data.get(field) is not None and not low <= data[field] <= high:
            return "field.wrong"
    subject = value.get("subject")
    if not subject and kind not in WITHOUT_SUBJECT:
        return "subject.missing"
    if value.get("time") is None:
        return "time.missing"
    try:
        moment = datetime.fromisoformat(value["time"])
    except ValueError:
        return "time.invalid"
    if moment.tzinfo is None:
        return "time.naive"
    forwarded = value.get("forwardedfrom") is not None
    return Event(value["id"], value["source"], kind, ms(value["time"]), subject or None, data, forwarded)
