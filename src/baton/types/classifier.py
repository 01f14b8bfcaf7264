"""The weights of the classifier of task types: plain values. `decide/classifier.py` uses them."""

from msgspec import Struct


class ClassifierWeights(Struct, frozen=True):
    """Multinomial logistic regression on the distinct hashed n-grams of a prompt, n of them, scaled by 1 / sqrt(n)."""

    features: str
    """Version of `decide/features.py` that it was trained with."""
    names: tuple[str, ...]
    """The task types, in the order of the weights."""
    bits: int
    """2**bits buckets: the lower bits of the codes of the n-grams."""
    weights: bytes
    """int8, bucket by bucket, in each bucket type by type."""
    scale: float
    """What one step of a weight is worth, calibrated: the softmax of the scores is the chance of each type."""
    intercepts: tuple[float, ...]
    certain: dict[str, float]
    """Per type: below this chance nothing is guessed."""
    seen: bytes
    """One bit per code of an n-gram: whether training has shown it."""
    unseen: float
    """A prompt with a larger share of n-grams that training has not shown is out of support."""
