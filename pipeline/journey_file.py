"""Reads a journey model, which people write in YAML."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field

from pipeline.errors import Mistake, MistakesError
from pipeline.events.journey import WITHIN, Journey
from pipeline.metrics.catalogue import METRICS
from pipeline.nearest import did_you_mean
from pipeline.span import Span
from pipeline.written import validated
from pipeline.yaml_places import Document, Path_, read

Name = Annotated[str, Field(min_length=1, max_length=256)]


class _Stage(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True)

    touchpoints: Annotated[list[Name], Field(description="a list of touchpoints")] = []
    part: Annotated[str | None, Field(description="the part of the service that the stage belongs to")] = None
    target: Annotated[
        dict[str, float],
        Field(strict=False, description="metrics with what they should be, such as {nps: 20}"),
    ] = {}


class _LastStep(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True)

    touchpoints: Annotated[
        list[Name], Field(description="touchpoints at which a purchase is about to be made")
    ]
    within: Annotated[str, Field(description="how long a purchase may take from there, such as 1h")] = "1h"


class _Written(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True)

    journey: Annotated[str, Field(description="the journey's name")]
    summary: Annotated[str, Field(description="a sentence about it")] = ""
    stages: Annotated[
        dict[str, _Stage], Field(description="stages in their order, each with its touchpoints")
    ]
    essential: Annotated[
        list[str], Field(description="a list of touchpoints that must always be positive")
    ] = []
    last_step: Annotated[_LastStep | None, Field(description="the touchpoints before a purchase")] = None


def read_journey(path: Path) -> Journey:
    """Read one model. Raises FileError, or MistakesError with every mistake's place."""
    document = read(path)
    if document.mistakes:
        raise MistakesError(document.mistakes)
    if document.data is None:
        text = 'the file is empty; a journey begins with "journey:" and its name'
        raise MistakesError([document.mistake((), text)])
    mistakes: list[Mistake] = []
    written = validated(_Written, document.data, document, (), mistakes, "a journey")
    found = _journey(written, document, mistakes) if written is not None else None
    if mistakes or found is None:
        raise MistakesError(mistakes)
    return found


def _journey(written: _Written, document: Document, mistakes: list[Mistake]) -> Journey:
    stages: dict[str, str] = {}
    for stage, said in written.stages.items():
        for number, touchpoint in enumerate(said.touchpoints):
            if touchpoint in stages:
                text = f'the touchpoint "{touchpoint}" is in {stages[touchpoint]} and in {stage}; keep one'
                mistakes.append(document.mistake(("stages", stage, "touchpoints", number), text))
            stages.setdefault(touchpoint, stage)
        for metric, target in said.target.items():
            if text := _wrong_target(metric, target):
                mistakes.append(document.mistake(("stages", stage, "target", metric), text))

    def known(names: list[str], path: Path_) -> frozenset[str]:
        for number, name in enumerate(names):
            if name not in stages:
                text = f'no stage has the touchpoint "{name}"; {did_you_mean(name, list(stages))}'
                mistakes.append(document.mistake((*path, number), text))
        return frozenset(names)

    last, within = written.last_step, WITHIN
    if last is not None:
        try:
            span = Span.parse(last.within)
            if span.business or span.millis <= 0:
                raise ValueError
            within = span.millis
        except ValueError:
            text = f'within: "{last.within}" is no length of time here; write for example 1h'
            mistakes.append(document.mistake(("last_step", "within"), text))
    return Journey(
        written.journey, stages, tuple(written.stages),
        {stage: said.part for stage, said in written.stages.items() if said.part is not None},
        known(written.essential, ("essential",)),
        {stage: dict(said.target) for stage, said in written.stages.items() if said.target},
        known(last.touchpoints, ("last_step", "touchpoints")) if last is not None else frozenset(),
        within,
    )  # fmt: skip


def _wrong_target(name: str, target: float) -> str:
    """What is wrong with a target; "" where nothing is."""
    metric = METRICS.get(name)
    if metric is None:
        return f'unknown metric "{name}"; {did_you_mean(name, list(METRICS))}'
    if not metric.low <= target <= metric.high:
        reach = "0 at least" if math.isinf(metric.high) else f"from {metric.low:g} to {metric.high:g}"
        return f"{name} is {reach}, and never {target:g}"
    if metric.better == 0:
        return f"of {name} nobody can say what is better; it has no target"
    return ""
