"""The end of a process that cannot go on: one line, exit code 3. Whoever takes over restores the truth."""

from __future__ import annotations

import logging
import os
from collections.abc import Callable
from typing import NoReturn

EXIT_CODE = 3

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
    """An error in one line, with its type where the text alone says little."""
    text = " ".join(str(error).split())
    return f"{type(error).__name__}: {text}" if text else type(error).__name__
