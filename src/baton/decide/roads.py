"""Whether the cascade of a route or task type is run for one request, or its stronger model asked alone."""

from collections.abc import Sequence

from msgspec import Struct

from baton.decide.cascade import road
from baton.decide.rule import Ranked
from baton.types.cascade import CascadePlan


class Taken(Struct, frozen=True):
    """`best` is who is asked first; `plan` None where nobody is asked after him. `cost`: expected nano-dollars."""

    best: Ranked
    plan: CascadePlan | None
    cost: int
    why: str


class Asker(Struct, frozen=True):
    """What of a request and its terms speaks for or against a cascade."""

    stream: bool
    floor: float
    lambda_: float
    difficulty: float


def taken(plan: CascadePlan, best: Ranked, eligible: Sequence[Ranked], asker: Asker) -> Taken | None:
    """None: what was chosen stands. `best` is what rule, objective and gate have chosen.

    A cascade replaces the choice of one of its own arms, and any choice that costs more. Where one of its cheap arms
    was chosen and it is not run after all, the stronger model is: alone, the cheap one is not trusted here.
    """
    by_name = {one.arm.name: one for one in eligible}
    steps = {step.arm for step in plan.steps}
    strong = by_name.get(plan.escalate_to)
    against = _against(plan, asker)
    found = road(plan, lambda arm: _cost(by_name.get(arm)), stream=asker.stream, difficulty=asker.difficulty)
    own = best.arm.name in steps or best.arm.name == plan.escalate_to
    if not against and found.plan is not None and (own or found.expected_cost < best.candidate.cost):
        return Taken(by_name[found.plan.steps[0].arm], found.plan, found.expected_cost, found.why)
    if best.arm.name in steps and strong is not None:
        return Taken(strong, None, strong.candidate.cost, f"{against or found.why}, so {plan.escalate_to} at once")
    return None


def _against(plan: CascadePlan, asker: Asker) -> str:
    if asker.lambda_ == 0.0:
        return "no cascade: nothing is to be saved (lambda 0)"
    if plan.n and plan.low < asker.floor:
        return f"no cascade: it is only known to keep {plan.low:.3f} of the quality, the floor is {asker.floor:.3f}"
    return ""


def _cost(one: Ranked | None) -> int | None:
    return None if one is None else one.candidate.cost
