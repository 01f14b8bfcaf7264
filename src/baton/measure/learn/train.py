"""Fitting the residual: ridge on what a model loses to the reference, towards a denoised target.

A single loss is a coin toss (0, 1 or -1) around what its task type loses on average, so the target is a blend of the
two: `(1 - BLEND) * loss + BLEND * shrunken mean loss of the task type`. The type is only needed in training.

Penalty and reach are not chosen: the weights are the mean over a small grid. On public outcomes choosing one of its
points by cross-validation lost .003 to .006 of APGR to the mean: with a thousand prompts the choice is a toss as well.
"""

from collections.abc import Iterator, Sequence

import numpy as np
from msgspec import Struct

from baton.decide.features import BITS, Features, read
from baton.decide.text import normalised, visible_length
from baton.measure.learn.design import Design, trimmed_scores
from baton.measure.learn.graded import Graded, GradedDataError, NoPairs
from baton.measure.learn.ridge import Ridge, Weights
from baton.measure.learn.table import type_means

TRIM = 0.15
"""Share of n-grams left out at either end of their weights, so that a few words move little. Chosen on the train file
of RouteLLM's MMLU, where it is worth .003 of APGR as well; more of it steers less and ranks worse."""
CLIP = 99.9
"""Percentile of the weights beyond which none is heard."""
FOLDS = 5
FEWEST_PAIRS = 50
ROOM = 80_000
"""Bytes for all weights of one residual, one byte a weight."""
BLEND = 0.5
PENALTIES = (30.0, 10.0, 3.0)
REACHES = (0.03, 0.05)
"""What a surface number weighs beside the n-grams."""


class Losses(Struct, frozen=True):
    """What each model loses to the reference, per prompt; NaN where one of the two was not graded."""

    reference: str
    models: tuple[str, ...]
    values: np.ndarray


class Fit(Struct, frozen=True):
    """Weights per model, in the order of `models`."""

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
    return [read(normalised(prompt), visible_length(prompt)) for prompt in prompts]


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
        raise NoPairs(
            f"no model was graded on {FEWEST_PAIRS} prompts that {reference!r} was graded on as well: "
            "learning needs pairs of answers to the same prompt"
        )
    return Losses(reference, tuple(graded.models[place] for place in columns), values[:, columns])


def fit(design: Design, losses: np.ndarray, task_types: list[str], models: tuple[str, ...]) -> Fit:
    """One row of weights per model, each on the prompts that it has a loss on."""
    kept: tuple[bytes, list[Ridge]] = (b"", [])
    found = []
    for column in range(losses.shape[1]):
        rows = np.flatnonzero(np.isfinite(losses[:, column]))
        if kept[0] != rows.tobytes():
            seen = design if rows.size == len(design) else design.at(rows)
            kept = (rows.tobytes(), [Ridge(seen, reach) for reach in REACHES])
        targets = denoised(losses[rows, column], [task_types[row] for row in rows])
        found.append(_averaged(kept[1], targets))
    return Fit(models, tuple(found))


def _averaged(ridges: Sequence[Ridge], targets: np.ndarray) -> Weights:
    """The mean over the grid, in which a strong penalty is heard as well as a weak one, whose weights are larger."""
    solved = [(penalty**0.5, ridge.solve(targets, penalty)) for ridge in ridges for penalty in PENALTIES]
    whole = sum(share for share, _ in solved)
    words = sum((share / whole * one.words for share, one in solved), solved[0][1].words * 0)
    surface = sum((share / whole * one.surface for share, one in solved), solved[0][1].surface * 0)
    return Weights(clipped(words), surface, sum(share / whole * one.intercept for share, one in solved))


def denoised(losses: np.ndarray, task_types: list[str]) -> np.ndarray:
    means, _ = type_means(losses, task_types)
    target: np.ndarray = (1 - BLEND) * losses + BLEND * np.array([means[name] for name in task_types])
    return target


def clipped(words: np.ndarray) -> np.ndarray:
    used = np.abs(words[words != 0])
    if not used.size:
        return words
    most = float(np.percentile(used, CLIP))
    quiet: np.ndarray = np.clip(words, -most, most)
    return quiet


def out_of_fold(design: Design, losses: Losses, task_types: list[str], rng: np.random.Generator) -> np.ndarray:
    """Scores of every prompt by weights that have not seen it, shape (prompts, models).

    The mean loss is that of all prompts: where a fold is a hard one the others are easy, and means of their own would
    rank the folds the wrong way round.
    """
    scores = np.zeros(losses.values.shape)
    overall = np.nanmean(losses.values, axis=0)
    for training, held in folds(len(design), FOLDS, rng):
        types = [task_types[row] for row in training]
        fitted = fit(design.at(training), losses.values[training], types, losses.models)
        scores[held] = fitted.scores(design.at(held)) + overall - np.nanmean(losses.values[training], axis=0)
    return scores


def folds(rows: int, parts: int, rng: np.random.Generator) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """Rows to train on and rows held out, each row held out once."""
    mixed = rng.permutation(rows)
    for held in np.array_split(mixed, parts):
        yield np.setdiff1d(mixed, held), held
