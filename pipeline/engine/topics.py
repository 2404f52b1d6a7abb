"""The topics of an installation: what they have to be, made or checked at the start.

Names are `<prefix>.<topic>`, and `<prefix>.<input>.changelog` for the state of each input's shards.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from kafka import KafkaAdminClient
from kafka.admin import ConfigResource, ConfigResourceType
from kafka.errors import KafkaError, for_code

from pipeline.effects import ALERTS, DEAD_LETTERS, FOLLOW_UPS, METRICS, REVIEWS, TOUCHPOINTS
from pipeline.engine.connection import Connection
from pipeline.engine.errors import BrokerUnreachableError, TopicsError
from pipeline.engine.fatal import told
from pipeline.plural import counted
from pipeline.span import duration

log = logging.getLogger("pipeline.engine")

INPUTS = (TOUCHPOINTS, REVIEWS, METRICS)
OUTPUTS = (ALERTS, FOLLOW_UPS, DEAD_LETTERS)

DAY_MS = 86_400_000
MIB = 1_048_576
#: How long the broker has to answer at the start, s.
ANSWER_S = 30.0
#: Kafka's error code for a topic that is there already.
EXISTS = 36
UNKNOWN = 3


def name(prefix: str, topic: str) -> str:
    """The topic's name in Kafka."""
    return f"{prefix}.{topic}"


def changelog(prefix: str, topic: str) -> str:
    """The name in Kafka of the changelog of an input."""
    return f"{prefix}.{topic}.changelog"


@dataclass(frozen=True, slots=True)
class Plan:
    """What an installation wants of its topics.

    partitions: of those that may have several, if they are made; one that exists may have more.
    retention_days: of all but changelogs, at least the longest window and 7 days.
    replication: -1 for the broker's default.
    """

    prefix: str
    partitions: Mapping[str, int] = field(default_factory=dict)
    retention_days: int = 35
    longest_window_days: int = 28
    replication: int = -1

    @property
    def retention_ms(self) -> int:
        return max(self.retention_days, self.least_days) * DAY_MS

    @property
    def least_days(self) -> int:
        """Days that a record has to stay at least."""
        return self.longest_window_days + 7


@dataclass(frozen=True, slots=True)
class Topic:
    """One topic as it should be. partitions: at least, or exactly. configs: as Kafka spells them."""

    name: str
    partitions: int
    exactly: bool
    configs: dict[str, str]


@dataclass(frozen=True, slots=True)
class Found:
    """One topic as it is. made: just now."""

    name: str
    partitions: int
    replicas: int
    configs: dict[str, str]
    made: bool


def wanted(plan: Plan) -> list[Topic]:
    """All topics but the changelogs, which depend on what their inputs turn out to be."""
    limits = {
        # An event that is too large for us has to reach us, to become a dead letter.
        TOUCHPOINTS: 4 * MIB,
        REVIEWS: 4 * MIB,
        METRICS: 2 * MIB,
        ALERTS: 2 * MIB,
        FOLLOW_UPS: 2 * MIB,
        DEAD_LETTERS: 8 * MIB,
    }
    usual = {TOUCHPOINTS: 4, REVIEWS: 4, ALERTS: 4, FOLLOW_UPS: 4, DEAD_LETTERS: 1}
    topics = []
    for topic, limit in limits.items():
        one = topic == METRICS
        topics.append(
            Topic(
                name(plan.prefix, topic),
                1 if one else plan.partitions.get(topic, usual.get(topic, 1)),
                one,
                {
                    "cleanup.policy": "delete",
                    "retention.ms": str(plan.retention_ms),
                    "message.timestamp.type": "LogAppendTime",
                    "max.message.bytes": str(limit),
                },
            )
        )
    return topics


def changelogs(plan: Plan, partitions: Mapping[str, int]) -> list[Topic]:
    """The changelogs. partitions: of each input, by its topic."""
    return [
        Topic(
            changelog(plan.prefix, topic),
            count,
            True,
            {
                "cleanup.policy": "delete",
                "retention.ms": "-1",
                "retention.bytes": "-1",
                "message.timestamp.type": "LogAppendTime",
                "max.message.bytes": str(2 * MIB),
                # Trimming frees whole segments only.
                "segment.bytes": str(64 * MIB),
            },
        )
        for topic, count in partitions.items()
    ]


@contextmanager
def admin(connection: Connection, wait_s: float = ANSWER_S) -> Iterator[Any]:
    """A kafka-python admin client. Raises BrokerUnreachableError if nobody answers within wait_s seconds."""
    began = time.monotonic()

    def unreachable(why: str) -> BrokerUnreachableError:
        return BrokerUnreachableError(connection, round(time.monotonic() - began, 1), why)

    # kafka-python waits too, but leaves its sockets open when nobody comes.
    said = False
    while (why := connection.why_unreachable(1.0)) is not None:
        if time.monotonic() - began > wait_s:
            raise unreachable(why)
        if not said:
            log.info("waiting up to %g s for a broker at %s: %s", wait_s, connection.bootstrap, why)
            said = True
        time.sleep(min(0.25, wait_s))
    try:
        client = KafkaAdminClient(
            **connection.kafka_python(), bootstrap_timeout_ms=max(1000, int(wait_s * 1000))
        )
    except (KafkaError, OSError, ValueError) as error:
        raise unreachable(told(error)) from error
    try:
        yield client
    finally:
        client.close()


def look(client: Any, topics: list[Topic]) -> dict[str, Found]:
    """Those of the topics that exist, by name."""
    described = [
        one for one in client.describe_topics([topic.name for topic in topics]) if not one["error_code"]
    ]
    if not described:
        return {}
    configs = client.describe_configs(
        [ConfigResource(ConfigResourceType.TOPIC, one["name"]) for one in described], config_filter="all"
    )["topic"]
    return {
        one["name"]: Found(
            one["name"],
            len(one["partitions"]),
            min(len(part["replica_nodes"]) for part in one["partitions"]),
            {key: str(entry["value"]) for key, entry in configs[one["name"]].items()},
            made=False,
        )
        for one in described
    }


def _make(client: Any, topics: list[Topic], replication: int) -> list[str]:
    """Make topics; returns what went wrong."""
    if not topics:
        return []
    answer = client.create_topics(
        {
            topic.name: {
                "num_partitions": topic.partitions,
                "replication_factor": replication,
                "configs": topic.configs,
            }
            for topic in topics
        },
        raise_errors=False,
    )
    problems = []
    there = []
    for one in answer["topics"]:
        # Another worker that starts at the same time may have been quicker.
        if one["error_code"] in {0, EXISTS}:
            there.append(one["name"])
        else:
            why = one["error_message"] or for_code(one["error_code"]).__name__
            problems.append(f"topic {one['name']} is missing and cannot be made: {why}")
    if there:
        client.wait_for_topics(there, timeout_ms=30_000)
    return problems


def problems_of(topic: Topic, found: Found, plan: Plan) -> list[str]:
    """What is wrong with a topic, each with the way out."""
    problems = []

    def wrong(what: str, fix: str) -> None:
        problems.append(f"topic {topic.name} {what}; {fix}")

    def set_to(key: str) -> str:
        return f"set {key}={topic.configs[key]}"

    if found.partitions < topic.partitions or (topic.exactly and found.partitions != topic.partitions):
        exactly = "exactly" if topic.exactly else "at least"
        wrong(f"has {counted(found.partitions, 'partition')}", f"it needs {exactly} {topic.partitions}")
    if found.configs.get("cleanup.policy") != "delete":
        wrong(f"has cleanup.policy={found.configs.get('cleanup.policy')}", set_to("cleanup.policy"))
    if found.configs.get("message.timestamp.type") != "LogAppendTime":
        wrong(
            f"has message.timestamp.type={found.configs.get('message.timestamp.type')}",
            set_to("message.timestamp.type"),
        )
    retention = int(found.configs.get("retention.ms", "-1"))
    least = plan.least_days * DAY_MS if topic.configs["retention.ms"] != "-1" else None
    if retention != -1 and (least is None or retention < least):
        need = (
            "must keep everything" if least is None else f"needs {plan.least_days} days (longest window + 7)"
        )
        wrong(f"keeps records for {duration(retention)} and {need}", set_to("retention.ms"))
    if least is None and found.configs.get("retention.bytes", "-1") != "-1":
        wrong(f"has retention.bytes={found.configs['retention.bytes']}", set_to("retention.bytes"))
    size = int(found.configs.get("max.message.bytes", topic.configs["max.message.bytes"]))
    if size < int(topic.configs["max.message.bytes"]):
        wrong(f"has max.message.bytes={size}", set_to("max.message.bytes"))
    return problems


def _ensure(client: Any, topics: list[Topic], plan: Plan, create: bool) -> tuple[dict[str, Found], list[str]]:
    there = look(client, topics)
    missing = [topic for topic in topics if topic.name not in there]
    problems = []
    if create:
        problems += _make(client, missing, plan.replication)
        made = look(client, missing) if missing else {}
        for one in made.values():
            there[one.name] = Found(one.name, one.partitions, one.replicas, one.configs, made=True)
    else:
        problems += [f"topic {topic.name} is missing; `cxloop topics` makes it" for topic in missing]
    for topic in topics:
        if found := there.get(topic.name):
            problems += problems_of(topic, found, plan)
    return there, problems


def ensure(
    connection: Connection, plan: Plan, *, create: bool = True, wait_s: float = ANSWER_S
) -> list[Found]:
    """Make the topics that are missing (unless create is off), and check all of them. Blocks; seconds.

    Raises BrokerUnreachableError, or TopicsError with all that is wrong.
    """
    try:
        with admin(connection, wait_s) as client:
            topics = wanted(plan)
            there, problems = _ensure(client, topics, plan, create)
            inputs = {
                topic: there[name(plan.prefix, topic)].partitions
                for topic in INPUTS
                if name(plan.prefix, topic) in there
            }
            more, worse = _ensure(client, changelogs(plan, inputs), plan, create)
    except KafkaError as error:
        raise BrokerUnreachableError(connection, wait_s, told(error)) from error
    found = sorted([*there.values(), *more.values()], key=lambda one: one.name)
    if problems or worse:
        raise TopicsError([*problems, *worse], found)
    return found
