"""What is said of an error: enough to find it, and nothing that a customer said."""

from __future__ import annotations

import re

import pytest
from aiokafka.errors import IllegalStateError

from pipeline.engine.fatal import told
from pipeline.errors import StateError


def raised(error: Exception) -> Exception:
    """The error, as one that was caught."""
    try:
        raise error
    except Exception as caught:  # noqa: BLE001 - that is what it is for
        return caught


@pytest.mark.parametrize(
    ("error", "line"),
    [
        (StateError("there is no state"), "StateError: there is no state"),
        (OSError("no room\non the disk"), "OSError: no room on the disk"),
        (IllegalStateError("closed"), "IllegalStateError: closed"),
        (TimeoutError(), "TimeoutError"),
    ],
)
def test_what_was_foreseen_says_what_it_is(error: Exception, line: str) -> None:
    assert told(raised(error)) == line


@pytest.mark.parametrize("error", [KeyError("customer-7"), ValueError("no number: 'call me, customer-7'")])
def test_what_was_not_foreseen_says_where_it_is_and_quotes_nobody(error: Exception) -> None:
    assert re.fullmatch(r"(KeyError|ValueError) at tests\.engine\.test_fatal:\d+", told(raised(error)))
    assert "customer-7" not in told(error)
