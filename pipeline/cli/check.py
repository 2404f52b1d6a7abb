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
from pipeline.plural import counted
from pipeline.rules.load import TESTS, load, rule_files
from pipeline.sources.mapping import load_mapping

T = TypeVar("T")

_EMPTY = 'the file is empty; a rule file begins with "rules:", a journey with "journey:", a source mapping with "source:"'


def check(
    paths: Annotated[
        list[Path] | None, typer.Argument(help="Rules, journeys and source mappings (default: those in use).")
    ] = None,
    as_json: options.Json = False,
) -> None:
    """Check rules, journeys and source mappings, and say all that is wrong at once.

    The journey in use is checked in any case, for everything that reads rules reads it.

    Example: cxloop check rules/
    """
    settings = all_settings.load()
    given = paths or settings.rules
    files = rule_files(given)
    if not files:
        load(given)  # says so, as it does to all who need rules
    rules, journeys, mappings = list[Path](), [settings.journey], list[Path]()
    mistakes: list[Mistake] = []
    for file in files:
        if file.resolve() == settings.journey.resolve():
            continue
        document = yaml_places.read(file)
        keys = document.data.keys() if isinstance(document.data, dict) else set[str]()
        if "tests" in keys or file.name.endswith(TESTS):
            mistakes.append(document.mistake((), "this is a file of tests; cxloop test reads and runs it"))
            continue
        if document.data is None and not document.mistakes:
            mistakes.append(document.mistake((), _EMPTY))
        elif "rules" not in keys and keys & {"journey", "stages"}:
            journeys.append(file)
        elif "rules" not in keys and keys & {"source", "type", "data"}:
            mappings.append(file)
        else:
            rules.append(file)
    for file in journeys:
        mistakes += _mistakes(read_journey, file)
    for file in mappings:
        mistakes += _mistakes(load_mapping, file)
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
        found_in = f"{counted(count, 'rule')} in {counted(len(rules), 'file')}"
        others = f"{counted(len(journeys), 'journey')} and {counted(len(mappings), 'source mapping')}"
        typer.echo(f"All is right: {found_in}, {others}.")


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
