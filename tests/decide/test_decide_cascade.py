"""Laws of the walk along an answer-aware road."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from baton.decide.cascade import UNCOUNTED, Next, next_of
from baton.types.cascade import CascadePlan, CascadeStep


def road(*quorums: int, skip_above: float | None = None) -> CascadePlan:
    steps = tuple(CascadeStep(f"house/m{place}", quorum=quorum) for place, quorum in enumerate(quorums))
    return CascadePlan("analysis", steps, "house/reference", skip_above=skip_above)


@pytest.mark.parametrize(
    ("quorums", "groups", "expected"),
    [
        ((), (), Next("escalate", 0)),
        ((1,), (), Next("ask", 0)),
        ((1,), (0,), Next("keep", 0)),
        ((1,), (UNCOUNTED,), Next("escalate", 1)),
        ((2, 2), (0,), Next("ask", 1)),
        ((2, 2), (0, 0), Next("keep", 0)),
        ((2, 2), (0, 1), Next("escalate", 2)),
        ((2, 2, 2), (0, 1), Next("ask", 2)),
        ((2, 2, 2), (0, 1, 1), Next("keep", 1)),
        ((3, 3, 3), (0, 1), Next("escalate", 3)),
        ((1, 1), (UNCOUNTED, 0), Next("keep", 1)),
        ((2, 2), (UNCOUNTED,), Next("escalate", 2)),
    ],
)
def test_what_comes_next(quorums: tuple[int, ...], groups: tuple[int, ...], expected: Next) -> None:
    assert next_of(road(*quorums), groups) == expected


def test_a_hard_request_goes_up_at_once_and_only_at_the_start() -> None:
    plan = road(2, 2, skip_above=0.6)
    assert next_of(plan, (), 0.7) == Next("escalate", 2)
    assert next_of(plan, (), 0.6) == Next("ask", 0)
    assert next_of(plan, (0,), 0.7) == Next("ask", 1)


@given(st.lists(st.integers(1, 4), max_size=5), st.lists(st.integers(-1, 2), min_size=5, max_size=5))
def test_every_walk_ends_and_what_is_kept_has_its_quorum(quorums: list[int], answers: list[int]) -> None:
    plan, groups = road(*quorums), list[int]()
    while (step := next_of(plan, groups)).act == "ask":
        assert step.step == len(groups) < len(quorums)
        groups.append(answers[step.step])
    if step.act == "keep":
        kept = groups[step.step]
        assert kept != UNCOUNTED
        assert groups.count(kept) >= quorums[len(groups) - 1]
        assert groups.index(kept) == step.step
    else:
        assert step == Next("escalate", len(quorums))
