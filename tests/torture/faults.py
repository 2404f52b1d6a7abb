"""The faults. Each gets an installation and a source of chance, sends events while it breaks things, and leaves a crew."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterator, Mapping
from random import Random

from pipeline.engine.tuning import Tuning
from tests.broker import RealKafka
from tests.integration.processes import until
from tests.integration.shop import Shop
from tests.torture.crew import Crew

#: How long events are sent in a round, s.
LONG_S = 12.0
SESSION_S = Tuning().session_s
#: A worker that is told to end hands its partitions over: much less than a session, or it has not.
HAND_OVER_S = SESSION_S / 2

Fault = Callable[[Shop, RealKafka, Random], Crew]


def moments(shop: Shop, seconds: float, first: float, pause: Callable[[], float]) -> Iterator[None]:
    """Send events for so many seconds, and come back whenever something is due. first, pause: seconds."""
    due = first
    for gone in shop.stream(seconds):
        if gone >= due:
            due = gone + pause()
            yield


def killed(shop: Shop, _: RealKafka, chance: Random) -> Crew:
    """Kill -9 at any moment: at work, while it starts, while it opens and restores its partitions."""
    crew = Crew(shop, 2)
    until("one is ready", lambda: crew.alive[0].is_ready)
    for _moment in moments(shop, LONG_S, chance.uniform(0, 3), lambda: chance.uniform(0.2, 4)):
        crew.any(chance).kill()
        crew.fill()
    return crew


def storm(shop: Shop, _: RealKafka, chance: Random) -> Crew:
    """Workers join and leave every 3 to 5 s, at times more of them than there are partitions."""
    crew = Crew(shop, 2)
    until("one is ready", lambda: crew.alive[0].is_ready)
    for _moment in moments(shop, 2 * LONG_S, 0, lambda: chance.uniform(3, 5)):
        if len(crew.alive) < 7 and chance.random() < 0.6:
            crew.hire()
        elif len(crew.alive) > 1:
            crew.tell(crew.any(chance))
    return crew


def zombie(shop: Shop, _: RealKafka, chance: Random) -> Crew:
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


def broker(shop: Shop, kafka: RealKafka, chance: Random) -> Crew:
    """The broker is killed -9, and comes back after 1 to 60 s (mostly some ten)."""
    crew = Crew(shop, 2)
    until("one is ready", lambda: crew.alive[0].is_ready)
    for _moment in moments(shop, LONG_S, chance.uniform(1, 5), lambda: math.inf):
        kafka.kill()
        time.sleep(min(60, 1 + chance.expovariate(1 / 10)))
        kafka.start()
    return crew


def rolling(shop: Shop, _: RealKafka, chance: Random) -> Crew:
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


FAULTS: Mapping[str, Fault] = {fault.__name__: fault for fault in (killed, storm, zombie, broker, rolling)}
