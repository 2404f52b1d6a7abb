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


def check(folder: Path, files: Files, command: str, surplus: Iterable[Path] = ()) -> None:
    """Raises FileError where a file is not as it would be written.

    command: what writes them. surplus: files of the folder that are not made any more.
    """
    differing, missing, count = list[Path](), list[Path](), 0
    for name, content in files:
        file = folder / name
        count += 1
        try:
            is_right = file.read_bytes() == content
        except (FileNotFoundError, NotADirectoryError):
            missing.append(file)
            continue
        except OSError as error:
            raise FileError(f"{file}: cannot be read: {error.strerror}") from error
        if not is_right:
            differing.append(file)
    if len(missing) == count:
        raise FileError(
            f"{folder}: none of the files is there; write them with `{command}`, or name another folder with --out"
        )
    wrong = [
        (f"these differ from the code; write them anew with `{command}`", differing),
        (f"these are not there; write them with `{command}`", missing),
        ("these are not made any more; delete them", list(surplus)),
    ]
    if told := ["\n".join([f"{what}:", *map(str, which)]) for what, which in wrong if which]:
        raise FileError("\n".join(told))


def _in_the_way(place: Path) -> Path:
    """Which file stands where a folder should be."""
    return next((part for part in place.parents if part.is_file()), place)


def _unwritable(place: Path, why: str | None) -> FileError:
    return FileError(f"{place}: cannot be written: {why}; name another folder with --out")
