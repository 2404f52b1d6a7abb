"""How a state is kept: any part of the log that begins with a round of images gives the whole state."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

import cramjam
import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.errors import StateError
from pipeline.rules.hits import events_of, insert
from pipeline.span import DAY
from pipeline.state.changelog import MAX_BYTES, VERSION, Changelog
from pipeline.state.logged import Image, Position
from pipeline.state.packed import add_counts
from pipeline.state.records import Answered, Counts, Hits, Pane, Remembered
from pipeline.state.ref import Ref, ref_of
from pipeline.state.seen import Seen, fingerprint
from pipeline.state.store import SHELVES, Store
from tests.chance import examples
from tests.unit import restoring


def test_restoring_is_safe() -> None:
    assert not restoring.crashes()


class Note(Remembered):
    """A record of a test."""

    text: str = ""
    more: list[int] = msgspec.field(default_factory=list)


class Other(Remembered):
    """A record of another kind."""

    number: int | None = None


@dataclass
class State:
    """A store and seen ids with their changelog."""

    store: Store = field(default_factory=Store)
    seen: Seen = field(default_factory=Seen)
    log: Changelog = field(init=False)
    records: int = 0

    def __post_init__(self) -> None:
        self.log = Changelog(self.store, self.seen, (Note, Other, Pane))

    def put(self, key: str, record: Remembered, wake: int = 5, part: str = "") -> None:
        self.store.put(ref_of("rule", key, part), record, wake)

    def add(self, key: str, at: int, event: str) -> None:
        """A match behind all others of its key."""
        ref: Ref = ref_of("count", key)
        hits = self.store.get(ref)
        if isinstance(hits, Hits):
            place = len(hits.times)
            insert(hits, hits.times, place, at, event)
            self.store.add(ref, hits, place, (at, event))
        else:
            hits = Hits()
            insert(hits, hits.times, 0, at, event)
            self.store.put(ref, hits, at + 5)

    def count(self, key: str, counts: dict[str, int]) -> None:
        """Count in a pane."""
        ref: Ref = ref_of("pane", key)
        pane = self.store.get(ref)
        added: Counts = [((("place", "till"),), counts)]
        if isinstance(pane, Pane):
            add_counts(pane.counts, added)
            self.store.grow(ref, pane, added)
        else:
            pane = Pane()
            add_counts(pane.counts, added)
            self.store.put(ref, pane, 5)

    def remember(self, marks: Iterable[int], watermark: int) -> None:
        marks = list(marks)
        self.seen.look_up(marks)
        new = self.seen.begin()
        if watermark >= self.seen.turn_at:
            new = self.seen.turn(watermark)
        self.seen.fresh.update(marks)
        new.extend(marks)
        self.seen.settle()

    def position(self) -> Position:
        self.records += 1
        return Position(
            applied=self.records, watermark=7, latest=9, distance=3, generation=self.seen.generation,
            day=self.seen.day, rules="v1",
        )  # fmt: skip

    def step(self) -> tuple[list[bytes], bool]:
        return self.log.step(self.position())

    def busy(self) -> tuple[list[bytes], bool]:
        """A step that changes more than twice as much as a shelf holds."""
        self.put("a", Note(more=list(range(100))))
        return self.step()

    def round(self) -> list[list[bytes]]:
        """Steps until a round of images is over; the next step begins another."""
        steps = list[list[bytes]]()
        while not steps or SHELVES not in (end for _, end in shelves(steps[-1])):
            steps.append(self.busy()[0])
        return steps

    def says(self) -> dict[str, Any]:
        """Everything that counts, comparable."""
        ids: dict[int, set[int]] = {}
        for generation, raw in self.seen.between(0, 2**64 - 1):
            ids.setdefault(generation, set()).update(memoryview(raw).cast("Q"))
        return {
            "records": dict(self.store),
            "shelves": [set(self.store.shelf(number)[0]) for number in range(SHELVES)],
            "seen": ids,
            "turn": (self.seen.generation, self.seen.day, self.seen.turn_at),
        }


def shelves(records: Iterable[bytes]) -> list[tuple[int, int]]:
    """Of the images among these: the first shelf, and the one behind the last."""
    steps = [msgspec.msgpack.decode(cramjam.lz4.decompress_block(record[1:])) for record in records]
    return [(step[1], step[2]) for step in steps if step[0] == "i"]


def restored(records: Iterable[bytes]) -> State:
    state = State()
    for record in records:
        state.log.load(record)
    state.log.loaded()
    state.records = state.log.position.applied
    return state


def test_one_step_has_the_changes_and_some_shelves() -> None:
    state = State()
    first, begins = state.busy()
    assert begins
    assert all(record[0] == VERSION for record in first)
    steps = [first, *state.round()]
    images = [shelves(records) for records in steps]
    assert [len(records) for records in steps] == [1 + len(found) for found in images]
    assert all(len(found) == 1 for found in images)
    assert follow(found for (found,) in images)
    assert SHELVES / 16 <= len(steps) < SHELVES / 8
    assert state.busy()[1]


def follow(images: Iterable[tuple[int, int]]) -> bool:
    """Does each begin where the one before it ended, the first of them at the first shelf?"""
    begins, ends = zip(*images, strict=True)
    return begins == (0, *(end % SHELVES for end in ends[:-1]))


def test_shelves_of_a_small_state_are_written_together() -> None:
    state = State()
    for number in range(100):
        state.put(f"key-{number}", Note(text=str(number)))
    state.step()
    assert len(state.round()) < SHELVES / 8


def test_a_snapshot_gives_the_same_state_and_position() -> None:
    state = State()
    for number in range(500):
        state.put(f"key-{number}", Note(text=str(number), more=[number]), number, "part")
        state.put(f"key-{number}", Other(number=number), number)
    state.remember(map(str_mark, range(20_000)), 20_000 * DAY)
    state.remember(map(str_mark, range(20_000, 20_010)), 20_001 * DAY)
    position = state.position()
    copy = restored(state.log.snapshot(position))
    assert copy.says() == state.says()
    assert copy.log.position == position
    assert list(copy.store.get(ref_of("rule", "key-7", "part")).more) == [7]  # type: ignore[union-attr]


def str_mark(number: int) -> int:
    return fingerprint("/s", str(number))


keys = st.sampled_from(["a", "b", "c", "é", "", "long" * 50])
changes = st.one_of(
    st.tuples(st.just("put"), keys, st.text(max_size=5), st.integers(1, 99)),
    st.tuples(st.just("other"), keys, st.none() | st.integers(-(2**63), 2**63), st.integers(1, 99)),
    st.tuples(st.just("add"), keys, st.text(max_size=5), st.integers(1, 99)),
    st.tuples(st.sampled_from(["row", "wake", "rows"]), keys, st.binary(max_size=5), st.integers(1, 99)),
    st.tuples(st.just("pane"), keys, st.dictionaries(st.text(max_size=2), st.integers(-2, 2)), st.just(0)),
    st.tuples(st.sampled_from(["drop", "drop count", "drop pane"]), keys, st.none(), st.just(0)),
    st.tuples(
        st.just("seen"), st.just(""), st.integers(0, 2**64 - 1), st.sampled_from([1, DAY, 2 * DAY, 4 * DAY])
    ),
)


def do(state: State, change: tuple[str, str, Any, int]) -> None:
    what, key, value, number = change
    ref: Ref = ref_of("rule", key)
    if what == "put":
        state.put(key, Note(text=value), number)
    elif what == "other":
        state.put(key, Other(number=value), number)
    elif what == "add":
        state.add(key, number, value)
    elif what == "row":
        state.store.add_row(ref_of("rows", key), value or b"row", number)
    elif what == "wake" and state.store.rows(ref_of("rows", key)):
        state.store.wake_rows(ref_of("rows", key), number)
    elif what == "rows":
        state.store.put_rows(ref_of("rows", key), value, number)
    elif what == "pane":
        state.count(key, value)
    elif what == "drop":
        state.store.drop(ref)
    elif what == "drop pane":
        state.store.drop(ref_of("pane", key))
    elif what == "drop count":
        state.store.drop(ref_of("count", key))
    elif what == "seen":
        state.remember([value], number)


@examples(80)
@given(st.lists(st.lists(changes, max_size=4), min_size=1, max_size=12), st.integers(0, 255), st.data())
def test_any_suffix_that_begins_with_a_round_of_images_gives_the_same_state(
    story: Sequence[Sequence[tuple[str, str, Any, int]]], rest: int, data: st.DataObject
) -> None:
    state = State()
    log: list[tuple[list[bytes], bool]] = []
    for step in story:
        for change in step:
            do(state, change)
        log.append(state.step())
    # Two whole rounds, with the last changes in them, and a part of a third.
    while sum(begin for _, begin in log) < 3:
        log.append(state.step())
    log += [state.step() for _ in range(rest)]
    *whole, _ = (number for number, (_, begin) in enumerate(log) if begin)
    first = data.draw(st.sampled_from(whole))
    copy = restored(record for records, _ in log[first:] for record in records)
    assert copy.says() == state.says()
    assert copy.log.position == state.log.position or copy.log.position.applied == len(log)


@examples(40)
@given(st.lists(st.lists(changes, max_size=4), min_size=1, max_size=8), st.integers(0, 7))
def test_a_state_that_was_restored_writes_on_as_one_that_was_not(
    story: Sequence[Sequence[tuple[str, str, Any, int]]], at: int
) -> None:
    state, log = State(), list[bytes]()
    copy: State | None = None
    for number, step in enumerate(story):
        if number == at:
            copy = restored(log)
        for one in (state, copy):
            if one is None:
                continue
            for change in step:
                do(one, change)
        written = state.step()[0]
        log += written if copy is None else copy.step()[0]
    if copy is not None:
        assert copy.says() == state.says()
        assert restored(log).says() == state.says()


def test_a_state_that_was_restored_goes_on_with_the_round_of_images() -> None:
    state, log, images = State(), list[bytes](), list[tuple[int, int]]()
    while sum(begin == 0 for begin, _ in images) < 4:
        records, begins = state.busy()
        log += records
        images += shelves(records)
        assert begins == (images[-1][0] == 0)
        if len(images) % 5 == 0:
            state = restored(log)
    assert follow(images)


def test_loading_says_where_a_round_of_images_begins() -> None:
    state, copy = State(), State()
    for key in range(600):
        state.put(f"key-{key}", Note(text="x"))
    log, begins = list[bytes](), list[int]()
    while len(begins) < 3:
        records, begin = state.step()
        begins += [len(log) + 1] * begin  # behind the delta
        log += records
    assert [number for number, record in enumerate(log) if copy.log.load(record)] == begins
    assert restored(log[begins[1] :]).says() == state.says()


def test_images_take_half_of_the_changes_and_one_image_at_most() -> None:
    state, size = State(), 0
    for key in range(20_000):
        state.put(f"key-{key}", Note(text=f"{key * 7919} of many"))
    whole = sum(map(len, state.log.snapshot(state.position())))
    deltas = images = begins = largest_image = 0
    while begins < 2:
        state.put(f"key-{size}", Note(text=f"{size} changed"))
        size += 1
        (delta, *image), begin = state.step()
        begins += begin
        deltas += len(delta)
        images += sum(map(len, image))
        largest_image = max(largest_image, sum(map(len, image)))
        assert images < deltas / 2 + largest_image
    assert largest_image < whole * 16 / SHELVES * 1.5
    assert whole < deltas < 4 * whole  # a round ends when about twice as much has changed as there is


def test_large_changes_and_images_are_split_and_put_together_again() -> None:
    state = State()
    key = "one shelf for all"
    for number in range(40):
        state.put(key, Note(text="x" * 40_000), part=str(number))
    records, _ = state.step()
    assert len(records) >= 4
    assert restored(records).says()["records"] == state.says()["records"]
    for step in (*state.round(), *state.round()):
        records += step
    assert restored(records).says() == state.says()


def largest(records: Iterable[bytes]) -> int:
    """Bytes before compression."""
    return max(len(cramjam.lz4.decompress_block(record[1:])) for record in records)


def test_changes_are_split_below_the_limit() -> None:
    state = State()
    for number in range(40):
        state.put("key", Note(text="x" * 40_000), part=str(number))
    assert largest(state.step()[0]) < MAX_BYTES + 2_000


def test_an_image_in_parts_replaces_its_shelf_once() -> None:
    state = State()
    for number in range(40):
        state.put("key", Note(text="x" * 40_000), part=str(number))
    first = state.log.snapshot(state.position())
    for number in range(40):
        state.store.drop(ref_of("rule", "key", str(number)))
    for number in range(20, 60):
        state.put("key", Note(text="y" * 40_000), part=str(number))
    second = state.log.snapshot(state.position())
    assert restored([*first, *second]).says()["records"] == state.says()["records"]


def test_many_new_ids_are_split_below_the_limit() -> None:
    state = State()
    state.remember(map(str_mark, range(70_000)), DAY)
    records, _ = state.step()
    assert largest(records) < MAX_BYTES + 2_000


# --- what is missing, and what cannot be read ------------------------------------------------------------------------------


def test_a_step_that_is_missing_is_noticed() -> None:
    state = State()
    log = [state.step()[0] for _ in range(5)]
    with pytest.raises(StateError, match="between step 2 and 4 of the state records are missing"):
        restored(record for records in (*log[:2], *log[3:]) for record in records)


def test_a_log_whose_beginning_was_cut_off_too_far_is_noticed() -> None:
    state = State()
    log = [state.busy()[0], *state.round(), *state.round()]
    whole = next(number for number, records in enumerate(log) if number and shelves(records)[0][0] == 0)
    assert restored(record for records in log[whole:] for record in records).says() == state.says()
    says = f"the oldest records of the state, before step {len(log)}, are missing"
    with pytest.raises(StateError, match=says):
        restored(record for records in log[whole + 1 :] for record in records)


def test_a_snapshot_that_was_cut_off_is_noticed_though_all_before_it_was_one_step() -> None:
    state = State()
    state.step()
    records = state.log.snapshot(state.position())
    restored(records)
    with pytest.raises(StateError, match="the oldest records of the state, before step 2, are missing"):
        restored(records[1:])
    with pytest.raises(StateError, match="the newest records of the state are missing"):
        restored(records[:-1])


def one_record() -> bytes:
    state = State()
    state.put("a", Note(text="x"))
    return state.step()[0][0]


@pytest.mark.parametrize(
    ("record", "says"),
    [
        (
            bytes((VERSION + 1,)) + one_record()[1:],
            f"has format {VERSION + 1}, this cxloop reads 3 and {VERSION}",
        ),
        (b"\x00" + one_record()[1:], "has format 0"),
        (b"", "has format 0"),
        (one_record()[:-3], "is damaged"),
        (bytes((VERSION,)) + b"rubbish", "is damaged"),
        (bytes((VERSION,)) + bytes(cramjam.lz4.compress_block(b"\xc1")), "is damaged"),
        (
            bytes((VERSION,)) + bytes(cramjam.lz4.compress_block(msgspec.msgpack.encode(["x", 1]))),
            "is damaged",
        ),
        (bytes((VERSION,)), "is damaged"),
    ],
)
def test_what_cannot_be_read_is_refused_with_a_sentence(record: bytes, says: str) -> None:
    with pytest.raises(StateError, match=says):
        State().log.load(record)


@pytest.mark.parametrize(("begin", "end"), [(-1, 1), (5, 5), (0, SHELVES + 1), (SHELVES, SHELVES + 16)])
def test_an_image_of_shelves_that_there_are_not_is_refused(begin: int, end: int) -> None:
    image = msgspec.msgpack.encode(Image(begin, end, True, [], []))
    with pytest.raises(StateError, match=f"is of shelves {begin} to {end}, of {SHELVES}"):
        State().log.load(bytes((VERSION,)) + bytes(cramjam.lz4.compress_block(image)))


def with_entry(kind: str, raw: object, step: int = 0, ref: str = ref_of("rule", "a")) -> bytes:
    delta = ["d", Position(step=step), [(ref, kind, raw)], []]
    return bytes((VERSION,)) + bytes(cramjam.lz4.compress_block(msgspec.msgpack.encode(delta)))


@pytest.mark.parametrize(
    "record",
    [
        with_entry("Gone", [1]),
        with_entry("Note", ["wrong"]),
        with_entry("Note", {"text": 1}),
        with_entry("Note", [1], ref="rule"),
    ],
)
def test_a_record_of_the_state_that_has_another_shape_is_refused_with_a_sentence(record: bytes) -> None:
    with pytest.raises(StateError):
        State().log.load(record)


def test_rows_that_are_added_are_written_alone() -> None:
    state = State()
    for number in range(200):
        state.add("a", number, f"event {number}")
    log = state.step()[0]
    for number in range(200, 203):
        state.add("a", number, f"event {number}")
    records, _ = state.step()
    assert len(log[0]) > 1_000
    assert len(records[0]) < 200
    assert restored([*log, *records]).says() == state.says()
    hits = restored([*log, *records]).store.get(ref_of("count", "a"))
    assert isinstance(hits, Hits)
    assert (hits.times[-1], events_of(hits)[-1], len(hits.times)) == (202, "event 202", 203)
    assert restored([*log, *records, *records]).says() == state.says()


def test_rows_of_a_record_that_has_none_are_refused_with_a_sentence() -> None:
    state = State()
    state.put("a", Note(text="x"))
    log, _ = state.step()
    with pytest.raises(StateError, match="has another shape than this cxloop knows: Note has no rows"):
        restored([*log, with_entry("+", [0, [1, "x"]], step=2)])
    state.put("a", Answered(times=[1]))
    with pytest.raises(StateError, match="Answered has no rows"):
        restored([*state.step()[0], with_entry("+", [0, [1, "x"]], step=3)])
    state = State()
    state.store.put(ref_of("rule", "a"), Hits(), 1)
    log, _ = state.step()
    for added, says in [
        ([0, ["x", "x"]], "Expected `int`, got `str`"),
        ([1, [1, "x"]], "rows of a record are missing"),
        ([], "rows of a record are missing"),
        ([0, 1], "a number is no row"),
    ]:
        with pytest.raises(StateError, match=says):
            restored([*log, with_entry("+", added, step=2)])


def test_a_record_that_was_written_before_a_field_was_added_can_be_read() -> None:
    state = restored([with_entry("Note", [5, "x"])])  # before `more`
    assert state.store.get(ref_of("rule", "a")) == Note(wake=5, text="x", more=[])
