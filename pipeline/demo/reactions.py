"""What an experience makes people do: answer a survey, complain, review, praise, or make a face."""

from pipeline.demo.chance import between, numbered, pick
from pipeline.demo.comments import comment, seen
from pipeline.demo.contacts import open_contact
from pipeline.demo.customers import Customer
from pipeline.demo.reviews import post_review
from pipeline.demo.surveys import answer_survey
from pipeline.demo.touchpoints import TOUCHPOINTS
from pipeline.demo.visits import Visit
from pipeline.demo.world import World
from pipeline.span import DAY, HOUR, MINUTE

_NETWORKS = ("instagram", "whatsapp", "facebook", "tiktok")
_STAFF = {"shop": "store-staff", "phone": "care-agent", "home": "courier"}


def react(world: World, customer: Customer, visit: Visit, product: str | None = None) -> None:
    """What a customer does about a visit, if anything. Both ends of the scale do more than the middle."""
    rng = world.rng
    persona = customer.persona
    quality, at, touchpoint, channel = visit.quality, visit.ended, visit.touchpoint, visit.channel
    strong = abs(quality) > 0.55
    if rng.random() < persona.answers * (2.4 if strong else 1.2):
        later = at + between(rng, MINUTE, 80 * MINUTE)
        answer_survey(
            world, customer, later, touchpoint, channel, quality, bad_day=visit.bad_day, product=product
        )
    if quality < -0.1 and rng.random() < persona.complains * (1.9 if visit.bad_day else 1.2):
        # A reason nobody gave before: that is how a bad day shows first.
        reason = f"{touchpoint}-trouble" if visit.bad_day and rng.random() < 0.7 else None
        later = at + between(rng, MINUTE, 50 * MINUTE)
        open_contact(world, customer, later, TOUCHPOINTS[touchpoint].theme, quality, reason=reason)
    if rng.random() < persona.reviews * (2.2 if strong else 0.6):
        post_review(world, customer, at + between(rng, 5 * MINUTE, DAY), touchpoint, quality, product)
    if channel in _STAFF and rng.random() < 0.08:
        world.tell(
            customer,
            at,
            "observation.noted",
            f"/staff/{_STAFF[channel]}",
            touchpoint,
            channel,
            by=_STAFF[channel],
            sentiment=round(quality, 2),
            language=customer.language,
            comment=seen(rng, customer.language, quality),
        )
    if quality > 0.6:
        _praise(world, customer, visit, product)
    elif quality < -0.5 and rng.random() < 0.03:
        _mention(world, customer, visit, product)


def _praise(world: World, customer: Customer, visit: Visit, product: str | None) -> None:
    rng = world.rng
    at = visit.ended + between(rng, MINUTE, 6 * HOUR)
    praises = customer.persona.praises
    about = {"product": product} if product is not None else {}
    if rng.random() < praises:
        network = pick(rng, _NETWORKS)
        world.tell(customer, at, "share.made", "/social/shares", "share", "social", platform=network, **about)
    if rng.random() < 0.5 * praises:
        world.tell(
            customer,
            at,
            "referral.made",
            "/loyalty/referrals",
            "referral",
            visit.channel,
            referred=numbered(rng, "friend"),
            platform=pick(rng, _NETWORKS),
        )
    if rng.random() < 0.2 * praises:
        _mention(world, customer, visit, product)


def _mention(world: World, customer: Customer, visit: Visit, product: str | None) -> None:
    rng = world.rng
    theme = TOUCHPOINTS[visit.touchpoint].theme
    world.tell(
        customer,
        visit.ended + between(rng, MINUTE, 8 * HOUR),
        "mention.posted",
        "/social/listening",
        "mention",
        "social",
        platform=pick(rng, _NETWORKS),
        reach=int(20 / (1.003 - rng.random())),
        sentiment=round(visit.quality, 2),
        language=customer.language,
        comment=comment(rng, customer.language, theme, visit.quality, product=product),
    )
