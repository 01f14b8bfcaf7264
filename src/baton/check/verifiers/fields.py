"""Field-level F1 of a JSON object: every leaf is a field, named by its path."""

from collections import Counter
from collections.abc import Iterator
from typing import Any

from baton.check.json_text import NoJson, read_json
from baton.check.text_form import normalised
from baton.types.verdict import Answer, Fields, Verdict

ROUNDING = 9
"""Decimal digits to which numbers are compared."""


def fields(answer: Answer, check: Fields) -> Verdict:
    try:
        value = read_json(answer.text)
    except NoJson as error:
        return Verdict("fields", passed=False, score=0.0, reason=str(error))
    return compare(value, check.gold, check.threshold, "fields")


def compare(value: Any, gold: dict[str, Any], threshold: float, verifier: str) -> Verdict:
    """F1 of the leaves; lists of scalars are compared without order, lists of objects by position."""
    if not isinstance(value, dict):
        reason = f"a {type(value).__name__} stands where an object is expected"
        return Verdict(verifier, passed=False, score=0.0, reason=reason)
    found, wanted = Counter(leaves(value, "")), Counter(leaves(gold, ""))
    right = sum((found & wanted).values())
    total = sum(found.values()) + sum(wanted.values())
    score = 2 * right / total if total else 1.0
    wrong = sorted({path for path, _ in (wanted - found) + (found - wanted)})
    reason = f"wrong, missing or extra: {', '.join(wrong[:5])}" if wrong else "every field is right"
    return Verdict(verifier, passed=score >= threshold, score=score, reason=reason)


def leaves(value: Any, path: str) -> Iterator[tuple[str, Any]]:
    if isinstance(value, dict):
        if not value:
            yield path, "{}"
        for name, inner in value.items():
            yield from leaves(inner, f"{path}.{name}" if path else name)
    elif isinstance(value, list):
        if not value:
            yield path, "[]"
        for index, inner in enumerate(value):
            numbered = isinstance(inner, dict | list)
            yield from leaves(inner, f"{path}[{index}]" if numbered else f"{path}[]")
    else:
        yield path, _comparable(value)


def _comparable(value: Any) -> tuple[str, Any]:
    """True is not 1, 1 is 1.0, texts by their normalised form."""
    if isinstance(value, bool) or value is None:
        return "constant", value
    if isinstance(value, int | float):
        return "number", round(float(value), ROUNDING)
    return "text", normalised(str(value))
