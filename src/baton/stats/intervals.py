"""Intervals for a share of successes and for a mean of scores: Wilson to show, Clopper-Pearson to promise.

Shares and scores lie in 0..1 and have no unit. `level` is the two-sided confidence, .95 unless said.
"""

import math
from collections.abc import Callable, Sequence
from statistics import NormalDist
from typing import TYPE_CHECKING

from msgspec import Struct

if TYPE_CHECKING:
    import numpy as np

RESAMPLE_CELLS = 2_000_000
"""Numbers held at once while resampling (16 MB of float64): more distinct scores are worked off in several blocks."""

FRACTION_STEPS = 20_000
BISECTIONS = 200


class Interval(Struct, frozen=True, array_like=True):
    """Both ends included; written to JSON as `[low, high]`."""

    low: float
    high: float


def wilson(successes: float, n: int, level: float = 0.95) -> Interval:
    """Wilson's score interval of a share, for display.

    (p + z^2/2n -+ z sqrt(p(1-p)/n + z^2/4n^2)) / (1 + z^2/n) with p = successes/n, z the normal quantile of
    (1+level)/2. Source: E. B. Wilson, JASA 22 (1927) 209-212.

    `successes` may be a sum of scores 0..1: such scores spread at most as far as 0/1 grades of the same mean, so the
    interval is then on the wide side. No trial (n = 0) leaves everything open: [0, 1].
    """
    _refuse_bad_counts(successes, n, level)
    if n == 0:
        return Interval(0.0, 1.0)
    z = NormalDist().inv_cdf((1 + level) / 2)
    share = successes / n
    scale = 1 + z * z / n
    centre = (share + z * z / (2 * n)) / scale
    half = z * math.sqrt(share * (1 - share) / n + z * z / (4 * n * n)) / scale
    # At the ends the formula gives 0 and 1 exactly; floating point leaves a remainder of either sign.
    low = 0.0 if successes == 0 else max(0.0, centre - half)
    high = 1.0 if successes == n else min(1.0, centre + half)
    return Interval(low, high)


def clopper_pearson(successes: int, n: int, level: float = 0.95) -> Interval:
    """The exact interval of a share, for promises: covers with at least `level` whatever the truth is.

    low = Beta quantile (1-level)/2 of (k, n-k+1), high = Beta quantile (1+level)/2 of (k+1, n-k), found by bisection
    on the regularised incomplete beta function. Source: C. J. Clopper, E. S. Pearson, Biometrika 26 (1934) 404-413.
    No trial (n = 0) gives [0, 1].
    """
    _refuse_bad_counts(successes, n, level)
    if successes != int(successes):
        raise ValueError(f"successes is {successes!r}: an exact interval counts whole successes, use wilson() for sums")
    tail = (1 - level) / 2
    low = 0.0 if successes == 0 else _beta_quantile(tail, successes, n - successes + 1)
    high = 1.0 if successes == n else _beta_quantile(1 - tail, successes + 1, n - successes)
    return Interval(low, high)


def bootstrap_mean(
    values: "Sequence[float] | np.ndarray",
    rng: "np.random.Generator",
    *,
    counts: "Sequence[int] | np.ndarray | None" = None,
    level: float = 0.95,
    resamples: int = 2000,
) -> Interval:
    """Percentile bootstrap of the mean, in the unit of `values`.

    `values` has shape (k,); `counts`, of the same shape, says how often each value occurred (once, if not given), so
    that a million grades with few distinct values cost little. A resample draws n = sum(counts) values with
    replacement; the ends are the (1-level)/2 and (1+level)/2 quantiles of the `resamples` means.
    Source: B. Efron, R. J. Tibshirani, An Introduction to the Bootstrap (1993), chapter 13.

    It is too narrow for small n (below about 30), and has no width at all where all values are equal.
    """
    import numpy as np  # 100 ms of CPU and 14 MB that a gateway does not need until somebody asks for a report

    points = np.asarray(values, dtype=np.float64)
    weights = np.ones(points.shape, dtype=np.int64) if counts is None else np.asarray(counts, dtype=np.int64)
    _refuse_bad_sample(points, weights, level, resamples)
    n = int(weights.sum())
    shares = weights / n
    block = max(1, RESAMPLE_CELLS // points.size)
    means = np.concatenate([
        rng.multinomial(n, shares, size=min(block, resamples - start)) @ points / n
        for start in range(0, resamples, block)
    ])  # fmt: skip
    low, high = np.quantile(means, [(1 - level) / 2, (1 + level) / 2])
    return Interval(float(low), float(high))


def _refuse_bad_counts(successes: float, n: int, level: float) -> None:
    if n < 0 or not 0 <= successes <= n:  # also refuses NaN
        raise ValueError(f"{successes!r} successes of {n!r} trials: need 0 <= successes <= n")
    _refuse_bad_level(level)


def _refuse_bad_level(level: float) -> None:
    if not 0 < level < 1:
        raise ValueError(f"level is {level!r}: need a confidence between 0 and 1, such as 0.95")


def _refuse_bad_sample(points: "np.ndarray", weights: "np.ndarray", level: float, resamples: int) -> None:
    _refuse_bad_level(level)
    if points.ndim != 1 or points.shape != weights.shape:
        raise ValueError(f"values of shape {points.shape} with counts of shape {weights.shape}: need one axis, equal")
    if not all(map(math.isfinite, points)):
        raise ValueError("values hold NaN or infinity: leave out what was not graded")
    if weights.min(initial=0) < 0 or weights.sum() == 0:
        raise ValueError("there is nothing to resample: need at least one value, and no count below 0")
    if resamples < 1:
        raise ValueError(f"resamples is {resamples!r}: need at least 1, 2000 is usual")


def _beta_quantile(probability: float, a: float, b: float) -> float:
    """The x in 0..1 below which Beta(a, b) has this probability, to the last bits of a float."""
    low, high = 0.0, 1.0
    for _ in range(BISECTIONS):
        middle = (low + high) / 2
        if middle in (low, high):
            break
        if _beta_cdf(middle, a, b) < probability:
            low = middle
        else:
            high = middle
    return (low + high) / 2


def _beta_cdf(x: float, a: float, b: float) -> float:
    """Regularised incomplete beta I_x(a, b), 0 < x < 1: continued fraction DLMF 8.17.22, mirrored where it is slow."""
    front = math.exp(
        math.lgamma(a + b) - math.lgamma(a) - math.lgamma(b) + a * math.log(x) + b * math.log1p(-x),
    )  # fmt: skip
    if x < (a + 1) / (a + b + 2):
        return front / a / _continued_fraction(lambda m: _beta_term(m, x, a, b))
    return 1 - front / b / _continued_fraction(lambda m: _beta_term(m, 1 - x, b, a))


def _beta_term(m: int, x: float, a: float, b: float) -> float:
    half, odd = divmod(m, 2)
    if odd:
        return -(a + half) * (a + b + half) * x / ((a + 2 * half) * (a + 2 * half + 1))
    return half * (b - half) * x / ((a + 2 * half - 1) * (a + 2 * half))


def _continued_fraction(term: Callable[[int], float]) -> float:
    """1 + term(1)/(1 + term(2)/(1 + ...)) from the front, by Lentz's method in Thompson and Barnett's form."""
    tiny = 1e-300
    value, up, down = 1.0, 1.0, 0.0
    for step in range(1, FRACTION_STEPS):
        coefficient = term(step)
        down = 1 / (1 + coefficient * down or tiny)
        up = 1 + coefficient / up or tiny
        value *= up * down
        if abs(up * down - 1) < 1e-15:
            return value
    raise ArithmeticError(f"the continued fraction did not settle within {FRACTION_STEPS} steps")
