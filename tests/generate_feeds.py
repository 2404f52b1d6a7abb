"""Histories of weeks, for the differential test: answers come by day, stop, trickle, and come back, with a backlog or without."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from random import Random
from typing import Any, Final

from hypothesis import strategies as st

from tests.generate import START
from tests.oracle.reading import DAY, HOUR, MINUTE, SECOND, rfc3339

RULES = """
rules:
  - id: no-reply
    summary: Nobody replies to a contact.
    when: {event: contact.opened}
    unless: {event: contact.replied, same: contact_id, within: 2h}
    alert: warning
    follow_up: {team: desk, due: 1h, escalate: [{after: 3h, to: lead}]}
  - id: no-reply-at-all
    summary: A customer hears nothing.
    when: {event: contact.opened}
    unless: {event: contact.replied, within: 3h}
    once: {per: customer, every: 1d}
    alert: info
    follow_up: {team: care, due: 2h}
  - id: no-agent-while-it-was-open
    summary: No agent in three hours, not counting those in which the contact was resolved.
    when: {event: contact.opened}
    unless:
      event: contact.replied
      by: agent
      same: contact_id
      within: 3h
      pause: {from: {event: contact.resolved}, until: {event: contact.reopened}}
    alert: info
  - id: review-unanswered
    summary: A review without a public answer.
    when: {event: review.posted, rating: "<= 3"}
    unless: {event: review.responded, same: review_id, within: 4h}
    alert: critical
    follow_up: {team: reputation, due: 2h, escalate: [{after: 1h, to: lead}]}
  - id: reviewer-unanswered
    summary: A customer wrote a review and got no answer.
    when: {event: review.posted}
    unless: {event: review.responded, same: review_id, within: 6h}
    once: {per: customer, every: 12h}
    alert: info
  - id: answers-stop
    summary: No answers come any more.
    when: {silent: [contact.replied, review.responded]}
    alert: critical
    follow_up: {team: platform, due: 1h, escalate: [{after: 2h, to: lead}]}
  - id: visits-stop
    summary: Nobody visits any more.
    when: {silent: touchpoint.visited}
    alert: warning
    follow_up: {team: platform, due: 3h}
  - id: replies-stop
    summary: No replies come any more.
    when: {silent: contact.replied}
    alert: info
"""

LOST, LATE, TRICKLE, BUSY = "lost", "late", "trickle", "busy"
DELAYS: Final = [*[0] * 16, SECOND, 4 * MINUTE, 6 * MINUTE, HOUR, 5 * HOUR, 2 * DAY]
KINDS: Final = ("contact.replied", "review.responded", "touchpoint.visited")


@dataclass(frozen=True)
class Spell:
    """A time in which events do not come as usual. start, length: hours, from the beginning of the history."""

    kinds: tuple[str, ...]
    start: int
    length: int
    how: str


spells = st.builds(
    Spell,
    kinds=st.sampled_from([KINDS[:1], KINDS[1:2], KINDS[:2], KINDS[:2], KINDS[2:]]),
    start=st.integers(6 * 24, 12 * 24),
    length=st.sampled_from([2, 5, 9, 24, 24, 30, 49, 100]),
    how=st.sampled_from([LOST, LOST, LATE, LATE, TRICKLE, BUSY]),
)


@dataclass
class Weeks:
    """Lines of so many days. rate: of how many answers an hour by day; open_at_night: seldom, but not never."""

    days: int
    spells: Sequence[Spell]
    rate: int
    open_at_night: bool
    chance: Random
    sent: list[tuple[int, int, dict[str, Any]]] = field(default_factory=list)  # (arrival, number, event)

    def lines(self) -> list[str]:
        contacts: list[tuple[int, str, str]] = []  # (opened at, customer, contact)
        reviews: list[tuple[int, str | None, str]] = []
        for hour in range(self.days * 24):
            for at in self.moments(hour, 0.5 if hour > 6 * 24 else 0.1):
                contacts.append((at, f"cust-{self.chance.randrange(4)}", f"k{len(contacts)}"))
                self.contact(*contacts[-1])
            for at in self.moments(hour, 0.3 if hour > 6 * 24 else 0.1):
                customer = self.chance.choice([None, "cust-1", "cust-2", "cust-3"])
                reviews.append((at, customer, f"r{len(reviews)}"))
                self.review(*reviews[-1])
            self.answers("contact.replied", hour, contacts, self.reply)
            self.answers("review.responded", hour, reviews, self.response)
            for at in self.moments(hour, 1):
                self.send("touchpoint.visited", at, "cust-9", {"touchpoint": "home"})
        lines = [
            json.dumps(event, separators=(",", ":"))
            for *_, event in sorted(self.sent, key=lambda one: one[:2])
        ]
        for _ in range(len(lines) // 100):  # duplicates
            place = self.chance.randrange(len(lines))
            lines.insert(self.chance.randrange(place, len(lines)), lines[place])
        return lines

    def moments(self, hour: int, mean: float) -> list[int]:
        """Some times in an hour, as many as the mean on average."""
        number = int(mean) + (self.chance.random() < mean % 1)
        return sorted(START + hour * HOUR + self.chance.randrange(HOUR) for _ in range(number))

    def answers(
        self, kind: str, hour: int, asked: list[Any], answer: Callable[[int, Any], tuple[str | None, dict[str, Any]]]
    ) -> None:  # fmt: skip
        """Answers to what was asked lately, or long ago."""
        by_day = 8 <= (START // HOUR + hour) % 24 < 18
        for at in self.moments(hour, self.rate if by_day else 0.1 if self.open_at_night else 0):
            one = self.chance.choice(asked[-3:] if self.chance.random() < 0.8 else asked) if asked else None
            subject, data = answer(at, one)
            self.send(kind, at, subject, data)

    def reply(self, at: int, contact: tuple[int, str, str] | None) -> tuple[str | None, dict[str, Any]]:
        _, customer, name = contact or (0, "cust-0", "k-unknown")
        return customer, {"contact_id": name, "by": self.chance.choice(["agent", "agent", "bot"])}

    def response(
        self, at: int, review: tuple[int, str | None, str] | None
    ) -> tuple[str | None, dict[str, Any]]:
        _, customer, name = review or (0, "cust-0", "r-unknown")
        return customer, {"review_id": name}

    def contact(self, at: int, customer: str, name: str) -> None:
        self.send("contact.opened", at, customer, {"contact_id": name})
        if self.chance.random() < 0.3:
            stops = at + self.chance.randrange(4 * HOUR)
            self.send("contact.resolved", stops, customer, {"contact_id": name})
            if self.chance.random() < 0.8:
                self.send(
                    "contact.reopened",
                    stops + self.chance.randrange(6 * HOUR),
                    customer,
                    {"contact_id": name},
                )

    def review(self, at: int, customer: str | None, name: str) -> None:
        for version in [at, at + self.chance.randrange(8 * HOUR)][: self.chance.choice([1, 1, 2])]:
            self.send(
                "review.posted", version, customer, {"review_id": name, "rating": self.chance.randint(1, 5)}
            )

    def send(self, kind: str, at: int, subject: str | None, data: dict[str, Any]) -> None:
        """Have an event under way, if it comes at all."""
        arrival, number = at + self.chance.choice(DELAYS), 1
        for spell in self.spells:
            since = START + spell.start * HOUR
            until = since + spell.length * HOUR
            if kind not in spell.kinds or not since <= at < until:
                continue
            if spell.how == LATE:
                arrival = max(arrival, until)
            elif spell.how == BUSY:
                number = 5
            elif spell.how == LOST or self.chance.random() < 0.9:
                return
        for _ in range(number):
            name = f"e{len(self.sent)}"
            event = {
                "specversion": "1.0",
                "id": name,
                "source": f"/test/{kind}",
                "type": f"cx.{kind}",
                "time": rfc3339(at),
            }
            event |= {"subject": subject} if subject else {}
            self.sent.append((arrival, len(self.sent), event | {"data": data}))


def weeks() -> st.SearchStrategy[Weeks]:
    """A week in which it is learnt what is usual, and some days more."""
    return st.builds(
        Weeks,
        days=st.integers(9, 14),
        spells=st.lists(spells, min_size=1, max_size=4),
        rate=st.sampled_from([2, 3, 4]),
        open_at_night=st.booleans(),
        chance=st.integers(0, 10**6).map(
            Random
        ),  # not hypothesis' own: it would remember thousands of choices
    )
