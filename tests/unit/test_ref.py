"""What a record is found by, as one text."""

from __future__ import annotations

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.state.ref import key_of, part_of, ref_of, what_of

Parts = tuple[str, str, str]
TEXTS = st.text(st.sampled_from("ab\0\1/é€"), max_size=3)
REFS = st.tuples(st.sampled_from(["@way", "rule", "rule/once"]), TEXTS, TEXTS)


@given(REFS)
def test_a_ref_says_what_it_was_made_of(parts: Parts) -> None:
    ref = ref_of(*parts)
    assert (what_of(ref), key_of(ref), part_of(ref)) == parts


@given(REFS, REFS)
def test_two_refs_are_one_only_if_they_were_made_of_the_same(one: Parts, other: Parts) -> None:
    assert (ref_of(*one) == ref_of(*other)) is (one == other)


@pytest.mark.parametrize("n", [0, 127, 128, 0xD7FF, 0xD800, 0xDFFF, 0xE000, 1_000_000])
def test_a_part_may_be_as_long_as_an_event_and_its_ref_can_be_written_down(n: int) -> None:
    ref = ref_of("rule", "key", "x" * n)
    assert (key_of(ref), part_of(ref)) == ("key", "x" * n)
    assert msgspec.msgpack.decode(msgspec.msgpack.encode(ref)) == ref
