"""A model of the customer's journey: its stages, in order, and the touchpoints of each."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

from pipeline.span import HOUR

#: A purchase that comes so long after the last step belongs to it (ms).
WITHIN: Final = HOUR


@dataclass(frozen=True, slots=True)
class Journey:
    """A model of the journey.

    stages: touchpoint → stage, in the order of the journey. parts: stage → the part of the service that it belongs to.
    essential: touchpoints that must always be positive (moments of truth).
    targets: stage → metric → what its value should be at least (where less is better: at most).
    last_steps: touchpoints at which a purchase is about to be made; within: how long until it counts as lost (ms).
    order: all stages, those without touchpoints included.
    """

    name: str
    stages: Mapping[str, str]
    order: tuple[str, ...] = ()
    parts: Mapping[str, str] = field(default_factory=dict)
    essential: frozenset[str] = frozenset()
    targets: Mapping[str, Mapping[str, float]] = field(default_factory=dict)
    last_steps: frozenset[str] = frozenset()
    within: int = WITHIN

    def stage(self, touchpoint: str | None) -> str | None:
        """The stage of a touchpoint; None where the model does not know it."""
        return self.stages.get(touchpoint) if touchpoint is not None else None


#: No model: only events that name their stage have one.
NO_JOURNEY = Journey("none", {})
