"""Prompts as a sparse matrix of hashed n-grams beside standardised surface numbers.

Row i holds 1/sqrt(buckets of i) in each of its buckets, scaled so that the mean row has length 1.
"""

from collections.abc import Sequence

import numpy as np
from msgspec import Struct

from baton.decide.features import BITS, Features


class Design(Struct, frozen=True):
    """`buckets[starts[i]:starts[i + 1]]` are the buckets of row i. Every row has at least one."""

    bits: int
    buckets: np.ndarray
    starts: np.ndarray
    surface: np.ndarray
    """Shape (rows, numbers), as read."""
    lengths: np.ndarray

    def __len__(self) -> int:
        return len(self.starts) - 1

    @property
    def sizes(self) -> np.ndarray:
        return np.diff(self.starts)

    def at(self, rows: np.ndarray) -> "Design":
        sizes = self.sizes[rows]
        starts = np.concatenate([[0], np.cumsum(sizes)])
        within = np.arange(starts[-1]) - np.repeat(starts[:-1], sizes)
        taken = np.repeat(self.starts[:-1][rows], sizes) + within
        return Design(self.bits, self.buckets[taken], starts, self.surface[rows], self.lengths[rows])

    def counts(self) -> np.ndarray:
        """How many rows show each bucket."""
        return np.bincount(self.buckets, minlength=1 << self.bits)


def design_of(features: Sequence[Features], bits: int = BITS) -> Design:
    mask = (1 << bits) - 1
    rows = [sorted({one & mask for one in found.buckets}) or [0] for found in features]
    starts = np.concatenate([[0], np.cumsum([len(row) for row in rows])]).astype(np.int64)
    return Design(
        bits,
        np.fromiter((one for row in rows for one in row), dtype=np.int64, count=int(starts[-1])),
        starts,
        np.array([found.surface for found in features], dtype=np.float64),
        np.array([found.length for found in features], dtype=np.float64),
    )


def trimmed_scores(design: Design, weights: np.ndarray, trim: float) -> np.ndarray:
    """Per row: the sum of `weights` over its buckets without a share `trim` at either end, / sqrt(buckets).

    The same as `decide/residual.py` does for one prompt.
    """
    drawn = weights[design.buckets]
    sizes = design.sizes
    row_of = np.repeat(np.arange(len(design)), sizes)
    order = np.lexsort((drawn, row_of))
    rank = np.arange(len(drawn)) - np.repeat(design.starts[:-1], sizes)
    cut = np.repeat((sizes * trim).astype(np.int64), sizes)
    kept = (rank >= cut) & (rank < np.repeat(sizes, sizes) - cut)
    sums: np.ndarray = np.bincount(row_of, weights=drawn[order] * kept, minlength=len(design))
    scores: np.ndarray = sums / np.sqrt(sizes)
    return scores
