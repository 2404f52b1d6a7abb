"""Topics: made, checked, and everything that is wrong told at once."""

from __future__ import annotations

import pytest

from pipeline.engine import BrokerUnreachableError, Connection, Plan, TopicsError, topics
from tests.broker import RealKafka, free_port


def test_topics_that_are_missing_are_made_as_they_have_to_be(kafka: RealKafka, prefix: str) -> None:
    plan = Plan(prefix, {"touchpoints": 3, "reviews": 2})
    made = {
        one.name.removeprefix(f"{prefix}."): one for one in topics.ensure(Connection(kafka.address), plan)
    }
    assert {name: one.partitions for name, one in made.items()} == {
        "touchpoints": 3,
        "reviews": 2,
        "metrics": 1,
        "alerts": 4,
        "followups": 4,
        "deadletters": 1,
        "touchpoints.changelog": 3,
        "reviews.changelog": 2,
        "metrics.changelog": 1,
    }
    assert all(one.made for one in made.values())
    assert {one.configs["message.timestamp.type"] for one in made.values()} == {"LogAppendTime"}
    assert {one.configs["cleanup.policy"] for one in made.values()} == {"delete"}
    assert made["touchpoints"].configs["retention.ms"] == str(35 * topics.DAY_MS)
    assert made["touchpoints.changelog"].configs["retention.ms"] == "-1"
    assert made["touchpoints"].configs["max.message.bytes"] == str(4 * topics.MIB)
    assert made["deadletters"].configs["max.message.bytes"] == str(8 * topics.MIB)


def test_a_second_time_nothing_is_made_and_nothing_is_wrong(kafka: RealKafka, prefix: str) -> None:
    plan = Plan(prefix)
    topics.ensure(Connection(kafka.address), plan)
    assert not any(one.made for one in topics.ensure(Connection(kafka.address), plan, create=False))


def test_everything_that_is_wrong_is_told_at_once(kafka: RealKafka, prefix: str) -> None:
    kafka.create_topics(
        {f"{prefix}.touchpoints": 2}, {"retention.ms": "86400000", "cleanup.policy": "compact"}
    )
    kafka.create_topics({f"{prefix}.metrics": 3, f"{prefix}.touchpoints.changelog": 5})
    plan = Plan(prefix, {"touchpoints": 4})
    with pytest.raises(TopicsError) as caught:
        topics.ensure(Connection(kafka.address), plan)
    told = str(caught.value).splitlines()
    for what in (
        f"topic {prefix}.touchpoints has 2 partitions; it needs at least 4",
        f"topic {prefix}.touchpoints has cleanup.policy=compact; set cleanup.policy=delete",
        f"topic {prefix}.touchpoints has message.timestamp.type=CreateTime; set message.timestamp.type=LogAppendTime",
        f"topic {prefix}.touchpoints keeps records for 24h and needs 35 days (longest window + 7); set retention.ms=3024000000",
        f"topic {prefix}.touchpoints has max.message.bytes=1048588; set max.message.bytes=4194304",
        f"topic {prefix}.metrics has 3 partitions; it needs exactly 1",
        f"topic {prefix}.touchpoints.changelog has 5 partitions; it needs exactly 2",
        f"topic {prefix}.touchpoints.changelog keeps records for 7d and must keep everything; set retention.ms=-1",
    ):
        assert what in told


def test_missing_topics_are_told_where_none_may_be_made(kafka: RealKafka, prefix: str) -> None:
    with pytest.raises(TopicsError, match=f"topic {prefix}.alerts is missing; `cxloop topics` makes it"):
        topics.ensure(Connection(kafka.address), Plan(prefix), create=False)


def test_a_wrong_address_is_one_clear_line() -> None:
    address = f"127.0.0.1:{free_port()}"
    with pytest.raises(BrokerUnreachableError) as caught:
        topics.ensure(Connection(address), Plan("cx"), wait_s=1)
    assert str(caught.value).startswith(f"no Kafka broker answers at {address} (waited 1")
    assert "Connection refused" in str(caught.value)
    assert "\n" not in str(caught.value)
