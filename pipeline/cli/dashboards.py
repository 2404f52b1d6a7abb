"""`cxloop dashboards`: dashboards for Grafana, made from the catalogue of metrics."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from pipeline import folder
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
    made = {name: text.encode() for name, text in files().items()}
    if check:
        surplus = sorted(file for file in out.glob("cxloop-*.json") if file.name not in made)
        folder.check(out, made.items(), "cxloop dashboards", surplus)
    else:
        folder.write(out, made.items())
    typer.echo(f"{len(made)} dashboards {'are as the code says' if check else f'are in {out}/'}.")
