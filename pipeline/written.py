"""Checks what people write against a pydantic model; what is wrong is said in plain sentences, with places.

The description of a model's field says what would be right ("a whole number from 2 to 100"); what is wrong
is found out here. A validator of one's own raises ValueError with the whole sentence.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from types import UnionType
from typing import Any, Literal, TypeVar, Union, get_args, get_origin

from pydantic import BaseModel, ValidationError
from pydantic.fields import FieldInfo
from pydantic_core import ErrorDetails

from pipeline.errors import Mistake
from pipeline.nearest import did_you_mean
from pipeline.yaml_places import Document, Path_

M = TypeVar("M", bound=BaseModel)


def validated(
    model: type[M], raw: Any, document: Document, path: Path_, mistakes: list[Mistake], what: str,
    instead: Mapping[str, Any] | None = None,
) -> M | None:  # fmt: skip
    """The model of what stands at a path; what is wrong with it is added to `mistakes`.

    what: such as "a rule". instead: what to go on with where such a field is wrong, so that more is found;
    None is returned where that does not help.
    """
    empty = list(_empty(model, raw, ()))
    mistakes += [
        document.mistake((*path, *where), f"{where[-1]}: {shown(None)}; write {_right(model, where)}")
        for where in empty
    ]
    try:
        found = model.model_validate(raw)
    except ValidationError as error:
        wrong = [one for one in error.errors() if one["loc"] not in empty]
        mistakes += [_mistake(model, one, document, path, what) for one in wrong]
    else:
        if not empty:
            return found
        wrong = []
    if not isinstance(raw, dict):
        return None
    names = {where[0] for where in (*empty, *(one["loc"] for one in wrong)) if where}
    try:
        return model.model_validate(
            {**(instead or {}), **{name: value for name, value in raw.items() if name not in names}}
        )
    except ValidationError:
        return None


def a_or_b(words: Sequence[str]) -> str:
    """Words in a row, such as "a, b or c"."""
    return f"{', '.join(words[:-1])} or {words[-1]}" if len(words) > 1 else "".join(words)


def shown(value: Any) -> str:
    """A value as it was written, and what it is."""
    match value:
        case None:
            return "nothing stands here"
        case bool():
            return f"{str(value).lower()} stands here"
        case int() | float():
            return f"{value} is a number"
        case str():
            return f'"{value if len(value) <= 60 else value[:59] + "…"}" is a text'
        case list():
            return "a list stands here"
    return "a map stands here"


def _mistake(
    model: type[BaseModel], wrong: ErrorDetails, document: Document, path: Path_, what: str
) -> Mistake:
    where, value, kind = wrong["loc"], wrong["input"], wrong["type"]
    name = next((part for part in reversed(where) if isinstance(part, str)), "")
    if kind == "extra_forbidden":
        hint = did_you_mean(name, _names(_inner(model, where[:-1])))
        return document.mistake((*path, *where), f'"{name}" is not known here; {hint}', key=True)
    right = _right(model, where) or f"{what} with {a_or_b(_names(_inner(model, where)))}"
    if kind == "missing":
        return document.mistake((*path, *where), f'"{name}" is missing; write {right}', key=True)
    if kind == "value_error":
        text = str(wrong["ctx"]["error"])
    else:
        text = f"{_what_is_wrong(kind, value, model, where)}; write {right}"
    return document.mistake((*path, *where), f"{name}: {text}" if name else text)


def _what_is_wrong(kind: str, value: Any, model: type[BaseModel], where: Path_) -> str:
    if kind == "literal_error" and isinstance(value, str):
        hint = did_you_mean(value, _options(model, where))
        return f'"{value}" is not known{f" ({hint})" if hint.startswith("did") else ""}'
    if kind.startswith(("greater_than", "less_than")):
        return f"{value} is too {'small' if kind.startswith('greater') else 'large'}"
    if kind == "string_too_short":
        return "the text is empty"
    if kind == "string_too_long":
        return f"the text has {len(value)} characters"
    if kind == "string_pattern_mismatch":
        return f'"{value}" cannot be used'
    return shown(value)


def _empty(model: type[BaseModel], raw: Any, where: Path_) -> Iterator[Path_]:
    """The fields of a model, and of those in it, with nothing behind them."""
    if not isinstance(raw, dict):
        return
    for name, field in _by_name(model).items():
        here, value = (*where, name), raw.get(name, ...)
        inner = _model(field.annotation)
        if value is None:
            yield here
        elif isinstance(value, list):
            for number, item in enumerate(value):
                item_model = _model(_at(model, (name, number))[1])
                yield from _empty(item_model, item, (*here, number)) if item_model is not None else ()
        elif inner is not None:
            yield from _empty(inner, value, here)


def _right(model: type[BaseModel], where: Path_) -> str:
    """What the model says would be right at a place."""
    field, _ = _at(model, where)
    return (field.description or "") if field is not None else ""


def _inner(model: type[BaseModel], where: Path_) -> type[BaseModel]:
    """The model that a place inside a model is checked against, or the one around it."""
    return _model(_at(model, where)[1]) or model


def _options(model: type[BaseModel], where: Path_) -> Sequence[str]:
    parts = _parts(_at(model, where)[1])
    return next((get_args(part) for part in parts if get_origin(part) is Literal), ())


def _at(model: type[BaseModel], where: Path_) -> tuple[FieldInfo | None, Any]:
    """The field at a place (for an item, that of its list) and the type of what stands there."""
    field: FieldInfo | None = None
    found: Any = model
    for part in where:
        inner = _model(found)
        known = _by_name(inner).get(str(part)) if inner is not None else None
        if known is not None:
            field, found = known, known.annotation
        else:
            items = (get_args(one)[-1] for one in _parts(found) if get_origin(one) in (list, dict))
            found = next(items, None)
    return field, found


def _model(annotation: Any) -> type[BaseModel] | None:
    return next((p for p in _parts(annotation) if isinstance(p, type) and issubclass(p, BaseModel)), None)


def _by_name(model: type[BaseModel]) -> Mapping[str, FieldInfo]:
    return {field.alias or name: field for name, field in model.model_fields.items()}


def _names(model: type[BaseModel]) -> list[str]:
    return list(_by_name(model))


def _parts(annotation: Any) -> Iterator[Any]:
    """A type, or the members of a union, without their `Annotated`."""
    if get_origin(annotation) in (Union, UnionType):
        for part in get_args(annotation):
            yield from _parts(part)
    elif hasattr(annotation, "__metadata__"):
        yield from _parts(annotation.__origin__)
    else:
        yield annotation
