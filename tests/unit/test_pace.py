"""Answers that stop coming altogether: what waits for them is held, one alert says so, and it catches up later."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from pipeline.board import Board
from pipeline.replay import FileRecord
from pipeline.rules.compiled import RuleSet
from pipeline.shard import Shard
from tests.hearts import Fed, board, from_changelog, from_snapshot, log, reopened, rule_set, shard

RULES = rule_set("""
  - id: no-reply
    summary: A customer waits for an answer.
    when: {event: contact.opened}
    unless: {event: contact.replied, same: contact_id, within: 8h}
    alert: warning
    follow_up: {team: service, due: 4h}
  - id: replies-stop
    summary: No replies come any more.
    when: {silent: contact.replied}
    alert: critical
    follow_up: {team: platform, due: 1h}
""")
MONDAY = datetime(2026, 3, 2, tzinfo=UTC)
DAYS = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")
QUIET = timedelta(minutes=10)


def event(kind: str, at: datetime, name: str, subject: str = "visitor", **data: str) -> bytes:
    whole = {
        "specversion": "1.0",
        "id": name,
        "source": "/test",
        "type": f"cx.{kind}",
        "time": at.isoformat(),
    }
    return json.dumps({**whole, **({"subject": subject} if subject else {}), "data": data}).encode()


def at(week: int, text: str) -> datetime:
    """A moment such as "Wed 10:00" of a week, counted from 0."""
    day, time = text.split()
    hour, minute = map(int, time.split(":"))
    return MONDAY + timedelta(weeks=week, days=DAYS.index(day), hours=hour, minutes=minute)


@dataclass
class Story:
    """Visits all the time, and three replies an hour from 8 to 18 on working days, but for some outages.

    outages: (from, until). late: replies of an outage come at its end, with their old times.
    grows: before it, there are but two replies a day. more: (arrival, event).
    """

    weeks: int = 4
    outages: Sequence[tuple[datetime, datetime]] = ()
    late: bool = False
    grows: datetime = MONDAY
    more: list[tuple[datetime, bytes]] = field(default_factory=list)

    def records(self) -> list[FileRecord]:
        found = [*self._visits(), *self._replies(), *self.more]
        end = MONDAY + timedelta(weeks=self.weeks)
        values = (value for _, value in sorted(found, key=lambda one: one[0]))
        return log(values, int(end.timestamp() * 1000))

    def _visits(self) -> Iterator[tuple[datetime, bytes]]:
        for n in range(self.weeks * 7 * 24 * 6):
            moment = MONDAY + n * QUIET
            yield moment, event("touchpoint.visited", moment, f"v{n}", touchpoint="home")

    def _replies(self) -> Iterator[tuple[datetime, bytes]]:
        for n in range(self.weeks * 7 * 24 * 3):
            moment = MONDAY + n * timedelta(minutes=20) + timedelta(seconds=7)
            if moment.weekday() > 4 or not 8 <= moment.hour < 18:
                continue
            if moment < self.grows and (moment.hour, moment.minute) not in ((10, 0), (15, 0)):
                continue
            reply = event("contact.replied", moment, f"r{n}", f"c{n}", contact_id=f"k{n}", by="agent")
            over = [until for since, until in self.outages if since <= moment < until]
            if not over:
                yield moment, reply
            elif self.late:
                yield over[0], reply


def told(
    records: Sequence[FileRecord], how: Any = None, batch: int = 500, rules: RuleSet = RULES
) -> tuple[list[dict[str, Any]], Fed, Board]:
    """The alerts in short, what left the shard, and the board behind it."""
    one: Any = shard(rules)
    fed, metrics = Fed(), []
    for first in range(0, len(records), batch):
        effects = one.apply(records[first : first + batch])
        fed.take(effects.outputs)
        fed.changelog += effects.changelog
        if how is not None:
            one = how(lambda: shard(rules))(one, fed)
    metrics = log(fed.metrics)
    of_board = board(rules)
    said = Fed()
    for first in range(0, len(metrics), 7):
        effects = of_board.apply(metrics[first : first + 7])
        said.take(effects.outputs)
        said.changelog += effects.changelog
        if how is not None:
            reopened_board = how(lambda: board(rules))(of_board, said)
            assert isinstance(reopened_board, Board)
            of_board = reopened_board
    alerts = []
    for topic, _, value in (*fed.outputs, *said.outputs):
        if topic == "alerts":
            data = (whole := json.loads(value))["data"]
            alerts.append({
                "what": f"{data['rule']} {whole['type'].rpartition('.')[2]}", "key": data["key"],
                "at": datetime.fromisoformat(whole["time"]), "why": data["reasons"][0]["text"],
            })  # fmt: skip
    return alerts, Fed(outputs=[*fed.outputs, *said.outputs], counts=fed.counts), of_board


def opened(moment: datetime, name: str) -> tuple[datetime, bytes]:
    return moment, event("contact.opened", moment, f"o-{name}", name, contact_id=f"k-{name}")


def test_nights_and_weekends_are_no_silence() -> None:
    alerts, fed, _ = told(Story().records())
    assert alerts == []
    assert fed.counted.get(("level", "sources_silent", "contact.replied")) is None


def test_in_the_first_week_nobody_knows_what_is_usual() -> None:
    begin, end = at(0, "Wed 10:00"), at(0, "Thu 12:00")
    alerts, *_ = told(Story(2, [(begin, end)], more=[opened(at(0, "Wed 9:00"), "anna")]).records())
    assert [one["what"] for one in alerts] == ["no-reply fired"]


@pytest.mark.parametrize("how", [None, from_snapshot, from_changelog])
def test_what_waits_is_held_while_no_answers_come(how: Any) -> None:
    begin, end = at(2, "Wed 10:00"), at(2, "Thu 12:00")
    more = [opened(at(2, "Wed 9:00"), name) for name in ("anna", "ben")]
    late_reply = event("contact.replied", at(2, "Wed 11:00"), "late", "anna", contact_id="k-anna", by="agent")
    alerts, fed, of_board = told(
        Story(4, [(begin, end)], late=True, more=[*more, (end, late_reply)]).records(), how
    )
    # Five hours of three replies each: by then 15 are usual.
    noticed = at(2, "Wed 14:40") + timedelta(seconds=7)
    assert [(one["what"], one["key"], one["at"]) for one in alerts] == [
        ("no-reply fired", "ben", at(2, "Wed 17:00")),
        ("replies-stop fired", "contact.replied", pytest.approx(noticed, abs=timedelta(minutes=21))),
        ("replies-stop resolved", "contact.replied", pytest.approx(end, abs=timedelta(days=2))),
    ]
    assert "not known before 2026-03-19T12:" in alerts[0]["why"]
    assert "no contact.replied has come since 2026-03-18T09:40:07Z, and 15 are usual" in alerts[1]["why"]
    (task,) = [
        json.loads(value)["data"] for _, _, value in fed.outputs
        if b"cx.followup.opened" in value and b'"service"' in value
    ]  # fmt: skip
    # Four hours from when it was known.
    assert at(2, "Thu 16:00") <= datetime.fromisoformat(task["due"]) <= at(2, "Thu 16:30")
    assert {name: n for name, n in of_board.levels().items() if n and not name[0].startswith(("rule_", "contacts_"))} == {
        ("episodes_open", "no-reply"): 1, ("followups_open", "service"): 1, ("followups_overdue", "service"): 1,
        ("followups_open", "platform"): 1, ("followups_overdue", "platform"): 1,
    }  # fmt: skip


def test_a_silence_does_not_become_what_is_usual() -> None:
    outages = [(at(week, "Mon 8:00"), at(week, "Tue 17:00")) for week in (1, 2, 3)]
    alerts, *_ = told(Story(4, outages).records())
    fired = [one["at"] for one in alerts if one["what"] == "replies-stop fired"]
    assert [moment.strftime("%a") for moment in fired] == ["Mon"] * 3
    assert max(moment.hour for moment in fired) <= 13


def test_a_type_that_comes_seldom_is_never_silent() -> None:
    seldom = [
        (at(week, f"{day} 12:00"), event("contact.replied", at(week, f"{day} 12:00"), f"s{week}{day}", "c", contact_id="k"))
        for week in range(3) for day in ("Mon", "Thu")
    ]  # fmt: skip
    records = Story(6, [(MONDAY, MONDAY + timedelta(weeks=6))], more=seldom).records()
    alerts, *_ = told(records)
    assert alerts == []


def test_what_a_rule_that_is_gone_held_is_held_no_longer() -> None:
    begin = at(2, "Wed 10:00")
    records = Story(3, [(begin, at(3, "Mon 0:00"))], more=[opened(at(2, "Wed 9:00"), "anna")]).records()
    old, new = shard(RULES), shard(rule_set(" []"))
    fed = Fed()
    fed.take(old.apply(records[: len(records) * 20 // 21]).outputs)
    held = {("level", "absences_held", "no-reply"): 1, ("level", "sources_silent", "contact.replied"): 1}
    assert held.items() <= fed.counted.items()
    assert isinstance(new, Shard)
    reopened(new, old.snapshot(), fed)
    fed.take(new.apply(records[len(records) * 20 // 21 :]).outputs)
    assert not held.keys() & fed.counted.keys()


@pytest.mark.parametrize("batch", [10**6, 500])
def test_what_is_said_of_a_silence_does_not_depend_on_batches(batch: int) -> None:
    """The task of the first silence is overdue before the second one is told."""
    outages = [(at(2, "Tue 10:00"), at(2, "Wed 9:00")), (at(2, "Thu 10:00"), at(2, "Fri 9:00"))]
    records = Story(3, outages).records()
    _, expected, _ = told(records, batch=1)
    _, fed, _ = told(records, batch=batch)
    tasks = [[value for topic, _, value in one.outputs if topic == "followups"] for one in (expected, fed)]
    assert len(tasks[0]) > 2
    assert tasks[0] == tasks[1]


def test_a_feed_that_has_become_busy_is_found_silent_within_a_day() -> None:
    """While there were two replies a day, ten days without any were no silence."""
    grows, stops = at(1, "Mon 8:00"), at(2, "Mon 8:00")
    alerts, *_ = told(Story(3, [(stops, at(3, "Mon 0:00"))], grows=grows).records())
    fired = [one["at"] for one in alerts if one["what"] == "replies-stop fired"]
    assert [moment - stops < timedelta(days=1) for moment in fired] == [True]


BOTH_ROLES = rule_set("""
  - id: reviewer-unanswered
    summary: A customer wrote a review and hears nothing.
    when: {event: review.posted}
    unless: {event: review.responded, same: review_id, within: 8h}
    once: {per: customer}
    alert: info
  - id: responses-stop
    summary: Nobody responds to reviews any more.
    when: {silent: review.responded}
    alert: critical
""")


def test_a_shard_with_both_roles_is_silent_until_an_event_has_come_to_both() -> None:
    """Customers have no part in what is said about a review of nobody that is known."""
    begin, of_nobody, of_anna = at(1, "Wed 10:00"), at(1, "Thu 10:00"), at(1, "Thu 11:00")
    records = [*Story(2)._visits()]
    for n in range(2 * 7 * 24 * 6):
        moment = MONDAY + n * QUIET + timedelta(seconds=5)
        if moment < begin or moment >= (of_anna if n % 2 else of_nobody):
            subject = "anna" if n % 2 else ""
            records.append((moment, event("review.responded", moment, f"p{n}", subject, review_id=f"r{n}")))
    values = [value for _, value in sorted(records)]
    alerts, fed, _ = told(log(values, int(at(2, "Mon 0:00").timestamp() * 1000)), rules=BOTH_ROLES)
    assert [one["what"] for one in alerts] == ["responses-stop fired", "responses-stop resolved"]
    assert of_anna <= alerts[-1]["at"] < of_anna + timedelta(minutes=20)
    assert fed.counts["level", "sources_silent", "review.responded"] == 0


PAUSED = rule_set("""
  - id: not-answered
    summary: Nobody answers, not counting the time in which the contact was resolved.
    when: {event: contact.opened}
    unless:
      event: contact.replied
      same: contact_id
      within: 4h
      pause: {from: {event: contact.resolved}, until: {event: contact.reopened}}
    alert: warning
""")


@pytest.mark.parametrize("answered", [True, False])
def test_what_is_held_leaves_when_its_clock_stood_still_and_the_answer_was_in_time(answered: bool) -> None:
    opens, begin, end = at(1, "Wed 9:00"), at(1, "Tue 14:00"), at(1, "Wed 15:01")
    more = [opened(opens, "anna")]
    for after, kind, when in ((3, "resolved", "10:00"), (4, "reopened", "13:00")):
        moment = at(1, f"Wed {when}")
        more.append(
            (
                end + timedelta(minutes=after),
                event(f"contact.{kind}", moment, kind, "anna", contact_id="k-anna"),
            )
        )
    if answered:
        more.append((end, event("contact.replied", end, "reply", "anna", contact_id="k-anna", by="agent")))
    alerts, fed, _ = told(Story(2, [(begin, end)], more=more).records(), rules=PAUSED)
    # Held from 13:00 on; three hours later it is due, for the clock stood still for three hours.
    assert [one["at"] for one in alerts] == ([] if answered else [at(1, "Wed 16:00")])
    assert all("not known before" not in one["why"] for one in alerts)
    assert fed.counts["level", "absences_held", "not-answered"] == 0
