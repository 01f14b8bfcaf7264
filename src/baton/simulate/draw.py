"""Randomness as a pure function of names: the same parts give the same draw in every process and on every machine."""

import random
from hashlib import blake2b
from statistics import NormalDist

Part = str | int

_STANDARD = NormalDist()


def digest(*parts: Part) -> int:
    """64 bits; the parts are kept apart, so `("a", "bc")` and `("ab", "c")` draw differently."""
    text = "\x1f".join(map(str, parts))
    return int.from_bytes(blake2b(text.encode("utf-8", "surrogatepass"), digest_size=8).digest())


def uniform(*parts: Part) -> float:
    """Strictly between 0 and 1."""
    return ((digest(*parts) >> 11) + 0.5) / (1 << 53)


def normal(*parts: Part) -> float:
    return _STANDARD.inv_cdf(uniform(*parts))


def generator(*parts: Part) -> random.Random:
    return random.Random(digest(*parts))  # noqa: S311 - a simulation has to be repeatable, not secret


def label(length: int, *parts: Part) -> str:
    """Letters and digits for identifiers, at most 32 of them."""
    text = "\x1f".join(map(str, parts))
    return blake2b(text.encode("utf-8", "surrogatepass"), digest_size=16).hexdigest()[:length]
