"""The shape of the YAML in which people write rules, as pydantic models.

What depends on the event types or the metrics (fields, values, keys) is checked in `compile`.
"""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field

from pipeline.span import Span

Condition = str | int | float | bool | list[str | int | float | bool]


def _span(value: Any) -> Any:
    return value if isinstance(value, Span) else Span.parse(str(value))


def _elapsed(value: Any) -> Any:
    span = _span(value)
    if isinstance(span, Span) and span.business:
        raise ValueError(
            f'"{value}" counts working hours, which only `due` and `after` can; write for example 24h'
        )
    return span


AnySpan = Annotated[Span, BeforeValidator(_span)]
Elapsed = Annotated[Span, BeforeValidator(_elapsed)]


class _Written(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, strict=True, arbitrary_types_allowed=True)


class Once(_Written):
    """Cooldown: at most one firing per key within ±every."""

    per: Literal["customer", "review"] | None = None
    every: Elapsed | None = None


class Escalation(_Written):
    """Who else is told when nobody has acted; after: from the follow-up's start."""

    after: AnySpan
    to: Annotated[str, Field(min_length=1)]


class FollowUp(_Written):
    """The task that an alert opens."""

    team: Annotated[str, Field(min_length=1)]
    due: AnySpan
    escalate: list[Escalation] = []


class Count(_Written):
    """at_least matches within a span, per key and per value of the field `same`."""

    at_least: Annotated[int, Field(ge=2, le=100)]
    within: Elapsed
    same: str | None = None


class WhenEvent(BaseModel):
    """An event and conditions on its fields, all of which hold."""

    model_config = ConfigDict(extra="allow", frozen=True, strict=True, arbitrary_types_allowed=True)

    event: str
    count: Count | None = None

    @property
    def conditions(self) -> dict[str, Any]:
        """Field → condition, as written."""
        return dict(self.model_extra or {})


class Unless(BaseModel):
    """The event whose absence matters."""

    model_config = ConfigDict(extra="allow", frozen=True, strict=True, arbitrary_types_allowed=True)

    event: str
    within: Elapsed
    same: str | None = None

    @property
    def conditions(self) -> dict[str, Any]:
        """Field → condition, as written."""
        return dict(self.model_extra or {})


class WhenMetric(_Written):
    """A limit on a rolling metric. is: such as "< 20"; samples: such as ">= 50"."""

    metric: str
    by: list[str] = []
    over: Elapsed
    is_: Annotated[str, Field(alias="is")]
    samples: str | int | None = None


class Rule(_Written):
    """One rule, as written."""

    id: Annotated[str, Field(pattern=r"^[a-z0-9]+(-[a-z0-9]+)*$")]
    summary: Annotated[str, Field(min_length=1, max_length=300)]
    enabled: bool = True
    when: dict[str, Any]
    unless: dict[str, Any] | None = None
    once: Once | None = None
    for_: Annotated[Elapsed | None, Field(alias="for")] = None
    clear: str | None = None
    alert: Literal["info", "warning", "critical"]
    follow_up: FollowUp | None = None
