"""One customer: who they are, how they feel about the company, what they have bought."""

from random import Random

from pipeline.demo.chance import Weighted, between
from pipeline.demo.personas import NEWCOMERS, PERSONAS, Persona

_LANGUAGES = Weighted({"nl": 0.7, "en": 0.3})
_BRANDS = Weighted({"veldhuis": 0.8, "kampwerk": 0.2})
_LOCATIONS = Weighted(
    {"Amsterdam": 0.26, "Rotterdam": 0.20, "Utrecht": 0.16, "Eindhoven": 0.12, "Groningen": 0.10,
     "Antwerpen": 0.09, "Nijmegen": 0.07}
)  # fmt: skip
_PLANS = Weighted({"basic": 0.75, "plus": 0.25})

# Orders from which on a customer counts as regular, and as vip.
_REGULAR, _VIP = 3, 15
# Orders that a customer of a segment has placed before the story begins.
_HISTORY = {"new": (0, _REGULAR), "regular": (_REGULAR, _VIP), "vip": (_VIP, 60), "business": (1, 80)}


class Customer:
    """A customer, who changes with what happens to them.

    mood: how they feel about the company, -1 to 1. facts: the fields that go with each of their events.
    awaits_order: one that was placed before the story begins is on its way.
    """

    __slots__ = ("awaits_order", "facts", "joined", "language", "mood", "name", "orders", "persona", "plan")

    def __init__(self, number: int, persona: Persona, rng: Random, segment: str) -> None:
        self.name = f"cust-{number}"
        self.persona = persona
        self.language = _LANGUAGES.draw(rng)
        self.mood = max(-1.0, min(1.0, rng.gauss(0.1 + persona.mood, 0.2)))
        self.orders = between(rng, *_HISTORY[segment])
        self.joined = self.orders > 0
        self.awaits_order = self.joined and rng.random() < 0.4
        self.plan = "business" if segment == "business" else _PLANS.draw(rng)
        self.facts: dict[str, object] = {
            "brand": _BRANDS.draw(rng),
            "segment": segment,
            "persona": persona.name,
            "location": _LOCATIONS.draw(rng),
        }

    def orders_again(self) -> None:
        """Counts an order, which may change the segment."""
        self.orders += 1
        if self.facts["segment"] != "business":
            self.facts["segment"] = (
                "vip" if self.orders >= _VIP else "regular" if self.orders >= _REGULAR else "new"
            )

    def feels(self, quality: float) -> None:
        """An experience of some quality, -1 to 1, changes the mood: a bad one more than a good one."""
        self.mood += (0.16 if quality < 0 else 0.07) * (quality - self.mood)


def known_customer(number: int, rng: Random) -> Customer:
    """One of those who are there when the story begins."""
    persona = PERSONAS.draw(rng)
    return Customer(number, persona, rng, persona.segments.draw(rng))


def newcomer(number: int, rng: Random) -> Customer:
    """One who has not bought anything yet."""
    persona = NEWCOMERS.draw(rng)
    customer = Customer(number, persona, rng, "business" if persona.name == "business-buyer" else "new")
    customer.orders, customer.joined, customer.awaits_order = 0, False, False
    return customer
