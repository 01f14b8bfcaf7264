"""Graded answers from a file: which columns it must and may have, and what is refused with its row.

JSONL (one object a line) or Parquet. One row is one answer of one model to one prompt.
"""

import hashlib
import json
import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from msgspec import Struct

from baton.types.errors import BatonError

GRADES = ("correct", "score", "grade", "quality")
TYPES = ("task_type", "task")
SHOWN_ROWS = 3
NANO = 1e9


class GradedDataError(BatonError):
    """The file cannot be learned from; the text says which row is wrong and what a row needs."""

    code = "graded_data_error"


class NoPairs(GradedDataError):
    """There are grades, but not of several models on the same prompts: they make a table and no weights."""

    code = "no_pairs"


class Graded(Struct, frozen=True):
    """One row of everything per prompt, one column per model; NaN where there was no such answer.

    `task_types` holds "" where a prompt has none. Quality 0..1, cost in nano-dollars.
    """

    prompts: list[str]
    task_types: list[str]
    models: tuple[str, ...]
    quality: np.ndarray
    cost: np.ndarray
    output_tokens: np.ndarray

    @property
    def labels(self) -> int:
        return int(np.isfinite(self.quality).sum())

    @property
    def typed(self) -> bool:
        """Whether the prompts have task types that tell them apart."""
        return len(set(self.task_types)) > 1

    def at(self, rows: np.ndarray) -> "Graded":
        return Graded(
            [self.prompts[row] for row in rows],
            [self.task_types[row] for row in rows],
            self.models,
            self.quality[rows],
            self.cost[rows],
            self.output_tokens[rows],
        )

    def data_hash(self) -> str:
        """Of prompts, types, models and grades, in their order."""
        seen = hashlib.sha256(json.dumps([self.prompts, self.task_types, self.models]).encode())
        seen.update(np.ascontiguousarray(self.quality, dtype="<f8").tobytes())
        return f"sha256:{seen.hexdigest()}"


class Answer(Struct, frozen=True):
    """One graded answer. `cost` in nano-dollars."""

    prompt: str
    task_type: str
    model: str
    quality: float
    cost: float = math.nan
    output_tokens: float = math.nan


def read_graded(path: Path) -> Graded:
    """Raises GradedDataError."""
    return gather(answers_in(path))


def answers_in(path: Path) -> list[Answer]:
    """Raises GradedDataError with every kind of thing that is wrong, and the first rows of each."""
    if not path.is_file():
        raise GradedDataError(f"{str(path)!r} is not a file: name a .jsonl or .parquet file of graded answers")
    rows = list(_parquet(path) if path.suffix == ".parquet" else _json_lines(path))
    if not rows:
        raise GradedDataError(f"{path}: no rows, so there is nothing to learn from")
    problems: dict[str, list[int]] = {}
    answers = []
    for number, row in rows:
        try:
            answers.append(_answer(row))
        except ValueError as error:
            problems.setdefault(str(error), []).append(number)
    if problems:
        raise GradedDataError("\n".join(_told(path, problem, numbers) for problem, numbers in problems.items()))
    return answers


def gather(answers: Iterable[Answer]) -> Graded:
    """Prompts in the order of their first answer; several grades of one model on one prompt count as their mean."""
    places: dict[tuple[str, str], int] = {}
    columns: dict[str, int] = {}
    found: dict[tuple[int, int], list[Answer]] = {}
    for one in answers:
        row = places.setdefault((one.prompt, one.task_type), len(places))
        column = columns.setdefault(one.model, len(columns))
        found.setdefault((row, column), []).append(one)
    shape = (len(places), len(columns))
    quality, cost, tokens = (np.full(shape, np.nan) for _ in range(3))
    for place, same in found.items():
        quality[place] = sum(one.quality for one in same) / len(same)
        cost[place] = sum(one.cost for one in same) / len(same)
        tokens[place] = sum(one.output_tokens for one in same) / len(same)
    return Graded([prompt for prompt, _ in places], [name for _, name in places], tuple(columns), quality, cost, tokens)


def _answer(row: Mapping[str, Any]) -> Answer:
    """Raises ValueError, in words that do not depend on the row, so that equal faults are told once."""
    for name in ("prompt", "model"):
        if not isinstance(row.get(name), str) or not row[name]:
            raise ValueError(f"`{name}` must be a text that is not empty")
    grade = next((row[name] for name in GRADES if row.get(name) is not None), None)
    if grade is None:
        raise ValueError(f"no grade: a row needs one of {', '.join(GRADES)}")
    if not isinstance(grade, (int, float)) or not 0 <= grade <= 1:
        raise ValueError("the grade must be a number 0..1, or true or false")
    task_type = next((str(row[name]) for name in TYPES if row.get(name) is not None), "")
    return Answer(
        row["prompt"],
        task_type,
        row["model"],
        float(grade),
        _number(row, "cost_usd") * NANO,
        _number(row, "output_tokens"),
    )


def _number(row: Mapping[str, Any], name: str) -> float:
    value = row.get(name)
    if value is None:
        return math.nan
    if not isinstance(value, (int, float)) or not 0 <= value < math.inf:
        raise ValueError(f"`{name}` must be a number that is not negative")
    return float(value)


def _told(path: Path, problem: str, numbers: Sequence[int]) -> str:
    shown = ", ".join(map(str, numbers[:SHOWN_ROWS]))
    more = f" and {len(numbers) - SHOWN_ROWS:,} more" if len(numbers) > SHOWN_ROWS else ""
    return f"{path}: row {shown}{more}: {problem}"


def _json_lines(path: Path) -> Iterator[tuple[int, Mapping[str, Any]]]:
    with path.open(encoding="utf-8") as lines:
        for number, line in enumerate(lines, 1):
            if not line.strip():
                continue
            try:
                row = json.loads(line)
            except ValueError as error:
                raise GradedDataError(f"{path}: row {number}: not JSON ({error}): one object a line") from error
            if not isinstance(row, dict):
                raise GradedDataError(f"{path}: row {number}: not an object, such as {{'prompt': ..., 'model': ...}}")
            yield number, row


def _parquet(path: Path) -> Iterator[tuple[int, Mapping[str, Any]]]:
    try:
        import pyarrow as pa
        from pyarrow import parquet
    except ImportError as error:
        raise GradedDataError("reading Parquet needs pyarrow: install batonpass[data]") from error
    wanted = {"prompt", "model", "cost_usd", "output_tokens", *GRADES, *TYPES}
    try:
        with parquet.ParquetFile(path) as file:
            table = file.read(columns=[name for name in file.schema_arrow.names if name in wanted])
    except (pa.ArrowInvalid, OSError) as error:
        raise GradedDataError(f"{path}: not a Parquet file that can be read: {error}") from error
    yield from enumerate(table.to_pylist(), 1)
