"""Recorded outcomes as the bench reads them: pairs of a weak and a strong model on the same prompt."""

import json
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
from msgspec import Struct

MIXTRAL, GPT_4 = "mistralai/mixtral-8x7b-instruct-v0.1", "openai/gpt-4-1106-preview"


class Pairs(Struct, frozen=True):
    """One row is one prompt; qualities 0..1."""

    prompts: list[str]
    tasks: list[str]
    weak: np.ndarray
    strong: np.ndarray

    def __len__(self) -> int:
        return len(self.prompts)

    def at(self, rows: Sequence[int] | np.ndarray) -> "Pairs":
        rows = np.asarray(rows)
        return Pairs(
            [self.prompts[row] for row in rows], [self.tasks[row] for row in rows], self.weak[rows], self.strong[rows]
        )


def pairs(data: Path, stem: str, split: str, weak: str = MIXTRAL, strong: str = GPT_4) -> Pairs:
    """In the order of the file, without rows that the source calls contaminated; a repeated prompt stays repeated."""
    path = data / f"{stem}.{split}.parquet"
    wanted = {"prompt_id", "prompt", "task", "model", "correct", "meta"}
    table = pq.read_table(path, columns=[name for name in pq.read_schema(path).names if name in wanted])
    met: dict[tuple[str, str], int] = {}
    found: dict[tuple[str, int], dict[str, float]] = {}
    texts: dict[str, tuple[str, str]] = {}
    for row in table.to_pylist():
        if row["model"] not in {weak, strong} or json.loads(row.get("meta") or "{}").get("contaminated"):
            continue
        asked = (row["prompt_id"], row["model"])
        met[asked] = met.get(asked, -1) + 1
        found.setdefault((row["prompt_id"], met[asked]), {})[row["model"]] = row["correct"]
        texts[row["prompt_id"]] = (row["prompt"], row["task"])
    whole = [(texts[name], graded) for (name, _), graded in found.items() if len(graded) == 2]
    return Pairs(
        [text for (text, _), _ in whole],
        [task for (_, task), _ in whole],
        np.array([graded[weak] for _, graded in whole]),
        np.array([graded[strong] for _, graded in whole]),
    )


def joined(parts: Sequence[Pairs]) -> Pairs:
    return Pairs(
        [prompt for part in parts for prompt in part.prompts],
        [task for part in parts for task in part.tasks],
        np.concatenate([part.weak for part in parts]),
        np.concatenate([part.strong for part in parts]),
    )
