"""Quix Streams and Bytewax: programs of their own, in a virtual environment of their own, with their own versions of things."""

from __future__ import annotations

import subprocess
import sys
import uuid
import venv
from pathlib import Path

from bench.peers.program import measure
from tests.broker import RealKafka

HERE = Path(__file__).parent
FOLDER = HERE.parents[1] / "build" / "peers"
REQUIREMENTS = HERE / "requirements.txt"


def quix(kafka: RealKafka, prefix: str, events: int) -> float:
    """As `measure`."""
    group = f"quix-{uuid.uuid4().hex}"  # of its own, so that it starts with the first event
    rate = measure(kafka, prefix, events, [_python(), str(HERE / "quix_flow.py")], group)
    # Nobody else's measure pays for what is left. The name is of Quix's own making.
    kafka.delete_topics(f"changelog__{group}--{prefix}.touchpoints--hopping_window_3600000_300000_count")
    return rate


def bytewax(kafka: RealKafka, prefix: str, events: int) -> float:
    """As `measure`."""
    return measure(kafka, prefix, events, [_python(), str(HERE / "bytewax_flow.py")])


def _python() -> str:
    """The environment's interpreter. Makes the environment where it is missing, or is of other requirements.

    Raises RuntimeError with pip's last words where that goes wrong.
    """
    interpreter, made_from = str(FOLDER / "bin" / "python"), FOLDER / "requirements.txt"
    wanted = REQUIREMENTS.read_bytes()
    if not made_from.exists() or made_from.read_bytes() != wanted:
        print(f"installing {REQUIREMENTS.name} of the peers into {FOLDER}", file=sys.stderr, flush=True)
        venv.create(FOLDER, clear=True, with_pip=True)
        pip = [interpreter, "-m", "pip", "install", "--disable-pip-version-check", "-r", str(REQUIREMENTS)]
        done = subprocess.run(pip, stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False)
        if done.returncode:
            raise RuntimeError(f"the peers' environment cannot be made:\n{done.stderr[-2000:]}")
        made_from.write_bytes(wanted)  # last: half an environment is none
    return interpreter
