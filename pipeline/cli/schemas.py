"""`cxloop schemas`: JSON Schemas of all events, and of rule files."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from pipeline import folder
from pipeline.events.schema import all_schemas
from pipeline.rules.schema import rules_schema


def schemas(
    out: Annotated[Path, typer.Option(help="The folder to write to.")] = Path("schemas"),
    check: Annotated[bool, typer.Option("--check", help="Write nothing; fail where a file differs.")] = False,
) -> None:
    """Write a JSON Schema for every type of event, and one of rule files, for editors.

    Example: cxloop schemas --check
    """
    files = {f"events/{name}": text.encode() for name, text in all_schemas().items()}
    files["rules/rules.schema.json"] = rules_schema().encode()
    if check:
        folder.check(out, files.items(), "cxloop schemas")
    else:
        folder.write(out, files.items())
    typer.echo(f"{len(files)} files {'are as the code says' if check else f'are in {out}/'}.")
