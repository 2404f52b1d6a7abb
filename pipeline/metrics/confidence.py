"""What a sample says of the whole: between which values a metric lies, and whether a difference is more than chance.

A spread says what is known of the answers behind a metric; its variance is that of one answer.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import inf, sqrt
from statistics import NormalDist, fmean
from typing import Final

from pipeline.span import DAY

#: For so long the confidence of a rule holds, however often it looks (ms).
HORIZON: Final = 28 * DAY

_NORMAL: Final = NormalDist()
#: The width of a two-sided interval, in standard errors.
_Z95: Final = _NORMAL.inv_cdf(0.975)
#: Of fewer measurements an interval says nothing: the series for Student's t is not good for fewer either.
_FEWEST: Final = 5

#: (lower, upper).
Interval = tuple[float, float]


@dataclass(frozen=True, slots=True)
class Spread:
    """n answers, their mean, and the variance of one.

    kinds: of answers there are so many: 2 in a share, 3 in NPS; 0: they are measured. low, high: no answer is beyond.
    """

    n: int
    mean: float
    variance: float
    kinds: int = 0
    low: float = -inf
    high: float = inf


def interval(spread: Spread) -> Interval | None:
    """Where the mean of all lies, with a confidence of 95 %; None where too little is known.

    Of shares Wilson's (1927); of NPS from the variance of its three shares; of measurements by Student's t
    (Abramowitz and Stegun 1964, 26.7.5).
    """
    n, mean, z = spread.n, spread.mean, _Z95
    if n < 1 or (spread.kinds != 2 and n < _FEWEST):
        return None
    if spread.kinds == 2 and not 0 <= mean <= 1:
        return (
            None  # what was counted for it is wrong; that is seen, and must not take all other figures along
        )
    if spread.kinds == 2:
        middle = (mean + z * z / (2 * n)) / (1 + z * z / n)
        width = z / (1 + z * z / n) * sqrt(mean * (1 - mean) / n + z * z / (4 * n * n))
    elif spread.kinds:
        middle, width = mean, z * sqrt(spread.variance / n)
    else:
        middle, width = mean, _students_t(n - 1) * sqrt(spread.variance / (n - 1))
    return max(spread.low, middle - width), min(spread.high, middle + width)


def _students_t(freedom: int) -> float:
    """The width of a two-sided interval of 95 %, in standard errors that are estimated; within 1 % from 4 on."""
    z, v = _Z95, freedom
    return (
        z
        + (z**3 + z) / (4 * v)
        + (5 * z**5 + 16 * z**3 + 3 * z) / (96 * v**2)
        + (3 * z**7 + 19 * z**5 + 17 * z**3 - 15 * z) / (384 * v**3)
    )


def z_score(recent: Spread, before: Spread) -> float:
    """By how many standard errors the recent mean is above the earlier one; 0 where nothing can be said.

    Answers of categories: the standard error as it is when nothing has changed, from both together (the score test,
    which Wilson's interval inverts). Measurements: Welch's t, turned into a z (Abramowitz and Stegun 1964, 26.7.8).
    """
    if recent.n < 2 or before.n < 2:
        return 0.0
    difference = recent.mean - before.mean
    if recent.kinds:
        n = recent.n + before.n
        mean = (recent.n * recent.mean + before.n * before.mean) / n
        squares = sum(one.n * (one.variance + one.mean**2) for one in (recent, before)) / n
        error = sqrt(max(0.0, squares - mean**2) * (1 / recent.n + 1 / before.n))
        return difference / error if error > 0 else 0.0
    parts = [one.variance * one.n / (one.n - 1) / one.n for one in (recent, before)]
    error = sqrt(sum(parts))
    if error == 0:
        return 0.0
    t = difference / error
    freedom = sum(parts) ** 2 / sum(
        part**2 / (one.n - 1) for part, one in zip(parts, (recent, before), strict=True)
    )
    return t * (1 - 1 / (4 * freedom)) / sqrt(1 + t**2 / (2 * freedom))


def unusual(number: int, earlier: Sequence[int]) -> float:
    """By how many standard errors a number of events is above the mean of two or more earlier ones.

    Twice the square root of a Poisson number has a variance of 1, whatever its mean (Anscombe 1948: of the number and
    3/8). Where the earlier ones differ by more than that, it is by so much that they do.
    """
    now, *before = [2 * sqrt(n + 3 / 8) for n in (number, *earlier)]
    usual, weeks = fmean(before), len(before)
    spread = sum([(one - usual) ** 2 for one in before]) / (weeks - 1)  # `variance` is exact, and far slower
    return (now - usual) / sqrt(max(1.0, spread) * (1 + 1 / weeks))


def limit_of_looks(confidence: float, window: int, before: float) -> float:
    """How many standard errors a difference must have, looked at all the time, so that it is no accident.

    In `HORIZON` ms in which nothing changes, the difference between a sliding window and what was before it (both in
    ms) passes this limit with a probability of at most 1 - confidence: at the start by chance, and then as often as
    a Gaussian process with its correlation does. Two looks an hour apart share nearly all answers, so this asks for
    far less than as many independent looks would (Aldous 1989, Probability Approximations via the Poisson Clumping
    Heuristic, C23). before: `inf` for windows of earlier weeks, that share no answers with this one.
    """
    w, b = window, before
    # How fast the correlation of two looks falls with the time between them: answers enter the window, pass from it
    # into what was before, and leave that.
    decay = (1 / w**2 + (1 / w + 1 / b) ** 2 + 1 / b**2) / (2 * (1 / w + 1 / b))
    low, high = 0.0, 10.0
    while high - low > 1e-9:
        limit = (low + high) / 2
        passed = 1 - _NORMAL.cdf(limit) + HORIZON * decay * limit * _NORMAL.pdf(limit)
        low, high = (limit, high) if passed > 1 - confidence else (low, limit)
    return high
