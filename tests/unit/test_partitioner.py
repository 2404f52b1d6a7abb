"""Keys go where Java's clients put them."""

from __future__ import annotations

import pytest
from aiokafka.partitioner import DefaultPartitioner
from aiokafka.partitioner import murmur2 as aiokafka_murmur2
from hypothesis import given
from hypothesis import strategies as st

from pipeline.partitioner import murmur2, partition_of
from tests.chance import examples


@pytest.mark.parametrize(
    ("key", "of_12"),
    # From Kafka's own test of murmur2 (UtilsTest.testMurmur2), made positive as its partitioner does.
    [
        (b"21", (-973932308 & 0x7FFFFFFF) % 12),
        (b"foobar", (-790332482 & 0x7FFFFFFF) % 12),
        (b"a-little-bit-long-string", (-985981536 & 0x7FFFFFFF) % 12),
        (b"a-little-bit-longer-string", (-1486304829 & 0x7FFFFFFF) % 12),
        (b"lkjh234lh9fiuh90y23oiuhsafujhadof229phr9h19h89h8", (-58897971 & 0x7FFFFFFF) % 12),
        (b"abc", (479470107 & 0x7FFFFFFF) % 12),
    ],
)
def test_a_key_has_its_partition(key: bytes, of_12: int) -> None:
    assert partition_of(key, 12) == of_12


def test_without_a_key_it_is_the_first() -> None:
    assert partition_of(None, 12) == 0


@examples(300)
@given(st.binary(max_size=40) | st.text(max_size=20).map(str.encode), st.integers(1, 5000))
def test_aiokafka_puts_it_there_too(key: bytes, partitions: int) -> None:
    everything = list(range(partitions))
    assert partition_of(key, partitions) == DefaultPartitioner()(key, everything, everything)
    assert murmur2(key) == aiokafka_murmur2(key) & 0xFFFFFFFF
