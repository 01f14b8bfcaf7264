"""Ridge regression on a sparse design by conjugate gradients: numpy alone, any number of rows.

min over w of |y - X w|^2 + penalty |w|^2, solved in the dual: (X X' + penalty) a = y, w = X' a, one unknown a row.
"""

import numpy as np
from msgspec import Struct

from baton.measure.learn.design import Design

MOST_STEPS = 80
TOLERANCE = 3e-3
"""Of the length of y: the ranking of prompts settles long before the weights do."""


class Weights(Struct, frozen=True):
    """`words[bucket]` is applied to sums / sqrt(buckets), `surface` to the numbers as read, plus `intercept`."""

    words: np.ndarray
    surface: np.ndarray
    intercept: float


class Ridge:
    """One design, many targets and penalties. `reach`: what a surface number weighs beside the n-grams."""

    def __init__(self, design: Design, reach: float) -> None:
        self._design = design
        self._size = 1 << design.bits
        self._row_of = np.repeat(np.arange(len(design)), design.sizes)
        self._values = 1 / np.sqrt(design.sizes)[self._row_of]
        self._mean = design.surface.mean(0)
        spread = design.surface.std(0)
        self._scale = reach / np.where(spread > 1e-9, spread, np.inf)
        self._surface = (design.surface - self._mean) * self._scale

    def solve(self, targets: np.ndarray, penalty: float) -> Weights:
        """`targets`, shape (rows,), are centred first; their mean is the intercept."""
        middle = float(targets.mean())
        residue = targets - middle
        dual = np.zeros(len(residue))
        step = residue.copy()
        left = residue @ residue
        enough = left * TOLERANCE**2
        for _ in range(MOST_STEPS):
            if left <= enough:
                break
            applied = self._gram(step) + penalty * step
            pace = left / (step @ applied)
            dual += pace * step
            residue = residue - pace * applied
            was, left = left, residue @ residue
            step = residue + left / was * step
        surface = (self._surface.T @ dual) * self._scale
        return Weights(self._across(dual), surface, middle - float(self._mean @ surface))

    def _gram(self, dual: np.ndarray) -> np.ndarray:
        along: np.ndarray = np.bincount(
            self._row_of, weights=self._values * self._across(dual)[self._design.buckets], minlength=len(dual)
        )
        along += self._surface @ (self._surface.T @ dual)
        return along

    def _across(self, dual: np.ndarray) -> np.ndarray:
        return np.bincount(self._design.buckets, weights=self._values * dual[self._row_of], minlength=self._size)
