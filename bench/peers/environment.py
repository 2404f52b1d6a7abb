"""The peers in Python: programs of their own, in a virtual environment of their own, with their own versions of things."""

from __future__ import annotations

import subprocess
import sys
import venv
from pathlib import Path

from bench.load import PARTITIONS, TOPIC_CONFIG
from bench.peers.program import run_peer, verify
from tests.broker import RealKafka

HERE = Path(__file__).parent
FOLDER = HERE.parents[1] / "build" / "peers"
REQUIREMENTS = HERE / "requirements.txt"


def python() -> Path:
    """The environment's interpreter. Makes the environment where it is missing, or is of other requirements.

    Raises RuntimeError with pip's last words where that goes wrong.
    """
    interpreter, made_from = FOLDER / "bin" / "python", FOLDER / "requirements.txt"
    wanted = REQUIREMENTS.read_bytes()
    if not made_from.exists() or made_from.read_bytes() != wanted:
        print(f"installing {REQUIREMENTS.name} of the peers into {FOLDER}", file=sys.stderr, flush=True)
        venv.create(FOLDER, clear=True, with_pip=True)
        pip = [
            str(interpreter),
            "-m",
            "pip",
            "install",
            "--disable-pip-version-check",
            "-r",
            str(REQUIREMENTS),
        ]
        done = subprocess.run(pip, stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False)
        if done.returncode:
            raise RuntimeError(f"the peers' environment cannot be made:\n{done.stderr[-2000:]}")
        made_from.write_bytes(wanted)  # last: half an environment is none
    return interpreter


def measure(program: str, kafka: RealKafka, prefix: str, events: int, *arguments: str) -> float:
    """Run a peer's program over the `events` visits of a prefix (bench.visits), and check its answer.

    Returns the events/s that it prints. Raises RuntimeError where its answer is wrong, or there is none in time.
    """
    output = f"{prefix}.often"
    # Some of its records bear the time of their events, which lies far back: Kafka would delete them by its defaults.
    kafka.create_topics({output: PARTITIONS}, TOPIC_CONFIG)
    # -P: else a module that lies beside the program hides the package of the same name.
    command = [str(python()), "-P", str(HERE / program), kafka.address, f"{prefix}.touchpoints", output]
    rate = run_peer([*command, str(events), *arguments])
    verify(kafka, output, events)
    kafka.delete_topics(output)  # so that the next one can run on the same visits
    return rate
