"""The guess at a task type where nobody declared one and no rule tells it: hashed n-grams, linear, in plain Python.

One addition per n-gram: the weights of all types lie side by side in one integer, 32 bits apart, and above them a 1
for an n-gram that training has seen. Says nothing where it is not sure enough, and where it has seen too little of
what the prompt says.
"""

from math import exp, sqrt
from struct import unpack

from msgspec import Struct

from baton.decide import features
from baton.decide.text import capped
from baton.types.classifier import ClassifierWeights

HEAD_CHARS, TAIL_CHARS = 800, 400
"""What is read of a longer text: orders stand at its ends."""
FIELD_BYTES = 4
ZERO = 128
"""What is added to a weight, so that the fields of a sum never run below zero."""
SHIFTED = bytes((code + ZERO) % 256 for code in range(256))


class Guess(Struct, frozen=True, gc=False):
    """`name` is empty where nothing is guessed; `confidence` is the chance of the likeliest type, 0..1."""

    name: str
    confidence: float
    why: str


def codes_of(text: str) -> frozenset[int]:
    """The n-grams that count, of the caller's own words, normalised."""
    return features.buckets(capped(text, HEAD_CHARS, TAIL_CHARS))


class Classifier:
    """Raises ValueError for weights that were trained with other features, or whose sizes do not fit."""

    def __init__(self, weights: ClassifierWeights) -> None:
        types, rows = len(weights.names), 1 << weights.bits
        if weights.features != features.VERSION:
            raise ValueError(
                f"trained with features {weights.features!r}, and these are {features.VERSION!r}: train again"
            )
        if (len(weights.weights), len(weights.seen)) != (types * rows, 1 << features.BITS - 3):
            raise ValueError(f"{len(weights.weights)} weights do not fit {types} task types of {rows} buckets")
        self._weights = weights
        width = FIELD_BYTES * types
        wide = bytearray(width * rows)
        wide[::FIELD_BYTES] = weights.weights.translate(SHIFTED)
        new = [int.from_bytes(wide[at : at + width], "little") for at in range(0, len(wide), width)]
        known = [one | 1 << 8 * width for one in new]
        seen = [byte >> bit & 1 for byte in weights.seen for bit in range(8)]
        self._sums = [(known if seen[code] else new)[code & rows - 1] for code in range(len(seen))]
        self._width = width + FIELD_BYTES
        self._format = f"<{types + 1}I"

    def guess(self, text: str) -> Guess:
        """`text`: the caller's own words, normalised."""
        codes = codes_of(text)
        if not codes:
            return Guess("", 0.0, "there is nothing to read")
        total = sum(map(self._sums.__getitem__, codes))
        *fields, seen = unpack(self._format, total.to_bytes(self._width, "little"))
        if len(codes) - seen > self._weights.unseen * len(codes):
            return Guess("", 0.0, "most of it is new to the classifier")
        best, chance = self._likeliest(fields, len(codes))
        if chance < self._weights.certain[best]:
            return Guess("", chance, f"the classifier is not sure: {best} {chance:.2f}")
        return Guess(best, chance, f"the classifier, {chance:.2f} sure")

    def _likeliest(self, fields: list[int], count: int) -> tuple[str, float]:
        """And its chance. `fields`: the sums of the weights of `count` n-grams."""
        zero, factor = ZERO * count, self._weights.scale / sqrt(count)
        scores = [(field - zero) * factor + more for field, more in zip(fields, self._weights.intercepts, strict=True)]
        top = max(scores)
        return self._weights.names[scores.index(top)], 1 / sum([exp(score - top) for score in scores])
