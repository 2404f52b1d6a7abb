"""What a changed rule set would have done."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from typer.testing import CliRunner

from pipeline.authoring.backtest import Fired, Told, both, told_by
from pipeline.authoring.comparison import NEAR, compare
from pipeline.authoring.page import page
from pipeline.cli.commands import app
from pipeline.errors import FileError, LimitError, UsageError
from pipeline.settings import Settings

MONDAY = datetime(2026, 3, 2, 9, tzinfo=UTC)
START = int(MONDAY.timestamp() * 1000)
HOUR, DAY = 3_600_000, 86_400_000
RULES = """
rules:
  - id: unhappy
    summary: An unhappy customer hears from us.
    when: {{event: survey.answered, nps: "<= {limit}"}}
    alert: warning
    follow_up: {{team: care, due: 1d}}
  - id: no-reply
    summary: A customer waits.
    when: {{event: contact.opened}}
    unless: {{event: contact.replied, same: contact_id, within: {within}}}
    alert: info
    shadow: {shadow}
"""


def event(hour: int, kind: str, who: str, **data: object) -> str:
    time = (MONDAY + timedelta(hours=hour)).isoformat()
    whole = {
        "specversion": "1.0",
        "id": f"{kind}-{who}-{hour}",
        "source": "/t",
        "type": f"cx.{kind}",
        "time": time,
    }
    return json.dumps({**whole, "subject": who, "data": data})


@pytest.fixture
def events(tmp_path: Path) -> Path:
    """Two days: three unhappy customers, one of them twice; one contact that nobody answers, one answered late."""
    lines = [
        event(0, "survey.answered", "anna", nps=6),
        event(1, "survey.answered", "ben", nps=4),
        event(2, "contact.opened", "cleo", contact_id="k1"),
        event(3, "contact.opened", "dora", contact_id="k2"),
        event(5, "contact.replied", "dora", contact_id="k2", by="agent"),
        event(26, "survey.answered", "ben", nps=0),
        event(27, "survey.answered", "<script>alert(1)</script>", nps=5),
        event(38, "touchpoint.visited", "emil", touchpoint="home"),
        "{",
    ]
    file = tmp_path / "events.jsonl"
    file.write_text("\n".join(lines))
    return file


def rules(folder: Path, name: str, limit: int = 6, within: str = "1h", shadow: str = "false") -> Path:
    file = folder / f"{name}.yml"
    file.write_text(RULES.format(limit=limit, within=within, shadow=shadow))
    return file


def test_two_rule_sets_are_compared_over_the_same_events(events: Path, tmp_path: Path) -> None:
    old, new = rules(tmp_path, "old"), rules(tmp_path, "new", limit=5, within="3h")
    found = compare(*both([old], [new], [events], Settings()))
    assert [one.key for one in found.removed] == ["anna", "dora"]
    assert not found.added
    ((before, after),) = found.moved
    assert (before.key, before.at, after.at) == ("cleo", START + 3 * HOUR, START + 5 * HOUR)
    assert [
        (one.rule, one.old, one.new, one.kept, one.added, one.removed, one.moved) for one in found.rules
    ] == [
        ("no-reply", 2, 1, 0, 0, 1, 1),
        ("unhappy", 4, 3, 3, 0, 1, 0),
    ]
    (care,) = found.teams
    assert (care.old, care.new, care.old_most, care.new_most) == (1.5, 1.0, 2, 1)
    assert [(day.day.day, day.old_alerts, day.new_alerts, day.old_followups, day.new_followups) for day in found.days] == [
        (2, 4, 2, 2, 1), (3, 2, 2, 1, 1),
    ]  # fmt: skip
    assert (found.new.events, found.new.rejected) == (9, 1)


def test_what_late_truth_took_back_is_not_counted(tmp_path: Path) -> None:
    lines = [
        event(0, "contact.opened", "anna", contact_id="k"),
        event(9, "touchpoint.visited", "ben", touchpoint="home"),
        event(0, "contact.replied", "anna", contact_id="k", by="agent"),
    ]
    (tmp_path / "events.jsonl").write_text("\n".join(lines))
    told = told_by([rules(tmp_path, "rules")], [tmp_path / "events.jsonl"], Settings())
    assert (told.fired, told.retracted) == ({}, 1)


def test_a_row_that_is_no_event_is_counted(tmp_path: Path) -> None:
    rows = tmp_path / "rows.csv"
    rows.write_text("id,who,when,score\n1,anna,2026-03-02,3\n2,ben,no day at all,3\n")
    mapping = tmp_path / "source.yml"
    mapping.write_text("""
source: /shop
format: csv
type: survey.answered
id: id
subject: who
time: {path: when, format: "%Y-%m-%d", zone: UTC}
data:
  nps: {path: score, as: integer}
""")
    told = told_by([rules(tmp_path, "rules")], [rows], Settings(), source=mapping)
    assert (told.events, told.rejected, len(told.fired)) == (2, 1, 1)


def test_what_a_customer_wrote_does_not_steer_the_terminal(tmp_path: Path) -> None:
    lines = [event(0, "survey.answered", "\x1b[2Janna", nps=1)]
    (tmp_path / "events.jsonl").write_text("\n".join(lines))
    old, new = rules(tmp_path, "old", limit=0), rules(tmp_path, "new")
    arguments = ["backtest", str(tmp_path / "events.jsonl"), "--against", str(old), "--rules", str(new)]
    said = CliRunner().invoke(app, arguments).stdout
    assert "\\x1b[2Janna: nps is 1" in said
    assert "\x1b[2J" not in said


def fired(alert_id: str, at: int, rule: str = "r", key: str = "k", shadow: bool = False) -> Fired:
    return Fired(alert_id, rule, key, START + at, "info", "", "because", shadow)


def told(*some: Fired) -> Told:
    return Told({one.alert_id: one for one in some}, events=1, first=START, last=START)


@pytest.mark.parametrize(("old", "new", "moved", "added", "removed"), [
    ([fired("a", 0)], [fired("a", 0)], [], [], []),
    ([fired("a", 0)], [fired("a", HOUR)], [("a", "a")], [], []),
    ([fired("a", 0)], [fired("b", NEAR)], [("a", "b")], [], []),
    ([fired("a", 0)], [fired("b", NEAR + 1)], [], ["b"], ["a"]),
    ([fired("a", 0)], [fired("b", 0, key="other")], [], ["b"], ["a"]),
    ([fired("a", 0)], [fired("b", 0, rule="renamed")], [], ["b"], ["a"]),
    # The nearest of them, and each once.
    ([fired("a", 0), fired("b", 3 * DAY)], [fired("c", 2 * DAY)], [("b", "c")], [], ["a"]),
    ([fired("a", 0)], [fired("c", DAY), fired("d", 2 * DAY)], [("a", "c")], ["d"], []),
], ids=["the same", "later", "near", "far", "of another key", "renamed", "two before", "two after"])  # fmt: skip
def test_an_alert_moved_when_one_of_its_rule_and_key_is_near(
    old: list[Fired], new: list[Fired], moved: list[tuple[str, str]], added: list[str], removed: list[str]
) -> None:
    found = compare(told(*old), told(*new))
    assert [(one.alert_id, other.alert_id) for one, other in found.moved] == moved
    assert [one.alert_id for one in found.added] == added
    assert [one.alert_id for one in found.removed] == removed


def test_rules_on_trial_are_shown_and_break_no_limit() -> None:
    found = compare(told(), told(fired("a", 0, shadow=True), fired("b", HOUR, rule="other")))
    assert (len(found.added), found.acting_added) == (2, 1)
    assert [(one.rule, one.shadow) for one in found.rules] == [("other", False), ("r", True)]
    assert sum(day.new_alerts for day in found.days) == 1


def test_the_page_is_one_file_and_shows_hostile_texts_as_texts(events: Path, tmp_path: Path) -> None:
    old, new = rules(tmp_path, "old", limit=0), rules(tmp_path, "new")
    found = compare(told_by([old], [events], Settings()), told_by([new], [events], Settings()))
    text = page(found, minutes=20, title="Backtest")
    assert "&lt;script&gt;alert(1)" in text
    assert "<script" not in text
    assert "http" not in text
    assert text.count("<polyline") == 4


def test_a_page_of_nothing_says_so() -> None:
    text = page(compare(Told(), Told()), minutes=20, title="Backtest")
    assert "No rule fired." in text
    assert "No follow-up was opened." in text


@pytest.mark.parametrize(("limits", "said"), [
    (["--most-added", "2"], None),
    (["--most-added", "1"], "--most-added: 2 alerts are added, 1 more than 1"),
    (["--most-removed", "0"], None),
    (["--most-follow-ups", "1"], "--most-follow-ups: care would have 1.5 follow-ups a day, 0.5 more than 1"),
], ids=["as many", "more", "none", "of a team"])  # fmt: skip
def test_a_limit_that_is_passed_fails(
    limits: list[str], said: str | None, events: Path, tmp_path: Path
) -> None:
    old, new = rules(tmp_path, "old", limit=4, within="30d"), rules(tmp_path, "new", within="30d")
    arguments = ["backtest", str(events), "--against", str(old), "--rules", str(new), "--json", *limits]
    result = CliRunner().invoke(app, arguments)
    told = json.loads(result.stdout)
    assert (told["added"], told["removed"]) == (2, 0)
    if said is None:
        assert result.exit_code == 0
    else:
        assert isinstance(result.exception, LimitError)
        assert result.exception.exit_code == 4
        assert str(result.exception) == said


@pytest.mark.parametrize(("name", "text", "said"), [
    ("events.jsonl", "{\n", "every row was rejected; `cxloop replay` says why"),
    ("rows.csv", "id,nps\n1,2\n", "rows.csv is CSV, which needs a mapping (--source)"),
], ids=["events", "CSV"])  # fmt: skip
def test_where_every_row_was_rejected_that_is_said(name: str, text: str, said: str, tmp_path: Path) -> None:
    (tmp_path / name).write_text(text)
    old = str(rules(tmp_path, "old"))
    result = CliRunner().invoke(app, ["backtest", str(tmp_path / name), "--against", old, "--rules", old])
    assert isinstance(result.exception, FileError)
    assert str(result.exception).endswith(said)


@pytest.mark.parametrize(("arguments", "said"), [
    ([], "--against is missing"),
    (["--against", "x"], "name either files of events, or --from"),
    (["--against", "x", "--from", "soon"], '"soon" is no time'),
], ids=["nothing", "no events", "no time"])  # fmt: skip
def test_what_is_missing_is_said(arguments: list[str], said: str) -> None:
    result = CliRunner().invoke(app, ["backtest", *arguments])
    assert isinstance(result.exception, UsageError)
    assert said in str(result.exception)
