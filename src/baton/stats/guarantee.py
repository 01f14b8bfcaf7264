"""The paired guarantee: a candidate is worth at least rho times the reference, on the same prompts.

Of each prompt the reference has grade f and the candidate grade c, both in 0..1. The gain
`W = c - rho * f + margin` lies in [margin - rho, 1 + margin], and "good enough" is E[W] >= 0. Two e-processes
(`betting.py`) bet on it: `e_pass` = mean of prod (1 + b W) against E[W] <= 0, `e_fail` = mean of prod (1 - b W) against
E[W] >= 0. Each exceeds 1/alpha at any time with probability <= alpha where its null hypothesis holds.

rho = .95, margin = 0: at least 95 % of the reference's quality. rho = 1, margin = .03: at most 3 points below it.
rho = 0, margin = -.8: an absolute grade of .8, whatever the reference does.
"""

import math
from collections import Counter
from collections.abc import Iterable
from statistics import NormalDist
from typing import Literal, NamedTuple

from msgspec import Struct
from msgspec.structs import replace

from baton.stats.betting import NEAREST_TO_RUIN, horizon_bets, log_mean_capital

Verdict = Literal["adequate", "degrades", "undecided"]

PRIOR_PAIRS = 20
"""Of the plan, mixed into what was observed, when the number of pairs still needed is foretold."""
FAR_TOO_MANY = 1_000_000
BISECTIONS = 60


class Pair(NamedTuple):
    """Grades of one prompt, 0..1."""

    reference: float
    candidate: float


class Guarantee(Struct, frozen=True):
    """What is claimed: E[c - rho f + margin] >= 0, wrong with probability at most `alpha`."""

    rho: float = 0.95
    margin: float = 0.0
    alpha: float = 0.05

    def __post_init__(self) -> None:
        if not 0 <= self.rho <= 1:
            raise ValueError(f"rho is {self.rho!r}: need a share of the reference's quality in 0..1, such as 0.95")
        if not (self.highest > 0 > self.lowest):  # also refuses NaN
            raise ValueError(
                f"margin is {self.margin!r} with rho {self.rho!r}: every grade or none would do; need a margin above -1"
                f" and below {self.rho!r}",
            )  # fmt: skip
        if not 0 < self.alpha < 1:
            raise ValueError(f"alpha is {self.alpha!r}: need a probability of error in 0..1, such as 0.05")

    @property
    def lowest(self) -> float:
        return self.margin - self.rho

    @property
    def highest(self) -> float:
        return 1 + self.margin

    @property
    def goal(self) -> float:
        """The log e-value that decides, ln(1/alpha)."""
        return -math.log(self.alpha)

    def gain(self, pair: Pair) -> float:
        return pair.candidate - self.rho * pair.reference + self.margin


class Design(NamedTuple):
    """A guess, made before any pair is graded: how good the reference is and how often the two models disagree."""

    quality: float = 0.85
    discordance: float = 0.1
    power: float = 0.9


def sample_size(guarantee: Guarantee, design: Design | None = None) -> int:
    """Pairs with which one look at the end passes an equally good candidate with probability `power`.

    n = ((z_alpha + z_power) sd(W) / E[W])^2 for binary grades with p10 = p01 = discordance/2, p11 = quality - p01.
    """
    mean, square = _moments_if_equal(guarantee, design or Design())
    if mean <= 0:
        raise ValueError(f"{guarantee!r} asks for more than an equally good candidate: no number of pairs passes it")
    return math.ceil(_pairs_for(guarantee, mean, square, (design or Design()).power))


class PairTest(Struct, frozen=True):
    """Both e-processes of one candidate, as plain values: written down after any batch, resumed from there.

    Made by `open_test`. Bets and cap are fixed before the first pair; the cap may be raised later (the test stays
    valid, its bets are then a little too bold). `counts`: (reference, candidate, how often), ascending. `peak_pass`,
    `peak_fail`: the highest log e-value at any look, a look being the end of `after()`. The e-values do not depend on
    the order of the pairs, the peaks only on which pairs had come at each look.
    """

    guarantee: Guarantee
    cap: int
    pass_bets: tuple[float, ...]
    fail_bets: tuple[float, ...]
    counts: tuple[tuple[float, float, int], ...] = ()
    peak_pass: float = 0.0
    peak_fail: float = 0.0

    def after(self, pairs: Iterable[Pair]) -> "PairTest":
        """The test with one batch more."""
        tally = Counter({Pair(f, c): n for f, c, n in self.counts})
        for pair in pairs:
            _refuse_bad_pair(pair)
            tally[Pair(float(pair.reference), float(pair.candidate))] += 1
        grown = replace(self, counts=tuple((f, c, n) for (f, c), n in sorted(tally.items())))
        return replace(
            grown,
            peak_pass=max(self.peak_pass, grown.log_e_pass),
            peak_fail=max(self.peak_fail, grown.log_e_fail),
        )

    @property
    def n(self) -> int:
        return sum(n for _, _, n in self.counts)

    @property
    def log_e_pass(self) -> float:
        return log_mean_capital(self._gains(self.guarantee), self.pass_bets)

    @property
    def log_e_fail(self) -> float:
        return log_mean_capital(self._gains(self.guarantee), [-bet for bet in self.fail_bets])

    @property
    def verdict(self) -> Verdict:
        """By the guarantee's own alpha; a family of tests asks more of `peak_pass` (`multiplicity.py`)."""
        if self.peak_pass >= self.guarantee.goal:
            return "adequate"
        return "degrades" if self.peak_fail >= self.guarantee.goal else "undecided"

    @property
    def means(self) -> Pair | None:
        """Mean grade of reference and candidate; None before the first pair."""
        if not self.n:
            return None
        return Pair(
            math.fsum(f * n for f, _, n in self.counts) / self.n,
            math.fsum(c * n for _, c, n in self.counts) / self.n,
        )

    @property
    def discordance(self) -> float:
        """Share of pairs whose grades differ, 0 before the first."""
        return sum(n for f, c, n in self.counts if f != c) / max(1, self.n)

    def needs_more(self, power: float = 0.9) -> int | None:
        """About how many pairs more decide, if the candidate is what it looks like: a forecast, not a promise.

        `sample_size` with the observed mean and spread of W, 20 pairs of an equal candidate mixed in, less the pairs
        there are. None: so close to the floor that a million pairs would not tell.
        """
        mean, square = _moments_if_equal(self.guarantee, Design())
        gains = [*self._gains(self.guarantee)]
        weight = self.n + PRIOR_PAIRS
        mean = (math.fsum(w * n for w, n in gains) + PRIOR_PAIRS * mean) / weight
        square = (math.fsum(w * w * n for w, n in gains) + PRIOR_PAIRS * square) / weight
        if abs(mean) * math.sqrt(FAR_TOO_MANY) < math.sqrt(max(square - mean * mean, 0.0)):
            return None
        return max(10, math.ceil(_pairs_for(self.guarantee, mean, square, power)) - self.n)

    def ratio_bound(self) -> float:
        """The highest rho that the pairs so far prove with confidence 1 - alpha, margin as it is; 0 if none.

        Found by bisection: W falls in rho, so the capital does. Bets are those of the test, no nearer to ruin.
        """
        low, high = 0.0, 1.0
        if self._proves(high):
            return high
        for _ in range(BISECTIONS):
            middle = (low + high) / 2
            low, high = (middle, high) if self._proves(middle) else (low, middle)
        return low

    def _proves(self, rho: float) -> bool:
        worst = max(rho - self.guarantee.margin, 1e-9)
        bets = [min(bet, NEAREST_TO_RUIN / worst) for bet in self.pass_bets]
        gains = [(c - rho * f + self.guarantee.margin, n) for f, c, n in self.counts]
        return log_mean_capital(gains, bets) >= self.guarantee.goal

    def _gains(self, guarantee: Guarantee) -> Iterable[tuple[float, int]]:
        return [(guarantee.gain(Pair(f, c)), n) for f, c, n in self.counts]


def open_test(guarantee: Guarantee, *, cap: int | None = None, design: Design | None = None) -> PairTest:
    """A test before its first pair. `cap` is twice `sample_size` unless given: enough for nine in ten equal candidates.

    `design` only moves power: with the discordance guessed at .03 or .3 instead of a true .1, the share of equal
    candidates that pass stays within .92 and .94.
    """
    guess = design or Design()
    planned = 2 * sample_size(guarantee, guess) if cap is None else cap
    if planned < 1:
        raise ValueError(f"cap is {cap!r}: need at least one pair")
    if not 0 < guess.discordance <= 1:
        raise ValueError(f"discordance is {guess.discordance!r}: need a share of pairs above 0, at most 1")
    return PairTest(
        guarantee,
        planned,
        horizon_bets(guarantee.alpha, planned, guess.discordance, 1 / -guarantee.lowest),
        horizon_bets(guarantee.alpha, planned, guess.discordance, 1 / guarantee.highest),
    )


def _moments_if_equal(guarantee: Guarantee, design: Design) -> tuple[float, float]:
    """E[W] and E[W^2] of a candidate as good as the reference, binary grades."""
    quality, differ, _ = design
    half = differ / 2
    both, none = quality - half, 1 - quality - half
    if not (half >= 0 and both >= 0 and none >= 0):
        raise ValueError(f"no two models of quality {quality!r} disagree on a share {differ!r} of prompts")
    shares = {Pair(1, 1): both, Pair(0, 1): half, Pair(1, 0): half, Pair(0, 0): none}
    gains = [(guarantee.gain(pair), share) for pair, share in shares.items()]
    return math.fsum(w * p for w, p in gains), math.fsum(w * w * p for w, p in gains)


def _pairs_for(guarantee: Guarantee, mean: float, square: float, power: float) -> float:
    if not 0 < power < 1:
        raise ValueError(f"power is {power!r}: need a probability in 0..1, such as 0.9")
    normal = NormalDist()
    reach = normal.inv_cdf(1 - guarantee.alpha) + normal.inv_cdf(power)
    return reach * reach * max(square - mean * mean, 0.0) / (mean * mean)


def _refuse_bad_pair(pair: Pair) -> None:
    for whose, grade in zip(pair._fields, pair, strict=True):
        if not 0 <= grade <= 1:  # also refuses NaN
            raise ValueError(f"grade of the {whose} is {grade!r}: need 0..1, leave out what was not graded")
