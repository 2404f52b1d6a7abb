"""docs/rules.md says what is so: its examples are right, and its reference is that of the model.

`CXLOOP_WRITE_GOLDEN=1` writes the reference anew.
"""

from __future__ import annotations

import os
import re
import textwrap
from pathlib import Path

import pytest
import yaml

from pipeline.authoring.ruletest import run_tests
from pipeline.authoring.story import read_tests
from pipeline.rules.load import load
from pipeline.rules.reference import reference
from pipeline.settings import Settings

PAGE = Path(__file__).parents[2] / "docs" / "rules.md"
EXAMPLES = re.findall(r"```yaml\n(.*?)```", PAGE.read_text(), re.DOTALL)


def rules_of(example: str) -> str:
    """A file with what an example shows, and with the rest that a rule needs."""
    example = textwrap.dedent(example)
    whole = yaml.safe_load(example)
    if isinstance(whole, dict) and whole.keys() & {"rules", "define"}:
        return example
    rules = whole if isinstance(whole, list) else [whole]
    filled = [{"id": "example", "summary": "An example.", "alert": "info", **rule} for rule in rules]
    return yaml.safe_dump({"rules": filled})


@pytest.mark.parametrize(
    "example", [one for one in EXAMPLES if "tests:" not in one and not one.startswith("#")]
)
def test_an_example_is_right(example: str, tmp_path: Path) -> None:
    file = tmp_path / "example.yml"
    file.write_text(rules_of(example))
    assert load([file]).rules


def test_the_example_of_a_test_passes(tmp_path: Path) -> None:
    (first,) = [one for one in EXAMPLES if "id: detractor-follow-up" in one]
    (test,) = [one for one in EXAMPLES if "tests:" in one]
    (tmp_path / "care.yml").write_text(first)
    (tmp_path / "care.test.yml").write_text(test)
    outcomes, _ = run_tests(read_tests(tmp_path / "care.test.yml"), Settings())
    assert [one.failures for one in outcomes] == [[]]


def test_the_reference_is_that_of_the_model() -> None:
    text = PAGE.read_text()
    before, mark, _ = text.partition("\n## Reference\n\n")
    whole = f"{before}{mark}{reference().rstrip()}\n"
    if os.environ.get("CXLOOP_WRITE_GOLDEN"):
        PAGE.write_text(whole)
    assert text == whole, "write it anew with CXLOOP_WRITE_GOLDEN=1"
