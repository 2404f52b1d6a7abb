"""Records that a source in trouble, or a stranger, may put on our topics, and what has to become of each."""

from __future__ import annotations

import base64
import json
import random
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

#: Of all good events. It is long gone, so that nothing here comes from the future.
TIME = "2026-03-02T09:15:00Z"

#: For an alert of each of them that is taken.
RULES = """
rules:
  - id: low-score
    summary: A customer would not recommend us.
    when: {event: survey.answered, nps: "<= 6"}
    alert: warning
  - id: bad-review
    summary: A bad review.
    when: {event: review.posted, rating: "<= 2"}
    alert: warning
"""


@dataclass(frozen=True)
class Case:
    """A record, and the reason of its dead letter; None: it is taken, and fires an alert for `customer`.

    name: what it is, in words; own: it has a key and a partition that it should not have.
    """

    name: str
    value: bytes | None
    reason: str | None
    headers: Sequence[tuple[str, bytes | None]] = ()
    customer: str = ""
    topic: str = "touchpoints"
    key: bytes | None = b"bad"
    partition: int | None = None


GONE: Any = object()


def event(kind: str = "survey.answered", **changes: Any) -> bytes:
    """A survey of a detractor, or another event, with some of its attributes changed; GONE: without."""
    whole = {
        "specversion": "1.0",
        "id": "one",
        "source": "/test",
        "type": f"cx.{kind}",
        "time": TIME,
        "subject": "somebody",
        "data": {"nps": 3},
    } | changes
    return json.dumps({name: value for name, value in whole.items() if value is not GONE}).encode()


def raw(text: bytes, **changes: Any) -> bytes:
    """An event with bytes that `json` would not write in the place of `"RAW"`."""
    return event(**changes).replace(b'"RAW"', text)


def answers(**data: Any) -> bytes:
    return event(data={"nps": 3} | data)


def noise(size: int) -> str:
    """Text that cannot be compressed, the same each time."""
    return base64.b64encode(random.Random(size).randbytes(size * 3 // 4)).decode()


def binary(value: bytes | None, reason: str | None, name: str, **changes: bytes | None) -> Case:
    """A CloudEvent in binary mode: its attributes in headers."""
    attributes: dict[str, bytes | None] = {
        "specversion": b"1.0", "id": name.encode(), "source": b"/test", "type": b"cx.survey.answered",
        "time": TIME.encode(), "subject": name.encode(),
    }  # fmt: skip
    attributes |= changes
    headers = [(f"ce_{key}", content) for key, content in attributes.items()]
    return Case(name, value, reason, [*headers, ("content-type", b"application/json")], customer=name)


DEEP = b"[" * 100_000 + b"]" * 100_000

UNREADABLE = [
    Case("a record without a value", None, "value.empty"),
    Case("an empty value", b"", "value.empty"),
    Case("broken JSON", b'{"specversion": "1.0", "id', "json.invalid"),
    Case("two objects in one value", event() + event(), "json.invalid"),
    Case("a byte order mark", b"\xef\xbb\xbf" + event(), "json.invalid"),
    Case("an array", b"[1, 2]", "field.wrong"),
    Case("null", b"null", "field.wrong"),
    Case("brackets all the way down", DEEP, "field.wrong"),
    Case("brackets all the way down in a field that nobody knows", raw(DEEP, more="RAW"), "json.invalid"),
    Case("objects all the way down", raw(b'{"a":' * 100_000 + b"1" + b"}" * 100_000, more="RAW"), "json.invalid"),
    Case("invalid UTF-8 in a comment", raw(b'"\xff\xfe"', data={"nps": 3, "comment": "RAW"}), "utf8.invalid"),
    Case("bytes that are no text", b"\xff\xfe\x00\x01", "json.invalid"),
    Case("half a surrogate pair in a comment", answers(comment="\ud83d"), "json.invalid"),
    Case("half a surrogate pair in the subject", event(subject="\udc00"), "json.invalid"),
    Case("a comment of 2 MB", answers(comment="x" * 2_000_000), "value.too_large"),
    Case("NaN", raw(b"NaN", data={"nps": "RAW"}), "json.invalid"),
]  # fmt: skip

INCOMPLETE = [
    Case("no type", event(type=GONE), "type.missing"),
    Case("a type that nobody knows", event("moon.landed"), "type.unknown"),
    Case("a type that is a number", event(type=7), "type.unknown"),
    Case("two types", event().replace(b'"type"', b'"type": "cx.order.delivered", "type"'), "type.unknown"),
    Case("no id", event(id=GONE), "field.missing"),
    Case("no data", event(data=GONE), "field.missing"),
    Case("no answer in a survey", event(data={"comment": "fine"}), "field.missing"),
    Case("no customer", event(subject=GONE), "subject.missing"),
    Case("an empty customer", event(subject=""), "field.wrong"),
    Case("an old CloudEvent", event(specversion="0.3"), "field.wrong"),
    Case("data that are a list", event(data=[3]), "field.wrong"),
    Case("a score of 11", event(data={"nps": 11}), "field.wrong"),
    Case("a score of 3.5", event(data={"nps": 3.5}), "field.wrong"),
    Case("a score in quotes", event(data={"nps": "3"}), "field.wrong"),
    Case("a score of 10**30", event(data={"nps": 10**30}), "field.wrong"),
    Case("a score of 1e999", raw(b"1e999", data={"nps": "RAW"}), "field.wrong"),
    Case("a second score that is wrong", event().replace(b'"nps": 3', b'"nps": 3, "nps": 11'), "field.wrong"),
    Case("an object as an attribute", answers(attributes={"plan": {"name": "gold"}}), "field.wrong"),
    # Ids and names are in state and in every output.
    Case("a customer's name of 900 kB", event(subject=noise(900_000)), "field.wrong"),
    Case("an event's id of 900 kB", event(id=noise(900_000)), "field.wrong"),
    Case("a touchpoint's name of 900 kB", answers(touchpoint=noise(900_000)), "field.wrong"),
    Case("an integer of 70 bits as an attribute", answers(attributes={"a": 1 << 70}), "field.wrong"),
    Case("10,000 digits as an attribute", raw(b"9" * 10_000, data={"nps": 3, "attributes": {"a": "RAW"}}), "field.wrong"),
]  # fmt: skip

TIMES = [
    Case("no time", event(time=GONE), "time.missing"),
    Case("a time that is null", event(time=None), "time.invalid"),
    Case("a time that is a number", event(time=1_772_442_900), "time.invalid"),
    Case("a date", event(time="2026-03-02"), "time.invalid"),
    Case("a leap second", event(time="2026-03-02T23:59:60Z"), "time.invalid"),
    Case("a time without an offset", event(time="2026-03-02T09:15:00"), "time.naive"),
    Case("a time in 2090", event(time="2090-01-01T00:00:00Z"), "time.future"),
    Case("the last second there is", event(time="9999-12-31T23:59:59Z"), "time.future"),
    Case("a second after the last", event(time="9999-12-31T23:59:59-12:00"), "time.future"),
    Case("the first second there is", event(time="0001-01-01T00:00:00Z"), "time.too_late"),
    Case("a second before the first", event(time="0001-01-01T00:00:00+14:00"), "time.too_late"),
    Case("a time before 1970", event(time="1969-12-31T23:59:59Z"), "time.too_late"),
    Case("a week ago and a bit", event(time="2026-02-23T09:00:00Z"), "time.too_late"),
]

MISPLACED = [
    Case("a review where customers belong", event("review.posted", data={"review_id": "r", "rating": 1}), "topic.wrong"),
    Case("a response where customers belong", event("review.responded", data={"review_id": "r"}), "topic.wrong"),
    Case("a survey where reviews belong", event(), "topic.wrong", topic="reviews"),
    Case("a follow-up that nobody opened", event("followup.closed", data={"followup_id": "f-1"}), "followup.unknown"),
    Case("an alert from a stranger", event("alert.fired", data={"alert_id": "a-1", "rule": "low-score", "key": "x"}), "type.unknown"),
    Case("an alert that ends", event("alert.resolved", data={"alert_id": "a-1", "rule": "low-score", "key": "x"}), "type.unknown"),
]  # fmt: skip

BINARY = [
    binary(b'{"nps": 11}', "field.wrong", "binary mode with a score of 11"),
    binary(b'{"nps": ', "json.invalid", "binary mode with broken JSON"),
    binary(b"hello", "json.invalid", "binary mode with a text"),
    binary(b'{"nps": 3}, "type": "cx.alert.fired"', "type.unknown", "binary mode that says its type twice"),
    binary(None, "field.missing", "binary mode without data"),
    binary(b'{"nps": 3}', "subject.missing", "binary mode with a subject that is null", subject=None),
    binary(b'{"nps": 3}', "time.naive", "binary mode without an offset", time=b"2026-03-02T09:15:00"),
]

TAKEN = [
    binary(b'{"nps": 3}', None, "binary mode as it should be"),
    binary(b'{"nps": 3}', None, "binary mode with a strange header", future=None, other=b"\xff"),
    Case("duplicate keys, of which the last counts", raw(b'9, "nps": 3', data={"nps": "RAW"}, subject="twice"),
         None, customer="twice"),
    Case("no key", event(subject="keyless"), None, customer="keyless", key=None, partition=1),
    Case("the partition of another key", event(subject="elsewhere"), None, customer="elsewhere", key=b"elsewhere", partition=0),
    Case("a number of 100,000 digits that nobody knows", raw(b"9" * 100_000, more="RAW", subject="digits"),
         None, customer="digits"),
    Case("a customer whose name is NUL", event(subject="\0"), None, customer="\0"),
    Case("a header that is null", event(subject="null header"), None, headers=[("trace", None)], customer="null header"),
]  # fmt: skip


@dataclass(frozen=True)
class Neighbour:
    """A good event behind a bad one."""

    customer: str
    value: bytes = field(repr=False)


def neighbour(number: int, topic: str) -> Neighbour:
    """The good event behind the case of this number."""
    customer = f"neighbour-{number}"
    if topic == "reviews":
        data = {"review_id": f"review-{number}", "rating": 1}
        return Neighbour(customer, event("review.posted", id=f"good-{number}", subject=customer, data=data))
    return Neighbour(customer, event(id=f"good-{number}", subject=customer))


#: All of them, with an id of its own for each event that has the usual one.
CASES = [*UNREADABLE, *INCOMPLETE, *TIMES, *MISPLACED, *BINARY, *TAKEN]
