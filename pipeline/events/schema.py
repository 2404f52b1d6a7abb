"""JSON Schemas of the events, and a page about their topics, from the types that decode them."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import Any

import msgspec

from pipeline.events.descriptions import ENVELOPE, EVENTS, FIELDS, SPECIAL
from pipeline.events.model import (
    CUSTOMER_EVENTS,
    FOLLOW_UPS,
    REVIEWS,
    SUBJECT_OPTIONAL,
    Data,
    Event,
    SurveyAnswered,
    data_type,
    event_name,
    type_name,
)

Schema = dict[str, Any]


def all_schemas() -> Mapping[str, str]:
    """File name → text: a JSON Schema (2020-12) for every type that people and systems send, and a README."""
    texts = {f"{type_name(event)}.schema.json": _written(schema(event)) for event in CUSTOMER_EVENTS}
    return texts | {"README.md": _page()}


def schema(event: type[Event]) -> Schema:
    """The schema of one type. What it accepts can be decoded; more than it names may be there."""
    name = type_name(event)
    data = data_type(event)
    needs_data = any(field.name == "data" and field.required for field in msgspec.structs.fields(event))
    needs_subject = event not in SUBJECT_OPTIONAL and event not in FOLLOW_UPS
    fields = {**ENVELOPE, "type": (_words(event), name)}
    properties: Schema = {one: {"description": text} for one, (text, _) in fields.items()}
    properties["specversion"]["const"] = "1.0"
    properties["type"]["const"] = name
    properties["time"] |= {"type": "string", "format": "date-time"}
    properties["data"] = _data(event, data)
    for one in ("id", "source"):
        properties[one] |= {"type": "string", "minLength": 1}
    properties["subject"] |= {"type": "string" if needs_subject else ["string", "null"], "minLength": 1}
    required = ["specversion", "id", "source", "type", "time"]
    required += ["subject"] * needs_subject + ["data"] * needs_data
    whole: Schema = {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "$id": f"{name}.schema.json",
        "title": name,
        "description": f"{_words(event)} Topic: {_topic(event)}, by {_key(event)}.",
        "type": "object",
        "properties": properties,
        "required": required,
    }
    if event in FOLLOW_UPS:
        whole["anyOf"] = [_has("subject"), {"properties": {"data": _has("key")}, "required": ["data"]}]
    whole["examples"] = [example(event, full=False), example(event)]
    return whole


def example(event: type[Event], *, full: bool = True) -> Schema:
    """One event of a type, with everything that it can have or with what it needs."""
    data = data_type(event)
    fields = [field.name for field in msgspec.structs.fields(data) if full or field.required]
    if event is SurveyAnswered and not full:
        fields = ["nps"]
    values = {one: _described(event, one)[1] for one in fields if event not in FOLLOW_UPS or one != "key"}
    envelope = {one: value for one, (_, value) in ENVELOPE.items() if value is not None}
    envelope["type"] = type_name(event)
    if not full:
        del envelope["datacontenttype"]
        if event in SUBJECT_OPTIONAL:
            del envelope["subject"]
    return {**envelope, **({"data": values} if values else {})}


def _data(event: type[Event], data: type[Data]) -> Schema:
    common = Data.__struct_fields__
    known = {field.name: field for field in msgspec.structs.fields(data)}
    (_,), definitions = msgspec.json.schema_components([data])
    written = definitions[data.__name__]["properties"]
    order = sorted(known, key=lambda one: (not known[one].required, one in common))
    found: Schema = {
        "description": (data.__doc__ or "").splitlines()[0],
        "type": "object",
        "properties": {
            one: {"description": _described(event, one)[0]} | _plain(written[one]) for one in order
        },
    }
    if required := [one for one in order if known[one].required]:
        found["required"] = required
    if event is SurveyAnswered:
        found["anyOf"] = [_has(one) for one in order if one not in common]
    return found


def _plain(written: Schema) -> Schema:
    """A property without msgspec's way of saying "or null"."""
    kind, *others = [kind for kind in written.get("anyOf", [written]) if kind != {"type": "null"}]
    if others:
        return {"anyOf": [kind, *others, {"type": "null"}]}
    found = {name: value for name, value in kind.items() if name not in ("default", "title")}
    if "anyOf" in found.get("additionalProperties", {}):
        found["additionalProperties"] = {"type": ["string", "number", "boolean", "null"]}
    if "anyOf" in written:
        if "type" in found:
            found["type"] = [found["type"], "null"]
        if "enum" in found:
            found["enum"] = [*found["enum"], None]
    return found


def _written(schema: Schema) -> str:
    """JSON with short lists on one line."""
    text = json.dumps(schema, indent=2, ensure_ascii=False)
    return (
        _SHORT_LIST.sub(lambda found: " ".join(found[0].split()).replace("[ ", "[").replace(" ]", "]"), text)
        + "\n"
    )


_SHORT_LIST = re.compile(r'\[\s+(?:"[\w.]+"|null)(?:,\s+(?:"[\w.]+"|null))*\s+\]')


def _has(name: str) -> Schema:
    """The field is there, and not null."""
    return {"properties": {name: {"not": {"type": "null"}}}, "required": [name]}


def _described(event: type[Event], name: str) -> tuple[str, Any]:
    return SPECIAL.get((event_name(event), name)) or FIELDS[name]


def _words(event: type[Event]) -> str:
    return EVENTS[event_name(event)]


def _topic(event: type[Event]) -> str:
    return "cx.reviews" if event in REVIEWS else "cx.touchpoints"


def _key(event: type[Event]) -> str:
    if event in REVIEWS:
        return "review (`data.review_id`)"
    if event in FOLLOW_UPS:
        return "customer (`subject`); without a customer `data.key` says what it is about"
    return "customer (`subject`)"


def _page() -> str:
    """What goes on which topic, for people."""
    sections = []
    for topic, text in _TOPICS.items():
        rows = [
            f"| [`{type_name(event)}`]({type_name(event)}.schema.json) | {_words(event)} | {_needs(event)} |"
            for event in CUSTOMER_EVENTS
            if _topic(event) == topic
        ]
        table = ["", "| type | says | needs |", "|---|---|---|", *rows] if rows else []
        sections.append("\n".join([f"## `{topic}`", "", text, *table]))
    return "\n\n".join([_INTRODUCTION, *sections]) + "\n"


def _needs(event: type[Event]) -> str:
    needs = [f"`{field.name}`" for field in msgspec.structs.fields(data_type(event)) if field.required]
    if event is SurveyAnswered:
        needs.append("one of its own fields")
    if event in FOLLOW_UPS:
        return ", ".join([*needs, "`subject` or `key`"])
    return ", ".join([*needs, *([] if event in SUBJECT_OPTIONAL else ["`subject`"])]) or "–"


_INTRODUCTION = """# Events and topics

Written by `cxloop schemas`; do not change it here.

Every event is a [CloudEvents 1.0](https://cloudevents.io) JSON object, in structured or in binary mode. `source` and
`id` identify it: the same pair twice is one event. `time` has an offset from UTC, and may be at most five minutes ahead
of the broker's clock. Fields that a schema does not name are kept apart and break nothing. What cannot be read goes to
`cx.deadletters` with a reason, its place, and the bytes as they came.

Producers partition by murmur2 over the key, as Kafka's Java clients do; for librdkafka set `partitioner=murmur2_random`.
The prefix `cx` is a setting. `cxloop topics` makes the topics and says what is wrong with those that are there."""

_TOPICS: Mapping[str, str] = {
    "cx.touchpoints": "Key: the customer (`subject`). Everything but reviews and their responses.",
    "cx.reviews": "Key: the review (`review_id`). A review with a `subject` is passed on to the shard of its customer.",
    "cx.alerts": (
        "Key: the customer, else the rule and the key. Written by cxloop: `cx.alert.fired`, `.escalated`, `.resolved` "
        "and `.retracted`. `data` has `alert_id` (the same through its life), `rule`, `key`, `severity`, `title`, "
        "`reasons` (each with `text`, `events`, `value` and `limit`) and `rules_version`; `message` where the rule has "
        "one, when it fires; `shadow` is true where a rule is being tried: nobody should act on it."
    ),
    "cx.followups": (
        "Key: the customer, else what the follow-up is about. Written by cxloop: `cx.followup.opened`, `.updated`, "
        "`.assigned`, `.contacted`, `.closed` and `.reopened`. `data` has `followup_id`, `alert_ids`, `rule`, `key`, "
        "`team`, `priority`, `due`, `status`, `reasons`, `messages` where rules have some, and what people did."
    ),
    "cx.deadletters": (
        "Key: the topic or file that it came from. Written by cxloop: `cx.deadletter`, with `reason` (a short code), "
        "`error` (a sentence with the place), `origin` (topic, partition and offset, or file and line) and `value` "
        "(`encoding: base64` where it is no UTF-8). `cx.deadletter.replayed` says that the event of the dead letter "
        "`deadletter_id` was sent again, to `topic` (without prefix)."
    ),
    "cx.metrics": "One partition. What the shards count, for the board; not for others.",
    "cx.*.changelog": "The state of each shard; not for others.",
}
