"""The rules for Prometheus: right by promtool, on metrics that there are, tested, and explained to who reads them."""

from __future__ import annotations

import re
import subprocess
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from itertools import groupby
from pathlib import Path

import pytest
import yaml

from tests.deploy.exported import exported
from tests.deploy.programs import program
from tests.deploy.promql import PROMETHEUS, ROOT, Rule, asked, grouped, rules_of, seconds, shipped_rules

RULES = shipped_rules()
ALERTS = [rule for rule in RULES if rule.alert]
NAMES = sorted({rule.alert for rule in ALERTS})
RECORDED = {rule.record: grouped(rule.expr) for rule in RULES if rule.record}
#: Where it is not there, cxloop_lag_events is: a partition that has applied nothing yet. CxloopStalled sees it.
NOT_ALWAYS_THERE = {"cxloop_lag_seconds"}
OPERATING = ROOT / "docs" / "operating.md"


def promtool(*arguments: str | Path) -> str:
    """What it says; fails where it finds something wrong."""
    done = subprocess.run(
        [program("promtool"), *map(str, arguments)], capture_output=True, text=True, timeout=60, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout + done.stderr


def mistakes(rule: Rule) -> Iterator[str]:
    """What an expression asks for that nobody has."""
    known = {**exported(), **RECORDED}
    for one in asked(rule.expr):
        if one.name not in known:
            yield f"{rule.file}: {rule.name} asks for {one.name}, which no worker exports"
        elif unknown := set(one.labels) - known[one.name]:
            yield f"{rule.file}: {rule.name} asks for {one.name} by {sorted(unknown)}, which it does not have"
    there = {label for one in asked(rule.expr) for label in known.get(one.name, ())}
    if unknown := grouped(rule.expr) - there:
        yield f"{rule.file}: {rule.name} groups by {sorted(unknown)}, which nothing has that it asks for"


def of_workers(rule: Rule) -> set[str]:
    """Metrics that an expression rests on, also by what is recorded."""
    found = set()
    for one in asked(rule.expr):
        recorded = [other for other in RULES if other.record == one.name]
        found |= {name for other in recorded for name in of_workers(other)} if recorded else {one.name}
    return found


def test_promtool_finds_the_configuration_right() -> None:
    said = promtool("check", "config", PROMETHEUS / "prometheus.yml")
    assert "FAILED" not in said
    for file in sorted((PROMETHEUS / "rules").glob("*.yml")):
        assert f"rules/{file.name}" in said


def test_promtool_finds_the_rules_right() -> None:
    promtool("check", "rules", "--lint=all", "--lint-fatal", *sorted((PROMETHEUS / "rules").glob("*.yml")))


@pytest.mark.parametrize("file", sorted((PROMETHEUS / "tests").glob("*.yml")), ids=lambda file: file.stem)
def test_alerts_ring_when_they_should(file: Path) -> None:
    promtool("test", "rules", file)


@pytest.mark.parametrize("file", sorted((PROMETHEUS / "tests").glob("*.yml")), ids=lambda file: file.stem)
def test_tests_judge_what_is_recorded_before_what_asks_for_it(file: Path) -> None:
    # Else promtool takes groups in an order of chance, and an alert may ring one evaluation later.
    content = yaml.load(file.read_text(), yaml.CSafeLoader)
    groups = [
        group["name"]
        for pattern in content["rule_files"]
        for rules in sorted((PROMETHEUS / "tests").glob(pattern))
        for group in yaml.safe_load(rules.read_text())["groups"]
    ]
    assert content["group_eval_order"][0] == "cxloop-recording"
    assert sorted(content["group_eval_order"]) == sorted(groups)


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.name)
def test_a_rule_asks_for_metrics_that_a_worker_exports(rule: Rule) -> None:
    assert [*mistakes(rule)] == []


@pytest.mark.parametrize(
    ("expr", "mistake"),
    [
        ("cxloop_lag_second > 300", "asks for cxloop_lag_second, which no worker exports"),
        ("rate(cxloop_rejected[5m]) > 0", "asks for cxloop_rejected, which no worker exports"),
        ('cxloop_followups_open{teem="care"} > 0', "by ['teem'], which it does not have"),
        ("sum by (tipic) (cxloop_lag_events) > 0", "groups by ['tipic'], which nothing has"),
        (
            "topic:cxloop_lag_seconds:max > 300",
            "asks for topic:cxloop_lag_seconds:max, which no worker exports",
        ),
    ],
)
def test_a_misspelt_metric_or_label_is_found(expr: str, mistake: str) -> None:
    (rule,) = rules_of("some.yml", {"groups": [{"rules": [{"alert": "Some", "expr": expr}]}]})
    (found,) = mistakes(rule)
    assert mistake in found


def test_jobs_are_those_of_the_configuration() -> None:
    jobs = {
        one["job_name"]
        for one in yaml.safe_load((PROMETHEUS / "prometheus.yml").read_text())["scrape_configs"]
    }
    named = {
        value for rule in RULES for one in asked(rule.expr) for name, value in one.values if name == "job"
    }
    assert named == {"cxloop"} <= jobs


def test_a_series_that_is_not_there_rings_too() -> None:
    of_board = exported().keys() - exported(with_board=False).keys()
    looked_for = {one.name for rule in ALERTS for one in asked(rule.expr) if "absent" in one.within}
    as_zero = {name for rule in ALERTS if "or vector(0)" in rule.expr for name in of_workers(rule)}
    # Where there is no board, CxloopBoardMissing rings.
    assert "cxloop_board_here" in as_zero
    blind = {
        rule.alert: left
        for rule in ALERTS
        if (left := of_workers(rule) - looked_for - as_zero - of_board - NOT_ALWAYS_THERE)
    }
    assert blind == {}
    assert sorted(of_board & looked_for) == []  # they would ring wherever a worker without the board is alone


@pytest.mark.parametrize("rule", ALERTS, ids=lambda rule: f"{rule.alert}-{rule.labels['severity']}")
def test_an_alert_says_how_bad_it_is_and_what_to_do(rule: Rule) -> None:
    assert rule.labels["severity"] in {"critical", "warning"} | (
        {"none"} if rule.alert == "CxloopHeartbeat" else set()
    )
    # Who it is for: fixed, or the team that it is about.
    assert rule.labels.get("team") == "platform" or "team" in grouped(rule.expr)
    assert rule.annotations.keys() == {"summary", "description", "runbook"}
    for text in ("summary", "description"):
        assert re.search(r"[.?](\{\{ end \}\})?$", rule.annotations[text])
        assert "\n" not in rule.annotations[text]


def anchors(text: str) -> dict[str, str]:
    """Anchor → title, as they are made of Markdown."""
    titles = re.findall(r"^#+ (.+)$", text, re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", title.lower()).replace(" ", "-"): title for title in titles}


def test_every_runbook_is_there_and_belongs_to_an_alert() -> None:
    linked = {rule.annotations["runbook"] for rule in ALERTS}
    section = OPERATING.read_text().split("\n## When an alert rings\n")[1].split("\n## ")[0]
    assert {f"docs/operating.md#{anchor}" for anchor in anchors(section)} == linked


@dataclass(frozen=True)
class Expected:
    """What a group of tests says of an alert at a time (s)."""

    group: tuple[str, str]
    alert: str
    at: float
    severities: tuple[str, ...]


@cache
def expectations() -> tuple[Expected, ...]:
    """Of all files, in the order in which they are written."""
    return tuple(
        Expected(
            (file.name, group["name"]),
            one["alertname"],
            sum(seconds(part) for part in re.findall(r"\d+[hms]", one["eval_time"])),
            tuple(ringing["exp_labels"]["severity"] for ringing in one["exp_alerts"]),
        )
        for file in sorted((PROMETHEUS / "tests").glob("*.yml"))
        for group in yaml.load(file.read_text(), yaml.CSafeLoader)["tests"]
        for one in group.get("alert_rule_test", ())
    )


@pytest.mark.parametrize("name", NAMES)
def test_every_alert_has_a_test_that_fires_it_and_one_that_almost_does(name: str) -> None:
    tests: dict[tuple[str, str], list[Expected]] = defaultdict(list)
    for one in expectations():
        if one.alert == name:
            tests[one.group].append(one)
    assert all(one == sorted(one, key=lambda expected: expected.at) for one in tests.values())
    near = [one for (_, group), one in tests.items() if group.startswith("near miss")]
    assert near, "no near miss"
    assert not any(one.severities for expected in near for one in expected)
    # Silent just before, then ringing, then silent again.
    courses = [
        [ringing for ringing, _ in groupby(expected, key=lambda one: bool(one.severities))]
        for expected in tests.values()
    ]
    assert any(course[:3] == [False, True, False] for course in courses)


def test_every_severity_of_an_alert_has_a_test() -> None:
    tested = {(one.alert, severity) for one in expectations() for severity in one.severities}
    assert tested == {(rule.alert, rule.labels["severity"]) for rule in ALERTS}
