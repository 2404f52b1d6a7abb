"""Surveys: what customers answer when they are asked how it was."""

from pipeline.demo.chance import score
from pipeline.demo.comments import comment, trouble
from pipeline.demo.customers import Customer
from pipeline.demo.touchpoints import TOUCHPOINTS
from pipeline.demo.world import World


def answer_survey(
    world: World,
    customer: Customer,
    at: int,
    touchpoint: str,
    channel: str,
    quality: float,
    *,
    bad_day: bool = False,
    product: str | None = None,
    survey: str | None = None,
) -> None:
    """Sends `survey.answered` about a touchpoint: one score at least, often two, a comment now and then.

    quality: how it was, -1 to 1; all scores follow from it. bad_day: complain about that.
    survey: the questionnaire, else that of the touchpoint's theme.
    """
    rng = world.rng
    theme = TOUCHPOINTS[touchpoint].theme
    felt = 0.8 * quality + 0.2 * customer.mood
    more: dict[str, object] = {"survey_id": survey or theme, "language": customer.language}
    if (team := _TEAMS.get(theme)) is not None:
        more["attributes"] = {"team": team}
    said = felt
    asked = rng.random()
    if asked < 0.8:
        nps = score(rng, 6.2 + 4.3 * felt, 1.4, 0, 10)
        more["nps"] = nps
        said = (nps - 6.2) / 4.3
    csat = score(rng, 3.1 + 1.9 * (felt + said) / 2, 0.5, 1, 5)
    if "nps" not in more:
        said = (csat - 3.1) / 1.9
    if asked > 0.2:
        more["csat"] = csat
    if rng.random() < 0.4:
        more["ces"] = score(rng, 4.3 + 2.7 * felt, 0.9, 1, 7)
    if rng.random() < 0.15:
        more["expected"] = score(rng, 3.6 + 0.5 * customer.mood, 0.7, 1, 5)
        more["experienced"] = csat
    if rng.random() < 0.25:
        more["goal_reached"] = rng.random() < 0.5 + 0.5 * quality
    if rng.random() < 0.1:
        more["tone"] = score(rng, 3.4 + 1.6 * quality, 0.6, 1, 5)
    # Both ends of the scale write more than the middle, in words that agree with the score beside them.
    if rng.random() < 0.3 + 0.4 * abs(quality):
        if bad_day and said < 0 and rng.random() < 0.5:
            more["comment"] = trouble(rng, customer.language, TOUCHPOINTS[touchpoint])
        else:
            more["comment"] = comment(
                rng, customer.language, theme, said, product=product, persona=customer.persona.name
            )
    if product is not None:
        more["product"] = product
    world.tell(customer, at, "survey.answered", "/surveys", touchpoint, channel, **more)


#: Who answers for a theme: the names of the employees' teams, so that their moods can be compared.
_TEAMS = {
    "support": "care", "returns": "care", "store": "stores", "delivery": "couriers", "product": "warehouse",
    "web": "web", "checkout": "web", "payment": "web",
}  # fmt: skip
