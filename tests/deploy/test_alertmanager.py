"""Who hears of which alert, what they read, and what is muted."""

from __future__ import annotations

import json
import re
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.deploy.programs import program
from tests.deploy.promql import PROMETHEUS, Rule, shipped_rules
from tests.deploy.receiver import ALERTMANAGER, impatient_copy, receiving
from tests.deploy.running import alertmanager
from tests.integration.processes import until

CONFIG = ALERTMANAGER / "alertmanager.yml"
WRITTEN: dict[str, Any] = yaml.safe_load(CONFIG.read_text())
ALERTS = [rule for rule in shipped_rules() if rule.alert]
#: These say why nobody works, or what nobody can mend any more.
NEVER_MUTED = {"CxloopDown", "CxloopHeartbeat", "CxloopRestarts", "CxloopEventsLost", "CxloopRulesRejected"}


def amtool(*arguments: str | Path) -> str:
    """What it says; fails where it finds something wrong."""
    done = subprocess.run(
        [program("amtool"), *map(str, arguments)], capture_output=True, text=True, timeout=60, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def test_amtool_finds_the_configuration_right() -> None:
    assert "1 templates" in amtool("check-config", CONFIG)


def receivers(**labels: str) -> list[str]:
    """Who hears of an alert with these labels."""
    words = [f"{name}={value}" for name, value in labels.items()]
    return amtool("config", "routes", "test", f"--config.file={CONFIG}", *words).strip().split(",")


@pytest.mark.parametrize(
    ("labels", "told"),
    [
        ({"alertname": "CxloopDown", "severity": "critical", "team": "platform"}, ["on-call", "platform"]),
        ({"alertname": "CxloopLag", "severity": "warning", "team": "platform"}, ["platform"]),
        ({"alertname": "CxloopFollowUpsOverdue", "severity": "warning", "team": "care"}, ["teams"]),
        ({"alertname": "CxloopHeartbeat", "severity": "none", "team": "platform"}, ["heartbeat"]),
        ({"alertname": "OfSomebodyElse", "severity": "critical", "team": "care"}, ["on-call", "teams"]),
        ({"alertname": "OfSomebodyElse"}, ["platform"]),
    ],
    ids=lambda value: "-".join(value.values()) if isinstance(value, dict) else "",
)
def test_an_alert_goes_to(labels: dict[str, str], told: list[str]) -> None:
    assert receivers(**labels) == told


@pytest.mark.parametrize("rule", ALERTS, ids=lambda rule: f"{rule.alert}-{rule.labels['severity']}")
def test_every_alert_has_somebody_who_hears_of_it(rule: Rule) -> None:
    team = rule.labels.get("team", "care")
    told = receivers(alertname=rule.alert, severity=rule.labels["severity"], team=team)
    assert ("on-call" in told) == (rule.labels["severity"] == "critical")
    expected = (
        "heartbeat" if rule.alert == "CxloopHeartbeat" else "platform" if team == "platform" else "teams"
    )
    assert expected in told


def test_no_secret_stands_in_the_configuration() -> None:
    text = CONFIG.read_text()
    assert {*re.findall(r"https?://([^\s/]+)", text)} == {"on-call:8080", "heartbeat:8080"}
    assert not re.search(
        r"^\s*\w*(?:password|token|key|secret|credentials|api_url)\w*:(?<!_file:)", text, re.MULTILINE
    )
    kept = [path.name for path in (ALERTMANAGER / "receivers").iterdir()]
    assert ".gitignore" in kept


def named(matchers: list[str]) -> set[str]:
    """Alerts that matchers of a rule on muting name."""
    (names,) = re.findall(r'alertname=~?"([^"]+)"', " ".join(matchers)) or [""]
    return {*names.split("|")} - {""}


def test_what_is_muted_are_alerts_that_there_are() -> None:
    known = {rule.alert for rule in ALERTS}
    for rule in WRITTEN["inhibit_rules"]:
        assert named(rule["source_matchers"]) | named(rule["target_matchers"]) <= known


def test_where_nobody_works_nothing_rings_that_follows_from_it() -> None:
    first = WRITTEN["inhibit_rules"][0]
    assert named(first["source_matchers"]) == {"CxloopDown"}
    # Dead letters rise while somebody works; their counters go with the workers.
    assert named(first["target_matchers"]) == {rule.alert for rule in ALERTS} - NEVER_MUTED - {
        "CxloopDeadLetters"
    }


def test_what_mutes_rings_before_what_it_mutes() -> None:
    down, not_ready = (
        next(rule.for_s for rule in ALERTS if rule.alert == name) for name in ("CxloopDown", "CxloopNotReady")
    )
    for source, within, rule in ((down, "CxloopDown", 0), (not_ready, "CxloopNotReady", 1)):
        muted = named(WRITTEN["inhibit_rules"][rule]["target_matchers"])
        for alert in ALERTS:
            # These look at five minutes before they begin to wait.
            looks_back = 300 if alert.alert in {"CxloopStalled", "CxloopOpenTransaction"} else 0
            if alert.alert in muted:
                assert alert.for_s + looks_back >= source, f"{alert.alert} rings before {within}"


NOW = {"topic": "touchpoints", "partition": "0"}


@pytest.mark.parametrize(
    ("ringing", "muted"),
    [
        pytest.param(
            [("CxloopDown", {}), ("CxloopLag", NOW), ("CxloopBoardMissing", {}), ("CxloopPartitionDown", NOW),
             ("CxloopSourceSilent", {"event": "contact.replied"}), ("CxloopStalled", NOW),
             ("CxloopFollowUpsOverdue", {"team": "care"}), ("CxloopEventsLost", NOW), ("CxloopRestarts", {})],
            {"CxloopLag", "CxloopBoardMissing", "CxloopPartitionDown", "CxloopSourceSilent", "CxloopStalled",
             "CxloopFollowUpsOverdue"},
            id="nobody-works",
        ),
        pytest.param(
            [("CxloopNotReady", {}), ("CxloopWorkerNotReady", {"instance": "worker:6066"}), ("CxloopLag", NOW),
             ("CxloopTwoRuleVersions", {})],
            {"CxloopWorkerNotReady", "CxloopLag"},
            id="nobody-is-ready",
        ),
        pytest.param(
            [("CxloopPartitionDown", NOW), ("CxloopStalled", NOW), ("CxloopLag", {**NOW, "partition": "1"}),
             ("CxloopSourceSilent", {"event": "contact.replied"})],
            {"CxloopStalled"},
            id="one-partition-is-down-and-another-lags",
        ),
        pytest.param(
            [("CxloopStalled", {"topic": "metrics", "partition": "0"}), ("CxloopFollowUpsOverdue", {"team": "care"}),
             ("CxloopSourceSilent", {"event": "contact.replied"}), ("CxloopDeadLetters", {"topic": "reviews"})],
            {"CxloopFollowUpsOverdue", "CxloopSourceSilent"},
            id="the-board-stands-still",
        ),
        pytest.param(
            [("CxloopBoardMissing", {}), ("CxloopDimensionOverflow", {"dimension": "segment"})],
            {"CxloopDimensionOverflow"},
            id="there-is-no-board",
        ),
        pytest.param(
            [("CxloopLag", {**NOW, "severity": "critical"}), ("CxloopLag", {**NOW, "partition": "1"}),
             ("CxloopDeadLetters", {"topic": "reviews", "reason": "field.wrong"})],
            set(),
            id="a-critical-one-mutes-no-other-partition",
        ),
        pytest.param(
            [("CxloopOpenTransaction", NOW), ("CxloopLag", NOW)],
            {"CxloopLag"},
            id="a-producer-hangs",
        ),
    ],
)  # fmt: skip
def test_what_follows_from_another_alert_is_muted(
    ringing: list[tuple[str, dict[str, str]]], muted: set[str], tmp_path: Path
) -> None:
    severities = {rule.alert: rule.labels["severity"] for rule in reversed(ALERTS)}
    with receiving() as receiver, alertmanager(impatient_copy(tmp_path, receiver), tmp_path) as server:
        labels = [
            {"alertname": name, "severity": severities[name], "team": "platform", **more}
            for name, more in ringing
        ]
        server.post(
            "/api/v2/alerts", [{"labels": one, "annotations": {"summary": "Some."}} for one in labels]
        )

        def states() -> list[tuple[str, str]]:
            found = server.get("/api/v2/alerts")
            return [(one["labels"]["alertname"], one["status"]["state"]) for one in found]

        until(
            "each is judged",
            lambda: len(states()) == len(ringing) and "unprocessed" not in dict(states()).values(),
        )
        until(
            f"muted: {muted}",
            lambda: {name for name, state in states() if state == "suppressed"} == muted,
            10,
        )


def test_messages_read_well(tmp_path: Path) -> None:
    runbook = "docs/operating.md#it-lags"
    ringing = {
        "summary": "touchpoints/0 is 36m 0s behind.",
        "description": "Start more workers.",
        "runbook": runbook,
    }
    over = ringing | {"summary": "touchpoints/1 is 31m 0s behind."}
    never = "0001-01-01T00:00:00Z"
    alerts = [
        {"status": "firing", "annotations": ringing, "startsAt": "2026-03-02T10:15:00+01:00", "endsAt": never},
        {"status": "resolved", "annotations": over, "startsAt": "2026-03-02T09:15:00Z", "endsAt": "2026-03-02T09:27:30.4Z"},
    ]  # fmt: skip
    common = {"description": "Start more workers.", "runbook": runbook}

    assert rendered(tmp_path, "title", alerts, common) == "Critical: touchpoints/0 is 36m 0s behind."
    assert rendered(tmp_path, "text", alerts, common) == (
        "• touchpoints/0 is 36m 0s behind. Since 2 Mar 09:15 UTC.\n"
        "• Over after 12m30s: touchpoints/1 is 31m 0s behind.\n"
        "Start more workers.\n"
        "More: docs/operating.md#it-lags"
    )
    assert rendered(tmp_path, "color", alerts, common) == "danger"

    assert rendered(tmp_path, "title", alerts[1:], common) == "Over: touchpoints/1 is 31m 0s behind."
    assert (
        rendered(tmp_path, "text", alerts[1:], common)
        == "• Over after 12m30s: touchpoints/1 is 31m 0s behind."
    )
    assert rendered(tmp_path, "color", alerts[1:], common) == "good"

    # Two that say different things to do: each says its own.
    other = ringing | {"summary": "touchpoints/2 is 40m 0s behind.", "description": "Look at the broker."}
    two = [alerts[0], {**alerts[0], "annotations": other}]
    assert rendered(tmp_path, "title", two, {}) == "Critical: touchpoints/0 is 36m 0s behind. (2 in all)"
    assert rendered(tmp_path, "text", two, {}) == (
        "• touchpoints/0 is 36m 0s behind. Since 2 Mar 09:15 UTC.\n"
        "  Start more workers.\n"
        "• touchpoints/2 is 40m 0s behind. Since 2 Mar 09:15 UTC.\n"
        "  Look at the broker.\n"
        "More: docs/operating.md#it-lags"
    )


def rendered(home: Path, template: str, alerts: list[dict[str, Any]], annotations: dict[str, str]) -> str:
    """A template with that data, without space around it."""
    data = home / "data.json"
    content = {
        "receiver": "platform", "status": "firing", "externalURL": "http://127.0.0.1:9093",
        "groupLabels": {}, "commonLabels": {"severity": "critical"}, "commonAnnotations": annotations,
        "alerts": [{"labels": {}, **one} for one in alerts],
    }  # fmt: skip
    data.write_text(json.dumps(content))
    return amtool(
        "template", "render",
        f"--template.glob={ALERTMANAGER / 'templates' / '*.tmpl'}",
        f"--template.data={data}",
        f'--template.text={{{{ template "cxloop.{template}" . }}}}',
    ).strip()  # fmt: skip


def test_prometheus_tells_the_alertmanager_that_it_watches() -> None:
    config = yaml.safe_load((PROMETHEUS / "prometheus.yml").read_text())
    (told,) = config["alerting"]["alertmanagers"]
    (watched,) = [one for one in config["scrape_configs"] if one["job_name"] == "alertmanager"]
    assert told["static_configs"] == watched["static_configs"]
