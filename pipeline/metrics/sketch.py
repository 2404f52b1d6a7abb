"""Quantiles from logarithmic buckets: counts that add up, with a relative error of at most 1 %.

The buckets are those of DDSketch (Masson, Rim, Lee: DDSketch, VLDB 2019): bucket i holds values in
(γ^(i−1), γ^i] with γ = (1 + α)/(1 − α), and stands for 2γ^i/(γ + 1).
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Final

#: The relative error of a quantile.
ALPHA: Final = 0.01
_GAMMA: Final = (1 + ALPHA) / (1 - ALPHA)
_LOG_GAMMA: Final = math.log(_GAMMA)


def bucket(value: int) -> int:
    """The bucket of a value; values below 1 count as 1."""
    return math.ceil(math.log(value) / _LOG_GAMMA) if value > 1 else 0


def quantile(counts: Mapping[int, int], q: float) -> float | None:
    """The value of nearest rank at q in (0, 1], or None where nothing was counted."""
    total = sum(counts.values())
    if total <= 0:
        return None
    rank = math.ceil(q * total)
    for index in sorted(counts):
        rank -= counts[index]
        if rank <= 0:
            return _value(index)
    return None


def variance(counts: Mapping[int, int]) -> float:
    """The variance of one value, within some 4 %; 0 where nothing was counted."""
    total = sum(counts.values())
    if total <= 0:
        return 0.0
    values = [(_value(index), n) for index, n in counts.items()]
    mean = sum(value * n for value, n in values) / total
    return sum((value - mean) ** 2 * n for value, n in values) / total


def _value(index: int) -> float:
    """What a bucket stands for."""
    return 2 * _GAMMA**index / (_GAMMA + 1)
