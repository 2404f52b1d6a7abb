"""Reviews: posted on a platform, answered quickly, late or never, and edited now and then."""

from pipeline.demo.chance import Weighted, numbered, pick
from pipeline.demo.comments import comment, title
from pipeline.demo.customers import Customer
from pipeline.demo.hours import when_open
from pipeline.demo.touchpoints import TOUCHPOINTS
from pipeline.demo.world import World
from pipeline.span import DAY, HOUR, MINUTE

_PLATFORMS = Weighted({"google": 0.35, "trustpilot": 0.25, "kiyoh": 0.2, "own-site": 0.12, "app-store": 0.08})
_RESPONDERS = ("Sanne", "Mo", "Daan", "Priya", "reputation-team")


def post_review(
    world: World, customer: Customer, at: int, touchpoint: str, quality: float, product: str | None = None
) -> None:
    """Sends `review.posted` and all that follows from it.

    One in three does not say who wrote it: no subject, and no fields that would tell.
    """
    rng = world.rng
    platform = _PLATFORMS.draw(rng)
    review_id = numbered(rng, platform)
    anonymous = rng.random() < 0.35
    subject = None if anonymous else customer.name
    about: dict[str, object] = {"brand": customer.facts["brand"]} if anonymous else dict(customer.facts)
    about |= {"review_id": review_id, "platform": platform, "touchpoint": touchpoint}
    if product is not None:
        about["product"] = product

    def send(moment: int, kind: str, **more: object) -> None:
        world.wire.send(
            moment, kind, f"/reviews/{platform}", about | more, subject=subject, review_id=review_id
        )

    def post(moment: int, feeling: float) -> float:
        stars = max(1.0, min(5.0, rng.gauss(3.4 + 2.2 * feeling, 0.5)))
        # Most platforms know whole stars only.
        rating: float = round(2 * stars) / 2 if rng.random() < 0.25 else round(stars)
        language = customer.language
        more: dict[str, object] = {"rating": rating, "language": language}
        said = (rating - 3.2) / 2  # words agree with the stars above them
        if rng.random() < 0.6:
            more["title"] = title(rng, language, said)
        if rng.random() < 0.85:
            theme = TOUCHPOINTS[touchpoint].theme
            more["comment"] = comment(
                rng, language, theme, said, product=product, persona=customer.persona.name
            )
        send(moment, "review.posted", **more)
        return rating

    rating = post(at, quality)
    bad = rating <= 3
    luck = rng.random()
    if luck < (0.5 if bad else 0.2):
        responded = when_open(rng, at + int((0.3 + 6 * rng.random()) * HOUR), 7, 21)
    elif luck < (0.75 if bad else 0.3):
        responded = at + int((25 + 40 * rng.random()) * HOUR)
    else:
        responded = 0
    if responded:
        send(responded, "review.responded", responder=pick(rng, _RESPONDERS))
    if responded and bad and rng.random() < 0.25:
        post(responded + int((1 + 30 * rng.random()) * HOUR), quality + 0.8)
    elif rng.random() < 0.05:
        post(at + int(10 * MINUTE + 2 * DAY * rng.random()), quality - 0.3)
