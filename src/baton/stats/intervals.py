"""Intervals for a share of successes and for a mean of scores: Wilson to show, Clopper-Pearson to promise.

Shares and scores lie in 0..1 and have no unit. `level` is the two-sided confidence, .95 unless said.
"""

import math
from collections.abc import Sequence
from statistics import NormalDist
from typing import TYPE_CHECKING

from msgspec import Struct

from baton.stats.quantiles import beta_quantile

if TYPE_CHECKING:
    import numpy as np

RESAMPLE_CELLS = 2_000_000
"""Numbers held at once while resampling (16 MB of float64): more distinct scores are worked off in several blocks."""


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
    low = 0.0 if successes == 0 else beta_quantile(tail, successes, n - successes + 1)
    high = 1.0 if successes == n else beta_quantile(1 - tail, successes + 1, n - successes)
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


def bca_mean(
    values: "Sequence[float] | np.ndarray",
    rng: "np.random.Generator",
    *,
    clusters: "Sequence[object] | np.ndarray | None" = None,
    level: float = 0.95,
    resamples: int = 2000,
) -> Interval:
    """Bias-corrected and accelerated bootstrap of the mean, in the unit of `values`; for costs, whose tail is heavy.

    The ends are the quantiles Phi(z0 + (z0 + z) / (1 - a (z0 + z))) of the resampled means, z the normal quantiles of
    (1-level)/2 and (1+level)/2, z0 that of the share of means below the sample's (ties count half), a the acceleration
    from the jackknife, sum d^3 / (6 (sum d^2)^1.5). Source: B. Efron, JASA 82 (1987) 171-185.

    `values` has shape (n,). `clusters`, of the same length, names the conversation or document of each: whole clusters
    are then drawn and left out, and the mean is the sum of values over the number of values (a ratio). All values of
    one cluster tell little about others: fewer than two clusters are refused.
    """
    import numpy as np

    points = np.asarray(values, dtype=np.float64)
    _refuse_bad_sample(points, np.ones(points.shape, dtype=np.int64), level, resamples)
    sums, sizes = _cluster_sums(points, clusters)
    if sums.size < 2:
        raise ValueError("there is one cluster: how clusters differ cannot be seen from it, need at least two")
    mean = points.mean()
    means = _resampled_ratios(sums, sizes, rng, resamples)
    left_out = (sums.sum() - sums) / (sizes.sum() - sizes)
    deviations = left_out.mean() - left_out
    spread = (deviations**2).sum()
    if spread <= (1e-12 * max(abs(mean), 1e-300)) ** 2 or means.max() - means.min() == 0:
        return Interval(float(mean), float(mean))
    acceleration = (deviations**3).sum() / (6 * spread**1.5)
    below = ((means < mean).sum() + 0.5 * (means == mean).sum()) / resamples
    normal = NormalDist()
    bias = normal.inv_cdf(min(max(below, 0.5 / resamples), 1 - 0.5 / resamples))
    shares = [_accelerated(normal, bias, acceleration, tail) for tail in ((1 - level) / 2, (1 + level) / 2)]
    low, high = np.quantile(means, shares)
    return Interval(float(low), float(high))


def scores_of(values: "Sequence[float] | np.ndarray", name: str) -> "np.ndarray":
    """The same scores as a checked array of shape (n,), float64, each in 0..1; `name` is for the error."""
    import numpy as np

    scores = np.asarray(values, dtype=np.float64)
    if scores.ndim != 1:
        raise ValueError(f"{name} has shape {scores.shape}: need one axis")
    bad = ~((scores >= 0) & (scores <= 1))  # also finds NaN
    if bad.any():
        place = int(bad.argmax())
        raise ValueError(f"{name}[{place}] is {scores[place]!r}: need scores in 0..1, leave out what was not graded")
    return scores


def _cluster_sums(
    points: "np.ndarray", clusters: "Sequence[object] | np.ndarray | None"
) -> "tuple[np.ndarray, np.ndarray]":
    """Sum and number of the values of each cluster, both of shape (clusters,)."""
    import numpy as np

    if clusters is None:
        return points, np.ones(points.shape)
    names = np.asarray(clusters)
    if names.shape != points.shape:
        raise ValueError(f"{names.shape} clusters of {points.shape} values: need one name for each value")
    _, places = np.unique(names, return_inverse=True)
    return np.bincount(places, weights=points), np.bincount(places).astype(np.float64)


def _resampled_ratios(
    sums: "np.ndarray", sizes: "np.ndarray", rng: "np.random.Generator", resamples: int
) -> "np.ndarray":
    import numpy as np

    block = max(1, RESAMPLE_CELLS // sums.size)
    parts = []
    for start in range(0, resamples, block):
        drawn = rng.integers(0, sums.size, size=(min(block, resamples - start), sums.size))
        parts.append(sums[drawn].sum(axis=1) / sizes[drawn].sum(axis=1))
    return np.concatenate(parts)


def _accelerated(normal: NormalDist, bias: float, acceleration: float, tail: float) -> float:
    reach = bias + normal.inv_cdf(tail)
    slack = 1 - acceleration * reach
    if slack <= 0:  # the correction has no meaning beyond its pole: the outermost resample
        return 1.0 if reach > 0 else 0.0
    return normal.cdf(bias + reach / slack)


def _refuse_bad_counts(successes: float, n: int, level: float) -> None:
    if n < 0 or not 0 <= successes <= n:  # also refuses NaN
        raise ValueError(f"{successes!r} successes of {n!r} trials: need 0 <= successes <= n")
    refuse_bad_level(level)


def refuse_bad_level(level: float) -> None:
    if not 0 < level < 1:
        raise ValueError(f"level is {level!r}: need a confidence between 0 and 1, such as 0.95")


def _refuse_bad_sample(points: "np.ndarray", weights: "np.ndarray", level: float, resamples: int) -> None:
    refuse_bad_level(level)
    if points.ndim != 1 or points.shape != weights.shape:
        raise ValueError(f"values of shape {points.shape} with counts of shape {weights.shape}: need one axis, equal")
    if not all(map(math.isfinite, points)):
        raise ValueError("values hold NaN or infinity: leave out what was not graded")
    if weights.min(initial=0) < 0 or weights.sum() == 0:
        raise ValueError("there is nothing to resample: need at least one value, and no count below 0")
    if resamples < 1:
        raise ValueError(f"resamples is {resamples!r}: need at least 1, 2000 is usual")
