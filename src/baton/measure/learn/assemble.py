"""From fitted weights to the residual that a gateway reads: quantised, calibrated, with the bounds of its support.

Everything that is estimated here rests on scores of prompts that the weights had not seen.
"""

import numpy as np

from baton.decide.features import READING, SURFACE
from baton.measure.learn.design import Design
from baton.measure.learn.train import TRIM, Fit, Losses, folds
from baton.types.learned import Line, Residual

DOUBT = 50.0
"""Pairs that a slope of 0 weighs: with few pairs the prompt moves little."""
FEWEST_OF_TYPE = 5
FEWEST_FOR_STEPS = 2_000
"""Labels from which the chance of losing is an isotonic line; below, a straight one is nearer the truth."""
STEPS = 20
FOREIGN = SURFACE.index("foreign")
FOREIGN_SLACK = 0.05
LENGTH_SLACK = 1.5
INT8 = 127


def residual_of(
    fitted: Fit, held_out: np.ndarray, design: Design, losses: Losses, task_types: list[str], cheap: str
) -> Residual:
    """`held_out`: scores of every prompt by weights that have not seen it, shape (prompts, models)."""
    steps = [max(float(np.abs(one.words).max()), 1e-12) / INT8 for one in fitted.weights]
    rows = [np.rint(one.words / step).astype(np.int8) for one, step in zip(fitted.weights, steps, strict=True)]
    across, within = deviations(held_out, losses.values, task_types)
    place = losses.models.index(cheap)
    shown, share = _support(design)
    low, high = np.quantile(design.lengths, [0.01, 0.99])
    return Residual(
        features=READING,
        reference=losses.reference,
        models=losses.models,
        cheap=cheap,
        bits=design.bits,
        weights=b"".join(row.tobytes() for row in rows),
        scales=tuple(steps),
        surface=tuple(tuple(map(float, one.surface)) for one in fitted.weights),
        intercepts=tuple(float(one.intercept) for one in fitted.weights),
        trim=TRIM,
        deviation=across,
        deviation_in=within,
        worse=chances(held_out[:, place], losses.values[:, place]),
        lengths=(float(low) / LENGTH_SLACK, float(high) * LENGTH_SLACK),
        unseen=share,
        foreign=float(np.quantile(design.surface[:, FOREIGN], 0.99)) + FOREIGN_SLACK,
        seen=np.packbits(shown, bitorder="little").tobytes(),
    )


def deviations(
    scores: np.ndarray, losses: np.ndarray, task_types: list[str]
) -> tuple[tuple[Line, ...], dict[str, tuple[Line, ...]]]:
    """Per model: from score to the loss beyond the mean of all, and per task type beyond the mean of the type."""
    names = np.array(task_types)
    kinds = [name for name in dict.fromkeys(task_types) if name and (names == name).sum() >= FEWEST_OF_TYPE]
    across, within = [], []
    for column in range(losses.shape[1]):
        known = np.isfinite(losses[:, column])
        score, loss = scores[known, column], losses[known, column]
        middle = float(score.mean())
        across.append(_through(_slope(score - middle, loss - loss.mean()), middle))
        middles = {name: (score[names[known] == name], loss[names[known] == name]) for name in kinds}
        apart = [(one - one.mean(), other - other.mean()) for one, other in middles.values() if one.size]
        slope = _slope(*map(np.concatenate, zip(*apart, strict=True))) if apart else 0.0
        within.append({
            name: _through(slope, (float(one.sum()) + FEWEST_OF_TYPE * middle) / (one.size + FEWEST_OF_TYPE))
            for name, (one, _) in middles.items()
        })  # fmt: skip
    return tuple(across), {name: tuple(one[name] for one in within) for name in kinds}


def chances(scores: np.ndarray, losses: np.ndarray) -> tuple[tuple[float, float], ...]:
    """Points of a rising line from score to the chance of a loss: straight below 2,000 pairs, else isotonic."""
    known = np.isfinite(losses)
    scores, lost = scores[known], (losses[known] > 0).astype(float)
    if scores.size < FEWEST_FOR_STEPS:
        middle, mean = float(scores.mean()), float(lost.mean())
        slope = max(0.0, _slope(scores - middle, lost - mean))
        ends = (float(scores.min()), float(scores.max()))
        points = [(end, min(1.0, max(0.0, mean + slope * (end - middle)))) for end in ends]
        return tuple(points) if ends[0] < ends[1] else (points[0],)
    order = np.argsort(scores, kind="stable")
    parts = [part for part in np.array_split(order, STEPS) if part.size]
    blocks: list[list[float]] = []  # sum of scores, sum of losses, size
    for part in parts:
        blocks.append([float(scores[part].sum()), float(lost[part].sum()), float(part.size)])
        while len(blocks) > 1 and blocks[-2][1] * blocks[-1][2] >= blocks[-1][1] * blocks[-2][2]:
            last = blocks.pop()
            blocks[-1] = [a + b for a, b in zip(blocks[-1], last, strict=True)]
    return tuple((score / size, loss / size) for score, loss, size in blocks)


def _support(design: Design) -> tuple[np.ndarray, float]:
    """Which buckets training showed more often than most, and how many others a prompt of another fold has."""
    shown = _often(design.counts())
    shares = []
    for training, held in folds(len(design), 2, np.random.default_rng(0)):
        known = _often(design.at(training).counts())
        rows = design.at(held)
        row_of = np.repeat(np.arange(len(rows)), rows.sizes)
        shares.append(np.bincount(row_of, weights=~known[rows.buckets], minlength=len(rows)) / rows.sizes)
    return shown, float(np.quantile(np.concatenate(shares), 0.99))


def _often(counts: np.ndarray) -> np.ndarray:
    """At most half of the buckets: a full table would have seen everything."""
    return counts > max(0, int(np.median(counts)))


def _slope(x: np.ndarray, y: np.ndarray) -> float:
    """Least squares through the middle, drawn to 0 by DOUBT pairs of the mean spread.

    Never below 0: a score that says the opposite of what it was fitted to is noise.
    """
    spread = float(x @ x)
    return max(0.0, float(x @ y)) / (spread * (1 + DOUBT / x.size)) if spread > 0 else 0.0


def _through(slope: float, middle: float) -> Line:
    return Line(slope, -slope * middle)
