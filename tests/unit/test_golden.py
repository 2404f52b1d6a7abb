"""The golden cases: what a person wrote down is what the replay says, and what the oracle says."""

from __future__ import annotations

import os

import pytest

from tests import golden_runner
from tests.golden_runner import Case


@pytest.mark.parametrize("name", golden_runner.names())
def test_the_oracle_says_what_is_written_down(name: str) -> None:
    case = Case.read(golden_runner.GOLDEN / name)
    assert golden_runner.difference(case.expected, golden_runner.by_oracle(case)) == ""


@pytest.mark.parametrize("name", golden_runner.names())
def test_the_replay_does_what_is_written_down(name: str) -> None:
    case = Case.read(golden_runner.GOLDEN / name)
    lines = golden_runner.by_replay(case)
    if os.environ.get("CXLOOP_WRITE_GOLDEN"):
        golden_runner.write(case, lines)
        pytest.fail("written anew: read the difference, and run it again")
    assert golden_runner.difference(case.expected, lines) == ""


def test_there_are_enough_cases_and_each_is_about_something() -> None:
    assert len(golden_runner.names()) >= 36
    for name in golden_runner.names():
        folder = golden_runner.GOLDEN / name
        assert (folder / "events.jsonl").read_text().strip(), name
