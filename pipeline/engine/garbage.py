"""Python's cycle collector, told what a worker is like: many records that come and go, and a state that stays."""

from __future__ import annotations

import gc

#: Allocations until the youngest are looked at. A batch makes thousands of objects that hold no cycles; with
#: Python's 700 the collector takes a third of the time that an event costs.
YOUNG = 100_000


def relax() -> None:
    """Collect less often."""
    gc.set_threshold(YOUNG, 50, 100)


def spare() -> None:
    """Leave what there is now out of later collections: a restored state is large, and nothing of it is garbage."""
    gc.freeze()
