"""Graded answers from files: what is read, and what is refused with its row."""

import json
import math
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest
from pyarrow import parquet

from baton.measure.learn.graded import GradedDataError, read_graded
from baton.measure.learn.table import table_of, type_means

ROWS = [
    {
        "prompt": "2+2?",
        "model": "small",
        "correct": True,
        "task_type": "analysis",
        "cost_usd": 0.001,
        "output_tokens": 4,
    },
    {"prompt": "2+2?", "model": "large", "correct": 1, "task_type": "analysis", "cost_usd": 0.02},
    {"prompt": "Hi", "model": "small", "score": 0.5, "task": "content"},
    {"prompt": "Hi", "model": "small", "score": 1.0, "task": "content"},
]


def written(path: Path, rows: list[dict[str, object]]) -> Path:
    path.write_text("\n".join(map(json.dumps, rows)) + "\n")
    return path


def test_rows_become_prompts_times_models(tmp_path: Path) -> None:
    graded = read_graded(written(tmp_path / "graded.jsonl", ROWS))
    assert graded.prompts == ["2+2?", "Hi"]
    assert graded.models == ("small", "large")
    assert graded.task_types == ["analysis", "content"]
    assert graded.quality[0].tolist() == [1.0, 1.0]
    assert graded.quality[1, 0] == 0.75  # two grades of one answer count as their mean
    assert math.isnan(graded.quality[1, 1])
    assert graded.labels == 3
    assert graded.cost[0].tolist() == [1e6, 2e7]
    cell = table_of(graded).cells["analysis"]["small"]
    assert (cell.n, cell.quality, cell.cost, cell.output_tokens) == (1, 1.0, 1_000_000, 4.0)


def test_parquet_reads_as_json_lines_do(tmp_path: Path) -> None:
    names = {name for row in ROWS for name in row}
    table = pa.table({
        name: [float(v) if isinstance(v := row.get(name), (bool, int)) else v for row in ROWS] for name in names
    })  # fmt: skip
    parquet.write_table(table, tmp_path / "graded.parquet")
    one, two = read_graded(tmp_path / "graded.parquet"), read_graded(written(tmp_path / "graded.jsonl", ROWS))
    assert one.data_hash() == two.data_hash()


@pytest.mark.parametrize(
    ("row", "told"),
    [
        ({"prompt": "", "model": "small", "correct": 1}, "row 2: `prompt` must be a text"),
        ({"prompt": "a", "correct": 1}, "row 2: `model` must be a text"),
        ({"prompt": "a", "model": "small"}, "row 2: no grade: a row needs one of correct, score, grade, quality"),
        ({"prompt": "a", "model": "small", "score": 7}, "row 2: the grade must be a number 0..1"),
        ({"prompt": "a", "model": "small", "score": "good"}, "row 2: the grade must be a number 0..1"),
        ({"prompt": "a", "model": "small", "score": 1, "cost_usd": -1}, "row 2: `cost_usd` must be a number"),
    ],
)
def test_a_bad_row_is_named(tmp_path: Path, row: dict[str, object], told: str) -> None:
    path = written(tmp_path / "graded.jsonl", [ROWS[0], row])
    with pytest.raises(GradedDataError) as caught:
        read_graded(path)
    assert told in caught.value.message


def test_equal_faults_are_told_once(tmp_path: Path) -> None:
    path = written(tmp_path / "graded.jsonl", [{"prompt": "a", "model": "small"}] * 9)
    with pytest.raises(GradedDataError, match=r"row 1, 2, 3 and 6 more: no grade") as caught:
        read_graded(path)
    assert caught.value.message.count("\n") == 0


def test_what_is_no_file_of_answers_is_said(tmp_path: Path) -> None:
    with pytest.raises(GradedDataError, match="not a file"):
        read_graded(tmp_path / "missing.jsonl")
    (tmp_path / "empty.jsonl").write_text("\n")
    with pytest.raises(GradedDataError, match="no rows"):
        read_graded(tmp_path / "empty.jsonl")
    (tmp_path / "text.jsonl").write_text("hello\n")
    with pytest.raises(GradedDataError, match="row 1: not JSON"):
        read_graded(tmp_path / "text.jsonl")
    (tmp_path / "list.jsonl").write_text("[1]\n")
    with pytest.raises(GradedDataError, match="row 1: not an object"):
        read_graded(tmp_path / "list.jsonl")
    (tmp_path / "bad.parquet").write_text("hello")
    with pytest.raises(GradedDataError, match="not a Parquet file"):
        read_graded(tmp_path / "bad.parquet")


def test_a_thin_type_is_drawn_to_the_mean_of_all() -> None:
    means, overall = type_means(np.array([1.0, 0, 0, 0, np.nan]), ["a", "b", "b", "b", "b"])
    assert overall == 0.25
    assert means["a"] == pytest.approx((1 + 20 * 0.25) / 21)
    assert means["b"] == pytest.approx(20 * 0.25 / 23)
