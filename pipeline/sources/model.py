"""The shape of the YAML in which people write a source mapping, as pydantic models.

A field's description says what would be right, where something else was written.
"""

from __future__ import annotations

import codecs
import re
from collections.abc import Iterator
from datetime import date
from typing import Annotated, Any, Literal

import jmespath
import jmespath.exceptions
from jmespath.functions import Functions
from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, model_validator

from pipeline.nearest import did_you_mean
from pipeline.written import shown

_JMESPATH = "https://jmespath.org"
_A_VALUE = "a path, or a map such as {value: shop} or {hash: [author, date]}"


def _path(text: Any) -> Any:
    if hasattr(text, "search"):
        return text
    if not isinstance(text, str):
        raise ValueError(f"{shown(text)}; write where it stands in a row, such as customer.id")
    try:
        path = jmespath.compile(text)
    except jmespath.exceptions.JMESPathError as error:
        hint = f"write '\"{text}\"'" if re.fullmatch(r"[\w .-]+", text) else f"see {_JMESPATH}"
        raise ValueError(f'"{text}" is no JMESPath; {hint}') from error
    known = Functions.FUNCTION_TABLE
    if unknown := [name for name in _functions(path.parsed) if name not in known]:
        raise ValueError(
            f'JMESPath has no function "{unknown[0]}"; {did_you_mean(unknown[0], known, _JMESPATH)}'
        )
    return path


def _functions(node: Any) -> Iterator[str]:
    """The functions that a parsed path calls."""
    if isinstance(node, dict):  # the parts of a slice are numbers
        if node["type"] == "function_expression":
            yield node["value"]
        for child in node["children"]:
            yield from _functions(child)


def _short(value: Any) -> Any:
    """A text is short for a path."""
    return {"path": _path(value)} if isinstance(value, str) else value


def _day(value: Any) -> Any:
    try:
        return date.fromisoformat(value) if isinstance(value, str) else value
    except ValueError as error:
        raise ValueError(f'"{value}" is no day; write for example 2015-06-09') from error


def _encoding(value: Any) -> Any:
    """Python's name of an encoding that writes ASCII as ASCII does, so that lines are found before they are decoded."""
    plain = bytes(range(128))
    try:
        if plain.decode(value) == plain.decode("ascii"):
            return codecs.lookup(value).name
    except (LookupError, TypeError, ValueError):
        pass
    raise ValueError(f'"{value}" is no encoding that is read here; write for example utf-8 or cp1252')


def _scalar(value: Any) -> Any:
    if isinstance(value, dict | list):
        raise ValueError(f"{shown(value)}; write a text, a number, true or false")
    return value


JmesPath = Annotated[Any, BeforeValidator(_path)]


class _Written(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, strict=True, arbitrary_types_allowed=True)


class Scale(_Written):
    """Another scale from a day on (in the event's own time): the number divided, and not below at_least.

    Of several, the latest that has begun counts.
    """

    from_: Annotated[date, BeforeValidator(_day)] = Field(
        alias="from", description="a day, such as 2015-06-09"
    )
    divide_by: float = Field(1, gt=0, description="a number above 0")
    at_least: float | None = Field(None, description="a number")


class Value(_Written):
    """Where a field comes from: a path, a fixed value, or a hash of several paths."""

    path: JmesPath = Field(None, description="where it stands in a row, such as customer.id")
    value: Annotated[Any, BeforeValidator(_scalar)] = Field(
        None, description="a text, a number, true or false"
    )
    hash: list[JmesPath] | None = Field(
        None, min_length=1, description="a list of paths, such as [author, date]"
    )
    as_: Literal["text", "number", "integer", "boolean"] | None = Field(
        None, alias="as", description="text, number, integer or boolean"
    )
    scale: list[Scale] = Field([], description="a list such as [{from: 2015-06-09, divide_by: 2}]")

    @model_validator(mode="after")
    def _one_origin(self) -> Value:
        origins = [origin for origin in (self.path, self.value, self.hash) if origin is not None]
        if len(origins) != 1:
            raise ValueError('write one of "path", "value" and "hash"')
        return self


class When(_Written):
    """The event's time. format: as Python's strptime, or "iso" or "unix"; zone: where the time has no offset."""

    path: JmesPath = Field(description="where the time stands in a row, such as created_at")
    format: str = Field("iso", min_length=1, description='iso, unix, or a format such as "%Y-%m-%d %H:%M"')
    zone: str = Field("UTC", description="a time zone, such as Europe/Amsterdam")


AnyValue = Annotated[Value, BeforeValidator(_short)]


class Mapped(_Written):
    """The whole mapping, as written."""

    source: str = Field(min_length=1, description="the events' source, such as /shop/reviews")
    format: Literal["csv", "json", "json-array"] = Field("json", description="csv, json or json-array")
    encoding: Annotated[str, BeforeValidator(_encoding)] = Field(
        "utf-8", description="the encoding of the file, such as cp1252"
    )
    delimiter: str = Field(
        ",", pattern=r'^[^"\r\n]$', description='the character that stands between values, such as ";"'
    )
    decimal: Literal[".", ","] = Field(".", description='what numbers have before their fraction, "." or ","')
    order: Literal["arrival", "time"] = Field("arrival", description="arrival or time")
    type: str = Field(description="the name of an event, such as review.posted")
    id: AnyValue = Field(description=_A_VALUE)
    time: Annotated[When, BeforeValidator(_short)] = Field(
        description='a path, or a map such as {path: date, format: "%Y-%m-%d", zone: UTC}'
    )
    subject: AnyValue | None = Field(None, description=_A_VALUE)
    data: dict[str, AnyValue] = Field(
        {}, description="a map of an event's fields, each with where it comes from"
    )
