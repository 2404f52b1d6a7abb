"""`cxloop run`: a worker, or several."""

from __future__ import annotations

import logging
import sys
from typing import Annotated

import typer

from pipeline import settings as all_settings
from pipeline.cli import logs, options
from pipeline.cli.importing import interruptible

log = logging.getLogger("pipeline.cli")


def run(
    broker: options.Broker = None,
    prefix: options.Prefix = None,
    rules: options.Rules = None,
    workers: Annotated[int, typer.Option(min=1, help="Processes that share the partitions.")] = 1,
    web_port: Annotated[
        int | None,
        typer.Option(
            min=0,
            max=65_535,
            help="Of the status page; 0: any; worker n takes the n-th from here (default: 6066).",
            show_default=False,
        ),
    ] = None,
    partitions: Annotated[
        int | None, typer.Option(min=1, help="Of topics that are made (default: 4).", show_default=False)
    ] = None,
    zone: options.Zone = None,
    rebuild: Annotated[
        bool | None,
        typer.Option(
            "--rebuild",
            help="Where a state is lost or damaged, compute it anew from the events that are still there.",
        ),
    ] = None,
    log_json: Annotated[bool | None, typer.Option("--log-json", help="Log JSON lines.")] = None,
) -> None:
    """Run a worker on a real Kafka: events in; alerts, follow-ups and gauges out, exactly once.

    Every option can be set as CXLOOP_… in the environment too (CXLOOP_BROKER, CXLOOP_SASL_USERNAME, …).

    Example: cxloop run --broker kafka:9092 --workers 2
    """
    settings = all_settings.load(
        broker=broker,
        prefix=prefix,
        rules=rules,
        web_port=web_port,
        partitions=partitions,
        zone=zone,
        log_json=log_json,
        rebuild=rebuild,
    )
    logs.configure(logging.INFO, settings.log_json)
    with interruptible():
        from pipeline import parts as all_parts  # slow to import, and for Kafka alone
        from pipeline import rulewatch, wiring

    written = rulewatch.stamps(settings)
    parts = all_parts.build(settings)
    if workers > 1:
        raise typer.Exit(_several(workers, settings.web_port))
    one = wiring.Worker(settings, parts, wiring.plan(settings), settings.web_port)
    log.info("status page on %s", one.url)
    log.info(
        "%d rules, version %s; broker %s, topics %s.*",
        len(parts.rules.rules),
        parts.rules.version,
        settings.broker,
        settings.prefix,
    )
    raise typer.Exit(one.run(rulewatch.RuleWatch(one, written)))


def _several(workers: int, port: int) -> int:
    """Start the same command once a worker, each with a port of its own."""
    from pipeline.engine import supervise

    given = sys.argv[1:]
    kept = [word for i, word in enumerate(given) if not _is_about(word, given[i - 1] if i else "")]
    return supervise(
        workers,
        lambda n: [sys.executable, "-m", "pipeline.cli", *kept, "--web-port", str(port + n if port else 0)],
    )


def _is_about(word: str, before: str) -> bool:
    """Is a word of the command line one that the children get in another form?"""
    names = ("--workers", "--web-port")
    return word in names or before in names or word.startswith(tuple(f"{name}=" for name in names))
