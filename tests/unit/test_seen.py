"""The same event twice is one event, for a day or two of the watermark."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.span import DAY
from pipeline.state.seen import Seen, _Run, fingerprint
from tests.chance import examples

HOUR = DAY // 24


@dataclass
class Reader:
    """Takes events as the shard's loop does: looks a batch up, moves time, and remembers."""

    seen: Seen = field(default_factory=Seen)
    watermark: int = -1

    def batch(self, events: list[tuple[int, int]]) -> list[bool]:
        """(fingerprint, watermark that it leads to) → was it known?"""
        seen = self.seen
        seen.look_up([mark for mark, _ in events])
        fresh, older, new = seen.fresh, seen.older, seen.begin()
        known = []
        for mark, watermark in events:
            known.append(mark in fresh or mark in older)
            if known[-1]:
                continue
            self.watermark = max(self.watermark, watermark)
            if self.watermark >= seen.turn_at or len(fresh) >= seen.room:
                new = seen.turn(self.watermark)
                fresh, older = seen.fresh, seen.older
            fresh.add(mark)
            new.append(mark)
        seen.settle()
        return known

    def one(self, mark: int, watermark: int) -> bool:
        return self.batch([(mark, watermark)])[0]

    def again(self) -> Reader:
        """A reader that was restored from what this one would write."""
        seen = Seen(self.seen._limit)
        for first in range(256):
            for generation, fingerprints in self.seen.between(first << 56, ((first + 1) << 56) - 1):
                seen.load(generation, fingerprints)
        seen.loaded(self.seen.generation, self.seen.day)
        return Reader(seen, self.watermark)


def test_a_fingerprint_is_the_same_everywhere_and_of_source_and_id_apart() -> None:
    assert fingerprint("/shop", "1") == 5448108006466766016
    assert len({fingerprint(*pair) for pair in [("a", "bc"), ("ab", "c"), ("abc", ""), ("", "abc")]}) == 4


@pytest.mark.parametrize(
    ("first", "again", "known"),
    [
        (12 * HOUR, 12 * HOUR, True),
        (0, 2 * DAY - 1, True),  # nearly 48 hours
        (0, 2 * DAY, False),
        (DAY - 1, 2 * DAY - 1, True),  # 24 hours
        (DAY - 1, 2 * DAY, False),  # and a millisecond more
        (DAY, 3 * DAY - 1, True),
        (12 * HOUR, 9 * DAY, False),
    ],
)
@pytest.mark.parametrize("between", [[], [0.4], [0.1, 0.2, 0.5, 0.9]], ids=["nothing between", "one", "four"])
def test_an_event_is_known_until_the_end_of_the_next_day(
    first: int, again: int, known: bool, between: list[float]
) -> None:
    reader = Reader()
    start = 20_000 * DAY
    assert not reader.one(7, start + first)
    for number, part in enumerate(between):
        reader.one(1000 + number, start + first + int(part * (again - first)))
    # The duplicate itself does not move time: what came before it does.
    reader.one(8, start + again)
    assert reader.one(7, start + again) is known


def test_an_event_that_begins_a_day_belongs_to_that_day() -> None:
    reader = Reader()
    reader.one(1, DAY // 2)
    reader.one(2, DAY + DAY // 2)
    reader.one(3, 2 * DAY)
    assert reader.one(2, 2 * DAY)
    assert not reader.one(1, 2 * DAY)


def test_where_time_leaps_over_a_day_everything_before_is_forgotten() -> None:
    reader = Reader()
    for mark in range(5):
        reader.one(mark, DAY // 2)
    reader.one(99, 3 * DAY)
    assert not any(reader.one(mark, 3 * DAY) for mark in range(5))
    assert len(reader.seen) == 6


def test_the_limit_shrinks_the_horizon_and_is_never_exceeded() -> None:
    reader = Reader(Seen(limit=1000))
    most = 0
    for mark in range(3000):
        assert not reader.one(mark, DAY)
        most = max(most, len(reader.seen))
    assert most <= 1000
    assert reader.one(2999, DAY)
    assert reader.one(2500, DAY)
    assert not reader.one(1000, DAY)


@pytest.mark.parametrize("size", [37, 5000, 60_000])
def test_many_events_in_batches_of_any_size_are_all_known_again(size: int) -> None:
    reader, marks = Reader(), [fingerprint("/s", str(number)) for number in range(60_000)]
    for first in range(0, len(marks), size):
        assert not any(reader.batch([(mark, DAY) for mark in marks[first : first + size]]))
    assert all(reader.batch([(mark, DAY) for mark in marks]))
    assert len(reader.seen) == 60_000
    assert len(reader.seen._runs) <= 6
    assert all(reader.again().batch([(mark, DAY) for mark in marks]))


def test_older_fingerprints_take_nine_to_ten_bytes() -> None:
    reader, many = Reader(), 200_000
    reader.batch([(fingerprint("/s", str(number)), DAY) for number in range(many)])
    (run,) = reader.seen._runs
    assert len(run) == many
    assert run.marks.dtype == np.uint64
    assert (np.diff(run.marks) > 0).all()
    assert run.marks.nbytes == 8 * many
    assert run._filter is not None
    assert many <= run._filter.nbytes <= 2 * many


def test_few_older_fingerprints_take_eight_bytes_and_need_no_filter() -> None:
    reader = Reader()
    reader.batch([(fingerprint("/s", str(number)), DAY) for number in range(50_000)])
    assert sum(run.marks.nbytes for run in reader.seen._runs) == 8 * 50_000
    assert all(run._filter is None for run in reader.seen._runs)


@pytest.mark.parametrize("many", [0, 1, 65_536, 65_537, 300_000])
def test_in_a_run_of_any_length_those_are_found_that_are_there(many: int) -> None:
    chance = np.random.default_rng(many)
    marks = np.unique(chance.integers(0, 2**64 - 1, many, np.uint64, endpoint=True))
    edges = np.array([0, 2**63 - 1, 2**63, 2**64 - 1], np.uint64)
    there = np.union1d(marks[:: max(1, many // 1_000)], edges[::2])
    run = _Run(np.union1d(marks, there))
    missing = np.setdiff1d(np.union1d(chance.integers(0, 2**64 - 1, 10_000, np.uint64), edges), run.marks)
    assert len(missing) > 9_000
    assert run.find(np.union1d(there, missing)) == there.tolist()
    if run._filter is not None:
        passes = np.unpackbits(run._filter, bitorder="little")[missing >> np.uint64(run._shift)]
        assert 0 < passes.mean() < 0.2


def test_new_fingerprints_are_told_once_with_their_generation() -> None:
    reader = Reader()
    reader.one(1, DAY // 2)
    reader.one(2, DAY + 1)
    told = [
        (generation, np.frombuffer(raw, np.uint64).tolist()) for generation, raw in reader.seen.take_new()
    ]
    assert [marks for _, marks in told] == [[1], [2]]
    assert told[1][0] == told[0][0] + 1
    assert reader.seen.take_new() == []


#: Fingerprints with every highest byte, and the smallest and the greatest.
marks = st.sampled_from([0, 1, 2**64 - 1, *(byte << 56 for byte in (1, 127, 128, 255))]) | st.integers(
    0, 2**64 - 1
)
batches = st.lists(
    st.lists(st.tuples(st.integers(0, 30), st.sampled_from([0, 1, HOUR, 5 * HOUR, 23 * HOUR, DAY, 3 * DAY])), max_size=8), max_size=8
)  # fmt: skip


class Plain:
    """What is remembered, as plainly as can be: each fingerprint with the day of its watermark."""

    def __init__(self) -> None:
        self.days: dict[int, int] = {}
        self.watermark = -1

    def one(self, mark: int, watermark: int) -> bool:
        if self.days.get(mark, -9) >= self.watermark // DAY - 1:
            return True
        self.watermark = max(self.watermark, watermark)
        self.days[mark] = self.watermark // DAY
        return False


@examples(200)
@given(batches, st.sets(st.integers(0, 7)), st.lists(marks, min_size=31, max_size=31, unique=True))
def test_whatever_comes_in_whatever_batches_it_knows_what_a_plain_table_does(
    story: list[list[tuple[int, int]]], restarts: set[int], names: list[int]
) -> None:
    reader, plain, now = Reader(), Plain(), 20_000 * DAY + 3 * HOUR
    for number, batch in enumerate(story):
        events = []
        for name, gap in batch:
            now += gap
            events.append((names[name], now))
        assert reader.batch(events) == [plain.one(*event) for event in events]
        if number in restarts:
            reader = reader.again()
