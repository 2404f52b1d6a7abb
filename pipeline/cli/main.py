"""The command `cxloop`: its subcommands, and how errors reach a user."""

from __future__ import annotations

import sys

import typer

from pipeline import __version__
from pipeline.cli import check, demo, replay, run, schemas, topics
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


for command in (demo.demo, run.run, replay.replay, check.check, topics.topics, schemas.schemas):
    app.command()(command)


def main() -> None:
    """Run a command. What a user can mend is one clear text on stderr, never a traceback."""
    try:
        app()
    except CxloopError as error:
        typer.echo(str(error), err=True)
        sys.exit(error.exit_code)
    except BrokenPipeError:
        sys.stderr.close()  # whoever read our output has left
        sys.exit(1)
