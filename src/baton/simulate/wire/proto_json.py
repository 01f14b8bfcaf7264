"""JSON as Google's servers read it: every member may be written in camelCase or in snake_case."""

import re
from typing import Any

FREE = frozenset({
    "args", "response", "parameters", "parametersJsonSchema", "responseSchema", "responseJsonSchema", "labels",
    "partMetadata", "metadata",
})  # fmt: skip
"""Members whose content is the caller's own: nothing below them is renamed."""

_SNAKE = re.compile(r"_([a-z])")


def camel(name: str) -> str:
    return _SNAKE.sub(lambda found: found[1].upper(), name)


def camel_members(value: Any) -> Any:
    if isinstance(value, list):
        return [camel_members(each) for each in value]
    if not isinstance(value, dict):
        return value
    found: dict[str, Any] = {}
    for name, below in value.items():
        spelled = camel(name)
        found[spelled] = below if spelled in FREE else camel_members(below)
    return found
