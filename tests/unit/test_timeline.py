"""What a count remembers: as if all matches lay in one list, whatever the order in which they came."""

from __future__ import annotations

from bisect import insort

from hypothesis import given
from hypothesis import strategies as st

from pipeline.rules.hits import cut, events_of, has_fired, insert, split, text
from pipeline.rules.timeline import BLOCK, MOST, MOST_BLOCKS, Timeline
from pipeline.state.packed import unpack
from pipeline.state.records import Hits
from pipeline.state.store import Store
from tests.chance import examples

WITHIN, KEPT = 10, 1_000


def timeline(store: Store, n: int) -> Timeline:
    return Timeline("rule", store, n, WITHIN, KEPT)


def kept(store: Store) -> list[tuple[int, str, bool]]:
    """All matches: when, which, and whether a run ended with it."""
    return sorted(
        (at, events[place].removeprefix("!"), has_fired(events, place))
        for _, record in store.of(Hits)
        for events in [events_of(record)]
        for place, at in enumerate(record.times)
    )


def runs_with(rows: list[tuple[int, str]], new: tuple[int, str], n: int) -> list[list[str]]:
    """All runs of n consecutive matches that hold the new one and are short enough."""
    runs = [rows[first : first + n] for first in range(len(rows) - n + 1)]
    return [[event for _, event in run] for run in runs if new in run and run[-1][0] - run[0][0] < WITHIN]


@examples(300)
@given(
    n=st.integers(2, 12),
    # Most come in order, some late, and many at the same moment.
    steps=st.lists(st.tuples(st.integers(0, 6), st.sampled_from([0, 0, 0, 5, 40, 200])), max_size=120),
    away=st.integers(1, 9),
)
def test_a_match_is_shown_all_that_a_run_with_it_can_hold(
    n: int, steps: list[tuple[int, int]], away: int
) -> None:
    store, now, everything = Store(), 300, list[tuple[int, str]]()
    matches = timeline(store, n)
    for number, (forward, late) in enumerate(steps):
        now += forward
        new = (now - late, f"{number:03}")
        insort(everything, new)  # those of one moment in order of arrival
        near, place = matches.add("k", "p/1", *new)
        shown = list(zip(near.times, events_of(near), strict=True))
        assert shown[place] == new
        assert runs_with(shown, new, n) == runs_with(everything, new, n)
        if number % away == 0:
            store.take_changes()
    assert [row[:2] for row in kept(store)] == everything


def test_what_became_of_a_match_is_kept_wherever_it_lies() -> None:
    store = Store()
    matches = timeline(store, 3)
    for at in range(300, 700, 20):
        matches.add("k", "", at, f"{at}")
    store.take_changes()
    near, place = matches.add("k", "", 301, "late")
    assert near.times[place - 1 : place + 1] == [300, 301]
    matches.fired("k", "", 300, "300")
    matches.fired("k", "", 301, "late")
    matches.fired("k", "", 301, "another")  # of too many: it was not kept
    store.take_changes()
    assert [event for _, event, fired in kept(store) if fired] == ["300", "late"]


def test_a_step_touches_few_matches_however_many_there_are() -> None:
    store = Store()
    matches = timeline(store, 6)
    for number in range(200):
        matches.add("k", "", number * WITHIN, f"{number}")
        changed = [unpack(record) for _, record in store.take_changes() if isinstance(record, bytes)]
        assert sum(len(record.times) for record in changed if isinstance(record, Hits)) <= 6 + 2 * BLOCK


def test_the_newest_are_kept_of_too_many() -> None:
    store = Store()
    matches = timeline(store, 2)
    for number in range(1_000):
        matches.add("k", "", number * WITHIN, f"{number}")
    times = [at for at, _, _ in kept(store)]
    assert times == [number * WITHIN for number in range(1_000 - len(times), 1_000)]
    assert 256 <= len(times) <= (MOST_BLOCKS + 2) * BLOCK


def test_of_too_many_at_one_moment_the_last_come_is_shown_and_the_newest_are_kept() -> None:
    store = Store()
    matches = timeline(store, 2)
    for number in range(MOST + 3):
        near, place = matches.add("k", "", 300, f"{number}")
        assert events_of(near)[place] == f"{number}"
    near, place = matches.add("k", "", 299, "late")
    assert near.times[place : place + 2] == [299, 300]
    assert {at for at, _, _ in kept(store)} == {300}
    assert len(kept(store)) == MOST


def test_all_is_forgotten_in_the_end() -> None:
    store = Store()
    matches = timeline(store, 4)
    for at in (300, 300, 320, 290, 340, 360, 380, 400, 420, 440, 460, 480, 295, 500):
        matches.add("k", "", at, f"{at}")
    while (due := store.pop_due(500 + KEPT + 1)) is not None:
        wake, ref, record = due
        assert isinstance(record, Hits)
        matches.forget(ref, record, wake)
    assert list(store) == []


# msgpack says the length of a text in one, two or three bytes.
lengths = st.sampled_from([0, 1, 31, 32, 255, 256, 1_030])


@given(
    st.lists(st.tuples(st.integers(0, 9), lengths, st.sampled_from("xé€")), max_size=20), st.integers(0, 20)
)
def test_texts_are_put_in_and_cut_off_wherever_they_stand(
    steps: list[tuple[int, int, str]], place: int
) -> None:
    hits, rows = Hits(), list[tuple[int, str]]()
    for number, (at, length, letter) in enumerate(steps):
        event = letter * length
        before = sum(time <= at for time, _ in rows)
        rows.insert(before, (at, event))
        insert(hits, hits.times, before, at, event)
        assert len(hits.times) == number + 1
    assert list(zip(hits.times, events_of(hits), strict=True)) == rows
    oldest = cut(hits, min(place, len(rows)))
    assert list(zip(oldest.times, events_of(oldest), strict=True)) == rows[: min(place, len(rows))]
    assert list(zip(hits.times, events_of(hits), strict=True)) == rows[place:]


@given(st.text(), st.text())
def test_an_event_is_one_text_and_two_again(source: str, event_id: str) -> None:
    assert split(text(source, event_id)) == (source, event_id)
