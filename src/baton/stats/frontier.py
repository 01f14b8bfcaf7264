"""What a router is worth: the gap recovered per share of strong calls, and the frontier of cost and quality.

Qualities are 0..1 per prompt; a score is higher where the strong model should be asked. Prompts of equal score count at
their expected value under a random order. Sources: APGR and CPT, RouteLLM (arXiv 2406.18665, section 4); AIQ,
RouterBench (arXiv 2403.12031, section 4), with the cost range of the models at hand instead of zero to the largest.
"""

from collections.abc import Callable, Iterable
from itertools import pairwise
from typing import TYPE_CHECKING

from msgspec import Struct

from baton.stats.intervals import Interval

if TYPE_CHECKING:
    import numpy as np

RESAMPLES = 1_000
BLOCK_CELLS = 2_000_000
"""Numbers held at once while resampling."""


class Curve(Struct, frozen=True):
    """Share of strong calls 0..1, ascending from 0 to 1, and the share of the gap recovered there; linear between."""

    shares: "np.ndarray"
    recovered: "np.ndarray"


def recovery_curve(scores: "np.ndarray", weak: "np.ndarray", strong: "np.ndarray") -> Curve:
    """PGR(x) = (quality with the x highest scores sent to the strong model - weak) / (strong - weak).

    Raises ValueError where the strong model is not better than the weak one, so that there is no gap to recover.
    """
    import numpy as np

    gains, blocks = _in_order(scores, weak, strong)
    if gains.sum() <= 0:
        raise ValueError("the strong model is not better than the weak one here: there is no gap to recover")
    shares, recovered = _running(np.ones((1, gains.size)), gains, blocks)
    return Curve(shares[0], recovered[0])


def apgr(scores: "np.ndarray", weak: "np.ndarray", strong: "np.ndarray") -> float:
    """Mean of PGR over all shares of strong calls: .5 for a random router. Raises ValueError without a gap."""
    curve = recovery_curve(scores, weak, strong)
    return float(_area(curve.shares, curve.recovered))


def calls_needed(scores: "np.ndarray", weak: "np.ndarray", strong: "np.ndarray", recovered: float) -> float:
    """CPT(p): the least share of strong calls, 0..1, that recovers `recovered` (0..1) of the gap."""
    import numpy as np

    if not 0 <= recovered <= 1:
        raise ValueError(f"recovered is {recovered!r}: need a share of the gap, 0..1")
    curve = recovery_curve(scores, weak, strong)
    first = int(np.argmax(curve.recovered >= recovered - 1e-12))
    if first == 0:
        return 0.0
    (x0, x1), (y0, y1) = curve.shares[first - 1 : first + 1], curve.recovered[first - 1 : first + 1]
    return float(x0 + (x1 - x0) * (recovered - y0) / (y1 - y0))


def apgr_interval(
    scores: "np.ndarray",
    weak: "np.ndarray",
    strong: "np.ndarray",
    rng: "np.random.Generator",
    *,
    level: float = 0.95,
    resamples: int = RESAMPLES,
) -> Interval:
    """Percentile bootstrap over prompts."""
    return _percentiles(_resampled([scores], weak, strong, rng, resamples)[0], level)


def apgr_difference(
    ours: "np.ndarray",
    theirs: "np.ndarray",
    weak: "np.ndarray",
    strong: "np.ndarray",
    rng: "np.random.Generator",
    *,
    level: float = 0.95,
    resamples: int = RESAMPLES,
) -> tuple[float, Interval]:
    """APGR(ours) - APGR(theirs), and its percentile bootstrap over prompts: both see the same resamples."""
    one, two = _resampled([ours, theirs], weak, strong, rng, resamples)
    return apgr(ours, weak, strong) - apgr(theirs, weak, strong), _percentiles(one - two, level)


def hull(points: Iterable[tuple[float, float]]) -> list[tuple[float, float]]:
    """The non-decreasing concave upper hull of (cost, quality), from the cheapest point to the best one.

    Every point on it can be reached by mixing two policies; policies beyond it cannot.
    """
    found: list[tuple[float, float]] = []
    for point in sorted(points, key=lambda one: (one[0], -one[1])):
        if found and point[1] <= found[-1][1]:
            continue
        while len(found) > 1 and _below(found[-1], found[-2], point):
            found.pop()
        found.append(point)
    return found


def aiq(points: Iterable[tuple[float, float]], cheapest: float, dearest: float) -> float:
    """Mean quality of the hull over the costs from `cheapest` to `dearest`, flat after its best point.

    Raises ValueError for an empty range, and where no point is as cheap as `cheapest`: the hull has no value there.
    """
    corners = hull(points)
    if not cheapest < dearest:
        raise ValueError(f"costs from {cheapest!r} to {dearest!r}: need a range")
    if not corners or corners[0][0] > cheapest * (1 + 1e-9):
        raise ValueError(f"no point at or below the cheapest cost {cheapest!r}")
    ends = [(cost, quality) for cost, quality in corners if cheapest < cost < dearest]
    whole = [(cheapest, _at(corners, cheapest)), *ends, (dearest, _at(corners, dearest))]
    area = sum((c1 - c0) * (q0 + q1) / 2 for (c0, q0), (c1, q1) in pairwise(whole))
    return area / (dearest - cheapest)


def bootstrap(
    statistic: "Callable[[np.ndarray], float]",
    n: int,
    rng: "np.random.Generator",
    *,
    level: float = 0.95,
    resamples: int = RESAMPLES,
) -> Interval:
    """Percentile bootstrap of any statistic of `n` rows; it is given the numbers of the rows drawn."""
    import numpy as np

    return _percentiles(np.array([statistic(rng.integers(0, n, n)) for _ in range(resamples)]), level)


def _in_order(scores: "np.ndarray", weak: "np.ndarray", strong: "np.ndarray") -> "tuple[np.ndarray, np.ndarray]":
    """Gains by falling score, and where each block of equal scores begins."""
    import numpy as np

    scores, weak, strong = (np.asarray(one, dtype=np.float64) for one in (scores, weak, strong))
    if scores.ndim != 1 or scores.shape != weak.shape or weak.shape != strong.shape or not scores.size:
        raise ValueError(f"scores {scores.shape}, weak {weak.shape}, strong {strong.shape}: need one value a prompt")
    if not (np.isfinite(scores).all() and np.isfinite(weak).all() and np.isfinite(strong).all()):
        raise ValueError("scores or qualities hold NaN or infinity: leave out what was not graded")
    order = np.argsort(-scores, kind="stable")
    falling = scores[order]
    return (strong - weak)[order], np.concatenate([[0], np.flatnonzero(falling[1:] != falling[:-1]) + 1])


def _running(counts: "np.ndarray", gains: "np.ndarray", blocks: "np.ndarray") -> "tuple[np.ndarray, np.ndarray]":
    """Per row of `counts` (how often each prompt was drawn): shares and recovered gap at the ends of the blocks.

    NaN where the prompts drawn have no gap.
    """
    import numpy as np

    drawn = np.cumsum(np.add.reduceat(counts, blocks, axis=1), axis=1)
    gained = np.cumsum(np.add.reduceat(counts * gains, blocks, axis=1), axis=1)
    zero = np.zeros((counts.shape[0], 1))
    gap = gained[:, -1:]
    recovered = gained / np.where(gap > 0, gap, np.nan)
    return np.hstack([zero, drawn / drawn[:, -1:]]), np.hstack([zero, recovered])


def _area(shares: "np.ndarray", recovered: "np.ndarray") -> "np.ndarray":
    import numpy as np

    area: np.ndarray = np.trapezoid(recovered, shares, axis=-1)
    return area


def _resampled(
    scores: "list[np.ndarray]", weak: "np.ndarray", strong: "np.ndarray", rng: "np.random.Generator", resamples: int
) -> "list[np.ndarray]":
    """APGR of each score on the same resamples; NaN where a resample has no gap."""
    import numpy as np

    n = len(weak)
    ordered = [(np.argsort(-np.asarray(one), kind="stable"), *_in_order(one, weak, strong)) for one in scores]
    found: list[list[np.ndarray]] = [[] for _ in scores]
    step = max(1, BLOCK_CELLS // n)
    for start in range(0, resamples, step):
        counts = rng.multinomial(n, np.full(n, 1 / n), size=min(step, resamples - start))
        for place, (order, gains, blocks) in enumerate(ordered):
            drawn = counts[:, order]
            areas = _area(*_running(drawn, gains, blocks))
            found[place].append(areas)
    return [np.concatenate(parts) for parts in found]


def _percentiles(values: "np.ndarray", level: float) -> Interval:
    """Raises ValueError where over a tenth of the resamples have no value: too few prompts for an interval."""
    import numpy as np

    known = values[np.isfinite(values)]
    if known.size < 0.9 * values.size:
        raise ValueError("many resamples have no gap between the models: too few prompts for an interval")
    low, high = np.quantile(known, [(1 - level) / 2, (1 + level) / 2])
    return Interval(float(low), float(high))


def _below(middle: tuple[float, float], left: tuple[float, float], right: tuple[float, float]) -> bool:
    """Whether `middle` lies on or under the line from `left` to `right`."""
    rise = (middle[1] - left[1]) * (right[0] - left[0])
    return rise <= (right[1] - left[1]) * (middle[0] - left[0])


def _at(corners: list[tuple[float, float]], cost: float) -> float:
    """Quality of the hull at a cost that is not below its first corner."""
    for (c0, q0), (c1, q1) in pairwise(corners):
        if cost < c1:
            return q0 + (q1 - q0) * (cost - c0) / (c1 - c0)
    return corners[-1][1]
