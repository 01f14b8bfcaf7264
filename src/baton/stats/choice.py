"""The cheapest way to serve a mix of task types at a stated share of the reference's quality.

An *arm* is whatever can serve a task: a model, a model that thinks less, a cascade. Per type one arm is taken, and over
all types together the cheapest arms such that `mean(q - target * q_reference) >= 0` on the graded tasks: what one type
gives above the target, another may use. That mean is paired (both grades are of the same task), so its spread is that
of the difference; a lower confidence bound in its place makes the rule careful where there are few grades.

Arms of a type are compared by their mean grade there, shrunk to their mean over all types: `(n m + k m0) / (n + k)`.
"""

import math
from collections.abc import Sequence
from itertools import pairwise
from statistics import NormalDist
from typing import TYPE_CHECKING

from msgspec import Struct

from baton.stats.frontier import hull

if TYPE_CHECKING:
    import numpy as np

PRIOR_WEIGHT = 20.0
CONFIDENCES: tuple[float | None, ...] = (0.2, 0.3, 0.4, None, 0.6, 0.7, 0.8, 0.9, 0.95, 0.99)
"""Below .5 the choice itself may lie under the target, as far as that can be chance: other folds then decide."""
MARGIN = 0.5
BISECTIONS = 40
SLACK = 1e-12


class Outcomes(Struct, frozen=True):
    """Graded tasks: `types` (tasks,) numbers their task types from 0; `quality` 0..1 and `cost` are (tasks, arms).

    NaN where an arm was not graded: it stands for choice only in the types where it was graded on every task.
    """

    types: "np.ndarray"
    quality: "np.ndarray"
    cost: "np.ndarray"

    def at(self, rows: "np.ndarray") -> "Outcomes":
        return Outcomes(self.types[rows], self.quality[rows], self.cost[rows])


class Choice(Struct, frozen=True):
    """One arm per type; where the target leaves room, a `share` of the tasks goes to arms that are cheaper still."""

    arms: tuple[int, ...]
    cheaper: tuple[int, ...]
    share: float
    """0..1 of the tasks of every type, drawn without regard to the task."""


class Served(Struct, frozen=True):
    """What a choice gives on each task, (tasks,): expected over the draw of the share."""

    quality: "np.ndarray"
    cost: "np.ndarray"


def served(choice: Choice, outcomes: Outcomes) -> Served:
    import numpy as np

    rows = np.arange(len(outcomes.types))
    usual, cheaper = (np.asarray(arms)[outcomes.types] for arms in (choice.arms, choice.cheaper))
    quality, cost = (
        table[rows, usual] if choice.share == 0.0
        else (1 - choice.share) * table[rows, usual] + choice.share * table[rows, cheaper]
        for table in (outcomes.quality, outcomes.cost)
    )  # fmt: skip
    return Served(quality, cost)


def cheapest_adequate(
    outcomes: Outcomes,
    reference: int,
    target: float,
    *,
    confidence: float | None = None,
    shares: bool = False,
    prior_weight: float = PRIOR_WEIGHT,
) -> Choice:
    """The cheapest choice whose `mean(q - target * q_reference)` is not below 0; else the reference for every type.

    `confidence` None takes the mean as it is, else its one-sided lower bound (normal, tasks independent). `shares`
    also tries to send a share of the tasks one way and the rest another. Raises ValueError for bad input.
    """
    _refuse_bad(outcomes, reference, target, confidence)
    z = 0.0 if confidence is None else NormalDist().inv_cdf(confidence)
    types = int(outcomes.types.max()) + 1
    tried = [(reference,) * types, *_path(outcomes, prior_weight)]
    given = [served(Choice(arms, arms, 0.0), outcomes) for arms in tried]
    margins = [one.quality - target * outcomes.quality[:, reference] for one in given]
    costs = [float(one.cost.mean()) for one in given]
    best, least = Choice(tried[0], tried[0], 0.0), costs[0]
    for i, usual in enumerate(tried):
        for j in (j for j in range(len(tried)) if j == i or (shares and costs[j] < costs[i])):
            share = 1.0 if i == j else _largest_share(margins[i], margins[j], z)
            cost = (1 - share) * costs[i] + share * costs[j]
            if cost < least and _bound(margins[i], margins[j], share, z) >= -SLACK:
                best, least = Choice(usual, tried[j], 0.0 if i == j else share), cost
    return best


class Careful(Struct, frozen=True):
    """A choice with the confidence it took, and what choices of that kind gave on tasks they were not made on."""

    choice: Choice
    confidence: float | None
    held_out: Served


def careful(
    outcomes: Outcomes,
    reference: int,
    target: float,
    folds: "np.ndarray",
    *,
    confidences: Sequence[float | None] = CONFIDENCES,
    shares: bool = False,
    prior_weight: float = PRIOR_WEIGHT,
) -> Careful:
    """The choice at that one of `confidences` that is cheapest on tasks it was not made on and keeps the target there.

    Of many arms the one that looks best is partly lucky, and whole arms rarely meet a target exactly: which confidence
    makes up for both, cross-validation over `folds` ((tasks,), numbers) tells. The target is kept where the mean margin
    held out is at least MARGIN standard errors; of equals the most careful is taken, and so where none keeps it.
    """
    if not confidences:
        raise ValueError("no confidence to try: give at least one")
    ordered = sorted(confidences, key=lambda one: 0.5 if one is None else one, reverse=True)
    tried = [(one, _held_out(outcomes, reference, target, folds, one, shares, prior_weight)) for one in ordered]
    kept = [(one, apart) for one, apart in tried if _keeps(apart, outcomes.quality[:, reference], target)]
    confidence, apart = min(kept, key=lambda one: float(one[1].cost.mean()), default=tried[0])
    choice = cheapest_adequate(
        outcomes, reference, target, confidence=confidence, shares=shares, prior_weight=prior_weight
    )
    return Careful(choice, confidence, apart)


def _keeps(apart: Served, quality: "np.ndarray", target: float) -> bool:
    margin = apart.quality - target * quality
    error = float(margin.std(ddof=1)) / math.sqrt(len(margin)) if len(margin) > 1 else 1.0
    return float(margin.mean()) >= MARGIN * error


def _held_out(
    outcomes: Outcomes,
    reference: int,
    target: float,
    folds: "np.ndarray",
    confidence: float | None,
    shares: bool,
    prior_weight: float,
) -> Served:
    import numpy as np

    quality, cost = np.zeros(len(folds)), np.zeros(len(folds))
    for fold in np.unique(folds):
        inside, outside = np.flatnonzero(folds != fold), np.flatnonzero(folds == fold)
        choice = cheapest_adequate(
            outcomes.at(inside), reference, target, confidence=confidence, shares=shares, prior_weight=prior_weight
        )
        apart = served(choice, outcomes.at(outside))
        quality[outside], cost[outside] = apart.quality, apart.cost
    return Served(quality, cost)


def _path(outcomes: Outcomes, prior_weight: float) -> list[tuple[int, ...]]:
    """Choices from the best to the cheapest: all that maximise `quality - lambda * cost` for some lambda.

    Each step takes one type one corner down its frontier of cost and quality, the least loss per dollar saved first.
    """
    corners = _corners(outcomes, prior_weight)
    now = [ladder[-1][1] for ladder in corners]
    steps = [
        ((better[0][1] - worse[0][1]) / (better[0][0] - worse[0][0]), place, worse[1])
        for place, ladder in enumerate(corners)
        for worse, better in pairwise(ladder)
    ]
    found = [tuple(now)]
    for _, place, arm in sorted(steps, key=lambda step: step[0]):
        now[place] = arm
        found.append(tuple(now))
    return found


def _corners(outcomes: Outcomes, prior_weight: float) -> list[list[tuple[tuple[float, float], int]]]:
    """Per type, from the cheapest to the best: the corners of its frontier with the arms that stand there."""
    import numpy as np

    types = int(outcomes.types.max()) + 1
    overall = np.nanmean(outcomes.quality, axis=0)
    found = []
    for number in range(types):
        rows = outcomes.types == number
        graded = outcomes.quality[rows]
        n = len(graded)
        weight = prior_weight if types > 1 else 0.0  # over one type its mean is the mean of all
        quality, cost = (n * graded.mean(axis=0) + weight * overall) / (n + weight), outcomes.cost[rows].mean(axis=0)
        arms = np.flatnonzero(np.isfinite(quality) & np.isfinite(cost))
        points = {(float(cost[arm]), float(quality[arm])): int(arm) for arm in reversed(arms)}
        found.append([(point, points[point]) for point in hull(points)])
    return found


def _largest_share(usual: "np.ndarray", cheaper: "np.ndarray", z: float) -> float:
    """The largest share whose bound is not below 0, if a share of nothing is adequate; else 0."""
    if _bound(usual, cheaper, 0.0, z) < -SLACK:
        return 0.0
    if _bound(usual, cheaper, 1.0, z) >= -SLACK:
        return 1.0
    low, high = 0.0, 1.0
    for _ in range(BISECTIONS):
        middle = (low + high) / 2
        low, high = (middle, high) if _bound(usual, cheaper, middle, z) >= 0 else (low, middle)
    return low


def _bound(usual: "np.ndarray", cheaper: "np.ndarray", share: float, z: float) -> float:
    """Lower bound of the mean margin where each task goes the cheaper way with probability `share`."""
    n = len(usual)
    mean = (1 - share) * usual.mean() + share * cheaper.mean()
    if z == 0.0:
        return float(mean)
    square = (1 - share) * (usual**2).mean() + share * (cheaper**2).mean()
    return float(mean - z * math.sqrt(max(square - mean**2, 0.0) / max(n - 1, 1)))


def _refuse_bad(outcomes: Outcomes, reference: int, target: float, confidence: float | None) -> None:
    import numpy as np

    shape = outcomes.quality.shape
    if len(shape) != 2 or outcomes.cost.shape != shape or outcomes.types.shape != shape[:1] or not shape[0]:
        raise ValueError(f"quality {shape}, cost {outcomes.cost.shape}, types {outcomes.types.shape}: do not fit")
    if set(np.unique(outcomes.types)) != set(range(int(outcomes.types.max()) + 1)):
        raise ValueError("types must be numbered from 0 without a gap, each with at least one task")
    if not 0 <= reference < shape[1]:
        raise ValueError(f"reference is {reference!r}: need the number of an arm, 0..{shape[1] - 1}")
    if not (np.isfinite(outcomes.quality[:, reference]).all() and np.isfinite(outcomes.cost[:, reference]).all()):
        raise ValueError("the reference was not graded on every task: leave out the tasks where it was not")
    if not 0 < target <= 1:
        raise ValueError(f"target is {target!r}: need a share of the reference's quality, above 0 and up to 1")
    if confidence is not None and not 0 < confidence < 1:
        raise ValueError(
            f"confidence is {confidence!r}: need a number between 0 and 1, such as .95, or None for the mean"
        )
