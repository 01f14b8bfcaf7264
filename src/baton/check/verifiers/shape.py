"""The answer holds JSON of a given shape. References to other documents are refused, so that no check goes online."""

from typing import Any

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
    import jsonschema
    from jsonschema.exceptions import SchemaError, best_match
    from referencing import Registry
    from referencing.exceptions import Unresolvable

    try:
        jsonschema.Draft202012Validator.check_schema(schema)
        validator = jsonschema.Draft202012Validator(schema, registry=Registry())
        error = best_match(validator.iter_errors(value))
    except SchemaError as wrong:
        raise ValueError(f"the schema is not valid: {wrong.message}") from wrong
    except Unresolvable as wrong:
        raise ValueError(f"the schema refers to {wrong.ref!r}, which is not part of it") from wrong
    return "" if error is None else f"{error.json_path}: {error.message[:200]}"
