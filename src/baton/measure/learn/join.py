"""A new model joins by its results on a pinned prompt set, without training again.

Its losses on those prompts are written as a mixture of what the known models lose there (ridge on their scores, so a
handful of numbers from a hundred answers); since scores are linear in the weights, the same mixture of their weights
scores any prompt. Its table cells are counted as always.
"""

import numpy as np
from msgspec.structs import replace

from baton.decide.residual import ResidualReader
from baton.measure.learn.assemble import INT8, deviations
from baton.measure.learn.graded import Graded, GradedDataError
from baton.measure.learn.table import table_of
from baton.measure.learn.train import features_of, losses_of
from baton.types.learned import Learned, QualityTable, Residual

DOUBT = 20.0
"""Answers that the mean of the known models weighs in the mixture."""


def join(learned: Learned, graded: Graded, model: str) -> Learned:
    """`graded` holds answers of `model` and of the reference to the pinned prompts. Version 0: not yet kept.

    Raises GradedDataError where there are no weights to mix, the model is known, or there are too few pairs.
    """
    residual = learned.residual
    if residual is None:
        raise GradedDataError("there are no weights that a new model could join: learn from pairs first")
    if model in {*residual.models, residual.reference}:
        raise GradedDataError(f"{model!r} is among the models that were learned: learn again to renew it")
    losses = losses_of(graded, residual.reference)
    if model not in losses.models:
        raise GradedDataError(f"too few answers of {model!r} to prompts that {residual.reference!r} answered as well")
    column = losses.models.index(model)
    rows = np.flatnonzero(np.isfinite(losses.values[:, column]))
    reader = ResidualReader(residual)
    features = features_of([graded.prompts[row] for row in rows])
    known = np.array([list(reader.scores(one).values()) for one in features])
    lost = losses.values[rows, column]
    shares, offset = mixture(known, lost)
    types = [graded.task_types[row] for row in rows]
    across, within = deviations((known @ shares + offset)[:, None], lost[:, None], types)
    joined = _with_row(residual, model, shares, offset)
    default = across[0]
    return replace(
        learned,
        version=0,
        labels=learned.labels + graded.labels,
        table=_merged(learned.table, table_of(graded), model),
        residual=replace(
            joined,
            deviation=(*residual.deviation, default),
            deviation_in={
                name: (*lines, within[name][0] if name in within else default)
                for name, lines in residual.deviation_in.items()
            },
        ),
    )


def mixture(known: np.ndarray, lost: np.ndarray) -> tuple[np.ndarray, float]:
    """Shares of the known scores, and an offset: ridge towards equal shares, in which DOUBT answers weigh."""
    middle, mean = known.mean(0), float(lost.mean())
    equal = np.full(known.shape[1], 1 / known.shape[1])
    spread = known - middle
    gram = spread.T @ spread
    penalty = DOUBT * float(np.trace(gram)) / (len(lost) * known.shape[1]) + 1e-12
    away = np.linalg.solve(gram + penalty * np.eye(len(equal)), spread.T @ (lost - mean - spread @ equal))
    shares = equal + away
    return shares, mean - float(middle @ shares)


def _with_row(residual: Residual, model: str, shares: np.ndarray, offset: float) -> Residual:
    rows = np.frombuffer(residual.weights, dtype=np.int8).reshape(len(residual.models), -1)
    words = (shares * np.array(residual.scales)) @ rows
    step = max(float(np.abs(words).max()), 1e-12) / INT8
    surface = shares @ np.array(residual.surface)
    intercept = float(shares @ np.array(residual.intercepts)) + offset
    return replace(
        residual,
        models=(*residual.models, model),
        weights=residual.weights + np.rint(words / step).astype(np.int8).tobytes(),
        scales=(*residual.scales, step),
        surface=(*residual.surface, tuple(map(float, surface))),
        intercepts=(*residual.intercepts, intercept),
    )


def _merged(table: QualityTable, new: QualityTable, model: str) -> QualityTable:
    cells = {name: dict(row) for name, row in table.cells.items()}
    for name, row in new.cells.items():
        if model in row:
            cells.setdefault(name, {})[model] = row[model]
    return QualityTable(cells, table.parents, table.prior_weight)
