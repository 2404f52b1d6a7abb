"""`cxloop check`: is everything that people wrote right?"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Annotated, TypeVar

import msgspec
import typer

from pipeline import settings as all_settings
from pipeline import yaml_places
from pipeline.cli import options
from pipeline.errors import CxloopError, Mistake, MistakesError
from pipeline.journey_file import read_journey
from pipeline.rules.load import load, rule_files
from pipeline.sources.mapping import load_mapping

T = TypeVar("T")


def check(
    paths: Annotated[
        list[Path] | None, typer.Argument(help="Rules, journeys and source mappings (default: those in use).")
    ] = None,
    as_json: options.Json = False,
) -> None:
    """Check rules, journeys and source mappings, and say all that is wrong at once.

    Example: cxloop check rules/
    """
    settings = all_settings.load()
    mistakes: list[Mistake] = []
    rules: list[Path] = []
    others = 0
    for file in rule_files(paths or [*settings.rules, settings.journey]):
        document = yaml_places.read(file)
        keys = document.data.keys() if isinstance(document.data, dict) else ()
        if "stages" in keys:
            mistakes += _mistakes(read_journey, file)
            others += 1
        elif "source" in keys:
            mistakes += _mistakes(load_mapping, file)
            others += 1
        else:
            rules.append(file)
    if rules:
        mistakes += _mistakes(load, rules)
    if as_json:
        found = [
            {"file": m.file, "line": m.line, "column": m.column, "text": m.text} for m in sorted(mistakes)
        ]
        typer.echo(msgspec.json.encode(found).decode())
    if mistakes:
        if as_json:
            raise typer.Exit(1)
        raise MistakesError(mistakes)
    if not as_json:
        count = len(load(rules).rules) if rules else 0
        typer.echo(
            f"All is right: {count} rules in {len(rules)} files, and {others} journeys and source mappings."
        )


def _mistakes(read: Callable[[T], object], what: T) -> list[Mistake]:
    """What is wrong with it."""
    try:
        read(what)
    except MistakesError as error:
        return list(error.mistakes)
    except CxloopError as error:
        file, _, text = str(error).partition(": ")
        return [Mistake(file, 1, 1, text)]
    return []
