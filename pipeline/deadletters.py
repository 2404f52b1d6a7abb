"""Dead letters, read back: what they say, and the event that is sent again in the place of each."""

from __future__ import annotations

import base64
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final

import msgspec

from pipeline.effects import DEAD_LETTERS, REVIEWS, TOUCHPOINTS, Output
from pipeline.events import model as m
from pipeline.events.codec import (
    Enclosed,
    Record,
    Rejection,
    decode,
    is_forwarded,
    millis,
    moment,
    structured,
)
from pipeline.step import FUTURE, MAX_SHOWN, REMEMBERED


class _Data(msgspec.Struct):
    reason: str
    error: str
    origin: dict[str, Any]
    value: str = ""
    encoding: str | None = None
    bytes: int | None = None
    headers: dict[str, str] = {}


class _Written(msgspec.Struct, tag_field="type", tag="cx.deadletter"):
    id: str
    data: _Data


class _About(msgspec.Struct):
    deadletter_id: str


class _Marker(msgspec.Struct, tag_field="type", tag="cx.deadletter.replayed"):
    data: _About


_decode: Final = msgspec.json.Decoder(_Written | _Marker).decode


@dataclass(frozen=True, slots=True)
class DeadLetter:
    """One dead letter. id: where the record stood, and the reason; at: ms UTC, when it was written.

    value: the event as it came, in structured mode, or the first part of it; size: bytes of all of it, where it is
    cut off, else None. origin: where the record stood. key: of the dead letter itself.
    """

    id: str
    at: int
    reason: str
    error: str
    origin: Mapping[str, Any]
    value: bytes
    size: int | None
    key: bytes | None

    @property
    def is_remembered(self) -> bool:
        """Whether a shard knows the id of its event, and would drop another one as its duplicate."""
        return (
            self.reason in REMEMBERED
            # Its original was taken where it was forwarded from.
            or is_forwarded(self.value)
            # A stranger's, of a type that is ours alone.
            or isinstance(decode(Enclosed(self.value)), m.INTERNAL_EVENTS)
        )


@dataclass(frozen=True, slots=True)
class Refusal:
    """Why a dead letter is not sent again. can_be_mended: whether a mended event could be."""

    id: str
    why: str
    can_be_mended: bool = False


@dataclass(slots=True)
class DeadLetters:
    """All dead letters of an installation, by id, oldest first; and when which of them was sent again (ms UTC)."""

    # asyncio makes the text of what it returns, and throws it away.
    letters: dict[str, DeadLetter] = field(default_factory=dict, repr=False)
    sent: dict[str, int] = field(default_factory=dict, repr=False)

    def take(self, record: Record) -> bool:
        """Take a record of their topic; one that is not ours is passed over. Returns True."""
        try:
            found = _decode(record.value or b"")
        except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
            return True
        if isinstance(found, _Marker):
            self.sent.setdefault(found.data.deadletter_id, record.timestamp)
        else:
            self.letters[found.id] = _letter(found, record)
        return True

    def of(self, reason: str | None) -> list[DeadLetter]:
        """Those with a reason, or all."""
        return [one for one in self.letters.values() if reason in (None, one.reason)]

    def waiting(self, reason: str | None) -> list[str]:
        """The ids of those with a reason that were not sent again."""
        return [one.id for one in self.of(reason) if one.id not in self.sent]

    def find(self, letter_id: str) -> DeadLetter | Refusal:
        """The dead letter with an id."""
        if (found := self.letters.get(letter_id)) is not None:
            return found
        return Refusal(letter_id, "there is no such dead letter; `cxloop deadletters list` shows their ids")

    def again(self, letter_id: str, mended: bytes | None, now: int) -> list[Output] | Refusal:
        """What is written to send a dead letter's event again: the event, and a marker that it was.

        mended: the event, if not as it came. now: ms UTC.
        """
        letter = self.find(letter_id)
        if isinstance(letter, Refusal):
            return letter
        if (at := self.sent.get(letter.id)) is not None:
            return Refusal(letter.id, f"already sent again at {moment(at)}")
        if letter.reason == "output.too_large":
            return Refusal(
                letter.id,
                "this is no event, but what cxloop would have written because of one; that one was processed, so "
                "there is nothing to send again",
            )
        if mended is None and letter.size is not None:
            why = f"only the first {MAX_SHOWN:,} of its {letter.size:,} bytes are kept"
            return Refusal(letter.id, why, can_be_mended=True)
        event = _event(letter, letter.value if mended is None else mended, now)
        if isinstance(event, Rejection):
            return Refusal(letter.id, f"{event.reason}: {event.error}", can_be_mended=True)
        return [event, _marker(letter, event)]


def _letter(found: _Written, record: Record) -> DeadLetter:
    data = found.data
    raw = base64.b64decode(data.value) if data.encoding == "base64" else data.value.encode()
    headers = [(name, text.encode()) for name, text in data.headers.items()]
    return DeadLetter(
        found.id, record.timestamp, data.reason, data.error, data.origin, structured(raw, headers) or b"",
        data.bytes, record.key,
    )  # fmt: skip


def _event(letter: DeadLetter, value: bytes, now: int) -> Output | Rejection:
    """The event as its shard will take it, on its topic and with its key."""
    event = decode(Enclosed(value))
    if isinstance(event, m.Event):
        fields = msgspec.json.decode(value, type=dict[str, msgspec.Raw])
        fields.pop("forwardedfrom", None)
        if letter.is_remembered:
            fields["id"] = msgspec.Raw(msgspec.json.encode(f"{event.id}/replayed"))
        value = msgspec.json.encode(fields)
        event = decode(Enclosed(value))
    if isinstance(event, Rejection):
        return event
    if not isinstance(event, m.CUSTOMER_EVENTS):
        name = m.type_name(event.__class__)
        return Rejection("type.unknown", f"`{name}` is written by cxloop alone - at `$.type`")
    if millis(event.time) > now + FUTURE:
        return Rejection(
            "time.future", f"the event says {moment(millis(event.time))}, more than 5 min ahead - at `$.time`"
        )
    before = decode(Enclosed(letter.value))
    if letter.reason == "time.too_late" and isinstance(before, m.Event) and event.time <= before.time:
        return Rejection(letter.reason, letter.error)  # time never goes back
    if isinstance(event, m.REVIEWS):
        return Output(REVIEWS, event.data.review_id.encode(), value)
    key = event.subject
    if key is None and isinstance(event, m.FOLLOW_UPS):
        key = event.data.key
    return Output(TOUCHPOINTS, (key or f"{event.source}#{event.id}").encode(), value)


def _marker(letter: DeadLetter, event: Output) -> Output:
    """On the partition of the dead letter: whoever reads that to its end knows what was sent again."""
    written = {
        "specversion": "1.0",
        "id": f"{letter.id}/replayed",
        "source": "/cxloop/deadletters",
        "type": "cx.deadletter.replayed",
        "data": {"deadletter_id": letter.id, "topic": event.topic},
    }
    return Output(DEAD_LETTERS, letter.key, msgspec.json.encode(written))
