"""Settings: from the command line, else from the environment (CXLOOP_…), else these defaults."""

from __future__ import annotations

import json
import os
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, Any, Literal
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from pydantic import AfterValidator, BeforeValidator, Field, ValidationError, model_validator
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict

from pipeline.errors import UsageError
from pipeline.events.model import EVENTS_BY_NAME
from pipeline.metrics.catalogue import DEFAULT_GROUPINGS, DIMENSIONS, METRICS
from pipeline.metrics.measures import GROUPS
from pipeline.metrics.weights import ENGAGEMENT, TOLD
from pipeline.metrics.window import PANE, WINDOWS_KEPT, Window, window
from pipeline.nearest import did_you_mean
from pipeline.span import DAY, ELAPSED, HOUR, Span

_PACKAGE = Path(__file__).resolve().parent
#: Where the rules and schemas are that come with cxloop: in the package, or beside it where it runs from its source.
SHIPPED = _PACKAGE / "shipped" if (_PACKAGE / "shipped").is_dir() else _PACKAGE.parent


def zone_named(value: Any) -> ZoneInfo:
    """The time zone of that name. Raises ValueError."""
    try:
        return value if isinstance(value, ZoneInfo) else ZoneInfo(str(value))
    except (ZoneInfoNotFoundError, ValueError, OSError) as error:
        raise ValueError(f'"{value}" is no time zone; write for example Europe/Amsterdam or UTC') from error


def _millis(value: Any) -> Any:
    span = Span.parse(value, ELAPSED) if isinstance(value, str) else Span(int(value))
    if span.business or span.millis <= 0:
        raise ValueError(f'"{value}" is no length of time here; write for example 5m')
    return span.millis


def _json(text: str, such_as: str) -> Any:
    """What a text in JSON says. Raises ValueError."""
    try:
        return json.loads(text)
    except (ValueError, RecursionError) as error:
        raise ValueError(f'"{text}" is no JSON; write for example {such_as}') from error


def _paths(value: Any) -> Any:
    """Paths as PATH has them, or a JSON list."""
    if isinstance(value, str) and value.startswith("["):
        return _json(value, '["rules", "more-rules"]')
    return [Path(part) for part in value.split(os.pathsep) if part] if isinstance(value, str) else value


def _journey(value: Any) -> Any:
    """A file, or the name of a model that ships."""
    if not isinstance(value, str) or not value.replace("-", "").isalnum():
        return value
    shipped = {file.stem: file for file in (SHIPPED / "schemas" / "journeys").glob("*.yml")}
    if value not in shipped and not Path(value).exists():
        raise ValueError(
            f'"{value}" is no file, and no journey that comes with cxloop; {did_you_mean(value, shipped)}'
        )
    return shipped.get(value, value)


#: Panes are kept so long (days); metrics cannot have longer windows.
_LONGEST_DAYS, _MOST_WINDOWS = 28, 8


def _windows(value: Any) -> Any:
    """Lengths of time such as "24h 7d 28d", shortest first."""
    if not isinstance(value, str):
        return value
    lengths = sorted({_millis(part) for part in value.replace(",", " ").split()})
    for length in lengths:
        if length > _LONGEST_DAYS * DAY or length % (PANE if length <= DAY else HOUR):
            raise ValueError(
                f'"{value}" has a window that cannot be kept; up to 24h they are whole 5 minutes, up to 28d whole hours'
            )
    if not 0 < len(lengths) <= _MOST_WINDOWS:
        raise ValueError(
            f'"{value}" has {len(lengths)} windows; write 1 to {_MOST_WINDOWS}, such as 24h 7d 28d'
        )
    return tuple(map(window, lengths))


def _metrics(value: Any) -> Any:
    """Names of metrics, and of groups of them, such as "loyalty first_response_p90"; or "none"."""
    names = value.replace(",", " ").split() if isinstance(value, str) else list(value)
    if not names:
        raise ValueError(f"names no metric; write some, groups of them ({', '.join(GROUPS)}), or none")
    if names == ["none"]:
        return ()
    for name in names:
        if name not in METRICS and name not in GROUPS:
            raise ValueError(f'unknown metric "{name}"; {did_you_mean(name, [*METRICS, *GROUPS, "none"])}')
    return tuple(metric.name for metric in METRICS.values() if metric.name in names or metric.group in names)


def _dimensions(value: Any) -> Any:
    """Names such as "touchpoint channel location"."""
    names = tuple(dict.fromkeys(value.replace(",", " ").split())) if isinstance(value, str) else value
    for name in names:
        if name not in DIMENSIONS:
            raise ValueError(f'no event carries the dimension "{name}"; {did_you_mean(name, DIMENSIONS)}')
    return names


def _map(value: Any) -> Any:
    """A map in JSON."""
    return _json(value, '{"survey.answered": 3}') if isinstance(value, str) else value


def _points(value: dict[str, int]) -> dict[str, int]:
    for event, points in value.items():
        if event not in EVENTS_BY_NAME:
            raise ValueError(f'unknown event "{event}"; {did_you_mean(event, EVENTS_BY_NAME)}')
        if event == "review.responded" or event.startswith("followup."):
            raise ValueError(f"{event} is no event of a customer, and has no points of engagement")
        if not 0 <= points <= 1_000:
            raise ValueError(f"{event} has {points} points; write 0 to 1000")
    return value


_LAST_PORT = 65_535
#: A name or an address, an IPv6 address in brackets; and a port.
_ADDRESS = re.compile(r"([\w.-]+|\[[0-9a-fA-F:.]+\]):([0-9]{1,9})")


def _broker(value: Any) -> Any:
    """Addresses with commas between."""
    for one in (part.strip() for part in str(value).split(",")):
        found = _ADDRESS.fullmatch(one)
        if not found:
            raise ValueError(
                f'"{one}" is no address; write host:port, such as kafka:9092, with commas between several'
            )
        if not 0 < int(found[2]) <= _LAST_PORT:
            raise ValueError(f'"{one}" has no port from 1 to {_LAST_PORT}; Kafka usually listens on 9092')
    return value


def _file(value: Any) -> Any:
    if not Path(value).is_file():
        raise ValueError(f'there is no file "{value}"')
    return value


_File = Annotated[Path, BeforeValidator(_file)]

#: What would be right, for settings whose limits pydantic checks.
_RIGHT = {
    "language": "en or nl", "rules": "paths",
    "prefix": "letters, digits, - and _", "partitions": "a whole number from 1", "replication": "a whole number from 1",
    "seen_limit": "a whole number from 1000", "value_limit": "a whole number from 1", "told": "a whole number from 9 to 15",
    "engagement": 'points by type of event, such as {"referral.made": 10}', "batch": "a whole number from 1",
    "web_port": "a port from 0 to 65535", "log_json": "true or false", "rebuild": "true or false",
    "workers": "a whole number from 1", "security_protocol": "PLAINTEXT, SSL, SASL_PLAINTEXT or SASL_SSL",
    "sasl_mechanism": "PLAIN, SCRAM-SHA-256 or SCRAM-SHA-512",
}  # fmt: skip


class Settings(BaseSettings):
    """Everything that can be set. Durations are ms here, and written as 5m or 24h."""

    model_config = SettingsConfigDict(
        env_prefix="CXLOOP_", arbitrary_types_allowed=True, frozen=True, extra="ignore"
    )

    broker: Annotated[str, BeforeValidator(_broker)] = "127.0.0.1:9092"
    prefix: str = Field("cx", pattern=r"^[a-zA-Z0-9_-]+$")
    partitions: int = Field(4, ge=1)
    replication: int = Field(1, ge=1)
    rules: Annotated[list[Path], NoDecode, BeforeValidator(_paths)] = [SHIPPED / "rules"]
    journey: Annotated[Path, BeforeValidator(_journey)] = SHIPPED / "schemas" / "journeys" / "five-phases.yml"
    windows: Annotated[tuple[Window, ...], NoDecode, BeforeValidator(_windows)] = WINDOWS_KEPT
    metrics: Annotated[tuple[str, ...], NoDecode, BeforeValidator(_metrics)] = tuple(METRICS)
    dimensions: Annotated[tuple[str, ...], NoDecode, BeforeValidator(_dimensions)] = tuple(
        name for (name,) in DEFAULT_GROUPINGS
    )
    engagement: Annotated[dict[str, int], NoDecode, BeforeValidator(_map), AfterValidator(_points)] = dict(
        ENGAGEMENT
    )
    told: int = Field(TOLD, ge=9, le=15)
    zone: Annotated[ZoneInfo, BeforeValidator(zone_named)] = ZoneInfo("UTC")
    language: Literal["en", "nl"] = "en"
    lateness: Annotated[int, BeforeValidator(_millis)] = 300_000
    seen_limit: int = Field(5_000_000, ge=1_000)
    value_limit: int = Field(200, ge=1)
    batch: int = Field(5_000, ge=1)
    stall: Annotated[int, BeforeValidator(_millis)] = 120_000
    web_host: str = "127.0.0.1"
    web_port: int = Field(6066, ge=0, le=_LAST_PORT)
    workers: int = Field(1, ge=1)
    log_json: bool = False
    rebuild: bool = False
    security_protocol: Literal["PLAINTEXT", "SSL", "SASL_PLAINTEXT", "SASL_SSL"] = "PLAINTEXT"
    sasl_mechanism: Literal["PLAIN", "SCRAM-SHA-256", "SCRAM-SHA-512"] | None = None
    sasl_username: str | None = None
    sasl_password: str | None = Field(None, repr=False)
    ssl_cafile: _File | None = None
    ssl_certfile: _File | None = None
    ssl_keyfile: _File | None = None

    @model_validator(mode="after")
    def _together(self) -> Settings:
        """What is wrong between settings."""
        wrong = []
        if self.security_protocol.startswith("SASL") and not (self.sasl_username and self.sasl_password):
            wrong.append(f"{self.security_protocol} needs CXLOOP_SASL_USERNAME and CXLOOP_SASL_PASSWORD")
        if self.web_port and self.web_port + self.workers - 1 > _LAST_PORT:
            wrong.append(
                f"{_place(('web_port',))}{self.workers} workers have a port each from here on, and {_LAST_PORT} is "
                f"the last one; write a lower one, or 0 for any that are free"
            )
        if wrong:
            raise ValueError("\n".join(wrong))
        return self


def load(**given: Any) -> Settings:
    """Settings, where what is given (and not None) goes first. Raises UsageError that names what is wrong."""
    try:
        return Settings(**{name: value for name, value in given.items() if value is not None})
    except ValidationError as error:
        wrong = [
            _place(e["loc"])
            + (
                e["msg"].removeprefix("Value error, ")
                if e["type"] == "value_error"
                else f"{e['input']!r} is not right; write {_RIGHT.get(str(e['loc'][0]), 'a text')}"
            )
            for e in error.errors()
        ]
        raise UsageError("\n".join(wrong)) from error


#: Settings that are options of commands, too.
OPTIONS = {"broker", "prefix", "rules", "workers", "web_port", "partitions", "zone", "log_json", "rebuild"}


def _place(loc: tuple[int | str, ...]) -> str:
    """What a mistake is about, as it can be written."""
    if not loc:
        return ""
    name = str(loc[0])  # what follows is a place inside the value
    variable = f"CXLOOP_{name.upper()}"
    return f"--{name.replace('_', '-')} ({variable}): " if name in OPTIONS else f"{variable}: "


def says_yes(name: str) -> bool:
    """Is a setting that is true or false true in the environment? Does not look at the others."""
    return os.environ.get(f"CXLOOP_{name.upper()}", "").lower() in {"1", "true", "yes", "on", "y", "t"}


def unknown() -> Iterator[tuple[str, str]]:
    """Variables of the environment that look like settings and are none, each with the nearest that is one."""
    known = [f"CXLOOP_{name.upper()}" for name in Settings.model_fields]
    for name in sorted(os.environ):
        if name.startswith("CXLOOP_") and name not in known:
            yield name, did_you_mean(name, known, "docs/operating.md")
