"""Every metric of the catalogue, by the replay and by the oracle, on generated histories.

The seeds are fixed, so that a run says the same each time; `CXLOOP_EXPLORE=1` draws others, and `CXLOOP_EXAMPLES=n` so
many of them.
"""

from __future__ import annotations

import os
import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from random import Random

import pytest

from pipeline import parts as all_parts
from pipeline.events.journey import Journey
from pipeline.events.model import EVENTS_BY_NAME
from pipeline.metrics.catalogue import METRICS
from pipeline.metrics.weights import DEFAULT_WEIGHTS, Weights
from pipeline.metrics.window import window
from pipeline.replay import Run
from pipeline.settings import Settings
from tests import lives
from tests.generate import NOW
from tests.golden_runner import compact, said
from tests.lives import MODEL, Step, live
from tests.oracle import measured, run
from tests.oracle.measured import Model
from tests.oracle.reading import DAY, HOUR, rfc3339
from tests.unit.test_differential import events_of, metric_differences

FIRST = int(time.time()) * 10_000 if os.environ.get("CXLOOP_EXPLORE") else 0
EXAMPLES = int(os.environ.get("CXLOOP_EXAMPLES") or 0)
pytestmark = [pytest.mark.slow, pytest.mark.timeout(600)]
LEVELS = ("contacts_open", "reviews_waiting", "promises_overdue")
SIZE = {"everything": 100}
ENDS = [None, 0, HOUR, 2 * DAY, 30 * DAY]


class Bench:
    """Hearts with the journey of these histories."""

    def __init__(self, folder: Path, written: str, weights: Weights = DEFAULT_WEIGHTS) -> None:
        self.events, rules = folder / "events.jsonl", folder / "rules.yml"
        rules.write_text(written)
        journey = MODEL.journey
        model = Journey(
            "five-phases", journey.stages, journey.order, last_steps=journey.last_steps, within=journey.within
        )
        windows = tuple(window(length)._replace(name=name) for name, length in MODEL.windows.items())
        parts = all_parts.build(Settings(), [rules])
        self.parts = replace(
            parts,
            shard=replace(parts.shard, journey=model, weights=weights),
            board=replace(parts.board, windows=windows),
        )

    def replay(
        self, lines: Sequence[str], until: int | None, *, partitions: int = 1, batch: int = 2000
    ) -> Run:
        self.events.write_text("".join(line + "\n" for line in lines))
        found = Run(self.parts, partitions, NOW)
        found.files([self.events], until=until, batch=batch)
        return found


@pytest.fixture(scope="module")
def bench(tmp_path_factory: pytest.TempPathFactory) -> Bench:
    return Bench(tmp_path_factory.mktemp("metrics"), lives.RULES)


@pytest.fixture(scope="module")
def calm(tmp_path_factory: pytest.TempPathFactory) -> Bench:
    return Bench(tmp_path_factory.mktemp("calm"), lives.OF_SURVEYS)


def levels(found: Run) -> Counter[str]:
    return Counter(
        {f"{name} {label}": n for (name, label), n in found.levels().items() if name in LEVELS and n}
    )


def differences(
    bench: Bench, told: Sequence[Step], end: int | None, seen: Counter[str], model: Model = MODEL
) -> list[str]:
    """What the oracle and the replay say of a story, where it is not the same. seen: counts what was measured."""
    life = live(told)
    until = None if end is None else life.clock + end
    oracle = run(life.lines, lives.load(lives.RULES), now=NOW, until=until, model=model)
    found = bench.replay(life.lines, until)
    ours, theirs = said(oracle), compact(found.result())
    seen.update({line["metric"] for line in ours if "metric" in line})
    by_us, by_them = events_of(ours), events_of(theirs)
    different = [f"the oracle alone: {line}" for line in by_us - by_them]
    different += [f"the replay alone: {line}" for line in by_them - by_us]
    different += metric_differences(ours, theirs)
    open_to_us = Counter(
        {" ".join(n): m for n, m in measured.levels(oracle.counted, oracle.watermark).items()}
    )
    if open_to_us != levels(found):
        different.append(f"open now: oracle {open_to_us} replay {levels(found)}")
    return different


def explained(bench: Bench, told: Sequence[Step], end: int | None) -> str:
    """The shortest story that differs, and how it does."""
    short = lives.cut_down(told, lambda fewer: bool(differences(bench, fewer, end, Counter())))
    life = live(short)
    until = None if end is None else rfc3339(life.clock + end)
    numbered = [f"{number}: {line}" for number, line in enumerate(life.lines, start=1)]
    return "\n".join([*numbered, f"until: {until}", *differences(bench, short, end, Counter())])


def test_the_oracle_knows_every_metric() -> None:
    assert list(measured.METRICS) == list(METRICS)


@pytest.mark.parametrize("kind", list(lives.LIVES))
def test_the_replay_and_the_oracle_agree_on_every_metric(kind: str, bench: Bench) -> None:
    seen: Counter[str] = Counter()
    for number in range(FIRST, FIRST + (EXAMPLES or 60)):
        chance = Random(f"{kind} {number}")
        told, end = lives.story(kind, chance, size=SIZE.get(kind, 40)), chance.choice(ENDS)
        if differences(bench, told, end, seen):
            pytest.fail(explained(bench, told, end), pytrace=False)
    if kind == "everything" and not EXAMPLES:
        assert [name for name in METRICS if seen[name] < 5] == []


def test_whatever_has_points_counts_for_engagement(tmp_path: Path) -> None:
    points = {name: 1 + n for n, name in enumerate(EVENTS_BY_NAME)}
    model, bench = replace(MODEL, engagement=points), Bench(tmp_path, lives.RULES, Weights(points))
    for number in range(FIRST, FIRST + (EXAMPLES or 5)):
        told = lives.story("everything", Random(f"engagement {number}"), size=100)
        assert differences(bench, told, HOUR, Counter(), model) == []


@pytest.mark.parametrize("kind", list(lives.LIVES))
def test_any_batch_size_gives_the_same_metrics(kind: str, bench: Bench) -> None:
    for number in range(FIRST, FIRST + (EXAMPLES or 6)):
        chance = Random(f"batches of {kind} {number}")
        life, end = live(lives.story(kind, chance)), chance.choice(ENDS)
        until = None if end is None else life.clock + end
        first = bench.replay(life.lines, until)
        for batch in (1, 7):
            other = bench.replay(life.lines, until, batch=batch)
            assert other.result() == first.result(), f"{kind} {number} in batches of {batch}"
            assert levels(other) == levels(first), f"{kind} {number} in batches of {batch}"


@pytest.mark.parametrize("kind", list(lives.LIVES))
def test_several_partitions_give_the_same_metrics_as_one(kind: str, calm: Bench) -> None:
    for number in range(FIRST, FIRST + (EXAMPLES or 10)):
        chance = Random(f"partitions of {kind} {number}")
        life = live(lives.story(kind, chance, size=80, calm=True), calm=True)
        until = life.clock + chance.choice([0, HOUR, 2 * DAY])
        one = calm.replay(life.lines, until)
        several = calm.replay(life.lines, until, partitions=3, batch=chance.choice([1, 10]))
        assert several.result().metrics == one.result().metrics, f"{kind} {number}"
        assert levels(several) == levels(one), f"{kind} {number}"


@pytest.mark.parametrize("kind", list(lives.LIMITED))
def test_what_is_too_much_to_remember_is_forgotten_as_the_oracle_does(kind: str, bench: Bench) -> None:
    for number in range(FIRST, FIRST + (EXAMPLES or 4)):
        told = lives.crowded(kind, Random(f"too much of {kind} {number}"))
        if differences(bench, told, HOUR, Counter()):
            pytest.fail(explained(bench, told, HOUR), pytrace=False)
