"""What rules can be made of, as tables: from the model, the events and the metrics that `check` looks at."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from math import isinf

from pydantic import BaseModel
from pydantic.fields import FieldInfo

from pipeline.events.descriptions import EVENTS
from pipeline.events.model import CUSTOMER_EVENTS, Data, Event, SurveyAnswered, data_type, event_name
from pipeline.metrics.catalogue import DIMENSIONS, METRICS, Metric
from pipeline.metrics.measures import GROUPS
from pipeline.rules import fields, model

#: Maps that people write, and where they stand.
_MAPS: Sequence[tuple[str, type[BaseModel]]] = (
    ("a rule", model.Rule),
    ("`when`: an event", model.WhenEvent),
    ("`count`", model.Count),
    ("`first`", model.First),
    ("`when`: a sequence", model.WhenSequence),
    ("`when`: a metric", model.WhenMetric),
    ("`when`: a share", model.WhenShare),
    ("`falls`, `rises`", model.Change),
    ("`when`: a number", model.WhenNumber),
    ("`spikes`, `falls` of a number", model.UnusualNumber),
    ("`when`: silence", model.WhenSilent),
    ("`if`", model.Given),
    ("`unless`", model.Unless),
    ("`pause`", model.Pause),
    ("`once`", model.Once),
    ("`follow_up`", model.FollowUp),
    ("a step of `escalate`", model.Escalation),
)


def reference() -> str:
    """The tables, as Markdown."""
    return "\n".join((*_parts(), *_events(), *_metrics()))


def _parts() -> Iterator[str]:
    yield "### What stands where\n"
    rows = [
        (place if first else "", f"`{name}`", _needed(field), _cell(field.description or ""))
        for place, one in _MAPS
        for first, name, field in _parts_of(one)
    ]
    yield from _table(("in", "field", "needed", "what to write"), rows)
    yield "In `when`, `if`, `unless`, `pause`, `share`, `of`, `number` and the steps of a sequence, conditions on the event's fields stand beside these.\n"


def _parts_of(one: type[BaseModel]) -> Iterator[tuple[bool, str, FieldInfo]]:
    for number, (name, field) in enumerate(one.model_fields.items()):
        yield number == 0, field.alias or name, field


def _needed(field: FieldInfo) -> str:
    if field.is_required():
        return "yes"
    default = str(field.default).lower() if isinstance(field.default, bool) else field.default
    return f"else `{default}`" if default not in (None, [], {}) else ""


def _events() -> Iterator[str]:
    yield "### Events and their fields\n"
    kinds = {event: _fields(data_type(event)) for event in CUSTOMER_EVENTS}
    common = [name for name in kinds[SurveyAnswered] if all(name in of for of in kinds.values())]
    listed = ", ".join(f"`{name}`" for name in common)
    yield f"All events have {listed}; the last is a map of your own, the others are texts. What is **bold** is needed.\n"
    rows = [
        (
            f"`{event_name(event)}`", EVENTS[event_name(event)],
            ", ".join(_own(event, common)),
        )
        for event in kinds
    ]  # fmt: skip
    yield from _table(("event", "", "fields of its own"), ([*map(_cell, row)] for row in rows))


def _own(event: type[Event], common: Sequence[str]) -> Iterator[str]:
    """The fields that not all events have, and those that this one needs."""
    needed = fields.needed(data_type(event))
    for name, kind in _fields(data_type(event)).items():
        if name in needed:
            yield f"**`{name}`** ({kind})"
        elif name not in common:
            yield f"`{name}` ({kind})"


def _fields(data: type[Data]) -> dict[str, str]:
    return {name: str(fields.field_of(data, name)) for name in fields.names(data)}


def _metrics() -> Iterator[str]:
    yield "### Metrics\n"
    for group, title in GROUPS.items():
        yield f"#### {title}\n"
        yield from _table(
            ("metric", "it is", "in", "of"),
            (
                (f"`{one.name}`", _cell(one.help), _unit(one), ", ".join(f"`{name}`" for name in one.sources))
                for one in METRICS.values()
                if one.group == group
            ),
        )
    yield f"Dimensions for `by`: {', '.join(f'`{name}`' for name in DIMENSIONS)}.\n"


def _unit(metric: Metric) -> str:
    if metric.unit != "score" or isinf(metric.high):
        return {"ratio": "0 to 1", "points": "points", "seconds": "seconds"}.get(metric.unit, "a number")
    return f"{metric.low:g} to {metric.high:g}"


def _table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> Iterator[str]:
    yield _row(head)
    yield _row(["---"] * len(head))
    yield from map(_row, rows)
    yield ""


def _row(cells: Sequence[str]) -> str:
    return f"| {' | '.join(cells)} |"


def _cell(text: str) -> str:
    return text.replace("|", "\\|")
