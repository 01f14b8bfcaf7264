"""Differences in quality between routing paths that are fair: paired, or weighted by the chance of being routed there.

Raw averages of two paths are confounded, since hard tasks go up. Fair are (a) pairs, both paths' grades of the same
prompt (shadow calls); (b) grades of requests whose chance of each path was drawn and logged. Where there is neither,
the answer is `NotComparable`, with the reason. Grades lie in 0..1, differences in -1..1.
"""

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING, Literal

from msgspec import Struct

from baton.stats.betting import betting_interval
from baton.stats.intervals import Interval, bca_mean, refuse_bad_level, scores_of
from baton.stats.quantiles import student_quantile

if TYPE_CHECKING:
    import numpy as np

FEWEST = 30
"""Pairs, or requests of either path (effective number, where they are weighted), below which nothing is compared."""


class Difference(Struct, frozen=True):
    """Mean quality on path a minus that on path b, for all traffic, not only that which took either."""

    difference: float
    interval: Interval
    method: Literal["paired", "weighted", "doubly robust"]
    n: int
    effective: float
    """Requests of the scarcer path that equally weighted ones would be worth; n where paired."""


class NotComparable(Struct, frozen=True):
    reason: str


class Routed(Struct, frozen=True):
    """Graded requests of one task type. All of shape (n,).

    `path`: index of the path taken; `chances`: shape (n, paths), with what chance each path would have been taken, as
    it was logged, or None where routing drew nothing; `predicted`: (n, paths), the grade that each path was expected to
    get (by a table made from other requests), or None.
    """

    path: "np.ndarray"
    grade: "np.ndarray"
    chances: "np.ndarray | None" = None
    predicted: "np.ndarray | None" = None


def paired_difference(
    a: "Sequence[float] | np.ndarray",
    b: "Sequence[float] | np.ndarray",
    level: float = 0.95,
    *,
    clusters: "Sequence[object] | np.ndarray | None" = None,
    rng: "np.random.Generator | None" = None,
) -> Difference | NotComparable:
    """Mean of a - b over the same prompts, both (n,).

    Betting interval of (a - b + 1) / 2 with n as horizon: holds for every n and distribution. With `clusters` (the
    conversation of each prompt) and `rng`, the clustered BCa bootstrap.
    """
    x, y = scores_of(a, "a"), scores_of(b, "b")
    if x.shape != y.shape:
        raise ValueError(f"{x.size} grades against {y.size}: need both paths' grade of every prompt")
    if x.size < FEWEST:
        return NotComparable(f"{x.size} prompts were graded on both paths, need {FEWEST}")
    gaps = x - y
    if clusters is None:
        found = betting_interval((gaps + 1) / 2, level, horizon=int(x.size))
        interval = Interval(2 * found.low - 1, 2 * found.high - 1)
    elif rng is None:
        raise ValueError("clusters are resampled: need rng")
    else:
        interval = bca_mean(gaps, rng, clusters=clusters, level=level)
    return Difference(float(gaps.mean()), interval, "paired", int(x.size), float(x.size))


def weighted_difference(routed: Routed, a: int, b: int, level: float = 0.95) -> Difference | NotComparable:
    """Quality on path a minus that on path b from logged chances, by augmented inverse-propensity weighting.

    mean of m_a - m_b + [path = a] / chance_a (grade - m_a) - [path = b] / chance_b (grade - m_b). m is what was
    predicted (doubly robust); without predictions m_p is the weighted mean of path p, which makes it Hajek's estimate.
    The interval is Student's, from the spread of the summands. Source: J. M. Robins, A. Rotnitzky, L. P. Zhao, JASA 89
    (1994) 846-866.
    """
    import numpy as np

    refuse_bad_level(level)
    grade = scores_of(routed.grade, "grade")
    taken = np.asarray(routed.path)
    if taken.shape != grade.shape:
        raise ValueError(f"{taken.shape} paths of {grade.shape} grades: need one of each per request")
    if routed.chances is None:
        return NotComparable("routing drew nothing at random and no prompt was graded on both paths")
    chances = _table(routed.chances, grade.size, "chances")
    reason = _why_not(taken, chances, (a, b))
    if reason is not None:
        return NotComparable(reason)
    weights = [np.where(taken == path, 1 / np.where(taken == path, chances[:, path], 1), 0.0) for path in (a, b)]
    effective = min(float(weight.sum() ** 2 / (weight**2).sum()) for weight in weights)
    if effective < FEWEST:
        return NotComparable(f"the scarcer path is worth {effective:.0f} equally likely requests, need {FEWEST}")
    if routed.predicted is None:
        expected = [np.full(grade.size, float(weight @ grade / weight.sum())) for weight in weights]
    else:
        predicted = _table(routed.predicted, grade.size, "predicted")
        expected = [predicted[:, path] for path in (a, b)]
    parts = [mean + weight * (grade - mean) for mean, weight in zip(expected, weights, strict=True)]
    summands = parts[0] - parts[1]
    difference = float(summands.mean())
    half = student_quantile((1 + level) / 2, effective - 1) * float(summands.std(ddof=1)) / math.sqrt(grade.size)
    method: Literal["weighted", "doubly robust"] = "weighted" if routed.predicted is None else "doubly robust"
    interval = Interval(max(-1.0, difference - half), min(1.0, difference + half))
    return Difference(difference, interval, method, int(grade.size), effective)


def _why_not(taken: "np.ndarray", chances: "np.ndarray", paths: tuple[int, int]) -> str | None:
    import numpy as np

    for path in paths:
        if not 0 <= path < chances.shape[1]:
            raise ValueError(f"path {path!r} of {chances.shape[1]}: need an index of the columns of chances")
        never = int((chances[:, path] <= 0).sum())
        if never:
            return f"{never} of {taken.size} requests could never have taken path {path}"
        if not (taken == path).any():
            return f"no graded request took path {path}"
    if not np.allclose(chances.sum(axis=1), 1, atol=1e-6):
        raise ValueError("chances of a request do not sum to 1: log the chance of every path")
    return None


def _table(values: "np.ndarray", rows: int, name: str) -> "np.ndarray":
    import numpy as np

    table = np.asarray(values, dtype=np.float64)
    if table.ndim != 2 or len(table) != rows:
        raise ValueError(f"{name} has shape {table.shape}: need ({rows}, paths)")
    if not ((table >= 0) & (table <= 1)).all():  # also refuses NaN
        raise ValueError(f"{name} hold NaN or a number outside 0..1")
    return table
