"""Short names for what an event tells: one count of a shard that the board reads as several.

An event counts in the total and in a series a dimension. A visit that counts by five names would be some forty
additions; by one name that says the same it is eight. Shards count by short names and panes keep them; the totals of
windows are of the counts that they stand for.

A short name has parts with "+" between them. Each is the name of a count, or of something with a value behind a "/":
`visits+visits_with_outcome+emotion/2+engagement/1`.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Final

from pipeline.metrics import counts as c

CSAT: Final = "csat"
CES: Final = "ces"
GAP: Final = "expectation_gap"
TONE: Final = "tone"
#: In whole points. What is between two of them counts for itself, or there would be a name for each hundredth.
EMOTION: Final = "emotion"
STEPS: Final = "purchase_steps"
#: In whole stars, see `EMOTION`.
REVIEW: Final = "review"
#: The points of an event, and the people who are told of a bad experience.
ENGAGEMENT: Final = "engagement"
TOLD: Final = "told"

#: What has a score → the counts of its number, sum and squares, and what a point of the score is in them.
_SCORES: Final = {
    CSAT: (c.CSAT_COUNT, c.CSAT_SUM, c.CSAT_SQUARES, 1),
    CES: (c.CES_COUNT, c.CES_SUM, c.CES_SQUARES, 1),
    GAP: (c.GAP_COUNT, c.GAP_SUM, c.GAP_SQUARES, 1),
    TONE: (c.TONE_COUNT, c.TONE_SUM, c.TONE_SQUARES, 1),
    EMOTION: (c.EMOTION_COUNT, c.EMOTION_SUM, c.EMOTION_SQUARES, 100),
    REVIEW: (c.REVIEW_COUNT, c.REVIEW_RATING, c.REVIEW_SQUARES, 100),
    STEPS: (c.STEPS_COUNT, c.STEPS_SUM, c.STEPS_SQUARES, 1),
}
#: What has a weight → the counts of its number and sum.
_WEIGHED: Final = {ENGAGEMENT: (c.ENGAGED, c.ENGAGEMENT), TOLD: (c.UNHAPPY, c.TOLD)}
#: The value of what has one; any other text behind a "/" is part of a name.
_NUMBER: Final = re.compile("-?[0-9]{1,15}")


def joined(*names: str) -> str:
    """One name for several; those that are empty say nothing."""
    return "+".join(name for name in names if name)


def valued(name: str, value: int) -> str:
    """The name of something with a value; of a length of time, the value is its bucket."""
    return f"{name}/{value}"


def engaged(points: int) -> str:
    """The name of what an event is worth; empty where it is worth nothing."""
    return valued(ENGAGEMENT, points) if points else ""


def stands_for(name: str) -> tuple[tuple[str, int], ...]:
    """The counts that a name stands for, and how much of each; what is not short stands for itself."""
    counts = _counts_of.get(name)
    if counts is None:
        if len(_counts_of) >= _REMEMBERED:
            _counts_of.clear()
        if name.startswith(c.OF_RULES):
            counts = ((name, 1),)
        else:
            counts = tuple([count for part in name.split("+") for count in _of_part(part)])
        _counts_of[name] = counts
    return counts


#: So many are kept at hand: it is asked for each count of each series.
_REMEMBERED: Final = 10_000
_counts_of: dict[str, tuple[tuple[str, int], ...]] = {}


def expanded(counts: Mapping[str, int]) -> dict[str, int]:
    """The counts that short names stand for."""
    found: dict[str, int] = {}
    for name, n in counts.items():
        for count, times in stands_for(name):
            found[count] = found.get(count, 0) + times * n
    return found


def _of_part(part: str) -> tuple[tuple[str, int], ...]:
    name, _, text = part.rpartition("/")
    if name in c.TIMED:
        return (name + c.TIMES_COUNT, 1), (f"{name}{c.TIMES_BUCKET}{text}", 1)
    if not _NUMBER.fullmatch(text):
        return ((part, 1),)
    if name in _SCORES:
        count, sum_, squares, point = _SCORES[name]
        score = int(text) * point
        return (count, 1), (sum_, score), (squares, score**2)
    if name in _WEIGHED:
        count, sum_ = _WEIGHED[name]
        return (count, 1), (sum_, int(text))
    return ((part, 1),)
