"""Who is right about what: item response against difficulty, with common random numbers.

`P(right) = sigmoid(a * (skill - difficulty))`. Whether a model is right is one draw from a Gaussian copula: a part that
all models share for an item (so that a better model is right on nearly everything that a weaker one is right on), and a
part of its own. The weight of the own part decides how often the weaker of two models *alone* is right; that share, the
*discordance*, is what one states, and the weight is found from it.
"""

import math
from collections.abc import Iterable, Mapping
from itertools import pairwise
from statistics import NormalDist

from baton.simulate.draw import normal

DISCRIMINATION = 4.0
"""a: how fast the chance falls where skill and difficulty meet, on a scale on which difficulty runs from 0 to 1."""

RECORDED_DISCORDANCE = 0.05
"""Share of prompts on which the weaker of two models alone is right, as in recorded pairs (MMLU: 5.2-5.4 %)."""

RESAMPLED = 0.5
"""Share of a model's own part that is drawn anew when a request asks for another sample of the same answer."""

SkillByType = Mapping[str, float]

_STANDARD = NormalDist()
_DIFFICULTIES = tuple((step + 0.5) / 6 for step in range(6))
_SHARED_DRAWS = tuple(_STANDARD.inv_cdf((step + 0.5) / 32) for step in range(32))
_LEAST_OWN, _HALVINGS = 1e-3, 14


def chance(skill: float, difficulty: float) -> float:
    """P(right)."""
    return 1 / (1 + math.exp(-DISCRIMINATION * (skill - difficulty)))


def is_right(*, chance: float, own: float, seed: int, item: str, model: str, sample: int = 0) -> bool:
    """A pure function of its arguments. `own` is the variance share of the model's own draw, 0..1.

    Another `sample` redraws half of the own part: a resampled answer often comes out the same, as with real models.
    """
    private = normal("own", seed, item, model)
    if sample:
        private = math.sqrt(1 - RESAMPLED) * private + math.sqrt(RESAMPLED) * normal(
            "sample", seed, item, model, sample
        )
    latent = math.sqrt(1 - own) * normal("shared", seed, item) + math.sqrt(own) * private
    return latent < _STANDARD.inv_cdf(chance)


def expected_quality(skills: SkillByType, mix: SkillByType) -> float:
    """Mean P(right) over a workload of that mix of task types with difficulties uniform over 0..1."""
    return sum(share * _mean(chance(skills[name], b) for b in _DIFFICULTIES) for name, share in mix.items())


def own_share(models: Iterable[SkillByType], mix: SkillByType, discordance: float) -> float:
    """The variance share of the own part at which neighbours in quality have that discordance on average.

    Raises ValueError where no share gives it: models far apart cannot disagree often, and models that cross must.
    """
    ranked = sorted(models, key=lambda skills: -expected_quality(skills, mix))
    if len(ranked) < 2:
        return 0.5
    cells = [
        (share / len(_DIFFICULTIES), [_STANDARD.inv_cdf(chance(skills[name], b)) for skills in ranked])
        for name, share in mix.items()
        for b in _DIFFICULTIES
    ]
    low, high = _LEAST_OWN, 1.0
    least, most = _discordance(cells, low), _discordance(cells, high)
    if not least <= discordance <= most:
        raise ValueError(
            f"discordance {discordance!r} is out of reach of these models: between {least:.3f} and {most:.3f} is "
            "possible; choose a value in between, or bring the skills closer together"
        )
    for _ in range(_HALVINGS):
        middle = (low + high) / 2
        if _discordance(cells, middle) < discordance:
            low = middle
        else:
            high = middle
    return (low + high) / 2


def _discordance(cells: list[tuple[float, list[float]]], own: float) -> float:
    """Mean over neighbours of P(weaker right, stronger wrong), the shared draw integrated out."""
    root, kept = math.sqrt(own), math.sqrt(1 - own)
    total = 0.0
    for weight, thresholds in cells:
        for shared in _SHARED_DRAWS:
            right = [0.5 * math.erfc((kept * shared - bound) / root * math.sqrt(0.5)) for bound in thresholds]
            total += weight * _mean((1 - stronger) * weaker for stronger, weaker in pairwise(right))
    return total / len(_SHARED_DRAWS)


def _mean(values: Iterable[float]) -> float:
    found = list(values)
    return sum(found) / len(found)
