"""JSON schemas as OpenAI's strict mode takes them."""

from typing import Any

import msgspec

_ANY_NUMBER = msgspec.json.Decoder(float_hook=float)
"""Also numbers that no float holds: they are the caller's."""


def is_strict(schema: bytes) -> bool:
    """Every object in it names all its members as required and takes no others: what strict mode wants."""
    return _is_strict(_ANY_NUMBER.decode(schema))


def _is_strict(schema: Any) -> bool:
    if isinstance(schema, list):
        return all(_is_strict(item) for item in schema)
    if not isinstance(schema, dict):
        return True
    properties = schema.get("properties")
    if isinstance(properties, dict) or schema.get("type") == "object":
        required = schema.get("required", [])
        closed = schema.get("additionalProperties") is False
        if not closed or not isinstance(required, list) or set(required) != set(properties or {}):
            return False
    return all(_is_strict(value) for value in schema.values())
