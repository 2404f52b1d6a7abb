"""Which stage of the customer's journey a touchpoint belongs to."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Journey:
    """A model of the journey. stages: touchpoint → stage."""

    name: str
    stages: Mapping[str, str]

    def stage(self, touchpoint: str | None) -> str | None:
        """The stage of a touchpoint; None where the model does not know it."""
        return self.stages.get(touchpoint) if touchpoint is not None else None


#: No model: only events that name their stage have one.
NO_JOURNEY = Journey("none", {})
