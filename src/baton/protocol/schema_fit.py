"""Does a value fit a JSON Schema, as far as the words that tools use go. Fast, pure, and safe with anybody's schema.

What is not known here (`pattern`, `format`, `not`, references to other documents, ...) is taken as fitting: the answer
"does not fit" is always right, "fits" may be too kind. The types of Gemini (`STRING`, `nullable`) are understood.
"""

from collections.abc import Callable, Mapping
from typing import Any

MAX_DEPTH = 64
"""Deeper values are not looked at: a schema may refer to itself."""
MAX_STEPS = 20_000
"""Schemas looked at for one value: alternatives of alternatives could take for ever."""

Problem = str
"""What does not fit and where; empty when all does."""


def misfit(value: Any, schema: Mapping[str, Any]) -> Problem:
    return _Fit(schema).of(value, schema, "$", MAX_DEPTH)


class _Fit:
    def __init__(self, root: Mapping[str, Any]) -> None:
        self._root = root
        self._steps = MAX_STEPS

    def of(self, value: Any, schema: Any, path: str, depth: int) -> Problem:
        if schema is False:
            return f"{path}: nothing may stand here"
        self._steps -= 1
        if not isinstance(schema, dict) or not depth or self._steps < 0:
            return ""
        if value is None and schema.get("nullable") is True:
            return ""
        for word, check in CHECKS.items():
            if word in schema and (problem := check(self, value, schema, path, depth)):
                return problem
        return ""

    def resolved(self, reference: Any) -> Any:
        """The part of this document that is meant; an empty schema for everything else."""
        if not isinstance(reference, str) or not reference.startswith("#"):
            return {}
        found: Any = self._root
        for step in reference[1:].split("/")[1:]:
            name = step.replace("~1", "/").replace("~0", "~")
            if not isinstance(found, dict) or name not in found:
                return {}
            found = found[name]
        return found


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


TYPES: dict[str, Callable[[Any], bool]] = {
    "object": lambda value: isinstance(value, dict),
    "array": lambda value: isinstance(value, list),
    "string": lambda value: isinstance(value, str),
    "number": _is_number,
    "integer": lambda value: _is_number(value) and (isinstance(value, int) or value.is_integer()),
    "boolean": lambda value: isinstance(value, bool),
    "null": lambda value: value is None,
}


def _type(_fit: _Fit, value: Any, schema: Mapping[str, Any], path: str, _depth: int) -> Problem:
    given = schema["type"]
    names = [name.lower() for name in (given if isinstance(given, list) else [given]) if isinstance(name, str)]
    known = [TYPES[name] for name in names if name in TYPES]
    if len(known) < len(names) or not names or any(is_type(value) for is_type in known):
        return ""
    return f"{path}: must be {' or '.join(names)}"


def _same(one: Any, other: Any) -> bool:
    """Equality of JSON: true is not 1."""
    if isinstance(one, bool) or isinstance(other, bool):
        return one is other
    if isinstance(one, list) and isinstance(other, list):
        return len(one) == len(other) and all(map(_same, one, other))
    if isinstance(one, dict) and isinstance(other, dict):
        return one.keys() == other.keys() and all(_same(one[name], other[name]) for name in one)
    return bool(one == other)


def _enum(_fit: _Fit, value: Any, schema: Mapping[str, Any], path: str, _depth: int) -> Problem:
    choices = schema["enum"]
    if not isinstance(choices, list) or any(_same(value, choice) for choice in choices):
        return ""
    return f"{path}: is none of its {len(choices)} choices"


def _const(_fit: _Fit, value: Any, schema: Mapping[str, Any], path: str, _depth: int) -> Problem:
    return "" if _same(value, schema["const"]) else f"{path}: is not the one value it may be"


def _required(_fit: _Fit, value: Any, schema: Mapping[str, Any], path: str, _depth: int) -> Problem:
    names = schema["required"]
    if not isinstance(value, dict) or not isinstance(names, list):
        return ""
    missing = [name for name in names if isinstance(name, str) and name not in value]
    return f"{path}: lacks {missing[0]!r}" if missing else ""


def _properties(fit: _Fit, value: Any, schema: Mapping[str, Any], path: str, depth: int) -> Problem:
    properties = schema["properties"]
    if not isinstance(value, dict) or not isinstance(properties, dict):
        return ""
    for name, inner in properties.items():
        if name in value and (problem := fit.of(value[name], inner, f"{path}.{name}", depth - 1)):
            return problem
    return ""


def _additional(fit: _Fit, value: Any, schema: Mapping[str, Any], path: str, depth: int) -> Problem:
    if not isinstance(value, dict) or "patternProperties" in schema:
        return ""
    properties = schema.get("properties")
    known = properties if isinstance(properties, dict) else {}
    for name in value:
        if name not in known and (
            problem := fit.of(value[name], schema["additionalProperties"], f"{path}.{name}", depth - 1)
        ):
            return problem
    return ""


def _items(fit: _Fit, value: Any, schema: Mapping[str, Any], path: str, depth: int) -> Problem:
    if not isinstance(value, list) or "prefixItems" in schema or isinstance(schema["items"], list):
        return ""
    for index, item in enumerate(value):
        if problem := fit.of(item, schema["items"], f"{path}[{index}]", depth - 1):
            return problem
    return ""


def _all_of(fit: _Fit, value: Any, schema: Mapping[str, Any], path: str, depth: int) -> Problem:
    inner = schema["allOf"] if isinstance(schema["allOf"], list) else []
    return next((problem for one in inner if (problem := fit.of(value, one, path, depth - 1))), "")


def _any_of(fit: _Fit, value: Any, schema: Mapping[str, Any], path: str, depth: int) -> Problem:
    for word in ("anyOf", "oneOf"):
        inner = schema.get(word)
        if isinstance(inner, list) and inner and all(fit.of(value, one, path, depth - 1) for one in inner):
            return f"{path}: fits none of its {len(inner)} forms"
    return ""


def _reference(fit: _Fit, value: Any, schema: Mapping[str, Any], path: str, depth: int) -> Problem:
    return fit.of(value, fit.resolved(schema["$ref"]), path, depth - 1)


def _number_limit(word: str, holds: Callable[[float, float], bool], said: str) -> "Check":
    def check(_fit: _Fit, value: Any, schema: Mapping[str, Any], path: str, _depth: int) -> Problem:
        limit = schema[word]
        if not _is_number(value) or not _is_number(limit) or holds(value, limit):
            return ""
        return f"{path}: must be {said} {limit}"

    return check


def _size_limit(word: str, kind: type, least: bool) -> "Check":
    def check(_fit: _Fit, value: Any, schema: Mapping[str, Any], path: str, _depth: int) -> Problem:
        limit = schema[word]
        if isinstance(limit, str) and limit.isdigit():  # Gemini writes int64 as text
            limit = int(limit)
        if not isinstance(value, kind) or not _is_number(limit):
            return ""
        size = len(value)  # type: ignore[arg-type]
        if size >= limit if least else size <= limit:
            return ""
        return f"{path}: must have at {'least' if least else 'most'} {limit} of what it is made of"

    return check


Check = Callable[[_Fit, Any, Mapping[str, Any], str, int], Problem]
CHECKS: dict[str, Check] = {
    "$ref": _reference,
    "type": _type,
    "enum": _enum,
    "const": _const,
    "required": _required,
    "properties": _properties,
    "additionalProperties": _additional,
    "items": _items,
    "allOf": _all_of,
    "anyOf": _any_of,
    "oneOf": _any_of,
    "minimum": _number_limit("minimum", lambda value, limit: value >= limit, "at least"),
    "maximum": _number_limit("maximum", lambda value, limit: value <= limit, "at most"),
    "exclusiveMinimum": _number_limit("exclusiveMinimum", lambda value, limit: value > limit, "more than"),
    "exclusiveMaximum": _number_limit("exclusiveMaximum", lambda value, limit: value < limit, "less than"),
    "minLength": _size_limit("minLength", str, least=True),
    "maxLength": _size_limit("maxLength", str, least=False),
    "minItems": _size_limit("minItems", list, least=True),
    "maxItems": _size_limit("maxItems", list, least=False),
    "minProperties": _size_limit("minProperties", dict, least=True),
    "maxProperties": _size_limit("maxProperties", dict, least=False),
}
