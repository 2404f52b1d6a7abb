"""aiokafka on uvloop, when the broker goes away."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import asynccontextmanager
from typing import Any

import pytest
import uvloop
from aiokafka.conn import AIOKafkaConnection
from aiokafka.errors import IncompatibleBrokerVersion, KafkaConnectionError
from aiokafka.protocol.admin import DeleteRecordsRequest
from aiokafka.protocol.metadata import MetadataRequest

from pipeline.engine.closed_transport import heed_closed_transports


@asynccontextmanager
async def connected() -> AsyncIterator[AIOKafkaConnection]:
    """A connection to somebody who says nothing."""
    writers: list[asyncio.StreamWriter] = []
    server = await asyncio.start_server(lambda _, writer: writers.append(writer), "127.0.0.1", 0)
    async with server:
        host, port = server.sockets[0].getsockname()
        connection = AIOKafkaConnection(host, port)
        connection._versions = {MetadataRequest.API_KEY: (0, 5)}
        connection._reader, connection._writer = await asyncio.open_connection(host, port)
        connection._read_task = asyncio.create_task(asyncio.sleep(60))
        yield connection
        connection.close()
        for writer in writers:
            writer.close()
        await asyncio.sleep(0.05)  # uvloop closes what is open in its next rounds


async def write_to_a_closed_transport() -> None:
    async with connected() as connection:
        connection._writer.transport.abort()
        await asyncio.sleep(0.05)
        with pytest.raises(KafkaConnectionError, match="broken"):
            await connection.send(MetadataRequest([]))
        assert not connection.connected()


async def send_what_the_other_side_does_not_know() -> None:
    async with connected() as connection:
        with pytest.raises(IncompatibleBrokerVersion):
            await connection.send(DeleteRecordsRequest([], 1_000))
        assert connection.connected()


@pytest.mark.parametrize("case", [write_to_a_closed_transport, send_what_the_other_side_does_not_know])
def test_only_a_closed_transport_is_a_broken_connection(
    case: Callable[[], Coroutine[Any, Any, None]],
) -> None:
    heed_closed_transports()
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(case())
