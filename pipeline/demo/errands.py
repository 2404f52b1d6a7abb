"""What customers come for beside shopping: to look something up, to ask, and because they belong."""

from pipeline.demo.chance import Weighted, between, pick
from pipeline.demo.contacts import open_contact
from pipeline.demo.customers import Customer
from pipeline.demo.reactions import react
from pipeline.demo.visits import visit
from pipeline.demo.world import World
from pipeline.span import MINUTE, SECOND

_TOPICS = ("returns", "delivery-times", "payment", "warranty", "my-data", "opening-hours", "points")
_THEMES = Weighted(
    {
        "delivery": 0.3,
        "product": 0.25,
        "payment": 0.12,
        "web": 0.1,
        "returns": 0.1,
        "support": 0.08,
        "loyalty": 0.05,
    }
)
_BELONGING = Weighted({"newsletter": 0.45, "loyalty-programme": 0.35, "community": 0.12, "renewal": 0.08})
_LEAVING = ("price", "service", "moved", "other-supplier", "no-longer-needed")


def manage(world: World, customer: Customer, at: int) -> None:
    """Looks something up or changes it, in the app or on the website."""
    rng = world.rng
    channel = "app" if customer.persona.name == "trend-seeker" or rng.random() < 0.4 else "web"
    place = visit(world, customer, at, "app" if channel == "app" else "website", channel)
    for _ in range(between(rng, 0, 3)):
        touchpoint = pick(rng, ("invoice", "product-page", "search"))
        place = visit(world, customer, place.ended + between(rng, SECOND, MINUTE), touchpoint, channel)
    react(world, customer, place)


def ask(world: World, customer: Customer, at: int) -> None:
    """Wants to know something: tries alone first, if that is their way, and then asks."""
    rng = world.rng
    # People who like talking to people do not start in the help pages.
    if rng.random() < 0.75 + customer.persona.digital:
        topic = pick(rng, _TOPICS)
        tried = visit(world, customer, at, "self-service", "web")
        at = tried.ended + between(rng, SECOND, 5 * MINUTE)
        found = tried.outcome == "completed" and rng.random() < 0.75
        step = "resolved" if found else "failed"
        world.tell(customer, tried.ended, "selfservice." + step, "/help", "self-service", "web", topic=topic)
        if found or rng.random() < 0.35:
            react(world, customer, tried)
            return
    open_contact(world, customer, at, _THEMES.draw(rng), -0.1 + rng.gauss(0.0, 0.4))


def belong(world: World, customer: Customer, at: int) -> None:
    """Reads, collects, takes part; renews a plan now and then."""
    rng = world.rng
    touchpoint = _BELONGING.draw(rng)
    if touchpoint == "renewal" and not customer.joined:
        touchpoint = "newsletter"
    channel = "email" if touchpoint == "newsletter" else "app" if rng.random() < 0.4 else "web"
    place = visit(world, customer, at, touchpoint, channel)
    if touchpoint == "renewal" and place.outcome == "completed":
        world.tell(
            customer, place.ended, "customer.renewed", "/accounts", "renewal", channel, plan=customer.plan,
            value=customer.persona.spend * 4,
        )  # fmt: skip
    react(world, customer, place)


def leaves(world: World, customer: Customer, at: int) -> bool:
    """Whether the customer has had enough; sends `customer.churned` if so. Few do while in a good mood."""
    rng = world.rng
    chance = 0.0015 if customer.mood > -0.1 else 0.012 if customer.mood > -0.3 else 0.06
    if not customer.joined or rng.random() > chance:
        return False
    reason = "service" if customer.mood < -0.1 else pick(rng, _LEAVING)
    world.tell(
        customer, at, "customer.churned", "/accounts", "renewal", "web", plan=customer.plan, reason=reason,
        value=customer.persona.spend * 4,
    )  # fmt: skip
    return True
