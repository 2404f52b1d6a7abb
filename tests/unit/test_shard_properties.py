"""What must always hold for a shard: batches, duplicates and interruptions change nothing."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

import pytest
from hypothesis import given, note
from hypothesis import strategies as st

from pipeline.effects import DEAD_LETTERS, FOLLOW_UPS, MAX_OUTPUT_BYTES
from pipeline.replay import FileRecord
from pipeline.rules.compiled import Role
from pipeline.rules.load import load
from tests import generate
from tests.chance import examples
from tests.generate import RULES, Step, tell
from tests.golden_runner import GOLDEN
from tests.hearts import (
    BOTH,
    CUSTOMER,
    REVIEW,
    ZONE,
    Fed,
    customers_log,
    feed,
    from_changelog,
    from_snapshot,
    log,
    of_board,
    rule_set,
    rules_of,
    shard,
)
from tests.oracle.reading import DAY, HOUR, MINUTE, Event, read_line, rfc3339

ROLES = {"both roles": BOTH, "customers": CUSTOMER, "reviews": REVIEW}

every_history = pytest.mark.parametrize(("rules", "roles"), [
    *((name, BOTH) for name in RULES),
    *((name, CUSTOMER) for name in ("reviews", "left-alone-with-a-task", "contacts", "metrics")),
    *((name, REVIEW) for name in ("reviews", "left-alone", "left-alone-with-a-task", "metrics")),
], ids=lambda one: one if isinstance(one, str) else "+".join(sorted(one)))  # fmt: skip

cuts = st.sets(st.integers(1, 24), max_size=8)


def records_of(rules: str, roles: frozenset[Role], story: Sequence[Step]) -> list[FileRecord]:
    """The log of one partition that a story makes."""
    lines = tell(rules, story, ZONE).lines
    found = customers_log(lines, rules_of(rules)) if roles == CUSTOMER else log(lines)
    for record in found:
        note(record.value.decode())
    return found


def same(one: Fed, other: Fed, rules: str) -> None:
    """Outputs equal in order; counts equal when summed; the board says the same to both."""
    assert one.outputs == other.outputs
    assert one.counted == other.counted
    assert of_board(one.metrics, rules_of(rules)) == of_board(other.metrics, rules_of(rules))


@every_history
def test_any_batches_give_the_same_effects(rules: str, roles: frozenset[Role]) -> None:
    @examples(40)
    @given(generate.steps(rules), cuts)
    def agree(story: list[Step], cuts: set[int]) -> None:
        records = records_of(rules, roles, story)
        one_by_one = feed(shard(rules_of(rules), roles), records, range(len(records)))
        same(feed(shard(rules_of(rules), roles), records, cuts), one_by_one, rules)

    agree()


@every_history
def test_duplicates_change_nothing(rules: str, roles: frozenset[Role]) -> None:
    @examples(30)
    @given(
        generate.steps(rules),
        st.lists(st.tuples(st.integers(0, 23), st.integers(0, 23)), min_size=1, max_size=6),
        cuts,
    )
    def agree(story: list[Step], copies: list[tuple[int, int]], cuts: set[int]) -> None:
        records = records_of(rules, roles, story)
        doubled = with_copies(records, copies)
        plain = feed(shard(rules_of(rules), roles), records)
        again = feed(shard(rules_of(rules), roles), doubled, cuts)
        same(again, plain, rules)

    agree()


def with_copies(records: Sequence[FileRecord], copies: Sequence[tuple[int, int]]) -> list[FileRecord]:
    """Records again, some places behind themselves, while the watermark is less than a day further."""
    events = [read_line(record.value.decode()) for record in records]
    latest = [
        max((e.time for e in events[: number + 1] if isinstance(e, Event)), default=0)
        for number in range(len(events))
    ]
    places = [[number] for number in range(len(records))]
    for which, behind in copies:
        place = min(which + behind, len(records) - 1)
        if which < len(records) and isinstance(events[which], Event) and latest[place] - latest[which] < DAY:
            places[place].append(which)
    order = [number for place in places for number in place]
    return [
        FileRecord(n, records[i].timestamp, records[i].value, line=records[i].line)
        for n, i in enumerate(order)
    ]


@every_history
@pytest.mark.parametrize("how", [from_snapshot, from_changelog])
def test_interruptions_change_nothing(rules: str, roles: frozenset[Role], how: Any) -> None:

    @examples(30)
    @given(generate.steps(rules), cuts)
    def agree(story: list[Step], cuts: set[int]) -> None:
        records = records_of(rules, roles, story)

        def make() -> Any:
            return shard(rules_of(rules), roles)

        uninterrupted = feed(make(), records)
        same(feed(make(), records, cuts, restore=how(make)), uninterrupted, rules)

    agree()


@examples(40)
@given(generate.steps("surveys"), cuts)
def test_the_limit_of_remembered_ids_does_not_depend_on_batches(story: list[Step], cuts: set[int]) -> None:
    records = records_of("surveys", BOTH, story)
    records = with_copies(records, [(n, 5) for n in range(len(records))])
    made = [shard(rules_of("surveys"), seen_limit=6) for _ in range(2)]
    same(feed(made[0], records, cuts), feed(made[1], records, range(len(records))), "surveys")
    assert made[0].stats()["seen.ids"] == made[1].stats()["seen.ids"] <= 6


def test_records_at_or_below_the_applied_offset_are_skipped() -> None:
    story = [Step("survey", pick=1), Step("survey", pick=2)]
    records = log(tell("surveys", story, ZONE).lines)
    one = shard(rules_of("surveys"))
    one.apply(records)
    before = one.stats()
    assert one.apply(records).outputs == []
    assert one.apply([]).changelog == []
    assert one.stats() == before
    assert one.applied == 1


# --- what is not right yet ----------------------------------------------------------------------------


def survey(number: int, time: int, **data: Any) -> str:
    return json.dumps({
        "specversion": "1.0", "id": f"s{number}", "source": "/test", "type": "cx.survey.answered", "time": rfc3339(time),
        "subject": f"cust-{number % 50}", "data": data,
    })  # fmt: skip


NPS_LOW = """
  - id: nps-low
    summary: People are unhappy.
    when: {metric: nps, over: 24h, is: "< 0"}
    alert: warning
    follow_up: {team: care, due: 1h}
"""


def test_an_agent_who_is_too_late_is_too_late_in_any_batches() -> None:
    rules, start = rule_set(NPS_LOW), generate.START
    outputs, _, _ = of_board(
        feed(shard(rules), log([survey(1, start, nps=1), survey(2, start + DAY // 8, nps=9)])).metrics, rules
    )
    opened = next(json.loads(value) for topic, _, value in outputs if topic == FOLLOW_UPS)
    data = {"followup_id": opened["data"]["followup_id"], "key": "nps", "agent": "kim"}
    contacted = json.dumps({
        "specversion": "1.0", "id": "c", "source": "/inbox", "type": "cx.followup.contacted",
        "time": rfc3339(start + DAY // 2), "data": data,
    })  # fmt: skip
    story = log(
        [
            survey(1, start, nps=1),
            survey(2, start + DAY // 2, nps=9),
            contacted,
            survey(3, start + DAY, nps=9),
        ]
    )
    one_by_one = feed(shard(rules), story, range(4)).metrics
    at_once = feed(shard(rules), story).metrics
    assert of_board(at_once, rules)[0] == of_board(one_by_one, rules)[0]


def test_the_counts_of_a_batch_of_old_events_fit_into_their_topic() -> None:
    places = [f"touchpoint-{number}" for number in range(20)]
    story = [
        survey(number, generate.START - DAY * 200 + number * DAY // 48, nps=3, csat=2, touchpoint=places[number % 20],
               channel="web", segment="business", stage="loyalty")
        for number in range(5_000)
    ]  # fmt: skip
    effects = shard(rules_of("surveys")).apply(log(story))
    assert max(len(output.value) for output in effects.outputs) <= MAX_OUTPUT_BYTES


def test_a_number_that_is_too_large_for_the_state_does_not_end_the_shard() -> None:
    rules = rule_set("""
  - id: seen-by-many
    summary: Many see it, and nobody says anything.
    when: {event: mention.posted, reach: ">= 1000"}
    unless: {event: observation.noted, within: 1h}
    alert: info
""")
    mention = {
        "specversion": "1.0", "id": "m", "source": "/test", "type": "cx.mention.posted", "time": rfc3339(generate.START),
        "subject": "cust-1", "data": {"reach": 10**20},
    }  # fmt: skip
    shard(rules).apply(log([json.dumps(mention)]))


@pytest.mark.parametrize("kind", ["contact.opened", "alert.fired"])
def test_an_event_that_claims_to_be_forwarded_does_not_end_the_shard(kind: str) -> None:
    rules = rule_set("""
  - id: opened
    summary: A contact.
    when: {event: contact.opened}
    alert: info
    follow_up: {team: care, due: 2d}
""")
    data = {
        "contact_id": "k",
        "alert_id": "a-1",
        "rule": "opened",
        "key": "cust-1",
        "start": "9999-12-31T12:00:00Z",
    }
    event = {
        "specversion": "1.0", "id": "x", "source": "/test", "type": f"cx.{kind}", "time": "9999-12-31T12:00:00Z",
        "subject": "cust-1", "forwardedfrom": "anywhere", "data": data,
    }  # fmt: skip
    effects = shard(rules, CUSTOMER).apply(log([json.dumps(event)]))
    reasons = [
        json.loads(one.value)["data"]["reason"] for one in effects.outputs if one.topic == DEAD_LETTERS
    ]
    assert reasons == ["time.future"]


CHANGED = {
    "absence": """
  - id: changes
    summary: Nobody answers.
    when: {event: contact.opened}
    unless: {event: contact.replied, same: contact_id, within: 1h}
    alert: info
""",
    "count": """
  - id: changes
    summary: Often.
    when: {event: contact.opened, count: {at_least: 2, within: 1h}}
    alert: info
""",
    "event": """
  - id: changes
    summary: Always.
    when: {event: contact.opened}
    alert: info
""",
}


@pytest.mark.parametrize(("before", "after"), [
    ("absence", "count"), ("count", "absence"),
    ("absence", "event"), ("event", "absence"), ("count", "event"),
])  # fmt: skip
def test_a_rule_that_became_one_of_another_kind_goes_on(before: str, after: str) -> None:

    def contact(number: int, time: int) -> str:
        return json.dumps({
            "specversion": "1.0", "id": f"c{number}", "source": "/test", "type": "cx.contact.opened", "time": rfc3339(time),
            "subject": "cust-1", "data": {"contact_id": "k"},
        })  # fmt: skip

    old, new = shard(rule_set(CHANGED[before])), shard(rule_set(CHANGED[after]))
    records = log([contact(1, generate.START), contact(2, generate.START + 10 * DAY)])
    old.apply(records[:1])
    for record in old.snapshot():
        new.restore(record)
    new.opened(waiting=False)
    new.apply(records[1:])


@pytest.mark.parametrize("within", ["30m", "3h"])
def test_an_open_episode_keeps_its_deadline_when_the_rule_gets_another(within: str) -> None:
    opened = json.dumps({
        "specversion": "1.0", "id": "c1", "source": "/test", "type": "cx.contact.opened", "subject": "cust-1",
        "time": rfc3339(generate.START), "data": {"contact_id": "k"},
    })  # fmt: skip
    old = shard(rule_set(CHANGED["absence"]))
    new = shard(rule_set(CHANGED["absence"].replace("within: 1h", f"within: {within}")))
    later = [
        survey(n, generate.START + minutes * 60_000, nps=9) for n, minutes in enumerate((40, 64, 66, 400))
    ]
    records = log([opened, *later])
    old.apply(records[:1])
    for record in old.snapshot():
        new.restore(record)
    new.opened(waiting=False)
    fired = [
        json.loads(value) for _, _, value in feed(new, records[1:]).outputs if b"cx.alert.fired" in value
    ]
    assert [alert["time"] for alert in fired] == [rfc3339(generate.START + 3_600_000)]
    assert "within 1h" in fired[0]["data"]["reasons"][0]["text"]


def test_what_a_hundred_rules_wait_for_is_kept_once() -> None:
    def contact(kind: str, minute: int, **data: str) -> str:
        return json.dumps({
            "specversion": "1.0", "id": kind, "source": "/test", "type": f"cx.contact.{kind}", "subject": "cust-1",
            "time": rfc3339(generate.START + minute * 60_000), "data": {"contact_id": "k", **data},
        })  # fmt: skip

    rules = rule_set("".join(f"""
  - id: no-reply-at-{place}
    summary: Nobody replied.
    when: {{event: contact.opened, location: place-{place}}}
    unless: {{event: contact.replied, same: contact_id, within: {place + 1}h, by: agent}}
    alert: info
""" for place in range(100)))  # fmt: skip
    one = shard(rules)
    before = one.stats()["open.records"]
    # The answer arrives first: what is asked later knows it, if it came in time.
    feed(one, log([contact("replied", 90, by="agent")]))
    assert one.stats()["open.records"] == before + 3  # it, the contact, and how often replies come
    in_time = contact("opened", 0, location="place-1").replace('"opened"', '"in-time"', 1)
    too_late = contact("opened", 0, location="place-0").replace('"opened"', '"too-late"', 1)
    fed = feed(
        one,
        [
            FileRecord(n, generate.NOW, v.encode())
            for n, v in enumerate((in_time, too_late, survey(1, generate.START + DAY, nps=9)), 1)
        ],
    )
    fired = [json.loads(value)["data"]["rule"] for _, _, value in fed.outputs if b"cx.alert.fired" in value]
    assert fired == ["no-reply-at-0"]


def test_the_alerts_of_a_rule_that_was_removed_are_withdrawn() -> None:
    opened = json.dumps({
        "specversion": "1.0", "id": "c1", "source": "/test", "type": "cx.contact.opened", "subject": "cust-1",
        "time": rfc3339(generate.START), "data": {"contact_id": "k"},
    })  # fmt: skip
    old, new = (
        shard(rule_set(CHANGED["absence"])),
        shard(rule_set(CHANGED["event"].replace("changes", "other"))),
    )
    fed = feed(old, log([opened, survey(1, generate.START + DAY, nps=9)]))
    assert fed.counted["level", "episodes_open", "changes"] == 1
    for record in old.snapshot():
        new.restore(record)
    fed.take(new.opened(waiting=False).outputs)
    fed.take(
        new.apply([FileRecord(2, generate.NOW, survey(2, generate.START + 2 * DAY, nps=9).encode())]).outputs
    )
    assert fed.counted.get(("level", "episodes_open", "changes"), 0) == 0


def test_an_alert_that_was_resolved_and_then_retracted_is_counted_down_once() -> None:
    case = GOLDEN / "an-answer-in-time-that-arrives-after-a-late-one-retracts-the-alert"
    lines = (case / "events.jsonl").read_text().splitlines()
    fed = feed(shard(load([case / "rules.yml"])), log(lines))
    assert fed.counts["level", "episodes_open", "bad-review-unanswered"] == 0


def test_a_dead_letter_of_binary_mode_holds_the_event_as_it_came() -> None:
    event = json.loads(survey(1, generate.START, nps=11))
    headers = [(f"ce_{name}", str(value).encode()) for name, value in event.items() if name != "data"]
    record = FileRecord(0, generate.NOW, json.dumps(event["data"]).encode(), headers=headers)
    ((_, _, letter),) = feed(shard(rules_of("surveys")), [record]).outputs
    assert event["id"] in json.dumps(json.loads(letter)["data"])


def test_a_review_that_claims_to_be_forwarded_does_not_vanish() -> None:
    review = json.dumps({
        "specversion": "1.0", "id": "r", "source": "/test", "type": "cx.review.posted", "time": rfc3339(generate.START),
        "subject": "cust-1", "forwardedfrom": "elsewhere", "data": {"review_id": "r-1", "rating": 1},
    })  # fmt: skip
    fed = feed(shard(rules_of("reviews"), REVIEW), log([review]))
    assert fed.outputs or fed.counted


def test_time_goes_on_at_its_pace_however_long_ticks_are_under_way() -> None:
    one, arrived = shard(rules_of("surveys")), generate.START + HOUR
    one.apply(log([survey(1, generate.START, nps=9)], arrived))
    for offset in range(1, 4):
        now = arrived + offset * 10 * MINUTE
        tick = one.tick(now)
        assert tick is not None
        assert json.loads(tick)["time"] == rfc3339(now - HOUR)
        one.apply([FileRecord(offset, now + MINUTE, tick, line=offset)])


def test_sources_are_counted_and_those_behind_the_first_fifty_together() -> None:
    """Whoever sends a source of its own with each event makes no series of its own with each."""
    lines = [
        json.dumps({
            "specversion": "1.0", "id": f"e-{n}", "source": f"/till/{n % 60}", "type": "cx.touchpoint.visited",
            "time": rfc3339(generate.START + n * 1000), "subject": "cust-1", "data": {"touchpoint": "home"},
        })
        for n in range(180)
    ]  # fmt: skip
    one = shard(rules_of("surveys"))
    feed(one, log([*lines, lines[0]]))  # what comes again is not applied
    counted = {name: n for name, n in one.stats().items() if name.startswith("source.")}
    assert counted == {**{f"source./till/{n}": 3 for n in range(50)}, "source.other": 30}
