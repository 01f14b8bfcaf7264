"""Intervals against scipy, and what they promise."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from baton.stats.intervals import bootstrap_mean, clopper_pearson, wilson

counts = st.integers(1, 5_000).flatmap(lambda n: st.tuples(st.integers(0, n), st.just(n)))
levels = st.floats(0.5, 0.999)


@given(pair=counts, level=levels)
def test_wilson_equals_scipy(pair: tuple[int, int], level: float) -> None:
    k, n = pair
    expected = stats.binomtest(k, n).proportion_ci(level, "wilson")
    found = wilson(k, n, level)
    assert (found.low, found.high) == pytest.approx((expected.low, expected.high), abs=1e-9)


@given(pair=counts, level=levels)
def test_clopper_pearson_equals_scipy(pair: tuple[int, int], level: float) -> None:
    k, n = pair
    expected = stats.binomtest(k, n).proportion_ci(level, "exact")
    found = clopper_pearson(k, n, level)
    assert (found.low, found.high) == pytest.approx((expected.low, expected.high), abs=1e-9)


def test_no_trial_leaves_everything_open() -> None:
    assert tuple(vars_of(wilson(0, 0))) == tuple(vars_of(clopper_pearson(0, 0))) == (0.0, 1.0)


@pytest.mark.parametrize(
    ("k", "n", "level"), [(-1, 5, 0.95), (6, 5, 0.95), (1, -1, 0.95), (float("nan"), 5, 0.95), (1, 5, 1.0)]
)
def test_impossible_counts_are_refused(k: int, n: int, level: float) -> None:
    with pytest.raises(ValueError, match=r"need|level"):
        wilson(k, n, level)
    with pytest.raises(ValueError, match=r"need|level"):
        clopper_pearson(k, n, level)


def test_the_bootstrap_covers_the_mean_about_as_often_as_it_says() -> None:
    rng = np.random.default_rng(7)
    covered = 0
    for _ in range(200):
        scores = rng.beta(2, 1, size=100)
        interval = bootstrap_mean(scores, rng, resamples=400)
        covered += interval.low <= 2 / 3 <= interval.high
    assert covered >= 180


@given(scores=st.lists(st.floats(0, 1), min_size=1, max_size=20))
def test_repeated_scores_may_be_given_as_counts(scores: list[float]) -> None:
    points, repeats = np.unique(scores, return_counts=True)
    interval = bootstrap_mean(points, np.random.default_rng(1), counts=repeats)
    assert min(scores) - 1e-12 <= interval.low <= interval.high <= max(scores) + 1e-12


@pytest.mark.parametrize("values", [[], [float("nan")], [[0.1, 0.2]]])
def test_a_bad_sample_is_refused(values: list[float]) -> None:
    with pytest.raises(ValueError, match=r"."):
        bootstrap_mean(values, np.random.default_rng(1))


def vars_of(interval: object) -> tuple[float, float]:
    return (interval.low, interval.high)  # type: ignore[attr-defined]
