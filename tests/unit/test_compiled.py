"""What the heart stands on is compiled, unless there is a reason not to."""

from __future__ import annotations

import subprocess
import sys
import tomllib
from pathlib import Path

ROOT = Path(__file__).parents[2]
#: Structs cannot be compiled; the others run once, or for what is seldom. Whatever runs for each event belongs to neither.
STRUCTS = {"effects", "events.model", "metrics.segment", "state.logged", "state.records"}
SELDOM = {
    "errors", "events.journey", "followup.score", "metrics.catalogue", "metrics.confidence", "metrics.counts",
    "metrics.measures", "metrics.weights", "nearest", "span", "state.format_3",
}  # fmt: skip
#: Compiled for the engine, not for the heart.
OF_THE_ENGINE = {"partitioner"}

IMPORTED = """
import sys
import pipeline.board, pipeline.shard
print(*(name.removeprefix("pipeline.") for name, module in sys.modules.items()
        if name.startswith("pipeline.") and not hasattr(module, "__path__")))
"""


def test_a_module_of_the_heart_is_compiled_or_named_here() -> None:
    settings = tomllib.loads((ROOT / "pyproject.toml").read_text())
    (hook,) = settings["tool"]["hatch"]["build"]["targets"]["wheel"]["hooks"].values()
    compiled = {
        path.removeprefix("/pipeline/").removesuffix(".py").replace("/", ".") for path in hook["include"]
    }
    found = subprocess.run(
        [sys.executable, "-c", IMPORTED], capture_output=True, check=True, cwd=ROOT, text=True
    )
    assert set(found.stdout.split()) == (compiled - OF_THE_ENGINE) | STRUCTS | SELDOM
