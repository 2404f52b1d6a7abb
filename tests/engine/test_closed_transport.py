"""aiokafka on uvloop, when the broker goes away."""

from __future__ import annotations

import asyncio

import pytest
import uvloop
from aiokafka.conn import AIOKafkaConnection
from aiokafka.errors import KafkaConnectionError
from aiokafka.protocol.metadata import MetadataRequest

from pipeline.engine.closed_transport import heed_closed_transports


async def send_behind_the_end() -> AIOKafkaConnection:
    """A request on a connection whose transport is closed, before its reader has noticed."""
    server = await asyncio.start_server(lambda _, writer: writer.close(), "127.0.0.1", 0)
    host, port = server.sockets[0].getsockname()
    connection = AIOKafkaConnection(host, port)
    connection._versions = {MetadataRequest.API_KEY: (0, 5)}
    connection._reader, connection._writer = await asyncio.open_connection(host, port)
    connection._read_task = asyncio.create_task(asyncio.sleep(60))
    connection._writer.transport.abort()
    await asyncio.sleep(0.05)
    try:
        with pytest.raises(KafkaConnectionError, match="broken"):
            await connection.send(MetadataRequest([]))
    finally:
        server.close()
    return connection


def test_a_write_to_a_closed_transport_is_a_broken_connection() -> None:
    heed_closed_transports()
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        assert not runner.run(send_behind_the_end()).connected()
