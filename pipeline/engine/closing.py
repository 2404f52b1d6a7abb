"""Clients that may hang when they are closed."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from typing import Any


async def closed(close: Coroutine[Any, Any, None], within_s: float) -> asyncio.Future[None] | None:
    """What became of closing a client; None: it took too long, and is left. Without a broker it may be cancelled."""
    closing = asyncio.ensure_future(close)
    _, late = await asyncio.wait({closing}, timeout=within_s)
    if late:
        closing.cancel()
    return None if late else closing


async def closed_well(close: Coroutine[Any, Any, None], within_s: float) -> bool:
    """Whether a client was closed in time and in good order."""
    done = await closed(close, within_s)
    return done is not None and not done.cancelled() and done.exception() is None
