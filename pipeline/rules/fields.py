"""What values a field of an event can have, in words; a condition that none of them meets is refused."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, Literal, get_type_hints

import msgspec.inspect
import msgspec.structs

from pipeline.events.model import Data
from pipeline.rules.condition import Comparison, is_number, parse
from pipeline.written import a_or_b, shown

Base = Literal["text", "number", "choice", "switch", "time", "map", "anything"]

_ORDER = ("<", "<=", ">", ">=")


@dataclass(frozen=True, slots=True)
class Field:
    """A field and what it can hold. whole, least, most: of numbers; choices: of a choice; empty: may a text be?"""

    name: str
    base: Base
    whole: bool = False
    least: float = -math.inf
    most: float = math.inf
    choices: tuple[str, ...] = ()
    empty: bool = True

    def __str__(self) -> str:
        """What the field is, such as "a whole number from 0 to 10"."""
        match self.base:
            case "number":
                kind = "a whole number" if self.whole else "a number"
                if math.isinf(self.most):
                    return kind if math.isinf(self.least) else f"{kind} from {self.least:g} on"
                return f"{kind} from {self.least:g} to {self.most:g}"
            case "choice":
                return a_or_b(self.choices)
            case "switch":
                return "true or false"
            case "text":
                return "a text"
            case "anything":
                return "a number or a text"
        return f"a {self.base}"

    def condition(self, written: object) -> Comparison:
        """What is written as a condition on the field. Raises ValueError where it can never hold."""
        if self.base == "time":
            raise ValueError("times are not compared in conditions")
        if self.base == "map":
            raise ValueError(f"this is a map; compare what is in it, such as {self.name}.NAME")
        comparison = parse(written, text=self.base == "text")
        if self.base == "anything":
            return comparison
        if comparison.sign in _ORDER:
            if self.base != "number":
                raise ValueError(f'"{written}" compares numbers, and {self.name} is {self}')
            self._reach(comparison)
            return comparison
        if comparison.sign == "in":
            return Comparison("in", tuple(self.value(item) for item in comparison.right))
        return Comparison(comparison.sign, self.value(comparison.right))

    def value(self, value: Any) -> Any:
        """A value that the field can have. Raises ValueError."""
        match self.base:
            case "number" if is_number(value):
                if self.least <= value <= self.most and (not self.whole or value == int(value)):
                    return value
                raise ValueError(f"{value} is not possible, for {self.name} is {self}")
            case "switch" if isinstance(value, bool):
                return value
            case "choice" if isinstance(value, str):
                if value in self.choices:
                    return value
                raise ValueError(f'"{value}" is not possible, for {self.name} is {self}')
            case "text" if isinstance(value, str):
                if value or self.empty:
                    return value
                raise ValueError("the text is never empty")
            case "text" if is_number(value) or isinstance(value, bool):
                plain = str(value).lower()
                raise ValueError(f'{shown(value)}, and {self.name} is a text; write "{plain}" in quotes')
        raise ValueError(f"{shown(value)}, and {self.name} is {self}")

    def _reach(self, comparison: Comparison) -> None:
        """Raises ValueError where no number of the field lies on the right side of the limit."""
        ends = [end for end in (self.least, self.most) if not math.isinf(end)]
        below, above = comparison.sign in ("<", "<="), comparison.sign in (">", ">=")
        open_end = (below and math.isinf(self.least)) or (above and math.isinf(self.most))
        test = comparison.test()
        if not open_end and not any(test(end) for end in ends):
            raise ValueError(f'"{comparison}" is never true, for {self.name} is {self}')


def names(data: type[Data]) -> tuple[str, ...]:
    """The fields of an event's data."""
    return data.__struct_fields__


def needed(data: type[Data]) -> tuple[str, ...]:
    """The fields that an event has always."""
    return tuple(field.name for field in msgspec.structs.fields(data) if field.required)


def known(data: type[Data], name: str) -> bool:
    """Is there such a field? `attributes.NAME` is one of an event's own dimensions."""
    return name in data.__struct_fields__ or (name.startswith("attributes.") and name != "attributes.")


def field_of(data: type[Data], name: str) -> Field:
    """A field that is known."""
    if name.startswith("attributes."):
        return Field(name, "anything")
    kind = msgspec.inspect.type_info(get_type_hints(data, include_extras=True)[name])
    options = kind.types if isinstance(kind, msgspec.inspect.UnionType) else (kind,)
    several = [one for one in options if not isinstance(one, msgspec.inspect.NoneType)]
    if len(several) > 1:
        return Field(name, "anything")
    return _field(name, options)


def _field(name: str, kinds: Iterable[msgspec.inspect.Type]) -> Field:
    for kind in kinds:
        match kind:
            case msgspec.inspect.Metadata(type=inner):
                return _field(name, (inner,))
            case msgspec.inspect.IntType() | msgspec.inspect.FloatType():
                least = kind.ge if kind.ge is not None else -math.inf
                # What state and outputs can hold is no limit that a person would name.
                most = kind.le if kind.le is not None and kind.le < 2**62 else math.inf
                return Field(name, "number", isinstance(kind, msgspec.inspect.IntType), least, most)
            case msgspec.inspect.StrType():
                return Field(name, "text", empty=not kind.min_length)
            case msgspec.inspect.LiteralType():
                return Field(name, "choice", choices=tuple(map(str, kind.values)))
            case msgspec.inspect.BoolType():
                return Field(name, "switch")
            case msgspec.inspect.DateTimeType():
                return Field(name, "time")
            case msgspec.inspect.DictType():
                return Field(name, "map")
    raise TypeError(f"{name}: conditions on such a field are not known")
