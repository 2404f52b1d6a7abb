"""`cxloop run`: a worker, or several."""

from __future__ import annotations

import logging
import sys
from typing import Annotated

import typer

from pipeline import settings as all_settings
from pipeline.cli import logs, options
from pipeline.cli.importing import interruptible
from pipeline.errors import CxloopError

log = logging.getLogger("pipeline.cli")


def run(
    broker: options.Broker = None,
    prefix: options.Prefix = None,
    rules: options.Rules = None,
    workers: Annotated[
        int | None,
        typer.Option(min=1, help="Processes that share the partitions (default: 1).", show_default=False),
    ] = None,
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
    worker: Annotated[int | None, typer.Option(hidden=True, help="Which of several this one is.")] = None,
) -> None:
    """Run a worker on a real Kafka: events in; alerts, follow-ups and gauges out, exactly once.

    Every option can be set as CXLOOP_… in the environment too (CXLOOP_BROKER, CXLOOP_SASL_USERNAME, …).

    Example: cxloop run --broker kafka:9092 --workers 2
    """
    as_json = bool(log_json) or all_settings.says_yes("log_json")
    logs.configure(logging.INFO, as_json, worker)
    if worker is None:  # who started several has said it
        for name, hint in all_settings.unknown():
            log.warning("%s is no setting of cxloop, and is ignored; %s", name, hint)
    try:
        settings = all_settings.load(
            broker=broker,
            prefix=prefix,
            rules=rules,
            web_port=web_port,
            workers=workers,
            partitions=partitions,
            zone=zone,
            log_json=log_json,
            rebuild=rebuild,
        )
        code = _run(settings)
    except CxloopError as error:
        if not as_json:
            raise
        log.critical("%s", error)
        code = error.exit_code
    raise typer.Exit(code)


def _run(settings: all_settings.Settings) -> int:
    """One worker, or several; the exit code."""
    with interruptible():
        from pipeline import parts as all_parts  # slow to import, and for Kafka alone
        from pipeline import rulewatch, wiring

    written = rulewatch.stamps(settings)
    parts = all_parts.build(settings)
    if settings.workers > 1:
        return _several(settings.workers, settings.web_port)
    one = wiring.Worker(settings, parts, wiring.plan(settings), settings.web_port)
    log.info(
        "%d rules, version %s; broker %s, topics %s.*",
        len(parts.rules.rules),
        parts.rules.version,
        settings.broker,
        settings.prefix,
    )
    return one.run(rulewatch.RuleWatch(one, written))


def _several(workers: int, port: int) -> int:
    """Start the same command once a worker, each with a port of its own."""
    from pipeline.engine import supervise

    given = sys.argv[1:]
    kept = [word for i, word in enumerate(given) if not _is_about(word, given[i - 1] if i else "")]

    def command(n: int) -> list[str]:
        mine = ["--workers", "1", "--worker", str(n), "--web-port", str(port + n - 1 if port else 0)]
        return [sys.executable, "-m", "pipeline.cli", *kept, *mine]

    return supervise(workers, command)


def _is_about(word: str, before: str) -> bool:
    """Is a word of the command line one that the children get in another form?"""
    names = ("--workers", "--web-port")
    return word in names or before in names or word.startswith(tuple(f"{name}=" for name in names))
