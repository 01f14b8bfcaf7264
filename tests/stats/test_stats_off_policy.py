"""Off-policy estimates find what the new policy is worth from what the old one logged."""

import numpy as np
import pytest

from baton.stats.off_policy import Worth, doubly_robust

TRUE = np.array([[0.9, 0.6], [0.8, 0.2]])
"""Chance of a right answer: kind of task x model. The old policy sends hard tasks (kind 1) to model 0."""
OLD = np.array([[0.3, 0.7], [0.8, 0.2]])


def logged(n: int, seed: int, predictions: np.ndarray) -> tuple[Worth, Worth]:
    """A new policy that always takes model 1: doubly robust, and inverse propensity alone."""
    rng = np.random.default_rng(seed)
    kind = rng.integers(0, 2, n)
    served = (rng.random(n) < OLD[kind, 1]).astype(int)
    grades = (rng.random(n) < TRUE[kind, served]).astype(float)
    chance, same = OLD[kind, served], served == 1
    zero = np.zeros(n)
    return (
        doubly_robust(predictions[kind, 1], predictions[kind, served], grades, same, chance),
        doubly_robust(zero, zero, grades, same, chance),
    )


WORTH = float(TRUE[:, 1].mean())


def test_a_plain_average_of_the_served_answers_would_be_wrong_and_the_estimate_is_right() -> None:
    served_average = float((OLD[:, 1] * TRUE[:, 1]).sum() / OLD[:, 1].sum())
    assert abs(served_average - WORTH) > 0.1
    assert logged(200_000, 1, TRUE)[0].mean == pytest.approx(WORTH, abs=0.01)


def test_predictions_that_are_wrong_do_no_harm_and_good_ones_narrow_the_interval() -> None:
    wrong = logged(200_000, 2, 1 - TRUE)[0]
    assert wrong.mean == pytest.approx(WORTH, abs=0.02)
    good, plain = logged(5_000, 3, TRUE)
    width = good.interval.high - good.interval.low
    assert width < 0.9 * (plain.interval.high - plain.interval.low)
    assert good.effective_n < good.n


def test_the_interval_covers_in_nineteen_of_twenty_logs() -> None:
    covered = 0
    for seed in range(400):
        found = logged(1_500, seed, TRUE)[0]
        covered += found.interval.low <= WORTH <= found.interval.high
    assert covered >= 0.92 * 400


@pytest.mark.parametrize(
    ("grades", "chances", "words"),
    [([], [], "nothing to weigh"), ([1.0, np.nan], [1.0, 1.0], "0..1"), ([1.0], [0.0], "above 0"), ([1.0], [1.5], "1")],
)
def test_what_is_no_log_is_refused(grades: list[float], chances: list[float], words: str) -> None:
    zero = np.zeros(len(grades))
    with pytest.raises(ValueError, match=words):
        doubly_robust(zero, zero, np.array(grades), np.ones(len(grades), dtype=bool), np.array(chances))
