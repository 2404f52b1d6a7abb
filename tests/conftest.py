"""What every test may ask for."""

from __future__ import annotations

import uuid
from collections.abc import Iterator

import pytest

from tests.broker import RealKafka


@pytest.hookimpl(tryfirst=True)  # before xdist reads the groups
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark the tests that use the real Kafka, and give them one process, so that they share one broker."""
    for item in items:
        if "kafka" in getattr(item, "fixturenames", ()):
            item.add_marker(pytest.mark.kafka)
            item.add_marker(pytest.mark.xdist_group("kafka"))


@pytest.fixture(scope="session")
def kafka() -> Iterator[RealKafka]:
    """A running Apache Kafka, shared by all tests: keep to topics under `prefix`, and let it live."""
    with RealKafka() as broker:
        yield broker


@pytest.fixture
def prefix() -> str:
    """A prefix for topics, groups and transactional ids that no other test uses."""
    return f"t{uuid.uuid4().hex[:8]}"
