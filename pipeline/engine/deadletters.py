"""Dead letters: looked at, mended, and sent again, once.

Whoever sends begins with a transactional producer of one name, which fences everybody else who does, and only then
reads what was sent again before. The events and a marker for each letter, `cx.deadletter.replayed`, are one
transaction: so a letter that has no marker was not sent again, and one that has is not sent twice.
"""

from __future__ import annotations

import asyncio
import base64
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import msgspec
from aiokafka import TopicPartition
from aiokafka.errors import KafkaError, ProducerFenced

from pipeline.effects import DEAD_LETTERS, REVIEWS, TOUCHPOINTS, Effects, Output
from pipeline.engine import topics
from pipeline.engine.changelog import Reader
from pipeline.engine.clock import BrokerClock
from pipeline.engine.commit import Transactions
from pipeline.engine.connection import Connection
from pipeline.engine.errors import EngineError
from pipeline.engine.fatal import told
from pipeline.engine.path import group_id
from pipeline.engine.tuning import Tuning
from pipeline.events import model as m
from pipeline.events.codec import Rejection, decode, millis, moment, structured
from pipeline.shard import FUTURE
from pipeline.step import REMEMBERED

#: So many letters are sent again in one transaction.
_AT_ONCE = 1_000


class DeadLettersError(EngineError):
    """Dead letters that are not there, or cannot be read or sent again."""


@dataclass(slots=True)
class Letter:
    """One dead letter.

    arrived: ms UTC, of the broker; origin: topic, partition and offset of what was rejected; event: as it came, with
    its envelope; cut: bytes that it had, where not all of them are known; replayed: ms UTC, when it was sent again.
    """

    id: str
    arrived: int
    reason: str
    error: str
    origin: Mapping[str, Any]
    event: bytes
    cut: int | None
    replayed: int | None = None


@dataclass(frozen=True, slots=True)
class Again:
    """An event to be sent again. topic: without its prefix; letter: the one that it was."""

    letter: Letter
    topic: str
    key: str
    event_id: str
    value: bytes


Wanted = Callable[[str, str], bool]


async def read(connection: Connection, prefix: str, partitions: int, wanted: Wanted) -> list[Letter]:
    """Dead letters in order of arrival.

    partitions: of their topic; wanted: is asked with the id and the reason of each. Raises DeadLettersError.
    """
    found: dict[str, Letter] = {}
    replayed: dict[str, int] = {}

    def take(record: Any) -> bool:
        one = msgspec.json.decode(record.value or b"", type=_Record)
        if one.type == "cx.deadletter.replayed":
            replayed[one.data.deadletter] = record.timestamp
        elif one.type == "cx.deadletter" and wanted(one.id, one.data.reason):
            found[one.id] = _letter(one, record.timestamp)
        return True

    topic = topics.name(prefix, DEAD_LETTERS)
    try:
        async with Reader(connection, Tuning()) as reader:
            for partition in range(partitions):
                at = TopicPartition(topic, partition)
                await reader.read(at, *await reader.span(at), take)
    except KafkaError as error:
        raise DeadLettersError(f"{topic} cannot be read: {told(error)}") from error
    except msgspec.MsgspecError as error:
        raise DeadLettersError(f"{topic} holds a record that is no dead letter: {error}") from error
    for letter in found.values():
        letter.replayed = replayed.get(letter.id)
    return sorted(found.values(), key=lambda letter: (letter.arrived, letter.id))


def again(letter: Letter, mended: bytes | None, now: int) -> Again:
    """What to send for a letter. mended: in place of its event; now: ms UTC. Raises DeadLettersError, with what to do."""

    def no(why: str) -> DeadLettersError:
        return DeadLettersError(f"{letter.id}: {why}")

    if letter.replayed is not None:
        raise no(f"it was sent again at {moment(letter.replayed)}")
    if letter.reason == "output.too_large":
        raise no("it is no event, but what cxloop would have written about one; there is nothing to send")
    if mended is None and letter.cut is not None:
        raise no(f"not all of its {letter.cut:,} bytes are kept; give the event whole, with --with FILE")
    value = letter.event if mended is None else mended
    event = decode(_Unsent(value))
    if isinstance(event, Rejection):
        raise no(f"it would be rejected again ({event.reason}): {event.error}; mend it, and use --with FILE")
    if isinstance(event, m.INTERNAL_EVENTS) or event.forwardedfrom is not None:
        raise no("such an event is written by cxloop alone; nobody else can send it")
    if millis(event.time) > now + FUTURE:
        raise no(f"its time is still to come ({moment(millis(event.time))}); wait, or mend `time`")
    if mended is None and letter.reason == "time.too_late":
        raise no("it would be too late again; mend `time`, if it was wrong, and use --with FILE")
    if letter.reason in REMEMBERED and _id(letter.event) == event.id:
        raw = msgspec.json.decode(value)
        raw["id"] = event.id = f"{event.id}/replayed"
        value = msgspec.json.encode(raw)
    if isinstance(event, m.REVIEWS):
        return Again(letter, REVIEWS, event.data.review_id, event.id, value)
    key = event.subject
    if key is None and isinstance(event, m.FOLLOW_UPS):
        key = event.data.key
    return Again(letter, TOUCHPOINTS, key or f"{event.source}#{event.id}", event.id, value)


class Replay:
    """Whoever may send dead letters again: the last one to begin. Use as an async context."""

    def __init__(self, connection: Connection, prefix: str, partitions: int) -> None:
        self._connection, self._prefix, self._partitions = connection, prefix, partitions
        source, self._tuning = TopicPartition(topics.name(prefix, DEAD_LETTERS), 0), Tuning()
        self._transactions = Transactions(
            connection, prefix, group_id(prefix), source, self._tuning, BrokerClock()
        )

    async def __aenter__(self) -> Replay:
        try:
            await self._transactions.start()
        except KafkaError as error:
            await self._transactions.stop(self._tuning.leave_s)
            raise DeadLettersError(f"nothing can be sent: {told(error)}") from error
        return self

    async def __aexit__(self, *exc: object) -> None:
        await self._transactions.stop(self._tuning.leave_s)

    async def letters(self, wanted: Wanted) -> list[Letter]:
        """Dead letters, with what was sent again so far: nobody else can send any now. Raises DeadLettersError."""
        return await read(self._connection, self._prefix, self._partitions, wanted)

    async def send(self, some: Sequence[Again], now: int) -> None:
        """Send them, with a marker for each. Raises DeadLettersError, also where somebody else has begun to send."""
        try:
            for first in range(0, len(some), _AT_ONCE):
                outputs = [output for one in some[first : first + _AT_ONCE] for output in _outputs(one, now)]
                await self._transactions.commit(Effects(outputs), None)
        except ProducerFenced as error:
            # Of the batches that it did not send, aiokafka leaves futures for which nobody asks.
            asyncio.get_running_loop().set_exception_handler(lambda *_: None)
            raise DeadLettersError(
                "another replay has begun meanwhile, and this one sends nothing more; see `cxloop deadletters list`"
            ) from error
        except KafkaError as error:
            raise DeadLettersError(
                f"not everything was sent: {told(error)}; see `cxloop deadletters list`"
            ) from error


def _outputs(one: Again, now: int) -> Iterable[Output]:
    """The event, and its marker."""
    yield Output(one.topic, one.key.encode(), one.value)
    marker = {
        "specversion": "1.0",
        "id": f"{one.letter.id}/replayed",
        "source": "/cxloop/deadletters",
        "type": "cx.deadletter.replayed",
        "time": moment(now),
        "data": {"deadletter": one.letter.id, "event": one.event_id, "topic": one.topic},
    }
    yield Output(DEAD_LETTERS, str(one.letter.origin.get("topic", "")).encode(), msgspec.json.encode(marker))


class _Unsent(NamedTuple):
    """An event as a record that no log holds yet."""

    value: bytes
    offset: int = 0
    timestamp: int = 0
    key: bytes | None = None
    headers: tuple[()] = ()


class _Data(msgspec.Struct):
    reason: str = ""
    error: str = ""
    origin: dict[str, Any] = {}
    value: str = ""
    encoding: str = ""
    bytes: int | None = None
    headers: dict[str, str] = {}
    deadletter: str = ""


class _Record(msgspec.Struct):
    id: str
    type: str
    data: _Data


class _WithId(msgspec.Struct):
    id: str


def _letter(one: _Record, arrived: int) -> Letter:
    data = one.data
    value = base64.b64decode(data.value) if data.encoding else data.value.encode()
    event = structured(value, [(name, text.encode()) for name, text in data.headers.items()]) or b""
    return Letter(one.id, arrived, data.reason, data.error, data.origin, event, data.bytes)


def _id(event: bytes) -> str:
    return msgspec.json.decode(event, type=_WithId).id
