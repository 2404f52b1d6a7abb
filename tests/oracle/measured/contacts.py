"""Contacts and their turns."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from tests.oracle.measured.model import Model
from tests.oracle.measured.sample import Counted, Sample, dims
from tests.oracle.reading import DAY, Event

REMEMBERED = 28 * DAY
TURNS = 64  # the first to arrive
EARLY, EARLY_TURNS = 7 * DAY, 8  # without an opening
OF_TURNS = ("contact.replied", "contact.resolved", "contact.reopened")


@dataclass
class Contact:
    """turns: in order of arrival."""

    opening: Event
    turns: list[Event] = field(default_factory=list)

    def forgotten(self, watermark: int) -> bool:
        return self.opening.time + REMEMBERED < watermark

    def add(self, turn: Event) -> None:
        if turn.time >= self.opening.time and len(self.turns) < TURNS:
            self.turns.append(turn)

    @property
    def in_order(self) -> list[Event]:
        return sorted(self.turns, key=lambda turn: turn.time)  # stable: equals stay in order of arrival

    @property
    def open(self) -> bool:
        ends = [turn for turn in self.in_order if turn.type != "contact.replied"]
        return not ends or ends[-1].type == "contact.reopened"


def contacts(counted: Sequence[Counted]) -> list[Contact]:
    """All of them; one that is opened again when it was forgotten is another one."""
    own: dict[tuple[str, str], list[Counted]] = {}
    for c in counted:
        if c.event.type == "contact.opened" or (c.event.type in OF_TURNS and by(c.event) != "bot"):
            own.setdefault((c.event.subject or "", c.event.data["contact_id"]), []).append(c)
    found: list[Contact] = []
    for history in own.values():
        contact: Contact | None = None
        early: list[Event] = []
        for c in history:
            if contact is not None and contact.forgotten(c.watermark):
                contact = None
            if c.event.type != "contact.opened":
                if contact is not None:
                    contact.add(c.event)
                else:
                    early = [turn for turn in early if turn.time + EARLY >= c.watermark]
                    early = sorted([*early, c.event], key=lambda turn: turn.time)[-EARLY_TURNS:]
            elif contact is None:
                contact = Contact(c.event)
                for turn in early:
                    if turn.time + EARLY >= c.watermark:
                        contact.add(turn)
                early = []
                found.append(contact)
    return found


def by(event: Event) -> str:
    """Who a turn is of."""
    return event.data.get("by") or "agent"


def agent_replied(turn: Event) -> bool:
    return turn.type == "contact.replied" and by(turn) == "agent"


def samples(counted: Sequence[Counted], model: Model) -> list[Sample]:
    return [
        Sample(kind, time, value, dims(contact.opening, model))
        for contact in contacts(counted)
        for kind, time, value in of(contact)
    ]


def of(contact: Contact) -> list[tuple[str, int, float]]:
    """(kind, time, value)"""
    opened, turns = contact.opening.time, contact.in_order
    found: list[tuple[str, int, float]] = [("contact", opened, 1)]
    if replies := [turn.time for turn in turns if agent_replied(turn)]:
        found.append(("first_response", replies[0], (replies[0] - opened) / 1000))
    found += responses(opened, turns)
    resolved = [n for n, turn in enumerate(turns) if turn.type == "contact.resolved"]
    if not resolved:
        return found
    first, last = resolved[0], resolved[-1]
    reopened = [n for n, turn in enumerate(turns) if turn.type == "contact.reopened"]
    if not any(n > last for n in reopened):
        found.append(("resolution", turns[last].time, (turns[last].time - opened) / 1000))
    again = any(n > first for n in reopened)
    few = sum(1 for turn in turns[:first] if agent_replied(turn)) <= 1
    found.append(("at_once", turns[first].time, few and not again))
    found.append(("reopened", turns[first].time, again))
    return found


def responses(opened: int, turns: Sequence[Event]) -> list[tuple[str, int, float]]:
    """For how long the customer waited, for each reply that they waited for."""
    found: list[tuple[str, int, float]] = []
    since: int | None = opened
    for turn in turns:
        if turn.type == "contact.resolved":
            since = None
        elif agent_replied(turn):
            if since is not None:
                found.append(("response", turn.time, (turn.time - since) / 1000))
            since = None
        elif since is None:  # a reply of the customer, or a reopening
            since = turn.time
    return found
