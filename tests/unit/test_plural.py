"""Numbers of things, in words."""

from __future__ import annotations

import pytest

from pipeline.plural import counted, plural


@pytest.mark.parametrize(
    ("number", "said"), [(0, "0 matches"), (1, "1 match"), (2, "2 matches"), (1_200, "1,200 matches")]
)
def test_one_is_singular(number: int, said: str) -> None:
    assert counted(number, "match", "matches") == said
    assert plural(number, "day") == ("day" if number == 1 else "days")
