"""What a judge's scores are worth: corrected by human labels, with flips, length and agreement beside them.

A judge errs in one direction: its own interval does not cover the truth (at sensitivity .95 and specificity .90 it
covers in one case of eleven), so a judge-only figure is never shown as the truth. Human labels correct it, from 100 on.
Scores and labels lie in 0..1.
"""

import math
from collections.abc import Sequence
from statistics import NormalDist
from typing import TYPE_CHECKING, NamedTuple

from msgspec import Struct

from baton.stats.guarantee import Guarantee
from baton.stats.intervals import Interval, refuse_bad_level, scores_of, wilson
from baton.stats.quantiles import student_quantile

if TYPE_CHECKING:
    import numpy as np

FEWEST_HUMANS = 100
"""Below, how judge and humans differ rests on a handful of bad answers: nothing is claimed."""
CORNERS = ((0.0, 0.0, 1.0, 1.0), (0.0, 1.0, 0.0, 1.0))
"""Label and judge's score of the four kinds of binary items."""
STEPS = 50
RIDGE = 1e-6


class Corrected(Struct, frozen=True):
    """Mean quality by judge and humans together."""

    mean: float
    interval: Interval
    weight: float
    """How much of the judge is believed, 0..1; 0 is the mean of the human labels alone."""
    humans: int
    judged: int


class Uncorrected(Struct, frozen=True):
    """Too few human labels: nothing is claimed."""

    reason: str
    humans: int
    needed: int


def corrected_mean(
    judged: "Sequence[float] | np.ndarray",
    judged_too: "Sequence[float] | np.ndarray",
    human: "Sequence[float] | np.ndarray",
    level: float = 0.95,
) -> Corrected | Uncorrected:
    """Prediction-powered mean (PPI++): `w mean(judged) + mean(human - w judged_too)`.

    `judged`: the judge's scores of N items without label, shape (N,). `judged_too`, `human`: judge's score and human
    label of n other items of the same traffic, both (n,). w = cov(human, judged_too) / ((1 + n/N) var(judged_too)),
    within 0..1; se^2 = w^2 var(judged) / N + var(human - w judged_too) / n; Student's quantile with n - 1 degrees.
    Source: A. N. Angelopoulos, J. C. Duchi, T. Zrnic, PPI++ (arXiv 2311.01453).

    w and the interval (not the mean) count half an item more in each corner of {0, 1} x {0, 1}, as A. Agresti, Y. Min,
    Stat. Med. 24 (2005) 729-740 do for matched pairs: at a quality of .95 or .98 and 100 labels the interval would
    otherwise cover in 89 and 83 of 100 cases.
    """
    import numpy as np

    refuse_bad_level(level)
    j, k, y = scores_of(judged, "judged"), scores_of(judged_too, "judged_too"), scores_of(human, "human")
    if k.shape != y.shape:
        raise ValueError(f"{k.size} judge scores for {y.size} human labels: need both of every labelled item")
    n = int(y.size)
    if n < FEWEST_HUMANS:
        return Uncorrected(f"{n} human labels, need {FEWEST_HUMANS}", n, FEWEST_HUMANS - n)
    both = np.stack([np.append(y, CORNERS[0]), np.append(k, CORNERS[1])])
    counted = np.append(np.ones(n), [0.5] * 4)
    moments = np.cov(both, aweights=counted)
    weight = 0.0
    if j.size:
        weight = min(1.0, max(0.0, float(moments[0, 1] / ((1 + n / j.size) * moments[1, 1]))))
    rest = both[0] - weight * both[1]
    from_judge = weight * float(j.mean()) if j.size else 0.0
    square = float(np.cov(rest, aweights=counted)) / n + (
        weight**2 * float(j.var(ddof=1)) / j.size if j.size > 1 else 0
    )
    half = student_quantile((1 + level) / 2, n - 1) * math.sqrt(square)
    mean = min(1.0, max(0.0, from_judge + float(rest[:n].mean())))
    centre = from_judge + float(np.average(rest, weights=counted))
    interval = Interval(min(mean, max(0.0, centre - half)), max(mean, min(1.0, centre + half)))
    return Corrected(mean, interval, weight, n, int(j.size))


class LabelPlan(Struct, frozen=True):
    """Each item is labelled by a human with `probability`, by a draw that does not look at it.

    `weight` of the judge, 0..1, fixed beforehand (from a pilot).
    """

    probability: float
    weight: float = 1.0

    def __post_init__(self) -> None:
        if not 0 < self.probability <= 1 or not 0 <= self.weight <= 1:
            raise ValueError(f"{self!r}: need a probability above 0, at most 1, and a weight in 0..1")

    @property
    def lowest(self) -> float:
        """Of `corrected_score`; bets on it must stay above ruin there."""
        return self.weight * (1 - 1 / self.probability)

    @property
    def highest(self) -> float:
        return 1 / self.probability

    def gain_span(self, guarantee: Guarantee) -> Interval:
        """Lowest and highest gain c - rho f + margin of two corrected scores."""
        return Interval(
            self.lowest - guarantee.rho * self.highest + guarantee.margin,
            self.highest - guarantee.rho * self.lowest + guarantee.margin,
        )

    def corrected_score(self, judged: float, human: float | None) -> float:
        """X = w judged + [labelled] / probability * (human - w judged), whose mean is that of the human label.

        Feed it, or the gain of two of them, to `betting.Capital` or a monitor of `drift.py`, with bets that `lowest`
        or `gain_span` allows: valid item by item, at any time. None: no label. Sequential PPI: arXiv 2502.04294.
        """
        for score in (judged, human):
            if score is not None and not 0 <= score <= 1:  # also refuses NaN
                raise ValueError(f"score is {score!r}: need 0..1")
        believed = self.weight * judged
        return believed if human is None else believed + (human - believed) / self.probability


class Swapped(NamedTuple):
    """A pairwise verdict on the candidate in both positions: 1 wins, .5 ties, 0 loses."""

    first: float
    second: float

    @property
    def flipped(self) -> bool:
        return self.first != self.second

    @property
    def score(self) -> float:
        """A judge that changes its mind with the position says nothing: a tie."""
        return 0.5 if self.flipped else self.first


class FlipRate(Struct, frozen=True):
    rate: float
    interval: Interval
    n: int


def flip_rate(pairs: Sequence[Swapped]) -> FlipRate:
    """Share of pairs in which the position decided, with its Wilson interval."""
    for pair in pairs:
        if any(score not in {0, 0.5, 1} for score in pair):
            raise ValueError(f"a pairwise verdict is {tuple(pair)!r}: need 0, 0.5 or 1 in both positions")
    flips = sum(pair.flipped for pair in pairs)
    return FlipRate(flips / len(pairs) if pairs else 0.0, wilson(flips, len(pairs)), len(pairs))


class LengthBias(Struct, frozen=True):
    """How much the judge's logit of a win rises per unit of log(length of the candidate / length of the other)."""

    coefficient: float
    interval: Interval
    n: int


def length_bias(
    wins: "Sequence[float] | np.ndarray", length_ratios: "Sequence[float] | np.ndarray", level: float = 0.95
) -> LengthBias:
    """Slope of logit P(win) = a + b log(ratio), by Newton's method on the likelihood, ties as half wins.

    `wins` 0..1 and `length_ratios` (candidate / other, above 0) have shape (n,). The interval is Wald's, from the
    inverse information. A ridge of 1e-6 keeps separated data finite: their slope is large and its interval wider.
    """
    import numpy as np

    refuse_bad_level(level)
    y, ratios = scores_of(wins, "wins"), np.asarray(length_ratios, dtype=np.float64)
    if y.shape != ratios.shape or y.size < 3:
        raise ValueError(f"{y.size} verdicts with {ratios.size} lengths: need one of each, and at least 3")
    if not ((ratios > 0) & np.isfinite(ratios)).all():
        raise ValueError("a ratio of lengths is not above 0 or not finite: leave out empty answers")
    design = np.column_stack([np.ones(y.size), np.log(ratios)])
    beta = np.zeros(2)
    for _ in range(STEPS):
        p = 1 / (1 + np.exp(-np.clip(design @ beta, -30, 30)))
        information = (design * (p * (1 - p))[:, None]).T @ design + RIDGE * np.eye(2)
        step = np.linalg.solve(information, design.T @ (y - p) - RIDGE * beta)
        beta += np.clip(step, -2, 2)
        if np.abs(step).max() < 1e-10:
            break
    slope = float(beta[1])
    half = NormalDist().inv_cdf((1 + level) / 2) * math.sqrt(float(np.linalg.inv(information)[1, 1]))
    return LengthBias(slope, Interval(slope - half, slope + half), int(y.size))


class Agreement(Struct, frozen=True):
    """Of a judge that says yes or no with human labels; each rate with its Wilson interval, None where undefined."""

    n: int
    agreement: float
    kappa: float | None
    """Cohen's: (agreement - chance) / (1 - chance)."""
    sensitivity: float | None
    specificity: float | None
    sensitivity_interval: Interval
    specificity_interval: Interval


def agreement(judge: "Sequence[float] | np.ndarray", human: "Sequence[float] | np.ndarray") -> Agreement:
    """Judge and human say 1 (good) or 0 of the same items, both of shape (n,).

    Sensitivity: share of what humans call good that the judge calls good; specificity: likewise of what is bad.
    Source of kappa: J. Cohen, Educ. Psychol. Meas. 20 (1960) 37-46.
    """
    import numpy as np

    j, y = scores_of(judge, "judge"), scores_of(human, "human")
    if j.shape != y.shape or j.size == 0:
        raise ValueError(f"{j.size} judge verdicts for {y.size} human labels: need both of every item, at least one")
    if not np.isin(np.concatenate([j, y]), (0.0, 1.0)).all():
        raise ValueError("agreement is of yes and no: cut scores at a threshold first")
    good, bad = int(y.sum()), int(y.size - y.sum())
    hits, rejections = int((j * y).sum()), int(((1 - j) * (1 - y)).sum())
    agreed = (hits + rejections) / y.size
    chance = float(j.mean() * y.mean() + (1 - j.mean()) * (1 - y.mean()))
    return Agreement(
        n=int(y.size),
        agreement=agreed,
        kappa=(agreed - chance) / (1 - chance) if chance < 1 else None,
        sensitivity=hits / good if good else None,
        specificity=rejections / bad if bad else None,
        sensitivity_interval=wilson(hits, good),
        specificity_interval=wilson(rejections, bad),
    )
