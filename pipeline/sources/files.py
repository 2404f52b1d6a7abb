"""Events from files: JSON lines of events, or rows of another shape through a mapping."""

from __future__ import annotations

import csv
import io
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import msgspec

from pipeline.errors import FileError
from pipeline.events.codec import Rejection
from pipeline.sources.mapping import SourceMapping, load_mapping


@dataclass(frozen=True, slots=True)
class Line:
    """One event of a file, or why there is none. number: of the line or row, from 1."""

    file: str
    number: int
    value: bytes
    rejection: Rejection | None = None


def read_events(path: Path, source: Path | None = None) -> Iterator[Line]:
    """The events of a file in its order. source: a mapping. Raises FileError or SourceError."""
    mapping = load_mapping(source) if source is not None else None
    if not path.is_file():
        raise FileError(f"{path}: there is no such file")
    return _json_lines(path) if mapping is None else _mapped(path, mapping)


def _json_lines(path: Path) -> Iterator[Line]:
    try:
        with path.open("rb") as file:
            for number, raw in enumerate(file, 1):
                if value := raw.strip():
                    yield Line(str(path), number, value)
    except OSError as error:
        raise FileError(f"{path}: cannot be read: {error.strerror}") from error


def _mapped(path: Path, mapping: SourceMapping) -> Iterator[Line]:
    lines = [_line(path, number, row, mapping) for number, row in _rows(path, mapping.written.format)]
    if mapping.written.order == "time":
        lines.sort(key=_time)
    return iter(lines)


def _line(path: Path, number: int, row: dict[str, Any] | Rejection, mapping: SourceMapping) -> Line:
    event = row if isinstance(row, Rejection) else mapping.event(row)
    if isinstance(event, Rejection):
        return Line(str(path), number, msgspec.json.encode(row) if isinstance(row, dict) else b"", event)
    return Line(str(path), number, event)


def _rows(path: Path, form: str) -> Iterator[tuple[int, dict[str, Any] | Rejection]]:
    try:
        text = path.read_text("utf-8", errors="surrogateescape").encode("utf-8", "replace").decode("utf-8")
    except OSError as error:
        raise FileError(f"{path}: cannot be read: {error.strerror}") from error
    if form == "csv":
        csv.field_size_limit(min(sys.maxsize, 1 << 30))
        for number, row in enumerate(csv.DictReader(io.StringIO(text, newline="")), 1):
            yield number, {str(name): value for name, value in row.items()}
        return
    try:
        items = msgspec.json.decode(text) if form == "json-array" else None
    except msgspec.DecodeError as error:
        raise FileError(f"{path}: is no JSON: {error}") from error
    rows = items if items is not None else [line for line in text.splitlines() if line.strip()]
    for number, item in enumerate(rows, 1):
        yield number, _object(item)


def _object(item: Any) -> dict[str, Any] | Rejection:
    try:
        found = msgspec.json.decode(item) if isinstance(item, str) else item
    except msgspec.DecodeError as error:
        return Rejection("json.invalid", str(error))
    return found if isinstance(found, dict) else Rejection("row.invalid", "an object is expected")


class _When(msgspec.Struct):
    time: str


def _time(line: Line) -> str:
    """Sorts by time; rows that are none come first. All times of a mapping are in one form."""
    if line.rejection is not None:
        return ""
    return msgspec.json.decode(line.value, type=_When).time
