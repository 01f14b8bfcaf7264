"""Whether the cascade of a route or task type is run for one request, or its stronger model asked alone."""

from collections.abc import Callable, Mapping, Sequence

from msgspec import Struct

from baton.decide.cascade import least_kept, road
from baton.decide.rule import Ranked
from baton.types.cascade import CascadePlan


class Taken(Struct, frozen=True):
    """`best` is who is asked first; `plan` None where nobody is asked after him. `cost`: expected nano-dollars.

    `instead`: who would have been asked, and `flips_when` what would have brought that about.
    """

    best: Ranked
    plan: CascadePlan | None
    cost: int
    why: str
    instead: Ranked | None
    flips_when: str


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
    found = road(plan, _costs(by_name), stream=asker.stream, difficulty=asker.difficulty)
    own = best.arm.name in steps or best.arm.name == plan.escalate_to
    if not against and found.plan is not None and (own or found.expected_cost < best.candidate.cost):
        instead = strong if best.arm.name in steps else best
        flips = "a share_kept at which the cascade costs more"
        if own:
            flips = f"share_kept at {least_kept(found.plan, _costs(by_name)):.3f} or below (it is {plan.share_kept:g})"
        return Taken(by_name[found.plan.steps[0].arm], found.plan, found.expected_cost, found.why, instead, flips)
    if best.arm.name in steps and strong is not None:
        why = f"{against or found.why}, so {plan.escalate_to} at once"
        return Taken(strong, None, strong.candidate.cost, why, best, "a cascade that can be run")
    return None


def _against(plan: CascadePlan, asker: Asker) -> str:
    if asker.lambda_ == 0.0:
        return "no cascade: nothing is to be saved (lambda 0)"
    if plan.n and plan.low < asker.floor:
        return f"no cascade: it is only known to keep {plan.low:.3f} of the quality, the floor is {asker.floor:.3f}"
    return ""


def _costs(by_name: Mapping[str, Ranked]) -> Callable[[str], int | None]:
    return lambda arm: None if (one := by_name.get(arm)) is None else one.candidate.cost
