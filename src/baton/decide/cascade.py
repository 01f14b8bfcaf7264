"""What comes next on an answer-aware road: keep an answer, ask the next model, or escalate. Pure.

The same function is walked by `flow` with live answers and by `measure` with recorded ones.
"""

from collections.abc import Sequence
from typing import Literal

from msgspec import Struct

from baton.types.cascade import CascadePlan

UNCOUNTED = -1
"""The group of an answer that failed a check: it agrees with nothing."""


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
