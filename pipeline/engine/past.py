"""Events of the past, from the input topics into a file."""

from __future__ import annotations

import heapq
import time
from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import msgspec
from aiokafka import TopicPartition
from aiokafka.errors import KafkaError
from kafka.errors import KafkaError as AdminError
from kafka.structs import TopicPartition as Place

from pipeline.effects import REVIEWS, TOUCHPOINTS
from pipeline.engine import topics
from pipeline.engine.changelog import Reader
from pipeline.engine.connection import Connection
from pipeline.engine.errors import BrokerUnreachableError, TopicsError
from pipeline.engine.fatal import told
from pipeline.engine.tuning import Tuning
from pipeline.events.codec import structured
from pipeline.events.model import ClockTicked, type_name


class _Head(msgspec.Struct):
    type: str = ""
    forwardedfrom: str | None = None


_decode_head = msgspec.json.Decoder(_Head).decode
_TICK = type_name(ClockTicked)


async def copy(connection: Connection, prefix: str, since: int, until: int | None, file: Path) -> int:
    """Write the events that arrived from `since` to before `until` (ms UTC; None: now) as JSON lines, as they arrived.

    What cxloop itself wrote there is left out: ticks, and copies that a shard forwarded, whose originals are there.
    Returns how many there are.
    Raises BrokerUnreachableError, TopicsError or OSError.
    """
    until = int(time.time() * 1000) if until is None else until
    begins = _begins(connection, prefix, since)
    count = 0
    with TemporaryDirectory(dir=file.parent) as folder:
        parts = []
        try:
            async with Reader(connection, Tuning()) as reader:
                for number, (at, begin) in enumerate(begins.items()):
                    parts.append(Path(folder) / str(number))
                    with parts[-1].open("wb") as part:

                        def take(record: Any, write: Any = part.write) -> bool:
                            nonlocal count
                            if record.timestamp >= until:
                                return False
                            line = _line(record)
                            if line is not None and record.timestamp >= since:
                                count += 1
                                write(b"%d %s\n" % (record.timestamp, line))
                            return True

                        first, end = await reader.span(at)
                        await reader.read(at, max(first, begin), end, take)
        except KafkaError as error:
            raise BrokerUnreachableError(connection, 0, told(error)) from error
        with file.open("wb") as whole:
            for _, line in heapq.merge(*map(_lines, parts), key=_when):
                whole.write(line)
    return count


def _line(record: Any) -> bytes | None:
    """The event in one line; None: it is not to be taken again."""
    value = structured(record.value, record.headers) or b""
    try:
        head = _decode_head(value)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        head = _Head()
    if head.forwardedfrom is not None or head.type == _TICK:
        return None
    # In JSON they are nothing but space.
    return value.replace(b"\r", b" ").replace(b"\n", b" ")


def _lines(part: Path) -> Iterator[tuple[int, bytes]]:
    with part.open("rb") as file:
        for line in file:
            at, _, value = line.partition(b" ")
            yield int(at), value


def _when(line: tuple[int, bytes]) -> int:
    return line[0]


def _begins(connection: Connection, prefix: str, since: int) -> dict[TopicPartition, int]:
    """The first offset of each partition that arrived then or later. Raises BrokerUnreachableError or TopicsError. Blocks."""
    names = [topics.name(prefix, topic) for topic in (TOUCHPOINTS, REVIEWS)]
    try:
        with topics.admin(connection) as client:
            found = client.describe_topics(names)
            if missing := [one["name"] for one in found if one["error_code"]]:
                raise TopicsError([f"topic {name} is missing; is --prefix another?" for name in missing])
            places = [
                Place(one["name"], part["partition_index"]) for one in found for part in one["partitions"]
            ]
            offsets = client.list_partition_offsets(dict.fromkeys(places, since))
    except AdminError as error:
        raise BrokerUnreachableError(connection, 0, told(error)) from error
    return {TopicPartition(*at): offsets[at].offset for at in places if offsets[at].offset >= 0}
