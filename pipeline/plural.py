"""Numbers of things, in words."""

from __future__ import annotations


def counted(number: int, one: str, more: str | None = None) -> str:
    """So many of them, such as "1 match" and "1,200 matches". more: the plural, where it is not that of most words."""
    return f"{number:,} {plural(number, one, more)}"


def plural(number: int, one: str, more: str | None = None) -> str:
    """The word alone."""
    return one if number == 1 else more or f"{one}s"
