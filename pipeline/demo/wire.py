"""From what happens to what arrives: events get an envelope, and the disorder of the real world."""

from random import Random

from pipeline.demo.agenda import Agenda, Arrival
from pipeline.demo.chance import between, event_id
from pipeline.demo.hours import rfc3339
from pipeline.span import HOUR, MINUTE, SECOND

LATE_SHARE = 0.01
TWICE_SHARE = 0.005


class Wire:
    """Sends events to Kafka: most arrive within seconds, a few hours late, a few twice."""

    __slots__ = ("_agenda", "_rng")

    def __init__(self, rng: Random, agenda: Agenda) -> None:
        self._rng = rng
        self._agenda = agenda

    def send(
        self,
        at: int,
        kind: str,
        source: str,
        data: dict[str, object],
        *,
        subject: str | None = None,
        review_id: str | None = None,
        prompt: bool = False,
    ) -> None:
        """Puts one event on its way.

        at: ms UTC when it happens. kind: its type without `cx.`. review_id: given for events of the reviews
        topic. prompt: never late.
        """
        rng = self._rng
        name = event_id(rng)
        event: dict[str, object] = {
            "specversion": "1.0",
            "id": name,
            "source": source,
            "type": "cx." + kind,
            "time": rfc3339(at),
        }
        if subject is not None:
            event["subject"] = subject
        event["data"] = data
        if review_id is not None:
            topic, key = "reviews", review_id
        else:
            topic, key = "touchpoints", subject if subject is not None else source + name
        arrives = at + 40 + int(rng.random() ** 3 * 9 * SECOND)
        fate = rng.random()
        if fate < LATE_SHARE and not prompt:
            # Squared, because most of what is late is late by less than an hour.
            arrives += 6 * MINUTE + int(rng.random() ** 2 * 4 * HOUR)
        self._agenda.add(arrives, Arrival(arrives, topic, key, event))
        if fate > 1.0 - TWICE_SHARE:
            again = arrives + between(rng, SECOND, 4 * MINUTE if rng.random() < 0.8 else 10 * HOUR)
            self._agenda.add(again, Arrival(again, topic, key, event))
