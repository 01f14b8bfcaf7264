"""One lesson: from graded answers to what was learned, judged against the prior, the table and what serves now."""

import math
from collections.abc import Sequence

import numpy as np
from msgspec import Struct

from baton.decide.prior import hardness
from baton.decide.text import normalised
from baton.measure.learn.assemble import residual_of
from baton.measure.learn.design import Design, design_of
from baton.measure.learn.graded import Graded
from baton.measure.learn.table import table_of, type_means
from baton.measure.learn.train import (
    Fit,
    Losses,
    bits_for,
    features_of,
    fit,
    folds,
    losses_of,
    out_of_fold,
)
from baton.stats.frontier import apgr, apgr_difference, apgr_interval
from baton.stats.intervals import Interval
from baton.types.learned import Learned, Residual

CURVE = (100, 200, 500, 1_500, 5_000)
CURVE_REPEATS = 3
CALIBRATION_BINS = 5


class Lesson(Struct, frozen=True):
    """What was fitted, with what it takes to judge it. Rows are the prompts, columns the models of `losses`."""

    graded: Graded
    losses: Losses
    cheap: str
    design: Design
    held_out: np.ndarray
    """Scores of every prompt by weights that have not seen it."""
    fitted: Fit
    residual: Residual

    @property
    def column(self) -> int:
        return self.losses.models.index(self.cheap)


class Versus(Struct, frozen=True):
    """APGR of another way to tell hard prompts, and by how much the learned one is ahead on the same prompts."""

    apgr: float
    ahead: float
    ahead_interval: Interval | None


class CurvePoint(Struct, frozen=True):
    pairs: int
    apgr: float


class Bin(Struct, frozen=True):
    """Prompts of neighbouring difficulty: what was said and what came true."""

    said: float
    was: float
    n: int


class Standing(Struct, frozen=True):
    """All on prompts that the weights had not seen. `apgr` is None where the models do not differ."""

    apgr: float | None
    apgr_interval: Interval | None
    versus: dict[str, Versus]
    learning_curve: list[CurvePoint]
    calibration: list[Bin]


def learn(graded: Graded, rng: np.random.Generator, *, reference: str | None = None) -> Lesson:
    """Raises GradedDataError where there are not enough pairs of answers to the same prompt."""
    losses = losses_of(graded, reference)
    rows = np.flatnonzero(np.isfinite(losses.values).any(axis=1))
    graded, losses = graded.at(rows), Losses(losses.reference, losses.models, losses.values[rows])
    design = design_of(features_of(graded.prompts), bits_for(len(losses.models)))
    held_out = out_of_fold(design, losses, graded.task_types, rng)
    fitted = fit(design, losses.values, graded.task_types, losses.models)
    cheap = cheapest(graded, losses)
    residual = residual_of(fitted, held_out, design, losses, graded.task_types, cheap)
    return Lesson(graded, losses, cheap, design, held_out, fitted, residual)


def cheapest(graded: Graded, losses: Losses) -> str:
    """By mean recorded cost where all have one, else the model that loses most."""
    costs = [_mean(graded.cost[:, graded.models.index(model)]) for model in losses.models]
    if all(map(math.isfinite, costs)):
        return losses.models[int(np.argmin(costs))]
    return losses.models[int(np.argmax([_mean(losses.values[:, one]) for one in range(len(losses.models))]))]


def standing_of(lesson: Lesson, rng: np.random.Generator) -> Standing:
    rows = np.flatnonzero(np.isfinite(lesson.losses.values[:, lesson.column]))
    lost = lesson.losses.values[rows, lesson.column]
    ours = lesson.held_out[rows, lesson.column]
    bins = _calibration(lesson.residual.worse, ours, lost)
    if lost.sum() <= 0:
        return Standing(None, None, {}, [], bins)
    nothing = np.zeros(lost.size)
    others = {"prior": prior_scores([lesson.graded.prompts[row] for row in rows])}
    if lesson.graded.typed:
        others["table"] = _table_scores(lost, [lesson.graded.task_types[row] for row in rows], rng)
    versus = {}
    for name, theirs in others.items():
        ahead, between = ahead_of(ours, theirs, lost, rng)
        versus[name] = Versus(apgr(theirs, nothing, lost), ahead, between)
    return Standing(apgr(ours, nothing, lost), _interval(ours, lost, rng), versus, _curve(lesson, rows, rng), bins)


def learned_of(lesson: Lesson, standing: Standing, made_at: float) -> Learned:
    """Not yet kept, so of version 0. Weights that the label-free prior is ahead of are left out.

    The length prior is switched off where it is worse than chance here.
    """
    prior = standing.versus.get("prior")
    useful = standing.apgr is not None and (prior is None or prior.ahead >= 0)
    interval = standing.apgr_interval
    return Learned(
        version=0,
        labels=lesson.graded.labels,
        table=table_of(lesson.graded),
        residual=lesson.residual if useful else None,
        length_prior=prior is None or prior.apgr >= 0.5,
        apgr=standing.apgr,
        apgr_interval=None if interval is None else (interval.low, interval.high),
        data_hash=lesson.graded.data_hash(),
        made_at=made_at,
    )


def prior_scores(prompts: Sequence[str]) -> np.ndarray:
    """Difficulty by the label-free prior; where it says nothing, the middle."""
    said = [hardness(normalised(prompt)).difficulty for prompt in prompts]
    return np.array([0.5 if one is None else one for one in said])


def _table_scores(lost: np.ndarray, task_types: list[str], rng: np.random.Generator) -> np.ndarray:
    """The loss of the prompt's task type on the other folds."""
    scores = np.zeros(lost.size)
    for training, held in folds(lost.size, 5, rng):
        means, overall = type_means(lost[training], [task_types[row] for row in training])
        scores[held] = [means.get(task_types[row], overall) for row in held]
    return scores


def _curve(lesson: Lesson, rows: np.ndarray, rng: np.random.Generator) -> list[CurvePoint]:
    """APGR on a fifth of the prompts, by how many pairs of the others were trained on; mean of three draws.

    The larger training sets of a draw hold the smaller ones, and all are judged on the same fifth.
    """
    column = lesson.losses.values[:, [lesson.column]]
    sizes = [size for size in CURVE if size <= 0.7 * rows.size]
    areas: dict[int, list[float]] = {}
    for _ in range(CURVE_REPEATS):
        mixed = rng.permutation(rows)
        held, others = mixed[: rows.size // 5], mixed[rows.size // 5 :]
        lost = column[held, 0]
        if lost.sum() <= 0:
            continue
        for size in sizes:
            training = others[:size]
            types = [lesson.graded.task_types[row] for row in training]
            fitted = fit(lesson.design.at(training), column[training], types, (lesson.cheap,))
            found = apgr(fitted.scores(lesson.design.at(held))[:, 0], np.zeros(lost.size), lost)
            areas.setdefault(size, []).append(found)
    return [CurvePoint(size, sum(found) / len(found)) for size, found in areas.items()]


def _calibration(points: Sequence[tuple[float, float]], scores: np.ndarray, lost: np.ndarray) -> list[Bin]:
    said = np.interp(scores, [x for x, _ in points], [y for _, y in points])
    parts = [part for part in np.array_split(np.argsort(said, kind="stable"), CALIBRATION_BINS) if part.size]
    return [Bin(float(said[part].mean()), float((lost[part] > 0).mean()), part.size) for part in parts]


def _interval(scores: np.ndarray, lost: np.ndarray, rng: np.random.Generator) -> Interval | None:
    try:
        return apgr_interval(scores, np.zeros(lost.size), lost, rng)
    except ValueError:  # too few prompts to say: the figure stands without one
        return None


def ahead_of(
    ours: np.ndarray, theirs: np.ndarray, lost: np.ndarray, rng: np.random.Generator
) -> tuple[float, Interval | None]:
    """APGR of ours less that of theirs, with its interval where there are enough prompts for one."""
    nothing = np.zeros(lost.size)
    try:
        return apgr_difference(ours, theirs, nothing, lost, rng)
    except ValueError:  # as above
        return apgr(ours, nothing, lost) - apgr(theirs, nothing, lost), None


def _mean(values: np.ndarray) -> float:
    known = values[np.isfinite(values)]
    return float(known.mean()) if known.size else math.nan
