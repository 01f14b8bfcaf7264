"""Laws of answer-aware roads: replayed as they are walked live, and chosen so that they keep their target."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from baton.decide.cascade import UNCOUNTED, next_of
from baton.measure.cascade import Answered, choose_roads, says_of, walked
from baton.types.cascade import CascadePlan, CascadeStep
from baton.types.verdict import Answer

MODELS = ("small", "medium", "other", "strong")
COST = np.array([1.0, 2.0, 3.0, 100.0]) * 1_000_000


def class_room(n: int, seed: int = 1, right: tuple[float, ...] = (0.75, 0.8, 0.8, 0.95)) -> Answered:
    """Two types of four-way choices; models err apart from each other. On the second all but the strong one guess."""
    rng = np.random.default_rng(seed)
    types = np.repeat([0, 1], n)
    chance = np.where(types[:, None] == 0, right, (0.25, 0.25, 0.25, right[-1]))
    correct = rng.random((2 * n, 4)) < chance
    says = np.where(correct, 0, rng.integers(1, 4, (2 * n, 4)))
    return Answered(("known", "guessed"), types, MODELS, correct.astype(float), np.tile(COST, (2 * n, 1)), says)


def one_by_one(plan: CascadePlan, answered: Answered, row: int) -> tuple[float, float, bool]:
    """The same road by the function that the gateway walks."""
    difficulty = 0.0 if answered.difficulty is None else float(answered.difficulty[row])
    groups, cost = list[int](), 0.0
    while (then := next_of(plan, groups, difficulty)).act == "ask":
        arm = MODELS.index(plan.steps[then.step].arm)
        groups.append(int(answered.says[row, arm]))
        cost += answered.cost[row, arm]
    if then.act == "keep":
        return answered.quality[row, MODELS.index(plan.steps[then.step].arm)], cost, True
    strong = MODELS.index(plan.escalate_to)
    return answered.quality[row, strong], cost + answered.cost[row, strong], False


@given(
    st.lists(st.integers(1, 4), max_size=3),
    st.sampled_from([None, 0.3, 0.7]),
    st.integers(0, 1_000),
)
def test_many_tasks_at_once_go_the_way_that_each_goes_alone(
    quorums: list[int], skip_above: float | None, seed: int
) -> None:
    rng = np.random.default_rng(seed)
    n = 12
    answered = Answered(
        ("one",), np.zeros(n, dtype=int), MODELS, rng.random((n, 4)), rng.random((n, 4)),
        rng.integers(UNCOUNTED, 2, (n, 4)), rng.random(n),
    )  # fmt: skip
    steps = tuple(CascadeStep(MODELS[place], quorum=quorum) for place, quorum in enumerate(quorums))
    plan = CascadePlan("one", steps, "strong", skip_above=skip_above)
    found = walked(plan, answered)
    for row in range(n):
        quality, cost, kept = one_by_one(plan, answered, row)
        assert (found.quality[row], found.cost[row], found.kept[row]) == (quality, pytest.approx(cost), kept)


def test_agreement_is_used_where_it_tells_and_the_reference_where_it_does_not() -> None:
    answered = class_room(1_500)
    roads = choose_roads(answered, "strong", 0.97, np.arange(3_000) % 5)
    known, guessed = roads.plans
    assert known.steps
    assert known.steps[-1].quorum >= 2
    assert (guessed.steps, guessed.escalate_to) == ((), "strong")
    assert known.expected_cost < 0.7 * known.reference_cost
    assert (guessed.share_kept, known.n) == (0.0, 1_500)


def test_the_target_holds_on_tasks_that_were_not_seen() -> None:
    roads = choose_roads(class_room(1_500), "strong", 0.95, np.arange(3_000) % 5)
    fresh = class_room(20_000, seed=2)
    quality = np.zeros(len(fresh.types))
    for number, plan in enumerate(roads.plans):
        rows = np.flatnonzero(fresh.types == number)
        quality[rows] = walked(plan, fresh.at(rows)).quality
    strong = fresh.quality[:, -1]
    assert quality.mean() >= 0.95 * strong.mean() - 0.01
    for number, plan in enumerate(roads.plans):
        rows = fresh.types == number
        assert plan.low <= quality[rows].mean() / strong[rows].mean() + 0.01


def test_a_few_tasks_stay_on_the_reference_where_cheap_models_are_poor() -> None:
    answered = class_room(30, right=(0.3, 0.3, 0.3, 0.95))
    roads = choose_roads(answered, "strong", 0.98, np.arange(60) % 5)
    assert [plan.escalate_to for plan in roads.plans] == ["strong", "strong"]
    assert sum(plan.expected_cost for plan in roads.plans) >= 0.9 * sum(plan.reference_cost for plan in roads.plans)


def test_answers_are_the_same_when_the_gateway_takes_them_for_the_same() -> None:
    says = says_of([[Answer("The answer is 42."), Answer("42"), Answer("43"), None]])
    assert says[0, 0] == says[0, 1] != says[0, 2]
    assert says[0, 3] == UNCOUNTED


def test_a_reference_that_was_not_graded_is_refused() -> None:
    with pytest.raises(ValueError, match="'best' was not graded"):
        choose_roads(class_room(10), "best", 0.9, np.arange(20) % 5)
