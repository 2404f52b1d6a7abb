"""`cxloop topics`: make and describe the topics."""

from __future__ import annotations

from typing import Annotated

import msgspec
import typer
from rich.console import Console
from rich.table import Table

from pipeline import settings as all_settings
from pipeline.cli import options


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
    """Make the topics that are missing, check all of them, and show them.

    Example: cxloop topics --broker kafka:9092
    """
    from pipeline.engine.topics import ensure  # slow to import, and for Kafka alone
    from pipeline.wiring import connection, plan

    settings = all_settings.load(broker=broker, prefix=prefix, partitions=partitions)
    found = ensure(connection(settings), plan(settings), create=create)
    if as_json:
        typer.echo(
            msgspec.json.encode(
                [
                    {"name": t.name, "partitions": t.partitions, "replicas": t.replicas, "made": t.made}
                    for t in found
                ]
            ).decode()
        )
        return
    table = Table(box=None, padding=(0, 2, 0, 0))
    for column in ("Topic", "Partitions", "Replicas", ""):
        table.add_column(column, justify="left" if column in ("Topic", "") else "right")
    for topic in found:
        table.add_row(
            topic.name, str(topic.partitions), str(topic.replicas), "made just now" if topic.made else ""
        )
    Console().print(table)
