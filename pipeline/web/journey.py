"""The map of the journey: stages in their order, the touchpoints of each, and how it is there."""

from __future__ import annotations

from pipeline.events.journey import Journey
from pipeline.metrics.catalogue import METRICS
from pipeline.observe.consistency import places
from pipeline.observe.scoreboard import Scoreboard, Scores

#: Of touchpoints that no stage has, so many are shown.
MOST_UNKNOWN = 20
#: What is said of a touchpoint.
SHOWN = ("emotion", "nps", "csat", "visits", "visits_lost", "last_step_lost")


def journey_map(journey: Journey, board: Scoreboard | None) -> dict[str, object]:
    """The model, and window → what is known of its stages and touchpoints, and of those that no stage has."""
    windows = {window: _window(journey, board, window) for window in board.at} if board is not None else {}
    return {
        "name": journey.name,
        "stages": [{"stage": stage, "part": journey.parts.get(stage)} for stage in journey.order],
        "windows": windows,
    }


def _window(journey: Journey, board: Scoreboard, window: str) -> dict[str, object]:
    touchpoints = board.scores.get((window, "touchpoint"), {})
    stages = board.scores.get((window, "stage"), {})
    listed = places(journey)
    unknown = sorted(
        (name for name in touchpoints if name not in listed),
        key=lambda name: (-touchpoints[name].samples("visits"), name),
    )
    nobody = Scores()
    return {
        "stages": {stage: _stage(journey, stage, stages.get(stage, nobody)) for stage in journey.order},
        "touchpoints": [
            {"touchpoint": name, "stage": stage, "essential": name in journey.essential}
            | _scores(touchpoints.get(name, nobody))
            for name, (stage, _) in listed.items()
        ],
        "unknown": [{"touchpoint": name} | _scores(touchpoints[name]) for name in unknown[:MOST_UNKNOWN]],
        "more_unknown": max(0, len(unknown) - MOST_UNKNOWN),
    }


def _stage(journey: Journey, stage: str, scores: Scores) -> dict[str, object]:
    targets = []
    for name, target in journey.targets.get(stage, {}).items():
        found, metric = scores.result(name), METRICS[name]
        met = None if found is None else (found - target) * metric.better >= 0
        targets.append(
            {"metric": name, "title": metric.title, "unit": metric.unit, "better": metric.better, "target": target,
             "value": cut(found), "met": met}
        )  # fmt: skip
    return {
        "targets": targets,
        "conversion": cut(scores.result("stage_conversion")),
        "reached": scores.samples("stage_conversion"),
    }


def _scores(scores: Scores) -> dict[str, object]:
    return {
        "scores": {name: cut(scores.result(name)) for name in SHOWN},
        "samples": {name: scores.samples(name) for name in ("emotion", "nps", "csat")},
    }


def cut(number: float | None) -> float | None:
    """Six digits say enough on a page."""
    return None if number is None else float(f"{number:.6g}")
