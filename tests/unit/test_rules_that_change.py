"""Rules that change while a heart runs: it goes on as one that was started anew with the other rules."""

from __future__ import annotations

from itertools import cycle
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.board import Board
from pipeline.effects import Heart
from pipeline.rules.compiled import RuleSet
from pipeline.shard import Shard
from tests import generate
from tests.chance import examples
from tests.generate import Step, tell
from tests.hearts import ZONE, Fed, board, feed, log, parts, reopened, rule_set, rules_of, shard

cuts = st.sets(st.integers(1, 24), min_size=1, max_size=4)

#: Rules whose events are told, and others that look at some of the same events; the pauses of both are called alike.
CHANGES = [
    ("reviews", "left-alone-with-a-task"),
    ("left-alone-with-a-task", "reviews"),
    ("contacts", "pauses"),
    ("surveys", "known-of-surveys"),
    ("together", "surveys"),
    ("sequences", "contacts"),
    ("shared", "metrics"),
]


def changing(before: RuleSet, after: RuleSet, *, made: Any, anew: bool) -> Any:
    """To the other rules at each cut, and back: in the heart at hand, or in one that is started anew."""
    turns = cycle((after, before))

    def change(heart: Heart, fed: Fed) -> Heart:
        assert isinstance(heart, Shard | Board)
        rules = next(turns)
        if anew:
            return reopened(made(rules), heart.snapshot(), fed)
        effects = parts(rules).change(heart)
        fed.take(effects.outputs)
        fed.changelog += effects.changelog
        return heart

    return change


@pytest.mark.parametrize(("told", "other"), CHANGES)
def test_a_shard_goes_on_as_one_that_is_started_with_the_other_rules(told: str, other: str) -> None:
    before, after = rules_of(told), rules_of(other)

    @examples(25)
    @given(generate.steps(told), cuts)
    def agree(story: list[Step], cuts: set[int]) -> None:
        records = log(tell(told, story, ZONE).lines)
        changed, restarted = (
            feed(shard(before), records, cuts, restore=changing(before, after, made=shard, anew=anew))
            for anew in (False, True)
        )
        assert changed.outputs == restarted.outputs
        assert changed.counted == restarted.counted

    agree()


@pytest.mark.parametrize("other", ["surveys", "shared"])
def test_a_board_goes_on_as_one_that_is_started_with_the_other_rules(other: str) -> None:
    before, after = rules_of("metrics"), rules_of(other)

    @examples(25)
    @given(generate.steps("metrics"), cuts)
    def agree(story: list[Step], cuts: set[int]) -> None:
        told = feed(shard(before), log(tell("metrics", story, ZONE).lines), range(30)).metrics
        changed, restarted = (
            feed(board(before), log(told), cuts, restore=changing(before, after, made=board, anew=anew))
            for anew in (False, True)
        )
        assert changed.outputs == restarted.outputs

    agree()


def test_what_is_written_of_a_change_restores_the_heart_that_changed() -> None:
    before, after = rules_of("contacts"), rule_set(" []")

    @examples(25)
    @given(generate.steps("contacts"), st.integers(1, 24))
    def agree(story: list[Step], cut: int) -> None:
        records = log(tell("contacts", story, ZONE).lines)
        change = changing(before, after, made=shard, anew=False)
        changed = feed(shard(before), records, [cut], restore=change)

        def killed(heart: Heart, fed: Fed) -> Heart:
            change(heart, fed)
            return reopened(shard(after), fed.changelog, fed)

        change = changing(before, after, made=shard, anew=False)
        restored = feed(shard(before), records, [cut], restore=killed)
        assert restored.outputs == changed.outputs
        assert restored.counted == changed.counted

    agree()


def test_a_heart_that_has_read_nothing_has_nothing_to_say_of_a_change() -> None:
    for heart in (shard(rules_of("contacts")), board(rules_of("metrics"))):
        effects = parts(rules_of("surveys")).change(heart)
        assert (effects.outputs, effects.changelog) == ([], [])
