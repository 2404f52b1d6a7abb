"""The JSON Schema of rule files takes what `cxloop check` takes, and sees what an editor should see."""

from __future__ import annotations

import json
from pathlib import Path

import jsonschema_rs
import pytest
import yaml

from pipeline.rules.load import rule_files
from pipeline.rules.schema import rules_schema
from pipeline.settings import SHIPPED
from tests import generate, golden_runner

SCHEMA = json.loads(rules_schema())
VALIDATOR = jsonschema_rs.Draft202012Validator(SCHEMA)
RIGHT = [
    *rule_files([SHIPPED / "rules"]),
    *(golden_runner.GOLDEN / name / "rules.yml" for name in golden_runner.names()),
]


def test_the_file_is_what_the_code_says() -> None:
    assert (SHIPPED / "schemas" / "rules" / "rules.schema.json").read_text("utf-8") == rules_schema()
    jsonschema_rs.meta.validate(SCHEMA)


@pytest.mark.parametrize("file", RIGHT, ids=lambda file: f"{file.parent.name}/{file.name}")
def test_what_is_right_is_right_in_an_editor_too(file: Path) -> None:
    VALIDATOR.validate(yaml.safe_load(file.read_text()))


@pytest.mark.parametrize("rules", generate.RULES)
def test_so_are_the_rules_of_generated_histories(rules: str) -> None:
    VALIDATOR.validate(yaml.safe_load("rules:" + generate.RULES[rules]))


@pytest.mark.parametrize(
    "when",
    [
        "{event: survey.answerd, nps: 3}",
        "{event: survey.answered, npss: 3}",
        "{event: survey.answered, nps: 11}",
        "{event: survey.answered, nps: three}",
        "{event: survey.answered, any: {nps: 3}}",
        "{event: survey.answered, any: [{npss: 3}]}",
        "{event: touchpoint.visited, outcome: done}",
        "{event: contact.opened, count: {at_least: 1, within: 1d}}",
        "{event: contact.opened, count: {at_least: 2, within: 1 day}}",
        "{sequence: [{event: contact.opened, npss: 3}], within: 1d}",
        "{metric: npss, over: 24h, is: '< 0'}",
        "{metric: nps, by: [shop], over: 24h, is: '< 0'}",
        "{metric: nps, over: 3d, falls: {by: -3, against: 28d}}",
    ],
)
def test_what_an_editor_can_know_to_be_wrong_is_wrong(when: str) -> None:
    rule = f"{{id: a, summary: A., alert: info, when: {when}}}"
    assert not VALIDATOR.is_valid(yaml.safe_load(f"rules: [{rule}]"))


@pytest.mark.parametrize(
    "rule",
    [
        "{id: a, summary: A., when: {event: contact.opened}}",
        "{id: a, summary: A., alert: loud, when: {event: contact.opened}}",
        "{id: a, summary: A., alert: info, when: {event: contact.opened}, follow_up: {team: care, due: soon}}",
        "{id: a, summary: A., alert: info, when: {event: contact.opened}, folow_up: {team: care, due: 1h}}",
        "{id: a, summary: A., alert: info, when: {event: contact.opened}, if: {last: contact.opened, at_least: 0}}",
        "{id: a, summary: A., alert: info, when: {event: contact.opened}, overrides: [{id: b}]}",
    ],
)
def test_so_is_the_rest_of_a_rule(rule: str) -> None:
    assert not VALIDATOR.is_valid(yaml.safe_load(f"rules: [{rule}]"))
