"""`cxloop rules`: the rules in use, and whether they help."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Annotated, Any

import msgspec
import typer
from rich.console import Console
from rich.table import Table

from pipeline import parts as all_parts
from pipeline import settings as all_settings
from pipeline.cli import options
from pipeline.cli.asking import ask
from pipeline.errors import UsageError
from pipeline.observe.scorecards import cards
from pipeline.replay import Run


def rules_(
    events: Annotated[
        list[Path] | None,
        typer.Argument(
            help="Files of events: show what became of the rules' alerts there.", show_default=False
        ),
    ] = None,
    worker: Annotated[
        str | None,
        typer.Option(
            help="Show what became of them in production: the address of a worker's status page.",
            show_default=False,
        ),
    ] = None,
    rules: options.Rules = None,
    source: options.Source = None,
    zone: options.Zone = None,
    as_json: options.Json = False,
) -> None:
    """Show the rules in use; with a worker or with events, their score cards too.

    Of the follow-ups that a rule is a reason of: how many were closed, in time, with something done, and with the
    customer content again.

    Example: cxloop rules --worker http://127.0.0.1:6066
    """
    if worker is not None and (events or rules):
        raise UsageError("a worker has its own rules and events; name either --worker, or files")
    if worker is not None:
        found = ask(worker, "api/rules")
    else:
        mapping = options.mapping(source)
        settings = all_settings.load(zone=zone)
        parts = all_parts.build(settings, rules)
        levels: Mapping[tuple[str, str], int] | None = None
        if events:
            run = Run(parts, keep=lambda _: None)
            run.files(events, source=mapping)
            levels = run.levels()
        found = cards(parts.rules, levels)
    if as_json:
        typer.echo(msgspec.json.encode(found).decode())
    else:
        Console().print(_table(found))


def _table(found: Sequence[Mapping[str, Any]]) -> Table:
    table = Table(box=None, padding=(0, 1, 0, 0))
    scored = bool(found) and "alerts" in found[0]
    counted = ("alerts", "follow-ups", "closed", "in time", "useful", "recovered")
    for name in ("Rule",) if scored else ("Rule", "kind", "severity", "team", "due"):
        table.add_column(name, no_wrap=True)
    for name in counted if scored else ():
        table.add_column(name, justify="right", no_wrap=True)
    if scored:
        found = sorted(found, key=lambda one: (-one["alerts"], one["id"]))
    for one in found:
        name = f"{one['id']} (on trial)" if one["shadow"] else one["id"]
        if scored:
            table.add_row(name, *_scores(one))
        else:
            table.add_row(name, one["kind"], one["severity"], one["team"] or "-", one["due"] or "-")
    return table


def _scores(one: Mapping[str, Any]) -> list[str]:
    closed = one["followups_closed"]
    shares = [
        f"{100 * one[name] / closed:.0f} %" if closed else "-"
        for name in ("followups_closed_in_time", "followups_useful", "followups_recovered")
    ]
    return [*(f"{one[name]:,}" for name in ("alerts", "followups", "followups_closed")), *shares]
