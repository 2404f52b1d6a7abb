"""Which stage of the journey a touchpoint belongs to."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from pipeline.errors import CxloopError, MistakesError
from pipeline.events.journey import NO_JOURNEY, Journey
from pipeline.journey_file import read_journey
from pipeline.settings import SHIPPED, Settings, load
from pipeline.span import MINUTE


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
        written(
            tmp_path,
            "journey: own\n"
            "stages:\n"
            "  begin: {touchpoints: [a, b], part: first, target: {nps: 20, visits_lost: 0.1}}\n"
            "  end: {touchpoints: [c]}\n"
            "  none: {}\n"
            "essential: [b]\n"
            "last_step: {touchpoints: [c], within: 30m}\n",
        )
    )
    assert journey == Journey(
        "own", {"a": "begin", "b": "begin", "c": "end"}, ("begin", "end", "none"), {"begin": "first"},
        frozenset("b"), {"begin": {"nps": 20, "visits_lost": 0.1}}, frozenset("c"), 30 * MINUTE,
    )  # fmt: skip


MODELS = sorted((SHIPPED / "schemas" / "journeys").glob("*.yml"))


@pytest.mark.parametrize("file", MODELS, ids=lambda file: file.stem)
def test_the_models_that_ship_know_every_touchpoint_of_the_default_one(file: Path) -> None:
    journey, default = read_journey(file), read_journey(Settings().journey)
    assert journey.name == file.stem
    assert journey.stages.keys() == default.stages.keys()
    assert journey.essential
    assert journey.last_steps
    assert set(journey.targets) == set(journey.order)


@pytest.mark.parametrize(
    ("name", "order"),
    [
        ("five-phases", "awareness consideration conversion loyalty advocacy"),
        ("six-steps", "need awareness interaction experience engagement loyalty"),
        (
            "eight-steps",
            "aware interested first-acquaintance purchase use after-contact repeat tells-others",
        ),
        ("purchase-journey", "research compare purchase use-and-help"),
        ("five-as", "attract accept adopt amplify advance"),
    ],
)
def test_a_model_is_chosen_by_its_name(name: str, order: str) -> None:
    assert read_journey(load(journey=name).journey).order == tuple(order.split())


def test_the_eight_steps_belong_to_four_parts() -> None:
    journey = read_journey(load(journey="eight-steps").journey)
    assert list(dict.fromkeys(journey.parts[stage] for stage in journey.order)) == [
        "discovery", "relation", "purchase", "follow-up",
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("target: {npss: 3}}", '4:28: unknown metric "npss"; did you mean "nps"?'),
        ("target: {nps: 300}}", "4:33: nps is from -100 to 100, and never 300"),
        ("target: {visits: -1}}", "4:36: visits is 0 at least, and never -1"),
        ("target: {visits: 3}}", "4:36: of visits nobody can say what is better; it has no target"),
        ("}\nessential: [d]", '5:13: no stage has the touchpoint "d"; known are: a, c'),
        (
            "}\nlast_step: {touchpoints: [aa], within: 1 business day}",
            '5:27: no stage has the touchpoint "aa"; did you mean "a"?',
        ),
        ("}\nlast_step: {touchpoints: [a], within: soon}", '5:39: within: "soon" is no length of time here'),
    ],
)
def test_what_a_model_asks_for_has_to_exist(text: str, said: str, tmp_path: Path) -> None:
    begins = "journey: own\nstages:\n  begin: {touchpoints: [a]}\n  end: {touchpoints: [c], "
    found = wrong(tmp_path, begins + text + "\n")
    assert any(said.partition(": ")[2] in line for line in found), found


def test_an_empty_file_is_no_journey(tmp_path: Path) -> None:
    assert wrong(tmp_path, "") == ['1:1: the file is empty; a journey begins with "journey:" and its name']


def test_a_touchpoint_has_one_stage(tmp_path: Path) -> None:
    (text,) = wrong(
        tmp_path, "journey: own\nstages:\n  begin: {touchpoints: [a, b]}\n  end: {touchpoints: [c, a]}\n"
    )
    assert 'the touchpoint "a" is in begin and in end; keep one' in text


@pytest.mark.parametrize(
    ("text", "place"),
    [
        ("journey: own\nstages:\n  begin: {touchpoints: [a, b]}\n  end: {touchpoints: [c, a]}\n", "4:26"),
        ("journey: own\nstages:\n  begin: {touchpoints: [a, 5]}\n", "3:28"),
        ("journey: own\nstages: [a]\n", "2:9"),
        ("journey: own\nstages: {begin: {touchpoints: [a]}}\nstage: 1\n", "3:1"),
        ("stages: {begin: {touchpoints: [a]}}\n", "1:1"),
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
