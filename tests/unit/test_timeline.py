"""What a count remembers: as if all matches lay in one list, whatever the order in which they came."""

from __future__ import annotations

from bisect import insort

from hypothesis import given
from hypothesis import strategies as st

from pipeline.rules.timeline import BLOCK, MOST_BLOCKS, Timeline
from pipeline.state.records import Hit, Hits
from pipeline.state.store import SHELVES, Store
from tests.chance import examples

WITHIN, KEPT = 10, 1_000


def timeline(store: Store, n: int) -> Timeline:
    return Timeline("rule", store, n, WITHIN, KEPT)


def put_away(store: Store) -> None:
    """As after a step: what nobody looks at is packed."""
    store.take_changes()
    for number in range(SHELVES):
        store.shelf(number)


def runs_with(hits: list[Hit], new: Hit, n: int) -> list[list[str]]:
    """All runs of n consecutive matches that hold the new one and are short enough."""
    runs = [hits[first : first + n] for first in range(len(hits) - n + 1)]
    return [[hit.event_id for hit in run] for run in runs if new in run and run[-1].at - run[0].at < WITHIN]


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
    store, now, everything = Store(), 300, list[Hit]()
    matches = timeline(store, n)
    for number, (forward, late) in enumerate(steps):
        now += forward
        new = Hit(now - late, f"{number}", "s")
        insort(everything, new, key=lambda hit: hit.at)
        near = matches.add("k", "p/1", new)
        assert runs_with(near, new, n) == runs_with(everything, new, n)
        if number % away == 0:
            put_away(store)
    found = [hit for _, record in store.of(Hits) for hit in record.hits]
    assert sorted(hit.event_id for hit in found) == sorted(hit.event_id for hit in everything)


def test_what_became_of_a_match_is_kept_wherever_it_lies() -> None:
    store = Store()
    matches = timeline(store, 3)
    for at in range(300, 700, 20):
        matches.add("k", "", Hit(at, f"{at}", "s"))
    put_away(store)
    (early, *_) = matches.add("k", "", Hit(301, "late", "s"))
    early.fired = True
    matches.changed("k", "", early)
    put_away(store)
    fired = [hit.event_id for _, record in store.of(Hits) for hit in record.hits if hit.fired]
    assert fired == ["300"]


def test_a_step_touches_few_matches_however_many_there_are() -> None:
    store = Store()
    matches = timeline(store, 6)
    for number in range(200):
        matches.add("k", "", Hit(number * WITHIN, f"{number}", "s"))
        changed = [record for _, record in store.take_changes() if isinstance(record, Hits)]
        assert sum(len(record.hits) for record in changed) <= 6 + 2 * BLOCK


def test_the_newest_are_kept_of_too_many() -> None:
    store = Store()
    matches = timeline(store, 2)
    for number in range(1_000):
        matches.add("k", "", Hit(number * WITHIN, f"{number}", "s"))
    kept = sorted(hit.at for _, record in store.of(Hits) for hit in record.hits)
    assert kept == [number * WITHIN for number in range(1_000 - len(kept), 1_000)]
    assert 256 <= len(kept) <= (MOST_BLOCKS + 2) * BLOCK


def test_all_is_forgotten_in_the_end() -> None:
    store = Store()
    matches = timeline(store, 4)
    for at in (300, 300, 320, 290, 340, 360, 380, 400, 420, 440, 460, 480, 295, 500):
        matches.add("k", "", Hit(at, f"{at}", "s"))
    while (due := store.pop_due(500 + KEPT + 1)) is not None:
        wake, ref, record = due
        assert isinstance(record, Hits)
        matches.forget(ref, record, wake)
    assert list(store) == []
