"""Gemini's own `Schema` (a dialect of OpenAPI 3.0) -> JSON Schema, which every other vendor wants."""

from typing import Any

import msgspec

from baton.protocol.gemini.names import camel

COUNTS = frozenset({"minItems", "maxItems", "minLength", "maxLength", "minProperties", "maxProperties"})
"""64-bit numbers, which the wire may carry as strings."""
DROPPED = frozenset({"nullable", "propertyOrdering", "example"})


def json_schema(raw: bytes) -> bytes:
    """The same bytes where the schema already is one."""
    schema = msgspec.json.decode(raw)
    converted = _converted(schema)
    return raw if converted == schema else msgspec.json.encode(converted)


def _converted(schema: Any) -> Any:
    if not isinstance(schema, dict):
        return schema
    found = {}
    for written, value in schema.items():
        name = camel(written)
        if name not in DROPPED:
            found[name] = _member(name, value)
    if schema.get("nullable") is True:
        _allow_null(found)
    return found


def _member(name: str, value: Any) -> Any:
    if name == "type" and isinstance(value, str):
        return value.lower()
    if name in {"properties", "$defs", "defs"} and isinstance(value, dict):
        return {key: _converted(item) for key, item in value.items()}
    if name in {"items", "additionalProperties"}:
        return _converted(value)
    if name in {"anyOf", "oneOf", "allOf"} and isinstance(value, list):
        return [_converted(item) for item in value]
    if name in COUNTS and isinstance(value, str) and value.isdecimal():
        return int(value)
    return value


def _allow_null(schema: dict[str, Any]) -> None:
    if isinstance(schema.get("type"), str):
        schema["type"] = [schema["type"], "null"]
        if isinstance(schema.get("enum"), list) and None not in schema["enum"]:
            schema["enum"] = [*schema["enum"], None]
    elif isinstance(schema.get("anyOf"), list):
        schema["anyOf"] = [*schema["anyOf"], {"type": "null"}]
