"""Which stage of the journey a touchpoint belongs to."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from pipeline.errors import CxloopError, MistakesError
from pipeline.events.journey import NO_JOURNEY, Journey
from pipeline.journey_file import read_journey
from pipeline.settings import SHIPPED


def written(folder: Path, text: str) -> Path:
    file = folder / "journey.yml"
    file.write_text(text)
    return file


def wrong(folder: Path, text: str) -> list[str]:
    file = written(folder, text)
    with pytest.raises(CxloopError) as caught:
        read_journey(file)
    return str(caught.value).replace(f"{file}:", "").splitlines()


def test_the_shipped_journey_has_five_phases() -> None:
    journey = read_journey(SHIPPED / "schemas" / "journeys" / "five-phases.yml")
    assert journey.name == "five-phases"
    assert set(journey.stages.values()) == {"awareness", "consideration", "conversion", "loyalty", "advocacy"}
    assert journey.stage("checkout") == "conversion"


@pytest.mark.parametrize("touchpoint", ["moon", "", None])
def test_a_touchpoint_that_the_journey_does_not_know_has_no_stage(touchpoint: str | None) -> None:
    assert Journey("short", {"till": "conversion"}).stage(touchpoint) is None
    assert NO_JOURNEY.stage(touchpoint) is None


def test_a_journey_is_read_from_a_file(tmp_path: Path) -> None:
    journey = read_journey(
        written(tmp_path, "journey: own\nstages:\n  begin: [a, b]\n  end: [c]\n  none: []\n")
    )
    assert journey == Journey("own", {"a": "begin", "b": "begin", "c": "end"})


def test_a_touchpoint_has_one_stage(tmp_path: Path) -> None:
    (text,) = wrong(tmp_path, "journey: own\nstages:\n  begin: [a, b]\n  end: [c, a]\n")
    assert 'the touchpoint "a" is in begin and in end; keep one' in text


@pytest.mark.parametrize(
    ("text", "place"),
    [
        ("journey: own\nstages:\n  begin: [a, b]\n  end: [c, a]\n", "4:12"),
        ("journey: own\nstages:\n  begin: [a, 5]\n", "3:14"),
        ("journey: own\nstages: [a]\n", "2:9"),
        ("journey: own\nstages: {begin: [a]}\nstage: 1\n", "3:1"),
        ("stages: {begin: [a]}\n", "1:1"),
        ("", "1:1"),
    ],
)
def test_what_is_wrong_is_said_in_plain_words_with_its_place(text: str, place: str, tmp_path: Path) -> None:
    for line in wrong(tmp_path, text):
        assert line.startswith(f"{place}: ")
        assert not re.search(r"Input should|Extra inputs|Field required|_Written", line)


@pytest.mark.parametrize(
    "text", ["journey: [", "journey: own\njourney: two\nstages: {}\n", "journey: no\nstages: {}\n"]
)
def test_what_is_no_plain_yaml_is_refused(text: str, tmp_path: Path) -> None:
    with pytest.raises(MistakesError):
        read_journey(written(tmp_path, text))
