"""Logs: one line a thing that a person would want to know, as text or as JSON."""

from __future__ import annotations

import logging
import sys

import structlog

from pipeline.engine.fatal import told


def configure(level: int, as_json: bool) -> None:
    """Send every logger of the process to stderr, in one form."""
    shared: list[structlog.typing.Processor] = [
        structlog.stdlib.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
    ]
    renderer: structlog.typing.Processor = (
        structlog.processors.JSONRenderer()
        if as_json
        else structlog.dev.ConsoleRenderer(colors=sys.stderr.isatty())
    )
    errors = structlog.processors.format_exc_info if level <= logging.DEBUG else _in_one_line
    final = [errors, structlog.stdlib.ProcessorFormatter.remove_processors_meta, renderer]
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(structlog.stdlib.ProcessorFormatter(foreign_pre_chain=shared, processors=final))
    logging.basicConfig(level=logging.WARNING, handlers=[handler], force=True)
    logging.getLogger("pipeline").setLevel(level)
    structlog.configure(
        processors=[*shared, structlog.stdlib.ProcessorFormatter.wrap_for_formatter],
        logger_factory=structlog.stdlib.LoggerFactory(),
        cache_logger_on_first_use=True,
    )


def _in_one_line(_: object, __: str, event: structlog.typing.EventDict) -> structlog.typing.EventDict:
    """An exception is told in its one line; where it came from is shown at debug level only."""
    info = event.pop("exc_info", None)
    if info is True:
        info = sys.exc_info()
    error = info[1] if isinstance(info, tuple) else info
    if isinstance(error, BaseException):
        event["event"] = f"{str(event['event']).partition(chr(10))[0]}: {told(error)}"
    return event
