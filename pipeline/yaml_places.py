"""YAML that knows where everything stands: plain data, and the line and column of every path in it."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

from pipeline.errors import FileError, Mistake

Path_ = tuple[str | int, ...]

#: A file that people write is smaller (bytes).
MAX_FILE = 1_000_000


@dataclass(slots=True)
class Document:
    """data: dicts, lists and scalars. places: path → (line, column) of its key or list item, from 1."""

    file: str
    data: Any = None
    places: dict[Path_, tuple[int, int]] = field(default_factory=dict)
    mistakes: list[Mistake] = field(default_factory=list)

    def mistake(self, path: Path_, text: str) -> Mistake:
        """A mistake at a path, or at the nearest place above it."""
        while path and path not in self.places:
            path = path[:-1]
        line, column = self.places.get(path, (1, 1))
        return Mistake(self.file, line, column, text)


def read(path: Path) -> Document:
    """Read a YAML file with safe tags only. Raises FileError where it cannot be read."""
    document = Document(str(path))
    try:
        raw = path.read_bytes()
    except OSError as error:
        raise FileError(f"{path}: cannot be read: {error.strerror}") from error
    if len(raw) > MAX_FILE:
        raise FileError(f"{path}: has {len(raw)} bytes; at most {MAX_FILE} are read")
    try:
        text = raw.decode("utf-8")
        node = yaml.compose(text, yaml.SafeLoader)
    except UnicodeDecodeError as error:
        document.mistakes.append(
            Mistake(str(path), 1, 1, f"is no UTF-8 (byte {error.start}); save it as UTF-8")
        )
        return document
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        line, column = (mark.line + 1, mark.column + 1) if mark else (1, 1)
        document.mistakes.append(
            Mistake(str(path), line, column, f"is no YAML: {error.problem or error.context}")
        )
        return document
    except yaml.YAMLError as error:
        document.mistakes.append(Mistake(str(path), 1, 1, f"is no YAML: {error}"))
        return document
    document.data = _plain(document, node, ()) if node is not None else None
    return document


def _plain(document: Document, node: yaml.Node, path: Path_) -> Any:
    document.places.setdefault(path, (node.start_mark.line + 1, node.start_mark.column + 1))
    if isinstance(node, yaml.MappingNode):
        result: dict[Any, Any] = {}
        for key_node, value_node in node.value:
            key = key_node.value
            here = (*path, key)
            place = (key_node.start_mark.line + 1, key_node.start_mark.column + 1)
            if key in result:
                document.mistakes.append(
                    Mistake(document.file, *place, f'"{key}" stands twice; keep one of them')
                )
                continue
            document.places[here] = place
            result[key] = _plain(document, value_node, here)
        return result
    if isinstance(node, yaml.SequenceNode):
        return [_plain(document, item, (*path, number)) for number, item in enumerate(node.value)]
    return _scalar(document, node, path)


def _scalar(document: Document, node: yaml.Node, path: Path_) -> Any:
    loader = yaml.SafeLoader("")
    try:
        return loader.construct_object(node)
    except (yaml.YAMLError, ValueError) as error:
        document.mistakes.append(document.mistake(path, f"cannot be read: {error}"))
        return None
