"""Recorded traffic as a backtest sees it: what was asked, what was served, what is known of the answers.

It comes from a ledger, or from a file of graded answers: JSONL or Parquet, one row per (prompt, model), with `model`,
`grade` (or `correct`), and where known `id` (or `prompt_id`), `prompt`, `task_type`, `cost_usd`, `input_tokens`,
`output_tokens`, `served` (true on the answer that went out) and `propensity` (the chance that it had of being served).
"""

import math
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import msgspec
from msgspec import Struct

from baton.measure.datasets.load import numbered_rows
from baton.protocol.request import read_request
from baton.record.database import Place
from baton.record.replay import Past, past_requests
from baton.types.card import Dialect
from baton.types.errors import DatasetError, MalformedBody
from baton.types.money import Usage, nano_from_usd
from baton.types.request import Facts, Request, Wish

BYTES_PER_TOKEN = 4
DIALECTS: tuple[Dialect, ...] = ("openai-chat", "openai-responses", "anthropic", "gemini", "ollama")


class Logged(Struct, frozen=True):
    """One request of the past. Grades 0..1, costs in nano-dollars, both per model as far as they are known."""

    id: str
    request: Request
    task_type: str
    """As it was decided then; empty: nobody said."""
    key: str
    served: str | None
    """The model whose answer went out; None where the log does not say."""
    grades: Mapping[str, float]
    costs: Mapping[str, int]
    usage: Usage | None
    """Of the answer that was served; of any answer where the log does not say which one was."""
    propensity: float | None
    whole: bool
    """False: the text was not kept, so the request is rebuilt from its size and task type."""
    simulated: bool = False


def from_ledger(place: Place, since: float = 0.0) -> list[Logged]:
    """Raises LedgerError, and DatasetError where there is nothing to replay."""
    found = [_of_past(one) for one in past_requests(place, since)]
    if not found:
        raise DatasetError(str(place), ["holds no answered request: nothing can be replayed"])
    return found


def from_file(path: Path, task_type: str | None = None) -> list[Logged]:
    """`task_type` holds for rows that name none. Raises DatasetError with every bad row."""
    problems: list[str] = []
    grouped: dict[str, list[_Row]] = {}
    for place, raw in numbered_rows(path):
        try:
            row = _row(raw, task_type)
        except ValueError as error:
            problems.append(f"{place}: {error}")
            continue
        grouped.setdefault(row.id, []).append(row)
    for name, rows in grouped.items():
        problems += [f"prompt {name!r}: {error}" for error in _contradictions(rows)]
    if problems:
        raise DatasetError(str(path), problems)
    if not grouped:
        raise DatasetError(str(path), ["holds no rows: nothing can be replayed"])
    return [_of_rows(name, rows) for name, rows in grouped.items()]


# --- a ledger -----------------------------------------------------------------------------------------


def _of_past(past: Past) -> Logged:
    decision = past.decision
    request = _kept(past)
    whole = request is not None
    if request is None:
        size = past.usage.input * BYTES_PER_TOKEN
        asked = "auto" if decision is None else decision.asked
        request = Request(_dialect(past), asked, stream=False, members={}, wish=Wish(), facts=Facts(text_bytes=size))
    told = decision is not None and decision.task_type_source in {"declared", "key"}
    if request.wish.task_type is None and (told or not whole) and past.task_type:
        request = msgspec.structs.replace(request, wish=msgspec.structs.replace(request.wish, task_type=past.task_type))
    return Logged(
        past.request_id, request, past.task_type, past.key, past.model,
        {} if past.grade is None else {past.model: past.grade},
        {past.model: past.cost}, past.usage, None, whole, past.simulated,
    )  # fmt: skip


def _kept(past: Past) -> Request | None:
    if past.request is None:
        return None
    try:
        return read_request(_dialect(past), past.request, {})
    except MalformedBody:  # redacted beyond reading, or the model stood in a path that was not kept
        return None


def _dialect(past: Past) -> Dialect:
    return next((known for known in DIALECTS if known == past.dialect), "openai-chat")


# --- a file -------------------------------------------------------------------------------------------


class _Row(Struct, frozen=True):
    id: str
    model: str
    grade: float | None
    task_type: str
    prompt: str | None
    system: str | None
    cost: int | None
    usage: Usage | None
    served: bool
    propensity: float | None


def _row(raw: Mapping[str, Any] | ValueError, task_type: str | None) -> _Row:
    if isinstance(raw, ValueError):
        raise raw
    prompt, model = _text(raw, "prompt"), _text(raw, "model")
    name = _text(raw, "id") or _text(raw, "prompt_id") or prompt
    if not model or not name:
        raise ValueError("names no `model`, or neither `id`, `prompt_id` nor `prompt`")
    grade = raw.get("grade", raw.get("correct"))
    served = raw.get("served", False)
    if served not in {True, False}:
        raise ValueError(f"`served` must be true or false, not {served!r}")
    read, written = _number(raw, "input_tokens"), _number(raw, "output_tokens")
    cost = _number(raw, "cost_usd")
    propensity = _number(raw, "propensity")
    if propensity is not None and not 0 < propensity <= 1:
        raise ValueError(f"`propensity` must be above 0 and up to 1, not {propensity!r}")
    return _Row(
        name,
        model,
        None if grade is None else _share(grade),
        _text(raw, "task_type") or _text(raw, "task") or task_type or "",
        prompt,
        _text(raw, "system"),
        None if cost is None else nano_from_usd(cost),
        None if read is None or written is None else Usage(int(read), int(written)),
        bool(served),
        propensity,
    )


def _contradictions(rows: Sequence[_Row]) -> Iterator[str]:
    models = [row.model for row in rows]
    if twice := sorted({model for model in models if models.count(model) > 1}):
        yield f"has more than one row for {', '.join(map(repr, twice))}: one answer of a model counts"
    if sum(row.served for row in rows) > 1:
        yield "says of several answers that they were served: one went out"
    if len({row.task_type for row in rows}) > 1:
        yield "has rows of different task types"


def _of_rows(name: str, rows: Sequence[_Row]) -> Logged:
    went_out = next((row for row in rows if row.served), rows[0] if len(rows) == 1 else None)
    usage = went_out.usage if went_out is not None else next((row.usage for row in rows if row.usage), None)
    prompt = next((row.prompt for row in rows if row.prompt), None)
    system = next((row.system for row in rows if row.system), None) or ""
    size = len(prompt.encode()) + len(system.encode()) if prompt is not None else (usage.input * 4 if usage else 0)
    facts = Facts(user_text=prompt or "", system_text=system, text_bytes=size)
    declared = next((row.task_type for row in rows if row.task_type), "")
    request = Request(
        "openai-chat", "auto", stream=False, members={}, wish=Wish(task_type=declared or None), facts=facts
    )
    return Logged(
        name, request, declared, "", None if went_out is None else went_out.model,
        {row.model: row.grade for row in rows if row.grade is not None},
        {row.model: row.cost for row in rows if row.cost is not None},
        usage, None if went_out is None else went_out.propensity, prompt is not None,
    )  # fmt: skip


def _text(row: Mapping[str, Any], name: str) -> str | None:
    value = row.get(name)
    if value is None or isinstance(value, str):
        return value
    if isinstance(value, int) and not isinstance(value, bool) and name in {"id", "prompt_id"}:
        return str(value)
    raise ValueError(f"`{name}` must be a text, not {value!r}")


def _number(row: Mapping[str, Any], name: str) -> float | None:
    value = row.get(name)
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0.0 <= value < math.inf:
        raise ValueError(f"`{name}` must be a number from 0, not {value!r}")
    return float(value)


def _share(value: Any) -> float:
    if isinstance(value, bool | int | float) and 0.0 <= value <= 1.0:
        return float(value)
    raise ValueError(f"the grade must be a number from 0 to 1, not {value!r}")
