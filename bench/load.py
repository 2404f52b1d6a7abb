"""The load: a made-up shop's customers, the same every time for the same seed.

Events of some 300 bytes in the mix and the order in which a shop sees them: what is opened is
answered later, most arrives within a minute, a little arrives hours late, and some arrives twice.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any

import numpy as np
from confluent_kafka import KafkaError, Message, Producer

from tests.broker import RealKafka

TOPICS = ("touchpoints", "reviews")  # behind the prefix
PARTITIONS = 4
#: What cxloop asks of its topics.
TOPIC_CONFIG = {
    "message.timestamp.type": "LogAppendTime",
    "retention.ms": "-1",
    "max.message.bytes": str(4 << 20),
}

START = np.datetime64("2026-01-05T08:00:00.000")  # UTC
SPAN_S = 7 * 86_400  # event time, whatever the number of events
TWICE = 0.002  # of all events
LATE = 0.003  # of all events: by hours; the others by LAG_S on average
LAG_S = 20.0

CHUNK = 10_000

TOUCHPOINTS = ("home", "search", "product", "cart", "checkout", "delivery", "returns", "account", "support")
CHANNELS = ("web", "app", "store", "phone", "email", "chat")
SEGMENTS = ("consumer", "family", "business")
LOCATIONS = ("Amsterdam", "Antwerp", "Berlin", "Lille", "Rotterdam")
REASONS = ("late delivery", "wrong item", "damaged", "invoice", "how does it work", "cancel")
COMMENTS = (
    "Levering veel te laat",
    "Great service, thank you!",
    "Nobody picked up the phone for half an hour",
    "Goed product, maar de website is traag",
    "Es hat alles geklappt",
)


#: The customer whom an event is about, and the fields of its data.
Told = tuple[int, str]


class Shop:
    """What is going on: the orders, cases and reviews that something still has to come of.

    Each method tells one event. number: of the event; who: a customer; pick: 0 to 2**16, for
    choices; score: 0 to 1, and higher is happier.
    """

    def __init__(self) -> None:
        self._orders: deque[tuple[int, int]] = deque()
        self._contacts: deque[tuple[int, int]] = deque()
        self._unanswered: deque[tuple[int, int]] = deque()
        self._reviews: deque[tuple[int, int]] = deque()

    def visited(self, _: int, who: int, pick: int, score: float) -> Told:
        outcome = "completed" if score > 0.25 else "abandoned" if score > 0.05 else "failed"
        return who, f'"outcome":"{outcome}","duration_s":{pick % 240},"emotion":{round(score * 4 - 2)}'

    def purchased(self, number: int, who: int, pick: int, _: float) -> Told:
        self._orders.append((who, number))
        return who, f'"order_id":"order-{number}","amount":{pick % 300 + 0.95},"currency":"EUR"'

    def delivered(self, number: int, who: int, *_: float) -> Told:
        who, order = self._orders.popleft() if self._orders else (who, number)
        return who, f'"order_id":"order-{order}"'

    def answered(self, number: int, who: int, pick: int, score: float) -> Told:
        nps, csat, ces = int(score * 10.99), int(score * 4.99) + 1, int(score * 6.99) + 1
        comment = f',"comment":"{COMMENTS[pick % len(COMMENTS)]}"' if pick % 3 == 0 else ""
        return who, f'"nps":{nps},"csat":{csat},"ces":{ces},"survey_id":"survey-{number}"{comment}'

    def opened(self, number: int, who: int, pick: int, _: float) -> Told:
        self._contacts.append((who, number))
        if pick % 16:  # the others are forgotten
            self._unanswered.append((who, number))
        return who, f'"contact_id":"contact-{number}","reason":"{REASONS[pick % len(REASONS)]}"'

    def replied(self, number: int, who: int, pick: int, _: float) -> Told:
        if pick % 8 and self._unanswered:
            (who, contact), by = self._unanswered.popleft(), "agent"
        else:
            who, contact = self._contacts[0] if self._contacts else (who, number)
            by = ("bot", "customer")[pick // 8 % 2]
        return who, f'"contact_id":"contact-{contact}","by":"{by}"'

    def resolved(self, number: int, who: int, *_: float) -> Told:
        who, contact = self._contacts.popleft() if self._contacts else (who, number)
        return who, f'"contact_id":"contact-{contact}"'

    def helped_themselves(self, _: int, who: int, pick: int, __: float) -> Told:
        return who, f'"topic":"{REASONS[pick % len(REASONS)]}"'

    def observed(self, _: int, who: int, pick: int, score: float) -> Told:
        comment = COMMENTS[pick % len(COMMENTS)]
        return who, f'"comment":"{comment}","sentiment":{score * 2 - 1:.2f},"by":"staff-{pick % 40}"'

    def reviewed(self, number: int, who: int, pick: int, score: float) -> Told:
        self._reviews.append((who, number))
        rating, title = int(score * 4.99) + 1, COMMENTS[pick % len(COMMENTS)]
        return who, f'"review_id":"review-{number}","platform":"maps","rating":{rating},"title":"{title}"'

    def responded(self, number: int, who: int, pick: int, _: float) -> Told:
        who, review = self._reviews.popleft() if self._reviews else (who, number)
        return who, f'"review_id":"review-{review}","platform":"maps","responder":"team-{pick % 5}"'


#: Type (without `cx.`), share of all events, and who tells it.
MIX = (
    ("touchpoint.visited", 0.46, Shop.visited),
    ("purchase.completed", 0.11, Shop.purchased),
    ("survey.answered", 0.10, Shop.answered),
    ("order.delivered", 0.09, Shop.delivered),
    ("contact.replied", 0.06, Shop.replied),
    ("contact.opened", 0.05, Shop.opened),
    ("contact.resolved", 0.045, Shop.resolved),
    ("selfservice.resolved", 0.03, Shop.helped_themselves),
    ("review.posted", 0.02, Shop.reviewed),
    ("observation.noted", 0.015, Shop.observed),
    ("selfservice.failed", 0.01, Shop.helped_themselves),
    ("review.responded", 0.01, Shop.responded),
)


#: Nobody counts these, and no rule of the bench looks at them.
NOTES = (("observation.noted", 1.0, Shop.observed),)

#: Types, shares and who tells them, see `MIX`.
Mix = Sequence[tuple[str, float, Callable[[Shop, int, int, int, float], Told]]]
#: Draws who the next so many events are about.
Draw = Callable[[np.random.Generator, int], "np.ndarray[Any, Any]"]


def drawn_of(customers: int) -> Draw:
    """Out of so many. The square makes a few of them busy and most of them quiet."""
    return lambda chance, count: (chance.random(count) ** 2 * customers).astype(int)


ANYBODY = drawn_of(100_000)


def events(
    count: int,
    *,
    seed: int = 1,
    start: np.datetime64 = START,
    span_s: float = SPAN_S,
    who: Draw = ANYBODY,
    mix: Mix = MIX,
) -> Iterator[tuple[str, str, str]]:
    """`count` events, as (topic without its prefix, key, CloudEvent in JSON), in order of arrival.

    who: is asked for CHUNK customers at a time, when the first of their events is.
    """
    chance, shop, event = np.random.default_rng(seed), Shop(), None
    for begin in range(0, count, CHUNK):
        for number, (kind, drawn, pick, score, random_id, twice, time) in enumerate(
            _columns(chance, begin, min(CHUNK, count - begin), start, span_s / count, who, mix), begin
        ):
            if event is None or not twice:
                name, _, tell = mix[kind]
                customer, data = tell(shop, number, drawn, pick, score)
                channel = CHANNELS[pick % 6]
                value = (
                    f'{{"specversion":"1.0","id":"{random_id:016x}{number:08x}","source":"/shop/{channel}",'
                    f'"type":"cx.{name}","time":"{time}Z","subject":"cust-{customer}",'
                    f'"data":{{{data},"touchpoint":"{TOUCHPOINTS[pick % 9]}","channel":"{channel}",'
                    f'"segment":"{SEGMENTS[customer % 3]}","location":"{LOCATIONS[customer % 5]}"}}}}'
                )
                if name.startswith("review."):
                    event = ("reviews", data.split('"', 4)[3], value)
                else:
                    event = ("touchpoints", f"cust-{customer}", value)
            yield event


def _columns(
    chance: np.random.Generator,
    begin: int,
    count: int,
    start: np.datetime64,
    each_s: float,
    who: Draw,
    mix: Mix,
) -> Iterator[tuple[Any, ...]]:
    """The chance in so many events: kind, customer, pick, score, id, whether the one before comes again, time."""
    lag_s = chance.exponential(LAG_S, count)
    lag_s += (chance.random(count) < LATE) * chance.uniform(3_600, 6 * 3_600, count)
    at_ms = ((begin + np.arange(count)) * each_s - lag_s) * 1000
    columns = (
        chance.choice(len(mix), count, p=[share for _, share, _ in mix]),
        who(chance, count),
        chance.integers(0, 1 << 16, count),
        chance.beta(4, 1.6, count),
        chance.integers(0, 1 << 63, count),
        chance.random(count) < TWICE,
        np.datetime_as_string(start + at_ms.astype("timedelta64[ms]")),
    )
    return zip(*(column.tolist() for column in columns), strict=True)


def load(
    kafka: RealKafka, prefix: str, count: int, *, seed: int = 1, partitions: int = PARTITIONS, mix: Mix = MIX
) -> None:
    """Create the inputs, and put `count` events into them."""
    create_inputs(kafka, prefix, partitions)
    write(
        kafka, ((f"{prefix}.{topic}", key, value) for topic, key, value in events(count, seed=seed, mix=mix))
    )


def create_inputs(kafka: RealKafka, prefix: str, partitions: int = PARTITIONS) -> None:
    """Create `<prefix>.touchpoints` and `<prefix>.reviews`."""
    kafka.create_topics({f"{prefix}.{topic}": partitions for topic in TOPICS}, TOPIC_CONFIG)


def write(kafka: RealKafka, records: Iterable[tuple[str, str, str]]) -> None:
    """Write records (topic, key, value), as fast as it goes. Raises RuntimeError where one was not taken."""
    lost: list[str] = []

    def note(error: KafkaError | None, _: Message) -> None:
        if error is not None:
            lost.append(error.str())

    producer = Producer(
        {
            "bootstrap.servers": kafka.address,
            "partitioner": "murmur2_random",  # as Java's producers do
            "linger.ms": 50,
            "batch.size": 256 * 1024,
            "queue.buffering.max.messages": 200_000,
            "delivery.report.only.error": True,
        }
    )
    for number, (topic, key, value) in enumerate(records):
        while True:
            try:
                producer.produce(topic, value, key, on_delivery=note)
                break
            except BufferError:
                producer.poll(0.1)
        if number % 10_000 == 0:
            producer.poll(0)
    producer.flush()
    if lost:
        raise RuntimeError(f"{len(lost)} records did not reach Kafka: {lost[0]}")
