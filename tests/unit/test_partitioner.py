"""Keys go where Java's clients put them."""

from __future__ import annotations

import pytest

from pipeline.partitioner import partition_of


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
