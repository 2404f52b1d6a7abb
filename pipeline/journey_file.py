"""Reads a journey model, which people write in YAML."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field

from pipeline.errors import Mistake, MistakesError
from pipeline.events.journey import Journey
from pipeline.written import validated
from pipeline.yaml_places import read


class _Written(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True)

    journey: Annotated[str, Field(description="the journey's name")]
    stages: Annotated[dict[str, list[str]], Field(description="stages, each with a list of touchpoints")]


def read_journey(path: Path) -> Journey:
    """Read one model. Raises FileError, or MistakesError with every mistake's place."""
    document = read(path)
    if document.mistakes:
        raise MistakesError(document.mistakes)
    mistakes: list[Mistake] = []
    written = validated(_Written, document.data, document, (), mistakes, "a journey")
    stages: dict[str, str] = {}
    for stage, touchpoints in written.stages.items() if written is not None else ():
        for number, touchpoint in enumerate(touchpoints):
            if touchpoint in stages:
                text = f'the touchpoint "{touchpoint}" is in {stages[touchpoint]} and in {stage}; keep one'
                mistakes.append(document.mistake(("stages", stage, number), text))
            stages.setdefault(touchpoint, stage)
    if mistakes or written is None:
        raise MistakesError(mistakes)
    return Journey(written.journey, stages)
