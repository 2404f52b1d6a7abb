"""Whether a journey holds together: how much channels differ, and where nobody is asked."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Final

from pipeline.events.journey import Journey
from pipeline.metrics.room import OTHER
from pipeline.observe.views import MetricValue

#: Scores that channels are compared by.
COMPARED: Final = ("nps", "csat", "ces", "emotion")
#: A channel with fewer answers says too little of itself to be compared.
ENOUGH: Final = 10
#: What customers say themselves.
FEEDBACK: Final = ("nps", "csat", "ces", "expectation_gap", "goal_reached", "review_rating")


@dataclass(slots=True)
class Consistency:
    """What the values of one moment say.

    spread: (window, metric) → the greatest less the smallest value of the channels that have enough answers.
    covered: window → share of the model's touchpoints with feedback in it.
    unknown: touchpoints that no stage of the model has.
    """

    spread: dict[tuple[str, str], float] = field(default_factory=dict)
    covered: dict[str, float] = field(default_factory=dict)
    unknown: set[str] = field(default_factory=set)


def consistency(values: Iterable[MetricValue], journey: Journey) -> Consistency:
    """Go once over all values."""
    by_channel: dict[tuple[str, str], list[float]] = {}
    heard: dict[str, set[str]] = {}
    found = Consistency()
    for one in values:
        if one.at < 0:
            continue
        asked = heard.setdefault(one.window, set())
        if one.dimension == "channel" and one.metric in COMPARED and one.samples >= ENOUGH:
            by_channel.setdefault((one.window, one.metric), []).append(one.result)
        elif one.dimension == "touchpoint":
            if one.value not in journey.stages and one.value != OTHER:
                found.unknown.add(one.value)
            if one.metric in FEEDBACK and one.samples > 0:
                asked.add(one.value)
    found.spread = {place: max(of) - min(of) for place, of in by_channel.items() if len(of) > 1}
    if journey.stages:
        found.covered = {
            window: len(asked & journey.stages.keys()) / len(journey.stages)
            for window, asked in heard.items()
        }
    return found


def places(journey: Journey) -> Mapping[str, tuple[str, str]]:
    """Touchpoint of the model → its stage, and its number in the order of the journey, such as "07"."""
    listed = [name for stage in journey.order for name, of in journey.stages.items() if of == stage]
    return {name: (journey.stages[name], f"{number:02}") for number, name in enumerate(listed, 1)}
