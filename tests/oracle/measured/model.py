"""The journey, and what things are worth."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path

import yaml

from tests.oracle.reading import DAY, HOUR

FIVE_PHASES = Path(__file__).parents[3] / "schemas" / "journeys" / "five-phases.yml"
ENGAGEMENT = {"touchpoint.visited": 1, "survey.answered": 3, "review.posted": 5, "purchase.completed": 5,
              "share.made": 5, "referral.made": 10}  # fmt: skip


@dataclass(frozen=True)
class Journey:
    """stages: touchpoint → stage. order: all stages. within: ms, for a purchase after the last step."""

    stages: Mapping[str, str]
    order: tuple[str, ...]
    last_steps: frozenset[str] = frozenset()
    within: int = HOUR

    def next(self, stage: str) -> str | None:
        """The stage behind another one."""
        place = self.order.index(stage) + 1 if stage in self.order else len(self.order)
        return self.order[place] if place < len(self.order) else None


WINDOWS = {"24h": DAY, "7d": 7 * DAY, "28d": 28 * DAY}


@dataclass(frozen=True)
class Model:
    """What a history is measured by.

    told: people that hear of a bad experience. engagement: points by type of event. windows: ms.
    """

    journey: Journey
    told: int = 12
    engagement: Mapping[str, int] = field(default_factory=lambda: ENGAGEMENT)
    windows: Mapping[str, int] = field(default_factory=lambda: WINDOWS)


@cache
def default() -> Model:
    """What holds where nobody has set anything else."""
    written = yaml.safe_load(FIVE_PHASES.read_text())
    stages = {name: stage for stage, of in written["stages"].items() for name in of["touchpoints"]}
    last = written["last_step"]
    assert last["within"] == "1h"
    return Model(Journey(stages, tuple(written["stages"]), frozenset(last["touchpoints"]), HOUR))
