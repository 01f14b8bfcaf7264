"""Graded answers with their texts, from a file: what a cascade is chosen on.

One row is one answer of one model: `model`, `grade` (or `correct`), `response`, `cost_usd`, `id` (or `prompt_id`, or
`prompt`), `task_type` (or `task`).
"""

import zlib
from collections import Counter
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from msgspec import Struct

from baton.measure.cascade import Answered, says_of
from baton.measure.datasets.load import numbered_rows
from baton.measure.datasets.rows import share
from baton.types.errors import DatasetError
from baton.types.money import NANO_PER_USD
from baton.types.verdict import Answer

COVERED = 0.9
"""Share of the tasks that a model must have answered to stand for choice."""
FOLDS = 5
FEWEST = 50

Task = tuple[str, str, int]
"""Type, name, and how many times the models had been asked it before."""


class Table(Struct, frozen=True):
    """`answered` with the names of its tasks; `left_out`: models and how many tasks, in sentences."""

    answered: Answered
    folds: np.ndarray
    """(tasks,): by the name of the task, the same on every machine."""
    left_out: tuple[str, ...]


class _Row(Struct, frozen=True):
    task_type: str
    name: str
    model: str
    grade: float
    cost: float
    answer: Answer | None


def read_answered(path: Path, reference: str, task_type: str | None = None) -> Table:
    """`task_type` holds for rows that name none. Raises DatasetError with every bad row, and for too few tasks."""
    problems: list[str] = []
    asked: dict[Task, dict[str, _Row]] = {}
    met: Counter[tuple[str, str, str]] = Counter()
    for place, raw in numbered_rows(path):
        try:
            if isinstance(raw, ValueError):
                raise raw
            row = _row(raw, task_type)
        except ValueError as error:
            problems.append(f"{place}: {error}")
            continue
        seen = (row.task_type, row.name, row.model)
        asked.setdefault((row.task_type, row.name, met[seen]), {})[row.model] = row
        met[seen] += 1
    if problems:
        raise DatasetError(str(path), problems)
    return _table(path, reference, asked)


def _table(path: Path, reference: str, asked: Mapping[Task, Mapping[str, _Row]]) -> Table:
    counted: dict[str, int] = {}
    for found in asked.values():
        for model in found:
            counted[model] = counted.get(model, 0) + 1
    if reference not in counted:
        known = ", ".join(sorted(counted)) or "nobody"
        raise DatasetError(str(path), [f"holds no answer of the reference {reference!r} (found: {known})"])
    models = tuple(sorted(name for name, n in counted.items() if n >= COVERED * len(asked) or name == reference))
    kept = {task: found for task, found in asked.items() if all(name in found for name in models)}
    if len(kept) < FEWEST or len(models) < 2:
        raise DatasetError(
            str(path),
            [f"{len(kept)} tasks were answered by all of {len(models)} models: need {FEWEST}, and two models"],
        )
    names = tuple(sorted({name for name, _, _ in kept}))
    rows = [[found[model] for model in models] for found in kept.values()]
    answered = Answered(
        names,
        np.array([names.index(name) for name, _, _ in kept]),
        models,
        np.array([[one.grade for one in row] for row in rows]),
        np.array([[one.cost for one in row] for row in rows]),
        says_of([[one.answer for one in row] for row in rows]),
    )
    thin = [f"{name}: answered {n} of {len(asked)} tasks" for name, n in sorted(counted.items()) if name not in models]
    if len(kept) < len(asked):
        thin.append(f"{len(asked) - len(kept)} of {len(asked)} tasks that not every model answered")
    folds = np.array([zlib.crc32(name.encode()) % FOLDS for _, name, _ in kept])
    return Table(answered, folds, tuple(thin))


def _row(raw: Mapping[str, Any], task_type: str | None) -> _Row:
    model, name = raw.get("model"), raw.get("id") or raw.get("prompt_id") or raw.get("prompt")
    if not isinstance(model, str) or not model or not name:
        raise ValueError("needs a `model`, and one of `id`, `prompt_id`, `prompt`")
    kind = raw.get("task_type") or raw.get("task") or task_type
    if not kind:
        raise ValueError("names no `task_type`: give it, or say --task-type for the whole file")
    cost = raw.get("cost_usd")
    if isinstance(cost, bool) or not isinstance(cost, int | float) or not 0 <= cost < float("inf"):
        raise ValueError(f"`cost_usd` must be 0 or more, not {cost!r}: without costs nothing can be saved")
    text = raw.get("response")
    if text is not None and not isinstance(text, str):
        raise ValueError(f"`response` must be a text, not {text!r}")
    grade = share(raw.get("grade", raw.get("correct")), "grade")
    return _Row(
        str(kind), str(name), model, grade, cost * NANO_PER_USD, Answer(text) if text and text.strip() else None
    )
