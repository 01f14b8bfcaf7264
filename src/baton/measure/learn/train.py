"""Fitting the residual: ridge on what a model loses to the reference, towards a denoised target.

A single loss is a coin toss (0, 1 or -1) around what its task type loses on average, so the target is a blend of the
two: `(1 - blend) * loss + blend * shrunken mean loss of the task type`. The type is only needed in training.
"""

from collections.abc import Iterator, Sequence

import numpy as np
from msgspec import Struct

from baton.decide.features import BITS, Features, read
from baton.decide.text import normalised
from baton.measure.learn.design import Design, trimmed_scores
from baton.measure.learn.graded import Graded, GradedDataError
from baton.measure.learn.ridge import Ridge, Weights
from baton.measure.learn.table import type_means
from baton.stats.frontier import apgr

TRIM = 0.15
"""Share of n-grams left out at either end of their weights. Fixed, since it is there for those who steer."""
CLIP = 99.9
"""Percentile of the weights beyond which none is heard."""
FOLDS = 5
FEWEST_PAIRS = 50
ROOM = 80_000
"""Bytes for all weights of one residual, one byte a weight."""
CHOICE_CELLS = 8_000
"""Prompts x models that settings are tried on, so that many models do not take hours."""
PENALTIES = (30.0, 10.0, 3.0, 1.0)
REACHES = (0.05, 0.1, 0.2)
BLENDS = (0.0, 0.5, 0.85)


class Settings(Struct, frozen=True, order=True):
    penalty: float
    reach: float
    """Weight of a surface number beside the n-grams."""
    blend: float


class Losses(Struct, frozen=True):
    """What each model loses to the reference, per prompt; NaN where one of the two was not graded."""

    reference: str
    models: tuple[str, ...]
    values: np.ndarray


class Fit(Struct, frozen=True):
    """Weights per model, in the order of `models`; None where a fold had too few pairs."""

    models: tuple[str, ...]
    weights: tuple[Weights, ...]

    def scores(self, design: Design) -> np.ndarray:
        """Shape (rows, models)."""
        columns = [
            trimmed_scores(design, one.words, TRIM) + design.surface @ one.surface + one.intercept
            for one in self.weights
        ]
        return np.stack(columns, axis=1)


def features_of(prompts: Sequence[str]) -> list[Features]:
    """As a request is read: normalised first."""
    return [read(normalised(prompt), len(prompt)) for prompt in prompts]


def bits_for(models: int) -> int:
    """As many buckets as fit into ROOM."""
    return min(BITS, (ROOM // models).bit_length() - 1)


def losses_of(graded: Graded, reference: str | None = None) -> Losses:
    """The reference is the best by mean grade if not named. Models with too few pairs are left out.

    Raises GradedDataError where nothing is left.
    """
    known = np.isfinite(graded.quality)
    if reference is None:
        means = np.nansum(graded.quality, axis=0) / np.maximum(known.sum(0), 1)
        means[
            known.sum(0) < known.sum(0).max() / 2
        ] = -1.0  # seen on few prompts only: not what others are held against
        reference = graded.models[int(means.argmax())]
    if reference not in graded.models:
        raise GradedDataError(f"no answers of the reference {reference!r} (found: {', '.join(graded.models)})")
    values = graded.quality[:, [graded.models.index(reference)]] - graded.quality
    enough = np.isfinite(values).sum(0) >= FEWEST_PAIRS
    columns = [place for place, model in enumerate(graded.models) if enough[place] and model != reference]
    if not columns:
        raise GradedDataError(
            f"no model was graded on {FEWEST_PAIRS} prompts that {reference!r} was graded on as well: "
            "learning needs pairs of answers to the same prompt"
        )
    return Losses(reference, tuple(graded.models[place] for place in columns), values[:, columns])


def fit(design: Design, losses: np.ndarray, task_types: list[str], models: tuple[str, ...], settings: Settings) -> Fit:
    """One row of weights per model, each on the prompts that it has a loss on."""
    ridges: dict[bytes, Ridge] = {}
    found = []
    for column in range(losses.shape[1]):
        rows = np.flatnonzero(np.isfinite(losses[:, column]))
        key = rows.tobytes()
        if key not in ridges:
            ridges = {key: Ridge(design if rows.size == len(design) else design.at(rows), settings.reach)}
        targets = _blended(losses[rows, column], [task_types[row] for row in rows], settings.blend)
        weights = ridges[key].solve(targets, settings.penalty)
        found.append(Weights(clipped(weights.words), weights.surface, weights.intercept))
    return Fit(models, tuple(found))


def clipped(words: np.ndarray) -> np.ndarray:
    used = np.abs(words[words != 0])
    if not used.size:
        return words
    most = float(np.percentile(used, CLIP))
    quiet: np.ndarray = np.clip(words, -most, most)
    return quiet


def out_of_fold(
    design: Design, losses: Losses, task_types: list[str], settings: Settings, rng: np.random.Generator
) -> np.ndarray:
    """Scores of every prompt by weights that have not seen it, shape (prompts, models)."""
    scores = np.zeros(losses.values.shape)
    for training, held in folds(len(design), FOLDS, rng):
        types = [task_types[row] for row in training]
        fitted = fit(design.at(training), losses.values[training], types, losses.models, settings)
        scores[held] = fitted.scores(design.at(held))
    return scores


def folds(rows: int, parts: int, rng: np.random.Generator) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """Rows to train on and rows held out, each row held out once."""
    mixed = rng.permutation(rows)
    for held in np.array_split(mixed, parts):
        yield np.setdiff1d(mixed, held), held


def choose(design: Design, losses: Losses, task_types: list[str], rng: np.random.Generator) -> Settings:
    """The settings with the best mean APGR on held-out prompts of the training data."""
    most = max(1_000, CHOICE_CELLS // len(losses.models))
    rows = rng.permutation(len(design))[:most]
    design, values = design.at(rows), losses.values[rows]
    task_types = [task_types[row] for row in rows]
    blends = BLENDS if len(set(task_types)) > 1 else BLENDS[:1]
    totals: dict[Settings, list[float]] = {}
    for training, held in folds(len(design), FOLDS if len(design) < 3_000 else 3, rng):
        types = [task_types[row] for row in training]
        seen, unseen = design.at(training), design.at(held)
        for settings, scores in _tried(seen, unseen, values[training], types, blends):
            totals.setdefault(settings, []).append(held_out_worth(scores, values[held]))
    return max(totals, key=lambda one: sum(totals[one]))


def _tried(
    seen: Design, unseen: Design, losses: np.ndarray, task_types: list[str], blends: Sequence[float]
) -> Iterator[tuple[Settings, np.ndarray]]:
    """Weights are linear in their target, so that two solutions give every blend."""
    for reach in REACHES:
        for penalty in PENALTIES:
            models = tuple(map(str, range(losses.shape[1])))
            ends = [
                fit(seen, losses, task_types, models, Settings(penalty, reach, end))
                for end in ((0.0, 1.0) if len(blends) > 1 else (0.0,))
            ]
            for blend in blends:
                mixed = ends[0] if len(ends) == 1 else _mixed(ends[0], ends[1], blend)
                yield Settings(penalty, reach, blend), mixed.scores(unseen)


def _mixed(one: Fit, other: Fit, share: float) -> Fit:
    weights = tuple(
        Weights(
            (1 - share) * a.words + share * b.words,
            (1 - share) * a.surface + share * b.surface,
            (1 - share) * a.intercept + share * b.intercept,
        )
        for a, b in zip(one.weights, other.weights, strict=True)
    )
    return Fit(one.models, weights)


def held_out_worth(scores: np.ndarray, losses: np.ndarray) -> float:
    """Mean APGR over the models that are worse than the reference here; .5 where there is none."""
    areas = []
    for column in range(losses.shape[1]):
        known = np.isfinite(losses[:, column])
        lost = losses[known, column]
        if lost.size and lost.sum() > 0:
            areas.append(apgr(scores[known, column], np.zeros(lost.size), lost))
    return sum(areas) / len(areas) if areas else 0.5


def _blended(losses: np.ndarray, task_types: list[str], blend: float) -> np.ndarray:
    if not blend:
        return losses
    means, _ = type_means(losses, task_types)
    return (1 - blend) * losses + blend * np.array([means[name] for name in task_types])
