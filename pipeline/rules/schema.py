"""The JSON Schema of rule files, for editors: from the model, the events and the metrics that `check` looks at."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable
from typing import Any

from pipeline.events.descriptions import FIELDS
from pipeline.events.model import CUSTOMER_EVENTS, Event, data_type, event_name
from pipeline.metrics.catalogue import DIMENSIONS, METRICS
from pipeline.rules import fields, model
from pipeline.rules.conditions import JOINS
from pipeline.rules.measured import MEASURED

Schema = dict[str, Any]

_COMPARISON: Schema = {"type": "string", "pattern": r"^\s*(<=|>=|!=|==|<|>|=)\s*\S"}


def rules_schema() -> str:
    """The schema (2020-12) as text. What `cxloop check` takes, it takes; `check` knows more."""
    root = model.Rule.model_json_schema(by_alias=True, ref_template=_REF)
    defs = root.pop("$defs")
    defs["rule"] = root
    for one in (
        model.WhenEvent,
        model.WhenSequence,
        *MEASURED.values(),
        model.WhenSilent,
        model.SequenceStep,
        model.Unless,
        model.Given,
    ):
        found = one.model_json_schema(by_alias=True, ref_template=_REF)
        defs |= found.pop("$defs", {})
        defs[one.__name__] = found
    defs |= {_conditions(event): _conditions_on(event) for event in CUSTOMER_EVENTS} | _kinds_of_fields()
    defs |= {f"named-by-{name}": _by_name(name) for name in ("event", "last")}
    for name in ("WhenEvent", "SequenceStep", "Unless"):
        _of_an_event(defs[name], "event")
    _of_an_event(defs["Given"], "event", "last")
    defs["WhenSequence"]["properties"]["sequence"] |= {"items": {"$ref": _REF.format(model="SequenceStep")}}
    defs["WhenMetric"]["properties"]["metric"]["enum"] = list(METRICS)
    defs["WhenMetric"]["properties"]["by"]["items"] = {"enum": list(DIMENSIONS)}
    names: Schema = {"enum": [event_name(event) for event in CUSTOMER_EVENTS]}
    defs["WhenSilent"]["properties"]["silent"] = {
        "description": defs["WhenSilent"]["properties"]["silent"]["description"],
        "oneOf": [names, {"type": "array", "minItems": 1, "items": names}],
    }
    counted = {"$ref": _REF.format(model="SequenceStep")}
    for name, of in MEASURED.items():
        defs[of.__name__]["required"] = [name]  # an override, or what is used, may have the rest
        if name != "metric":
            defs[of.__name__]["properties"][name] |= counted
    rule = root["properties"]
    rule["when"] = {
        "description": rule["when"]["description"],
        "type": "object",
        "allOf": [
            {"if": {"required": [name]}, "then": {"$ref": _REF.format(model=of)}}
            for name, of in (
                ("event", "WhenEvent"),
                ("sequence", "WhenSequence"),
                *((name, one.__name__) for name, one in MEASURED.items()),
                ("silent", "WhenSilent"),
            )
        ],
    }
    given = {"$ref": _REF.format(model="Given")}
    rule["if"] |= {"oneOf": [given, {"type": "array", "minItems": 1, "items": given}]}
    rule["unless"] = {"description": rule["unless"]["description"], "$ref": _REF.format(model="Unless")}
    described = rule.pop("overrides")["description"]
    override = {
        **rule,
        "for": {
            "description": "whom it is for, such as {segment: gold}",
            "type": "object",
            "minProperties": 1,
        },
    }
    rule["overrides"] = {
        "description": described,
        "type": "array", "minItems": 1,
        "items": {"type": "object", "properties": override, "required": ["id", "for"], "additionalProperties": False},
    }  # fmt: skip
    for name in ("when", "unless", "once", "follow_up"):  # the rule has the rest of it
        override[name] = {"description": rule[name]["description"], "type": "object"}
    _may_use(defs.values())
    for place in (override, rule):
        place["use"] = _USE
    whole = {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "$id": "rules.schema.json",
        "title": "Rules of cxloop",
        "type": "object",
        "properties": {
            "define": {
                "description": "names, each with a map that rules can use",
                "type": "object", "additionalProperties": {"type": "object"},
            },
            "rules": {"description": "a list of rules", "type": "array", "items": {"$ref": _REF.format(model="rule")}},
        },
        "required": ["rules"],
        "additionalProperties": False,
        "$defs": defs,
    }  # fmt: skip
    return json.dumps(whole, indent=1, ensure_ascii=False) + "\n"


#: The maps that conditions stand in.
_AROUND = (model.WhenEvent, model.SequenceStep, model.Unless, model.Given)
_REF = "#/$defs/{model}"
_USE: Schema = {
    "description": 'what is defined under "define", one name or several',
    "oneOf": [{"type": "string"}, {"type": "array", "items": {"type": "string"}}],
}


def _conditions(event: type[Event]) -> str:
    return f"{event_name(event)}-conditions"


def _kind(field: fields.Field) -> str:
    return re.sub("[^a-z0-9.]+", "-", str(field).lower())


def _conditions_on(event: type[Event]) -> Schema:
    """What can be asked of the fields of one type of event. Beside them stand names that a map around them has."""
    data, this = data_type(event), {"$ref": _REF.format(model=_conditions(event))}
    properties: Schema = {}
    for name in fields.names(data):
        field = fields.field_of(data, name)
        if field.base not in ("time", "map"):
            text, _ = FIELDS.get(name, (f"{name}: {field}.", None))
            properties[name] = {"description": text, "$ref": _REF.format(model=_kind(field))}
    several: Schema = {"type": "array", "minItems": 1, "items": this}
    joins: Schema = {"all": several, "any": several, "not": this}
    properties |= {name: {"description": JOINS[name], **joins[name]} for name in JOINS}
    around = {name for one in _AROUND for name in one.model_json_schema(by_alias=True)["properties"]}
    known = sorted({*properties, *fields.names(data), *around, "use"})
    names = [{"enum": known}, {"pattern": r"^attributes\..+"}]
    return {"type": "object", "properties": properties, "propertyNames": {"anyOf": names}}


def _kinds_of_fields() -> Schema:
    """What can be written as a condition, for every kind of field that some event has."""
    found = {}
    for event in CUSTOMER_EVENTS:
        for name in fields.names(data_type(event)):
            field = fields.field_of(data_type(event), name)
            if field.base not in ("time", "map"):
                found[_kind(field)] = _condition(field)
    return found


def _condition(field: fields.Field) -> Schema:
    """What can be written as a condition on a field."""
    value: Schema = {}
    match field.base:
        case "number":
            value = {"type": "integer" if field.whole else "number"}
            limits = {"minimum": field.least, "maximum": field.most}
            value.update((name, limit) for name, limit in limits.items() if abs(limit) < float("inf"))
        case "choice":
            value = {"enum": list(field.choices)}
        case "switch":
            value = {"type": "boolean"}
        case _:
            value = {"type": ["string", "number", "boolean"] if field.base == "anything" else "string"}
    return {"anyOf": [value, {"type": "array", "minItems": 1, "items": value}, _COMPARISON]}


def _of_an_event(of: Schema, *names: str) -> None:
    """The fields that stand in a map are those of the event that it names."""
    known = [event_name(event) for event in CUSTOMER_EVENTS]
    for name in names:
        described = of["properties"][name].get("description", "")
        of["properties"][name] = {"description": described, "anyOf": [{"enum": known}, {"pattern": "^cx\\."}]}
    of["allOf"] = [{"$ref": _REF.format(model=f"named-by-{name}")} for name in names]


def _by_name(name: str) -> Schema:
    """The conditions are those on the event that a field of the map names."""
    return {
        "allOf": [
            {
                "if": {"properties": {name: {"const": event_name(event)}}, "required": [name]},
                "then": {"$ref": _REF.format(model=_conditions(event))},
            }
            for event in CUSTOMER_EVENTS
        ]
    }


def _may_use(schemas: Iterable[Schema]) -> None:
    """What is required may come from a definition."""
    for one in schemas:
        if "properties" in one:
            one["properties"].setdefault("use", _USE)
        if required := one.pop("required", None):
            one.setdefault("allOf", []).append({"anyOf": [{"required": ["use"]}, {"required": required}]})
