"""What a prompt itself says of the models, by weights learned from graded answers. Plain Python: no numpy in a gateway.

Where a prompt is unlike all that training has seen, nothing is said: a linear score always has a value, but out of
support it means nothing.
"""

from itertools import pairwise
from math import sqrt

from baton.decide.difficulty import Reading
from baton.decide.features import BITS, READING, SURFACE, Features
from baton.types.errors import BatonError
from baton.types.learned import Residual

FOREIGN = SURFACE.index("foreign")
SHORT_TEXT = 4
"""Buckets below which the share of unseen ones says nothing."""
OFFSET = 128
"""int8 kept as bytes 0..255: indexing them makes no new objects."""


class ResidualMisfit(BatonError):
    """Weights that this version of Baton cannot use."""

    code = "residual_misfit"


class ResidualReader:
    """Compiled once per version of what was learned. Raises ResidualMisfit."""

    def __init__(self, residual: Residual) -> None:
        _refuse_misfit(residual)
        self._residual = residual
        size = 1 << residual.bits
        shifted = residual.weights.translate(bytes((code + OFFSET) % 256 for code in range(256)))
        self._rows = [shifted[start : start + size] for start in range(0, len(shifted), size)]
        self._mask = size - 1
        self._fold = residual.bits < BITS
        self._cheap = residual.models.index(residual.cheap)

    def read(self, features: Features, task_type: str | None = None) -> Reading:
        """Difficulty, and per model the loss beyond that of its task type; neither for a prompt out of support."""
        buckets = frozenset([one & self._mask for one in features.buckets]) if self._fold else features.buckets
        if why := self._out_of_support(features, buckets):
            return Reading(None, None, why)
        residual = self._residual
        scores = [self._score(place, features, buckets) for place in range(len(residual.models))]
        lines = residual.deviation_in.get(task_type or "", residual.deviation)
        gains = {
            model: line.slope * score + line.offset
            for model, line, score in zip(residual.models, lines, scores, strict=True)
        }
        return Reading(_along(residual.worse, scores[self._cheap]), gains, "learned from graded answers")

    def scores(self, features: Features) -> dict[str, float]:
        """Per model the bare score, whether or not the prompt is in support."""
        buckets = frozenset([one & self._mask for one in features.buckets])
        return {model: self._score(place, features, buckets) for place, model in enumerate(self._residual.models)}

    def _score(self, place: int, features: Features, buckets: frozenset[int]) -> float:
        residual = self._residual
        drawn = sorted(map(self._rows[place].__getitem__, buckets))
        cut = int(len(drawn) * residual.trim)
        kept = len(drawn) - 2 * cut
        words = sum(drawn[cut : cut + kept]) - OFFSET * kept
        numbers = sum(map(float.__mul__, residual.surface[place], features.surface))
        return residual.scales[place] * words / sqrt(len(drawn) or 1) + numbers + residual.intercepts[place]

    def _out_of_support(self, features: Features, buckets: frozenset[int]) -> str:
        """Why nothing can be said, or an empty text."""
        residual = self._residual
        shortest, longest = residual.lengths
        if not shortest <= features.length <= longest:
            return f"{features.length:,} characters are outside {shortest:,.0f} to {longest:,.0f} seen in training"
        if features.surface[FOREIGN] > residual.foreign:
            return "its script is one that training has hardly seen"
        seen = residual.seen
        unseen = sum([not seen[one >> 3] >> (one & 7) & 1 for one in buckets])
        if len(buckets) > SHORT_TEXT and unseen > residual.unseen * len(buckets):
            return f"{100 * unseen // len(buckets)} % of its words and pairs of words are new"
        return ""


def _along(points: tuple[tuple[float, float], ...], score: float) -> float:
    """The value at a score of a line through points by rising score, flat beyond its ends."""
    if score <= points[0][0]:
        return points[0][1]
    for (x0, y0), (x1, y1) in pairwise(points):
        if score < x1:
            return y0 + (y1 - y0) * (score - x0) / (x1 - x0)
    return points[-1][1]


def _refuse_misfit(residual: Residual) -> None:
    models, size = len(residual.models), 1 << residual.bits
    if residual.features != READING:
        raise ResidualMisfit(
            f"the weights were trained on features of version {residual.features!r}, this is {READING!r}: "
            "train again (baton learn)"
        )
    per_model = (residual.scales, residual.surface, residual.intercepts, residual.deviation)
    fits = (
        residual.bits <= BITS
        and len(residual.weights) == models * size
        and all(len(one) == models for one in (*per_model, *residual.deviation_in.values()))
        and all(len(one) == len(SURFACE) for one in residual.surface)
        and len(residual.seen) == max(1, size >> 3)
        and residual.cheap in residual.models
        and len(residual.worse) > 0
    )
    if not fits:
        raise ResidualMisfit("the weights are damaged: their sizes do not fit each other")
