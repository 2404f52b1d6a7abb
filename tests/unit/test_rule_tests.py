"""Tests that people write for their rules: the shipped ones hold and cover all, and failures read as a person would say them."""

from __future__ import annotations

import json
import subprocess
import sys
import xml.etree.ElementTree as ET
from collections.abc import Callable
from pathlib import Path

import pytest

from pipeline.authoring.junit import junit
from pipeline.authoring.ruletest import Outcome, not_covered, run_tests
from pipeline.authoring.story import read_tests
from pipeline.errors import FileError, RulesError
from pipeline.rules.load import TESTS, load
from pipeline.settings import SHIPPED, Settings

RULES = """
rules:
  - id: unhappy
    summary: A customer would not recommend us.
    when: {event: survey.answered, nps: "<= 6"}
    once: {per: customer, every: 1d}
    alert: warning
    follow_up: {team: care, due: 4 business hours, escalate: [{after: 1d, to: lead}]}
  - id: no-reply
    summary: Nobody replied.
    when: {event: contact.opened}
    unless: {event: contact.replied, same: contact_id, within: 2h}
    alert: critical
"""
Write = Callable[[str], Path]


@pytest.fixture
def write(tmp_path: Path) -> Write:
    """Writes a story as the only test of the rules above, and gives the file."""

    def write(story: str) -> Path:
        (tmp_path / "care.yml").write_text(RULES)
        file = tmp_path / f"care{TESTS}"
        file.write_text(f"tests:\n  - test: It is so.\n    story:\n      {story.lstrip()}")
        return file

    return write


def outcome_of(file: Path) -> Outcome:
    [outcome], _ = run_tests(read_tests(file), Settings())
    return outcome


def said(file: Path) -> list[str]:
    """What is wrong with a test, or how it failed, without the folder."""
    try:
        failures = [f"{failure.line}: {failure.text}" for failure in outcome_of(file).failures]
    except RulesError as error:
        return str(error).replace(f"{file.parent}/", "").splitlines()
    return "\n".join(failures).splitlines()


@pytest.mark.parametrize("path", sorted((SHIPPED / "rules").glob("*.yml")), ids=lambda path: path.name)
def test_every_shipped_rule_has_a_test_and_does_what_it_says(path: Path) -> None:
    if path.name.endswith(TESTS):
        path = path.with_name(path.name.removesuffix(TESTS) + ".yml")
    outcomes, rules = run_tests(read_tests(path.with_name(path.stem + TESTS)), Settings())
    assert [failure.text for one in outcomes for failure in one.failures] == []
    assert {rule.id for rule in rules} == {rule.id for rule in load([path]).rules}
    assert not_covered(rules, outcomes) == []


def test_what_is_right_passes(write: Write) -> None:
    file = write("""
      - {event: survey.answered, customer: anna, nps: 3}
      - expect: {fired: unhappy, customer: anna, team: care, due: 2026-01-05 13:00, priority: normal}
      - {wait: 1d}
      - expect: [{escalated: unhappy, to: lead}, {follow_up: overdue, at: 2026-01-05 13:00}]
""")
    assert said(file) == []


def test_time_is_in_the_zone_of_the_file(write: Write) -> None:
    file = write("""
      - {event: survey.answered, customer: anna, nps: 3}
      - expect: {fired: unhappy, at: 2026-01-05 09:00, due: "2026-01-05T13:00:00+01:00"}
""")
    file.write_text("zone: Europe/Amsterdam\n" + file.read_text())
    assert said(file) == []


def test_what_comes_is_compared_in_words(write: Write) -> None:
    file = write("""
      - {event: survey.answered, customer: anna, nps: 3}
      - expect: {fired: unhappy, customer: bert}
""")
    assert said(file) == [
        "5: this was expected, and something else came",
        "  expected  fired unhappy, customer bert",
        (
            "  came      fired unhappy, customer anna, severity warning, at 2026-01-05T09:00:00Z, team care, due "
            "2026-01-05T13:00:00Z, priority normal: nps is 3 (at most 6)"
        ),
    ]


def test_who_says_most_chooses_first(write: Write) -> None:
    file = write("""
      - {event: survey.answered, customer: anna, nps: 3}
      - {event: survey.answered, customer: bert, nps: 3}
      - expect: [{fired: unhappy}, {fired: unhappy, customer: anna}]
""")
    assert said(file) == []


def test_nothing_is_nothing(write: Write) -> None:
    file = write("""
      - {event: contact.opened, customer: anna, contact_id: k-1}
      - {wait: 2h}
      - expect: nothing
""")
    assert said(file)[:2] == [
        "6: nothing was expected",
        (
            "  came      fired no-reply, customer anna, severity critical, at 2026-01-05T11:00:00Z: no contact.replied "
            "within 2h, by 2026-01-05T11:00:00Z"
        ),
    ]


def test_what_does_not_come_is_missed(write: Write) -> None:
    file = write("""
      - {event: survey.answered, customer: anna, nps: 7}
      - expect: [{fired: unhappy, times: 3}]
""")
    assert said(file) == [
        "5: this was expected, and did not come",
        "  expected  fired unhappy, 3 times",
    ]


def test_words_that_differ_are_shown(write: Write) -> None:
    file = write("""
      - {event: survey.answered, customer: anna, nps: 3}
      - expect: {fired: unhappy, title: bert}
""")
    assert said(file)[-1].strip() == "title A customer would not recommend us."


def test_what_comes_after_all_that_is_expected_is_told(write: Write) -> None:
    file = write("""
      - expect: nothing
      - {event: survey.answered, customer: anna, nps: 3}
""")
    assert said(file)[0] == "2: more came than is expected"


def test_who_arrives_late_arrives_late(write: Write) -> None:
    file = write("""
      - {event: contact.opened, customer: anna, contact_id: k-1}
      - {wait: 3h}
      - expect: {fired: no-reply}
      - {event: contact.replied, customer: anna, contact_id: k-1, ago: 2h}
      - expect: {retracted: no-reply, code: late_truth}
""")
    assert said(file) == []


@pytest.mark.parametrize(
    ("story", "message"),
    [
        ("      - {event: survey.answered, nps: 3}\n",
         'care.test.yml:4:7: nothing is expected; write for example "- expect: nothing"'),
        ("      - {event: survey.answerd, customer: anna}\n      - expect: nothing\n",
         'care.test.yml:4:17: unknown event "survey.answerd"; did you mean "survey.answered"?'),
        ("      - {event: survey.answered, customer: anna, nps: 11}\n      - expect: nothing\n",
         "care.test.yml:4:55: nps: 11 is not possible, for nps is a whole number from 0 to 10"),
        ("      - {event: survey.answered, nps: 3}\n      - expect: nothing\n",
         "care.test.yml:4:9: survey.answered: about whom? Write for example customer: anna"),
        ("      - {event: survey.answered, customer: anna, npss: 3}\n      - expect: nothing\n",
         'care.test.yml:4:50: "survey.answered" has no field "npss"; did you mean "nps"?'),
        ("      - expect: {fired: unhapy}\n",
         'care.test.yml:4:25: there is no rule "unhapy"; did you mean "unhappy"?'),
        ("      - {event: contact.opened, custmer: anna, contact_id: k}\n      - expect: nothing\n",
         'care.test.yml:4:33: "contact.opened" has no field "custmer"; did you mean "customer"?'),
        ("      - expect: {fird: unhappy}\n",
         'care.test.yml:4:18: "fird" is not known here; did you mean "fired"?'),
        ("      - expect: {fired: unhappy, resolved: unhappy}\n",
         "care.test.yml:4:9: write one of fired, escalated, resolved, retracted, follow_up"),
        ("      - expect: something\n",
         'care.test.yml:4:17: expect: "something" is a text; write nothing, or a list such as [{fired: a-rule}]'),
        ("      - {wait: 1 day}\n      - expect: nothing\n",
         'care.test.yml:4:16: wait: "1 day" is no length of time; write for example 30m, 24h, 7d or 1 business day'),
        ("      - {until: tomorrow}\n      - expect: nothing\n",
         'care.test.yml:4:17: "tomorrow" is no time; write for example 2026-03-02 10:00'),
        ("      - {event: contact.opened, customer: a, contact_id: k}\n      - {until: 2025-01-01}\n      - expect: nothing\n",
         'care.test.yml:5:17: this is before 2026-01-05T09:00:00Z, and time does not go back; "ago" is for what arrives late'),
        ("      - anna is unhappy\n      - expect: nothing\n",
         'care.test.yml:4:9: "anna is unhappy" is a text; write {event: …}, {wait: 24h}, {until: …} or "expect: …"'),
    ],
)  # fmt: skip
def test_what_is_wrong_with_a_test_is_said_with_its_place(write: Write, story: str, message: str) -> None:
    assert message in said(write(story))


@pytest.mark.parametrize("step", ["{wait: 4 hrs}", "expect: {fird: unhappy}"])
def test_one_mistake_is_told_once(write: Write, step: str) -> None:
    assert len(said(write(f"      - {step}\n      - expect: nothing\n"))) == 1


def test_a_file_of_rules_is_told_as_such(write: Write) -> None:
    rules = write("      - expect: nothing\n").parent / "care.yml"
    with pytest.raises(RulesError) as error:
        read_tests(rules)
    (mistake,) = error.value.mistakes
    assert mistake.text == "this is a file of rules; their tests stand in care.test.yml beside it"


def test_tests_without_rules_name_the_file_that_is_missing(write: Write, tmp_path: Path) -> None:
    file = write("      - expect: nothing\n")
    (tmp_path / "care.yml").unlink()
    assert said(file) == [
        f'care.test.yml:1:1: there is no rule file "{tmp_path}/care.yml"; name it under "rules:"'.replace(
            f"{tmp_path}/", ""
        )
    ]
    with pytest.raises(FileError):
        read_tests(tmp_path / "nothing.test.yml")


def test_what_no_test_does_is_named(write: Write) -> None:
    file = write("      - expect: nothing\n")
    [outcome], rules = run_tests(read_tests(file), Settings())
    assert not_covered(rules, [outcome]) == [
        "no-reply never fires",
        "no-reply is never resolved",
        "unhappy never fires",
        "unhappy never holds a match back",
        "unhappy is never escalated to lead",
    ]


def test_ci_systems_read_it(write: Write) -> None:
    outcome = outcome_of(write("      - expect: [{fired: unhappy}]\n"))
    [suite] = ET.fromstring(junit([outcome]))
    assert (suite.get("tests"), suite.get("failures")) == ("1", "1")
    [case] = suite
    assert case.get("name") == "It is so."
    [failure] = case
    assert failure.get("message") == "line 4: this was expected, and did not come"
    assert "expected  fired unhappy" in (failure.text or "")


def test_the_command_ends_with_1_where_a_test_fails(write: Write, tmp_path: Path) -> None:
    def cxloop(*arguments: str) -> subprocess.CompletedProcess[str]:
        command = [sys.executable, "-m", "pipeline.cli", "test", *arguments]
        return subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)

    write("      - expect: nothing\n")
    right = cxloop(str(tmp_path), "--json")
    assert right.returncode == 0
    assert json.loads(right.stdout)["not_covered"][0] == "no-reply never fires"
    write("      - expect: {fired: unhappy}\n")
    wrong = cxloop(str(tmp_path), "--junit", str(tmp_path / "junit.xml"))
    assert wrong.returncode == 1
    assert wrong.stdout.endswith("0 passed, 1 failed\n")
    assert (tmp_path / "junit.xml").read_bytes().startswith(b"<?xml")
    assert cxloop(str(tmp_path / "care.yml")).returncode == 1


def test_what_an_agent_does_is_about_the_follow_up_that_is_open(write: Write) -> None:
    file = write("""
      - {event: survey.answered, customer: anna, nps: 1}
      - {event: survey.answered, customer: bob, nps: 1}
      - expect: [{fired: unhappy, customer: anna}, {fired: unhappy, customer: bob}]
      - {event: followup.contacted, customer: anna, agent: eve}
      - {event: followup.closed, customer: anna, resolution: called, after: 1h}
      - expect: [{follow_up: closed, customer: anna}, {resolved: unhappy, customer: anna, code: followup_closed}]
      - {wait: 2d}
      - expect: [{escalated: unhappy, customer: bob, to: lead}]
    """)
    assert said(file) == []


def test_an_agent_can_do_nothing_about_a_follow_up_that_is_not_open(write: Write) -> None:
    file = write("""
      - {event: followup.closed, customer: anna}
      - expect: nothing
    """)
    assert said(file) == ["4: an event was refused: no follow-up of this customer is open by then"]
