"""What another policy would have been worth, from what the old one logged: graded answers and their propensities.

The *propensity* of a row is the probability with which the old policy would have served the model that it served. Row i
counts for the new policy with weight w_i = [same model] / propensity. Sources: inverse propensity, Horvitz and Thompson
(JASA 47, 1952); doubly robust, Dudik, Langford and Li (ICML 2011, arXiv 1103.4601): unbiased where the propensities are
right, whatever the predictions are worth, and precise where the predictions are good.
"""

import math
from statistics import NormalDist
from typing import TYPE_CHECKING

from msgspec import Struct

from baton.stats.intervals import Interval

if TYPE_CHECKING:
    import numpy as np

SMALLEST = 1e-6
"""A propensity below this is taken for a mistake of the log."""


class Worth(Struct, frozen=True):
    """Mean quality under the new policy, with a normal interval (95 %, ends cut to what is possible: 0..1)."""

    mean: float
    interval: Interval
    n: int
    effective_n: float
    """(sum w)^2 / sum w^2: rows of equal weight that would say as much. Below some 30 the interval is not to be
    trusted."""


def doubly_robust(
    predicted: "np.ndarray",
    predicted_served: "np.ndarray",
    grades: "np.ndarray",
    same: "np.ndarray",
    propensities: "np.ndarray",
) -> Worth:
    """Mean of `predicted + w (grade - predicted_served)`; all are (rows,).

    `predicted`: of the model that the new policy takes; `predicted_served`: of the one that was served, whose answer
    got `grades`; `same`: whether both are one. With predictions of 0 it is the plain inverse propensity estimate.
    Raises ValueError for no rows, and for propensities that are none.
    """
    import numpy as np

    _refuse_bad(grades, propensities)
    weights = np.where(same, 1.0 / propensities, 0.0)
    terms = predicted + weights * (grades - predicted_served)
    mean, squares = float(terms.mean()), float((weights**2).sum())
    half = NormalDist().inv_cdf(0.975) * float(terms.std(ddof=1)) / math.sqrt(len(terms)) if len(terms) > 1 else 1.0
    return Worth(
        min(max(mean, 0.0), 1.0),
        Interval(max(0.0, mean - half), min(1.0, mean + half)),
        len(terms),
        float(weights.sum()) ** 2 / squares if squares else 0.0,
    )


def _refuse_bad(grades: "np.ndarray", propensities: "np.ndarray") -> None:
    import numpy as np

    if not len(grades):
        raise ValueError("no row is graded and has a propensity: there is nothing to weigh")
    if not (np.isfinite(grades).all() and ((grades >= 0) & (grades <= 1)).all()):
        raise ValueError("grades must lie in 0..1: leave out what was not graded")
    if not ((propensities > SMALLEST) & (propensities <= 1)).all():
        raise ValueError("propensities must lie above 0 and up to 1: what was served had some chance of it")
