"""JSON Schemas of the events, from the types that decode them."""

from __future__ import annotations

import json
from collections.abc import Mapping

import msgspec

from pipeline.events.model import CUSTOMER_EVENTS, SUBJECT_OPTIONAL, type_name


def all_schemas() -> Mapping[str, str]:
    """File name → JSON Schema (2020-12), for every type that people and systems send."""
    texts = {}
    for event in CUSTOMER_EVENTS:
        (schema,), definitions = msgspec.json.schema_components([event], ref_template="#/$defs/{name}")
        name = type_name(event)
        body = definitions.pop(event.__name__)
        body["properties"].pop("forwardedfrom")
        body["properties"]["subject"] |= {"description": "The customer's id."}
        if event not in SUBJECT_OPTIONAL and not name.startswith("cx.followup."):
            body["required"] = sorted({*body["required"], "subject"})
        for definition in definitions.values():
            definition.pop("description", None) if not definition.get("description") else None
        whole = {
            "$schema": "https://json-schema.org/draft/2020-12/schema",
            "$id": f"{name}.schema.json",
            **body,
            "title": name,
            "$defs": definitions,
        }
        texts[f"{name}.schema.json"] = json.dumps(whole, indent=2, sort_keys=True) + "\n"
    return texts
