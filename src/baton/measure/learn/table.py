"""Counting graded answers into the table of task types and models."""

import math

import numpy as np

from baton.measure.learn.graded import Graded
from baton.measure.shrinkage import weighed
from baton.types.learned import Cell, QualityTable

SHRUNK_BY = 20.0
"""Answers that the mean of all types weighs in a thin type."""


def table_of(graded: Graded) -> QualityTable:
    """Every task type with a name; a prompt without one counts as `other`."""
    cells: dict[str, dict[str, Cell]] = {}
    names = np.array([name or "other" for name in graded.task_types])
    for name in dict.fromkeys(names.tolist()):
        rows = names == name
        for column, model in enumerate(graded.models):
            quality = graded.quality[rows, column]
            known = np.isfinite(quality)
            if not known.any():
                continue
            cost = _mean(graded.cost[rows, column])
            cells.setdefault(name, {})[model] = Cell(
                int(known.sum()),
                float(quality[known].mean()),
                None if cost is None else round(cost),
                _mean(graded.output_tokens[rows, column]),
            )
    return weighed(QualityTable(cells))


def type_means(values: np.ndarray, task_types: list[str]) -> tuple[dict[str, float], float]:
    """Per task type the mean of the finite values, shrunk towards the mean of all, which is returned as well."""
    known = np.isfinite(values)
    overall = float(values[known].mean()) if known.any() else 0.0
    gathered: dict[str, list[float]] = {}
    for name, value in zip(task_types, values.tolist(), strict=True):
        if math.isfinite(value):
            gathered.setdefault(name, []).append(value)
    means = {name: (sum(found) + SHRUNK_BY * overall) / (len(found) + SHRUNK_BY) for name, found in gathered.items()}
    return means, overall


def _mean(values: np.ndarray) -> float | None:
    known = values[np.isfinite(values)]
    return float(known.mean()) if known.size else None
