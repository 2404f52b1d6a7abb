"""The events that a command looks at: files, or a span of the topics."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from itertools import chain
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Annotated

import msgspec
import typer

from pipeline.cli import options
from pipeline.cli.importing import interruptible
from pipeline.errors import FileError, UsageError
from pipeline.settings import Settings
from pipeline.sources.files import read_events
from pipeline.sources.mapping import load_mapping

Events = Annotated[
    list[Path] | None,
    typer.Argument(help="Files of events (JSON lines), or of rows with --source; none: see --from."),
]
Since = Annotated[
    str | None,
    typer.Option(
        "--from",
        help="In place of files: what arrived on the topics from this time on (of a day: from its midnight UTC).",
        show_default=False,
    ),
]
Until = Annotated[
    str | None, typer.Option("--to", help="And before this time (default: now).", show_default=False)
]


def refuse_if_all_rejected(
    files: Sequence[Path], source: Path | None, read: int, rejected: int, why: str
) -> None:
    """Raises FileError where every row that was read was rejected; where there was none, that is told.

    why: where it is said why rows were rejected.
    """
    if not read:
        where = f"{', '.join(map(str, files))}: " if files else ""  # else: the topics
        typer.echo(f"{where}no row is there", err=True)
    elif rejected == read:
        raise FileError(f"every row was rejected{_hint(files, source) or f'; {why}'}")


def _hint(files: Sequence[Path], source: Path | None) -> str:
    """What is wrong with all of them, as the names of files tell, or what is in them; "" where they tell nothing."""
    tables = [file for file in files if file.suffix.lower() == ".csv"]
    if tables and source is None:
        return f": {tables[0]} is CSV, which needs a mapping (--source)"
    if tables and source is not None and (form := load_mapping(source).written.format) != "csv":
        return f": {tables[0]} is CSV, and {source} says format: {form}"
    if source is None and _have_no_type(files):
        names = ", ".join(map(str, files))
        return f": no row of {names} has a type; rows of another shape need a mapping (--source)"
    return ""


def _have_no_type(files: Sequence[Path]) -> bool:
    """Is there JSON in files, and none of it with a type, as every event has one?"""
    is_json = False
    for line in chain.from_iterable(map(read_events, files)):
        try:
            row = msgspec.json.decode(line.value)
        except (msgspec.MsgspecError, ValueError, RecursionError):
            continue
        if isinstance(row, dict) and "type" in row:
            return False
        is_json = is_json or isinstance(row, dict | list)
    return is_json


@contextmanager
def events_of(
    files: Sequence[Path] | None, since: str | None, until: str | None, settings: Settings
) -> Iterator[Sequence[Path]]:
    """Files that are there as long as the context lasts. Raises UsageError, FileError, or what Kafka says."""
    if bool(files) is (since is not None):
        raise UsageError("name either files of events, or --from (and --to) for a span of the topics")
    if files:
        for file in files:
            if not file.is_file():
                raise FileError(f"{file}: there is no such file")
        yield files
        return
    begin, end = options.moment(since, "--from"), options.moment(until, "--to")
    assert begin is not None
    with interruptible():
        from pipeline.engine import past  # slow to import, and for Kafka alone
        from pipeline.wiring import connection

    with TemporaryDirectory(prefix="cxloop-") as folder:
        file = Path(folder) / "events.jsonl"
        try:
            count = asyncio.run(past.copy(connection(settings), settings.prefix, begin, end, file))
        except OSError as error:
            raise FileError(f"{folder}: cannot be written: {error.strerror}") from error
        if not count:
            raise UsageError(f"no events arrived on {settings.prefix}.* in that time")
        yield [file]
