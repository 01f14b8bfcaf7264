"""Contracts for the sub-tasks that come up most: usable by name, without writing one.

What each is worth, and what it does not say, stands in `promises`. Where only models check (`classify`,
`check_format`, `reason`), the verdicts carry the rate that was measured for them, or 1.
"""

from typing import Any

import msgspec
from msgspec import Struct

from baton.check import checks
from baton.check.contract import Contract
from baton.types.trust import Assurance


class Named(Struct, frozen=True):
    """`orders`: how the one who is asked must answer; the schema goes with it where there is one."""

    contract: Contract[Any]
    task_type: str
    orders: str
    promises: str

    @property
    def schema(self) -> dict[str, Any] | None:
        """Of the output, where it is not text."""
        output = self.contract.output
        if isinstance(output, dict):
            return output
        return None if output is str else msgspec.json.schema(output)


def _object(**properties: dict[str, Any]) -> dict[str, Any]:
    required = [*properties]
    return {"type": "object", "properties": properties, "required": required, "additionalProperties": False}


TEXT: dict[str, Any] = {"type": "string", "minLength": 1, "maxLength": 2_000}
ITEM = _object(name=TEXT, value={"type": ["string", "number"], "maxLength": 2_000})

LIBRARY: dict[str, Named] = {
    "extract": Named(
        Contract(_object(items={"type": "array", "items": ITEM, "minItems": 1, "maxItems": 200}),
                 (checks.labels("items[].name"), checks.cites(fields=("items[].value",)))),
        "extraction",
        "Reply with JSON {items: [{name, value}]}: every value word for word, or number for number, as the documents "
        "or results have it, named in words of the instruction. Give no value that does not stand there.",
        "every value stands in its documents",
    ),
    "classify": Named(
        Contract(_object(label={**TEXT, "maxLength": 80}), (checks.rederives(),), Assurance.AGREED),
        "classification",
        "Reply with JSON {label}: one of the labels that the instruction names, and nothing else.",
        "other models came to the same label",
    ),
    "check_format": Named(
        Contract(_object(valid={"type": "boolean"}), (checks.rederives(),), Assurance.AGREED),
        "format_check",
        "Reply with JSON {valid}: whether the text has the form that the instruction describes.",
        "other models came to the same",
    ),
    "summarise": Named(
        Contract(str, (checks.cites(),)),
        "content",
        "Summarise in plain sentences. Every number, date, name, address and quotation must stand in the documents.",
        "every number, date, name, address and quotation stands in its documents",
    ),
    "compute": Named(
        Contract(_object(expression=TEXT, value={"type": "number"}), (checks.computes(),), Assurance.EXECUTED),
        "analysis",
        "Reply with JSON {expression, value}: plain arithmetic (+ - * / // % ** min max abs round sum) over numbers "
        "that stand in the request, the documents or the results, and what it comes to.",
        "the expression was computed again, and its numbers stand in its inputs",
    ),
    "code": Named(
        Contract(str, (checks.passes_tests(),), Assurance.EXECUTED),
        "code",
        "Reply with Python code in one fenced block, and nothing else. It is run against the tests of the documents.",
        "the code passes the tests among its documents",
    ),
    "reason": Named(
        Contract(
            str,
            (checks.judges("The answer does what the task asks, and everything that it states follows from the task, "
                           "its documents and its results."),),
            Assurance.JUDGED,
        ),
        "analysis",
        "Answer shortly, from the instruction, the documents and the results alone.",
        "another model judged it",
    ),
}  # fmt: skip
