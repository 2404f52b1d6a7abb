"""Options that several commands have, and what they mean."""

from __future__ import annotations

import re
from collections.abc import Sequence
from datetime import datetime
from pathlib import Path
from typing import Annotated

import typer

from pipeline.errors import UsageError
from pipeline.events.codec import millis
from pipeline.span import ELAPSED, Span

Rules = Annotated[
    list[Path] | None,
    typer.Option("--rules", help="Rule files and folders (default: the shipped rules).", show_default=False),
]
Broker = Annotated[
    str | None,
    typer.Option(
        "--broker", help="Kafka's address, host:port (default: 127.0.0.1:9092).", show_default=False
    ),
]
Prefix = Annotated[
    str | None,
    typer.Option("--prefix", help="Begins the name of every topic (default: cx).", show_default=False),
]
Zone = Annotated[
    str | None, typer.Option("--zone", help="Time zone of business hours (default: UTC).", show_default=False)
]
Source = Annotated[
    list[Path] | None,
    typer.Option(
        "--source", metavar="<Path>", help="A source mapping (YAML) for CSV or JSON of another shape."
    ),
]
Json = Annotated[bool, typer.Option("--json", help="Print JSON, for scripts.")]


_DAY = re.compile(r"\d{4}-\d{2}-\d{2}")


def mapping(sources: Sequence[Path] | None) -> Path | None:
    """The source mapping that was given. Raises UsageError where there are several."""
    if sources and len(sources) > 1:
        raise UsageError("--source stands twice; one mapping is for all files")
    return sources[0] if sources else None


def moment(text: str | None, option: str) -> int | None:
    """A time as people write it, in ms UTC; of a day alone, its midnight UTC. Raises UsageError."""
    if text is None:
        return None
    try:
        found = datetime.fromisoformat(f"{text}T00:00Z" if _DAY.fullmatch(text) else text)
    except ValueError as error:
        raise UsageError(f'{option}: "{text}" is no time; write for example 2026-11-22T09:15:00Z') from error
    if found.tzinfo is None:
        right = f"{found.isoformat()}Z"
        raise UsageError(f'{option}: "{text}" has no offset from UTC; write for example {right}')
    return millis(found)


def span(text: str | None, option: str) -> int | None:
    """A length of time as people write it, in ms. Raises UsageError."""
    if text is None:
        return None
    try:
        found = Span.parse(text, ELAPSED)
    except ValueError as error:
        raise UsageError(f"{option}: {error}") from error
    if found.business or found.millis <= 0:
        raise UsageError(f'{option}: "{text}" is no length of time here; write for example 30s or 1h')
    return found.millis
