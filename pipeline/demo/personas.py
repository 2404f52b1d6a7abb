"""The kinds of people who buy here: how each one moves, buys, complains and praises."""

from dataclasses import dataclass

from pipeline.demo.chance import Weighted


@dataclass(frozen=True, slots=True)
class Persona:
    """One kind of customer.

    activity: errands beside the average customer's. channels: where errands happen; care: where they ask for
    help; entries: the touchpoint a digital errand starts from; errands: what they come for. buys, returns,
    answers (surveys), complains, reviews, praises: probabilities at one occasion. spend: a usual order (EUR).
    mood: how much kinder than the average they judge, -1 to 1; digital: the same on web and app alone.
    """

    name: str
    activity: float
    channels: Weighted[str]
    care: Weighted[str]
    entries: Weighted[str]
    errands: Weighted[str]
    segments: Weighted[str]
    buys: float
    returns: float
    answers: float
    complains: float
    reviews: float
    praises: float
    spend: float
    mood: float
    digital: float


_BARGAIN_HUNTER = Persona(
    name="bargain-hunter",
    activity=1.15,
    channels=Weighted({"web": 0.60, "app": 0.25, "shop": 0.10, "email": 0.05}),
    care=Weighted({"chat": 0.50, "email": 0.30, "app": 0.12, "phone": 0.08}),
    entries=Weighted({"advert": 0.35, "newsletter": 0.30, "search": 0.25, "social-media": 0.10}),
    errands=Weighted({"shop": 0.68, "manage": 0.10, "ask": 0.10, "belong": 0.12}),
    segments=Weighted({"new": 0.35, "regular": 0.60, "vip": 0.05}),
    buys=0.38, returns=0.12, answers=0.16, complains=0.34, reviews=0.045, praises=0.05,
    spend=38.0, mood=-0.05, digital=0.0,
)  # fmt: skip
_LOYAL_REGULAR = Persona(
    name="loyal-regular",
    activity=1.2,
    channels=Weighted({"web": 0.40, "app": 0.28, "shop": 0.27, "phone": 0.05}),
    care=Weighted({"phone": 0.35, "chat": 0.30, "app": 0.15, "shop": 0.15, "email": 0.05}),
    entries=Weighted({"newsletter": 0.40, "search": 0.30, "product-page": 0.25, "advert": 0.05}),
    errands=Weighted({"shop": 0.58, "manage": 0.14, "ask": 0.08, "belong": 0.20}),
    segments=Weighted({"new": 0.05, "regular": 0.65, "vip": 0.30}),
    buys=0.58, returns=0.05, answers=0.28, complains=0.24, reviews=0.04, praises=0.16,
    spend=64.0, mood=0.15, digital=0.0,
)  # fmt: skip
_FIRST_TIMER = Persona(
    name="anxious-first-timer",
    activity=0.75,
    channels=Weighted({"web": 0.62, "app": 0.12, "shop": 0.18, "chat": 0.08}),
    care=Weighted({"chat": 0.42, "phone": 0.36, "email": 0.22}),
    entries=Weighted({"search": 0.40, "advert": 0.25, "social-media": 0.20, "community": 0.15}),
    errands=Weighted({"shop": 0.62, "manage": 0.18, "ask": 0.18, "belong": 0.02}),
    segments=Weighted({"new": 0.85, "regular": 0.15}),
    buys=0.40, returns=0.14, answers=0.20, complains=0.42, reviews=0.05, praises=0.07,
    spend=52.0, mood=-0.02, digital=-0.05,
)  # fmt: skip
_BUSINESS_BUYER = Persona(
    name="business-buyer",
    activity=1.0,
    channels=Weighted({"web": 0.55, "email": 0.20, "phone": 0.17, "shop": 0.08}),
    care=Weighted({"phone": 0.45, "email": 0.45, "chat": 0.10}),
    entries=Weighted({"search": 0.50, "product-page": 0.30, "comparison": 0.20}),
    errands=Weighted({"shop": 0.60, "manage": 0.22, "ask": 0.13, "belong": 0.05}),
    segments=Weighted({"business": 1.0}),
    buys=0.62, returns=0.06, answers=0.15, complains=0.38, reviews=0.015, praises=0.04,
    spend=340.0, mood=0.0, digital=0.05,
)  # fmt: skip
_DIGITAL_SCEPTIC = Persona(
    name="digital-sceptic",
    activity=0.7,
    channels=Weighted({"shop": 0.55, "phone": 0.25, "web": 0.20}),
    care=Weighted({"phone": 0.70, "shop": 0.25, "email": 0.05}),
    entries=Weighted({"search": 0.60, "advert": 0.20, "newsletter": 0.20}),
    errands=Weighted({"shop": 0.66, "manage": 0.06, "ask": 0.20, "belong": 0.08}),
    segments=Weighted({"new": 0.20, "regular": 0.70, "vip": 0.10}),
    buys=0.50, returns=0.06, answers=0.12, complains=0.36, reviews=0.015, praises=0.06,
    spend=71.0, mood=0.08, digital=-0.32,
)  # fmt: skip
_TREND_SEEKER = Persona(
    name="trend-seeker",
    activity=1.2,
    channels=Weighted({"app": 0.62, "web": 0.28, "shop": 0.10}),
    care=Weighted({"app": 0.55, "chat": 0.45}),
    entries=Weighted({"social-media": 0.60, "search": 0.20, "advert": 0.20}),
    errands=Weighted({"shop": 0.66, "manage": 0.14, "ask": 0.06, "belong": 0.14}),
    segments=Weighted({"new": 0.30, "regular": 0.55, "vip": 0.15}),
    buys=0.42, returns=0.18, answers=0.12, complains=0.26, reviews=0.07, praises=0.22,
    spend=59.0, mood=0.06, digital=0.05,
)  # fmt: skip

PERSONAS = Weighted(
    {
        _BARGAIN_HUNTER: 0.25,
        _LOYAL_REGULAR: 0.25,
        _FIRST_TIMER: 0.18,
        _BUSINESS_BUYER: 0.13,
        _DIGITAL_SCEPTIC: 0.10,
        _TREND_SEEKER: 0.09,
    }
)
NEWCOMERS = Weighted({_FIRST_TIMER: 0.5, _BARGAIN_HUNTER: 0.2, _TREND_SEEKER: 0.15, _BUSINESS_BUYER: 0.15})
