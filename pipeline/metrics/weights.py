"""What events are worth where they are weighed."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

#: Points of engagement, by type of event; who tells others is worth more than who looks.
ENGAGEMENT: Final[Mapping[str, int]] = {
    "touchpoint.visited": 1, "survey.answered": 3, "review.posted": 5, "purchase.completed": 5, "share.made": 5,
    "referral.made": 10,
}  # fmt: skip
#: Whoever had a bad experience tells 9 to 15 people (White House Office of Consumer Affairs, TARP 1986).
TOLD: Final = 12


@dataclass(frozen=True, slots=True)
class Weights:
    """engagement: type of event, without `cx.` → points. told: people who hear of a bad experience."""

    engagement: Mapping[str, int] = field(default_factory=lambda: dict(ENGAGEMENT))
    told: int = TOLD

    def points(self, event: str) -> int:
        """What one event of a type is worth."""
        return self.engagement.get(event, 0)


#: Where the settings say nothing.
DEFAULT_WEIGHTS: Final = Weights()
