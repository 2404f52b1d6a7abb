"""Histories for the differential test: few customers, short rules, and time that crosses every edge.

A history is a list of plain steps, so that hypothesis can cut it down; `tell` makes the lines of a file out of
them. What agents do names follow-ups that exist by then: the oracle runs along and knows them.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from functools import cache
from typing import Any

import yaml
from hypothesis import strategies as st

from tests.oracle.reading import DAY, HOUR, MINUTE, SECOND, ms, rfc3339
from tests.oracle.rules import written_out
from tests.oracle.shard import Oracle

START = ms("2025-03-26T14:00:00Z")  # a Wednesday, four days before the clocks go forward in Europe
NOW = ms("2025-12-31T00:00:00Z")

RULES = {
    "surveys": """
  - id: low-score
    summary: A customer would not recommend us.
    when: {event: survey.answered, nps: "<= 6"}
    once: {per: customer, every: 1h}
    alert: warning
    follow_up: {team: care, due: 2h, escalate: [{after: 1h, to: lead}, {after: 4h, to: manager}]}
  - id: very-unhappy
    summary: A customer is very unhappy.
    when: {event: survey.answered, csat: [1, 2], channel: "!= web"}
    alert: critical
    follow_up: {team: care, due: 30m, escalate: [{after: 1d, to: manager}]}
  - id: hard-work
    summary: It took a customer too much effort.
    when: {event: survey.answered, ces: 1}
    once: {per: customer, every: 2d}
    alert: info
    follow_up: {team: product, due: 2d}
""",
    "reviews": """
  - id: bad-review-unanswered
    summary: A bad review without a public answer within a day.
    when: {event: review.posted, rating: "<= 2"}
    unless: {event: review.responded, same: review_id, within: 24h}
    alert: critical
    follow_up: {team: reputation, due: 4h, escalate: [{after: 1d, to: lead}]}
  - id: worst-review
    summary: The worst there is.
    when: {event: review.posted, rating: 1}
    once: {per: review, every: 1d}
    alert: info
  - id: review-of-a-customer
    summary: A customer wrote a bad review.
    when: {event: review.posted, rating: "< 3"}
    once: {per: customer, every: 2d}
    alert: warning
  - id: customer-unhappy-again
    summary: A customer wrote several bad reviews.
    when: {event: review.posted, rating: "< 4", count: {at_least: 2, within: 1d}}
    once: {per: customer}
    alert: info
  - id: customer-unhappy-at-one-place
    summary: A customer wrote several bad reviews of a place.
    when: {event: review.posted, rating: "< 4", count: {at_least: 2, within: 2d, same: touchpoint}}
    once: {per: customer, every: 1h}
    alert: info
  - id: changed-again
    summary: A review changes and changes.
    when: {event: review.posted, count: {at_least: 3, within: 2d}}
    alert: info
""",
    "contacts": """
  - id: call-without-a-person
    summary: No agent within an hour.
    when: {event: contact.opened}
    unless: {event: contact.replied, same: contact_id, within: 1h, by: agent}
    alert: warning
    follow_up: {team: desk, due: 1h}
  - id: comes-back
    summary: Cases are opened again.
    when: {event: contact.reopened, count: {at_least: 2, within: 1h}}
    alert: warning
    follow_up: {team: desk, due: 30m, escalate: [{after: 2h, to: lead}]}
  - id: one-case-comes-back
    summary: One case is opened again and again.
    when: {event: contact.reopened, count: {at_least: 3, within: 3h, same: contact_id}}
    once: {per: customer, every: 10m}
    alert: critical
  - id: each-case-that-comes-back
    summary: A case is opened again.
    when: {event: contact.reopened, count: {at_least: 2, within: 2h, same: contact_id}}
    alert: info
  - id: nobody-replies
    summary: A customer hears nothing at all.
    when: {event: contact.opened}
    unless: {event: contact.replied, same: touchpoint, within: 2h}
    once: {per: customer, every: 3h}
    alert: info
    follow_up: {team: desk, due: 2h}
""",
    "left-alone": """
  - id: customer-left-alone
    summary: A customer's bad review got no answer.
    when: {event: review.posted, rating: "<= 3"}
    unless: {event: review.responded, same: review_id, within: 1h}
    once: {per: customer, every: 1d}
    alert: critical
""",
    "left-alone-with-a-task": """
  - id: customer-left-alone
    summary: A customer's bad review got no answer.
    when: {event: review.posted, rating: "<= 3"}
    unless: {event: review.responded, same: review_id, within: 3h}
    once: {per: customer, every: 1d}
    alert: warning
    follow_up: {team: care, due: 1h}
  - id: customer-never-answered
    summary: A customer wrote a review and got no answer to any.
    when: {event: review.posted, rating: "<= 4"}
    unless: {event: review.responded, within: 3h}
    once: {per: customer}
    alert: info
  - id: low-score
    summary: A customer would not recommend us.
    when: {event: survey.answered, nps: "<= 6"}
    alert: critical
    follow_up: {team: care, due: 2d}
""",
    "business-days": """
  - id: low-score
    summary: A customer would not recommend us.
    when: {event: survey.answered, nps: "<= 6"}
    alert: warning
    follow_up: {team: care, due: 1 business day, escalate: [{after: 2 business days, to: lead}]}
  - id: bad-review-unanswered
    summary: A bad review without an answer.
    when: {event: review.posted, rating: "<= 3"}
    unless: {event: review.responded, same: review_id, within: 3h}
    alert: critical
    follow_up: {team: care, due: 3 business hours}
""",
    "together": """
  - id: low-score
    summary: A customer would not recommend us.
    when: {event: survey.answered, nps: "<= 6"}
    once: {per: customer, every: 2h}
    alert: warning
    follow_up: {team: care, due: 3h, escalate: [{after: 2h, to: lead}]}
  - id: bad-review-unanswered
    summary: A bad review without an answer.
    when: {event: review.posted, rating: "<= 3"}
    unless: {event: review.responded, same: review_id, within: 59m}
    alert: critical
    follow_up: {team: reputation, due: 70m}
  - id: call-without-a-person
    summary: No agent within half an hour.
    when: {event: contact.opened, touchpoint: "!= till-2"}
    unless: {event: contact.replied, same: contact_id, within: 31m, by: [agent, customer]}
    once: {per: customer, every: 1h}
    alert: info
    follow_up: {team: desk, due: 2d, escalate: [{after: 50m, to: lead}, {after: 90m, to: manager}]}
  - id: comes-back
    summary: Cases are opened again.
    when: {event: contact.reopened, count: {at_least: 2, within: 3h}}
    alert: warning
    follow_up: {team: desk, due: 1 business hour}
""",
    "known-of-surveys": """
  - id: promoter-lost
    summary: A promoter became a detractor.
    when: {event: survey.answered, nps: "<= 6"}
    if: {last: survey.answered, nps: ">= 7", within: 2d}
    once: {per: customer, every: 1h}
    alert: critical
    follow_up: {team: care, due: 2h}
  - id: promoter-buys
    summary: A promoter bought twice.
    when: {event: purchase.completed, count: {at_least: 2, within: 1d}}
    if:
      - {last: survey.answered, any: [{nps: ">= 5"}, {csat: "> 2"}], within: 7d}
      - {event: survey.answered, csat: 3, at_most: 0, within: 1d}
    once: {every: 3h}
    alert: info
  - id: unhappy-somehow
    summary: One of many ways to be unhappy, and not for the first time.
    when:
      event: survey.answered
      any: [{nps: "<= 8", channel: web}, {csat: [1, 2, 3]}, {all: [{ces: "<= 5"}, {ces: ">= 2"}]}]
      not: {touchpoint: till-1, channel: "!= web"}
    if: {event: survey.answered, not: {any: [{nps: "> 6"}, {csat: 5}]}, at_least: 2, within: 1d}
    alert: warning
""",
    "known-of-contacts": """
  - id: same-contact-again
    summary: A contact that was answered before is opened again.
    when: {event: contact.opened}
    if: {event: contact.replied, by: "!= bot", same: contact_id, within: 2h}
    alert: info
  - id: reviewer-calls
    summary: Somebody who wrote a bad review calls, and hears nothing.
    when: {event: contact.opened}
    if: {last: review.posted, rating: "<= 3", within: 1d}
    unless: {event: contact.replied, same: contact_id, within: 1h}
    once: {per: customer, every: 2h}
    alert: warning
    follow_up: {team: desk, due: 1h}
  - id: bad-review-and-no-good-one
    summary: Somebody who wrote a bad review and no good one calls twice.
    when: {event: contact.opened, count: {at_least: 2, within: 1d, same: contact_id}}
    if:
      - {event: review.posted, rating: "< 3", within: 2d}
      - {event: review.posted, rating: ">= 3", at_most: 0, within: 2d}
    alert: info
  - id: bad-review-of-a-caller
    summary: Somebody who called wrote a bad review.
    when: {event: review.posted, rating: "<= 3"}
    if: {event: contact.opened, same: touchpoint, at_least: 1, at_most: 2, within: 1d}
    once: {per: customer}
    alert: info
""",
    "pauses": """
  - id: not-solved
    summary: A contact was not solved in two hours, not counting those in which we wait for the customer.
    when: {event: contact.opened}
    unless:
      event: contact.reopened
      same: contact_id
      within: 2h
      pause: {from: {event: contact.replied, by: [agent, bot]}, until: {event: contact.replied, not: {by: [agent, bot]}}}
    alert: warning
    follow_up: {team: desk, due: 1h}
  - id: nobody-comes
    summary: Nobody comes back in a day, and not while they shop.
    when: {event: contact.opened}
    unless: {event: contact.reopened, within: 1d, pause: {from: {event: purchase.completed}, until: {event: survey.answered}}}
    once: {per: customer, every: 2d}
    alert: info
""",
    "sequences": """
  - id: contact-after-contact
    summary: Opened, answered and opened again.
    when:
      sequence: [{event: contact.opened}, {event: contact.replied}, {event: contact.opened}]
      within: 1h
      same: contact_id
    alert: warning
    follow_up: {team: desk, due: 1h}
  - id: down-and-down
    summary: Each answer is worse than the one before.
    when: {sequence: [{event: survey.answered, nps: ">= 6"}, {event: survey.answered, nps: "<= 8"}, {event: survey.answered, nps: "<= 6"}], within: 2d}
    once: {per: customer, every: 30m}
    alert: critical
  - id: review-after-contact
    summary: A bad review after a contact.
    when: {sequence: [{event: contact.opened}, {event: review.posted, rating: "<= 3"}], within: 3h}
    if: {last: survey.answered, nps: "<= 8", within: 7d}
    once: {every: 2h}
    alert: info
  - id: review-then-contact
    summary: A review, and a contact at the same place.
    when: {sequence: [{event: review.posted}, {event: contact.opened}], within: 1d, same: touchpoint}
    alert: info
""",
    "promises": """
  - id: promise-overdue
    summary: A promise was not kept in time.
    when: {event: promise.made}
    unless: {event: promise.kept, same: promise_id, before: due}
    alert: warning
    follow_up: {team: care, due: 2h}
  - id: promise-forgotten
    summary: A promise was not kept in time, or within an hour.
    when: {event: promise.made}
    unless: {event: promise.kept, same: promise_id, before: due, within: 1h}
    once: {per: customer, every: 1d}
    alert: info
""",
    "shared": """
  - id: low-score
    summary: A customer would not recommend us.
    when: {use: low}
    once: {per: customer, every: 2h}
    alert: warning
    follow_up: {use: care, due: 3h}
    overrides:
      - id: low-score-at-till-1
        for: {touchpoint: till-1}
        when: {nps: "<= 8"}
        once: {every: 1h}
      - id: low-score-on-the-web
        for: {channel: web, touchpoint: "!= till-2"}
        alert: critical
        follow_up: {due: 1h}
      - {id: low-score-by-phone, for: {any: [{channel: phone}, {nps: "> 4"}]}, enabled: false}
  - id: nobody-replies
    summary: A customer hears nothing.
    when: {event: contact.opened}
    unless: {event: contact.replied, same: contact_id, within: 1h}
    alert: info
    follow_up: {use: [care, soon]}
    overrides:
      - {id: nobody-replies-at-till-2, for: {touchpoint: till-2}, unless: {within: 3h}, shadow: true}
  - id: nps-low-somewhere
    summary: Customers stopped recommending us.
    when: {metric: nps, by: [touchpoint], over: 24h, is: "< 0"}
    for: 5m
    alert: warning
    overrides:
      - {id: nps-low-at-till-1, for: {touchpoint: till-1}, when: {is: "< 50", samples: ">= 2"}}
define:
  low: {event: survey.answered, nps: "<= 6"}
  care: {team: care, use: soon, escalate: [{after: 4h, to: lead}]}
  soon: {due: 2h}
""",
    "metrics": """
  - id: nps-low
    summary: Customers stopped recommending us.
    when: {metric: nps, over: 24h, is: "< 0", samples: ">= 2"}
    for: 30m
    clear: ">= 50"
    alert: warning
  - id: csat-low-at-a-touchpoint
    summary: A touchpoint disappoints.
    when: {metric: csat, by: [touchpoint], over: 7d, is: "< 3", samples: ">= 1"}
    for: 2h
    alert: critical
  - id: csat-low-somewhere
    summary: A place disappoints.
    when: {metric: csat, by: [touchpoint, channel], over: 24h, is: "<= 3"}
    alert: critical
  - id: reviews-unanswered
    summary: Too few reviews get an answer.
    when: {metric: review_response, over: 24h, is: "< 0.5", samples: ">= 2"}
    for: 5m
    alert: warning
  - id: slow-answers
    summary: People wait too long.
    when: {metric: first_response_mean, over: 24h, is: "> 1000"}
    for: 10m
    clear: "< 500"
    alert: warning
""",
}

RULES["numbers"] = """
  - id: many-contacts
    summary: Many contacts at a place.
    when: {number: {event: contact.opened}, by: [touchpoint], over: 1h, is: ">= 2"}
    alert: warning
    follow_up: {team: desk, due: 1h}
  - id: few-contacts
    summary: Hardly anybody calls.
    when: {number: {event: contact.opened, channel: "!= web"}, over: 3h, is: "< 2"}
    for: 30m
    clear: ">= 3"
    alert: info
  - id: many-bad-reviews
    summary: Several bad reviews.
    when: {number: {event: review.posted, rating: "<= 3"}, over: 24h, is: ">= 2"}
    alert: critical
  - id: bad-reviews-of-a-place
    summary: Most reviews of a place are bad.
    when: {share: {event: review.posted, rating: "<= 3"}, by: [touchpoint], over: 2d, is: "> 0.5", samples: ">= 2"}
    alert: warning
  - id: unhappy-on-the-web
    summary: Many of those who answer on the web are unhappy.
    when: {share: {event: survey.answered, nps: "<= 6"}, of: {channel: web}, over: 24h, is: ">= 0.5"}
    for: 10m
    clear: "< 0.3"
    alert: warning
"""
RULES["new-values"] = """
  - id: new-place
    summary: Contacts at a place that nobody has called from for a week.
    when: {event: contact.opened, first: {of: touchpoint, within: 7d}}
    alert: info
    follow_up: {team: desk, due: 1h, escalate: [{after: 2h, to: lead}]}
  - id: new-channel-of-bad-reviews
    summary: Bad reviews by a channel that was not there for long.
    when: {event: review.posted, rating: "<= 3", first: {of: channel, within: 10d}}
    alert: warning
"""

GAPS = [0, SECOND, 30 * SECOND, MINUTE, 4 * MINUTE, 5 * MINUTE, 5 * MINUTE + 1, 6 * MINUTE, 25 * MINUTE,
        30 * MINUTE, HOUR, HOUR + 5 * MINUTE, 65 * MINUTE + 1, 2 * HOUR, 3 * HOUR, 5 * HOUR, 20 * HOUR]  # fmt: skip
LEAPS = [DAY, DAY + 5 * MINUTE, 2 * DAY, 3 * DAY, 7 * DAY, 8 * DAY, 20 * DAY, 29 * DAY, 31 * DAY]
DELAYS = [1, 30 * SECOND, 4 * MINUTE, 5 * MINUTE, 6 * MINUTE, 30 * MINUTE, HOUR, 3 * HOUR, DAY, 3 * DAY,
          7 * DAY - 5 * MINUTE, 7 * DAY + 5 * MINUTE, 7 * DAY + 5 * MINUTE + 1, 9 * DAY]  # fmt: skip


DUES = [0, -HOUR, MINUTE, HOUR, HOUR + 1, 3 * HOUR, DAY, 10 * DAY, 400 * DAY]
OFFSETS = [0, 1, 10 * MINUTE, 30 * MINUTE, HOUR - 1, HOUR, HOUR + 1, 2 * HOUR, 3 * HOUR, 3 * HOUR + 1, 20 * HOUR,
           DAY, DAY + 1, DAY + 4 * MINUTE, 2 * DAY, -1, -HOUR, -DAY]  # fmt: skip


@dataclass(frozen=True)
class Step:
    """One line to come.

    gap: since the one before; delay: how long it was under way. Or its time is an earlier line's and an offset
    (beside: how many lines back), and it is about the same thing. pick, place: for choices.
    """

    what: str
    who: int = 0
    item: int = 0
    gap: int = MINUTE
    delay: int = 0
    beside: int | None = None
    offset: int = 0
    pick: int = 0
    place: int = 0


WHATS = {
    "surveys": ["survey"] * 5 + ["agent"] * 4 + ["visit", "again", "wrong"],
    "reviews": ["review"] * 5 + ["answer"] * 3 + ["agent", "visit", "again"],
    "contacts": ["opened"] * 2 + ["replied"] * 2 + ["reopened"] * 5 + ["agent", "visit", "again"],
    "left-alone": ["review"] * 5 + ["answer"] * 4 + ["visit", "again"],
    "left-alone-with-a-task": ["review"] * 4 + ["answer"] * 4 + ["survey", "agent", "visit", "again"],
    "business-days": ["survey"] * 3 + ["review"] * 2 + ["answer", "agent", "visit"],
    "together": [
        "survey",
        "review",
        "review",
        "answer",
        "opened",
        "opened",
        "replied",
        "reopened",
        "agent",
        "visit",
    ],
    "known-of-surveys": ["survey"] * 7 + ["bought"] * 4 + ["again"],
    "known-of-contacts": ["opened"] * 4 + ["review"] * 3 + ["replied", "replied", "again"],
    "sequences": ["opened"] * 3 + ["replied", "survey", "survey", "review", "review", "again"],
    "pauses": ["opened"] * 3 + ["replied"] * 5 + ["reopened", "bought", "survey", "visit", "again"],
    "promises": ["promised"] * 4 + ["kept"] * 3 + ["agent", "visit", "again"],
    "shared": ["survey"] * 6 + ["opened"] * 3 + ["replied", "agent", "visit", "again"],
    "numbers": ["opened"] * 4 + ["review"] * 3 + ["survey"] * 3 + ["again"],
    "new-values": ["opened"] * 4 + ["review"] * 3 + ["agent", "again"],
    "metrics": ["survey"] * 5 + ["review"] * 2 + ["answer", "opened", "replied", "visit", "again"],
}


#: They are judged pane by pane: a leap of a month would be 9,000 of them.
PANE_BY_PANE = ("metrics", "shared", "numbers")


def steps(rules: str) -> st.SearchStrategy[list[Step]]:
    leaps = [*LEAPS[:2], 2 * DAY] if rules in PANE_BY_PANE else LEAPS
    gaps = st.sampled_from([*GAPS, *GAPS, *GAPS, *leaps])
    delays = st.sampled_from([*[0] * 3 * len(DELAYS), *DELAYS])
    step = st.builds(
        Step,
        what=st.sampled_from(WHATS[rules]),
        who=st.sampled_from([0, 0, 0, 1, 2]),
        item=st.sampled_from([0, 0, 1]),
        gap=gaps,
        delay=delays,
        beside=st.sampled_from([None, None, 0, 1, 2, 3, 4, 5]),
        offset=st.sampled_from(OFFSETS),
        pick=st.integers(0, 11),
        place=st.integers(0, 2),
    )
    # Lists tend to be near their shortest, and None is what a step is cut down to.
    story = st.lists(st.one_of(st.none(), step, step, step, step), min_size=9, max_size=24)
    return story.map(lambda found: [one for one in found if one is not None])


def ends() -> st.SearchStrategy[int | None]:
    """How long after the last line was sent `--until` is; before it, where it is negative; or None."""
    return st.one_of(st.none(), st.sampled_from([0, HOUR, 2 * DAY, 30 * DAY, -HOUR, -2 * DAY]))


@dataclass
class Teller:
    """Turns steps into lines, with an oracle that runs along."""

    rules: list[dict[str, Any]]
    zone: str
    clock: int = START
    lines: list[str] = field(default_factory=list)
    steps: list[Step] = field(default_factory=list)
    times: list[int] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.oracle = Oracle(self.rules, zone=self.zone)

    def add(self, step: Step) -> None:
        time = self.clock + step.gap - step.delay
        if step.beside is not None and self.lines and step.what not in ("agent", "visit"):
            earlier = -1 - step.beside % len(self.lines)
            time = self.times[earlier] + step.offset
            step = replace(step, who=self.steps[earlier].who, item=self.steps[earlier].item)
            self.clock = max(self.clock, time)
        else:
            self.clock += step.gap
        line = self.line(step, f"e{len(self.lines):02}", time)
        self.lines.append(line)
        self.steps.append(step)
        self.times.append(time)
        self.oracle.feed(line, NOW)

    def line(self, step: Step, name: str, time: int) -> str:
        if step.what == "again":
            return self.again(step)
        kind, subject, data = self.content(step)
        event: dict[str, Any] = {
            "specversion": "1.0",
            "id": name,
            "source": f"/test/{kind}",
            "type": f"cx.{kind}",
        }
        event |= {"time": rfc3339(time)} | ({"subject": subject} if subject else {}) | {"data": data}
        return json.dumps(event, separators=(",", ":"))

    def again(self, step: Step) -> str:
        """An earlier line once more, or the same id from elsewhere."""
        earlier: str = self.lines[-1 - step.pick % len(self.lines)] if self.lines else "{}"
        event: dict[str, Any] = json.loads(earlier)
        if step.place == 2 and event.get("type") == "cx.survey.answered":
            event["source"] = "/test/elsewhere"
        return json.dumps(event, separators=(",", ":"))

    def content(self, step: Step) -> tuple[str, str | None, dict[str, Any]]:
        customer: str | None = f"cust-{step.who}"
        contact = {"contact_id": f"k-{step.who}-{step.item}"}
        review = {"review_id": f"r-{step.who}-{step.item}"}
        if step.what in ("review", "answer") and (step.who, step.item) == (2, 1):
            customer = None
        place = {"touchpoint": ["till-1", "till-2"][step.place]} if step.place < 2 else {}
        place |= {"channel": ["web", "app", "phone"][step.pick % 3]} if step.pick else {}
        match step.what:
            case "survey":
                scores = [{"nps": step.pick % 11}, {"csat": 1 + step.pick % 5}, {"ces": 1 + step.pick % 7}]
                both = scores[step.item] | (scores[1] if step.pick % 2 else {})
                return "survey.answered", customer, (scores[2] if step.pick == 7 else both) | place
            case "review":
                return "review.posted", customer, review | {"rating": 1 + step.pick % 9 / 2} | place
            case "answer":
                return "review.responded", customer, review
            case "opened":
                return "contact.opened", customer, contact | place
            case "replied":
                by = [{}, {"by": "agent"}, {"by": "agent"}, {"by": "bot"}, {"by": "customer"}][step.pick % 5]
                return "contact.replied", customer, contact | by
            case "reopened":
                return "contact.reopened", customer, contact
            case "bought":
                return "purchase.completed", customer, {"order_id": f"o-{step.pick}"}
            case "promised" | "kept":
                promise = {"promise_id": f"p-{step.who}-{step.item}"}
                if step.what == "kept" or step.pick % 4 == 0:
                    return f"promise.{'kept' if step.what == 'kept' else 'made'}", customer, promise
                due = self.clock + step.gap + DUES[step.pick % len(DUES)]
                return "promise.made", customer, promise | {"due": rfc3339(due)}
            case "wrong":
                return "survey.answered", customer, {"nps": 11}
            case "agent":
                return self.agent(step, customer)
        return "touchpoint.visited", "cust-9", {"touchpoint": "home"}

    def agent(self, step: Step, customer: str | None) -> tuple[str, str | None, dict[str, Any]]:
        """Something that an agent does to the latest follow-up of a customer; or, seldom, to another one."""
        all_of_them = [f for f in self.oracle.follow_ups.all if f.key.startswith("cust-")]
        if all_of_them and step.item == 0:
            customer = all_of_them[-1 - step.pick % len(all_of_them) // 2].key
        own = [f for f in all_of_them if f.key == customer]
        if step.place == 2 and step.item == 1:
            own = own[:-1] or all_of_them
        chosen = own[-1] if own else None
        what = ["closed", "assigned", "contacted", "reopened"][step.pick % 4]
        if step.place == 1 and step.item == 1:
            pass  # whether it makes sense or not
        elif what == "reopened":
            what = "closed"
        elif chosen is not None and not chosen.open:
            what = "reopened"
        data = {"followup_id": chosen.id if chosen else "f-unknown", "agent": "kim"}
        return f"followup.{what}", customer, data | ({"resolution": "called"} if what == "closed" else {})


@cache
def load(rules: str) -> list[dict[str, Any]]:
    return written_out(yaml.safe_load("rules:" + RULES[rules]))


def tell(rules: str, story: Sequence[Step], zone: str) -> Teller:
    """The lines of a story, and the oracle that has read them."""
    teller = Teller(load(rules), zone)
    for step in story:
        teller.add(step)
    return teller
