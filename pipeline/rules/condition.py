"""Conditions on one field, as people write them, become predicates."""

from __future__ import annotations

import operator
import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, TypeGuard

Test = Callable[[Any], bool]

_ORDERS: dict[str, Callable[[Any, Any], bool]] = {
    "<=": operator.le, ">=": operator.ge, "<": operator.lt, ">": operator.gt,
}  # fmt: skip
_WORDS = {"<=": "at most", ">=": "at least", "!=": "not", "<": "below", ">": "above", "=": "exactly"}
_OPPOSITES = {"=": "!=", "!=": "="}
_NOT = "not "
_WRITTEN = re.compile(r"\s*(<=|>=|!=|==|<|>|=)\s*(.+?)\s*")
_INTEGER = re.compile(r"[-+]?[0-9]{1,30}")
_DECIMAL = re.compile(r"[-+]?([0-9]{1,30}(\.[0-9]{0,30})?|\.[0-9]{1,30})([eE][-+]?[0-9]{1,2})?")
#: What people write for an operator, and a number behind it.
_ALMOST = re.compile(r"\s*(=>|=<|<>|≤|≥|≠)\s*([-+.0-9]+)\s*")
_MEANT = {"=>": ">=", "=<": "<=", "<>": "!=", "≤": "<=", "≥": ">=", "≠": "!="}


@dataclass(frozen=True, slots=True)
class Comparison:
    """An operator and what is on its right: a number where it orders, a tuple where it is `in`.

    An operator with "not " before it is its opposite: true wherever that is false.
    """

    sign: str
    right: Any

    def test(self) -> Test:
        """A predicate on a field's value; None, a missing field, passes `!=` and `not` alone."""
        right = self.right
        if self.sign.startswith(_NOT):
            holds = self.opposite().test()
            return lambda value: not holds(value)
        if self.sign == "in":
            return lambda value: value in right
        if self.sign == "!=":
            return lambda value: value != right
        if self.sign == "=":
            return lambda value: value == right
        compare = _ORDERS[self.sign]
        # What stands under `attributes` can be anything, and a text has no order with a number.
        return lambda value: type(value) in _NUMBERS and compare(value, right)

    def opposite(self) -> Comparison:
        """What is true wherever this is false."""
        if self.sign in _OPPOSITES:
            return Comparison(_OPPOSITES[self.sign], self.right)
        plain = self.sign.removeprefix(_NOT)
        return Comparison(plain if plain != self.sign else _NOT + plain, self.right)

    @property
    def words(self) -> str:
        """As a person says it, such as "at most 6"."""
        if self.sign in _WORDS:
            return f"{_WORDS[self.sign]} {said(self.right)}"
        return f"not {self.opposite().words}" if self.sign.startswith(_NOT) else str(self)

    def __str__(self) -> str:
        if self.sign.startswith(_NOT):
            return f"not {self.opposite()}"
        if self.sign == "in":
            return "one of " + ", ".join(map(said, self.right))
        return f"{self.sign} {said(self.right)}"


_NUMBERS = frozenset((int, float))


def is_number(value: object) -> TypeGuard[int | float]:
    """True and false are none."""
    return value.__class__ in _NUMBERS


def said(value: object) -> str:
    """A value as people write it."""
    if value is None:
        return "not there"
    return str(value).lower() if isinstance(value, bool) else str(value)


def parse(written: object, *, text: bool = False) -> Comparison:
    """A scalar equals, a list is one of, a text may begin with an operator. Raises ValueError.

    text: the field is one, so that behind = and != the digits of a number are a text too.
    """
    if isinstance(written, list):
        if not written:
            raise ValueError("the list is empty; write for example [web, app]")
        return Comparison("in", tuple(_item(item) for item in written))
    if written is None or isinstance(written, dict):
        raise ValueError(
            'a value or a comparison is expected; write for example 3, web, "<= 6" or [web, app]'
        )
    if not isinstance(written, str):
        return Comparison("=", written)
    if found := _ALMOST.fullmatch(written):
        raise ValueError(f'"{written}" is no comparison; write "{_MEANT[found[1]]} {found[2]}"')
    if not (found := _WRITTEN.fullmatch(written)):
        return Comparison("=", written)
    sign, right = "=" if found[1] == "==" else found[1], found[2]
    number = _number(right)
    if sign in _ORDERS:
        if number is None:
            hint = f'for the text itself write "= {written}"' if text else _instead(sign, right)
            raise ValueError(f'"{written}" compares with a number, and "{right}" is none; {hint}')
        return Comparison(sign, number)
    if text:
        return Comparison(sign, right)
    return Comparison(sign, {"true": True, "false": False}.get(right, right) if number is None else number)


def limit(written: object, example: str) -> Comparison:
    """A comparison with a number, as limits on metrics are. Raises ValueError."""
    if not isinstance(written, str) or not (_WRITTEN.fullmatch(written) or _ALMOST.fullmatch(written)):
        raise ValueError(f'a comparison with a number is expected; write for example "{example}"')
    comparison = parse(written)
    if not is_number(comparison.right):
        raise ValueError(f'"{written}" is no limit; write for example "{example}"')
    return comparison


def _item(item: object) -> object:
    if item is None or isinstance(item, list | dict):
        raise ValueError("in a list stand values; write for example [web, app]")
    if isinstance(item, str) and _WRITTEN.fullmatch(item):
        raise ValueError(f'in a list stand values, and "{item}" is a comparison; write it without the list')
    return item


def _number(text: str) -> int | float | None:
    if _INTEGER.fullmatch(text):
        return int(text)
    return float(text) if _DECIMAL.fullmatch(text) else None


def _instead(sign: str, text: str) -> str:
    """What would be right where no number stands."""
    if re.fullmatch(r"[-+]?[0-9]+,[0-9]+", text):
        return f"write {text.replace(',', '.')}"
    if re.fullmatch(r"[0-9.]+ ?%", text):
        return "write a share of 1, such as 0.2 for 20 %"
    return f'write for example "{sign} 3"'
