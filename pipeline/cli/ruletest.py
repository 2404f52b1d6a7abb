"""`cxloop test`: do rules do what their tests say?"""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Annotated

import msgspec
import typer

from pipeline import settings as all_settings
from pipeline.authoring.junit import junit as as_junit
from pipeline.authoring.ruletest import Outcome, not_covered, run_tests
from pipeline.authoring.story import read_tests
from pipeline.cli import options
from pipeline.errors import FileError, Mistake, MistakesError, RulesError
from pipeline.rules.compiled import AnyRule
from pipeline.rules.load import TESTS


def rule_test(
    paths: Annotated[
        list[Path] | None,
        typer.Argument(help="Files of tests, and folders that have some (default: beside the rules in use)."),
    ] = None,
    junit: Annotated[Path | None, typer.Option(help="Write what came of it as JUnit's XML too.")] = None,
    as_json: options.Json = False,
) -> None:
    """Run the tests of rules, and name the rules that no test covers.

    A test stands in NAME.test.yml beside NAME.yml: events in short form, time that passes, and what should come.

    Example: cxloop test rules/
    """
    settings = all_settings.load()
    files = _files(paths or settings.rules)
    mistakes: list[Mistake] = []
    outcomes: list[Outcome] = []
    rules: dict[str, AnyRule] = {}
    for path in files:
        try:
            found, of = run_tests(read_tests(path), settings)
        except RulesError as error:
            mistakes += error.mistakes
            continue
        outcomes += found
        rules |= {rule.id: rule for rule in of}
    if mistakes:
        raise MistakesError(mistakes)
    gaps = not_covered(rules.values(), outcomes)
    failed = sum(bool(one.failures) for one in outcomes)
    if junit is not None:
        try:
            junit.write_bytes(as_junit(outcomes))
        except OSError as error:
            raise FileError(f"{junit}: cannot be written: {error.strerror}") from error
    if as_json:
        typer.echo(_json(outcomes, gaps))
    else:
        _tell(outcomes, gaps)
        typer.echo(f"{len(outcomes) - failed} passed, {failed} failed")
    raise typer.Exit(1 if failed else 0)


def _files(paths: Iterable[Path]) -> list[Path]:
    files: dict[Path, None] = {}
    for path in paths:
        files |= dict.fromkeys(sorted(path.rglob(f"*{TESTS}")) if path.is_dir() else [path])
    if not files:
        raise FileError(f"{', '.join(map(str, paths))}: no tests of rules (*{TESTS}) are there")
    return list(files)


def _tell(outcomes: Iterable[Outcome], gaps: Iterable[str]) -> None:
    for one in outcomes:
        for failure in one.failures:
            typer.echo(f"{one.file.path}:{failure.line}: {one.test.name}\n  {failure.text}\n")
    for gap in gaps:
        typer.echo(f"not covered: {gap}")


def _json(outcomes: Iterable[Outcome], gaps: Iterable[str]) -> str:
    tests = [
        {
            "file": str(one.file.path), "line": one.test.line, "test": one.test.name,
            "failures": [{"line": failure.line, "text": failure.text} for failure in one.failures],
        }
        for one in outcomes
    ]  # fmt: skip
    return msgspec.json.encode({"tests": tests, "not_covered": list(gaps)}).decode()
