"""Settings become arguments of the clients."""

from __future__ import annotations

import pytest

from pipeline.engine import Connection
from pipeline.engine.faust_app import credentials


def test_plain_text_needs_nothing_more_than_an_address() -> None:
    connection = Connection("one:9092, two:9093")
    assert connection.aiokafka() == connection.kafka_python()
    assert connection.aiokafka()["bootstrap_servers"] == ["one:9092", "two:9093"]
    assert connection.aiokafka()["security_protocol"] == "PLAINTEXT"
    assert "sasl_mechanism" not in connection.aiokafka()
    assert credentials(connection) is None


@pytest.mark.parametrize("protocol", ["SASL_PLAINTEXT", "SASL_SSL"])
def test_sasl_carries_its_credentials(protocol: str) -> None:
    connection = Connection("one:9092", protocol, "SCRAM-SHA-512", "me", "secret")
    arguments = connection.aiokafka()
    assert arguments["sasl_mechanism"] == "SCRAM-SHA-512"
    assert (arguments["sasl_plain_username"], arguments["sasl_plain_password"]) == ("me", "secret")
    assert (arguments["ssl_context"] is not None) == (protocol == "SASL_SSL")
    faust = credentials(connection)
    assert faust.protocol.value == protocol
    assert faust.mechanism.value == "SCRAM-SHA-512"


def test_ssl_checks_the_broker() -> None:
    context = Connection("one:9093", "SSL").ssl_context()
    assert context is not None
    assert context.check_hostname
    assert credentials(Connection("one:9093", "SSL")).protocol.value == "SSL"
