"""What alerts and follow-ups say: sentences with places for values, in the language of those who read them."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from pipeline.effects import ALERTS, FOLLOW_UPS, TOUCHPOINTS
from pipeline.errors import UsageError
from pipeline.replay import Run, lines_of
from pipeline.rules.compiled import RuleSet
from pipeline.rules.load import load
from pipeline.rules.texts import LONGEST_VALUE, Template, parse, shown
from pipeline.settings import SHIPPED
from pipeline.settings import load as settings
from tests.hearts import CUSTOMER, REVIEW, feed, from_snapshot, log, parts, shard

EVENT = """
rules:
  - id: unhappy
    summary: {en: "{customer} is unhappy at {touchpoint}", nl: "{customer} is ontevreden bij {touchpoint}"}
    message: "{{{nps}}} of 10, {attributes.store|no store}: {comment}. {why}. {key}"
    when: {event: survey.answered, nps: "<= 6"}
    alert: info
    follow_up: {team: care, due: 1h, escalate: [{after: 30m, to: lead}]}
"""


def rules(folder: Path, text: str, language: str = "en") -> RuleSet:
    file = folder / "rules.yml"
    file.write_text(text)
    return load([file], language)


def event(kind: str, time: str, data: dict[str, Any], subject: str | None = "anna", name: str = "") -> str:
    whole = {"specversion": "1.0", "id": name or time, "source": "/t", "type": f"cx.{kind}", "time": time}
    return json.dumps({**whole, **({"subject": subject} if subject else {}), "data": data})


def said(outputs: list[tuple[str, bytes | None, bytes]], topic: str = ALERTS) -> list[dict[str, Any]]:
    return [json.loads(value) for to, _, value in outputs if to == topic]


LATER = event("touchpoint.visited", "2025-03-05T12:00:00Z", {"touchpoint": "home"}, "bert")


def test_a_sentence_has_the_values_of_its_event(tmp_path: Path) -> None:
    survey = event(
        "survey.answered", "2025-03-03T10:00:00Z", {"nps": 3, "touchpoint": "till", "comment": "Too slow"}
    )
    outputs = feed(shard(rules(tmp_path, EVENT)), log([survey, LATER])).outputs
    fired, escalated = said(outputs)
    assert fired["data"]["title"] == escalated["data"]["title"] == "anna is unhappy at till"
    message = "{3} of 10, no store: Too slow. nps is 3 (at most 6). anna"
    assert fired["data"]["message"] == message
    opened, *_ = said(outputs, FOLLOW_UPS)
    assert opened["data"]["messages"] == [message]
    assert opened["data"]["reasons"] == ["anna is unhappy at till: nps is 3 (at most 6)"]


PLAIN = """
rules:
  - id: broken
    summary: We broke a promise.
    when: {event: promise.broken}
    alert: info
    follow_up: {team: care, due: 1h}
  - id: back
    summary: It came back.
    when: {event: order.returned}
    alert: info
    follow_up: {team: care, due: 1h}
"""


def test_a_reason_is_the_title_alone_where_any_event_of_the_type_will_do(tmp_path: Path) -> None:
    broken = event("promise.broken", "2025-03-03T10:00:00Z", {"promise_id": "p"})
    returned = event("order.returned", "2025-03-03T11:00:00Z", {"order_id": "o"})
    outputs = feed(shard(rules(tmp_path, PLAIN)), log([broken, returned])).outputs
    *_, updated = said(outputs, FOLLOW_UPS)
    assert updated["data"]["reasons"] == ["We broke a promise.", "It came back."]


def test_it_is_said_in_the_language_that_is_set_or_in_the_one_that_there_is(tmp_path: Path) -> None:
    survey = event("survey.answered", "2025-03-03T10:00:00Z", {"nps": 3})
    (fired,) = said(feed(shard(rules(tmp_path, EVENT, "nl")), log([survey])).outputs)
    assert fired["data"]["title"] == "anna is ontevreden bij onbekend"
    assert fired["data"]["message"].startswith("{3} of 10, no store: onbekend.")
    only = EVENT.replace('en: "{customer} is unhappy at {touchpoint}", ', "")
    (fired,) = said(feed(shard(rules(tmp_path, only, "en")), log([survey])).outputs)
    assert fired["data"]["title"] == "anna is ontevreden bij onbekend"


def test_what_is_said_in_another_language_is_another_rule_set(tmp_path: Path) -> None:
    assert rules(tmp_path, EVENT).version != rules(tmp_path, EVENT, "nl").version
    plain = "rules: [{id: a, summary: A., when: {event: contact.opened}, alert: info}]"
    assert rules(tmp_path, plain).version == rules(tmp_path, plain, "nl").version


@pytest.mark.parametrize(
    ("value", "line"),
    [
        ("one\ntwo\r\n\tthree", "one two three"),
        ("\x1b[31mred\x07 \u202egnirts\u202c \u200b.", "[31mred gnirts ."),
        ("{customer} {{nps}} %s ${x}", "{customer} {{nps}} %s ${x}"),
        ("x" * 1000, "x" * (LONGEST_VALUE - 1) + "…"),
        (4.0, "4"),
        (2.5, "2.5"),
        (True, "true"),
        (None, ""),
    ],
)
def test_a_value_is_text_on_one_line_whatever_a_customer_writes(value: object, line: str) -> None:
    assert shown(value) == line


def test_a_value_is_never_looked_at_again(tmp_path: Path) -> None:
    data = {"nps": 3, "touchpoint": "{customer}", "comment": "{why} {nps}"}
    (fired,) = said(
        feed(
            shard(rules(tmp_path, EVENT)), log([event("survey.answered", "2025-03-03T10:00:00Z", data)])
        ).outputs
    )
    assert fired["data"]["title"] == "anna is unhappy at {customer}"
    assert "{why} {nps}" in fired["data"]["message"]


def test_a_title_has_an_end(tmp_path: Path) -> None:
    text = "{touchpoint}" * 20
    template = Template(tuple(parse(text)[0]), "en", 300)
    assert len(template.fill({"touchpoint": "t" * 200})) == 300


ABSENCE = """
rules:
  - id: unanswered
    summary: "{rating} stars for {title|a review without a title}"
    message: "On {platform}: {why}"
    when: {event: review.posted, rating: "<= 2"}
    unless: {event: review.responded, same: review_id, within: 24h}
    alert: critical
    follow_up: {team: reputation, due: 4h, escalate: [{after: 1h, to: lead}]}
"""


def test_an_absence_says_what_its_event_was_also_after_a_restart_and_on_the_shard_of_the_customer(
    tmp_path: Path,
) -> None:
    loaded = rules(tmp_path, ABSENCE)
    review = event("review.posted", "2025-03-03T10:00:00Z",
                   {"review_id": "r-1", "rating": 1.0, "title": "Never again", "platform": "maps"})  # fmt: skip
    answer = event("review.responded", "2025-03-05T14:00:00Z", {"review_id": "r-1"})
    passing = event("review.responded", "2025-03-05T12:00:00Z", {"review_id": "r-9"}, None)
    fed = feed(
        shard(loaded, REVIEW),
        log([review, passing, answer]),
        [1, 2],
        restore=from_snapshot(lambda: shard(loaded, REVIEW)),
    )
    fired, resolved = said(fed.outputs)
    assert fired["data"]["title"] == resolved["data"]["title"] == "1 stars for Never again"
    message = fired["data"]["message"]
    assert message.startswith(
        "On maps: no review.responded within 24h, by 2025-03-04T10:00:00Z; rating is 1.0"
    )
    handed = [value for topic, _, value in fed.outputs if topic == TOUCHPOINTS]
    late = event("touchpoint.visited", "2025-03-09T12:00:00Z", {"touchpoint": "home"}, "bert")
    outputs = feed(shard(loaded, CUSTOMER), log([*handed, LATER, late])).outputs
    opened, *_ = said(outputs, FOLLOW_UPS)
    assert opened["data"]["messages"] == [message]
    assert [one["data"]["title"] for one in said(outputs)] == ["1 stars for Never again"]


SERIES = """
rules:
  - id: low
    summary: "People at {touchpoint} are unhappy ({key})"
    message: "{why}"
    when: {metric: nps, by: [touchpoint], over: 1h, is: "< 0"}
    alert: info
  - id: many
    summary: "{reason} is what many ask"
    when: {number: {event: contact.opened}, by: [reason], over: 1h, is: ">= 2"}
    alert: info
  - id: again
    summary: "Case {contact_id} again"
    when: {event: contact.reopened, count: {at_least: 2, within: 1d, same: contact_id}}
    alert: info
"""


def test_series_and_counts_say_what_they_are_told_apart_by(tmp_path: Path) -> None:
    run = Run(parts(rules(tmp_path, SERIES)), 1)
    lines = [
        event("survey.answered", "2025-03-03T10:00:00Z", {"nps": 3, "touchpoint": "till"}),
        event("contact.opened", "2025-03-03T10:01:00Z", {"contact_id": "k-1", "reason": "a\nrecall"}),
        event("contact.opened", "2025-03-03T10:02:00Z", {"contact_id": "k-2", "reason": "a\nrecall"}, "bert"),
        event("contact.reopened", "2025-03-03T10:03:00Z", {"contact_id": "k-1"}),
        event("contact.reopened", "2025-03-03T10:04:00Z", {"contact_id": "k-1"}),
        LATER,
    ]
    file = tmp_path / "events.jsonl"
    file.write_text("\n".join(lines))
    run.take(list(lines_of([file], None)))
    titles = {
        (one["data"]["rule"], one["type"].rpartition(".")[2]): one["data"] for one in run.since(ALERTS, 0)
    }
    assert titles["low", "fired"]["title"] == "People at till are unhappy (nps{touchpoint=till})"
    assert titles["low", "resolved"]["title"] == titles["low", "fired"]["title"]
    assert titles["low", "fired"]["message"].startswith("nps{touchpoint=till} is -100 over 1h (below 0)")
    assert titles["many", "fired"]["title"] == "a recall is what many ask"
    assert titles["again", "fired"]["title"] == "Case k-1 again"


@pytest.mark.parametrize("language", ["en", "nl"])
def test_the_shipped_rules_are_written_in_both_languages(language: str) -> None:
    found = {rule.id: rule for rule in load([SHIPPED / "rules"], language).rules}
    other = {rule.id: rule for rule in load([SHIPPED / "rules"], "en" if language == "nl" else "nl").rules}
    for rule_id, rule in found.items():
        assert rule.texts.title.language == language
        assert rule.summary != other[rule_id].summary
        assert rule.texts.fields == other[rule_id].texts.fields, rule_id


def test_the_language_is_a_setting(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CXLOOP_LANGUAGE", "nl")
    assert settings().language == "nl"
    monkeypatch.setenv("CXLOOP_LANGUAGE", "de")
    with pytest.raises(UsageError, match=r"CXLOOP_LANGUAGE: 'de' is not right; write en or nl"):
        settings()
