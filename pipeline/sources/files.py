"""Events from files: JSON lines of events, or rows of another shape through a mapping."""

from __future__ import annotations

import csv
import io
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any, NamedTuple

import msgspec

from pipeline.errors import FileError, SourceError
from pipeline.events.codec import Rejection
from pipeline.sources.mapping import SourceMapping, load_mapping

_BYTE_ORDER_MARK = b"\xef\xbb\xbf"


class Line(NamedTuple):
    """One event of a file, or why there is none. number: of the line or row, from 1."""

    file: str
    number: int
    value: bytes
    rejection: Rejection | None = None


@dataclass(frozen=True, slots=True)
class _Row:
    """One row of a file. raw: as it came, or as near to that as can be; found: what it says."""

    number: int
    raw: bytes
    found: dict[str, Any] | Rejection


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
                line = raw.removeprefix(_BYTE_ORDER_MARK) if number == 1 else raw
                if value := line.strip():
                    yield Line(str(path), number, value)
    except OSError as error:
        raise FileError(f"{path}: cannot be read: {error.strerror}") from error


def _mapped(path: Path, mapping: SourceMapping) -> Iterator[Line]:
    try:
        raw = path.read_bytes().removeprefix(_BYTE_ORDER_MARK)
    except OSError as error:
        raise FileError(f"{path}: cannot be read: {error.strerror}") from error
    match mapping.written.format:
        case "csv":
            rows = _csv(path, raw, mapping)
        case "json":
            rows = _objects(raw)
        case _:
            rows = _array(path, raw)
    lines = [_line(path, row, mapping) for row in rows]
    if mapping.written.order == "time":
        lines.sort(key=_time)
    return iter(lines)


def _line(path: Path, row: _Row, mapping: SourceMapping) -> Line:
    event = row.found if isinstance(row.found, Rejection) else mapping.event(row.found)
    if isinstance(event, Rejection):
        return Line(str(path), row.number, row.raw, event)
    return Line(str(path), row.number, event)


def _csv(path: Path, raw: bytes, mapping: SourceMapping) -> Iterator[_Row]:
    """Rows by the names of the header. Bytes that are no UTF-8 become U+FFFD, as texts of old files need."""
    csv.field_size_limit(min(sys.maxsize, 1 << 30))
    reader = csv.DictReader(io.StringIO(raw.decode("utf-8", "replace"), newline=""), restkey="")
    header = list(reader.fieldnames or ())
    if twice := [name for place, name in enumerate(header) if name in header[:place]]:
        raise FileError(f'{path}: the column "{twice[0]}" is there twice; give one of them another name')
    if header and (mistakes := mapping.missing_columns(header)):
        raise SourceError(mistakes)
    number = 0
    while True:
        number += 1
        try:
            row: dict[str, Any] = next(reader)
        except StopIteration:
            return
        except csv.Error as error:
            yield _Row(number, b"", Rejection("row.invalid", f"the row is no CSV: {error}"))
            continue
        value = msgspec.json.encode(row)
        if more := len(row.get("", ())):
            text = f"the row has {more} more than the {len(header)} values of the header"
            yield _Row(number, value, Rejection("row.invalid", text))
        else:
            yield _Row(number, value, row)


def _objects(raw: bytes) -> Iterator[_Row]:
    for number, line in enumerate(raw.split(b"\n"), 1):
        if value := line.strip():
            try:
                yield _Row(number, value, _object(msgspec.json.decode(value)))
            except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
                yield _Row(number, value, Rejection("json.invalid", f"the line is no JSON: {error}"))


def _array(path: Path, raw: bytes) -> Iterator[_Row]:
    try:
        items = msgspec.json.decode(raw)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise FileError(f"{path}: is no JSON: {error}") from error
    if not isinstance(items, list):
        raise FileError(f"{path}: a list of objects is expected; for one object a line, say format: json")
    for number, item in enumerate(items, 1):
        yield _Row(number, msgspec.json.encode(item), _object(item))


def _object(item: Any) -> dict[str, Any] | Rejection:
    return item if isinstance(item, dict) else Rejection("row.invalid", "an object is expected")


class _When(msgspec.Struct):
    time: datetime


def _time(line: Line) -> float:
    """Sorts by time; rows that are no events come first."""
    if line.rejection is not None:
        return float("-inf")
    return msgspec.json.decode(line.value, type=_When).time.timestamp()
