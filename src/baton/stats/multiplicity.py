"""Several claims at once: Bonferroni and Holm on e-values for a family, e-BH for a fleet.

An e-value is a bet's capital, at least 0, with mean at most 1 under its null hypothesis; all functions take natural
logarithms, and hold however the e-values depend on each other.
"""

import math
from collections.abc import Sequence


def e_holm(log_peaks: Sequence[float], alpha: float) -> tuple[bool, ...]:
    """Which nulls fall, with probability <= alpha of one wrong among them: Holm's steps on p = 1 / highest e-value.

    The i-th highest of m falls if its e-value is at least (m - i + 1) / alpha and those above it fell. Takes peaks of
    e-processes: 1/peak is a p-value (Ville). S. Holm, Scand. J. Statist. 6 (1979) 65-70. Bonferroni is its first step.
    """
    _refuse_bad(log_peaks, alpha)
    fallen = [False] * len(log_peaks)
    for place, index in enumerate(_descending(log_peaks)):
        if log_peaks[index] < math.log((len(log_peaks) - place) / alpha):
            break
        fallen[index] = True
    return tuple(fallen)


def e_bh(log_values: Sequence[float], alpha: float) -> tuple[bool, ...]:
    """Which nulls fall, with at most a share alpha of them wrong in the mean (false discovery rate).

    The k highest of m fall, k the largest for which the k-th is at least m / (k alpha). Takes e-values at the time of
    stopping, not peaks. R. Wang, A. Ramdas, JRSS B 84 (2022) 822-852.
    """
    _refuse_bad(log_values, alpha)
    order = _descending(log_values)
    fitting = [
        place for place, index in enumerate(order, 1)
        if log_values[index] >= math.log(len(order) / (place * alpha))
    ]  # fmt: skip
    fallen = set(order[: max(fitting, default=0)])
    return tuple(index in fallen for index in range(len(order)))


def spent_on_retest(alpha: float, number: int) -> float:
    """What the `number`-th re-test (1, 2, ...) may spend: 6 alpha / (pi^2 number^2), alpha over all of them."""
    _refuse_bad((), alpha)
    if number < 1:
        raise ValueError(f"number is {number!r}: re-tests count from 1")
    return 6 * alpha / (math.pi * number) ** 2


def _descending(values: Sequence[float]) -> list[int]:
    return sorted(range(len(values)), key=lambda index: -values[index])


def _refuse_bad(logs: Sequence[float], alpha: float) -> None:
    if not 0 < alpha < 1:
        raise ValueError(f"alpha is {alpha!r}: need a probability of error in 0..1, such as 0.05")
    if any(math.isnan(one) for one in logs):
        raise ValueError(f"an e-value is NaN: {list(logs)!r}")
