"""Settings come from the command line, else from the environment, else they have defaults."""

from __future__ import annotations

import os
import re
from contextlib import suppress
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from pipeline.errors import UsageError
from pipeline.metrics.window import window
from pipeline.settings import OPTIONS, SHIPPED, Settings, load, unknown
from pipeline.span import DAY, HOUR


@pytest.fixture(autouse=True)
def _nothing_set(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in [name for name in os.environ if name.startswith("CXLOOP_")]:
        monkeypatch.delenv(name)


def test_the_defaults_work_as_they_are() -> None:
    settings = load()
    assert settings.rules == [SHIPPED / "rules"]
    assert settings.journey.is_file()
    assert (settings.zone, settings.lateness, settings.partitions) == (ZoneInfo("UTC"), 300_000, 4)


@pytest.mark.parametrize(
    ("name", "text", "value"),
    [
        ("broker", "kafka:9092", "kafka:9092"),
        ("zone", "Europe/Amsterdam", ZoneInfo("Europe/Amsterdam")),
        ("lateness", "10m", 600_000),
        ("stall", "90s", 90_000),
        ("partitions", "12", 12),
        ("log_json", "true", True),
        ("web_port", "0", 0),
        ("prefix", "shop-1_x", "shop-1_x"),
        ("rules", '["one", "two"]', [Path("one"), Path("two")]),
        ("ssl_cafile", __file__, Path(__file__)),
        ("workers", "2", 2),
        ("security_protocol", "SSL", "SSL"),
        ("journey", "six-steps", SHIPPED / "schemas" / "journeys" / "six-steps.yml"),
        ("journey", "mine.yml", Path("mine.yml")),
        ("windows", "7d 1h", (window(HOUR), window(7 * DAY))),
        ("dimensions", "location, channel", ("location", "channel")),
        ("told", "9", 9),
        ("engagement", '{"contact.opened": 2}', {"contact.opened": 2}),
    ],
)
def test_the_environment_sets_what_the_command_line_does_not(
    name: str, text: str, value: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(f"CXLOOP_{name.upper()}", text)
    assert getattr(load(), name) == value
    assert getattr(load(**{name: None}), name) == value


def test_the_command_line_goes_first(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CXLOOP_LATENESS", "10m")
    monkeypatch.setenv("CXLOOP_PREFIX", "env")
    settings = load(lateness="1m", prefix="given")
    assert (settings.lateness, settings.prefix) == (60_000, "given")


WRONG = [
    ("zone", "Nope"), ("zone", "../etc"), ("lateness", "soon"), ("lateness", "5"), ("partitions", "0"), ("partitions", "four"),
    ("prefix", "a b"), ("prefix", ""), ("web_port", "99999"), ("log_json", "maybe"), ("seen_limit", "10"),
    ("windows", "90d"), ("windows", "7m"), ("windows", ""), ("dimensions", "colour"), ("told", "8"),
    ("broker", "kafka"), ("broker", "kafka:9092,:1"), ("workers", "0"), ("security_protocol", "FOO"), ("sasl_mechanism", "BAD"),
    ("ssl_cafile", "/nope"), ("journey", "five-phase"), ("journey", "mine"), ("engagement", '{"contact.open": 1}'), ("engagement", '{"followup.closed": 1}'), ("engagement", '{"share.made": -1}'),
]  # fmt: skip


@pytest.mark.parametrize(("name", "text"), WRONG)
def test_what_is_wrong_is_named_as_option_and_as_variable(
    name: str, text: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(f"CXLOOP_{name.upper()}", text)
    with pytest.raises(UsageError) as caught:
        load()
    assert caught.value.exit_code == 2
    option = f"--{name.replace('_', '-')} "
    told = str(caught.value)
    assert f"CXLOOP_{name.upper()}" in told.partition(": ")[0]
    assert told.startswith(option) is (name in OPTIONS)


def test_who_signs_in_needs_a_name_and_a_password(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CXLOOP_SECURITY_PROTOCOL", "SASL_SSL")
    monkeypatch.setenv("CXLOOP_SASL_USERNAME", "us")
    with pytest.raises(UsageError, match=r"^SASL_SSL needs CXLOOP_SASL_USERNAME and CXLOOP_SASL_PASSWORD$"):
        load()


@pytest.mark.parametrize(
    "text",
    ["kafka:9092", "a-1.example.com:1, b_2:65535", "[::1]:9092", "10.0.0.1:9092,10.0.0.2:9092", "käfka:9092"],
)
def test_an_address_of_a_broker_is_a_host_and_a_port(text: str) -> None:
    assert load(broker=text).broker == text


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("127.0.0.1:99999", '"127.0.0.1:99999" has no port from 1 to 65535'),
        ("kafka:0", '"kafka:0" has no port from 1 to 65535'),
        ("a:1 b:2", '"a:1 b:2" is no address; write host:port, such as kafka:9092, with commas between'),
        ("a:1;b:2", '"a:1;b:2" is no address'),
        ("a:1,b", '"b" is no address'),
        ("::1:9092", '"::1:9092" is no address'),
        ("ssl://kafka:9092", '"ssl://kafka:9092" is no address'),
        ("kafka:123456", '"kafka:123456" has no port'),
    ],
)
def test_what_cannot_be_the_address_of_a_broker_is_refused(text: str, said: str) -> None:
    with pytest.raises(UsageError) as caught:
        load(broker=text)
    assert str(caught.value).startswith(f"--broker (CXLOOP_BROKER): {said}")


def test_every_worker_has_a_port() -> None:
    for port, workers in [(65_533, 3), (0, 3), (65_535, 1)]:
        assert load(web_port=port, workers=workers).web_port == port
    with pytest.raises(UsageError) as caught:
        load(web_port=65_534, workers=3)
    assert str(caught.value) == (
        "--web-port (CXLOOP_WEB_PORT): 3 workers have a port each from here on, and 65535 is the last one; "
        "write a lower one, or 0 for any that are free"
    )


def test_all_that_is_wrong_between_settings_is_said_at_once() -> None:
    with pytest.raises(UsageError, match=r"^SASL_SSL needs .*\n--web-port "):
        load(security_protocol="SASL_SSL", web_port=65_535, workers=2)


def test_a_misspelt_variable_is_noticed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CXLOOP_BROKR", "kafka:9092")
    monkeypatch.setenv("CXLOOP_BROKER", "kafka:9092")
    assert list(unknown()) == [("CXLOOP_BROKR", 'did you mean "CXLOOP_BROKER"?')]


def test_every_setting_is_in_the_table_for_those_who_operate() -> None:
    table = (Path(__file__).parents[2] / "docs" / "operating.md").read_text().partition("## Settings")[2]
    named = re.findall(r"`CXLOOP_(\w+)`", table.partition("\n## ")[0])
    assert sorted(named) == sorted(name.upper() for name in Settings.model_fields)
    for option in re.findall(r"`--([\w-]+)`", table.partition("\n## ")[0]):
        assert option.replace("-", "_") in OPTIONS


@pytest.mark.parametrize(
    ("name", "hint"),
    [
        ("five-phase", 'did you mean "five-phases"?'),
        ("mine", "known are: eight-steps, five-as, five-phases, purchase-journey, six-steps"),
    ],
)
def test_a_journey_that_does_not_ship_is_named_with_those_that_do(name: str, hint: str) -> None:
    with pytest.raises(UsageError) as caught:
        load(journey=name)
    assert str(caught.value).endswith(f'"{name}" is no file, and no journey that comes with cxloop; {hint}')


def test_everything_that_is_wrong_is_said_at_once() -> None:
    with pytest.raises(UsageError) as caught:
        load(zone="Mars", lateness="soon", partitions=0)
    assert len(str(caught.value).splitlines()) == 3


@pytest.mark.parametrize(("name", "text"), [one for one in WRONG if one[0] not in ("zone", "lateness")])
def test_what_is_wrong_is_said_in_plain_words(name: str, text: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(f"CXLOOP_{name.upper()}", text)
    with pytest.raises(UsageError) as caught:
        load()
    assert not re.search(r"Input should|should match pattern|unable to", str(caught.value))


@pytest.mark.parametrize(
    ("name", "text", "said"),
    [
        ("engagement", "{bad", 'CXLOOP_ENGAGEMENT: "{bad" is no JSON; write for example {"survey.answered": 3}'),
        ("engagement", "", 'CXLOOP_ENGAGEMENT: "" is no JSON; write for example {"survey.answered": 3}'),
        (
            "engagement",
            '{"survey.answered": "many"}',
            "CXLOOP_ENGAGEMENT: 'many' is not right; write points by type of event, such as {\"referral.made\": 10}",
        ),
        ("rules", "[bad", '--rules (CXLOOP_RULES): "[bad" is no JSON; write for example ["rules", "more-rules"]'),
        ("rules", "[1]", "--rules (CXLOOP_RULES): 1 is not right; write paths"),
    ],
)  # fmt: skip
def test_a_setting_in_json_that_is_wrong_is_told_in_one_line(
    name: str, text: str, said: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(f"CXLOOP_{name.upper()}", text)
    with pytest.raises(UsageError) as caught:
        load()
    assert str(caught.value) == said


def test_a_folder_of_rules_can_be_named_in_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CXLOOP_RULES", "rules")
    with suppress(UsageError):  # it may be refused, but without a traceback
        assert load().rules == [Path("rules")]


def test_a_zone_that_is_a_continent_is_refused() -> None:
    with pytest.raises(UsageError, match="is no time zone"):
        load(zone="Europe")


@pytest.mark.parametrize(
    "given",
    [
        {"lateness": "1 business day"},
        {"lateness": -5},
        {"stall": "0s"},
        {"stall": "2 business hours"},
        {"windows": "24x"},
        {"lateness": "2 days"},
    ],
)
def test_a_span_of_a_setting_is_a_time_of_the_clock(given: dict[str, Any]) -> None:
    with pytest.raises(UsageError) as caught:
        load(**given)
    assert "business day" not in str(caught.value).partition("; write")[2]


def test_a_password_is_not_shown() -> None:
    assert "secret" not in repr(Settings(sasl_password="secret"))
