"""Reading a file of recorded outcomes: which columns it must and may have, and what is refused."""

import math
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from msgspec import Struct

from baton.types.errors import BatonError
from baton.types.money import nano_from_usd

REQUIRED = ("prompt", "model", "correct")
OPTIONAL = ("system", "task", "task_type", "prompt_id", "input_tokens", "output_tokens", "cost_usd", "response")
SHOWN_ROWS = 3

OUR_TASK_TYPES = {"reasoning": "analysis"}
"""The files' names of task types that we call otherwise."""

TASK_TYPE_OF_TASK = {
    "mbpp": "code", "humaneval": "code", "livecodebench": "code", "mtbench": "content", "mmlu": "analysis",
    "mmlupro": "analysis", "gsm8k": "analysis", "math": "analysis", "arc": "analysis", "arc-challenge": "analysis",
    "winogrande": "analysis",
}  # fmt: skip
"""For files without a column `task_type`: any part of the task's path, such as `mmlu` in `mmlu/law`."""


class ReplayError(BatonError):
    """The file cannot be replayed; the text says what is wrong with it and what to do."""

    code = "replay_error"


class Row(Struct, frozen=True):
    """One recorded outcome. `cost` in nano-dollars; what the file does not record is None."""

    prompt: str
    model: str
    correct: float
    system: str
    task: str
    task_type: str
    prompt_id: str | None
    input_tokens: int | None
    output_tokens: int | None
    cost: int | None
    response: str | None


def read_rows(path: Path) -> list[Row]:
    """In the order of the file. Raises ReplayError."""
    columns = _columns(path)
    missing = [name for name in REQUIRED if name not in columns]
    if missing:
        found = ", ".join(columns) or "none"
        raise ReplayError(
            f"{path}: no column {', '.join(map(repr, missing))} (found: {found}). A file of recorded answers needs "
            f"{', '.join(REQUIRED)} and may have {', '.join(OPTIONAL)}"
        )
    _refuse_bad(path, columns)
    size = len(columns["prompt"])
    if size == 0:
        raise ReplayError(f"{path}: the file has no rows, so there is nothing to replay")
    empty: list[Any] = [None] * size
    ordered = [columns.get(name, empty) for name in (*REQUIRED, *OPTIONAL)]
    return [_row(values) for values in zip(*ordered, strict=True)]


def _columns(path: Path) -> dict[str, list[Any]]:
    try:
        import pyarrow as pa
        from pyarrow import parquet
    except ImportError as error:
        raise ReplayError("reading Parquet needs pyarrow: install batonpass[data]") from error
    if not path.is_file():
        raise ReplayError(f"{str(path)!r} is not a file: name a Parquet file of recorded answers")
    try:
        with parquet.ParquetFile(path) as file:
            wanted = [name for name in file.schema_arrow.names if name in REQUIRED + OPTIONAL]
            table = file.read(columns=wanted)
            return {name: table.column(name).to_pylist() for name in wanted}
    except (pa.ArrowInvalid, pa.ArrowNotImplementedError, OSError) as error:
        raise ReplayError(f"{path}: not a Parquet file that can be read: {error}") from error


def _refuse_bad(path: Path, columns: dict[str, list[Any]]) -> None:
    for name, values in columns.items():
        known = [(number, value) for number, value in enumerate(values) if value is not None]
        if name in REQUIRED and len(known) < len(values):
            nulls = (number for number, value in enumerate(values) if value is None)
            raise ReplayError(f"{path}: column {name!r} has no value in {_shown(nulls)}: fill it or drop these rows")
        fits, wanted = _DEMANDS[name]
        bad = [number for number, value in known if not fits(value)]
        if bad:
            raise ReplayError(
                f"{path}: column {name!r} must hold {wanted}, but holds {values[bad[0]]!r} in {_shown(iter(bad))}"
            )


def _shown(numbers: Iterator[int]) -> str:
    found = list(numbers)
    more = f" and {len(found) - SHOWN_ROWS} more" if len(found) > SHOWN_ROWS else ""
    return f"row {', '.join(map(str, found[:SHOWN_ROWS]))}{more} (counted from 0)"


def _is_text(value: object) -> bool:
    return isinstance(value, str)


def _is_name(value: object) -> bool:
    return isinstance(value, str) and bool(value.strip())


def _is_grade(value: object) -> bool:
    return isinstance(value, int | float) and 0 <= value <= 1


def _is_amount(value: object) -> bool:
    return isinstance(value, int | float) and math.isfinite(value) and value >= 0


def _is_count(value: object) -> bool:
    return _is_amount(value) and value == int(value)  # type: ignore[call-overload]


_DEMANDS: dict[str, tuple[Callable[[object], bool], str]] = {
    "prompt": (_is_text, "text"),
    "model": (_is_name, "the name of a model"),
    "correct": (_is_grade, "a grade from 0 to 1"),
    "system": (_is_text, "text or nothing"),
    "task": (_is_text, "text or nothing"),
    "task_type": (_is_name, "the name of a task type"),
    "prompt_id": (_is_name, "a name"),
    "input_tokens": (_is_count, "whole numbers from 0"),
    "output_tokens": (_is_count, "whole numbers from 0"),
    "cost_usd": (_is_amount, "dollars from 0"),
    "response": (_is_text, "text or nothing"),
}


def _row(values: tuple[Any, ...]) -> Row:
    prompt, model, correct, system, task, task_type, prompt_id, read, written, cost, response = values
    return Row(
        prompt=prompt,
        model=model,
        correct=float(correct),
        system=system or "",
        task=task or task_type or "",
        task_type=OUR_TASK_TYPES.get(task_type, task_type) if task_type else _type_of(task or ""),
        prompt_id=prompt_id,
        input_tokens=None if read is None else int(read),
        output_tokens=None if written is None else int(written),
        cost=None if cost is None else nano_from_usd(cost),
        response=response,
    )


def _type_of(task: str) -> str:
    parts = task.lower().split("/")
    return next((TASK_TYPE_OF_TASK[part] for part in parts if part in TASK_TYPE_OF_TASK), "other")
