"""Quantiles of the Beta and of Student's t distribution, by bisection on the regularised incomplete beta function.

scipy would bring 140 MB for these two.
"""

import math
from collections.abc import Callable

FRACTION_STEPS = 20_000
BISECTIONS = 200


def student_quantile(probability: float, degrees: float) -> float:
    """The t below which Student's distribution with `degrees` > 0 degrees of freedom has this probability, 0..1.

    With x = degrees / (degrees + t^2) both tails beyond |t| together have I_x(degrees/2, 1/2) (DLMF 8.17, AMS 26.7.1).
    """
    if not 0 < probability < 1 or not degrees > 0:
        raise ValueError(
            f"no quantile {probability!r} with {degrees!r} degrees of freedom: need 0 < p < 1, degrees > 0"
        )
    if probability == 0.5:
        return 0.0
    tails = 2 * min(probability, 1 - probability)
    x = beta_quantile(tails, degrees / 2, 0.5)
    distance = math.sqrt(degrees * (1 - x) / x)
    return distance if probability > 0.5 else -distance


def beta_quantile(probability: float, a: float, b: float) -> float:
    """The x in 0..1 below which Beta(a, b) has this probability, to the last bits of a float."""
    low, high = 0.0, 1.0
    for _ in range(BISECTIONS):
        middle = (low + high) / 2
        if middle in (low, high):
            break
        if beta_cdf(middle, a, b) < probability:
            low = middle
        else:
            high = middle
    return (low + high) / 2


def beta_cdf(x: float, a: float, b: float) -> float:
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
