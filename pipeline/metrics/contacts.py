"""From a contact's opening to the first reply of an agent."""

from __future__ import annotations

from typing import Final

from pipeline.events.model import ContactData, ContactReplyData
from pipeline.metrics.tally import Tally
from pipeline.span import DAY
from pipeline.state.records import Contact, Ref, Remembered
from pipeline.step import CORRECTION, Step

#: A contact is remembered so long after its opening (ms).
REMEMBERED: Final = 28 * DAY
#: So many replies are kept of a contact whose opening is not known yet.
_MOST_ORPHANS: Final = 8


class Contacts:
    """Counts the first response once, at the time of the reply, with the dimensions of the opening."""

    WHAT: Final = "@contact"

    def __init__(self, step: Step, tally: Tally) -> None:
        self._step, self._tally = step, tally

    def opened(self, key: str, data: ContactData, at: int) -> None:
        """Take an opening; a second one of the same contact is ignored."""
        ref = (self.WHAT, key, data.contact_id)
        contact = self._contact(ref)
        if contact.opened >= 0:
            return
        replies = [reply for reply in contact.orphans if reply >= at]
        contact.opened, contact.dims, contact.orphans = at, self._tally.dims(data), []
        self._step.store.put(ref, contact, at + REMEMBERED)
        if replies:
            self._count(ref, contact, min(replies))

    def replied(self, key: str, data: ContactReplyData, at: int) -> None:
        """Take a reply; only agents count."""
        if data.by not in (None, "agent"):
            return
        ref = (self.WHAT, key, data.contact_id)
        contact = self._contact(ref)
        if contact.opened < 0:
            contact.orphans = [*contact.orphans, at][-_MOST_ORPHANS:]
            self._step.store.put(ref, contact, min(contact.orphans) + CORRECTION)
        elif at >= contact.opened and (contact.first < 0 or at < contact.first):
            self._count(ref, contact, at)

    def on_wake(self, ref: Ref, record: Remembered, due: int) -> None:
        """Forget a contact, or replies that no opening came for."""
        assert isinstance(record, Contact)
        record.orphans = [reply for reply in record.orphans if reply + CORRECTION > due]
        if record.opened < 0 and record.orphans:
            self._step.store.put(ref, record, min(record.orphans) + CORRECTION)
        else:
            self._step.store.drop(ref)

    def _contact(self, ref: Ref) -> Contact:
        found = self._step.store.get(ref)
        return found if found is not None and isinstance(found, Contact) else Contact()

    def _count(self, ref: Ref, contact: Contact, first: int) -> None:
        if contact.first >= 0:
            self._tally.first_response(contact.first, contact.dims, contact.first - contact.opened, -1)
        contact.first = first
        self._tally.first_response(first, contact.dims, first - contact.opened)
        self._step.store.put(ref, contact, contact.wake)
