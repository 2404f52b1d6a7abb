"""Records of `cx.alerts` and `cx.followups` as an observer reads them: only what is shown, and bounded."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Annotated

from msgspec import Meta, Struct, field
from msgspec.json import Decoder

#: Longest text that is kept of a title, a reason or a key.
MAX_TEXT = 300
MAX_REASONS = 8

ALERT_STATES = {
    "cx.alert.fired": "fired",
    "cx.alert.escalated": "escalated",
    "cx.alert.resolved": "resolved",
    "cx.alert.retracted": "retracted",
}
FOLLOW_UP_TYPES = frozenset(
    f"cx.followup.{what}" for what in ("opened", "updated", "assigned", "contacted", "closed", "reopened")
)

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MS = timedelta(milliseconds=1)

Moment = Annotated[datetime, Meta(tz=True)]
Text = Annotated[str, Meta(min_length=1)]


class Reason(Struct, gc=False):
    text: str


class AlertData(Struct, gc=False):
    alert_id: Text
    rule: Text
    key: str
    severity: str
    title: str = ""
    reasons: list[Reason] = field(default_factory=list)
    code: str | None = None
    to: str | None = None
    held: int = 0
    shadow: bool = False


class AlertRecord(Struct, gc=False):
    id: Text
    type: str
    time: Moment
    data: AlertData
    subject: str | None = None


class FollowUpData(Struct, gc=False):
    followup_id: Text
    rule: str
    key: str
    team: str
    priority: str
    status: str
    due: Moment | None = None
    agent: str | None = None
    resolution: str | None = None
    change: str | None = None
    reasons: list[str] = field(default_factory=list)
    messages: list[str] = field(default_factory=list)


class FollowUpRecord(Struct, gc=False):
    id: Text
    type: str
    time: Moment
    data: FollowUpData
    subject: str | None = None


read_alert = Decoder(AlertRecord).decode
read_follow_up = Decoder(FollowUpRecord).decode


def milliseconds(moment: datetime) -> int:
    """Milliseconds UTC of a moment with a zone; finer parts are cut."""
    return (moment - _EPOCH) // _MS


def short(text: str) -> str:
    """Text that takes bounded room."""
    return text if len(text) <= MAX_TEXT else text[: MAX_TEXT - 1] + "…"


def ordinal(event_id: str) -> int:
    """N of a follow-up's event id `f-…/N`. Raises ValueError."""
    return int(event_id.rpartition("/")[2])
