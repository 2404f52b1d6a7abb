"""Reads a journey model, which people write in YAML."""

from __future__ import annotations

from pathlib import Path

from pydantic import BaseModel, ConfigDict, ValidationError

from pipeline.errors import FileError, MistakesError
from pipeline.events.journey import Journey
from pipeline.yaml_places import read


class _Written(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True)

    journey: str
    stages: dict[str, list[str]]


def read_journey(path: Path) -> Journey:
    """Read one model. Raises FileError, or MistakesError with every mistake's place."""
    document = read(path)
    if document.mistakes:
        raise MistakesError(document.mistakes)
    try:
        written = _Written.model_validate(document.data)
    except ValidationError as error:
        raise MistakesError([document.mistake(e["loc"], e["msg"]) for e in error.errors()]) from error
    stages: dict[str, str] = {}
    for stage, touchpoints in written.stages.items():
        for touchpoint in touchpoints:
            if touchpoint in stages:
                raise FileError(
                    f'{path}: the touchpoint "{touchpoint}" is in {stages[touchpoint]} and in {stage}; keep one'
                )
            stages[touchpoint] = stage
    return Journey(written.journey, stages)
