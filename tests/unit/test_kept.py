"""Metrics that nobody asked for are not there; the others are as they always are."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Collection, Sequence
from dataclasses import replace
from pathlib import Path
from random import Random

import pytest
from prometheus_client import generate_latest

from pipeline.errors import UsageError
from pipeline.metrics import counts
from pipeline.metrics.catalogue import METRICS
from pipeline.metrics.kept import Kept
from pipeline.observe import Gauges
from pipeline.parts import build
from pipeline.replay import Run
from pipeline.settings import load
from pipeline.state.ref import what_of
from tests import lives
from tests.browser.fakes import FakeBoard, FakeHealth
from tests.generate import NOW
from tests.golden_runner import compact
from tests.hearts import log, rule_set, shard
from tests.unit.test_metrics_differential import Bench

#: Of one metric each: nothing else helps it.
ALONE = [{name} for name in METRICS]
NO_RULE = """
  - id: none
    summary: Never fires.
    when: {event: share.made, channel: none}
    alert: info
"""


@pytest.fixture(scope="module")
def bench(tmp_path_factory: pytest.TempPathFactory) -> Bench:
    return Bench(tmp_path_factory.mktemp("kept"), lives.RULES)


def replay(bench: Bench, lines: Sequence[str], names: Collection[str]) -> Run:
    """What comes of events, where these metrics are kept, and those that rules look at."""
    kept = {*names, *bench.parts.rules.metrics()}
    heart, board = replace(bench.parts.shard, metrics=kept), replace(bench.parts.board, metrics=kept)
    bench.events.write_text("".join(line + "\n" for line in lines))
    found = Run(replace(bench.parts, shard=heart, board=board), 1, NOW)
    found.files([bench.events])
    return found


def said_of(found: Run, names: Collection[str]) -> Counter[str]:
    """What came of a replay: of the metrics, these alone."""
    return Counter(repr(line) for line in compact(found.result()) if line.get("metric", "") in ("", *names))


def stories(number: int) -> Sequence[str]:
    return lives.live(lives.story("everything", Random(f"kept {number}"), size=150)).lines


def test_every_count_is_of_some_metric() -> None:
    """Else it would never be counted."""
    names = {
        value
        for constant, value in vars(counts).items()
        if constant.isupper() and isinstance(value, str) and not constant.startswith(("TIMES_", "OF_RULES"))
    }
    assert {name for metric in METRICS.values() for name in metric.counts} == names


def test_what_is_kept_is_as_if_all_were(bench: Bench) -> None:
    always, seen = bench.parts.rules.metrics(), Counter[str]()
    for number in range(4):
        lines = stories(number)
        of_all = replay(bench, lines, METRICS)
        chance = Random(number)
        some = [set(chance.sample(list(METRICS), chance.choice((0, 2, 5, 20)))) for _ in range(10)]
        for names in [*some, *ALONE[number::4]]:
            found = said_of(replay(bench, lines, names), METRICS)
            assert found == said_of(of_all, {*names, *always}), sorted(names)
            seen.update(name for name in names if any(f"'metric': '{name}'" in line for line in found))
    assert len(seen) > len(METRICS) * 0.8  # else little was compared


def test_the_history_of_what_is_not_kept_is_not_remembered() -> None:
    lines = stories(1)
    customers = {json.loads(line).get("subject") or "" for line in lines}

    def remembered(*names: str) -> set[str]:
        heart = shard(rule_set(NO_RULE), metrics=names)
        heart.apply(log(lines))
        found = {what_of(ref).partition("/")[0] for who in customers for ref, _ in heart.about(who)}
        return {what for what in found if what.startswith("@")}

    assert remembered(*METRICS) >= {"@way", "@bought", "@mood", "@contact", "@promise"}
    assert remembered("nps", "visits", "selfservice_resolved") == set()
    assert remembered("purchases") == {"@way", "@bought"}
    assert remembered("recovered") == {"@mood"}
    assert remembered("response_p50") == {"@contact"}
    assert remembered("promises_kept") == {"@promise"}


@pytest.mark.parametrize(
    ("text", "kept"),
    [
        ("nps", ["nps"]),
        ("csat nps", ["nps", "csat"]),
        ("promises, nps", ["nps", "promises_kept", "promises_broken", "promises_in_time"]),
        ("none", []),
    ],
)
def test_metrics_are_named_alone_or_by_their_group(text: str, kept: list[str]) -> None:
    assert list(load(metrics=text).metrics) == kept


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("npss", 'unknown metric "npss"; did you mean "nps"?'),
        ("nps none", 'unknown metric "none"'),
        ("  ", "names no metric; write some, groups of them (loyalty, service, reviews, behaviour, promises, loop), or none"),
    ],
)  # fmt: skip
def test_a_metric_that_there_is_not_is_refused(text: str, said: str) -> None:
    with pytest.raises(UsageError) as caught:
        load(metrics=text)
    assert str(caught.value).startswith(f"CXLOOP_METRICS: {said}")


def test_what_rules_look_at_is_kept_whatever_the_setting_says(tmp_path: Path) -> None:
    rules = tmp_path / "rules.yml"
    rules.write_text("""rules:
  - id: unhappy
    summary: Customers are unhappy.
    when: {metric: csat, over: 24h, is: "< 3"}
    alert: info
  - id: lost
    summary: Many visits come to nothing.
    when: {share: {event: touchpoint.visited, outcome: failed}, over: 24h, is: "> 0.5"}
    alert: info
""")
    parts = build(load(metrics="nps"), [rules])
    assert set(parts.shard.metrics) == set(parts.board.metrics) == {"nps", "csat"}


def test_of_a_short_name_the_rest_is_cut_off() -> None:
    kept = Kept(["csat_satisfied", "first_response_p90", "engagement"])
    # Its number is among the counts of csat/5.
    assert kept.left("csat/5+csat_satisfied") == "csat/5+csat_satisfied"
    assert kept.left("first_response+response") == "first_response"
    assert kept.left("visits+visits_with_outcome+emotion/1+engagement/1") == "engagement/1"
    assert kept.left("nps_promoters") == ""
    assert kept.left("=contact.opened") == "=contact.opened"


def test_what_waits_now_goes_along_with_the_metrics_of_the_same_things() -> None:
    def scraped(names: Collection[str]) -> str:
        board = FakeBoard(measured=names)
        return generate_latest(Gauges(lambda: board, FakeHealth()).look()).decode()

    everything, some = scraped(METRICS), scraped(["nps", "promises_kept"])
    assert "cxloop_contacts_open" in everything
    assert "cxloop_promises_overdue" in everything
    assert "cxloop_contacts_open" not in some
    assert "cxloop_promises_overdue" in some
