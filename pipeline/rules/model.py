"""The shape of the YAML in which people write rules, as pydantic models.

A field's description says what would be right, where something else was written. What depends on the event
types or the metrics (fields, values, keys) is checked in `compile`.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Annotated, Any, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, WithJsonSchema

from pipeline.rules.texts import LONGEST_MESSAGE, LONGEST_TITLE, UNKNOWN
from pipeline.span import ANY_SPAN, DAY, ELAPSED, Span
from pipeline.written import a_or_b, shown


def _span(value: Any, such_as: str = ANY_SPAN) -> Any:
    if isinstance(value, Span):
        return value
    if not isinstance(value, str):
        raise ValueError(f"{shown(value)}; write a length of time, such as {such_as}")
    return Span.parse(value, such_as)


def _elapsed(value: Any) -> Any:
    span = _span(value, ELAPSED)
    if isinstance(span, Span) and span.business:
        raise ValueError(
            f'"{value}" counts working hours, which only "due" and "after" can; write for example 24h'
        )
    return span


def _id(value: Any) -> Any:
    if isinstance(value, str) and not _ID.fullmatch(value):
        plain = re.sub("[^a-z0-9]+", "-", value.lower()).strip("-")
        right = plain or "low-nps"
        raise ValueError(
            f'"{value}" is no id; write small letters, digits and single hyphens, such as {right}'
        )
    return value


def _sentence(most: int) -> Callable[[Any], Any]:
    """A sentence, or one for each language."""
    right = f"write a sentence of at most {most} characters, or one for each language: {{en: …, nl: …}}"

    def check(value: Any) -> Any:
        if isinstance(value, dict):
            for language in value:
                if language not in UNKNOWN:
                    raise ValueError(f'"{language}" is no language here; write {a_or_b(list(UNKNOWN))}')
        several = list(value.values()) if isinstance(value, dict) else [value]
        for one in several or [value]:
            if not isinstance(one, str):
                raise ValueError(f"{shown(one)}; {right}")
            if not 0 < len(one) <= most:
                wrong = f"the text has {len(one)} characters" if one else "the text is empty"
                raise ValueError(f"{wrong}; {right}")
        return value

    return check


def _sentence_schema(most: int) -> dict[str, Any]:
    one = {"type": "string", "minLength": 1, "maxLength": most}
    each = {"type": "object", "minProperties": 1, "additionalProperties": False}
    return {"anyOf": [one, {**each, "properties": dict.fromkeys(UNKNOWN, one)}]}


_ID = re.compile(r"[a-z0-9]+(-[a-z0-9]+)*")

_ELAPSED = r"\s*[0-9]+\s*[smhdw]\s*"
_BUSINESS = r"\s*[0-9]+\s+business\s+(hour|day)s?\s*"

AnySpan = Annotated[
    Span,
    BeforeValidator(_span),
    WithJsonSchema({"type": "string", "pattern": f"^({_ELAPSED}|{_BUSINESS})$"}),
]
Elapsed = Annotated[
    Span, BeforeValidator(_elapsed), WithJsonSchema({"type": "string", "pattern": f"^{_ELAPSED}$"})
]
Title = Annotated[
    Any, BeforeValidator(_sentence(LONGEST_TITLE)), WithJsonSchema(_sentence_schema(LONGEST_TITLE))
]
Message = Annotated[
    Any, BeforeValidator(_sentence(LONGEST_MESSAGE)), WithJsonSchema(_sentence_schema(LONGEST_MESSAGE))
]
Id = Annotated[
    str, BeforeValidator(_id), Field(max_length=100, description="an id of at most 100 characters")
]


class _Written(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, strict=True, arbitrary_types_allowed=True)


class Once(_Written):
    """Cooldown: at most one firing per key within ±every."""

    per: Literal["customer", "review"] | None = Field(None, description="customer or review")
    every: Elapsed | None = Field(None, description="a length of time, such as 30d")


class Escalation(_Written):
    """Who else is told when nobody has acted; after: from the follow-up's start."""

    after: AnySpan = Field(description="how long after the start, such as 4h or 1 business day")
    to: str = Field(min_length=1, description="who is told, such as lead")


class FollowUp(_Written):
    """The task that an alert opens."""

    team: str = Field(min_length=1, description="the team whose task it is, such as care")
    due: AnySpan = Field(description="how long the team has, such as 4h or 1 business day")
    escalate: list[Escalation] = Field(
        [], description="a list of who is told when, such as [{after: 1 business day, to: lead}]"
    )


class Count(_Written):
    """at_least matches within a span, per key and per value of the field `same`."""

    at_least: int = Field(ge=2, le=100, description="a whole number from 2 to 100")
    within: Elapsed = Field(description="a length of time, such as 24h")
    same: str | None = Field(None, description="a field of the event, such as contact_id")


class First(_Written):
    """A value of a field that no event of any customer has had within a span."""

    of: str = Field(description="a field of the event, such as reason")
    within: Elapsed = Field(description="a length of time, such as 90d")


class _WithConditions(BaseModel):
    model_config = ConfigDict(extra="allow", frozen=True, strict=True, arbitrary_types_allowed=True)

    event: str = Field(description="the name of an event, such as survey.answered")

    @property
    def conditions(self) -> dict[str, Any]:
        """Field → condition, as written."""
        return dict(self.model_extra or {})


class WhenEvent(_WithConditions):
    """An event and conditions on its fields, all of which hold."""

    count: Count | None = Field(None, description="a map such as {at_least: 3, within: 24h}")
    first: First | None = Field(None, description="a map such as {of: reason, within: 90d}")


class WhenSequence(_Written):
    """Events of one customer, one after the other, all of them within a span."""

    sequence: list[Any] = Field(
        description="a list of events, such as [{event: contact.opened}, {event: customer.churned}]"
    )
    within: Elapsed = Field(description="how long the whole of it may take, such as 7d")
    same: str | None = Field(None, description="a field that all events have, such as contact_id")


class SequenceStep(_WithConditions):
    """One event of a sequence."""


class Pause(_Written):
    """When the clock of an absence stands still."""

    from_: dict[str, Any] = Field(
        alias="from",
        description="the event that stops the clock, such as {event: contact.replied, by: agent}",
    )
    until: dict[str, Any] = Field(
        description="the event that starts it again, such as {event: contact.replied, by: customer}"
    )


class Unless(_WithConditions):
    """The event whose absence matters."""

    within: Elapsed | None = Field(None, description="how long the event may take, such as 24h")
    before: str | None = Field(None, description="a field of the first event that names a time, such as due")
    same: str | None = Field(None, description="a field that both events have, such as review_id")
    pause: Pause | None = Field(None, description="a map with from and until, each an event")


class Given(BaseModel):
    """What is known of the customer by then: `last` event of a kind, or how many of an `event` there were."""

    model_config = ConfigDict(extra="allow", frozen=True, strict=True, arbitrary_types_allowed=True)

    event: str | None = Field(None, description="the name of an event, such as purchase.completed")
    last: str | None = Field(None, description="the name of an event, such as survey.answered")
    within: Elapsed = Field(description="how far to look back, such as 90d")
    at_least: int | None = Field(None, ge=1, le=100, description="a whole number from 1 to 100")
    at_most: int | None = Field(None, ge=0, le=99, description="a whole number from 0 to 99")
    same: str | None = Field(None, description="a field that both events have, such as contact_id")

    @property
    def conditions(self) -> dict[str, Any]:
        """Field → condition, as written."""
        return dict(self.model_extra or {})


class Change(_Written):
    """How a metric has to have moved, against what was before its window."""

    by: float = Field(gt=0, description="by how much at least, such as 10")
    against: Elapsed = Field(description="how far back to look, such as 28d")
    confidence: str = Field("95%", description="how sure to be, such as 95%")


class UnusualNumber(_Written):
    """How far a number has to be from what it was at the same hours of the weeks before."""

    by: str = Field(description="by how much at least, such as 50%")
    against: Elapsed = Field(Span(28 * DAY), description="how many weeks to look at, such as 28d")
    confidence: str = Field("95%", description="how sure to be, such as 95%")


#: What rules on metrics, shares and numbers have in common.
_OVER: Any = Field(description="the window, such as 24h: up to 24h in steps of 5m, up to 28d in hours")
_IS: Any = Field(None, alias="is", description='a limit, such as "< 20"')
_BY: Any = Field([], description="a list of fields of the event, such as [touchpoint]")
_SAMPLES: Any = Field(None, description='how many are needed, such as ">= 50"')
_EVENTS: Any = Field(
    description="an event and conditions, such as {event: contact.opened, reason: complaint}"
)
_CHANGE: Any = Field(None, description="a map such as {by: 10, against: 28d}")
_UNUSUAL: Any = Field(None, description="a map such as {by: 50%, against: 28d}")


class WhenMetric(_Written):
    """A limit on a rolling metric, or how it has moved. is: such as "< 20"; samples: such as ">= 50"."""

    metric: str = Field(description="the name of a metric, such as nps")
    by: list[str] = Field([], description="a list of dimensions, such as [touchpoint]")
    over: Elapsed = _OVER
    is_: Any = _IS
    falls: Change | None = _CHANGE
    rises: Change | None = _CHANGE
    samples: Any = _SAMPLES


class WhenShare(_Written):
    """A limit on a share of events, or how it has moved."""

    share: dict[str, Any] = _EVENTS
    of: dict[str, Any] = Field(
        {}, description="conditions on those of which it is a share, such as {channel: phone}"
    )
    by: list[str] = _BY
    over: Elapsed = _OVER
    is_: Any = _IS
    falls: Change | None = _CHANGE
    rises: Change | None = _CHANGE
    samples: Any = _SAMPLES


class WhenNumber(_Written):
    """A limit on the number of events, or how unusual it is."""

    number: dict[str, Any] = _EVENTS
    by: list[str] = _BY
    over: Elapsed = _OVER
    is_: Any = _IS
    spikes: UnusualNumber | None = _UNUSUAL
    falls: UnusualNumber | None = _UNUSUAL
    samples: Any = _SAMPLES


class WhenSilent(_Written):
    """Events that stop coming."""

    silent: str | list[str] = Field(
        description="the name of an event, or a list of them, such as contact.replied"
    )


class Rule(_Written):
    """One rule, as written."""

    id: Id = Field(description="an id of small letters, digits and single hyphens, such as low-nps")
    summary: Title = Field(
        description="a sentence of at most 300 characters that says what it is for, or one for each language"
    )
    message: Message = Field(
        None, description="what to do or to know, in at most 2000 characters, or that for each language"
    )
    enabled: bool = Field(True, description="true or false")
    shadow: bool = Field(False, description="true or false")
    when: dict[str, Any] = Field(
        description='a map with one of "event", "sequence", "metric", "share", "number" and "silent", such as {event: survey.answered}'
    )
    if_: Any = Field(
        None, alias="if", description='a map such as {last: survey.answered, nps: ">= 9", within: 90d}'
    )
    unless: dict[str, Any] | None = Field(
        None, description="a map such as {event: review.responded, same: review_id, within: 24h}"
    )
    once: Once | None = Field(None, description="a map such as {per: customer, every: 30d}")
    for_: Elapsed | None = Field(None, alias="for", description="a length of time, such as 6h")
    clear: Any = Field(None, description='a limit, such as ">= 25"')
    alert: Literal["info", "warning", "critical"] = Field(description="info, warning or critical")
    follow_up: FollowUp | None = Field(None, description="a map such as {team: care, due: 1 business day}")
    overrides: Any = Field(
        None,
        description="a list of the rule again, for some, such as [{id: care-gold, for: {segment: gold}}]",
    )
