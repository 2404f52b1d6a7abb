"""Shopping: from an advert to a purchase, its delivery, its first use, and now and then its return."""

from pipeline.demo.chance import between, numbered, pick
from pipeline.demo.comments import PRODUCTS
from pipeline.demo.customers import Customer
from pipeline.demo.hours import when_open
from pipeline.demo.promises import promise
from pipeline.demo.reactions import react
from pipeline.demo.visits import Visit, tries_again_at, visit
from pipeline.demo.world import World
from pipeline.span import DAY, HOUR, MINUTE, SECOND

_PRODUCTS = tuple(PRODUCTS)
_BROWSED = ("product-page", "product-page", "product-page", "search", "comparison", "website")
_RETURN_REASONS = ("does-not-fit", "damaged", "not-as-expected", "changed-my-mind", "wrong-item")


def shop(world: World, customer: Customer, at: int) -> None:
    """One shopping trip in a channel of the customer's liking, and all that follows from it."""
    rng = world.rng
    channel = customer.persona.channels.draw(rng)
    product = pick(rng, _PRODUCTS)
    if channel == "shop":
        _advised(world, customer, at, "store-visit", channel, product)
    elif channel == "phone":
        _advised(world, customer, at, "phone-advice", channel, product)
    elif channel == "email" and customer.facts["segment"] == "business":
        _advised(world, customer, at, "quote", channel, product)
    elif channel == "email":
        read = visit(world, customer, at, "newsletter", channel)
        _online(world, customer, read.ended + 20 * SECOND, "web", product)
    elif channel == "chat":
        asked = visit(world, customer, at, "support-chat", channel)
        _online(world, customer, asked.ended + 20 * SECOND, "web", product)
    else:
        entry = visit(world, customer, at, customer.persona.entries.draw(rng), channel)
        if entry.outcome == "completed" or rng.random() < 0.3:
            _online(world, customer, entry.ended + 5 * SECOND, channel, product)


def _advised(world: World, customer: Customer, at: int, touchpoint: str, channel: str, product: str) -> None:
    """People help: in a shop, on the phone, with a quote."""
    rng = world.rng
    if channel != "email":
        at = when_open(rng, at, 7, 20)
    advice = visit(world, customer, at, touchpoint, channel, product=product)
    if advice.outcome != "completed" or rng.random() > customer.persona.buys * 1.2:
        react(world, customer, advice, product)
        return
    order = visit(
        world, customer, advice.ended + between(rng, SECOND, 8 * MINUTE), "order", channel, product=product
    )
    react(world, customer, advice if rng.random() < 0.5 else order, product)
    if order.outcome == "completed":
        _buy(world, customer, order, product)


def _online(world: World, customer: Customer, at: int, channel: str, product: str) -> None:
    rng = world.rng
    place = None
    for _ in range(between(rng, 1, 4)):
        place = visit(world, customer, at, pick(rng, _BROWSED), channel, product=product)
        at = place.ended + between(rng, SECOND, 2 * MINUTE)
    if rng.random() > customer.persona.buys:
        if place is not None:
            react(world, customer, place, product)
        return
    for step in ("checkout", "payment"):
        place = visit(world, customer, at, step, channel, product=product)
        # Who meets a failure often comes back for it, once or twice.
        for _ in range(2):
            if place.outcome != "failed" or rng.random() > 0.6:
                break
            place = visit(world, customer, tries_again_at(world, place), step, channel, product=product)
        if place.outcome != "completed" or rng.random() < 0.5:
            react(world, customer, place, product)
        if place.outcome != "completed":
            return
        at = place.ended + 2 * SECOND
    assert place is not None
    _buy(world, customer, place, product)


def _buy(world: World, customer: Customer, paid: Visit, product: str) -> None:
    rng = world.rng
    at, channel = paid.ended + SECOND, paid.channel
    order_id = numbered(rng, "order")
    amount = round(customer.persona.spend * (0.2 + rng.expovariate(1.25)), 2)
    customer.orders_again()
    world.tell(
        customer,
        at,
        "purchase.completed",
        "/orders",
        paid.touchpoint,
        channel,
        order_id=order_id,
        amount=amount,
        currency="EUR",
        product=product,
    )
    if not customer.joined:
        _join(world, customer, at + MINUTE, channel)
    if channel == "shop":
        _try_out(world, customer, at + between(rng, HOUR, DAY), product)
        return
    arrives = when_open(rng, at + between(rng, 4 * HOUR, 30 * HOUR), 7, 19)
    delivered = receive(world, customer, arrives, order_id, product)
    if rng.random() < 0.25:
        due = when_open(rng, at + 28 * HOUR, 7, 17) - at
        promise(world, customer, at + SECOND, "delivery", channel, "delivery", due, done=delivered)


def _join(world: World, customer: Customer, at: int, channel: str) -> None:
    customer.joined = True
    business = customer.facts["segment"] == "business"
    world.tell(
        customer,
        at,
        "customer.joined",
        "/accounts",
        "contract" if business else "onboarding",
        channel,
        plan=customer.plan,
        value=customer.persona.spend * 4,
    )
    react(world, customer, visit(world, customer, at + MINUTE, "onboarding", channel))


def receive(world: World, customer: Customer, at: int, order_id: str, product: str | None = None) -> int:
    """An order comes, at the second or third attempt if it must; returns when (ms UTC)."""
    rng = world.rng
    product = product or pick(rng, _PRODUCTS)
    brought = visit(world, customer, at, "delivery", "home", product=product)
    for _ in range(2):
        if brought.outcome != "failed":
            break
        react(world, customer, brought, product)
        again = when_open(rng, brought.ended + between(rng, 14 * HOUR, 30 * HOUR), 7, 19)
        brought = visit(world, customer, again, "delivery", "home", product=product)
    at = brought.ended
    world.tell(
        customer, at, "order.delivered", "/parcels", "delivery", "home", order_id=order_id, product=product
    )
    if customer.facts["segment"] == "business" and rng.random() < 0.5:
        react(world, customer, visit(world, customer, at + between(rng, HOUR, DAY), "invoice", "email"))
    unboxed = visit(
        world, customer, at + between(rng, 2 * MINUTE, 4 * HOUR), "unboxing", "home", product=product
    )
    react(world, customer, brought if rng.random() < 0.6 else unboxed, product)
    chance = customer.persona.returns * (4.0 if unboxed.quality < 0 else 1.1)
    if rng.random() < chance:
        _return(world, customer, unboxed.ended + between(rng, 3 * HOUR, 4 * DAY), order_id, product)
    else:
        _try_out(world, customer, unboxed.ended + between(rng, 10 * MINUTE, DAY), product)
    return at


def _try_out(world: World, customer: Customer, at: int, product: str) -> None:
    if world.rng.random() < 0.5:
        react(world, customer, visit(world, customer, at, "use", "home", product=product), product)


def _return(world: World, customer: Customer, at: int, order_id: str, product: str) -> None:
    rng = world.rng
    channel = "shop" if rng.random() < 0.3 else "web"
    handed_in = visit(world, customer, at, "returns", channel, product=product)
    if handed_in.outcome == "completed":
        world.tell(
            customer,
            handed_in.ended,
            "order.returned",
            "/parcels",
            "returns",
            channel,
            order_id=order_id,
            product=product,
            reason=pick(rng, _RETURN_REASONS),
        )
    react(world, customer, handed_in, product)
