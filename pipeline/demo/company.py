"""The simulated company: its customers live their journeys, and what they do arrives as events.

Pure and seeded: no clock, no I/O. The same seed, customers and start give the same events byte for byte,
however the time is cut into calls of `until`.
"""

from collections.abc import Mapping
from random import Random

from pipeline.demo.agenda import Agenda, Arrival
from pipeline.demo.agents import act
from pipeline.demo.baddays import BadDay, BadDays
from pipeline.demo.chance import numbered
from pipeline.demo.customers import Customer, known_customer, newcomer
from pipeline.demo.errands import ask, belong, leaves, manage
from pipeline.demo.hours import next_moment
from pipeline.demo.shopping import receive, shop
from pipeline.demo.voices import speak
from pipeline.demo.wire import Wire
from pipeline.demo.world import World
from pipeline.span import DAY, HOUR, MINUTE

__all__ = ["Arrival", "Company"]

# Between two errands of an average customer at the busiest hour. Set so that 400 customers make some
# eight events a minute by day; they are livelier than real ones, so that a small company has a story.
_BETWEEN_ERRANDS = 3.9 * HOUR
_BETWEEN_VOICES = 24 * MINUTE
_ERRANDS = {"shop": shop, "manage": manage, "ask": ask, "belong": belong}


class Company:
    """A company and its customers.

    seed: decides everything. customers: how many there are at a time; the rate of events follows. start: ms
    UTC at which the story begins.
    """

    def __init__(self, *, seed: int = 7, customers: int = 400, start: int) -> None:
        if customers < 1:
            raise ValueError(f"a company needs a customer at least, not {customers}")
        self._seed = seed
        self._now = start
        rng = Random(seed)  # noqa: S311 - a simulation
        agenda = Agenda()
        self._world = World(rng, agenda, Wire(rng, agenda), BadDays(seed, start))
        self._customers: dict[str, Customer] = {}
        self._next_number = 1000
        self._acted_on: set[str] = set()
        # A small company is talked about as often as one of 400, so that it is never silent.
        self._between_voices = min(1.0, 400 / customers) * _BETWEEN_VOICES
        for _ in range(customers):
            self._settles_in(known_customer(self._next_number, rng), start)
        agenda.add(start + 1, self._voice)

    def until(self, at: int) -> list[Arrival]:
        """Everything that arrives in (previous call's `at`, at], in order of arrival."""
        self._now = max(self._now, at)
        return self._world.agenda.until(at)

    def bad_days(self, until: int) -> tuple[BadDay, ...]:
        """The bad days that begin up to a moment (ms UTC), oldest first: what a demo should show."""
        return self._world.bad_days.until(until)

    def agent_acts(self, followup: Mapping[str, object], now: int) -> None:
        """Lets a care agent act on a `cx.followup.opened` event (a CloudEvents object).

        What they do arrives from `now` on (ms UTC): mostly assigned, contacted and closed, and a survey some
        days later; some follow-ups are ignored. Without a subject nobody acts, nor on the same one twice.
        """
        subject, data = followup.get("subject"), followup.get("data")
        if not isinstance(subject, str) or not isinstance(data, dict):
            return
        followup_id = data.get("followup_id")
        if not isinstance(followup_id, str) or followup_id in self._acted_on:
            return
        self._acted_on.add(followup_id)
        # What has arrived already cannot be added to.
        begins = max(now, self._now)
        act(self._world, self._seed, subject, self._customers.get(subject), data, begins)

    def _settles_in(self, customer: Customer, at: int) -> None:
        self._customers[customer.name] = customer
        self._next_number += 1
        self._plans(customer, at)

    def _plans(self, customer: Customer, after: int) -> None:
        gap = _BETWEEN_ERRANDS / customer.persona.activity
        self._world.agenda.add(next_moment(self._world.rng, after, gap), lambda at: self._lives(customer, at))

    def _lives(self, customer: Customer, at: int) -> None:
        """One errand of a customer, and the plan for the next."""
        world = self._world
        if customer.awaits_order:
            customer.awaits_order = False
            receive(world, customer, at + int(4 * HOUR * world.rng.random()), numbered(world.rng, "order"))
        _ERRANDS[customer.persona.errands.draw(world.rng)](world, customer, at)
        if leaves(world, customer, at + HOUR):
            del self._customers[customer.name]
            comes = at + int(2 * DAY * world.rng.random())
            self._settles_in(newcomer(self._next_number, world.rng), comes)
        else:
            self._plans(customer, at)

    def _voice(self, at: int) -> None:
        speak(self._world, at)
        gap = int(self._between_voices * (0.5 + self._world.rng.random()))
        self._world.agenda.add(at + max(1, gap), self._voice)
