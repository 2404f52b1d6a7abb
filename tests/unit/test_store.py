"""Records and their wake-up times."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from pipeline.span import HOUR
from pipeline.state.packed import pack
from pipeline.state.records import Answered, Remembered
from pipeline.state.ref import Ref, key_of, ref_of
from pipeline.state.store import SHELVES, Store, shelf_of
from pipeline.state.timers import NEVER
from tests.chance import examples


class Note(Remembered):
    """A record of a test."""

    text: str = ""


def ref(name: str, what: str = "rule") -> Ref:
    return ref_of(what, name)


def due(store: Store, before: int) -> list[tuple[int, str]]:
    """Everything that is due, each record forgotten as it comes."""
    found = []
    while (one := store.pop_due(before)) is not None:
        wake, at, _ = one
        found.append((wake, key_of(at)))
        store.drop(at)
    return found


def test_records_wake_in_order_of_time_and_then_of_ref() -> None:
    store = Store()
    for name, wake in [("c", 5), ("b", 7), ("a", 5), ("d", 1)]:
        store.put(ref(name), Note(), wake)
    assert due(store, 100) == [(1, "d"), (5, "a"), (5, "c"), (7, "b")]


def test_a_record_wakes_strictly_below_the_watermark() -> None:
    store = Store()
    store.put(ref("a"), Note(), 5)
    assert due(store, 5) == []
    assert due(store, 6) == [(5, "a")]


def test_a_record_that_was_put_off_wakes_at_its_new_time_alone() -> None:
    store = Store()
    store.put(ref("a"), note := Note(), 5)
    store.put(ref("a"), note, 9)
    assert due(store, 9) == []
    assert due(store, 10) == [(9, "a")]


def test_a_record_that_was_brought_forward_wakes_once() -> None:
    store = Store()
    store.put(ref("a"), note := Note(), 9)
    store.put(ref("a"), note, 5)
    assert due(store, 10) == [(5, "a")]


def test_a_record_that_was_forgotten_does_not_wake() -> None:
    store = Store()
    store.put(ref("a"), Note(), 5)
    store.drop(ref("a"))
    store.drop(ref("never there"))
    assert store.get(ref("a")) is None
    assert due(store, 10) == []
    assert len(store) == 0


def test_a_record_that_comes_back_wakes_once_however_often_it_was_put() -> None:
    store = Store()
    store.put(ref("a"), Note(text="first"), 5)
    store.drop(ref("a"))
    store.put(ref("a"), Note(text="second"), 5)
    store.put(ref("a"), Note(text="third"), 8)
    found = store.pop_due(10)
    assert found is not None
    assert (found[0], found[2]) == (8, Note(wake=8, text="third"))


def test_a_record_may_be_put_again_while_it_is_being_told() -> None:
    store = Store()
    store.put(ref("a"), Note(), 1)
    seen = []
    while (found := store.pop_due(4)) is not None:
        wake, at, record = found
        seen.append(wake)
        store.put(at, record, wake + 1)
    assert seen == [1, 2, 3]
    assert store.timers.soonest == 4


def test_the_next_wake_may_be_too_early_and_never_too_late() -> None:
    store = Store()
    assert store.timers.soonest == NEVER
    store.put(ref("a"), note := Note(), 5)
    store.put(ref("a"), note, 9)
    wakes = [store.timers.soonest]
    assert store.pop_due(6) is None
    wakes.append(store.timers.soonest)
    assert wakes == [5, 9]


def test_the_hours_come_in_order_whatever_was_put_first() -> None:
    store = Store()
    wakes = [3 * HOUR, HOUR - 1, 30 * HOUR + 5, HOUR, 3 * HOUR + 7, 1, NEVER]
    for wake in wakes:
        store.put(ref(str(wake)), Note(), wake)
    assert [wake for wake, _ in due(store, 3 * HOUR + 1)] == [1, HOUR - 1, HOUR, 3 * HOUR]
    store.put(ref("in the hour that is open"), Note(), 3 * HOUR + 3)
    assert [wake for wake, _ in due(store, NEVER)] == [3 * HOUR + 3, 3 * HOUR + 7, 30 * HOUR + 5]
    assert store.timers.soonest == NEVER


def test_a_new_record_in_the_place_of_another_wakes_too() -> None:
    store = Store()
    store.put(ref("a"), Note(), 5)
    store.put(ref("a"), Note(), 2)
    assert due(store, 10) == [(2, "a")]


def test_changes_are_told_once() -> None:
    store = Store()
    store.put(ref("b"), Note(text="b"), 1)
    store.put(ref("a"), Note(text="a"), 1)
    store.put(ref("c"), Note(), 1)
    store.drop(ref("c"))
    store.put(ref("a"), Note(text="a, again"), 1)
    changes = sorted((key_of(at), record) for at, record in store.take_changes())
    assert changes == [("a", Note(wake=1, text="a, again")), ("b", Note(wake=1, text="b")), ("c", None)]
    assert store.take_changes() == []


def test_what_changes_again_after_it_was_settled_is_told_again_in_order() -> None:
    store = Store()
    for time in (1, 2):
        store.put(ref("a"), Answered(times=[time]), 1)
        store.put(ref("b"), Note(text=str(time)), 1)
        store.settle()
        assert store.get(ref("a")) == Answered(wake=1, times=[time])
    store.drop(ref("a"))
    changes = [(key_of(at), record) for at, record in store.take_changes()]
    assert changes == [
        ("a", pack(Answered(wake=1, times=[1]))),
        ("a", pack(Answered(wake=1, times=[2]))),
        ("a", None),
        ("b", Note(wake=1, text="2")),
    ]


def test_shelves_are_the_same_on_every_machine() -> None:
    shelves = [shelf_of(key) for key in ("", "cust-1", "cust-2", "é")]
    assert shelves == [3108, 298, 1388, 2876]
    assert [shelf >> 4 for shelf in shelves] == [194, 18, 86, 179], "as format 3 had them"


@examples(50)
@given(st.sets(st.text(max_size=6), max_size=20))
def test_every_record_lies_on_the_shelf_of_its_key(keys: set[str]) -> None:
    store = Store()
    for key in keys:
        store.put(ref(key), Note(text=key), 1)
    store.take_changes()
    found = {key_of(at): number for number in range(SHELVES) for at in store.shelf(number)[0]}
    assert found == {key: shelf_of(key) for key in keys}


class StoreMachine(RuleBasedStateMachine):
    """The store does what a dictionary that is sorted each time does."""

    names = st.sampled_from("abcd")
    times = st.one_of(st.integers(1, 7), st.integers(1, 7).map(lambda halves: halves * HOUR // 2))

    def __init__(self) -> None:
        super().__init__()
        self.store = Store()
        self.model: dict[Ref, int] = {}
        self.changed: set[Ref] = set()

    @rule(name=names, wake=times, same=st.booleans())
    def put(self, name: str, wake: int, same: bool) -> None:
        record = self.store.get(ref(name))
        new = Note() if name < "c" else Answered(times=[1])
        self.store.put(ref(name), record if same and record is not None else new, wake)
        self.model[ref(name)] = wake
        self.changed.add(ref(name))

    @rule(name=names)
    def drop(self, name: str) -> None:
        self.store.drop(ref(name))
        if self.model.pop(ref(name), None) is not None:
            self.changed.add(ref(name))

    @rule(before=times)
    def tell_and_forget(self, before: int) -> None:
        expected = sorted((wake, key_of(at)) for at, wake in self.model.items() if wake < before)
        assert due(self.store, before) == expected
        for _, name in expected:
            del self.model[ref(name)]
            self.changed.add(ref(name))

    @rule()
    def restore(self) -> None:
        copy = Store()
        for at, record in self.store:
            copy.load(at, record)
        copy.loaded()
        assert copy.take_changes() == []
        self.store, self.changed = copy, set()

    @rule()
    def settle(self) -> None:
        self.store.settle()

    @rule()
    def take(self) -> None:
        assert {at for at, _ in self.store.take_changes()} == self.changed
        self.changed.clear()

    @rule(name=names)
    def take_down_a_shelf(self, name: str) -> None:
        self.take()
        refs, records = self.store.shelf(shelf_of(name))
        assert refs == [ref(name)] * (ref(name) in self.model), "each once"
        assert len(records) == len(refs)

    @invariant()
    def same(self) -> None:
        assert {at: record.wake for at, record in self.store} == self.model
        assert len(self.store) == len(self.model)
        soonest = min(self.model.values(), default=None)
        assert soonest is None or self.store.timers.soonest <= soonest


TestStoreMachine = StoreMachine.TestCase
TestStoreMachine.settings = examples(60)
