"""Where customers meet the company: every touchpoint, and how it is on an ordinary day.

The names are those of `schemas/journeys/five-phases.yml`, so that each has a stage.
"""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Touchpoint:
    """One touchpoint.

    theme: what a comment about it is about, a key of the phrases. quality: how a visit that succeeds feels,
    -1 to 1. fails, abandons: shares of visits on an ordinary day. duration_s: of a usual visit.
    """

    name: str
    theme: str
    quality: float
    fails: float
    abandons: float
    duration_s: int


_ALL = (
    Touchpoint("advert", "web", 0.25, 0.00, 0.20, 12),
    Touchpoint("social-media", "web", 0.35, 0.00, 0.15, 20),
    Touchpoint("newsletter", "loyalty", 0.30, 0.01, 0.25, 35),
    Touchpoint("search", "web", 0.35, 0.03, 0.12, 45),
    Touchpoint("website", "web", 0.35, 0.03, 0.08, 80),
    Touchpoint("app", "web", 0.40, 0.03, 0.05, 50),
    Touchpoint("product-page", "web", 0.45, 0.02, 0.10, 120),
    Touchpoint("comparison", "web", 0.30, 0.03, 0.15, 150),
    Touchpoint("store-visit", "store", 0.50, 0.03, 0.15, 1_500),
    Touchpoint("phone-advice", "support", 0.45, 0.04, 0.06, 420),
    Touchpoint("quote", "support", 0.30, 0.04, 0.15, 900),
    Touchpoint("checkout", "checkout", 0.40, 0.03, 0.07, 140),
    Touchpoint("payment", "payment", 0.45, 0.03, 0.02, 50),
    Touchpoint("order", "store", 0.50, 0.02, 0.03, 240),
    Touchpoint("delivery", "delivery", 0.50, 0.06, 0.00, 180),
    Touchpoint("unboxing", "product", 0.55, 0.04, 0.00, 400),
    Touchpoint("onboarding", "product", 0.35, 0.05, 0.10, 600),
    Touchpoint("use", "product", 0.45, 0.06, 0.03, 1_800),
    Touchpoint("invoice", "payment", 0.30, 0.04, 0.00, 90),
    Touchpoint("self-service", "support", 0.15, 0.10, 0.15, 160),
    Touchpoint("support-chat", "support", 0.30, 0.05, 0.08, 540),
    Touchpoint("support-phone", "support", 0.35, 0.05, 0.08, 480),
    Touchpoint("support-email", "support", 0.20, 0.05, 0.04, 300),
    Touchpoint("returns", "returns", 0.20, 0.06, 0.05, 260),
    Touchpoint("loyalty-programme", "loyalty", 0.45, 0.02, 0.08, 90),
    Touchpoint("renewal", "loyalty", 0.35, 0.03, 0.10, 120),
    Touchpoint("community", "loyalty", 0.45, 0.01, 0.08, 240),
)

TOUCHPOINTS = {touchpoint.name: touchpoint for touchpoint in _ALL}

# Which touchpoint takes a contact that comes in through a channel.
SUPPORT = {
    "chat": "support-chat",
    "app": "support-chat",
    "web": "support-chat",
    "phone": "support-phone",
    "email": "support-email",
    "shop": "store-visit",
}
