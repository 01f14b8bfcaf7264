"""A decision in words: one readable sentence, and the road not taken."""

from baton.decide.estimate import TASKS_PER_LAMBDA
from baton.decide.task_type import Found
from baton.types.card import ModelCard
from baton.types.decision import Candidate, Counterfactual
from baton.types.money import usd_from_nano, usd_text


def reason_of(found: Found, rule_why: str, best: Candidate, runner_up: Candidate | None) -> str:
    """Why this model, in one sentence: task type and how it was told, rule, and what decided between several."""
    sentence = f"{found.name} ({found.why}); {rule_why}"
    if runner_up is not None:
        sentence += f"; {best.model} is worth most ({best.utility:.2f}, next {runner_up.model} {runner_up.utility:.2f})"
    else:
        sentence += f"; {best.model}"
    return f"{sentence}, expected ${usd_text(best.cost)}, quality {best.quality:.2f} {best.evidence}"


def passed_through_reason(model: str, asked: str) -> str:
    return f"{model} was asked for by name" + (f" ({asked})" if asked != model else "")


def counterfactual(
    reference: ModelCard, reference_cost: int, best: Candidate | None, runner_up: Candidate | None, lambda_: float
) -> Counterfactual:
    """`reference_cost` in nano-dollars. What would have flipped the choice is solved from the objective."""
    if best is None or runner_up is None:
        return Counterfactual(reference.id, reference_cost)
    return Counterfactual(reference.id, reference_cost, runner_up.model, _flips_when(best, runner_up, lambda_))


def _flips_when(best: Candidate, runner_up: Candidate, lambda_: float) -> str:
    """The lambda at which both are worth the same: `100 dq / (1000 dUSD)`."""
    saved_usd = usd_from_nano(runner_up.cost - best.cost) * TASKS_PER_LAMBDA
    gained_points = 100.0 * (runner_up.quality - best.quality)
    if saved_usd == 0.0 or gained_points == 0.0 or (gained_points > 0.0) != (saved_usd > 0.0):
        return f"never by lambda alone: {best.model} is at least as good and at most as dear"
    turning = gained_points / saved_usd
    return f"lambda {'below' if turning < lambda_ else 'above'} {turning:.4g} (it is {lambda_:.4g})"
