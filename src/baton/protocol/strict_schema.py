"""JSON schemas as OpenAI's strict mode takes them."""

from typing import Any


def is_strict(schema: Any) -> bool:
    """Every object in it names all its members as required and takes no others: what strict mode wants."""
    if isinstance(schema, list):
        return all(is_strict(item) for item in schema)
    if not isinstance(schema, dict):
        return True
    properties = schema.get("properties")
    if isinstance(properties, dict) or schema.get("type") == "object":
        required = schema.get("required", [])
        closed = schema.get("additionalProperties") is False
        if not closed or not isinstance(required, list) or set(required) != set(properties or {}):
            return False
    return all(is_strict(value) for value in schema.values())
