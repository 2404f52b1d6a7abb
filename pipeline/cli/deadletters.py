"""`cxloop deadletters`: look at what could not be processed, mend it, and send it again."""

from __future__ import annotations

import asyncio
import contextlib
import json
import logging
from pathlib import Path
from typing import Annotated

import msgspec
import typer
from rich.console import Console
from rich.table import Table
from rich.text import Text

from pipeline import settings as all_settings
from pipeline.cli import options
from pipeline.cli.importing import interruptible
from pipeline.cli.printable import printable
from pipeline.deadletters import DeadLetter, DeadLetters, Refusal
from pipeline.errors import CxloopError, FileError, UsageError
from pipeline.events.codec import REASONS as EVENT_REASONS
from pipeline.events.codec import moment
from pipeline.nearest import did_you_mean
from pipeline.settings import Settings
from pipeline.step import REASONS

app = typer.Typer(no_args_is_help=True)

Id = Annotated[str, typer.Argument(metavar="ID", help="As `cxloop deadletters list` shows it.")]
Reason = Annotated[
    str | None,
    typer.Option("--reason", help="All of this reason, such as json.invalid.", show_default=False),
]


@app.callback()
def _deadletters() -> None:
    """Look at records that could not be processed, mend them, and send them again, once.

    Example: cxloop deadletters list --broker kafka:9092
    """
    # What goes wrong is told as an error, once; the clients would tell it too, with tracebacks.
    logging.disable()


@app.command(name="list")
def list_(
    reason: Reason = None,
    limit: Annotated[int, typer.Option(min=1, help="So many at most, the newest.")] = 50,
    broker: options.Broker = None,
    prefix: options.Prefix = None,
    as_json: options.Json = False,
) -> None:
    """Show the dead letters, the newest last.

    Example: cxloop deadletters list --reason field.wrong --limit 10
    """
    reason = _known(reason)
    found = _read(all_settings.load(broker=broker, prefix=prefix))
    letters = found.of(reason)
    shown = letters[-limit:]
    if as_json:
        typer.echo(msgspec.json.encode([_for_scripts(one, found) for one in shown]).decode())
        return
    for one in shown:  # no table: what is wrong, and where, takes a line of its own
        again = ", sent again" if one.id in found.sent else ""
        typer.echo(f"{printable(one.id)}  rejected {moment(one.at)[:16]}Z{again}")
        typer.echo(f"    {printable(one.error)}")
    if len(shown) < len(letters):
        typer.echo(f"The newest {len(shown):,} of {len(letters):,}; --limit shows more.")
    elif not shown:
        typer.echo(f"There are no dead letters{f' of reason {reason}' if reason else ''}.")


@app.command()
def show(
    letter: Id,
    record: Annotated[
        bool, typer.Option("--record", help="Print the event alone, to be saved and mended.")
    ] = False,
    broker: options.Broker = None,
    prefix: options.Prefix = None,
) -> None:
    """Show one dead letter: why, where it came from, and the event as it came.

    Example: cxloop deadletters show cx.touchpoints/0/17/field.wrong --record > mended.json
    """
    found = _read(all_settings.load(broker=broker, prefix=prefix))
    one = found.find(letter)
    if isinstance(one, Refusal):
        raise CxloopError(f"{one.id}: {one.why}")
    event = _indented(one.value)
    if record:
        typer.echo(event, nl=event != one.value)
    else:
        table = Table(show_header=False, box=None, padding=(0, 2, 0, 0))
        for name, text in {
            "Dead letter": one.id,
            "Rejected": moment(one.at),
            "Reason": one.reason,
            "Why": one.error,
            "Came from": ", ".join(f"{what} {value}" for what, value in one.origin.items()),
            "Sent again": _when(found.sent.get(one.id)) or "no",
        }.items():
            table.add_row(name, _text(text))
        Console().print(table)
        typer.echo("\n" + printable(event.decode("utf-8", "backslashreplace")))
    if one.size is not None:
        kept = f"only the first {len(one.value):,} of its {one.size:,} bytes are kept"
        typer.echo(f"{kept}; all of them may still be where it came from", err=True)


@app.command()
def replay(
    letters: Annotated[
        list[str] | None, typer.Argument(metavar="ID", help="As `list` shows it; several too.")
    ] = None,
    mended: Annotated[
        Path | None,
        typer.Option("--with", metavar="FILE", help="Send this event in its place.", show_default=False),
    ] = None,
    reason: Reason = None,
    broker: options.Broker = None,
    prefix: options.Prefix = None,
) -> None:
    """Send events again, as they came or mended; each once, however often this runs.

    Example: cxloop deadletters replay cx.touchpoints/0/17/field.wrong --with mended.json
    """
    if bool(letters) == (reason is not None):
        raise UsageError("replay: name dead letters by their ids, or all of one reason with --reason")
    if mended is not None and len(letters or ()) != 1:
        raise UsageError("--with: a file has the event of one dead letter, so name one id")
    settings = all_settings.load(broker=broker, prefix=prefix)
    event = _event(mended) if mended is not None else None
    with interruptible():
        from pipeline.engine import deadletters  # slow to import, and for Kafka alone
        from pipeline.wiring import connection

    done = asyncio.run(
        deadletters.replay(connection(settings), settings.prefix, letters or (), _known(reason), event)
    )
    for letter, topic in done.sent.items():
        typer.echo(f"{letter}: sent again, to {topic}")
    if done.refused:
        raise _not_sent(done.refused, mended)
    if not done.sent:
        typer.echo(f"There are no dead letters of reason {reason} that were not sent again.")


def _read(settings: Settings) -> DeadLetters:
    with interruptible():
        from pipeline.engine import deadletters  # slow to import, and for Kafka alone
        from pipeline.wiring import connection

    return asyncio.run(deadletters.read(connection(settings), settings.prefix))


def _known(reason: str | None) -> str | None:
    """The reason, which must be one. Raises UsageError."""
    known = (*EVENT_REASONS, *REASONS)
    if reason is not None and reason not in known:
        raise UsageError(
            f'--reason: "{reason}" is no reason; {did_you_mean(reason, known, "docs/operating.md")}'
        )
    return reason


def _event(file: Path) -> bytes:
    """The mended event of a file; whether it is a right one is not seen here. Raises FileError."""
    try:
        text = file.read_text("utf-8-sig")
        with contextlib.suppress(
            RecursionError
        ):  # what lies too deep is told like all that is wrong in an event
            json.loads(text, parse_int=str)
    except OSError as error:
        raise FileError(f"{file}: cannot be read: {error.strerror}") from error
    except UnicodeDecodeError as error:
        raise FileError(f"{file}: byte {error.start} is no UTF-8; save it as UTF-8") from error
    except json.JSONDecodeError as error:
        raise FileError(f"{file}:{error.lineno}:{error.colno}: this is no JSON: {error.msg}") from error
    return text.encode()


def _not_sent(refusals: list[Refusal], mended: Path | None) -> CxloopError:
    """What was refused, and the way out."""
    lines = [f"{one.id}: not sent again: {one.why}" for one in refusals]
    mendable = [one.id for one in refusals if one.can_be_mended]
    if mendable and mended is not None:
        lines.append(f"Change {mended}, and run this again.")
    elif mendable:
        lines += [
            "To mend one, save it, change the file, and send that:",
            f"  cxloop deadletters show {mendable[0]} --record > mended.json",
            f"  cxloop deadletters replay {mendable[0]} --with mended.json",
        ]
    return CxloopError("\n".join(lines))


def _for_scripts(one: DeadLetter, found: DeadLetters) -> dict[str, object]:
    return {
        "id": one.id, "rejected": moment(one.at), "reason": one.reason, "error": one.error, "origin": one.origin,
        "sent_again": _when(found.sent.get(one.id)) or None,
    }  # fmt: skip


def _when(at: int | None) -> str:
    return moment(at) if at is not None else ""


def _indented(value: bytes) -> bytes:
    """JSON so that a person can change it; anything else as it is."""
    try:
        msgspec.json.decode(value)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        return value
    return msgspec.json.format(value, indent=2)


def _text(text: str) -> Text:
    return Text(printable(text))
