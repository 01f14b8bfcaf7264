"""Which checks a delegated sub-task gets: the cheapest chain that lets little enough wrong through, or no delegation.

With p the chance that the subordinate is right, alpha the chance that the chain lets a wrong value through and beta
that it refuses a right one:

    escaped = (1-p) alpha / (p (1-beta) + (1-p) alpha)
    cost    = subordinate + sum of checks that are reached + P(refused) * doing it oneself

Checks are never taken as independent: errors are shared (measured: 2.5 times over-represented on ARC-challenge). The
alpha of a chain is what was measured for all of them together; where that was not measured, the smallest of its
members. What was never measured counts as 1.
"""

from collections.abc import Mapping, Sequence
from itertools import combinations

from msgspec import Struct

MOST_CHECKS = 4


class Rate(Struct, frozen=True):
    """One check, for one task type and subordinate."""

    name: str
    cost: int
    """Nano-dollars of one run."""
    alpha: float = 1.0
    """Upper bound of the share of wrong values that it lets through."""
    beta: float = 0.0
    """Share of right values that it refuses."""


class Chain(Struct, frozen=True):
    """Checks in their order, cheapest first, and what they come to."""

    checks: tuple[str, ...]
    escaped: float
    refused: float
    cost: int


class NoChain(Struct, frozen=True):
    """Why it is not to be delegated; `best` is what came nearest."""

    reason: str
    best: Chain | None = None


def choose_chain(
    right: float,
    subordinate: int,
    oneself: int,
    checks: Sequence[Rate],
    epsilon: float,
    joint: Mapping[frozenset[str], float] | None = None,
) -> Chain | NoChain:
    """`right`: lower bound of the subordinate's chance to be right.

    `subordinate` and `oneself`: nano-dollars of one answer by it, and by the orchestrator's own model. `joint`: the
    measured alpha of several checks together. Raises ValueError for shares outside of 0..1.
    """
    _refuse_bad_shares(right, epsilon, checks)
    found = [
        _chain(right, subordinate, oneself, chosen, joint or {})
        for size in range(1, min(len(checks), MOST_CHECKS) + 1)
        for chosen in combinations(sorted(checks, key=lambda one: (one.cost, one.name)), size)
    ]
    if not found:
        return NoChain("there is no check for it: nothing it says could be used")
    safest = min(found, key=lambda one: (one.escaped, one.cost))
    safe = [one for one in found if one.escaped <= epsilon]
    if not safe:
        said = f"the best chain ({', '.join(safest.checks)}) may let {safest.escaped:.3g} wrong values through"
        return NoChain(f"{said}, and {epsilon:.3g} can be borne", safest)
    best = min(safe, key=lambda one: (one.cost, one.escaped, one.checks))
    if best.cost >= oneself:
        dearer = f"delegating costs {best.cost / 1e9:.6f} USD with checks and what is refused"
        return NoChain(f"{dearer}, doing it oneself {oneself / 1e9:.6f} USD", best)
    return best


def _chain(
    right: float, subordinate: int, oneself: int, checks: Sequence[Rate], joint: Mapping[frozenset[str], float]
) -> Chain:
    names = frozenset(one.name for one in checks)
    alpha = min(joint.get(names, 1.0), *(one.alpha for one in checks))
    kept = max(0.0, 1.0 - sum(one.beta for one in checks))  # at worst, no two of them refuse the same
    passed = right * kept + (1.0 - right) * alpha
    escaped = (1.0 - right) * alpha / passed if passed > 0.0 else 0.0
    refused = 1.0 - passed
    spent = subordinate + sum(one.cost for one in checks) + refused * oneself
    return Chain(tuple(one.name for one in checks), escaped, refused, round(spent))


def _refuse_bad_shares(right: float, epsilon: float, checks: Sequence[Rate]) -> None:
    shares = {"right": right, "epsilon": epsilon}
    for one in checks:
        shares |= {f"alpha of {one.name}": one.alpha, f"beta of {one.name}": one.beta}
    for name, share in shares.items():
        if not 0.0 <= share <= 1.0:
            raise ValueError(f"{name} is {share!r}: a share lies between 0 and 1")
