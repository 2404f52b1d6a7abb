"""Records of `cx.alerts`, `cx.followups` and `cx.metrics` as an observer reads them: only what is shown, and bounded."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Annotated

from msgspec import Meta, Raw, Struct, field
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


class Counted(Struct, gc=False):
    counts: list[Raw] = field(default_factory=list)


class CountsRecord(Struct, gc=False):
    """What a shard hands to the board (`metrics/segment.py`), of which a page reads little."""

    shard: str
    offset: int
    segments: list[Counted]
    series: list[list[tuple[str, str]]] = field(default_factory=list)
    names: list[str] = field(default_factory=list)


read_alert = Decoder(AlertRecord).decode
read_counts = Decoder(CountsRecord).decode
_read_row = Decoder(list[int]).decode
read_follow_up = Decoder(FollowUpRecord).decode


def totals(record: CountsRecord) -> Iterator[tuple[int, dict[str, int]]]:
    """What is counted in total: the end of each pane (ms UTC), and its counts. Raises MsgspecError, ValueError or IndexError.

    Its rows are the first ones (`metrics/segment.py`); those of other series are not decoded.
    """
    if [] not in record.series:
        return
    total = record.series.index([])
    for segment in record.segments:
        for raw in segment.counts:
            end, series, *counts = _read_row(raw)
            if series != total:
                break
            yield (
                end,
                {record.names[place]: n for place, n in zip(counts[::2], counts[1::2], strict=True)},
            )


def milliseconds(moment: datetime) -> int:
    """Milliseconds UTC of a moment with a zone; finer parts are cut."""
    return (moment - _EPOCH) // _MS


def short(text: str) -> str:
    """Text that takes bounded room."""
    return text if len(text) <= MAX_TEXT else text[: MAX_TEXT - 1] + "…"


def ordinal(event_id: str) -> int:
    """N of a follow-up's event id `f-…/N`. Raises ValueError."""
    return int(event_id.rpartition("/")[2])
