"""One row of a file -> a prompt, or a grade that somebody recorded. What is wrong with a row is a ValueError.

Rows of prompts are Baton's own (`id`, `task_type`, and `messages` or `prompt` or `body`; `check`, `gold`) or those of
OpenAI evals (`input` and `ideal`, alone or inside of `item`). Rows of grades name a `model` and its `grade`.
"""

import hashlib
import math
from collections.abc import Mapping
from typing import Any

import msgspec
from msgspec import Struct

from baton.measure.datasets.prompt import Prompt, chat_body
from baton.types.money import nano_from_usd
from baton.types.verdict import Check, Exact

Row = Mapping[str, Any]

PROMPT_MEMBERS = frozenset({
    "id", "task_type", "body", "dialect", "messages", "prompt", "system", "tools", "response_format",
    "max_completion_tokens", "check", "gold", "cluster",
})  # fmt: skip
OF_THE_BODY = ("tools", "response_format", "max_completion_tokens")


class Recorded(Struct, frozen=True, kw_only=True):
    """What somebody graded before: one answer of one model to one prompt. `grade` 0..1, `cost` in nano-dollars."""

    id: str
    task_type: str
    model: str
    grade: float
    cost: int = 0
    duration_s: float = 0.0
    grader: str = "recorded"
    cluster: str = ""
    difficulty: float | None = None


def is_grade(row: Row) -> bool:
    return "model" in row and ("grade" in row or "correct" in row)


def prompt_of(row: Row, task_type: str | None) -> Prompt:
    """`task_type` holds for rows that name none. Raises ValueError."""
    item = row.get("item")
    if isinstance(item, Mapping):
        row = {**item, **{name: row[name] for name in ("id", "task_type") if name in row}}
    if "input" in row or "ideal" in row:
        return _of_evals(row, task_type)
    if unknown := sorted(set(row) - PROMPT_MEMBERS):
        raise ValueError(f"has members that are not known: {', '.join(unknown)}")
    body = _body(row)
    return Prompt(
        id=_text(row, "id") or _made_id(body),
        task_type=_task_type(row, task_type),
        body=body,
        dialect=_as(row.get("dialect") or "openai-chat", Prompt.__annotations__["dialect"], "dialect"),
        check=None if row.get("check") is None else _as(_decoded(row["check"], "check"), Check, "check"),
        gold=_text(row, "gold"),
        cluster=_text(row, "cluster") or "",
    )


def recorded_of(row: Row, task_type: str | None, column: str = "task_type") -> Recorded:
    """`column` names the task type; members that mean nothing here are passed over. Raises ValueError."""
    name = "grade" if "grade" in row else "correct"
    id_, model = _text(row, "id") or _text(row, "prompt_id") or _text(row, "prompt"), _text(row, "model")
    if not id_ or not model:
        raise ValueError("a grade names the `id` of its prompt and its `model`")
    return Recorded(
        id=id_,
        task_type=_task_type(row, task_type, column),
        model=model,
        grade=share(row.get(name), name),
        cost=nano_from_usd(_number(row, "cost_usd")),
        duration_s=_number(row, "duration_s"),
        grader=_text(row, "grader") or "recorded",
        cluster=_text(row, "cluster") or "",
        difficulty=None if row.get("difficulty") is None else share(row["difficulty"], "difficulty"),
    )


def share(value: Any, name: str) -> float:
    """A number 0..1. Raises ValueError."""
    if value is None:
        raise ValueError(f"`{name}` is missing: leave the row out, or grade it")
    if isinstance(value, int | float) and math.isnan(value):
        raise ValueError(f"`{name}` is NaN: leave the row out, or grade it")
    if isinstance(value, int | float) and 0.0 <= value <= 1.0:
        return float(value)
    raise ValueError(f"`{name}` must be a number from 0 to 1, not {value!r}")


def _of_evals(row: Row, task_type: str | None) -> Prompt:
    asked, ideal = row.get("input"), row.get("ideal")
    if isinstance(asked, str) and asked:
        messages: Any = [{"role": "user", "content": asked}]
    elif isinstance(asked, list) and asked:
        messages = asked
    else:
        raise ValueError("`input` must be a text or a list of messages")
    ideals = [ideal] if isinstance(ideal, str) else ideal
    if not isinstance(ideals, list) or not ideals or not all(isinstance(one, str) and one for one in ideals):
        raise ValueError("`ideal` must be the right answer, or a list of right answers")
    body = chat_body(_messages(messages))
    return Prompt(
        id=_text(row, "id") or _made_id(body),
        task_type=_task_type(row, task_type),
        body=body,
        check=Exact(tuple(ideals)),
        cluster=_text(row, "cluster") or "",
    )


def _body(row: Row) -> dict[str, Any]:
    if (body := _decoded(row.get("body"), "body")) is not None:
        if isinstance(body, dict) and body:
            return {name: value for name, value in body.items() if name not in {"model", "stream", "baton"}}
        raise ValueError("`body` must be the JSON object of a request")
    if (messages := _decoded(row.get("messages"), "messages")) is None:
        if not (prompt := _text(row, "prompt")):
            raise ValueError("needs one of `messages`, `prompt`, `body`: there is nothing to ask")
        messages = [{"role": "user", "content": prompt}]
    elif "prompt" in row and row["prompt"] is not None:
        raise ValueError("has `messages` and `prompt`: one of them is the question")
    if system := _text(row, "system"):
        messages = [{"role": "system", "content": system}, *_messages(messages)]
    members = {name: _decoded(row.get(name), name) for name in OF_THE_BODY}
    return chat_body(_messages(messages), **members)


def _messages(value: Any) -> list[Mapping[str, Any]]:
    if isinstance(value, list) and value and all(isinstance(one, dict) and one.get("role") for one in value):
        return value
    raise ValueError("`messages` must be a list of messages with a `role`")


def _task_type(row: Row, given: str | None, column: str = "task_type") -> str:
    found = _text(row, column) or given
    if not found:
        raise ValueError(f"names no `{column}`: give it, or say --task-type for the whole file")
    return found


def _text(row: Row, name: str) -> str | None:
    value = row.get(name)
    if value is None or isinstance(value, str):
        return value
    if isinstance(value, int) and name in {"id", "prompt_id"}:
        return str(value)
    raise ValueError(f"`{name}` must be a text, not {value!r}")


def _number(row: Row, name: str) -> float:
    value = row.get(name)
    if value is None:
        return 0.0
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0.0 <= value < math.inf:
        raise ValueError(f"`{name}` must be 0 or more, not {value!r}")
    return float(value)


def _decoded(value: Any, name: str) -> Any:
    """Columns of tables hold JSON as text."""
    if not isinstance(value, str) or name == "prompt":
        return value
    try:
        return msgspec.json.decode(value)
    except msgspec.DecodeError as error:
        raise ValueError(f"`{name}` is not valid JSON: {error}") from error


def _as(value: Any, kind: Any, name: str) -> Any:
    try:
        return msgspec.convert(value, kind)
    except msgspec.ValidationError as error:
        raise ValueError(f"`{name}` is wrong: {error}") from error


def _made_id(body: Mapping[str, Any]) -> str:
    return hashlib.sha256(msgspec.json.encode(body, order="deterministic")).hexdigest()[:16]
