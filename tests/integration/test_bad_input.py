"""What nobody can read becomes a dead letter that says why, and its neighbours are processed."""

from __future__ import annotations

import asyncio
import json
import uuid
from dataclasses import dataclass, replace
from typing import Any

import pytest

from pipeline import parts
from pipeline.effects import REVIEWS, TOUCHPOINTS
from pipeline.settings import Settings
from tests.broker import RealKafka
from tests.integration.bad_records import CASES, RULES, Case, neighbour
from tests.integration.in_process import make_topics, running
from tests.integration.kafka_log import LogRecord, Sending, read, write

PARTITIONS = 2


@dataclass
class Outcome:
    """What was written, and what came out. letters: by topic, partition and offset."""

    inputs: list[LogRecord]
    letters: dict[tuple[str, int, int], dict[str, Any]]
    alerts: dict[str, list[dict[str, Any]]]

    def place(self, case: Case) -> tuple[str, int, int]:
        """Where the record of a case lies."""
        headers = dict(case.headers)
        found = [one for one in self.inputs if one.value == case.value and dict(one.headers) == headers]
        (one,) = [one for one in found if case.partition in (None, one.partition)]
        return one.topic, one.partition, one.offset


def told(case: Case, number: int) -> Case:
    """The case with an event id of its own, so that no two of them are one event."""
    if case.value is None:
        return case
    return replace(case, value=case.value.replace(b'"id": "one"', b'"id": "case-%d"' % number))


@pytest.fixture(scope="module")
def outcome(kafka: RealKafka, tmp_path_factory: pytest.TempPathFactory) -> Outcome:
    """All cases, each with a good neighbour before and behind it on the same partition, through one event path."""
    prefix = f"t{uuid.uuid4().hex[:8]}"
    make_topics(kafka.address, {prefix: PARTITIONS})
    rules = tmp_path_factory.mktemp("rules") / "rules.yml"
    rules.write_text(RULES)
    places = [(topic, partition) for topic in (TOUCHPOINTS, REVIEWS) for partition in range(PARTITIONS)]
    sendings = [
        # The first of each partition gives it a time.
        Sending(f"{prefix}.{topic}", neighbour(1_000 + n, topic).value, b"first", (), partition)
        for n, (topic, partition) in enumerate(places)
    ]
    for number, case in enumerate(CASES):
        one, topic = told(case, number), f"{prefix}.{case.topic}"
        partition = number % PARTITIONS if case.partition is None else case.partition
        sendings.append(Sending(topic, one.value, one.key, one.headers, partition))
        sendings.append(Sending(topic, neighbour(number, case.topic).value, b"good", (), partition))
    sent = write(kafka.address, sendings)
    made = parts.build(Settings(prefix=prefix), [rules])

    async def live() -> None:
        async with running(kafka.address, made, PARTITIONS) as one:
            await one.settled(sent)

    asyncio.run(live())
    names = [f"{prefix}.{topic}" for topic in (TOUCHPOINTS, REVIEWS, "deadletters", "alerts")]
    touchpoints, reviews, deadletters, alerts = read(kafka.address, names).values()
    letters = {}
    for record in deadletters:
        letter = json.loads(record.value or b"")
        letters[tuple(letter["data"]["origin"].values())] = letter
    assert len(letters) == len(deadletters)
    by_customer: dict[str, list[dict[str, Any]]] = {}
    for record in alerts:
        alert = json.loads(record.value or b"")
        by_customer.setdefault(alert["subject"], []).append(alert)
    return Outcome([*touchpoints, *reviews], letters, by_customer)


@pytest.mark.parametrize("number", range(len(CASES)), ids=[case.name for case in CASES])
def test_a_record_is_taken_or_becomes_a_dead_letter_with_its_reason(outcome: Outcome, number: int) -> None:
    case = told(CASES[number], number)
    place = outcome.place(case)
    letter = outcome.letters.get(place)
    if case.reason is None:
        assert letter is None
        assert len(outcome.alerts[case.customer]) == 1
        return
    assert letter is not None
    assert letter["type"] == "cx.deadletter"
    assert letter["data"]["reason"] == case.reason
    assert letter["data"]["error"]
    assert case.customer not in outcome.alerts


@pytest.mark.parametrize("number", range(len(CASES)), ids=[case.name for case in CASES])
def test_the_record_behind_it_is_processed(outcome: Outcome, number: int) -> None:
    assert len(outcome.alerts[neighbour(number, CASES[number].topic).customer]) == 1


def test_there_is_no_dead_letter_that_nobody_asked_for(outcome: Outcome) -> None:
    wrong = {
        outcome.place(told(case, number)) for number, case in enumerate(CASES) if case.reason is not None
    }
    assert outcome.letters.keys() == wrong
