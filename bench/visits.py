"""The load for windows: customers who come by, and the answer to who came often within an hour.

Times are whole panes of five minutes: so an exact hour, as cxloop counts it, and hopping windows of an hour every
five minutes, as stream engines count, find the same customers. Nothing arrives more than LATEST_S late, or twice.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import islice

import numpy as np

from bench.load import CHANNELS, TOUCHPOINTS, create_inputs, write
from tests.broker import RealKafka

START_S = 1_767_600_000  # 2026-01-05T08:00:00Z: a whole hour
DAILY = 1_000_000  # visits a day, of so many CUSTOMERS
CUSTOMERS = 100_000
PANE_S, WINDOW_S = 300, 3_600
LATEST_S = 240.0
AT_LEAST = 6

_CHUNK = 100_000


def visits(count: int) -> Iterator[tuple[str, int, str]]:
    """`count` visits in order of arrival, the same each time: (customer, s of event time, CloudEvent in JSON)."""
    return islice(_visits(), count)


def _visits() -> Iterator[tuple[str, int, str]]:
    chance, number = np.random.default_rng(1), 0
    while True:
        # The square makes a few customers busy and most of them quiet.
        customers = (chance.random(_CHUNK) ** 2 * CUSTOMERS).astype(int).tolist()
        picks, ids = (
            chance.integers(0, 1 << 16, _CHUNK).tolist(),
            chance.integers(0, 1 << 63, _CHUNK).tolist(),
        )
        lags = np.minimum(chance.exponential(20.0, _CHUNK), LATEST_S)
        arrivals = START_S + (number + np.arange(_CHUNK)) * (86_400 / DAILY)
        seconds = ((arrivals - lags) // PANE_S * PANE_S).astype(int)
        times = np.datetime_as_string(seconds.astype("datetime64[s]")).tolist()
        for who, pick, event_id, at, time in zip(customers, picks, ids, seconds.tolist(), times, strict=True):
            channel, touchpoint = CHANNELS[pick % 6], TOUCHPOINTS[pick % 9]
            value = (
                f'{{"specversion":"1.0","id":"{event_id:016x}{number:08x}","source":"/shop/{channel}",'
                f'"type":"cx.touchpoint.visited","time":"{time}Z","subject":"cust-{who}",'
                f'"data":{{"outcome":"completed","duration_s":{pick % 240},"emotion":{pick % 5 - 2},'
                f'"touchpoint":"{touchpoint}","channel":"{channel}","location":"Amsterdam","segment":"family"}}}}'
            )
            yield f"cust-{who}", at, value
            number += 1


def load_visits(kafka: RealKafka, prefix: str, count: int) -> None:
    """Create `<prefix>.touchpoints`, with `count` visits, and an empty `<prefix>.reviews`."""
    create_inputs(kafka, prefix)
    write(kafka, ((f"{prefix}.touchpoints", customer, value) for customer, _, value in visits(count)))


def often(count: int) -> set[str]:
    """The customers with AT_LEAST visits in an hour: the answer, by definition."""
    panes: dict[str, dict[int, int]] = {}
    for customer, at, _ in visits(count):
        for begin in range(at - WINDOW_S + PANE_S, at + 1, PANE_S):
            counts = panes.setdefault(customer, {})
            counts[begin] = counts.get(begin, 0) + 1
    return {customer for customer, counts in panes.items() if max(counts.values()) >= AT_LEAST}
