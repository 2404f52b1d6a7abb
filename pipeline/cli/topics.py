"""`cxloop topics`: make and describe the topics."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Sequence
from typing import TYPE_CHECKING, Annotated

import msgspec
import typer
from rich.console import Console
from rich.table import Table

from pipeline import settings as all_settings
from pipeline.cli import options
from pipeline.cli.importing import interruptible

if TYPE_CHECKING:
    from pipeline.engine.lag import Waiting
    from pipeline.engine.topics import Found


def topics(
    broker: options.Broker = None,
    prefix: options.Prefix = None,
    partitions: Annotated[
        int | None, typer.Option(min=1, help="Of topics that are made (default: 4).", show_default=False)
    ] = None,
    create: Annotated[
        bool, typer.Option("--create/--no-create", help="Make the topics that are missing.")
    ] = True,
    as_json: options.Json = False,
) -> None:
    """Make the topics that are missing, check all of them, and show them, with what waits on each input.

    Next is the offset of the next record to process, End the one behind the last. Fewer records may wait
    than lie between: markers of transactions take offsets too.

    Example: cxloop topics --broker kafka:9092
    """
    # What goes wrong is told as an error, once; the clients would tell it too.
    logging.disable()
    with interruptible():
        from pipeline.engine.errors import TopicsError  # slow to import, and for Kafka alone
        from pipeline.engine.lag import waiting
        from pipeline.engine.topics import ensure
        from pipeline.wiring import connection, plan

    settings = all_settings.load(broker=broker, prefix=prefix, partitions=partitions)
    kafka = connection(settings)
    wrong: TopicsError | None = None
    try:
        found = ensure(kafka, plan(settings), create=create)
    except TopicsError as error:
        wrong, found = error, error.found
    inputs = asyncio.run(waiting(kafka, settings.prefix, {t.name: t.partitions for t in found}))
    if as_json:
        shown = [
            {"name": t.name, "partitions": t.partitions, "replicas": t.replicas, "made": t.made}
            for t in found
        ]
        typer.echo(msgspec.json.encode({"topics": shown, "inputs": inputs}).decode())
    else:
        _show(found, inputs)
    if wrong is not None:
        raise wrong


def _show(found: Sequence[Found], inputs: Sequence[Waiting]) -> None:
    console = Console()
    table = _table("Topic", "Partitions", "Replicas", "")
    for t in found:
        table.add_row(t.name, str(t.partitions), str(t.replicas), "made just now" if t.made else "")
    console.print(table)
    console.print()
    table = _table("Input", "Partition", "Next", "End", "Waiting")
    for one in inputs:
        table.add_row(one.topic, str(one.partition), f"{one.next:,}", f"{one.end:,}", f"{one.records:,}")
    console.print(table)


def _table(*columns: str) -> Table:
    """The first column is a name, and so is one without a title."""
    table = Table(box=None, padding=(0, 2, 0, 0))
    for number, column in enumerate(columns):
        table.add_column(column, justify="left" if number == 0 or not column else "right")
    return table
