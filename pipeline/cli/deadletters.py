"""`cxloop deadletters`: look at dead letters, mend them, and send them again, once."""

from __future__ import annotations

import asyncio
import time
from collections import deque
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import msgspec
import typer
from rich.console import Console
from rich.table import Table

from pipeline import settings as all_settings
from pipeline.cli import options
from pipeline.effects import DEAD_LETTERS
from pipeline.errors import FileError, UsageError
from pipeline.events.codec import moment

if TYPE_CHECKING:
    from pipeline.engine.connection import Connection
    from pipeline.engine.deadletters import Again, Letter

app = typer.Typer(
    no_args_is_help=True,
    help="Look at dead letters, mend them, and send them again, once.\n\nExample: cxloop deadletters list --reason json.invalid",
)

Reason = Annotated[
    str | None,
    typer.Option("--reason", help="Those with this reason alone, such as time.future.", show_default=False),
]


@app.command("list")
def list_letters(
    reason: Reason = None,
    limit: Annotated[int, typer.Option(min=1, help="Of the newest.")] = 50,
    broker: options.Broker = None,
    prefix: options.Prefix = None,
    as_json: options.Json = False,
) -> None:
    """Show what could not be processed, the newest last.

    Example: cxloop deadletters list --reason json.invalid
    """
    from pipeline.engine import deadletters

    kafka, prefix, partitions = _where(broker, prefix)
    wanted = _wanted([], reason)
    found = asyncio.run(deadletters.read(kafka, prefix, partitions, wanted))
    shown = deque(found, limit)
    if as_json:
        typer.echo(msgspec.json.encode([_facts(letter) for letter in shown]).decode())
        return
    table = Table(box=None, padding=(0, 2, 0, 0))
    for title in ("Arrived", "Dead letter", "What is wrong", "Sent again"):
        table.add_column(title, overflow="fold")
    for letter in shown:
        table.add_row(moment(letter.arrived), letter.id, letter.error, _sent_again(letter))
    console = Console()
    console.print(table)
    if len(found) > len(shown):
        console.print(f"Not shown: {len(found) - len(shown):,} older (--limit)")


@app.command()
def show(
    letter_id: Annotated[str, typer.Argument(metavar="ID", help="As `list` shows it.")],
    event: Annotated[bool, typer.Option("--event", help="Only the event, to be mended in a file.")] = False,
    broker: options.Broker = None,
    prefix: options.Prefix = None,
) -> None:
    """Show one dead letter, and the event as it came.

    Example: cxloop deadletters show cx.touchpoints/0/1234/field.wrong --event > mended.json
    """
    from pipeline.engine import deadletters

    kafka, prefix, partitions = _where(broker, prefix)
    wanted = _wanted([letter_id], None)
    found = asyncio.run(deadletters.read(kafka, prefix, partitions, wanted))
    (letter,) = _all_of([letter_id], found)
    if not event:
        typer.echo(f"Arrived      {moment(letter.arrived)}")
        typer.echo(f"From         {', '.join(f'{name} {value}' for name, value in letter.origin.items())}")
        typer.echo(f"Reason       {letter.reason}")
        typer.echo(f"Wrong        {letter.error}")
        typer.echo(f"Sent again   {_sent_again(letter) or 'no'}")
        if letter.cut is not None:
            typer.echo(f"Event        the beginning of {letter.cut:,} bytes")
        typer.echo()
    typer.echo(_readable(letter.event))


@app.command()
def replay(
    letter_ids: Annotated[
        list[str] | None, typer.Argument(metavar="[ID]...", help="As `list` shows them.", show_default=False)
    ] = None,
    reason: Reason = None,
    mended: Annotated[
        Path | None,
        typer.Option(
            "--with",
            metavar="FILE",
            help="The mended event, in place of the one letter's.",
            show_default=False,
        ),
    ] = None,
    broker: options.Broker = None,
    prefix: options.Prefix = None,
) -> None:
    """Send dead letters again, to the topic where they belong: each once, however often this is called.

    Example: cxloop deadletters replay cx.touchpoints/0/1234/field.wrong --with mended.json
    """
    ids = letter_ids or []
    if bool(ids) == (reason is not None):
        raise UsageError(
            "name the dead letters by their ids, or all of a reason with --reason; `list` shows both"
        )
    if mended is not None and len(ids) != 1:
        raise UsageError("--with is the event of one dead letter; name that one by its id")
    value = _read(mended) if mended is not None else None
    kafka, prefix, partitions = _where(broker, prefix)
    sent, problems = asyncio.run(_replay(kafka, prefix, partitions, ids, reason, value))
    for one in sent:
        typer.echo(f"{one.letter.id}: sent to {prefix}.{one.topic} as event {one.event_id}")
    for problem in problems:
        typer.echo(problem, err=True)
    if reason is not None:
        typer.echo(f"{len(sent):,} sent, {len(problems):,} not")
    if problems:
        raise typer.Exit(1)


async def _replay(
    kafka: Connection,
    prefix: str,
    partitions: int,
    ids: list[str],
    reason: str | None,
    mended: bytes | None,
) -> tuple[list[Again], list[str]]:
    """What was sent, and what is wrong with the others."""
    from pipeline.engine import deadletters

    now = int(time.time() * 1000)
    sendable, problems = [], []
    async with deadletters.Replay(kafka, prefix, partitions) as sender:
        found = await sender.letters(_wanted(ids, reason))
        if reason is not None:
            found = [letter for letter in found if letter.replayed is None]
        for letter in _all_of(ids, found) if ids else found:
            try:
                sendable.append(deadletters.again(letter, mended, now))
            except deadletters.DeadLettersError as error:
                problems.append(str(error))
        await sender.send(sendable, now)
    return sendable, problems


def _where(broker: str | None, prefix: str | None) -> tuple[Connection, str, int]:
    """Kafka, the prefix, and how many partitions the dead letters' topic has. Raises EngineError where topics are missing."""
    from pipeline.engine.topics import ensure  # slow to import, and for Kafka alone
    from pipeline.wiring import connection, plan

    settings = all_settings.load(broker=broker, prefix=prefix, partitions=1)  # or more
    kafka = connection(settings)
    found = ensure(kafka, plan(settings), create=False)
    name = f"{settings.prefix}.{DEAD_LETTERS}"
    return kafka, settings.prefix, next(topic.partitions for topic in found if topic.name == name)


def _wanted(ids: list[str], reason: str | None) -> Callable[[str, str], bool]:
    some = frozenset(ids)
    return lambda letter_id, why: (not some or letter_id in some) and reason in (None, why)


def _all_of(ids: list[str], found: list[Letter]) -> list[Letter]:
    from pipeline.engine.deadletters import DeadLettersError

    missing = sorted({*ids} - {letter.id for letter in found})
    if missing:
        raise DeadLettersError(
            "\n".join(
                f"there is no dead letter {one}; `cxloop deadletters list` shows them" for one in missing
            )
        )
    return found


def _read(file: Path) -> bytes:
    try:
        return file.read_bytes()
    except OSError as error:
        raise FileError(f"{file}: {error.strerror}") from error


def _sent_again(letter: Letter) -> str:
    return moment(letter.replayed) if letter.replayed is not None else ""


def _facts(letter: Letter) -> dict[str, object]:
    return {
        "id": letter.id, "arrived": moment(letter.arrived), "reason": letter.reason, "error": letter.error,
        "origin": letter.origin, "sent_again": _sent_again(letter) or None,
    }  # fmt: skip


def _readable(event: bytes) -> str:
    """JSON in lines, and anything else as it is."""
    try:
        return msgspec.json.format(event, indent=2).decode()
    except (msgspec.DecodeError, UnicodeDecodeError):
        return event.decode("utf-8", "backslashreplace")
