"""What a record is found by: what remembers it, for which key, and for which part of it; as one text.

As a tuple of three texts it would be up to four objects: so often would be waited for memory to find a record that
nobody has touched for long, and two records of a key and part would take some 100 bytes more.
"""

from __future__ import annotations

from typing import Final

#: What remembers it, an end mark, key and part, and how long the part is, as one character.
Ref = str
_END: Final = "\0"
#: No text of UTF-8 has these characters.
_SURROGATES: Final = 0xD800
_AFTER: Final = 0xE000 - _SURROGATES


def ref_of(what: str, key: str, part: str = "") -> Ref:
    """The ref of a record. what: a rule's id, or "@" and a word, without the end mark; part: "" for all of a key."""
    if not part:
        return f"{what}\0{key}\0"
    n = len(part)
    return f"{what}\0{key}{part}{chr(n if n < _SURROGATES else n + _AFTER)}"


def what_of(ref: Ref) -> str:
    """What remembers it."""
    return ref[: ref.index(_END)]


def key_of(ref: Ref) -> str:
    """For which key."""
    return ref[ref.index(_END) + 1 : -1 - _length(ref)]


def part_of(ref: Ref) -> str:
    """For which part of it."""
    return ref[-1 - _length(ref) : -1]


def _length(ref: Ref) -> int:
    n = ord(ref[-1])
    return n if n < _SURROGATES else n - _AFTER
