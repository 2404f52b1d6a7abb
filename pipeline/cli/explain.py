"""`cxloop explain`: why a rule fired, or did not."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import msgspec
import typer

from pipeline import settings as all_settings
from pipeline.authoring.explain import Explanation
from pipeline.authoring.explain import explain as explained
from pipeline.cli import options
from pipeline.cli.past import Events, Since, Until, events_of
from pipeline.events.codec import moment


def explain(
    rule: Annotated[str, typer.Argument(help="The rule's id.", show_default=False)],
    subject: Annotated[
        str,
        typer.Argument(
            help="A customer or a review; of rules on metrics a series, such as touchpoint=checkout, or total.",
            show_default=False,
        ),
    ],
    events: Events = None,
    since: Since = None,
    until: Until = None,
    rules: options.Rules = None,
    source: Annotated[
        Path | None, typer.Option(help="A source mapping (YAML) for CSV or JSON of another shape.")
    ] = None,
    broker: options.Broker = None,
    prefix: options.Prefix = None,
    zone: options.Zone = None,
    as_json: options.Json = False,
) -> None:
    """Say why a rule fired for somebody, or did not: event by event, condition by condition.

    Example: cxloop explain detractor-follow-up cust-17 last-month.jsonl
    """
    settings = all_settings.load(broker=broker, prefix=prefix, zone=zone)
    with events_of(events, since, until, settings) as files:
        found = explained(rule, subject, files, settings, rules or settings.rules, source)
    typer.echo(msgspec.json.encode(found).decode() if as_json else text(found))


def text(found: Explanation) -> str:
    """As people read it."""
    lines = [f"{found.rule}, {found.subject}", ""]
    for step in found.steps:
        lines.append(f"{moment(step.at)}  {step.text}")
        lines += [f"    {detail}" for detail in step.details]
    lines += ["", found.verdict] if found.steps else [found.verdict]
    if found.now:
        lines += ["", "At the end:", *(f"    {one}" for one in found.now)]
    # What customers write may hold anything; a terminal is shown text alone.
    return "\n".join("".join(c if c.isprintable() else " " for c in line) for line in lines)
