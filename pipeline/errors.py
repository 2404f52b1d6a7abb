"""What can go wrong, as a person would say it.

CxloopError            exit code 1; its text is all that a user sees
├── UsageError         wrong arguments or settings; exit code 2
├── LimitError         a limit that somebody set was passed; exit code 4
├── FileError          a file that cannot be read or written
├── RulesError         a rule set with mistakes: all of them, each with its place
├── SourceError        a source mapping with mistakes
└── StateError         a state that cannot be restored
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass


class CxloopError(Exception):
    """Something a user can act on. Never shown with a traceback."""

    exit_code = 1


class UsageError(CxloopError):
    """Wrong arguments or settings."""

    exit_code = 2


class LimitError(CxloopError):
    """A limit that somebody set was passed."""

    exit_code = 4


class FileError(CxloopError):
    """A file that cannot be read or written."""


@dataclass(frozen=True, slots=True, order=True)
class Mistake:
    """One thing that is wrong in a file that people write. line and column count from 1."""

    file: str
    line: int
    column: int
    text: str

    def __str__(self) -> str:
        return f"{self.file}:{self.line}:{self.column}: {self.text}"


class MistakesError(CxloopError):
    """Everything that is wrong in the files that were read, in order of place."""

    def __init__(self, mistakes: Sequence[Mistake]) -> None:
        self.mistakes = sorted(set(mistakes))
        super().__init__("\n".join(map(str, self.mistakes)))


class RulesError(MistakesError):
    """A rule set with mistakes."""


class SourceError(MistakesError):
    """A source mapping with mistakes."""


class StateError(CxloopError):
    """A state that cannot be restored."""
