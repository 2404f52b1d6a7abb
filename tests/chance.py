"""How many examples hypothesis draws.

The seeds are fixed, so that a run says the same each time; `CXLOOP_EXPLORE=1` draws new ones.
"""

from __future__ import annotations

import os

from hypothesis import HealthCheck, settings

EXPLORE = bool(os.environ.get("CXLOOP_EXPLORE"))


def examples(number: int) -> settings:
    """Settings of a property; tenfold where new examples are drawn."""
    return settings(
        max_examples=number * (10 if EXPLORE else 1),
        deadline=None,
        derandomize=not EXPLORE,
        database=None,
        print_blob=False,
        suppress_health_check=list(HealthCheck),
    )
