"""A file -> a pinned prompt set, or grades that were recorded before. Everything that is wrong with it is told at once.

Formats are known by the ending of the name: `.jsonl` (also OpenAI evals), `.json` (a list), `.parquet`.
"""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, TypeVar

import msgspec

from baton.measure.datasets.prompt import Prompt, PromptSet, pinned
from baton.measure.datasets.rows import Recorded, Row, is_grade, prompt_of, recorded_of
from baton.types.errors import DatasetError

T = TypeVar("T", Prompt, Recorded)
Numbered = Iterator[tuple[str, Row | ValueError]]
MOST_BYTES = 2 * 1024**3


def load_prompts(path: Path, task_type: str | None = None) -> PromptSet:
    """Raises DatasetError with every bad row: the same id twice, the same question twice, what cannot be asked."""
    prompts, problems = _read(path, lambda row: prompt_of(row, task_type))
    ids: dict[str, str] = {}
    keys: dict[tuple[str, str], str] = {}
    for place, prompt in prompts:
        if prompt.id in ids:
            problems.append(f"{place}: id {prompt.id!r} stands already in {ids[prompt.id]}: ids are given once")
        elif (prompt.task_type, prompt.key) in keys:
            other = keys[prompt.task_type, prompt.key]
            problems.append(f"{place}: asks the same as {other}: a question counts once, remove one of them")
        ids.setdefault(prompt.id, place)
        keys.setdefault((prompt.task_type, prompt.key), place)
    _raise(path, problems, empty=not prompts)
    return pinned((prompt for _, prompt in prompts), f"{len(prompts)} prompts of {path.name}")


def load_recorded(
    path: Path, task_type: str | None = None, column: str = "task_type", *, first: bool = False
) -> list[Recorded]:
    """`column` names the task type of a row; `first`: of a prompt that a model was graded twice on, take the first.

    Raises DatasetError with every bad row: no grade, NaN, out of range, a prompt graded twice for one model.
    """
    rows, problems = _read(path, lambda row: recorded_of(row, task_type, column))
    kept: dict[tuple[str, str, str], tuple[str, Recorded]] = {}
    for place, one in rows:
        key = (one.task_type, one.id, one.model)
        if key in kept and not first:
            problems.append(f"{place}: {one.model!r} on prompt {one.id!r} is graded already in {kept[key][0]}")
        kept.setdefault(key, (place, one))
    _raise(path, problems, empty=not rows)
    return [one for _, one in kept.values()]


def holds_grades(path: Path) -> bool:
    """Whether the first row that can be read is a grade. Raises DatasetError where there is no file."""
    for _, row in numbered_rows(path):
        if not isinstance(row, ValueError):
            return is_grade(row)
    return False


def write_prompts(prompts: PromptSet, path: Path) -> None:
    """As JSONL that `load_prompts` reads back as the same set. Raises OSError; an existing file is not replaced."""
    with path.open("x", encoding="utf-8") as file:
        for prompt in prompts.prompts:
            file.write(msgspec.json.encode(prompt, order="deterministic").decode() + "\n")


def _read(path: Path, of: Callable[[Row], T]) -> tuple[list[tuple[str, T]], list[str]]:
    found: list[tuple[str, T]] = []
    problems: list[str] = []
    for place, row in numbered_rows(path):
        try:
            if isinstance(row, ValueError):
                raise row
            found.append((place, of(row)))
        except ValueError as error:
            problems.append(f"{place}: {error}")
    return found, problems


def _raise(path: Path, problems: list[str], *, empty: bool) -> None:
    if problems:
        raise DatasetError(str(path), problems)
    if empty:
        raise DatasetError(str(path), ["holds no rows: there is nothing to measure"])


def numbered_rows(path: Path) -> Numbered:
    """Rows of any kind with the place they stand in. Raises DatasetError for what is no file of rows."""
    if not path.is_file():
        raise DatasetError(str(path), ["no such file: name a .jsonl, .json or .parquet file"])
    readers = {".jsonl": _lines, ".json": _list, ".parquet": _parquet}
    if path.suffix not in readers:
        raise DatasetError(str(path), [f"{path.suffix or 'no ending'} is no format: use {', '.join(readers)}"])
    if path.stat().st_size > MOST_BYTES:
        raise DatasetError(str(path), [f"is larger than {MOST_BYTES >> 30} GiB: take a sample of it"])
    return readers[path.suffix](path)


def _lines(path: Path) -> Numbered:
    with path.open("rb") as file:
        for number, line in enumerate(file, 1):
            if line.strip():
                yield f"line {number}", _object(line)


def _object(line: bytes) -> Row | ValueError:
    try:
        value = _decode(line)
    except (ValueError, RecursionError) as error:
        return ValueError(f"is not valid JSON: {error}")
    return value if isinstance(value, dict) else ValueError("is not a JSON object")


def _list(path: Path) -> Numbered:
    try:
        values = _decode(path.read_bytes())
    except (ValueError, RecursionError) as error:
        raise DatasetError(str(path), [f"is not valid JSON: {error}"]) from error
    if not isinstance(values, list):
        raise DatasetError(str(path), ["must hold a list of rows"])
    for number, value in enumerate(values):
        yield f"row {number}", value if isinstance(value, dict) else ValueError("is not a JSON object")


def _decode(text: bytes) -> Any:
    """NaN, as other writers of JSON put it, is read as what it is, and refused where a grade is wanted."""
    try:
        return msgspec.json.decode(text)
    except msgspec.DecodeError:
        import json

        return json.loads(text)


def _parquet(path: Path) -> Numbered:
    try:
        from pyarrow import ArrowInvalid, parquet
    except ImportError:
        raise DatasetError(str(path), ["Parquet needs pyarrow: pip install 'batonpass[data]'"]) from None
    try:
        table = parquet.ParquetFile(path)
        number = 0
        for batch in table.iter_batches(batch_size=4096):
            for row in batch.to_pylist():
                yield f"row {number}", {name: value for name, value in row.items() if value is not None}
                number += 1
    except ArrowInvalid as error:
        raise DatasetError(str(path), [f"is no Parquet file that can be read: {error}"]) from error
