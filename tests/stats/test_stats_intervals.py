"""Intervals against scipy, and what they promise."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from baton.stats.intervals import bca_mean, bootstrap_mean, clopper_pearson, wilson
from baton.stats.quantiles import student_quantile

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


@given(p=st.floats(0.001, 0.999), degrees=st.floats(1, 400))
def test_student_quantiles_equal_scipy(p: float, degrees: float) -> None:
    assert student_quantile(p, degrees) == pytest.approx(stats.t.ppf(p, degrees), rel=1e-8, abs=1e-9)


def test_bca_equals_scipy_up_to_the_resamples_drawn() -> None:
    costs = np.random.default_rng(5).lognormal(0, 1.5, size=80)
    expected = stats.bootstrap((costs,), np.mean, method="BCa", n_resamples=9_999, rng=1).confidence_interval
    found = bca_mean(costs, np.random.default_rng(1), resamples=9_999)
    assert (found.low, found.high) == pytest.approx((expected.low, expected.high), rel=0.03)
    plain = bootstrap_mean(costs, np.random.default_rng(1))
    assert found.high > plain.high  # the tail of costs is on the dear side


def test_clusters_widen_what_repeats_itself() -> None:
    rng = np.random.default_rng(6)
    per_conversation = rng.lognormal(0, 1, size=40)
    costs, names = np.repeat(per_conversation, 10), np.repeat(np.arange(40), 10)
    alone = bca_mean(per_conversation, np.random.default_rng(1))
    together = bca_mean(costs, np.random.default_rng(1), clusters=names)
    naive = bca_mean(costs, np.random.default_rng(1))
    assert (together.low, together.high) == pytest.approx((alone.low, alone.high))
    assert together.high - together.low > 2 * (naive.high - naive.low)


def test_bca_of_equal_values_is_a_point_and_bad_input_is_refused() -> None:
    assert vars_of(bca_mean([2.0, 2.0, 2.0], np.random.default_rng(1))) == (2.0, 2.0)
    for values, clusters in [([1.0, math.nan], None), ([1.0], None), ([1.0, 2.0], ["a", "a"]), ([1.0, 2.0], ["a"])]:
        with pytest.raises(ValueError, match=r"need|leave out"):
            bca_mean(values, np.random.default_rng(1), clusters=clusters)
    with pytest.raises(ValueError, match="no quantile"):
        student_quantile(1.0, 3)
    with pytest.raises(ValueError, match="resamples"):
        bca_mean([1.0, 2.0], np.random.default_rng(1), resamples=0)
    with pytest.raises(ValueError, match="whole successes"):
        clopper_pearson(1.5, 3)  # type: ignore[arg-type]
    assert student_quantile(0.5, 3) == 0.0


def test_one_value_that_is_worth_all_others_leaves_bca_within_the_resamples() -> None:
    found = bca_mean([0.0] * 99 + [1.0], np.random.default_rng(1), level=0.9999)
    assert 0 <= found.low <= 0.01 <= found.high <= 0.12
