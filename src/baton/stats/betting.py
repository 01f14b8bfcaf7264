"""Betting on the mean of bounded values: e-processes with bets fixed in advance, and the betting confidence sequence.

A gambler starts with 1 and bets on values X_1, X_2, ... whose conditional mean is at most 0 under the null hypothesis:
K_t = prod_{s<=t} (1 + bet * X_s). By Ville's inequality his capital ever reaches 1/alpha with probability <= alpha, so
one may look after every value and stop at any time. The mean of several gamblers (one per bet) is again one. Validity
needs bets fixed before the values are seen and nothing else; only power depends on them.

Source: I. Waudby-Smith, A. Ramdas, Estimating means of bounded random variables by betting (arXiv 2010.09686).
Values, means and bets have no unit; capital is kept as its natural logarithm.
"""

import math
from collections import Counter
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING

from msgspec import Struct
from msgspec.structs import replace

from baton.stats.intervals import Interval, refuse_bad_level, scores_of

if TYPE_CHECKING:
    import numpy as np

MULTIPLES = (0.7, 1.4, 2.8)
"""Of the bet that is best for the planned horizon: one for slow, one for planned, one for quick decisions."""
NEAREST_TO_RUIN = 0.95
"""A bet takes at most this share of what would lose everything on the worst value."""
BISECTIONS = 60


def horizon_bets(alpha: float, horizon: int, variance: float, limit: float) -> tuple[float, ...]:
    """Three bets m * sqrt(2 ln(1/alpha) / (horizon * variance)), m = .7, 1.4, 2.8, none above .95 `limit`.

    `horizon`: planned number of values. `variance`: a guess, made before the values are seen. `limit`: the bet that
    loses everything on the worst value, 1 / |worst value|. Horizon-aware bets: Taga, Oymak, Shekhar (PMLR 306).
    """
    if not 0 < alpha < 1 or horizon < 1 or not 0 < variance < math.inf or not limit > 0:
        raise ValueError(
            f"no bets for alpha {alpha!r}, horizon {horizon!r}, variance {variance!r}, limit {limit!r}: need alpha in"
            " 0..1, a horizon of at least 1, a positive variance and limit",
        )  # fmt: skip
    size = math.sqrt(2 * math.log(1 / alpha) / (horizon * variance))
    return tuple(min(multiple * size, NEAREST_TO_RUIN * limit) for multiple in MULTIPLES)


def log_mean_capital(counts: Iterable[tuple[float, int]], bets: Sequence[float]) -> float:
    """Log of the mean over `bets` of prod (1 + bet * value)^count, the same to the last bit in any order of `counts`.

    A negative bet is one against: on a mean below 0.
    """
    if not bets:
        raise ValueError("there is no bet: need at least one")
    pairs = list(counts)
    return _log_mean([math.fsum(n * _log_factor(bet, value) for value, n in pairs) for bet in bets])


class Capital(Struct, frozen=True):
    """An e-process on bounded values with fixed bets; plain values, so that it can be written down and resumed.

    Only how often each value occurred is kept (`counts`, ascending by value): the e-value of a state does not depend on
    the order of the values in it. `peak` is the highest log e-value at any look, a look being the end of `after()`.
    """

    bets: tuple[float, ...]
    counts: tuple[tuple[float, int], ...] = ()
    peak: float = 0.0

    def after(self, values: Iterable[float]) -> "Capital":
        tally = Counter(dict(self.counts))
        tally.update(map(float, values))
        counts = tuple(sorted(tally.items()))
        return replace(self, counts=counts, peak=max(self.peak, log_mean_capital(counts, self.bets)))

    @property
    def n(self) -> int:
        return sum(n for _, n in self.counts)

    @property
    def log_e(self) -> float:
        return log_mean_capital(self.counts, self.bets)


def capital_path(values: "np.ndarray", bets: Sequence[float], every: int = 1) -> "np.ndarray":
    """Log of the mean capital at every look: after `every`, 2 `every`, ... values and after the last one.

    `values` has shape (..., t); the answer (..., looks), looks = ceil(t / every). For many repetitions at once.
    """
    import numpy as np

    x = np.asarray(values, dtype=np.float64)
    if x.ndim < 1 or x.shape[-1] == 0 or every < 1 or not bets:
        raise ValueError(f"values of shape {x.shape}, {len(bets)} bets, a look every {every!r}: need one of each")
    worst = min(float((bet * x).min()) for bet in bets)
    if not worst > -1:  # also refuses NaN
        raise ValueError(f"a bet of {bets!r} loses everything or more on these values: they are out of range or NaN")
    ends = _looks(x.shape[-1], every)
    logs = np.stack([np.cumsum(np.log1p(bet * x), axis=-1)[..., ends] for bet in bets])
    top = logs.max(axis=0)
    path: np.ndarray = top + np.log(np.exp(logs - top).mean(axis=0))
    return path


def betting_interval(
    values: "Sequence[float] | np.ndarray", level: float = 0.95, horizon: int | None = None
) -> Interval:
    """Confidence sequence for the mean of scores in 0..1, as it stands after the last one: valid after every score.

    Hedged capital with predictable plug-in bets: the gambler against mean m bets min(b_t, 1/(2m)) that it is higher,
    b_t = sqrt(2 ln(2/alpha) / (s^2_{t-1} T_t)), T_t = t ln(t+1), or the constant `horizon` where the number of scores
    is planned (shorter there, still valid elsewhere). m is left out once his capital has reached 2/alpha; likewise
    from above. s^2 is the variance of the scores so far, started at 1/4. Needs a mean that stays the same, given the
    past; no distribution. Source: arXiv 2010.09686, theorem 3 and (26).

    `values` has shape (n,), in the order in which they came. No value leaves everything open: [0, 1].
    """
    refuse_bad_level(level)
    if horizon is not None and horizon < 1:
        raise ValueError(f"horizon is {horizon!r}: need the planned number of scores, at least 1")
    scores = scores_of(values, "values")
    if scores.size == 0:
        return Interval(0.0, 1.0)
    bets = _plug_in_bets(scores, (1 - level) / 2, horizon)
    goal = math.log(2 / (1 - level))
    low, high = _rejected_below(scores, bets, goal), 1 - _rejected_below(1 - scores, bets, goal)
    return Interval(min(low, high), max(low, high))


def _plug_in_bets(scores: "np.ndarray", tail: float, horizon: int | None) -> "np.ndarray":
    import numpy as np

    t = np.arange(1, scores.size + 1)
    means = (0.5 + np.cumsum(scores)) / (t + 1)
    variances = (0.25 + np.cumsum((scores - means) ** 2)) / (t + 1)
    before = np.concatenate([[0.25], variances[:-1]])
    spread = t * np.log(t + 1) if horizon is None else np.full(t.shape, float(horizon))
    bets: np.ndarray = np.sqrt(2 * math.log(1 / tail) / (before * spread))
    return bets


def _rejected_below(scores: "np.ndarray", bets: "np.ndarray", goal: float) -> float:
    """The lowest mean that no gambler has got rich against; whatever is below has been refuted at some time.

    The capital falls in m at every t, so its peak does, and bisection finds the end. Errs to the lower side.
    """
    import numpy as np

    low, high = 0.0, 1.0
    for _ in range(BISECTIONS):
        middle = (low + high) / 2
        if middle in (low, high):
            break
        peak = np.cumsum(np.log1p(np.minimum(bets, 0.5 / middle) * (scores - middle))).max()
        if peak >= goal:
            low = middle
        else:
            high = middle
    return low


def _looks(length: int, every: int) -> "np.ndarray":
    """Indices of the last value before each look."""
    import numpy as np

    ends = np.arange(every, length + every, every) - 1
    ends[-1] = length - 1
    return ends


def _log_factor(bet: float, value: float) -> float:
    if not bet * value > -1:  # also refuses NaN
        raise ValueError(f"a bet of {bet!r} loses everything or more on {value!r}: the value is out of range or NaN")
    return math.log1p(bet * value)


def _log_mean(logs: Sequence[float]) -> float:
    top = max(logs)
    return top + math.log(math.fsum(math.exp(one - top) for one in logs) / len(logs))
