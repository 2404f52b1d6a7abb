"""Conditions on one field, as people write them, become predicates."""

from __future__ import annotations

import operator
import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

Test = Callable[[Any], bool]

_COMPARISONS: dict[str, Callable[[Any, Any], bool]] = {
    "<=": operator.le, ">=": operator.ge, "!=": operator.ne, "<": operator.lt, ">": operator.gt, "=": operator.eq,
}  # fmt: skip
_WORDS = {"<=": "at most", ">=": "at least", "!=": "not", "<": "below", ">": "above", "=": "exactly"}
_WRITTEN = re.compile(r"\s*(<=|>=|!=|==|<|>|=)\s*(.+?)\s*")


@dataclass(frozen=True, slots=True)
class Comparison:
    """An operator and what is on its right. `in` takes a tuple."""

    sign: str
    right: Any

    def test(self) -> Test:
        """A predicate on a field's value; None, a missing field, passes `!=` alone."""
        right = self.right
        if self.sign == "in":
            return lambda value: value in right
        compare = _COMPARISONS[self.sign]
        if self.sign == "!=":
            return lambda value: compare(value, right)
        if self.sign == "=":
            return lambda value: value == right
        return lambda value: value is not None and compare(value, right)

    @property
    def words(self) -> str:
        """As a person says it, such as "at most 6"."""
        return str(self) if self.sign == "in" else f"{_WORDS[self.sign]} {self.right}"

    def __str__(self) -> str:
        if self.sign == "in":
            return "one of " + ", ".join(map(str, self.right))
        return f"{self.sign} {self.right}"


def parse(written: object) -> Comparison:
    """A scalar equals, a list is one of, a text may begin with an operator. Raises ValueError."""
    if isinstance(written, list):
        if not written or any(isinstance(item, list | dict) or item is None for item in written):
            raise ValueError("a list of values is expected, such as [web, app]")
        return Comparison("in", tuple(written))
    if isinstance(written, str) and (found := _WRITTEN.fullmatch(written)):
        return Comparison("=" if found[1] == "==" else found[1], _number(found[2]))
    if written is None or isinstance(written, dict):
        raise ValueError('a value or a comparison is expected, such as 3, web, "<= 6" or [web, app]')
    return Comparison("=", written)


def limit(written: object, example: str) -> Comparison:
    """A comparison with a number, as limits on metrics are. Raises ValueError."""
    comparison = parse(written)
    if comparison.sign == "in" or isinstance(comparison.right, bool | str):
        raise ValueError(f'"{written}" is no limit; write for example "{example}"')
    return comparison


def _number(text: str) -> Any:
    for kind in (int, float):
        try:
            return kind(text)
        except ValueError:
            continue
    return {"true": True, "false": False}.get(text, text)
