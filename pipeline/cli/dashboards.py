"""`cxloop dashboards`: dashboards for Grafana, made from the catalogue of metrics."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from pipeline.errors import CxloopError
from pipeline.folder import write
from pipeline.observe.dashboards import files


def dashboards(
    out: Annotated[Path, typer.Option(help="The folder to write to.")] = Path(
        "deploy", "grafana", "dashboards"
    ),
    check: Annotated[bool, typer.Option("--check", help="Write nothing; fail where a file differs.")] = False,
) -> None:
    """Write the dashboards for Grafana: the journey, the voice of the customer, reviews, service, the loop, rules, the pipeline.

    Example: cxloop dashboards --out /var/lib/grafana/dashboards
    """
    made = files()
    if check:
        wrong = [str(out / name) for name, text in made.items() if _text(out / name) != text]
        wrong += sorted(str(file) for file in out.glob("cxloop-*.json") if file.name not in made)
        if wrong:
            raise CxloopError(
                "these differ from the code; write them anew with `cxloop dashboards`, and delete what is not made any more:\n"
                + "\n".join(wrong)
            )
    else:
        write(out, ((name, text.encode()) for name, text in made.items()))
    typer.echo(f"{len(made)} dashboards {'are as the code says' if check else f'are in {out}/'}.")


def _text(file: Path) -> str | None:
    """None where it cannot be read."""
    try:
        return file.read_text("utf-8")
    except (OSError, UnicodeDecodeError):
        return None
