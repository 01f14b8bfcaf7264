"""APGR, CPT and AIQ against values worked by hand, and the laws that any router keeps."""

import math
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from baton.stats.frontier import (
    aiq,
    apgr,
    apgr_difference,
    apgr_interval,
    bootstrap,
    calls_needed,
    hull,
    recovery_curve,
)

# Four prompts, the strong model better on two and worse on one: gap (2 - 1) / 4.
WEAK = np.array([0.0, 0.0, 1.0, 1.0])
STRONG = np.array([1.0, 1.0, 0.0, 1.0])


def test_the_oracle_by_hand() -> None:
    # By falling gain: +1, +1, 0, -1, of a gap of 1: PGR 0, 1, 2, 2, 1 at 0, 25, 50, 75, 100 %.
    oracle = STRONG - WEAK
    curve = recovery_curve(oracle, WEAK, STRONG)
    assert curve.shares.tolist() == [0, 0.5, 0.75, 1]  # the two best are tied: straight over both
    assert curve.recovered.tolist() == [0, 2, 2, 1]
    assert apgr(oracle, WEAK, STRONG) == pytest.approx(0.5 * 1 + 0.25 * 2 + 0.25 * 1.5)
    assert calls_needed(oracle, WEAK, STRONG, 0.5) == pytest.approx(0.125)
    assert calls_needed(oracle, WEAK, STRONG, 0) == 0


def test_a_bad_order_by_hand() -> None:
    # The loss first, then 0, +1, +1: PGR 0, -1, -1, 0, 1.
    worst = WEAK - STRONG + np.array([0, 0.1, 0, 0])
    assert apgr(worst, WEAK, STRONG) == pytest.approx(0.25 * (-0.5 - 1 - 0.5 + 0.5))
    assert calls_needed(worst, WEAK, STRONG, 1) == 1


def test_a_router_that_cannot_tell_prompts_apart_is_random() -> None:
    constant = np.zeros(4)
    assert apgr(constant, WEAK, STRONG) == 0.5
    assert calls_needed(constant, WEAK, STRONG, 0.8) == pytest.approx(0.8)


def test_where_there_is_no_gap_nothing_can_be_said() -> None:
    with pytest.raises(ValueError, match="not better"):
        apgr(np.arange(4.0), STRONG, WEAK)
    with pytest.raises(ValueError, match="one value a prompt"):
        apgr(np.arange(3.0), WEAK, STRONG)
    with pytest.raises(ValueError, match="not graded"):
        apgr(np.array([1, 2, 3, math.nan]), WEAK, STRONG)
    with pytest.raises(ValueError, match="share of the gap"):
        calls_needed(np.arange(4.0), WEAK, STRONG, 1.5)


scores = st.integers(0, 5)
samples = st.lists(st.tuples(scores, st.sampled_from([0.0, 0.5, 1.0]), st.sampled_from([0.0, 0.5, 1.0])), min_size=3)


@given(samples)
def test_reversing_a_score_mirrors_its_area(rows: list[tuple[int, float, float]]) -> None:
    score, weak, strong = (np.array(column, dtype=float) for column in zip(*rows, strict=True))
    assume((strong - weak).sum() > 0)
    area = apgr(score, weak, strong)
    assert apgr(-score, weak, strong) == pytest.approx(1 - area)
    assert apgr(np.exp(score), weak, strong) == pytest.approx(area)  # only the order counts
    assert area <= apgr(strong - weak, weak, strong) + 1e-9  # nothing beats knowing the gain
    order = np.random.default_rng(0).permutation(len(score))
    assert apgr(score[order], weak[order], strong[order]) == pytest.approx(area)


@given(samples)
def test_ties_count_as_the_mean_of_their_orders(rows: list[tuple[int, float, float]]) -> None:
    score, weak, strong = (np.array(column, dtype=float) for column in zip(*rows[:6], strict=True))
    assume((strong - weak).sum() > 0)
    jitter = np.linspace(0, 0.5, len(score))
    both = [apgr(score + sign * jitter, weak, strong) for sign in (1, -1)]  # an order of the ties, and its reverse
    assert np.mean(both) == pytest.approx(apgr(score, weak, strong))


def test_the_interval_covers_and_a_paired_difference_is_narrower() -> None:
    rng = np.random.default_rng(7)
    hard = rng.random(1_500)
    weak, strong = (rng.random(1_500) > hard).astype(float), (rng.random(1_500) > hard * 0.5).astype(float)
    one, two = hard + rng.normal(0, 0.5, 1_500), hard + rng.normal(0, 0.5, 1_500)
    interval = apgr_interval(one, weak, strong, rng)
    assert interval.low < apgr(one, weak, strong) < interval.high
    assert 0.04 < interval.high - interval.low < 0.25
    difference, between = apgr_difference(one, two, weak, strong, rng)
    assert difference == pytest.approx(apgr(one, weak, strong) - apgr(two, weak, strong))
    assert between.low <= difference <= between.high
    same, none = apgr_difference(one, one, weak, strong, rng)
    assert (same, none.low, none.high) == (0, 0, 0)


def test_the_interval_agrees_with_resampling_row_by_row() -> None:
    rng = np.random.default_rng(3)
    score = np.round(rng.random(300), 1)
    weak, strong = (rng.random(300) > 0.5).astype(float), (rng.random(300) > 0.2).astype(float)
    fast = apgr_interval(score, weak, strong, np.random.default_rng(1), resamples=4_000)
    slow = bootstrap(lambda rows: apgr(score[rows], weak[rows], strong[rows]), 300, np.random.default_rng(2))
    assert fast.low == pytest.approx(slow.low, abs=0.02)
    assert fast.high == pytest.approx(slow.high, abs=0.02)


def test_too_few_prompts_for_an_interval_is_said() -> None:
    # A third of the resamples miss the one prompt that makes the gap.
    weak, strong = np.array([0.1] * 9 + [0.0]), np.array([0.0] * 9 + [0.901])
    with pytest.raises(ValueError, match="too few prompts"):
        apgr_interval(np.arange(10.0), weak, strong, np.random.default_rng(0))


def test_the_hull_by_hand() -> None:
    points = [(1.0, 0.5), (2.0, 0.6), (3.0, 0.9), (4.0, 0.8), (2.0, 0.4)]
    assert hull(points) == [(1.0, 0.5), (3.0, 0.9)]  # (2, .6) lies under the line, the dearest is worse than its left
    # from 1 to 3 the mean is .7, from 3 to 5 it stays .9
    assert aiq(points, 1, 5) == pytest.approx(0.8)
    assert aiq(points, 1, 2) == pytest.approx((0.5 + 0.7) / 2)
    with pytest.raises(ValueError, match="cheapest"):
        aiq(points, 0.5, 5)
    with pytest.raises(ValueError, match="range"):
        aiq(points, 1, 1)


@given(st.lists(st.tuples(st.integers(0, 20), st.integers(0, 20)), min_size=1, max_size=30))
def test_no_point_lies_above_the_hull(points: list[tuple[int, int]]) -> None:
    corners = hull(points)
    costs, qualities = zip(*corners, strict=True)
    assert list(costs) == sorted(set(costs))
    assert list(qualities) == sorted(set(qualities))
    for cost, quality in points:
        if cost >= costs[0]:
            assert quality <= np.interp(cost, costs, qualities) + 1e-9
    slopes = [(q1 - q0) / (c1 - c0) for (c0, q0), (c1, q1) in pairwise(corners)]
    assert all(one > two for one, two in pairwise(slopes))
