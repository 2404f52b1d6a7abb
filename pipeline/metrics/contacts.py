"""What happens in contacts with customer service: how long customers wait, and what comes of it."""

from __future__ import annotations

from bisect import bisect_right
from typing import Final

from pipeline.events import model as m
from pipeline.metrics import counts as c
from pipeline.metrics.catalogue import DIMENSIONS
from pipeline.metrics.sample import Sample
from pipeline.metrics.shorthand import joined
from pipeline.metrics.tally import Tally
from pipeline.span import DAY
from pipeline.state.records import Contact, Remembered
from pipeline.state.ref import Ref, ref_of
from pipeline.step import CORRECTION, Step

#: A contact is remembered so long after its opening (ms).
REMEMBERED: Final = 28 * DAY
#: So many turns are kept of a contact whose opening is not known yet, and of any other.
_MOST_ORPHANS: Final = 8
MOST_TURNS: Final = 64

_CHANNEL: Final = DIMENSIONS.index("channel")

_FIRST: Final = joined(c.FIRST_RESPONSE, c.RESPONSE)
_AT_ONCE: Final = joined(c.CONTACTS_RESOLVED, c.CONTACTS_AT_ONCE)
_AT_ONCE_TIMED: Final = joined(_AT_ONCE, c.RESOLUTION)
_RESOLVED_TIMED: Final = joined(c.CONTACTS_RESOLVED, c.RESOLUTION)
_REOPENED: Final = joined(c.CONTACTS_RESOLVED, c.CONTACTS_REOPENED)

#: Turns of a contact.
AGENT: Final = 0
CUSTOMER: Final = 1
RESOLVED: Final = 2
REOPENED: Final = 3


class Contacts:
    """Counts what a contact tells, with the dimensions of its opening, whatever the order in which its turns arrive."""

    WHAT: Final = "@contact"
    #: What it counts.
    COUNTS: Final = (
        c.CONTACTS, c.FIRST_RESPONSE, c.RESPONSE, c.RESOLUTION, c.CONTACTS_RESOLVED, c.CONTACTS_AT_ONCE,
        c.CONTACTS_REOPENED,
    )  # fmt: skip

    def __init__(self, step: Step, tally: Tally) -> None:
        self._step, self._tally = step, tally
        self._dims = tally.reader_of_all(m.ContactData)

    def opened(self, event: m.Event, data: m.ContactData, at: int, key: str) -> None:
        """Take an opening; a second one of the same contact is ignored."""
        ref = ref_of(self.WHAT, key, data.contact_id)
        contact = self._contact(ref)
        if contact.opened >= 0:
            return
        contact.opened, contact.dims = at, self._dims(data)
        kept = [n for n, time in enumerate(contact.times) if time >= at]
        contact.times = [contact.times[n] for n in kept]
        contact.turns = [contact.turns[n] for n in kept]
        self._tally.tell(contact.dims, samples(contact))
        self._level(contact, _open(contact))
        self._step.store.put(ref, contact, at + REMEMBERED)

    def replied(self, event: m.Event, data: m.ContactReplyData, at: int, key: str) -> None:
        """Take a reply; bots do not count."""
        if data.by != "bot":
            self._turn(key, data.contact_id, at, CUSTOMER if data.by == "customer" else AGENT)

    def resolved(self, event: m.Event, data: m.ContactData, at: int, key: str) -> None:
        """Take a resolution."""
        self._turn(key, data.contact_id, at, RESOLVED)

    def reopened(self, event: m.Event, data: m.ContactData, at: int, key: str) -> None:
        """Take what opens a contact again."""
        self._turn(key, data.contact_id, at, REOPENED)

    def on_wake(self, ref: Ref, record: Remembered, due: int) -> None:
        """Forget a contact, or turns that no opening came for."""
        assert isinstance(record, Contact)
        if record.opened >= 0:
            self._level(record, -_open(record))
            self._step.store.drop(ref)
            return
        kept = [n for n, time in enumerate(record.times) if time + CORRECTION > due]
        record.times, record.turns = [record.times[n] for n in kept], [record.turns[n] for n in kept]
        if record.times:
            self._step.store.put(ref, record, record.times[0] + CORRECTION)
        else:
            self._step.store.drop(ref)

    def _turn(self, key: str, contact_id: str, at: int, turn: int) -> None:
        ref = ref_of(self.WHAT, key, contact_id)
        contact = self._contact(ref)
        known = contact.opened >= 0
        if known and (at < contact.opened or len(contact.times) >= MOST_TURNS):
            return
        place = bisect_right(contact.times, at)
        if not known:
            contact.times.insert(place, at)
            contact.turns.insert(place, turn)
            contact.times, contact.turns = contact.times[-_MOST_ORPHANS:], contact.turns[-_MOST_ORPHANS:]
            self._step.store.put(ref, contact, contact.times[0] + CORRECTION)
        elif place == len(contact.times) and RESOLVED not in contact.turns:
            self._tally.tell(contact.dims, _of_newest(contact, at, turn))
            self._level(contact, -(turn == RESOLVED))
            contact.times.append(at)
            contact.turns.append(turn)
            self._step.store.add(ref, contact, place, (at, turn))
        else:
            before, was = samples(contact), _open(contact)
            contact.times.insert(place, at)
            contact.turns.insert(place, turn)
            self._tally.mend(contact.dims, before, samples(contact))
            self._level(contact, _open(contact) - was)
            self._step.store.put(ref, contact, contact.wake)

    def _level(self, contact: Contact, change: int) -> None:
        if change:
            self._step.level("contacts_open", contact.dims[_CHANNEL] or "", change)

    def _contact(self, ref: Ref) -> Contact:
        found = self._step.store.get(ref)
        return found if found is not None and isinstance(found, Contact) else Contact()


def samples(contact: Contact) -> list[Sample]:
    """What a contact whose opening is known tells.

    A customer waits from the opening, from their first message after a reply, and from a reopening, until the next reply
    of an agent. What was resolved counts in the pane of its first resolution; how long it took, in that of the last one,
    where no reopening follows.
    """
    opened = contact.opened
    found: list[Sample] = [(opened, c.CONTACTS, 1)]
    waits, replies = opened, 0
    resolved = first_resolved = -1
    at_once = reopened = False
    for place in range(len(contact.times)):
        at, turn = contact.times[place], contact.turns[place]
        if turn == AGENT:
            if replies == 0 and waits == opened:
                found.append((at, _FIRST, at - opened))
            else:
                if replies == 0:
                    found.append((at, c.FIRST_RESPONSE, at - opened))
                if waits >= 0:
                    found.append((at, c.RESPONSE, at - waits))
            replies, waits = replies + 1, -1
        elif turn == RESOLVED:
            if first_resolved < 0:
                first_resolved, at_once = at, replies <= 1
            resolved, waits = at, -1
        else:
            if waits < 0:
                waits = at
            if turn == REOPENED and resolved >= 0:
                resolved, reopened = -1, True
    if first_resolved >= 0:
        how = _REOPENED if reopened else _AT_ONCE if at_once else c.CONTACTS_RESOLVED
        if first_resolved == resolved and not reopened:
            return [*found, (resolved, _AT_ONCE_TIMED if at_once else _RESOLVED_TIMED, resolved - opened)]
        found.append((first_resolved, how, 1))
    if resolved >= 0:
        found.append((resolved, c.RESOLUTION, resolved - opened))
    return found


def _of_newest(contact: Contact, at: int, turn: int) -> list[Sample]:
    """What a turn behind all others adds to what a contact tells that is not resolved yet: the same as `samples`."""
    opened, waits, replies = contact.opened, contact.opened, 0
    for place in range(len(contact.times)):
        if contact.turns[place] == AGENT:
            replies, waits = replies + 1, -1
        elif waits < 0:
            waits = contact.times[place]
    if turn == RESOLVED:
        return [(at, _AT_ONCE_TIMED if replies <= 1 else _RESOLVED_TIMED, at - opened)]
    if turn != AGENT:
        return []
    if replies == 0:  # what the customer has said meanwhile does not change since when they wait
        return [(at, _FIRST, at - opened)]
    return [(at, c.RESPONSE, at - waits)] if waits >= 0 else []


def _open(contact: Contact) -> int:
    """1 while it is not resolved."""
    for turn in reversed(contact.turns):
        if turn == RESOLVED:
            return 0
        if turn == REOPENED:
            return 1
    return 1
