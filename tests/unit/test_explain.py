"""Why a rule fired, or did not: word for word, for every kind of rule.

The events are those of the golden cases; `CXLOOP_WRITE_GOLDEN=1` writes the texts anew, and a person reads the diff.
"""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest
from typer.testing import CliRunner

from pipeline.authoring.explain import explain
from pipeline.cli.commands import app
from pipeline.cli.explain import text
from pipeline.errors import UsageError
from pipeline.settings import Settings
from tests.golden_runner import GOLDEN

TEXTS = Path(__file__).parents[1] / "explained"
CASES = [
    ("a-promoter-who-becomes-a-detractor", "promoter-lost", "cust-1"),
    ("a-promoter-who-becomes-a-detractor", "promoter-lost", "cust-2"),
    ("a-second-match-within-the-cooldown-is-held", "low-score", "cust-1"),
    ("a-review-that-is-answered-too-late-fires-and-resolves", "bad-review-unanswered", "cust-1"),
    ("a-clock-stands-still-while-we-wait-for-the-customer", "not-solved", "cust-2"),
    ("a-count-looks-at-one-contact-where-the-rule-says-same", "comes-back", "cust-1"),
    ("a-sequence-fires-at-the-last-of-its-events", "asked-answered-asked-again", "cust-3"),
    ("one-of-several-ways-to-match", "unhappy", "cust-2"),
    ("the-first-override-that-fits-has-the-event", "unhappy", "cust-1"),
    ("a-metric-fires-when-its-condition-held-for-six-hours", "nps-low", "total"),
    ("a-number-of-events-fires-in-the-pane-in-which-it-is-too-much", "many-complaints", "touchpoint=home"),
    ("a-number-spikes-against-the-same-hours-of-earlier-weeks", "contacts-spike", "channel=phone"),
    ("a-share-rises-when-it-is-no-accident", "failures-rise", "total"),
    ("a-value-that-nobody-had-is-new", "new-reason", "reason=recall"),
    ("a-pending-rule-stays-pending-at-the-end-of-the-file", "bad-review-unanswered", "cust-1"),
    ("an-answer-may-arrive-before-its-review", "bad-review-unanswered", "cust-1"),
    ("a-promoter-with-three-purchases", "thank-a-promoter", "cust-2"),
    ("the-same-source-and-id-is-one-event", "low-score", "cust-1"),
]


@pytest.mark.parametrize(("case", "rule", "subject"), CASES, ids=str)
def test_an_explanation_reads_as_a_person_would_say_it(case: str, rule: str, subject: str) -> None:
    folder = GOLDEN / case
    found = text(explain(rule, subject, [folder / "events.jsonl"], Settings(), [folder / "rules.yml"])) + "\n"
    file = TEXTS / f"{case}-{subject}.txt"
    if os.environ.get("CXLOOP_WRITE_GOLDEN"):
        file.parent.mkdir(exist_ok=True)
        file.write_text(found)
    assert found == file.read_text()


@pytest.mark.parametrize(("rule", "subject", "said"), [
    ("low-scores", "cust-1", 'there is no rule "low-scores"; did you mean "low-score"?'),
    ("nps-low", "checkout", 'write "total"'),
], ids=["no such rule", "no such series"])  # fmt: skip
def test_what_cannot_be_explained_is_said(rule: str, subject: str, said: str) -> None:
    case = "the-same-source-and-id-is-one-event" if rule == "low-scores" else CASES[9][0]
    folder = GOLDEN / case
    arguments = ["explain", rule, subject, str(folder / "events.jsonl"), "--rules", str(folder / "rules.yml")]
    result = CliRunner().invoke(app, arguments)
    assert isinstance(result.exception, UsageError)
    assert said in str(result.exception)


RULE_WITH_IF = """
rules:
  - id: waits
    summary: Somebody unhappy waits for a reply.
    {off}when: {{event: contact.opened}}
    if: {{last: survey.answered, nps: "<= 6", within: 30d}}
    unless: {{event: contact.replied, same: contact_id, within: 4h}}
    alert: warning
"""


def test_where_something_was_not_known_nothing_is_said_of_answers(tmp_path: Path) -> None:
    rules, events = tmp_path / "rules.yml", tmp_path / "events.jsonl"
    rules.write_text(RULE_WITH_IF.format(off=""))
    event = {
        "specversion": "1.0",
        "id": "k",
        "source": "/s",
        "type": "cx.contact.opened",
        "time": "2026-01-05T09:00:00Z",
    }
    events.write_text(json.dumps({**event, "subject": "anna", "data": {"contact_id": "k"}}))
    said = text(explain("waits", "anna", [events], Settings(), [rules]))
    assert "✗ no survey.answered in the 30d before" in said
    assert "nothing waits" not in said


def test_a_rule_that_is_switched_off_is_told_as_such(tmp_path: Path) -> None:
    (tmp_path / "rules.yml").write_text(RULE_WITH_IF.format(off="enabled: false\n    "))
    with pytest.raises(UsageError, match=r'the rule "waits" is switched off \(enabled: false\)'):
        explain("waits", "anna", [], Settings(), [tmp_path / "rules.yml"])


def test_of_somebody_who_is_not_there_the_nearest_is_named() -> None:
    folder = GOLDEN / "the-same-source-and-id-is-one-event"
    found = explain("low-score", "cust-11", [folder / "events.jsonl"], Settings(), [folder / "rules.yml"])
    assert found.verdict.startswith('It did not fire: no event is about "cust-11"; did you mean "cust-')


def test_of_whom_nothing_is_known_it_is_said_how_many_records_were_rejected(tmp_path: Path) -> None:
    case = GOLDEN / "the-same-source-and-id-is-one-event"
    story = tmp_path / "events.jsonl"
    story.write_text((case / "events.jsonl").read_text() + '{\n{"subject": "anna"}\n')
    found = explain("low-score", "anna", [story], Settings(), [case / "rules.yml"])
    assert found.verdict == (
        'It did not fire: no event is about "anna". 2 records were rejected; `cxloop replay` says why.'
    )


@pytest.mark.parametrize(
    ("rule", "subject", "said"),
    [
        ("opened", "anna", "It did not fire: its only event is not of a kind that it looks at."),
        ("opened", "zoë", "1 record was rejected; `cxloop replay` says why."),
        ("one-is-enough", "total", "-100 over 24h (below 0), from 1 sample;"),
        ("two-are-asked", "total", "1 was the most."),
    ],
)
def test_one_of_a_thing_is_told_in_the_singular(rule: str, subject: str, said: str, tmp_path: Path) -> None:
    rules, events = tmp_path / "rules.yml", tmp_path / "events.jsonl"
    rules.write_text("""\
rules:
  - {id: opened, summary: A case., when: {event: contact.opened}, alert: info}
  - {id: one-is-enough, summary: Low., when: {metric: nps, over: 24h, is: "< 0", samples: ">= 1"}, for: 7d, alert: info}
  - {id: two-are-asked, summary: Low., when: {metric: nps, over: 24h, is: "< 0", samples: ">= 2"}, alert: info}
""")
    answer = {"specversion": "1.0", "source": "/s", "type": "cx.survey.answered", "subject": "anna"}
    visit = {**answer, "type": "cx.touchpoint.visited", "subject": "ben"}
    lines = [
        {**answer, "id": "a", "time": "2026-01-03T09:00:00Z", "data": {"nps": 3}},
        {**visit, "id": "b", "time": "2026-01-03T12:00:00Z", "data": {"touchpoint": "home"}},
    ]
    events.write_text("".join(json.dumps(line) + "\n" for line in lines) + "{\n")
    assert said in explain(rule, subject, [events], Settings(), [rules]).verdict


def test_who_is_written_in_another_way_is_found_and_what_was_refused_is_said(tmp_path: Path) -> None:
    whole = {"specversion": "1.0", "source": "/t", "time": "2025-03-03T10:00:00Z", "subject": "Zoë/1"}
    escaped = json.dumps({**whole, "id": "a", "type": "cx.survey.answered", "data": {"nps": 7}})
    slashed = escaped.replace("/1", "\\/1").replace('"a"', '"b"').replace('"nps": 7', '"nps": 6')
    wrong = json.dumps(
        {**whole, "id": "c", "type": "cx.survey.answered", "subject": "x", "data": {"nps": 11}}
    )
    ahead = escaped.replace('"a"', '"d"').replace("2025", "2999")
    (tmp_path / "events.jsonl").write_text("\n".join((escaped, wrong, slashed, ahead)))
    rules = GOLDEN / "the-same-source-and-id-is-one-event" / "rules.yml"
    found = explain("low-score", "Zoë/1", [tmp_path / "events.jsonl"], Settings(), [rules])
    assert [step.text.split(",")[0] for step in found.steps][:3] == [
        "survey.answered a", "survey.answered b", "→ fired",
    ]  # fmt: skip
    assert "survey.answered d was refused: the event says 2999-" in found.steps[3].text
    assert found.steps[0].details == ("✗ nps is 7 (at most 6 is asked for: missed by 1)",)
