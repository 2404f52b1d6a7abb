"""`cxloop explain`: why a rule fired, or did not."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any

import msgspec
import typer

from pipeline import settings as all_settings
from pipeline.authoring.explain import explain as explained
from pipeline.authoring.explanation import Explanation
from pipeline.cli import options
from pipeline.cli.asking import ask
from pipeline.cli.past import Events, Since, Until, events_of
from pipeline.cli.printable import printable
from pipeline.errors import UsageError
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
    worker: Annotated[
        str | None,
        typer.Option(
            help="In place of events: what a worker remembers now; the address of its status page.",
            show_default=False,
        ),
    ] = None,
    rules: options.Rules = None,
    source: options.Source = None,
    broker: options.Broker = None,
    prefix: options.Prefix = None,
    zone: options.Zone = None,
    as_json: options.Json = False,
) -> None:
    """Say why a rule fired for somebody, or did not: event by event, condition by condition.

    Example: cxloop explain detractor-follow-up cust-17 last-month.jsonl
    """
    if worker is not None:
        if events or since or rules:
            raise UsageError("a worker has its own rules and events; name either --worker, or files")
        _tell(rule, subject, ask(worker, "api/explain", rule=rule, subject=subject), as_json)
        return
    mapping = options.mapping(source)
    settings = all_settings.load(broker=broker, prefix=prefix, zone=zone)
    with events_of(events, since, until, settings) as files:
        found = explained(rule, subject, files, settings, rules or settings.rules, mapping)
    typer.echo(msgspec.json.encode(found).decode() if as_json else text(found))


def _tell(rule: str, subject: str, said: Mapping[str, Any], as_json: bool) -> None:
    if as_json:
        typer.echo(msgspec.json.encode(said).decode())
        return
    here = ", ".join(said["partitions"]) or "no partition"
    lines = [printable(one) for one in said["remembered"]]
    typer.echo("\n".join([f"{rule}, {subject}, now:", "", *(f"    {one}" for one in lines)]) if lines else
               f"Of {rule} and {printable(subject)} nothing is remembered here; this worker has {here}.")  # fmt: skip


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
    return "\n".join(map(printable, lines))
