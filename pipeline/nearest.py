"""The nearest right word for a wrong one."""

from __future__ import annotations

import difflib
from collections.abc import Iterable


def did_you_mean(word: str, words: Iterable[str], page: str = "docs/rules.md") -> str:
    """A hint to the nearest right word, or all of them where none is near. page: has them where they are many."""
    known = sorted(words)
    if near := difflib.get_close_matches(word, known, 1, 0.6):
        return f'did you mean "{near[0]}"?'
    return f"known are: {', '.join(known)}" if len(known) <= 16 else f"{page} lists what is known"
