"""The replay against the oracle, on generated histories.

The seeds are fixed, so that a run says the same each time; `CXLOOP_EXPLORE=1` draws new ones.
"""

from __future__ import annotations

import json
import math
import os
from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from random import Random
from typing import Any

import pytest
import yaml
from hypothesis import HealthCheck, Phase, given, note, settings
from hypothesis import strategies as st

from pipeline.parts import Parts, build
from pipeline.replay import ReplayResult, Run
from pipeline.settings import Settings
from tests import generate, generate_feeds
from tests.generate import NOW, RULES, Step, tell
from tests.golden_runner import compact, is_quantile, said
from tests.oracle import run
from tests.oracle.reading import DAY, HOUR, rfc3339

ZONE = "Europe/Amsterdam"
EXPLORE = bool(os.environ.get("CXLOOP_EXPLORE"))

# Cutting a disagreement down to its core takes minutes; agreeing takes some seconds a rule set.
pytestmark = [pytest.mark.slow, pytest.mark.timeout(600)]

many = settings(
    max_examples=350,
    deadline=None,
    derandomize=not EXPLORE,
    database=None,
    print_blob=False,
    report_multiple_bugs=False,
    phases=[Phase.generate, Phase.shrink],
    suppress_health_check=list(HealthCheck),
)
some = settings(many, max_examples=40)

ALERT = ("alert", "id", "rule", "key", "time", "subject", "code", "to", "step")
FOLLOWUP = ("followup", "id", "key", "time", "due", "priority", "change", "resolution", "alert_ids")


@dataclass(frozen=True)
class Bench:
    """Rules, read once, and a file to run replays on."""

    parts: Parts
    events: Path

    @staticmethod
    def of(folder: Path, text: str) -> Bench:
        rules = folder / "rules.yml"
        rules.write_text(text)
        return Bench(build(Settings(zone=ZONE), [rules]), folder / "events.jsonl")

    def replay(self, lines: list[str], until: int | None, batch: int = 2000) -> ReplayResult:
        self.events.write_text("".join(line + "\n" for line in lines))
        run = Run(self.parts, now=NOW)
        run.files([self.events], until=until, batch=batch)
        return run.result()


def chosen(line: dict[str, Any], names: tuple[str, ...]) -> str:
    picked = {name: line[name] for name in names if line.get(name) is not None}
    if line.get("followup") not in (None, "closed"):
        picked.pop("resolution", None)
    if "alert_ids" in picked:
        picked["alert_ids"] = sorted(picked["alert_ids"])
    return json.dumps(picked)


def events_of(lines: list[dict[str, Any]]) -> Counter[str]:
    """Alerts, follow-ups and dead letters, each with what is compared."""
    return Counter(
        chosen(line, ALERT if "alert" in line else FOLLOWUP if "followup" in line else ("deadletter", "line"))
        for line in lines
        if "metric" not in line
    )


def compare(expected: Counter[str], actual: Counter[str]) -> None:
    missing, extra = expected - actual, actual - expected
    for what, lines in (("the oracle alone", missing), ("the replay alone", extra)):
        for line in sorted(lines):
            note(f"{what}: {line}")
    assert not missing
    assert not extra


def metric_differences(expected: list[dict[str, Any]], actual: list[dict[str, Any]]) -> list[str]:
    """Metrics without samples may be there or not."""

    def table(lines: list[dict[str, Any]]) -> dict[tuple[str, ...], dict[str, Any]]:
        names = ("metric", "window", "dimension", "value")
        return {tuple(line[name] for name in names): line for line in lines if line.get("samples")}

    def agree(one: dict[str, Any] | None, other: dict[str, Any] | None) -> bool:
        if one is None or other is None:
            return False
        # Quantiles come from a sketch with a relative error of 1 %, and milliseconds at its lower end.
        sketched = is_quantile(one["metric"])
        return (
            one["samples"] == other["samples"]
            and one["at"] == other["at"]
            and math.isclose(
                one["result"],
                other["result"],
                rel_tol=0.0101 if sketched else 1e-9,
                abs_tol=1e-3 if sketched else 1e-6,
            )
        )

    ours, theirs = table(expected), table(actual)
    return [
        f"oracle {ours.get(key)} replay {theirs.get(key)}"
        for key in sorted(ours.keys() | theirs.keys())
        if not agree(ours.get(key), theirs.get(key))
    ]


@pytest.mark.parametrize("rules", list(RULES))
def test_the_replay_and_the_oracle_say_the_same(rules: str, tmp_path: Path) -> None:
    bench = Bench.of(tmp_path, "rules:" + RULES[rules])

    @many
    @given(story=generate.steps(rules), end=generate.ends())
    def agree(story: list[Step], end: int | None) -> None:
        told = tell(rules, story, ZONE)
        until = (
            None if end is None else told.clock + min(end, 2 * DAY if rules in generate.PANE_BY_PANE else end)
        )
        oracle = run(told.lines, generate.load(rules), now=NOW, until=until, zone=ZONE)
        for number, line in enumerate(told.lines, start=1):
            note(f"{number}: {line}")
        note(f"until: {until and rfc3339(until)}")
        ours, theirs = said(oracle), compact(bench.replay(told.lines, until))
        compare(events_of(ours), events_of(theirs))
        different = metric_differences(ours, theirs)
        for line in different:
            note(line)
        assert not different

    agree()


@pytest.mark.parametrize("rules", ["together", "left-alone-with-a-task", "metrics"])
def test_any_batch_size_gives_the_same_outputs_and_so_does_a_second_run(rules: str, tmp_path: Path) -> None:
    bench = Bench.of(tmp_path, "rules:" + RULES[rules])

    @some
    @given(story=generate.steps(rules), end=st.sampled_from([None, HOUR]))
    def agree(story: list[Step], end: int | None) -> None:
        told = tell(rules, story, ZONE)
        until = None if end is None else told.clock + end
        first = written(bench.replay(told.lines, until))
        assert written(bench.replay(told.lines, until)) == first
        assert written(bench.replay(told.lines, until, batch=7)) == first
        assert written(bench.replay(told.lines, until, batch=1)) == first

    agree()


CHANGES = """
rules:
  - id: nps-falls
    summary: Fewer recommend us than before.
    when: {metric: nps, by: [touchpoint], over: 1d, falls: {by: 10, against: 4d, confidence: 80%}}
    alert: warning
  - id: csat-falls
    summary: Customers are less satisfied than before.
    when: {metric: csat, over: 6h, falls: {by: 0.3, against: 2d}, samples: ">= 40"}
    for: 2h
    alert: warning
  - id: more-are-satisfied
    summary: More customers are satisfied than before.
    when: {metric: csat_satisfied, over: 1d, rises: {by: 0.05, against: 7d, confidence: 90%}}
    alert: info
"""
BURSTS = st.lists(
    st.tuples(st.sampled_from([3, 7, 24, 50]), st.integers(30, 80), st.sampled_from([0.15, 0.5, 0.85])),
    min_size=6, max_size=12,
)  # fmt: skip


def test_changes_of_metrics_are_told_apart_from_chance_as_the_oracle_does(tmp_path: Path) -> None:
    bench = Bench.of(tmp_path, CHANGES)
    rules = yaml.safe_load(CHANGES)["rules"]
    fired: Counter[str] = Counter()

    @some
    @given(bursts=BURSTS, chance=st.randoms(use_true_random=False))
    def agree(bursts: list[tuple[int, int, float]], chance: Random) -> None:
        lines: list[str] = []
        at = generate.START
        for gap, answers, happy in bursts:
            at += gap * HOUR
            for n in range(answers):
                well = chance.random() < happy
                scores = {"nps": 9 if well else 5, "csat": chance.choice([4, 5] if well else [1, 2, 3])}
                event = {"specversion": "1.0", "id": f"{len(lines)}", "source": "/test", "subject": f"c{n}",
                         "type": "cx.survey.answered", "time": rfc3339(at + n * 60_000),
                         "data": scores | {"touchpoint": "till" if n % 3 else "home"}}  # fmt: skip
                lines.append(json.dumps(event))
        until = at + 3 * DAY
        ours = said(run(lines, rules, now=NOW, until=until, zone=ZONE))
        theirs = compact(bench.replay(lines, until))
        fired.update(line["rule"] for line in ours if "alert" in line)
        compare(events_of(ours), events_of(theirs))

    agree()
    assert min(fired[rule["id"]] for rule in rules) >= 10, fired


NUMBERS = """
rules:
  - id: contacts-spike
    summary: More contacts at a place than usual.
    when: {number: {event: contact.opened}, by: [touchpoint], over: 1d, spikes: {by: 40%, against: 21d, confidence: 80%}}
    alert: warning
    follow_up: {team: desk, due: 2h}
  - id: contacts-fall
    summary: Fewer contacts than usual, for two hours.
    when: {number: {event: contact.opened, channel: web}, over: 1d, falls: {by: 30%, against: 14d, confidence: 80%}, samples: ">= 12"}
    for: 2h
    alert: warning
  - id: web-rises
    summary: A larger share of contacts comes from the web.
    when: {share: {event: contact.opened, channel: web}, by: [touchpoint], over: 1d, rises: {by: 0.1, against: 14d, confidence: 90%}}
    alert: info
"""
WEEKS = st.lists(
    st.tuples(st.sampled_from([6, 24, 24, 7 * 24, 7 * 24, 7 * 24 + 1]), st.sampled_from([10, 30, 60, 90]), st.sampled_from([0.2, 0.5, 0.9])),
    min_size=6, max_size=9,
)  # fmt: skip
few = settings(many, max_examples=10)


def test_numbers_are_compared_with_those_of_earlier_weeks_as_the_oracle_does(tmp_path: Path) -> None:
    bench = Bench.of(tmp_path, NUMBERS)
    rules = yaml.safe_load(NUMBERS)["rules"]
    fired: Counter[str] = Counter()

    @few
    @given(bursts=WEEKS, chance=st.randoms(use_true_random=False))
    def agree(bursts: list[tuple[int, int, float]], chance: Random) -> None:
        lines: list[str] = []
        at = generate.START
        for gap, contacts, web in bursts:
            at += gap * HOUR
            for n in range(contacts):
                data = {"contact_id": f"k{n}", "touchpoint": "till" if n % 3 else "home",
                        "channel": "web" if chance.random() < web else "phone"}  # fmt: skip
                late = chance.choice([0, 0, 0, 0, 0, 0, 0, 0, 0, 3 * HOUR])
                event = {"specversion": "1.0", "id": f"{len(lines)}", "source": "/test", "subject": f"c{n}",
                         "type": "cx.contact.opened", "time": rfc3339(at + n * 120_000 - late), "data": data}  # fmt: skip
                lines.append(json.dumps(event))
        until = at + 3 * DAY
        ours = said(run(lines, rules, now=NOW, until=until, zone=ZONE))
        theirs = compact(bench.replay(lines, until, batch=100))
        fired.update(line["rule"] for line in ours if "alert" in line)
        compare(events_of(ours), events_of(theirs))

    agree()
    assert min(fired[rule["id"]] for rule in rules) >= 2, fired


a_score = settings(many, max_examples=20)


def test_sources_that_stop_and_come_back_are_told_and_what_waits_is_held_as_the_oracle_does(
    tmp_path: Path,
) -> None:
    bench = Bench.of(tmp_path, generate_feeds.RULES)
    rules = yaml.safe_load(generate_feeds.RULES)["rules"]
    said_of: Counter[str] = Counter()

    @a_score
    @given(
        weeks=generate_feeds.weeks(), end=st.sampled_from([0, DAY, 40 * DAY]), batch=st.sampled_from([1, 30, 2000])
    )  # fmt: skip
    def agree(weeks: generate_feeds.Weeks, end: int, batch: int) -> None:
        lines = weeks.lines()
        note(f"{weeks.days} days, {weeks.spells}")
        until = generate.START + weeks.days * DAY + end
        oracle = run(lines, rules, now=NOW, until=until, zone=ZONE)
        theirs = compact(bench.replay(lines, until, batch))
        said_of.update(f"{alert['rule']} {alert['type']}" for alert in oracle.outputs.alerts)
        said_of["held"] += sum(match.again > 0 for match in oracle.customers.all + oracle.reviews.all)
        compare(events_of(said(oracle)), events_of(theirs))

    agree()
    for what in ("answers-stop", "replies-stop", "reviewer-unanswered"):
        assert min(said_of[f"{what} fired"], said_of[f"{what} resolved"]) >= 5, said_of
    assert said_of["visits-stop fired"] >= 5, said_of
    assert said_of["held"] >= 100, said_of


def written(result: ReplayResult) -> bytes:
    outputs = [result.alerts, result.followups, result.metrics, result.deadletters]
    return json.dumps(outputs).encode()
