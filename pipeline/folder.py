"""The files that a command makes, in one folder."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from pipeline.errors import FileError

#: Each file's place in the folder, and what it holds.
Files = Iterable[tuple[str, bytes]]


def write(folder: Path, files: Files) -> None:
    """Make the folder where it is missing, and write the files. Raises FileError."""
    file = folder
    try:
        folder.mkdir(parents=True, exist_ok=True)
        for name, content in files:
            file = folder / name
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_bytes(content)
    except (FileExistsError, NotADirectoryError) as error:
        raise _unwritable(folder, f"{_in_the_way(file)} is a file, not a folder") from error
    except OSError as error:
        raise _unwritable(Path(error.filename or file), error.strerror) from error


def _in_the_way(place: Path) -> Path:
    """Which file stands where a folder should be."""
    return next((part for part in place.parents if part.is_file()), place)


def _unwritable(place: Path, why: str | None) -> FileError:
    return FileError(f"{place}: cannot be written: {why}; name another folder with --out")
