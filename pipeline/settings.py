"""Settings: from the command line, else from the environment (CXLOOP_…), else these defaults."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Annotated, Any, Literal
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from pydantic import BeforeValidator, Field, ValidationError
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict

from pipeline.errors import UsageError
from pipeline.span import Span

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
    span = Span.parse(value) if isinstance(value, str) else Span(int(value))
    if span.business or span.millis <= 0:
        raise ValueError(f'"{value}" is no length of time here; write for example 5m')
    return span.millis


def _paths(value: Any) -> Any:
    """Paths as PATH has them, or a JSON list."""
    if isinstance(value, str) and value.startswith("["):
        return [Path(part) for part in json.loads(value)]
    return [Path(part) for part in value.split(os.pathsep) if part] if isinstance(value, str) else value


#: What would be right, for settings whose limits pydantic checks.
_RIGHT = {
    "language": "en or nl",
    "prefix": "letters, digits, - and _", "partitions": "a whole number from 1", "replication": "a whole number from 1",
    "seen_limit": "a whole number from 1000", "value_limit": "a whole number from 1", "batch": "a whole number from 1",
    "web_port": "a port from 0 to 65535", "log_json": "true or false", "rebuild": "true or false",
}  # fmt: skip


class Settings(BaseSettings):
    """Everything that can be set. Durations are ms here, and written as 5m or 24h."""

    model_config = SettingsConfigDict(
        env_prefix="CXLOOP_", arbitrary_types_allowed=True, frozen=True, extra="ignore"
    )

    broker: str = "127.0.0.1:9092"
    prefix: str = Field("cx", pattern=r"^[a-zA-Z0-9_-]+$")
    partitions: int = Field(4, ge=1)
    replication: int = Field(1, ge=1)
    rules: Annotated[list[Path], NoDecode, BeforeValidator(_paths)] = [SHIPPED / "rules"]
    journey: Path = SHIPPED / "schemas" / "journeys" / "five-phases.yml"
    zone: Annotated[ZoneInfo, BeforeValidator(zone_named)] = ZoneInfo("UTC")
    language: Literal["en", "nl"] = "en"
    lateness: Annotated[int, BeforeValidator(_millis)] = 300_000
    seen_limit: int = Field(5_000_000, ge=1_000)
    value_limit: int = Field(200, ge=1)
    batch: int = Field(5_000, ge=1)
    stall: Annotated[int, BeforeValidator(_millis)] = 120_000
    web_host: str = "127.0.0.1"
    web_port: int = Field(6066, ge=0, le=65_535)
    log_json: bool = False
    rebuild: bool = False
    security_protocol: str = "PLAINTEXT"
    sasl_mechanism: str | None = None
    sasl_username: str | None = None
    sasl_password: str | None = Field(None, repr=False)
    ssl_cafile: Path | None = None
    ssl_certfile: Path | None = None
    ssl_keyfile: Path | None = None


def load(**given: Any) -> Settings:
    """Settings, where what is given (and not None) goes first. Raises UsageError that names what is wrong."""
    try:
        return Settings(**{name: value for name, value in given.items() if value is not None})
    except ValidationError as error:
        wrong = [
            f"--{'-'.join(map(str, e['loc'])).replace('_', '-')} (CXLOOP_{'_'.join(map(str, e['loc'])).upper()}): "
            + (
                e["msg"].removeprefix("Value error, ")
                if e["type"] == "value_error"
                else f"{e['input']!r} is not right; write {_RIGHT.get(str(e['loc'][0]), 'a text')}"
            )
            for e in error.errors()
        ]
        raise UsageError("\n".join(wrong)) from error
