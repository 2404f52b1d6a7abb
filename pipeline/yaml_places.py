"""YAML that knows where everything stands: plain data, and the line and column of every path in it.

What is read is YAML as people mean it: maps, lists, texts, numbers, true and false. Anchors, aliases and
tags are refused, and so is a value that one reader of YAML takes for something else than another does, such
as `no` or `012`. Dates stay texts.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

from pipeline.errors import FileError, Mistake

Path_ = tuple[str | int, ...]
Place = tuple[int, int]

#: A file that people write is smaller (bytes).
MAX_FILE = 1_000_000
#: Nothing that people write is deeper than this.
_MAX_DEPTH = 32


@dataclass(slots=True)
class Document:
    """data: dicts, lists and scalars. keys, values: path → (line, column), from 1.

    keys: of the key, or of the list item; values: of what stands behind it.
    """

    file: str
    data: Any = None
    keys: dict[Path_, Place] = field(default_factory=dict)
    values: dict[Path_, Place] = field(default_factory=dict)
    mistakes: list[Mistake] = field(default_factory=list)

    def mistake(self, path: Path_, text: str, *, key: bool = False) -> Mistake:
        """A mistake in the value at a path (or in its key), or at the nearest key above it."""
        if not key and path in self.values:
            return Mistake(self.file, *self.values[path], text)
        while path and path not in self.keys:
            path = path[:-1]
        return Mistake(self.file, *self.keys.get(path, (1, 1)), text)


def read(path: Path) -> Document:
    """Read a YAML file; what is wrong with the YAML itself is in `mistakes`. Raises FileError."""
    document = Document(str(path))
    try:
        raw = path.read_bytes()
    except OSError as error:
        raise FileError(f"{path}: cannot be read: {error.strerror}") from error
    if len(raw) > MAX_FILE:
        text = f"the file has {len(raw)} bytes, and at most {MAX_FILE} are read; make it several files"
        document.mistakes.append(Mistake(str(path), 1, 1, text))
        return document
    try:
        _read_text(document, raw.decode("utf-8"))
    except UnicodeDecodeError as error:
        before = raw[: error.start].decode("utf-8")
        wide = raw[:2] in (b"\xff\xfe", b"\xfe\xff")
        is_what = "the file is UTF-16" if wide else f"the byte {raw[error.start]:#04x} is no UTF-8"
        document.mistakes.append(Mistake(str(path), *_end_of(before), f"{is_what}; save the file as UTF-8"))
    return document


def _read_text(document: Document, text: str) -> None:
    run_on: dict[int, yaml.Mark] = {}
    try:
        loader = _Loader(text, run_on)
        node = loader.get_single_node()
    except yaml.MarkedYAMLError as error:
        place, sentence = _said(error, run_on)
        document.mistakes.append(Mistake(document.file, *place, sentence))
        return
    except yaml.reader.ReaderError as error:
        code: Any = error.character
        sentence = f"the character U+{code:04X} cannot stand in YAML; take it out"
        document.mistakes.append(Mistake(document.file, *_end_of(text[: error.position]), sentence))
        return
    document.mistakes += [Mistake(document.file, *place, said) for place, said in loader.refused]
    document.keys[()] = _place(node.start_mark) if node is not None else (1, 1)
    document.data = _plain(document, node, ()) if node is not None else None


#: What can stand right behind a text in quotes, the end of the file included.
_BEHIND_A_TEXT = "\0 \t\r\n,:]}"


class _Loader(yaml.SafeLoader):
    """Composes nodes.

    refused: anchors, aliases and tags, each with its place.
    run_on: is filled with where texts in quotes ended on a later line than they began, and more stands right
    behind → where they began. Such an end is most likely the beginning of another text.
    """

    def __init__(self, text: str, run_on: dict[int, yaml.Mark]) -> None:
        super().__init__(text)
        self.refused: list[tuple[Place, str]] = []
        self._run_on = run_on
        self._depth = 0

    def scan_flow_scalar(self, style: Any) -> Any:
        token: Any = super().scan_flow_scalar(style)
        behind = self.peek()
        if token.start_mark.line < token.end_mark.line and behind not in _BEHIND_A_TEXT:
            self._run_on[token.end_mark.index] = token.start_mark
        return token

    def compose_node(self, parent: yaml.Node | None, index: Any) -> yaml.Node | None:
        event: Any = self.peek_event()  # type: ignore[no-untyped-call]
        mark: Any = event.start_mark
        place = _place(mark)
        if isinstance(event, yaml.AliasEvent):
            self.get_event()  # type: ignore[no-untyped-call]
            self.refused.append((place, f"*{event.anchor} is an alias; write out what it stands for"))
            return yaml.ScalarNode("", f"*{event.anchor}", mark, mark, style="'")
        if event.anchor is not None:
            self.refused.append((place, f"&{event.anchor} is an anchor; take it out"))
            event.anchor = None
        if event.tag is not None:
            self.refused.append((place, _about_tag(event.tag)))
        if self._depth == _MAX_DEPTH:
            raise yaml.MarkedYAMLError(problem=_TOO_DEEP, problem_mark=mark)
        self._depth += 1
        node = super().compose_node(parent, index)
        self._depth -= 1
        return node


def _plain(document: Document, node: Any, path: Path_) -> Any:
    document.values[path] = _place(node.start_mark)
    if isinstance(node, yaml.MappingNode):
        return dict(_pairs(document, node, path))
    if isinstance(node, yaml.SequenceNode):
        items = []
        for number, item in enumerate(node.value):
            document.keys[*path, number] = _place(item.start_mark)
            items.append(_plain(document, item, (*path, number)))
        return items
    if node.value == "" and node.style is None and path:
        document.values[path] = document.keys[path]
    try:
        return _scalar(node.value) if node.style is None else _whole(node.value)
    except ValueError as error:
        document.mistakes.append(document.mistake(path, str(error)))
        return ""


def _pairs(document: Document, node: yaml.MappingNode, path: Path_) -> Iterator[tuple[str, Any]]:
    first: dict[str, int] = {}
    for key_node, value_node in node.value:
        line, column = place = _place(key_node.start_mark)
        if not isinstance(key_node, yaml.ScalarNode):
            text = "a list or a map cannot be a key; write one word"
            document.mistakes.append(Mistake(document.file, *place, text))
            continue
        try:
            key = _whole(key_node.value)
            if key == "<<" and key_node.style is None:
                raise ValueError("<< takes over another map; write its fields out")
        except ValueError as error:
            document.mistakes.append(Mistake(document.file, line, column, str(error)))
            continue
        if key in first:
            text = f'"{key}" stands twice, first on line {first[key]}; keep one of them'
            document.mistakes.append(Mistake(document.file, line, column, text))
            continue
        first[key] = line
        document.keys[*path, key] = place
        yield key, _plain(document, value_node, (*path, key))


_INTEGER = re.compile(r"[-+]?(0|[1-9][0-9]*)")
_DECIMAL = re.compile(r"[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?")
#: What readers of YAML 1.1 and of YAML 1.2 understand differently.
_SWITCH = re.compile(r"yes|no|on|off", re.IGNORECASE)
_OTHER_BASE = re.compile(r"[-+]?(0[0-9_]+|0[xob][0-9a-fA-F_]+)")
_GROUPED = re.compile(r"[-+]?[0-9][0-9_]*(\.[0-9_]*)?")
_SIXTIES = re.compile(r"[-+]?[0-9][0-9_]*(:[0-5]?[0-9])+(\.[0-9_]*)?")
#: Longer ones are texts.
_MAX_NUMBER = 40
_NO_NUMBER = re.compile(r"[-+]?\.(inf|nan)", re.IGNORECASE)


def _scalar(text: str) -> Any:
    """What a text without quotes means. Raises ValueError where that depends on who reads it."""
    if text in ("", "~", "null", "Null", "NULL"):
        return None
    if text in ("true", "True", "TRUE", "false", "False", "FALSE"):
        return text.lower() == "true"
    if len(text) > _MAX_NUMBER:
        return text
    if _INTEGER.fullmatch(text):
        return int(text)
    if _DECIMAL.fullmatch(text) and not _OTHER_BASE.fullmatch(text):
        if math.isfinite(number := float(text)):
            return number
        raise ValueError(f"{text} is too large a number")
    if _SWITCH.fullmatch(text):
        switch = "true" if text.lower() in ("yes", "on") else "false"
        raise ValueError(
            f'{text} can mean {switch} or the text "{text}"; write {switch}, or "{text}" in quotes'
        )
    if _OTHER_BASE.fullmatch(text) or _GROUPED.fullmatch(text) or _SIXTIES.fullmatch(text):
        raise ValueError(
            f'{text} can be read in several ways; write a plain number such as 123, or "{text}" in quotes'
        )
    if _NO_NUMBER.fullmatch(text):
        raise ValueError(f'{text} is no number to count with; write one, or "{text}" in quotes')
    return text


def _whole(text: str) -> str:
    """A text in quotes, whose escapes may have written a character in two halves. Raises ValueError."""
    try:
        return text.encode("utf-16", "surrogatepass").decode("utf-16")
    except UnicodeDecodeError as error:
        raise ValueError("an escape here is half a character; write the character itself") from error


def _place(mark: yaml.Mark) -> Place:
    return mark.line + 1, mark.column + 1


def _end_of(text: str) -> Place:
    """Where a text ends."""
    return text.count("\n") + 1, len(text) - (text.rfind("\n") + 1) + 1


def _about_tag(tag: str) -> str:
    if tag == "!=":
        return 'put a comparison in quotes, such as "!= 3"'
    return f"{tag.replace('tag:yaml.org,2002:', '!!')} is a tag; write the value without it"


_TOO_DEEP = "too deep"
_NEVER_CLOSED = "the quote is never closed"
#: What the parser says, and how a person would say it. The last one always fits.
_SENTENCES = (
    ("cannot start any token", "a text cannot begin with this character; put the text in quotes"),
    ("mapping values are not allowed", "a colon cannot stand here; put the text in quotes, or mend the indentation"),
    ("could not find expected ':'", "a colon is missing after this word, or it is indented wrongly"),
    ("unexpected end of stream", _NEVER_CLOSED),
    ("expected ',' or '}'", 'a comma or "}" is missing before this'),
    ("expected ',' or ']'", 'a comma or "]" is missing before this'),
    ("expected <block end>", "this does not stand in line with what it belongs to; mend the indentation"),
    ("expected the node content", "a value is missing before this"),
    ("while scanning a block scalar", 'put a comparison in quotes, such as "> 3"'),
    ("unknown escape character", r"no character is written so behind a backslash; write \\ for a backslash"),
    ("expected a single document", "a second document begins here; make it a file of its own"),
    ("undefined tag handle", "a tag stands here; write the value without it"),
    (_TOO_DEEP, f"this is nested more than {_MAX_DEPTH} deep; nothing here needs that"),
    ("", "this is no YAML"),
)  # fmt: skip


def _said(error: yaml.MarkedYAMLError, run_on: Mapping[int, yaml.Mark]) -> tuple[Place, str]:
    """Where something is no YAML, and a sentence about it. run_on: see the loader's."""
    for where in (error.problem_mark, error.context_mark):
        if where is not None and where.index in run_on:
            return _place(run_on[where.index]), _NEVER_CLOSED
    problem = f"{error.context or ''} {error.problem or ''}"
    mark = error.problem_mark or error.context_mark
    if (
        any(sign in problem for sign in ("could not find", "end of stream"))
        and error.context_mark is not None
    ):
        mark = error.context_mark  # where it began, not where the file ended
    sentence = next(said for sign, said in _SENTENCES if sign in problem)
    if r"'\t'" in problem:
        sentence = "a tab stands here; indent with spaces"
    return _place(mark) if mark is not None else (1, 1), sentence
