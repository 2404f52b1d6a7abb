"""The score card of a rule, against what left the pipeline."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Sequence
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.effects import ALERTS, FOLLOW_UPS
from pipeline.followup.score import IN_VAIN, SCORES, earned
from pipeline.state.records import CLOSED, OPEN, FollowUp, Reason
from tests import generate
from tests.chance import examples
from tests.generate import RULES, Step, tell
from tests.hearts import ZONE, Fed, feed, log, rules_of, shard

Scores = dict[tuple[str, str], int]


def from_outputs(outputs: Sequence[tuple[str, bytes | None, bytes]]) -> Scores:
    """The score cards that the alerts and the follow-ups say, which left."""
    rule_of: dict[str, str] = {}
    counts: Counter[tuple[str, str]] = Counter()
    tasks: dict[str, dict[str, Any]] = {}
    for topic, _, value in outputs:
        event = json.loads(value)
        data, what = event["data"], event["type"].rpartition(".")[2]
        if topic == ALERTS:
            rule_of[data["alert_id"]] = data["rule"]
            counts["rule_alerts", data["rule"]] += {"fired": 1, "retracted": -1}.get(what, 0)
        elif topic == FOLLOW_UPS:
            before = tasks.get(data["followup_id"], {})
            was_closed = before.get("status") == "closed"
            closed_at = before["closed_at"] if was_closed else event["time"]
            tasks[data["followup_id"]] = {**data, "closed_at": closed_at}
    for task in tasks.values():
        for rule in {rule_of[alert] for alert in task["alert_ids"]}:
            counts["rule_followups", rule] += 1
            if task["status"] != "closed":
                continue
            counts["rule_followups_closed", rule] += 1
            counts["rule_followups_closed_in_time", rule] += task["closed_at"] <= task["due"]
            counts["rule_followups_useful", rule] += task.get("resolution", "moot") not in IN_VAIN
            counts["rule_followups_recovered", rule] += task.get("recovered", False)
    return {name: n for name, n in counts.items() if n}


def of(fed: Fed) -> Scores:
    """The score cards that a shard counted."""
    return {
        (name[1], name[2]): n for name, n in fed.counted.items() if name[0] == "level" and name[1] in SCORES
    }


@pytest.mark.parametrize("rules", [name for name in RULES if name != "metrics"])
def test_the_score_cards_are_what_left_the_pipeline(rules: str) -> None:
    @examples(40)
    @given(generate.steps(rules), st.sets(st.integers(1, 24), max_size=4))
    def agree(story: list[Step], cuts: set[int]) -> None:
        fed = feed(shard(rules_of(rules)), log(tell(rules, story, ZONE).lines), cuts)
        assert of(fed) == from_outputs(fed.outputs)

    agree()


@pytest.mark.parametrize(("resolution", "recovered", "closed_at", "scores"), [
    ("refunded", True, 100, {"closed", "closed_in_time", "useful", "recovered"}),
    ("refunded", None, 101, {"closed", "useful"}),
    ("Not  Needed", False, 100, {"closed", "closed_in_time"}),
    ("false_alarm", False, 100, {"closed", "closed_in_time"}),
    (None, True, 100, {"closed", "closed_in_time", "recovered"}),
], ids=["all", "late", "in vain", "in vain, too", "nothing said"])  # fmt: skip
def test_what_a_closing_is_worth(
    resolution: str | None, recovered: bool | None, closed_at: int, scores: set[str]
) -> None:
    why = Reason("a", "r", "event", "k", "info", "", "")
    task = FollowUp(
        followup_id="f", rule="r", subject=None, team="t", priority="low", due=100, allowance=(0, False), reasons=[why],
        status=CLOSED, closed_at=closed_at, resolution=resolution, recovered=recovered,
    )  # fmt: skip
    assert {name.removeprefix("rule_followups_") for name in earned(task)} == scores
    task.status = OPEN
    assert not list(earned(task))
