"""Recorded outcomes as the bench reads them: tasks x models, and whole tasks resampled for an interval."""

import zlib
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
from msgspec import Struct

from baton.measure.learn.graded import Graded as Lessons
from baton.measure.learn.lesson import Lesson, learn
from baton.stats.choice import Choice, Outcomes, Served, served
from baton.types.money import NANO_PER_USD

SEED = 20_261_124
RESAMPLES = 2_000
FOLDS = 5
REPEATS = 5
"""Times that the folds are drawn anew: one draw moves a figure by some points where there are few tasks."""


class Graded(Struct, frozen=True):
    """One row a task, one column a model; NaN where the source has no outcome."""

    models: tuple[str, ...]
    tasks: tuple[str, ...]
    """Names of the task types, in the order of their numbers."""
    outcomes: Outcomes
    prompts: list[str]
    ids: list[str]
    responses: list[list[str]]
    """Empty texts where the source keeps none."""

    def reference(self) -> int:
        return int(np.nanmean(self.outcomes.quality, axis=0).argmax())


def graded(
    data: Path,
    stem: str,
    splits: Sequence[str],
    keep: Callable[[str], bool] = lambda _model: True,
    *,
    whole: bool = True,
) -> Graded:
    """`stem` with its folder; `whole` leaves out the models that do not cover every task type, and then the tasks
    that not every remaining model answered."""
    rows = [
        row
        for split in splits
        for row in pq.read_table(data / f"{stem}.{split}.parquet").to_pylist()
        if keep(row["model"])
    ]
    tasks = tuple(sorted({row["task"] for row in rows}))
    covered: dict[str, set[str]] = {}
    for row in rows:
        covered.setdefault(row["model"], set()).add(row["task"])
    models = tuple(sorted(name for name, seen in covered.items() if not whole or len(seen) == len(tasks)))
    asked: dict[tuple[str, str], dict[str, dict[str, object]]] = {}
    for row in rows:
        asked.setdefault((row["prompt_id"], row["task"]), {})[row["model"]] = row
    kept = {key: found for key, found in asked.items() if not whole or all(name in found for name in models)}
    return Graded(
        models,
        tasks,
        Outcomes(
            np.array([tasks.index(task) for _, task in kept]),
            _column(kept.values(), models, "correct"),
            _column(kept.values(), models, "cost_usd"),
        ),
        [str(next(iter(found.values()))["prompt"]) for found in kept.values()],
        [name for name, _ in kept],
        [[str(found.get(name, {}).get("response") or "") for name in models] for found in kept.values()],
    )


def _column(asked: Iterable[dict[str, dict[str, object]]], models: Sequence[str], name: str) -> np.ndarray:
    def value(found: dict[str, dict[str, object]], model: str) -> float:
        known = found.get(model, {}).get(name)
        return float("nan") if known is None else float(known)  # type: ignore[arg-type]

    return np.array([[value(found, model) for model in models] for found in asked])


def lesson_of(found: Graded, models: Sequence[str] = ()) -> Lesson:
    """What `baton learn` finds in the grades of `models` (all, if none is named), the best of which is the reference.

    The task type of a prompt is only seen in training.
    """
    columns = [found.models.index(name) for name in models or found.models]
    quality, cost = found.outcomes.quality[:, columns], found.outcomes.cost[:, columns] * NANO_PER_USD
    types = [found.tasks[number] for number in found.outcomes.types]
    names = tuple(found.models[column] for column in columns)
    given = Lessons(found.prompts, types, names, quality, cost, np.full(quality.shape, np.nan))
    return learn(given, np.random.default_rng(SEED))


def folds(ids: Sequence[str], repeat: int) -> np.ndarray:
    """Fold numbers by the name of the task: the same on every machine, and one text is never in two folds."""
    return np.array([zlib.crc32(f"{repeat}:{name}".encode()) % FOLDS for name in ids])


def held_out(outcomes: Outcomes, fold: np.ndarray, choose: Callable[[Outcomes], Choice]) -> Served:
    """Each task served by the choice that was made on the other folds."""
    quality, cost = np.zeros(len(fold)), np.zeros(len(fold))
    for number in range(FOLDS):
        inside, outside = np.flatnonzero(fold != number), np.flatnonzero(fold == number)
        found = served(choose(outcomes.at(inside)), outcomes.at(outside))
        quality[outside], cost[outside] = found.quality, found.cost
    return Served(quality, cost)


def against(found: Served, quality: np.ndarray, cost: np.ndarray) -> dict[str, object]:
    """Quality kept and cost saved against one model on the same tasks, with 95 % intervals over tasks, in percent."""
    rng = np.random.default_rng(SEED)
    drawn = rng.multinomial(len(quality), np.full(len(quality), 1 / len(quality)), size=RESAMPLES)
    kept = 100 * (drawn @ found.quality) / (drawn @ quality)
    saved = 100 * (1 - (drawn @ found.cost) / (drawn @ cost))
    return {
        "quality_pct": round(float(100 * found.quality.mean() / quality.mean()), 2),
        "quality_interval": _ends(kept),
        "saved_pct": round(float(100 * (1 - found.cost.sum() / cost.sum())), 2),
        "saved_interval": _ends(saved),
    }


def _ends(values: np.ndarray) -> list[float]:
    return [round(float(one), 2) for one in np.quantile(values, [0.025, 0.975])]
