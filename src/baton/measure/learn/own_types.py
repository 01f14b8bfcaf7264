"""A classifier of the operator's own task types, learned from requests that were declared: for those that are not.

One ridge per type on its indicator; the softmax of the scores, at the temperature that fits prompts held out, is the
chance of each type. The weights have the form that the gateway reads (`decide/classifier.py`).
"""

from collections.abc import Sequence

import numpy as np

from baton.decide import features
from baton.decide.classifier import codes_of
from baton.decide.features import Features
from baton.decide.text import normalised
from baton.measure.learn.design import Design, design_of, trimmed_scores
from baton.measure.learn.graded import GradedDataError
from baton.measure.learn.ridge import Ridge, Weights
from baton.measure.learn.train import folds
from baton.types.classifier import ClassifierWeights

PENALTY = 1.0
ROOM = 80_000
"""Bytes for all weights, one byte a weight."""
FEWEST = 20
"""Declared prompts of a type below which it is not learned."""
CERTAIN = 0.5
PARTS = 5
TEMPERATURES = np.geomspace(1.0, 64.0, 40)
INT8 = 127


def learn_types(prompts: Sequence[str], task_types: Sequence[str], rng: np.random.Generator) -> ClassifierWeights:
    """Types with fewer than FEWEST prompts are left out. Raises GradedDataError where fewer than two remain."""
    counted = {name: task_types.count(name) for name in sorted(set(task_types)) if name}
    names = tuple(name for name, count in counted.items() if count >= FEWEST)
    if len(names) < 2:
        raise GradedDataError(f"learning task types needs two of them with {FEWEST} declared prompts each: {counted}")
    rows = [row for row, name in enumerate(task_types) if name in names]
    truth = np.array([names.index(task_types[row]) for row in rows])
    codes = [codes_of(normalised(prompts[row])) for row in rows]
    bits = min(features.BITS, (ROOM // len(names)).bit_length() - 1)
    design = design_of([Features(one, (0.0,) * len(features.SURFACE), 0) for one in codes], bits)
    scores, new = np.zeros((len(rows), len(names))), np.zeros(len(rows))
    for training, held in folds(len(rows), PARTS, rng):
        scores[held] = _scores(design.at(held), _fit(design.at(training), truth[training], len(names)))
        shown = frozenset().union(*(codes[row] for row in training))
        new[held] = [len(codes[row] - shown) / max(len(codes[row]), 1) for row in held]
    heat = _temperature(scores, truth)
    fitted = _fit(design, truth, len(names))
    words = np.stack([one.words for one in fitted], axis=1)
    step = max(float(np.abs(words).max()), 1e-12) / INT8
    seen = np.zeros(1 << features.BITS, dtype=np.uint8)
    seen[list(frozenset().union(*codes))] = 1
    return ClassifierWeights(
        features=features.VERSION,
        names=names,
        bits=bits,
        weights=np.rint(words / step).astype(np.int8).tobytes(),
        scale=step * heat,
        intercepts=tuple(float(one.intercept) * heat for one in fitted),
        certain=dict.fromkeys(names, CERTAIN),
        seen=np.packbits(seen, bitorder="little").tobytes(),
        unseen=float(np.quantile(new, 0.99)),
    )


def _fit(design: Design, truth: np.ndarray, types: int) -> list[Weights]:
    ridge = Ridge(design, 0.0)
    return [ridge.solve((truth == number).astype(np.float64), PENALTY) for number in range(types)]


def _scores(design: Design, fitted: Sequence[Weights]) -> np.ndarray:
    return np.stack([trimmed_scores(design, one.words, 0.0) + one.intercept for one in fitted], axis=1)


def _temperature(scores: np.ndarray, truth: np.ndarray) -> float:
    """The factor of the scores at which the truth is likeliest."""

    def likelihood(factor: float) -> float:
        hot = scores * factor
        hot -= hot.max(axis=1, keepdims=True)
        return float((hot[np.arange(len(truth)), truth] - np.log(np.exp(hot).sum(axis=1))).mean())

    return float(max(TEMPERATURES, key=likelihood))
