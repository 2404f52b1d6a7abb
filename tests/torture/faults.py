"""The faults. Each gets an installation and a source of chance, sends events while it breaks things, and leaves a crew."""

from __future__ import annotations

import math
import socket
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from random import Random
from urllib.parse import urlsplit
from zoneinfo import ZoneInfo

import numpy as np
from confluent_kafka import Consumer, TopicPartition
from confluent_kafka.admin import AdminClient

from bench.load import SPAN_S, START
from pipeline.effects import ALERTS, DEAD_LETTERS, FOLLOW_UPS, METRICS, REVIEWS, TOUCHPOINTS
from pipeline.engine.tuning import Tuning
from pipeline.events.codec import MAX_EVENT_BYTES, decode, millis
from pipeline.events.model import Event
from pipeline.settings import Settings
from pipeline.span import DAY, MINUTE, SECOND
from tests.broker import RealKafka
from tests.integration.bad_records import CASES, GONE, TIME, Case, event, noise
from tests.integration.histories import ends, key_of, under
from tests.integration.kafka_log import LogRecord, Sending, Writer
from tests.integration.processes import Process, until
from tests.integration.shop import INPUTS, PARTITIONS, Shop, figures
from tests.oracle.reading import rfc3339
from tests.torture.crew import GAVE_UP, PATIENCE_S, Crew
from tests.torture.proxy import Proxy
from tests.torture.punctual import delays
from tests.torture.some_customers import agree

#: How long events are sent in a round, s.
LONG_S = 12.0
SESSION_S = Tuning().session_s
#: A worker that is told to end hands its partitions over: much less than a session, or it has not.
HAND_OVER_S = SESSION_S / 2
FIRST_DAY = str(START)[:10].encode()
#: How long it is quiet, so that time moves by ticks alone.
QUIET_S = 12.0
#: Then a timer fires so long after its time at most; and so many of them are pending.
PUNCTUAL_S, PENDING = 2.0, 60
#: Sundays on which clocks change.
CHANGES = (
    ("Europe/Amsterdam", "2025-03-30"),
    ("Europe/Amsterdam", "2025-10-26"),
    ("America/New_York", "2025-11-02"),
    ("Australia/Lord_Howe", "2025-04-06"),
)
#: A worker whose broker is slow grows by so much at most, MiB. What is sent meanwhile is several times that.
GROWN_MIB = 128
#: To a topic whose records are limited to so many bytes, nothing of ours can be written.
NARROW_BYTES = 100


@dataclass(frozen=True)
class Machine:
    """What the installation runs on."""

    kafka: RealKafka
    proxy: Proxy


Fault = Callable[[Shop, Machine, Random], Crew]


def moments(shop: Shop, seconds: float, first: float, pause: Callable[[], float]) -> Iterator[None]:
    """Send events for so many seconds, and come back whenever something is due. first, pause: seconds."""
    due = first
    for gone in shop.stream(seconds):
        if gone >= due:
            due = gone + pause()
            yield


def outage(
    shop: Shop,
    chance: Random,
    begin: Callable[[], None],
    seconds: Callable[[], float],
    end: Callable[[], None],
) -> Crew:
    """Once, in the midst of the work, there is no broker for a while."""
    crew = Crew(shop, 2)
    until("one is ready", lambda: crew.alive[0].is_ready)
    for _moment in moments(shop, LONG_S, chance.uniform(1, 5), lambda: math.inf):
        begin()
        time.sleep(seconds())
        end()
    return crew


def killed(shop: Shop, _: Machine, chance: Random) -> Crew:
    """Kill -9 at any moment: at work, while it starts, while it opens and restores its partitions."""
    crew = Crew(shop, 2)
    until("one is ready", lambda: crew.alive[0].is_ready)
    for _moment in moments(shop, LONG_S, chance.uniform(0, 3), lambda: chance.uniform(0.2, 4)):
        crew.any(chance).kill()
        crew.fill()
    return crew


def storm(shop: Shop, _: Machine, chance: Random) -> Crew:
    """Workers join and leave every 3 to 5 s, at times more of them than there are partitions."""
    crew = Crew(shop, 2)
    until("one is ready", lambda: crew.alive[0].is_ready)
    for _moment in moments(shop, 2 * LONG_S, 0, lambda: chance.uniform(3, 5)):
        if len(crew.alive) < 7 and chance.random() < 0.6:
            crew.hire()
        elif len(crew.alive) > 1:
            crew.tell(crew.any(chance))
    return crew


def zombie(shop: Shop, _: Machine, chance: Random) -> Crew:
    """SIGSTOP until its session has expired and others have its partitions; then it goes on, and may commit nothing."""
    crew = Crew(shop, 2)
    until("both are ready", lambda: all(one.is_ready for one in crew.alive))
    sleeper = crew.any(chance)
    asleep = chance.uniform(0, 3)
    awake = asleep + SESSION_S + chance.uniform(2, 6)
    frozen = False
    for gone in shop.stream(awake + 4):
        if not frozen and asleep <= gone < awake:
            crew.freeze(sleeper)
            frozen = True
        elif frozen and gone >= awake:
            crew.thaw(sleeper)
            frozen = False
    if frozen:
        crew.thaw(sleeper)
    return crew


def broker(shop: Shop, machine: Machine, chance: Random) -> Crew:
    """The broker is killed -9, and comes back after 1 to 60 s (mostly some ten)."""
    kafka = machine.kafka
    return outage(shop, chance, kafka.kill, lambda: min(60, 1 + chance.expovariate(1 / 10)), kafka.start)


def rolling(shop: Shop, _: Machine, chance: Random) -> Crew:
    """Each worker is replaced in turn by SIGTERM: the others have its partitions at once."""
    crew = Crew(shop, 2)
    until("both are ready", lambda: all(one.is_ready for one in crew.alive))
    old = list(crew.alive)
    for _moment in moments(shop, LONG_S, chance.uniform(1, 3), lambda: chance.uniform(2, 4)):
        if not old:
            continue
        crew.hire()
        until("the new one is ready", lambda: crew.alive[-1].is_ready)
        crew.tell(old.pop(0))
        began = time.monotonic()
        until("all partitions are taken over", lambda: all(one.is_ready for one in crew.alive))
        took = time.monotonic() - began
        assert took < HAND_OVER_S, f"the hand-over took {took:.1f} s"
    return crew


def full(shop: Shop, machine: Machine, chance: Random) -> Crew:
    """The broker's disk is full: it ends itself in the midst of its work, and comes back when there is room again."""
    # Nothing arrives meanwhile, but what comes of the last events is still to be written.
    kafka = machine.kafka
    return outage(shop, chance, kafka.fill_disk, lambda: chance.uniform(1, 10), kafka.start)


def clocks(shop: Shop, _: Machine, chance: Random) -> Crew:
    """The clocks of the workers are an hour fast and an hour slow, in zones with summer time, and then it is quiet."""
    hours = chance.sample(("+1h", "-1h"), 2)
    zones = chance.sample(("Europe/Amsterdam", "America/New_York", "Australia/Lord_Howe"), 2)
    crew = Crew(shop, 0)
    for hour, zone in zip(hours, zones, strict=True):
        crew.hire(env={**wrong_clock(hour), "TZ": zone})
    until("both are ready", lambda: all(one.is_ready for one in crew.alive))
    for _gone in shop.stream(LONG_S):
        pass
    shop.done(crew.alive)
    began = ticks(shop.log())
    time.sleep(QUIET_S)
    # Each partition's time goes on, at the pace of the broker's clock.
    log = shop.log()
    for place, at in ticks(log).items():
        assert at - began.get(place, at) < 2 * QUIET_S * 1000, f"{place} went too far"
    assert not any(map(is_about_a_tick, log[DEAD_LETTERS]))
    return crew


def summertime(shop: Shop, machine: Machine, chance: Random) -> Crew:
    """Workers are killed -9 in a week in whose midst clocks change: every deadline is the oracle's, too."""
    zone, sunday = chance.choice(CHANGES)
    shop.zone, shop.start = ZoneInfo(zone), np.datetime64(sunday) - np.timedelta64(84, "h")
    crew = killed(shop, machine, chance)
    crew.settle()
    agree(shop)
    return crew


def quiet(shop: Shop, _: Machine, chance: Random) -> Crew:
    """Nothing arrives any more while timers are pending: each fires within 2 s of its time."""
    crew = Crew(shop, 2)
    until("both are ready", lambda: all(one.is_ready for one in crew.alive))
    for _gone in shop.stream(LONG_S / 2):
        pass
    shop.done(crew.alive)
    # They have waited for a day soon after the last record of their partition.
    asked = int(START.astype(int)) + SPAN_S * SECOND
    watermark = asked + DAY - SECOND
    for number in range(PENDING):
        name, at = f"quiet-{number}", rfc3339(asked + int(chance.uniform(0, QUIET_S) * SECOND))
        contact, review = {"contact_id": name}, {"review_id": name, "rating": 1}
        topic, value = chance.choice((
            (TOUCHPOINTS, event("contact.opened", id=name, time=at, subject=name, data=contact)),
            (REVIEWS, event("review.posted", id=name, time=at, subject=GONE, data=review)),
        ))  # fmt: skip
        shop.write([Sending(f"{shop.prefix}.{topic}", value, name.encode())])
    end = watermark + Settings().lateness
    shop.write(under(shop.prefix, answers_to_others(asked, end)))
    shop.write(under(shop.prefix, ends(end, PARTITIONS)))
    time.sleep(1 + QUIET_S + PUNCTUAL_S)
    late = delays(shop.log(), watermark)
    assert len(late) == PENDING, f"{len(late)} of {PENDING} fired"
    print(f"fired after {late[0]:.2f} to {late[-1]:.2f} s")
    assert late[0] > 0
    assert late[-1] < PUNCTUAL_S, f"fired {late[-1]:.1f} s late"
    return crew


def answers_to_others(first: int, end: int) -> Iterator[Sending]:
    """Answers on each partition, every few minutes (ms): without any, those that are due would be held, not missed."""
    for number in range(PARTITIONS):
        key = key_of(number, PARTITIONS, "other")
        for at in range(first, end, 5 * MINUTE):
            reply, response = {"contact_id": key, "by": "agent"}, {"review_id": key}
            told = {"id": f"{key}/{at}", "time": rfc3339(at), "subject": key}
            yield Sending(TOUCHPOINTS, event("contact.replied", data=reply, **told), key.encode())
            yield Sending(REVIEWS, event("review.responded", data=response, **told), key.encode())


def slow(shop: Shop, machine: Machine, chance: Random) -> Crew:
    """The broker takes little of what workers write, and browsers read nothing: memory is flat, and nobody leaves."""
    shop.door = machine.proxy.address
    crew = Crew(shop, 2)
    until("both are ready", lambda: all(one.is_ready for one in crew.alive))
    begin = {one.name: rebalances_and_memory(one) for one in crew.alive}
    browsers = [deaf_browser(one) for one in crew.alive for _ in range(10)]
    comment = noise(50_000)

    def long(name: str) -> Sending:
        value = event("observation.noted", id=name, subject=name, data={"comment": comment})
        return Sending(f"{shop.prefix}.{TOUCHPOINTS}", today(value), name.encode())

    def look() -> None:
        for one in crew.alive:
            (rebalances, memory), (before, at_first) = rebalances_and_memory(one), begin[one.name]
            grown = (memory - at_first) / 2**20
            print(f"{one.name}: {grown:.0f} MiB more")
            assert rebalances == before, f"{one.name} has lost its partitions"
            assert grown < GROWN_MIB, f"{one.name} has grown by {grown:.0f} MiB"

    with machine.proxy.slowly(chance.uniform(100_000, 400_000)):
        for moment, _ in enumerate(moments(shop, LONG_S, 0, lambda: 0.25)):
            shop.write(long(f"long-{moment}-{number}") for number in range(200))
            look()
        for _ in range(10):
            time.sleep(0.5)
            look()
    for one in browsers:
        one.close()
    return crew


def rebalances_and_memory(worker: Process) -> tuple[float, float]:
    """How often it was given partitions, and the bytes that it takes."""
    return figures(worker, "cxloop_rebalances_total")[0], figures(worker, "process_resident_memory_bytes")[0]


def deaf_browser(worker: Process) -> socket.socket:
    """Has the live page of a worker open, and reads nothing of it."""
    place = urlsplit(worker.url)
    one = socket.create_connection((str(place.hostname), place.port or 80))
    one.sendall(b"GET /events HTTP/1.1\r\nHost: %b\r\n\r\n" % place.netloc.encode())
    return one


def ticks(log: Mapping[str, Sequence[LogRecord]]) -> dict[str, int]:
    """The time of the newest tick (ms), by partition of the customers' topic."""
    return {
        f"{one.topic}/{one.partition}": millis(event.time)
        for one in filter(is_about_a_tick, log[TOUCHPOINTS])
        if isinstance(event := decode(one), Event)
    }


def is_about_a_tick(record: LogRecord) -> bool:
    return b"cx.clock.ticked" in (record.value or b"")


def wrong_clock(by: str) -> dict[str, str]:
    """The environment of a process whose clock is wrong. by: such as +1h."""
    (library,) = Path("/usr/lib").glob("*/faketime/libfaketime.so.1")
    return {"LD_PRELOAD": str(library), "FAKETIME": by, "FAKETIME_DONT_FAKE_MONOTONIC": "1"}


def cut(shop: Shop, machine: Machine, chance: Random) -> Crew:
    """All connections to the broker are reset, again and again, and for a while no new ones are to be had."""
    proxy = machine.proxy
    shop.door = proxy.address
    crew = Crew(shop, 2)
    until("one is ready", lambda: crew.alive[0].is_ready)
    for _moment in moments(shop, LONG_S, chance.uniform(0, 2), lambda: chance.uniform(0.5, 4)):
        proxy.broken.set()
        proxy.cut()
        time.sleep(chance.choice((0, 0, chance.uniform(0, 3))))
        proxy.broken.clear()
    return crew


def hole(shop: Shop, machine: Machine, chance: Random) -> Crew:
    """For 3 to 40 s nothing gets through to the broker or back, and no connection is closed."""
    passing, shop.door = machine.proxy.passing, machine.proxy.address
    return outage(shop, chance, passing.clear, lambda: chance.uniform(3, 40), passing.set)


def poisoned(shop: Shop, _: Machine, chance: Random) -> Crew:
    """Records of some seventy bad kinds among the good ones, and copies too large to be taken; workers are killed."""
    crew = Crew(shop, 2)
    until("one is ready", lambda: crew.alive[0].is_ready)
    cases, too_large = chance.sample(CASES, len(CASES)), 0

    def write(some: Sequence[Case]) -> None:
        for case in some:
            headers = [(name, today(value)) for name, value in case.headers]
            topic = f"{shop.prefix}.{case.topic}"
            shop.write([Sending(topic, today(case.value), case.key, headers, case.partition)])

    for _moment in moments(shop, LONG_S, 0, lambda: 0.3):
        write(cases[:4])
        cases = cases[4:]
        if chance.random() < 0.1:
            crew.any(chance).kill()
            crew.fill()
        if chance.random() < 0.1:
            too_large += 1
            shop.write([wordy(shop.prefix, too_large)])
    write(cases)
    crew.settle()
    told = sum(b'"value.too_large"' in (one.value or b"") for one in shop.log()[DEAD_LETTERS])
    expected = too_large + sum(case.reason == "value.too_large" for case in CASES)
    assert told == expected, f"{told} records were too large, not {expected}"
    return crew


def wordy(prefix: str, number: int) -> Sending:
    """A review that is just not too large. The copy for its customer is, and becomes a dead letter in its place."""
    name = f"wordy-{number}"
    data = {"review_id": name, "rating": 1, "text": "TEXT"}
    value = event("review.posted", id=name, subject=name, data=data)
    value = value.replace(b"TEXT", noise(MAX_EVENT_BYTES).encode()[: MAX_EVENT_BYTES - len(value)])
    return Sending(f"{prefix}.{REVIEWS}", today(value), name.encode())


def refused(shop: Shop, machine: Machine, chance: Random) -> Crew:
    """A topic's limit for records is lowered: workers end, and do not start, until it is what it was."""
    crew = Crew(shop, 2)
    until("both are ready", lambda: all(one.is_ready for one in crew.alive))
    written = (ALERTS, FOLLOW_UPS, METRICS, *(f"{topic}.changelog" for topic, _ in INPUTS))
    topic = f"{shop.prefix}.{chance.choice(written)}"
    for _moment in moments(shop, LONG_S / 2, chance.uniform(1, 5), lambda: math.inf):
        machine.kafka.limit(topic, NARROW_BYTES)
    until("nobody goes on", lambda: not crew.alive)
    assert set(crew.codes) == {GAVE_UP}
    next_one = shop.worker()
    assert next_one.process.wait(PATIENCE_S) == 1
    assert f"topic {topic} has max.message.bytes={NARROW_BYTES}; set " in next_one.said
    machine.kafka.limit(topic, 2 << 20)
    return crew


def today(value: bytes | None) -> bytes | None:
    """A record on the day on which the shop's events begin: it does not make them late."""
    return value.replace(TIME[:10].encode(), FIRST_DAY) if value is not None else None


def stateless(shop: Shop, machine: Machine, chance: Random) -> Crew:
    """A state's topic is deleted, cut off or damaged: a worker refuses to go on, and rebuilds it when told to."""
    crew = Crew(shop, 2)
    until("both are ready", lambda: all(one.is_ready for one in crew.alive))

    def do(harm: Callable[[RealKafka, str], None]) -> None:
        for one in crew.alive:
            crew.tell(one)
        harm(machine.kafka, f"{shop.prefix}.{chance.choice(INPUTS)[0]}.changelog")
        witness = crew.hire()
        code = witness.process.wait(PATIENCE_S)
        assert code == GAVE_UP, f"{harm.__name__}: exit code {code}"
        assert "cxloop run --rebuild" in witness.said
        crew.hire("--rebuild")
        crew.hire("--rebuild")
        until("both are ready again", lambda: all(one.is_ready for one in crew.alive))

    harms = chance.sample((deleted, cut_off, damaged), 3)
    for _moment in moments(shop, LONG_S, chance.uniform(2, 4), lambda: chance.uniform(4, 6)):
        if harms:
            do(harms.pop())
    for harm in harms:
        do(harm)
    return crew


def deleted(kafka: RealKafka, topic: str) -> None:
    """Delete it."""
    kafka.delete_topics(topic)


def cut_off(kafka: RealKafka, topic: str) -> None:
    """Delete all records but some of the last."""
    admin = AdminClient({"bootstrap.servers": kafka.address})
    consumer = Consumer({"bootstrap.servers": kafka.address, "group.id": "none"})
    for part in admin.list_topics(topic).topics[topic].partitions:
        _, end = consumer.get_watermark_offsets(TopicPartition(topic, part), timeout=10)
        for done in admin.delete_records([TopicPartition(topic, part, max(0, end - 8))]).values():
            done.result()
    consumer.close()


def damaged(kafka: RealKafka, topic: str) -> None:
    """Write into it what is no state."""
    writer = Writer(kafka.address)
    parts = AdminClient({"bootstrap.servers": kafka.address}).list_topics(topic).topics[topic].partitions
    writer.write(Sending(topic, b"\x01 no state", partition=part) for part in parts)


_ALL: Sequence[Fault] = (
    killed, storm, zombie, broker, full, cut, hole, slow, rolling, clocks, summertime, quiet, poisoned, refused, stateless,
)  # fmt: skip
FAULTS: Mapping[str, Fault] = {fault.__name__: fault for fault in _ALL}
