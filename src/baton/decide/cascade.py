"""What comes next on an answer-aware road: keep an answer, ask the next model, or escalate. Pure.

The same function is walked by `flow` with live answers and by `measure` with recorded ones.
"""

from collections.abc import Callable, Sequence
from typing import Literal

from msgspec import Struct
from msgspec.structs import replace

from baton.types.cascade import CascadePlan

UNCOUNTED = -1
"""The group of an answer that failed a check: it agrees with nothing."""


HALVINGS = 10
"""To three digits, which is what is shown."""


class Next(Struct, frozen=True):
    """`keep` the answer of step `step`, `ask` step `step`, or `escalate` (`step` is then the number of steps)."""

    act: Literal["keep", "ask", "escalate"]
    step: int


def next_of(plan: CascadePlan, groups: Sequence[int], difficulty: float = 0.0) -> Next:
    """`groups[i]` names what the answer of step i says: equal numbers agree, `UNCOUNTED` failed a check.

    Steps that can no longer bring about a quorum, whatever their answers say, are not asked.
    """
    steps = plan.steps
    if not groups and plan.skip_above is not None and difficulty > plan.skip_above:
        return Next("escalate", len(steps))
    votes: dict[int, int] = {}
    first: dict[int, int] = {}
    for place, group in enumerate(groups):
        if group == UNCOUNTED:
            continue
        first.setdefault(group, place)
        votes[group] = votes.get(group, 0) + 1
        if votes[group] >= steps[place].quorum:
            return Next("keep", first[group])
    most = max(votes.values(), default=0)
    asked = len(groups)
    if any(most + place - asked + 1 >= steps[place].quorum for place in range(asked, len(steps))):
        return Next("ask", asked)
    return Next("escalate", len(steps))


# --- whether the road is taken at all --------------------------------------------------------------


class Road(Struct, frozen=True):
    """`plan` is what is to be run, None where `escalate_to` is asked alone; `why` says which, in a few words."""

    plan: CascadePlan | None
    expected_cost: int
    """Nano-dollars of the road that is taken."""
    why: str


def pays(c_cheap: float, c_check: float, share_kept: float, c_strong: float) -> bool:
    """`c_cheap + c_check < share_kept * c_strong`: what is tried first costs less than what it saves.

    All calls of the steps and all checks are paid for every request; only the requests that are kept save the rest.
    """
    return c_cheap + c_check < share_kept * c_strong


def road(plan: CascadePlan, cost_of: Callable[[str], int | None], *, stream: bool, difficulty: float = 0.0) -> Road:
    """`cost_of(arm)` is the expected cost of the request there in nano-dollars, None where it may not be asked."""
    strong = cost_of(plan.escalate_to)
    left = tuple(step for step in plan.steps if cost_of(step.arm) is not None)
    plain = strong or 0
    if strong is None:
        return Road(None, plain, f"no cascade: {plan.escalate_to} may not be asked")
    if stream and not plan.hold:
        return Road(None, plain, "no cascade: a stream would have to be held")
    if plan.skip_above is not None and difficulty > plan.skip_above:
        return Road(None, plain, f"no cascade: difficulty {difficulty:.2f} is above {plan.skip_above:g}")
    if not any(place + 1 >= step.quorum for place, step in enumerate(left)):
        return Road(None, plain, "no cascade: too few of its models may be asked")
    plan = replace(plan, steps=left)
    tried = steps_cost(plan, cost_of)
    if not pays(tried, 0, plan.share_kept, strong):
        return Road(None, plain, f"no cascade: trying costs more than the {plan.share_kept:.0%} that it spares")
    expected = round(tried + (1 - plan.share_kept) * strong)
    return Road(plan, expected, f"cascade over {', '.join(step.arm for step in left)}, else {plan.escalate_to}")


def least_kept(plan: CascadePlan, cost_of: Callable[[str], int | None]) -> float:
    """The `share_kept` at or below which trying no longer pays; by bisection, for it weighs the later steps, too."""
    strong = cost_of(plan.escalate_to) or 0
    low, high = 0.0, 1.0
    for _ in range(HALVINGS):
        middle = (low + high) / 2
        if pays(steps_cost(replace(plan, share_kept=middle), cost_of), 0, middle, strong):
            high = middle
        else:
            low = middle
    return high


def steps_cost(plan: CascadePlan, cost_of: Callable[[str], int | None]) -> float:
    """Expected nano-dollars of the steps. Steps before the first that can keep an answer are always asked; those that
    can are taken to keep equal shares of what reaches them, `1 - (1 - h)**k = share_kept`.
    """
    deciding = [place + 1 >= step.quorum for place, step in enumerate(plan.steps)]
    hazard = 1.0 - (1.0 - min(plan.share_kept, 1.0)) ** (1.0 / sum(deciding)) if any(deciding) else 0.0
    reach, total = 1.0, 0.0
    for step, decides in zip(plan.steps, deciding, strict=True):
        total += reach * (cost_of(step.arm) or 0)
        if decides:
            reach *= 1.0 - hazard
    return total
