"""The answer holds JSON of a given shape. References to other documents are refused, so that no check goes online."""

from functools import lru_cache
from typing import Any

import msgspec

from baton.check.json_text import NoJson, read_json
from baton.types.verdict import Answer, Shape, Verdict


def shape(answer: Answer, check: Shape) -> Verdict:
    """Raises ValueError when the schema itself is wrong."""
    try:
        value = read_json(answer.text)
    except NoJson as error:
        return Verdict("shape", passed=False, score=0.0, reason=str(error))
    problem = first_problem(value, check.schema)
    if problem:
        return Verdict("shape", passed=False, score=0.0, reason=problem)
    return Verdict("shape", passed=True, score=1.0, reason="valid against the schema")


def first_problem(value: Any, schema: dict[str, Any]) -> str:
    from jsonschema.exceptions import best_match
    from referencing.exceptions import Unresolvable

    try:
        error = best_match(_validator(msgspec.json.encode(schema)).iter_errors(value))
    except Unresolvable as wrong:
        raise ValueError(f"the schema refers to {wrong.ref!r}, which is not part of it") from wrong
    return "" if error is None else f"{error.json_path}: {error.message[:200]}"


@lru_cache(maxsize=256)
def _validator(schema: bytes) -> Any:
    """Checking a schema takes longer than checking a value by it. Raises ValueError for a wrong one."""
    import jsonschema
    from jsonschema.exceptions import SchemaError
    from referencing import Registry

    read = msgspec.json.decode(schema)
    try:
        jsonschema.Draft202012Validator.check_schema(read)
    except SchemaError as wrong:
        raise ValueError(f"the schema is not valid: {wrong.message}") from wrong
    return jsonschema.Draft202012Validator(read, registry=Registry())
