"""`cxloop replay`: what the pipeline would have done with these events."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import Annotated

import msgspec
import typer
from rich.console import Console
from rich.table import Table

from pipeline import replay as over_files
from pipeline import settings as all_settings
from pipeline.cli import options, past


def replay(
    events: Annotated[
        list[Path], typer.Argument(help="Files of events (JSON lines), or of rows with --source.")
    ],
    rules: options.Rules = None,
    source: options.Source = None,
    until: Annotated[
        str | None,
        typer.Option(help="Skip later events, and move time on to here (of a day: to its midnight UTC)."),
    ] = None,
    partitions: Annotated[
        int, typer.Option(min=1, help="Shards of each topic, as Kafka would have them.")
    ] = 1,
    batch: Annotated[int, typer.Option(min=1, help="Events in one step; changes speed alone.")] = 2_000,
    out: Annotated[Path, typer.Option(help="The folder for what comes out.")] = Path("out"),
    zone: options.Zone = None,
    as_json: options.Json = False,
) -> None:
    """Run events from files through the same shards as in production.

    Writes alerts.jsonl, followups.jsonl, metrics.jsonl and deadletters.jsonl, the same bytes for the same input.

    Example: cxloop replay reviews.csv --source schemas/sources/lounge-reviews.yml --out out
    """
    settings, mapping = all_settings.load(zone=zone), options.mapping(source)
    result = over_files.replay(
        events, rules or settings.rules, until=options.moment(until, "--until"), partitions=partitions,
        batch=batch, source=mapping, settings=settings,
    )  # fmt: skip
    result.write(out)
    by_rule = Counter(event["data"]["rule"] for event in result.alerts if event["type"] == "cx.alert.fired")
    reasons = Counter(event["data"]["reason"] for event in result.deadletters)
    opened = sum(event["type"] == "cx.followup.opened" for event in result.followups)
    if as_json:
        summary = {
            "events": result.events, "duplicates": result.duplicates, "skipped": result.skipped,
            "alerts": by_rule, "followups": opened, "deadletters": reasons, "out": str(out),
        }  # fmt: skip
        typer.echo(msgspec.json.encode(summary).decode())
    else:
        _tell(result, by_rule, opened, reasons, out)
    past.refuse_if_all_rejected(
        events, mapping, result.events, result.rejected, f"{out / 'deadletters.jsonl'} says why"
    )


def _tell(
    result: over_files.ReplayResult, by_rule: Counter[str], opened: int, reasons: Counter[str], out: Path
) -> None:
    table = Table(show_header=False, box=None, padding=(0, 2, 0, 0))
    table.add_column(style="dim")
    table.add_column(justify="right", style="bold")
    table.add_row("Events", f"{result.events:,}")
    for what, number in (("duplicates", result.duplicates), ("after --until", result.skipped)):
        if number:
            table.add_row(f"  {what}", f"{number:,}")
    table.add_row("Alerts fired", f"{by_rule.total():,}")
    for rule, number in sorted(by_rule.items()):
        table.add_row(f"  {rule}", f"{number:,}")
    table.add_row("Follow-ups opened", f"{opened:,}")
    table.add_row("Dead letters", f"{reasons.total():,}")
    for reason, number in sorted(reasons.items()):
        table.add_row(f"  {reason}", f"{number:,}")
    console = Console()
    console.print(table)
    why = "; deadletters.jsonl says what was rejected, and why" if reasons else ""
    console.print(f"What came out is in {out}/{why}", highlight=False, soft_wrap=True)
