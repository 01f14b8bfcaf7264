"""Laws of the cheapest adequate choice: it keeps its target where it was chosen, and its bound keeps it elsewhere."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from baton.stats.choice import Choice, Outcomes, careful, cheapest_adequate, served

COSTS = np.array([1.0, 3.0, 10.0])
REFERENCE = 2


def outcomes(n: int, right: tuple[tuple[float, ...], ...], seed: int = 1) -> Outcomes:
    """`right[type][arm]`: chance of a right answer; n tasks of each type."""
    rng = np.random.default_rng(seed)
    quality = np.vstack([(rng.random((n, len(row))) < row).astype(float) for row in right])
    return Outcomes(np.repeat(np.arange(len(right)), n), quality, np.tile(COSTS, (len(quality), 1)))


def test_each_type_gets_its_cheapest_adequate_arm() -> None:
    graded = outcomes(4_000, ((0.90, 0.90, 0.90), (0.20, 0.90, 0.90), (0.20, 0.50, 0.90)))
    assert cheapest_adequate(graded, REFERENCE, 0.97).arms == (0, 1, 2)


def test_what_one_type_gives_above_the_target_another_may_use() -> None:
    graded = outcomes(4_000, ((0.90, 0.95, 0.80), (0.60, 0.84, 0.90)))
    found = cheapest_adequate(graded, REFERENCE, 0.98)
    assert found.arms[1] == 1
    given_ = served(found, graded)
    assert given_.quality.mean() >= 0.98 * graded.quality[:, REFERENCE].mean() - 1e-9


def test_nothing_adequate_is_the_reference_everywhere() -> None:
    found = cheapest_adequate(outcomes(500, ((0.1, 0.2, 0.9), (0.1, 0.2, 0.9))), REFERENCE, 0.98)
    assert found == Choice((2, 2), (2, 2), 0.0)


def test_few_tasks_are_not_enough_for_the_bound_and_many_are() -> None:
    right = ((0.30, 0.88, 0.88),)
    assert cheapest_adequate(outcomes(60, right), REFERENCE, 0.97, confidence=0.95).arms == (2,)
    assert cheapest_adequate(outcomes(20_000, right), REFERENCE, 0.97, confidence=0.95).arms == (1,)


def test_a_share_uses_the_room_that_whole_types_leave() -> None:
    graded = outcomes(5_000, ((0.80, 0.85, 0.90),))
    whole = cheapest_adequate(graded, REFERENCE, 0.98)
    part = cheapest_adequate(graded, REFERENCE, 0.98, shares=True)
    assert whole == Choice((2,), (2,), 0.0)
    assert 0.0 < part.share < 1.0
    given_ = served(part, graded)
    assert given_.cost.mean() < graded.cost[:, REFERENCE].mean()
    assert given_.quality.mean() == pytest.approx(0.98 * graded.quality[:, REFERENCE].mean(), abs=1e-9)


def test_a_thin_type_is_shrunk_to_what_its_arms_are_worth_elsewhere() -> None:
    """Three lucky answers of the cheap arm do not outweigh four thousand poor ones."""
    many = outcomes(4_000, ((0.50, 0.89, 0.90),))
    lucky = np.array([[1.0, 1.0, 1.0]] * 3)
    graded = Outcomes(
        np.concatenate([many.types, np.ones(3, dtype=int)]),
        np.vstack([many.quality, lucky]),
        np.vstack([many.cost, np.tile(COSTS, (3, 1))]),
    )
    assert cheapest_adequate(graded, REFERENCE, 1.0).arms[1] != 0
    assert cheapest_adequate(graded, REFERENCE, 1.0, prior_weight=1e-9).arms[1] == 0


def test_an_arm_that_was_not_graded_in_a_type_does_not_stand_for_choice_there() -> None:
    graded = outcomes(1_000, ((0.9, 0.9, 0.9), (0.9, 0.9, 0.9)))
    graded.quality[1_500, 0] = np.nan
    assert cheapest_adequate(graded, REFERENCE, 0.95).arms == (0, 1)


def test_the_bound_misses_the_target_in_one_of_twenty_samples() -> None:
    missed = 0
    for seed in range(200):
        found = cheapest_adequate(outcomes(300, ((0.3, 0.84, 0.9),), seed), REFERENCE, 0.95, confidence=0.95)
        missed += found.arms[0] == 1  # its true ratio is .933
    assert missed <= 20


def test_the_margin_grows_where_many_arms_make_one_of_them_lucky() -> None:
    rng = np.random.default_rng(3)
    n, arms = 150, 400
    quality = (rng.random((n, arms)) < 0.86).astype(float)
    quality[:, -1] = rng.random(n) < 0.93
    cost = np.tile(np.r_[rng.uniform(1, 3, arms - 1), 10.0], (n, 1))
    graded = Outcomes(np.zeros(n, dtype=int), quality, cost)
    found = careful(graded, arms - 1, 0.98, np.arange(n) % 5)
    assert found.confidence is not None
    with pytest.raises(ValueError, match="at least one"):
        careful(graded, arms - 1, 0.98, np.arange(n) % 5, confidences=())


@given(st.integers(1, 3), st.integers(2, 40), st.floats(0.5, 1.0), st.booleans(), st.integers(0, 99))
def test_the_target_is_kept_on_what_it_was_chosen_on(
    types: int, n: int, target: float, shares: bool, seed: int
) -> None:
    graded = outcomes(n, ((0.6, 0.7, 0.8),) * types, seed)
    found = served(cheapest_adequate(graded, REFERENCE, target, shares=shares), graded)
    assert found.quality.mean() >= target * graded.quality[:, REFERENCE].mean() - 1e-9
    assert found.cost.mean() <= graded.cost[:, REFERENCE].mean() + 1e-9


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"target": 0.0}, "target"),
        ({"reference": 9}, "reference"),
        ({"confidence": 1.2}, "confidence"),
    ],
)
def test_bad_input_is_refused(change: dict[str, float], words: str) -> None:
    given_ = {"reference": REFERENCE, "target": 0.9, "confidence": None} | change
    with pytest.raises(ValueError, match=words):
        cheapest_adequate(
            outcomes(5, ((0.5, 0.5, 0.5),)), int(given_["reference"] or 0), given_["target"] or 0.0,
            confidence=given_["confidence"],
        )  # fmt: skip


def test_types_with_a_gap_and_an_ungraded_reference_are_refused() -> None:
    graded = outcomes(5, ((0.5, 0.5, 0.5), (0.5, 0.5, 0.5)))
    with pytest.raises(ValueError, match="gap"):
        cheapest_adequate(Outcomes(graded.types * 2, graded.quality, graded.cost), REFERENCE, 0.9)
    graded.quality[0, REFERENCE] = np.nan
    with pytest.raises(ValueError, match="not graded on every task"):
        cheapest_adequate(graded, REFERENCE, 0.9)
