"""A round of some of the faults that `make torture` has more of."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.broker import RealKafka
from tests.torture.__main__ import play
from tests.torture.faults import Machine
from tests.torture.proxy import Proxy


@pytest.fixture(scope="module")
def machine() -> Iterator[Machine]:
    """A broker of its own, for it is killed."""
    with RealKafka() as kafka, Proxy(kafka.proxied_port, kafka.behind_port) as proxy:
        yield Machine(kafka, proxy)


@pytest.mark.xdist_group("torture")
@pytest.mark.timeout(240)
@pytest.mark.parametrize("fault", ["cut", "full", "clocks", "stateless"])
def test_everything_comes_out_once(machine: Machine, fault: str) -> None:
    played = play(fault, 1, machine)
    assert not played.wrong, played
    assert played.compared > 1_000
