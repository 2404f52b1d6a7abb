"""Logs: one line a thing that a person would want to know, as text or as JSON."""

from __future__ import annotations

import logging
import os
import sys
from functools import partial

import structlog

from pipeline.engine.fatal import told


def configure(level: int, as_json: bool, worker: int | None = None) -> None:
    """Send every logger of the process to stderr, in one form. worker: which of several this process is."""
    shared: list[structlog.typing.Processor] = [
        structlog.stdlib.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
    ]
    if worker is not None:
        shared.append(partial(_with_worker, worker))
    if as_json:
        shared += [structlog.stdlib.add_logger_name, _with_process]
    renderer: structlog.typing.Processor = (
        structlog.processors.JSONRenderer()
        if as_json
        else structlog.dev.ConsoleRenderer(colors=sys.stderr.isatty())
    )
    errors = structlog.processors.format_exc_info if level <= logging.DEBUG else _in_one_line
    final = [errors, structlog.stdlib.ProcessorFormatter.remove_processors_meta, renderer]
    handler = logging.StreamHandler(sys.stderr)
    if level > logging.DEBUG:
        handler.addFilter(_tell_errors)
    handler.setFormatter(structlog.stdlib.ProcessorFormatter(foreign_pre_chain=shared, processors=final))
    logging.basicConfig(level=logging.WARNING, handlers=[handler], force=True)
    logging.getLogger("pipeline").setLevel(level)
    structlog.configure(
        processors=[*shared, structlog.stdlib.ProcessorFormatter.wrap_for_formatter],
        logger_factory=structlog.stdlib.LoggerFactory(),
        cache_logger_on_first_use=True,
    )


def _tell_errors(record: logging.LogRecord) -> bool:
    """Libraries put an error into their line as it is, and it may quote a customer; so it is told as ours are."""
    if isinstance(record.args, tuple):
        record.args = tuple(told(one) if isinstance(one, BaseException) else one for one in record.args)
    return True


def _with_process(_: object, __: str, event: structlog.typing.EventDict) -> structlog.typing.EventDict:
    """Several workers may write to one stream."""
    event["process"] = os.getpid()
    return event


def _with_worker(
    worker: int, _: object, __: str, event: structlog.typing.EventDict
) -> structlog.typing.EventDict:
    """As the page's ports and the supervisor count them."""
    event["worker"] = worker
    return event


def _in_one_line(_: object, __: str, event: structlog.typing.EventDict) -> structlog.typing.EventDict:
    """An exception is told in its one line; where it came from is shown at debug level only."""
    info = event.pop("exc_info", None)
    if info is True:
        info = sys.exc_info()
    error = info[1] if isinstance(info, tuple) else info
    if isinstance(error, BaseException):
        event["event"] = f"{str(event['event']).partition(chr(10))[0]}: {told(error)}"
    return event
