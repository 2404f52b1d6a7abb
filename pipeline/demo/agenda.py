"""What happens next: one heap of everything that is planned, and what has arrived."""

from collections.abc import Callable
from dataclasses import dataclass
from heapq import heappop, heappush

Plan = Callable[[int], None]


@dataclass(frozen=True, slots=True)
class Arrival:
    """An event as it reaches Kafka.

    at: ms UTC, never before the event's time. topic: `touchpoints` or `reviews`, without prefix. key: the
    customer, the review's id on `reviews`, source + id where an event has no subject. event: a CloudEvents
    1.0 JSON object; one that was sent twice is the same object twice, so do not change it.
    """

    at: int
    topic: str
    key: str
    event: dict[str, object]


class Agenda:
    """Arrivals and plans, each taken at its moment; the same moment keeps the order of adding."""

    __slots__ = ("_added", "_heap")

    def __init__(self) -> None:
        self._heap: list[tuple[int, int, Arrival | Plan]] = []
        self._added = 0

    def add(self, at: int, item: Arrival | Plan) -> None:
        """item: an arrival, or a plan that is called with `at` and may add more, none of it before `at`."""
        self._added += 1
        heappush(self._heap, (at, self._added, item))

    def until(self, at: int) -> list[Arrival]:
        """Takes all that comes up to and with `at`: carries out the plans, returns the arrivals in order."""
        # One pass for each event of a demo or a benchmark: so names are local.
        heap, pop = self._heap, heappop
        arrivals: list[Arrival] = []
        append = arrivals.append
        while heap and heap[0][0] <= at:
            moment, _, item = pop(heap)
            if isinstance(item, Arrival):
                append(item)
            else:
                item(moment)
        return arrivals
