"""What strangers wrote, on a terminal."""

from __future__ import annotations

import re

#: What would steer a terminal, and does not belong in a line.
_CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f]")


def printable(text: str) -> str:
    """A stranger's text, harmless in a terminal."""
    return _CONTROL.sub(lambda found: f"\\x{ord(found[0]):02x}", text)
