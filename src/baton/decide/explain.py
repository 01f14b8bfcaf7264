"""A decision in words: one readable sentence, and the road not taken."""

from collections.abc import Sequence

from baton.decide.estimate import TASKS_PER_LAMBDA
from baton.decide.rule import Ranked
from baton.decide.task_type import Found
from baton.types.card import arm_name
from baton.types.decision import Candidate, Counterfactual
from baton.types.money import usd_from_nano, usd_text


def reason_of(
    found: Found, whys: Sequence[str], best: Ranked, runner_up: Ranked | None, cost: int | None = None
) -> str:
    """Why this model, in one sentence: task type and how it was told, rule, what came after it, and what it is worth.

    `whys` has the rule's words first; where nothing came after, the objective decided between several. `cost`: expected
    nano-dollars, where they are not those of `best` alone.
    """
    candidate = best.candidate
    sentence = f"{found.name} ({found.why}); {'; '.join(whys)}"
    if len(whys) == 1 and runner_up is not None:
        beside = f"next {runner_up.arm.name} {runner_up.candidate.utility:.2f}"
        sentence += f"; {best.arm.name} is worth most ({candidate.utility:.2f}, {beside})"
    elif len(whys) == 1:
        sentence += f"; {best.arm.name}"
    expected = usd_text(candidate.cost if cost is None else cost)
    return f"{sentence}, expected ${expected}, quality {candidate.quality:.2f} {candidate.evidence}"


def passed_through_reason(model: str, asked: str) -> str:
    return f"{model} was asked for by name" + (f" ({asked})" if asked != model else "")


def counterfactual(
    reference: str,
    reference_cost: int,
    best: Candidate | None,
    runner_up: Candidate | None,
    lambda_: float,
    flips_when: str | None = None,
) -> Counterfactual:
    """`reference_cost` in nano-dollars. What would have flipped the choice follows from the objective, if not given."""
    if best is None or runner_up is None:
        return Counterfactual(reference, reference_cost)
    if flips_when is not None:
        return Counterfactual(reference, reference_cost, arm_name(runner_up.model, runner_up.effort), flips_when)
    return Counterfactual(
        reference, reference_cost, arm_name(runner_up.model, runner_up.effort), _flips_when(best, runner_up, lambda_)
    )


def _flips_when(best: Candidate, runner_up: Candidate, lambda_: float) -> str:
    """The lambda at which both are worth the same: `100 dq / (1000 dUSD)`."""
    saved_usd = usd_from_nano(runner_up.cost - best.cost) * TASKS_PER_LAMBDA
    gained_points = 100.0 * (runner_up.quality - best.quality)
    if saved_usd == 0.0 or gained_points == 0.0 or (gained_points > 0.0) != (saved_usd > 0.0):
        return f"never by lambda alone: {best.model} is at least as good and at most as dear"
    turning = gained_points / saved_usd
    return f"lambda {'below' if turning < lambda_ else 'above'} {turning:.4g} (it is {lambda_:.4g})"
