"""What is said about rule files that are wrong, word for word; and that the shipped ones are right.

Each `tests/rules_wrong/NAME.yml` (or folder) has its messages in `NAME.expected`.
`CXLOOP_WRITE_GOLDEN=1 pytest tests/unit/test_rule_files.py` writes them anew; then read every line of the difference.
"""

from __future__ import annotations

import os
import re
from pathlib import Path

import pytest

from pipeline.errors import FileError, RulesError
from pipeline.rules.load import load, rule_files
from pipeline.settings import SHIPPED
from pipeline.yaml_places import MAX_FILE
from tests import generate, golden_runner

WRONG = Path(__file__).parent.parent / "rules_wrong"
CASES = sorted(path for path in WRONG.iterdir() if path.is_dir() or path.suffix == ".yml")

#: Words of libraries that no person says about a rule.
JARGON = re.compile(
    r"Input should|validation|pydantic|msgspec|Expected `|Value error|NoneType|\bdict\b|\bstr\b|\bint\b|\bbool\b"
    r"|Extra inputs|Traceback|block mapping|flow (mapping|sequence)|construct"
)


def said(*paths: Path) -> list[str]:
    """What is wrong, with file names as seen from the folder of wrong files."""
    with pytest.raises(RulesError) as caught:
        load(paths)
    return str(caught.value).replace(f"{WRONG}/", "").splitlines()


@pytest.mark.parametrize("path", CASES, ids=lambda path: path.stem)
def test_what_is_wrong_is_said_with_its_place(path: Path) -> None:
    expected = path.with_suffix(".expected")
    lines = said(path)
    if os.environ.get("CXLOOP_WRITE_GOLDEN"):
        expected.write_text("".join(f"{line}\n" for line in lines), "utf-8")
        pytest.fail("written anew: read the difference, and run it again")
    assert lines == expected.read_text("utf-8").splitlines()


@pytest.mark.parametrize("path", CASES, ids=lambda path: path.stem)
def test_every_message_is_one_that_a_person_could_say(path: Path) -> None:
    for line in said(path):
        place = re.fullmatch(r"(?P<file>[^:]+):(?P<line>\d+):(?P<column>\d+): (?P<text>.+)", line)
        assert place, line
        assert not JARGON.search(re.sub("^!![^ ]+", "", place["text"])), line
        assert len(place["text"]) < 200, line


@pytest.mark.parametrize(
    "path", [p for p in CASES if p.stem not in ("not-utf-8", "utf-16")], ids=lambda p: p.stem
)
def test_every_place_is_in_the_file_and_something_stands_there(path: Path) -> None:
    for line in said(path):
        name, row, column, _ = line.split(":", 3)
        text = (WRONG / name).read_text("utf-8").splitlines() or [""]
        assert int(row) <= len(text) + 1, line
        rest = text[int(row) - 1][int(column) - 1 :] if int(row) <= len(text) else "the end of the file"
        assert rest.strip() or int(column) == len(text[int(row) - 1]) + 1, line


def test_there_are_enough_wrong_files() -> None:
    assert len(CASES) >= 40
    assert {case.with_suffix(".expected") for case in CASES} == set(WRONG.glob("*.expected"))


def test_the_shipped_rules_are_right() -> None:
    ids = {rule.id for rule in load([SHIPPED / "rules"]).rules}
    assert {"detractor-follow-up", "negative-review-unanswered"} <= ids


@pytest.mark.parametrize("name", golden_runner.names())
def test_the_rules_of_the_golden_cases_are_right(name: str) -> None:
    load([golden_runner.GOLDEN / name / "rules.yml"])


@pytest.mark.parametrize("name", generate.RULES)
def test_the_rules_of_generated_histories_are_right(name: str, tmp_path: Path) -> None:
    file = tmp_path / "rules.yml"
    file.write_text("rules:" + generate.RULES[name])
    load([file])


def test_a_huge_file_is_not_read_and_the_others_are(tmp_path: Path) -> None:
    huge, wrong = tmp_path / "huge.yml", tmp_path / "wrong.yml"
    huge.write_bytes(b"#" * (MAX_FILE + 1))
    wrong.write_text("rules: 3\n")
    assert [line.removeprefix(f"{tmp_path}/") for line in said(tmp_path)] == [
        "huge.yml:1:1: the file has 1000001 bytes, and at most 1000000 are read; make it several files",
        'wrong.yml:1:8: under "rules:" stands a list of rules, each beginning with "- id:"',
    ]


def test_a_file_that_is_nested_without_end_is_refused(tmp_path: Path) -> None:
    file = tmp_path / "deep.yml"
    file.write_text("rules: " + "[" * 100_000)
    assert said(file) == [f"{file}:1:39: this is nested more than 32 deep; nothing here needs that"]


def test_a_number_without_end_is_a_text_and_no_trap(tmp_path: Path) -> None:
    file = tmp_path / "long.yml"
    file.write_text(f"rules: {'9' * 100_000}\n")
    assert len(said(file)) == 1


@pytest.mark.parametrize(
    ("paths", "sentence"),
    [
        (["gone.yml"], "gone.yml: cannot be read: No such file or directory"),
        (["."], ": no rule files (*.yml) are there"),
        ([], ": no rule files (*.yml) are there"),
    ],
)
def test_files_that_are_not_there_are_named(paths: list[str], sentence: str, tmp_path: Path) -> None:
    with pytest.raises(FileError) as caught:
        load([tmp_path / path for path in paths])
    assert str(caught.value).endswith(sentence)


def test_a_file_that_is_named_twice_is_read_once(tmp_path: Path) -> None:
    file = tmp_path / "rules.yml"
    file.write_text("rules:" + generate.RULES["left-alone"])
    (tmp_path / "notes.txt").write_text("no rules")
    (tmp_path / "deeper").mkdir()
    other = tmp_path / "deeper" / "more.yaml"
    other.write_text("rules: []\n")
    assert rule_files([tmp_path, file, tmp_path / "deeper" / ".." / "rules.yml"]) == [other, file]
    assert [rule.id for rule in load([file, tmp_path]).rules] == ["customer-left-alone"]


def test_the_version_is_of_what_the_rules_say_and_not_of_how_the_files_are_cut(tmp_path: Path) -> None:
    together, apart, other = tmp_path / "together.yml", tmp_path / "apart", tmp_path / "other.yml"
    first, second = generate.RULES["left-alone"], generate.RULES["contacts"]
    together.write_text(f"rules:{second}{first}")
    apart.mkdir()
    (apart / "a.yml").write_text(f"# With a comment.\nrules:{first}")
    (apart / "b.yml").write_text(f"rules:{second}")
    other.write_text(f"rules:{first.replace('1h', '2h')}{second}")
    assert load([together]).version == load([apart]).version != load([other]).version


def test_a_part_of_a_rule_that_an_override_takes_whole_is_no_mistake(tmp_path: Path) -> None:
    file = tmp_path / "rules.yml"
    file.write_text("""
rules:
  - id: at-checkout
    summary: What is written about checkout and returns holds for gold customers elsewhere.
    when: {event: survey.answered, nps: "<= 6", touchpoint: checkout}
    alert: info
    overrides:
      - {id: at-checkout-gold, for: {touchpoint: [checkout, returns], segment: gold}, alert: critical}
""")
    assert [rule.id for rule in load([file]).rules] == ["at-checkout", "at-checkout-gold"]


def test_what_an_override_has_whole_leaves_nothing_to_the_rule(tmp_path: Path) -> None:
    file = tmp_path / "rules.yml"
    file.write_text("""
rules:
  - id: at-checkout
    summary: Nothing is left for it.
    when: {event: survey.answered, nps: "<= 6", touchpoint: checkout}
    alert: info
    overrides:
      - {id: at-checkout-and-returns, for: {touchpoint: [checkout, returns]}, alert: critical}
""")
    assert "at once, so no event meets these conditions" in said(file)[0]
