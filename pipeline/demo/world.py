"""What everything that happens needs: chance, the wire, the agenda and the bad days."""

from dataclasses import dataclass
from random import Random

from pipeline.demo.agenda import Agenda
from pipeline.demo.baddays import BadDays
from pipeline.demo.customers import Customer
from pipeline.demo.wire import Wire


@dataclass(frozen=True, slots=True)
class World:
    """The surroundings of a customer. All chance comes from `rng`."""

    rng: Random
    agenda: Agenda
    wire: Wire
    bad_days: BadDays

    def tell(
        self,
        customer: Customer,
        at: int,
        kind: str,
        source: str,
        touchpoint: str,
        channel: str,
        **more: object,
    ) -> None:
        """Sends an event of a customer at a touchpoint. more: further fields of its data."""
        data = {**customer.facts, "touchpoint": touchpoint, "channel": channel, **more}
        self.wire.send(at, kind, source, data, subject=customer.name)
