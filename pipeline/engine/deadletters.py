"""The topic of the dead letters: read, and sent again once."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from aiokafka import TopicPartition
from aiokafka.errors import KafkaError, ProducerFenced
from kafka.admin import OffsetSpec
from kafka.errors import KafkaError as AdminError
from kafka.structs import TopicPartition as Place

from pipeline.deadletters import DeadLetters, Refusal
from pipeline.effects import DEAD_LETTERS, Effects, Output
from pipeline.engine import topics
from pipeline.engine.changelog import Reader
from pipeline.engine.clock import BrokerClock
from pipeline.engine.commit import Transactions
from pipeline.engine.connection import Connection
from pipeline.engine.errors import BrokerUnreachableError, ReplayError, TopicsError
from pipeline.engine.fatal import told
from pipeline.engine.tuning import Tuning

#: So long we wait for open transactions to end, s; the broker ends those of workers before that.
UNDECIDED_S = 60.0


@dataclass(frozen=True, slots=True)
class Replayed:
    """What became of dead letters. sent: id → the topic (with its prefix) that has its event now."""

    sent: dict[str, str] = field(default_factory=dict)
    refused: list[Refusal] = field(default_factory=list)


async def read(connection: Connection, prefix: str) -> DeadLetters:
    """All that is decided. Raises BrokerUnreachableError or TopicsError."""
    ends = _ends(connection, prefix)
    try:
        async with Reader(connection, Tuning()) as reader:
            return await _read(reader, ends)
    except KafkaError as error:
        raise BrokerUnreachableError(connection, 0, told(error)) from error


async def replay(
    connection: Connection,
    prefix: str,
    ids: Sequence[str],
    reason: str | None = None,
    mended: bytes | None = None,
) -> Replayed:
    """Send the events of dead letters again, in one transaction: each once, whoever else does the same.

    reason: instead of ids, all of it that were not sent again yet. mended: the event of the only id, if not as it came.
    Raises BrokerUnreachableError, TopicsError, or ReplayError: then all of it was sent or nothing; to ask again is safe.
    """
    _ends(connection, prefix)  # before anybody is fenced: is all there that we need?
    tuning, clock = Tuning(), BrokerClock()
    where = TopicPartition(topics.name(prefix, DEAD_LETTERS), 0)
    transactions = Transactions(connection, prefix, f"{prefix}-deadletters", where, tuning, clock)
    done, outputs = Replayed(), list[Output]()
    try:
        # From here on no other replay can commit; what it has committed, we read.
        await transactions.start()
        letters = await _read_to_the_end(connection, prefix)
        for letter_id in dict.fromkeys(ids or letters.waiting(reason)):
            found = letters.again(letter_id, mended, clock.now())
            if isinstance(found, Refusal):
                done.refused.append(found)
            else:
                done.sent[letter_id] = topics.name(prefix, found[0].topic)
                outputs += found
        if outputs:
            await transactions.commit(Effects(outputs), None)
    except ProducerFenced as error:
        raise ReplayError(
            "another replay began while this one was under way, and ended it; run it again: nothing is sent twice"
        ) from error
    except KafkaError as error:
        raise ReplayError(
            f"Kafka broke off the replay: {told(error)}; run it again: nothing is sent twice"
        ) from error
    finally:
        await transactions.stop(tuning.leave_s)
    return done


async def _read_to_the_end(connection: Connection, prefix: str) -> DeadLetters:
    """Everything that is there now. What lies behind somebody's open transaction is waited for: it may be a marker."""
    ends = _ends(connection, prefix)
    async with Reader(connection, Tuning()) as reader:
        try:
            async with asyncio.timeout(UNDECIDED_S):
                for at, end in ends.items():
                    await reader.decided(at, end)
        except TimeoutError as error:
            raise ReplayError(
                f"somebody's open transaction on {topics.name(prefix, DEAD_LETTERS)} has hidden for {UNDECIDED_S:g} s "
                "what was sent again before; find it with `kafka-transactions.sh find-hanging`, and end it"
            ) from error
        return await _read(reader, ends)


async def _read(reader: Reader, partitions: Iterable[TopicPartition]) -> DeadLetters:
    letters = DeadLetters()
    for at in partitions:
        await reader.read(at, *await reader.span(at), letters.take)
    return letters


def _ends(connection: Connection, prefix: str) -> dict[TopicPartition, int]:
    """Where each partition ends, with what is not decided yet. Raises BrokerUnreachableError or TopicsError. Blocks."""
    name = topics.name(prefix, DEAD_LETTERS)
    try:
        with topics.admin(connection) as client:
            (found,) = client.describe_topics([name])
            if found["error_code"]:
                raise TopicsError(
                    [f"topic {name} is missing; `cxloop topics` makes it, or is --prefix another?"]
                )
            parts = [Place(name, one["partition_index"]) for one in found["partitions"]]
            ends = client.list_partition_offsets(dict.fromkeys(parts, OffsetSpec.LATEST))
    except AdminError as error:
        raise BrokerUnreachableError(connection, 0, told(error)) from error
    return {TopicPartition(*at): ends[at].offset for at in parts}
