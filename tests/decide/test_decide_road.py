"""Laws of whether an answer-aware road is taken."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from baton.decide.cascade import pays, road, steps_cost
from baton.types.cascade import CascadePlan, CascadeStep

COSTS = {"a": 10, "b": 20, "strong": 1000}
SHARES = st.floats(0, 1)
MONEY = st.integers(0, 10**12)


def plan(*quorums: int, kept: float = 0.5, hold: bool = False, skip_above: float | None = None) -> CascadePlan:
    steps = tuple(CascadeStep("ab"[place], quorum=quorum) for place, quorum in enumerate(quorums))
    return CascadePlan("analysis", steps, "strong", skip_above=skip_above, share_kept=kept, hold=hold)


@given(MONEY, MONEY, SHARES, MONEY)
def test_a_cascade_that_pays_is_expected_to_cost_less_than_the_strong_model(
    cheap: int, check: int, kept: float, strong: int
) -> None:
    expected = cheap + check + (1 - kept) * strong
    if pays(cheap, check, kept, strong):
        assert expected < strong * (1 + 1e-9)
    else:
        assert expected >= strong * (1 - 1e-9)


@given(MONEY, MONEY, SHARES, SHARES)
def test_the_road_that_is_taken_never_costs_more_than_the_strong_model_alone(
    cheap: int, strong: int, kept: float, difficulty: float
) -> None:
    costs = {"a": cheap, "b": cheap * 2, "strong": strong}
    taken = road(plan(1, 1, kept=kept, skip_above=0.5), costs.get, stream=False, difficulty=difficulty)
    assert taken.expected_cost <= strong
    assert taken.plan is None or difficulty <= 0.5


@pytest.mark.parametrize(
    ("given_plan", "costs", "stream", "why"),
    [
        (plan(1), {"a": 10}, False, "strong may not be asked"),
        (plan(1), COSTS, True, "would have to be held"),
        (plan(2, 2), {"a": 10, "strong": 1000}, False, "too few"),
        (plan(1, kept=0.0), COSTS, False, "costs more"),
        (plan(1, kept=0.005), COSTS, False, "costs more"),
    ],
)
def test_what_speaks_against_it_is_said(given_plan: CascadePlan, costs: dict[str, int], stream: bool, why: str) -> None:
    taken = road(given_plan, costs.get, stream=stream)
    assert taken.plan is None
    assert why in taken.why
    assert taken.expected_cost == costs.get("strong", 0)


def test_a_held_stream_takes_it() -> None:
    assert road(plan(1, hold=True), COSTS.get, stream=True).plan is not None


def test_models_that_may_not_be_asked_are_left_out() -> None:
    taken = road(plan(1, 1), {"b": 20, "strong": 1000}.get, stream=False)
    assert taken.plan is not None
    assert [step.arm for step in taken.plan.steps] == ["b"]


def test_answers_that_must_agree_are_all_paid_for() -> None:
    assert steps_cost(plan(2, 2, kept=0.9), COSTS.get) == 30
    assert steps_cost(plan(1, 1, kept=0.75), COSTS.get) == pytest.approx(10 + 0.5 * 20)
