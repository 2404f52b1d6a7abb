"""`cxloop schemas`: JSON Schemas of all events, and of rule files."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from pipeline.errors import CxloopError
from pipeline.events.schema import all_schemas
from pipeline.rules.schema import rules_schema


def schemas(
    out: Annotated[Path, typer.Option(help="The folder to write to.")] = Path("schemas"),
    check: Annotated[bool, typer.Option("--check", help="Write nothing; fail where a file differs.")] = False,
) -> None:
    """Write a JSON Schema for every type of event, and one of rule files, for editors.

    Example: cxloop schemas --check
    """
    wrong = []
    files = {Path("events", name): text for name, text in all_schemas().items()}
    files[Path("rules", "rules.schema.json")] = rules_schema()
    for name, text in files.items():
        file = out / name
        if check:
            if not file.is_file() or file.read_text("utf-8") != text:
                wrong.append(str(file))
            continue
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text, "utf-8")
    if wrong:
        raise CxloopError(
            "these differ from the code; write them anew with `cxloop schemas`:\n" + "\n".join(wrong)
        )
    typer.echo(f"{len(files)} files {'are as the code says' if check else f'are in {out}/'}.")
