"""`cxloop schemas`: JSON Schemas of all events."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from pipeline.errors import CxloopError
from pipeline.events.schema import all_schemas


def schemas(
    out: Annotated[Path, typer.Option(help="The folder to write to.")] = Path("schemas/events"),
    check: Annotated[bool, typer.Option("--check", help="Write nothing; fail where a file differs.")] = False,
) -> None:
    """Write a JSON Schema for every type of event.

    Example: cxloop schemas --check
    """
    wrong = []
    for name, text in all_schemas().items():
        file = out / name
        if check:
            if not file.is_file() or file.read_text("utf-8") != text:
                wrong.append(str(file))
            continue
        out.mkdir(parents=True, exist_ok=True)
        file.write_text(text, "utf-8")
    if wrong:
        raise CxloopError(
            "these differ from the code; write them anew with `cxloop schemas`:\n" + "\n".join(wrong)
        )
    typer.echo(f"{len(all_schemas())} files {'are as the code says' if check else f'are in {out}/'}.")
