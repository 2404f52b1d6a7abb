"""The end of a process that cannot go on: one line, exit code 3. Whoever takes over restores the truth."""

from __future__ import annotations

import logging
import os
import traceback
from collections.abc import Callable
from typing import NoReturn

import aiokafka.errors
import kafka.errors

from pipeline.errors import CxloopError

EXIT_CODE = 3

#: Errors whose text is about us and our surroundings. That of any other may quote what a customer said.
_FORESEEN = (CxloopError, OSError, aiokafka.errors.KafkaError, kafka.errors.KafkaError)

#: Gets the reason. Does not come back in a worker; in a test it may.
Fatal = Callable[[str], None]

log = logging.getLogger("pipeline.engine")


def die(reason: str) -> NoReturn:
    """Log the reason and end the process at once.

    No `finally`, no closing of clients: they would wait for a broker, or commit what is half done.
    """
    log.critical("this worker cannot go on: %s", reason)
    leave(EXIT_CODE)


def leave(code: int) -> NoReturn:
    """End the process at once with this exit code."""
    for handler in [*log.handlers, *logging.getLogger().handlers]:
        handler.flush()
    os._exit(code)


def told(error: BaseException) -> str:
    """An error in one line: its type, and its text or, where that could hold a customer's data, its place."""
    name = type(error).__name__
    if isinstance(error, _FORESEEN):
        text = " ".join(str(error).split())
        if text.startswith(name):
            return text
        return f"{name}: {text}" if text else name
    frames = [*traceback.walk_tb(error.__traceback__)]
    return f"{name} at {frames[-1][0].f_globals.get('__name__')}:{frames[-1][1]}" if frames else name
