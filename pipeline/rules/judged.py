"""What an event is like against the conditions of a rule, condition by condition, as a person would say it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from pipeline.events.model import Data
from pipeline.rules.condition import Comparison, is_number, said
from pipeline.rules.pattern import Condition, Term, getter


@dataclass(frozen=True, slots=True)
class Judged:
    """One condition on an event. silent: it only says whose event it is, this rule's or an override's."""

    text: str
    holds: bool
    silent: bool = False


def judged(conditions: Sequence[Condition], data: Data) -> Iterator[Judged]:
    """Each condition, with the value that the event has."""
    for condition in conditions:
        if isinstance(condition, Term):
            value = getter(condition.field)(data)
            holds = condition.comparison.test()(value)
            yield Judged(_of(condition.field, value, condition.comparison, holds), holds, condition.silent)
            continue
        ways = [list(judged(way, data)) for way in condition.ways]
        gone = next((way for way in ways if all(one.holds for one in way)), None)
        silent = all(one.silent for way in ways for one in way)
        if gone is not None:
            yield Judged(" and ".join(one.text for one in gone), True, silent)
        else:
            missed = [" and ".join(one.text for one in way if not one.holds) for way in ways]
            yield Judged(
                missed[0] if len(missed) == 1 else f"none of {len(missed)} ways: {'; '.join(missed)}", False, silent
            )  # fmt: skip


def _of(field: str, value: object, comparison: Comparison, holds: bool) -> str:
    if holds:
        return (
            f"{field} is {said(value)} ({comparison.words})" if value is not None else f"{field} is not there"
        )
    if value is None:
        return f"{field} is not there ({comparison.words} is asked for)"
    right = comparison.right
    text = f"{field} is {said(value)} ({comparison.words} is asked for"
    if comparison.sign in ("<", "<=", ">", ">=") and is_number(value) and is_number(right) and value != right:
        return f"{text}: missed by {abs(value - right):g})"
    return f"{text})"
