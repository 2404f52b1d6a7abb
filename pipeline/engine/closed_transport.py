"""To aiokafka a broken connection is one on uvloop too.

Where a transport is closed, uvloop raises RuntimeError on a write, and aiokafka heeds OSError alone (its issue 1038).
So its task that keeps the metadata fresh died, and after the broker's return the worker stood still.

This reaches into aiokafka, which is pinned exactly.
"""

from __future__ import annotations

from typing import Any

from aiokafka.conn import AIOKafkaConnection, CloseReason
from aiokafka.errors import KafkaConnectionError, KafkaError

_send = AIOKafkaConnection.send


def _heedful_send(self: Any, request: Any, expect_response: bool = True) -> Any:
    try:
        return _send(self, request, expect_response)
    except KafkaError:  # these are RuntimeErrors too, and aiokafka's own business
        raise
    except RuntimeError as error:
        self.close(reason=CloseReason.CONNECTION_BROKEN)
        raise KafkaConnectionError(f"Connection at {self.host}:{self.port} broken: {error}") from error


def heed_closed_transports() -> None:
    """From now on, for every aiokafka client of this process."""
    AIOKafkaConnection.send = _heedful_send
