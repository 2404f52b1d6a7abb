"""Events from files: JSON lines of events, or rows of another shape through a mapping."""

from __future__ import annotations

import csv
import json
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any, NamedTuple

import msgspec

from pipeline.errors import FileError, SourceError
from pipeline.events.codec import Rejection
from pipeline.plural import counted
from pipeline.sources.mapping import SourceMapping, load_mapping
from pipeline.sources.model import Mapped

_BYTE_ORDER_MARK = b"\xef\xbb\xbf"
_UTF_16 = (b"\xff\xfe", b"\xfe\xff")
#: What files of values have between them.
_DELIMITERS = ",;\t|"


class Line(NamedTuple):
    """One event of a file, or why there is none. number: of the line at which it begins, or of the item, from 1."""

    file: str
    number: int
    value: bytes
    rejection: Rejection | None = None


@dataclass(frozen=True, slots=True)
class _Row:
    """One row of a file. raw: as it came, of an array's item as near to that as can be; found: what it says."""

    number: int
    raw: bytes
    found: dict[str, Any] | Rejection


def read_events(path: Path, source: Path | None = None) -> Iterator[Line]:
    """The events of a file in its order. source: a mapping. Raises FileError or SourceError."""
    mapping = load_mapping(source) if source is not None else None
    if path.is_dir():
        raise FileError(f"{path}: is a folder; name the files in it")
    if not path.is_file():
        raise FileError(f"{path}: there is no such file")
    return _json_lines(path) if mapping is None else _mapped(path, mapping)


def _json_lines(path: Path) -> Iterator[Line]:
    try:
        with path.open("rb") as file:
            for number, raw in enumerate(file, 1):
                line = _without_mark(path, raw) if number == 1 else raw
                if value := line.strip():
                    yield Line(str(path), number, value)
    except OSError as error:
        raise FileError(f"{path}: cannot be read: {error.strerror}") from error


def _mapped(path: Path, mapping: SourceMapping) -> Iterator[Line]:
    try:
        raw = _without_mark(path, path.read_bytes())
    except OSError as error:
        raise FileError(f"{path}: cannot be read: {error.strerror}") from error
    match mapping.written.format:
        case "csv":
            rows = _csv(path, raw, mapping)
        case "json":
            rows = _objects(raw, mapping.written.encoding)
        case _:
            rows = _array(path, raw, mapping.written.encoding)
    lines = [_line(path, row, mapping) for row in rows]
    if mapping.written.order == "time":
        lines.sort(key=_time)
    return iter(lines)


def _without_mark(path: Path, raw: bytes) -> bytes:
    """What a file, or the beginning of it, has behind its byte order mark. Raises FileError where that is of UTF-16."""
    if raw.startswith(_UTF_16):
        raise FileError(f"{path}: the file is UTF-16; save the file as UTF-8")
    return raw.removeprefix(_BYTE_ORDER_MARK)


def _line(path: Path, row: _Row, mapping: SourceMapping) -> Line:
    event = row.found if isinstance(row.found, Rejection) else mapping.event(row.found)
    if isinstance(event, Rejection):
        return Line(str(path), row.number, row.raw, event)
    return Line(str(path), row.number, event)


def _text(raw: bytes, encoding: str) -> str | Rejection:
    try:
        return raw.decode(encoding)
    except UnicodeDecodeError as error:
        other = "cp1252" if encoding == "utf-8" else "utf-8"
        text = f"the byte {raw[error.start]:#04x} is no {encoding}; the mapping may name another encoding, such as"
        return Rejection("row.invalid", f"{text} encoding: {other}")


def _csv(path: Path, raw: bytes, mapping: SourceMapping) -> Iterator[_Row]:
    """Rows by the names of the header, which is the first row."""
    rows = _rows(raw, mapping.written)
    _, _, header = next(rows, (1, b"", list[str]()))
    if isinstance(header, Rejection):
        raise FileError(f"{path}: the header cannot be read: {header.error}")
    if twice := [name for place, name in enumerate(header) if name in header[:place]]:
        raise FileError(f'{path}: the column "{twice[0]}" is there twice; give one of them another name')
    if header and (mistakes := mapping.missing_columns(header)):
        if header[0].lstrip().startswith(("{", "[")):
            form = "json" if header[0].lstrip().startswith("{") else "json-array"
            raise FileError(f"{path}: this is no CSV, but JSON; write format: {form} in the mapping")
        others = [one for one in _DELIMITERS if one in header[0]]
        if len(header) == 1 and others:
            text = f'the header has one column, "{header[0]}"; write delimiter: {json.dumps(others[0])}'
            raise FileError(f"{path}: {text} in the mapping")
        raise SourceError(mistakes)
    for number, own, values in rows:
        if isinstance(values, Rejection):
            yield _Row(number, own, values)
        elif len(values) > len(header):
            text = f"the row has {len(values) - len(header)} more than the {counted(len(header), 'value')} of the header"
            yield _Row(number, own, Rejection("row.invalid", text))
        else:
            yield _Row(number, own, dict(zip(header, values, strict=False)))


def _rows(raw: bytes, written: Mapped) -> Iterator[tuple[int, bytes, list[str] | Rejection]]:
    """What the rows of a CSV say, each with the line at which it begins, and its own bytes."""
    csv.field_size_limit(min(sys.maxsize, 1 << 30))
    lines = raw.splitlines(keepends=True)
    # What cannot be decoded changes nothing of where a row ends; the row is looked at again.
    decoded = [line.decode(written.encoding, "replace") for line in lines]
    reader, first = csv.reader(decoded, delimiter=written.delimiter), 0
    while (before := first + reader.line_num) < len(lines):
        found: list[str] | Rejection
        try:
            found = next(reader)
        except csv.Error as error:
            found = Rejection("row.invalid", f"the row is no CSV: {error}")
        behind = first + reader.line_num
        if behind == len(lines) and _is_open(decoded[before:], written.delimiter):
            # Up to the end of the file it would be one row: only its first line is lost.
            found = Rejection("row.invalid", "the row is no CSV: a quote that begins in it is never closed")
            behind = first = before + 1
            reader = csv.reader(decoded[first:], delimiter=written.delimiter)
        own = b"".join(lines[before:behind]).rstrip(b"\r\n")
        text = _text(own, written.encoding)
        if found:  # a line without anything is no row
            yield before + 1, own, text if isinstance(text, Rejection) else found


def _is_open(lines: list[str], delimiter: str) -> bool:
    """Whether a quote is still open behind the lines of one row: then another line belongs to it, too."""
    return len(list(csv.reader([*lines, "x"], delimiter=delimiter))) == 1


def _objects(raw: bytes, encoding: str) -> Iterator[_Row]:
    for number, line in enumerate(raw.split(b"\n"), 1):
        if value := line.strip():
            text = _text(value, encoding)
            yield _Row(number, value, text if isinstance(text, Rejection) else _object_in(text))


def _object_in(text: str) -> dict[str, Any] | Rejection:
    try:
        return _object(msgspec.json.decode(text))
    except (msgspec.DecodeError, RecursionError) as error:
        return Rejection("json.invalid", f"the line is no JSON: {error}")


def _array(path: Path, raw: bytes, encoding: str) -> Iterator[_Row]:
    text = _text(raw, encoding)
    if isinstance(text, Rejection):
        raise FileError(f"{path}: {text.error}")
    try:
        items = msgspec.json.decode(text)
    except (msgspec.DecodeError, RecursionError) as error:
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
