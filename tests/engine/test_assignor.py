"""Partitions are shared out evenly, topic by topic, and stay where they are as far as that goes."""

from __future__ import annotations

from random import Random

import pytest
from aiokafka import TopicPartition

from pipeline.engine.assignor import shared_out

Had = dict[str, tuple[int, list[TopicPartition]]]
TOPICS = {"cx.metrics": range(1), "cx.reviews": range(4), "cx.touchpoints": range(4)}


def told(given: dict[str, dict[str, list[int]]], generation: int = 1) -> Had:
    """What members tell when they join again."""
    return {
        member: (generation, [TopicPartition(topic, n) for topic, some in of.items() for n in some])
        for member, of in given.items()
    }


def new(*members: str) -> Had:
    return {member: (-1, []) for member in members}


@pytest.mark.parametrize("members", range(1, 8))
@pytest.mark.parametrize("seed", range(20))
def test_each_partition_has_one_owner_and_nobody_has_two_more_of_a_topic(members: int, seed: int) -> None:
    chance = Random(seed)
    topics = {name: range(chance.randint(0, 9)) for name in ("a", "b", "c")}
    everything = [TopicPartition(topic, n) for topic, some in topics.items() for n in some]
    had: Had = {
        f"m{n}": (chance.choice([-1, 3, 4]), chance.sample(everything, chance.randint(0, len(everything))))
        for n in range(members)
    }
    given = shared_out(topics, had)
    found = [TopicPartition(topic, n) for of in given.values() for topic, some in of.items() for n in some]
    assert sorted(found) == sorted(everything)
    for topic in topics:
        numbers = [len(of.get(topic, ())) for of in given.values()]
        assert max(numbers) - min(numbers) <= 1


def test_two_workers_share_the_touchpoints() -> None:
    given = shared_out(TOPICS, new("one", "two"))
    assert [len(of["cx.touchpoints"]) for of in given.values()] == [2, 2]
    assert [len(of["cx.reviews"]) for of in given.values()] == [2, 2]


def test_who_has_the_board_gets_less_of_what_cannot_be_shared_evenly() -> None:
    given = shared_out(TOPICS, new("one", "two", "three"))
    assert [sum(map(len, of.values())) for of in given.values()] == [3, 3, 3]


def test_nothing_moves_where_nobody_comes_or_goes() -> None:
    given = shared_out(TOPICS, new("one", "two", "three"))
    assert shared_out(TOPICS, told(given)) == given


def test_whoever_stays_keeps_what_it_had() -> None:
    before = shared_out(TOPICS, new("one", "two", "three"))
    left = {member: of for member, of in told(before).items() if member != "two"}
    after = shared_out(TOPICS, left)
    for member, of in after.items():
        for topic, some in of.items():
            assert set(before[member].get(topic, ())) <= set(some)


def test_whoever_comes_takes_no_more_than_its_share() -> None:
    before = shared_out(TOPICS, new("one", "two"))
    after = shared_out(TOPICS, {**told(before), **new("three")})
    assert sum(map(len, after["three"].values())) == 3
    for member in ("one", "two"):
        for topic, some in after[member].items():
            assert set(some) <= set(before[member].get(topic, ()))


def test_the_newest_word_counts_on_who_had_what() -> None:
    place = TopicPartition("a", 0)
    given = shared_out({"a": [0, 1]}, {"stale": (3, [place]), "owner": (5, [place])})
    assert given == {"stale": {"a": [1]}, "owner": {"a": [0]}}
