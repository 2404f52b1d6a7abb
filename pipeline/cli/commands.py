"""The command `cxloop`: its subcommands, and how errors reach a user."""

from __future__ import annotations

import sys
import tempfile
import traceback

import typer

from pipeline import __version__
from pipeline.cli import (
    backtest,
    check,
    dashboards,
    deadletters,
    demo,
    explain,
    replay,
    rules,
    ruletest,
    schemas,
    topics,
)
from pipeline.cli import run as run_worker
from pipeline.errors import CxloopError

app = typer.Typer(
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    rich_markup_mode="rich",
    context_settings={"help_option_names": ["-h", "--help"]},
    help="A customer-experience feedback loop that runs by itself: events in; alerts, follow-ups and gauges out.",
)


@app.callback(invoke_without_command=True)
def _root(version: bool = typer.Option(False, "--version", help="Show the version and end.")) -> None:
    if version:
        typer.echo(f"cxloop {__version__}")
        raise typer.Exit


for command in (
    demo.demo,
    run_worker.run,
    replay.replay,
    check.check,
    topics.topics,
    schemas.schemas,
    dashboards.dashboards,
):
    app.command()(command)
app.command("test")(ruletest.rule_test)
app.command()(backtest.backtest)
app.command()(explain.explain)
app.command("rules")(rules.rules_)
app.add_typer(deadletters.app, name="deadletters")


def run() -> None:
    """Run a command, and turn what it raises into one text and an exit code."""
    try:
        app(prog_name="cxloop")
    except CxloopError as error:
        typer.echo(str(error), err=True)
        sys.exit(error.exit_code)
    except BrokenPipeError:
        sys.stderr.close()  # whoever read our output has left
        sys.exit(1)
    except Exception as error:  # noqa: BLE001 - what nobody foresaw is told in one line too
        typer.echo(_defect(error), err=True)
        sys.exit(1)


def _defect(error: Exception) -> str:
    """What a user is told about an error that is ours; the traceback goes to a file of its own."""
    with tempfile.NamedTemporaryFile("w", prefix="cxloop-", suffix=".txt", delete=False) as file:
        traceback.print_exception(error, file=file)
    what = " ".join(f"{type(error).__name__}: {error}".split())
    return f"this is a defect of cxloop {__version__}: {what}; please report it with {file.name}"
