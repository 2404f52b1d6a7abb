"""What the parts of a shard share while they take one record."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final

import msgspec

from pipeline.effects import DEAD_LETTERS, MAX_OUTPUT_BYTES, Output
from pipeline.events.codec import Record, Rejection
from pipeline.span import DAY, MINUTE
from pipeline.state.records import Series
from pipeline.state.store import Store

#: Nothing later than this behind the watermark is taken (ms).
CORRECTION: Final = 7 * DAY
#: Nothing so much later than its broker timestamp is (ms).
FUTURE: Final = 5 * MINUTE
#: The reasons that are found when the event's id is remembered already: under that id it would be a duplicate now.
REMEMBERED = ("time.too_late", "topic.wrong", "followup.unknown")
#: The reasons for which a step rejects what could be read.
REASONS = ("time.future", *REMEMBERED, "output.too_large")
#: A dead letter shows so many headers at most, and so many bytes of each.
MAX_HEADERS, MAX_HEADER = 64, 1_000
#: A dead letter shows at most so many bytes of a value.
MAX_SHOWN = 65_536

_encode = msgspec.json.Encoder().encode


class Step:
    """The moment of a shard: its store, its time, the record at hand, and what it writes.

    watermark, latest: ms UTC; -1 before the first event. origin: says where a record stands.
    rules_version, level, apart: set by the heart; level counts what is open now, apart a sample (when in ms, in which
    series, its name, how much, and 1 or -1).
    """

    rules_version: str
    level: Callable[[str, str, int], None]
    apart: Callable[[int, Series, str, int, int], None]

    def __init__(self, store: Store, origin: Callable[[Record], Mapping[str, Any]]) -> None:
        self.store = store
        self.watermark = self.latest = -1
        self.record: Record | None = None
        self.outputs: list[Output] = []
        self.counts: dict[str, int] = {}
        self._origin = origin

    @property
    def origin(self) -> Mapping[str, Any]:
        """Where the record at hand stands."""
        return self._origin(self.record) if self.record is not None else {}

    @property
    def place(self) -> str:
        """The same as one text, such as cx.reviews/3/1234."""
        return "/".join(str(part) for part in self.origin.values())

    def count(self, name: str, by: int = 1) -> None:
        """Count something for /metrics."""
        self.counts[name] = self.counts.get(name, 0) + by

    def emit(self, topic: str, key: str | None, event: Mapping[str, Any]) -> None:
        """Write one CloudEvent. One that no topic would take becomes a dead letter instead."""
        value = _encode(event)
        if len(value) > MAX_OUTPUT_BYTES:
            error = (
                f"`{event['type']}` would have {len(value)} bytes, at most {MAX_OUTPUT_BYTES} can be written"
            )
            self.reject(Rejection("output.too_large", error), value)
            return
        self.outputs.append(Output(topic, key.encode() if key is not None else None, value))

    def reject(self, rejection: Rejection, value: bytes | None) -> None:
        """Write a dead letter about the record at hand."""
        self.count(f"rejected.{rejection.reason}")
        origin = self.origin
        record = self.record
        headers = record.headers if record is not None and record.value is value else ()
        event = dead_letter(rejection, value, origin, headers)
        topic = str(origin.get("topic") or origin.get("file") or "")
        self.outputs.append(Output(DEAD_LETTERS, topic.encode(), _encode(event)))


def dead_letter(
    rejection: Rejection, value: bytes | None, origin: Mapping[str, Any],
    headers: Sequence[tuple[str, bytes | None]] = (),
) -> dict[str, Any]:  # fmt: skip
    """The CloudEvent about something that could not be processed; its id is where that stands.

    headers: in binary mode they are the envelope.
    """
    raw = value or b""
    data: dict[str, Any] = {"reason": rejection.reason, "error": rejection.error, "origin": origin}
    if len(raw) > MAX_SHOWN:
        data |= {"bytes": len(raw), "sha256": hashlib.sha256(raw).hexdigest()}
        raw = raw[:MAX_SHOWN]
    data |= shown(raw)
    if headers:
        data["headers"] = {
            name: shown((text or b"")[:MAX_HEADER])["value"] for name, text in headers[:MAX_HEADERS]
        }
    place = "/".join(str(part) for part in origin.values())
    return {
        "specversion": "1.0",
        "id": f"{place}/{rejection.reason}",
        "source": "/cxloop/deadletters",
        "type": "cx.deadletter",
        "data": data,
    }


def shown(raw: bytes) -> dict[str, str]:
    """Bytes as JSON can hold them: text, or base64 where they are no UTF-8."""
    try:
        return {"value": raw.decode("utf-8")}
    except UnicodeDecodeError as error:
        if error.start >= len(raw) - 3 and len(raw) == MAX_SHOWN:  # cut inside a character
            return {"value": raw[: error.start].decode("utf-8")}
        return {"value": msgspec.to_builtins(raw), "encoding": "base64"}
