"""Judges: corrected by humans they cover the truth, alone they do not; agreement, flips and length against oracles."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import optimize, special

from baton.stats.betting import Capital
from baton.stats.drift import guarantee_monitor
from baton.stats.guarantee import Guarantee, Pair
from baton.stats.intervals import Interval, wilson
from baton.stats.judge import (
    Corrected,
    LabelPlan,
    Swapped,
    Uncorrected,
    agreement,
    corrected_mean,
    flip_rate,
    length_bias,
)


def judged(truth: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Sensitivity .95, specificity .90."""
    return np.where(truth == 1, rng.random(truth.shape) < 0.95, rng.random(truth.shape) < 0.10).astype(float)


@pytest.mark.parametrize("quality", [0.85, 0.97])
def test_humans_make_a_judge_cover_the_truth_which_it_does_not_alone(quality: float) -> None:
    rng = np.random.default_rng(1)
    covered = alone = 0
    narrower = []
    for _ in range(300):
        truth = (rng.random(2_100) < quality).astype(float)
        scores = judged(truth, rng)
        found = corrected_mean(scores[:2_000], scores[2_000:], truth[2_000:])
        assert isinstance(found, Corrected)
        covered += found.interval.low <= quality <= found.interval.high
        judge_only = wilson(scores.sum(), scores.size)
        alone += judge_only.low <= quality <= judge_only.high
        human_only = wilson(truth[2_000:].sum(), 100)
        narrower.append((found.interval.high - found.interval.low) / (human_only.high - human_only.low))
    assert covered >= 0.93 * 300
    assert alone < 0.3 * 300
    assert np.mean(narrower) < 0.9


def test_too_few_humans_correct_nothing() -> None:
    found = corrected_mean([1.0] * 500, [1.0] * 99, [1.0] * 99)
    assert isinstance(found, Uncorrected)
    assert (found.humans, found.needed) == (99, 1)


def test_labels_that_are_all_alike_leave_a_width() -> None:
    alike = corrected_mean([1.0] * 500, [1.0] * 100, [1.0] * 100)
    assert isinstance(alike, Corrected)
    assert alike.mean == alike.interval.high == 1.0
    assert alike.interval.low < 0.99


@pytest.mark.parametrize(("unlabelled", "weight"), [(200, 0.5), (20_000, 0.99)])
def test_a_perfect_judge_is_believed_as_far_as_there_are_more_items(unlabelled: int, weight: float) -> None:
    rng = np.random.default_rng(4)
    labels = (rng.random(200) < 0.5).astype(float)
    found = corrected_mean((rng.random(unlabelled) < 0.5).astype(float), labels, labels)
    assert isinstance(found, Corrected)
    assert found.weight == pytest.approx(weight, abs=0.02)


def test_without_unlabelled_items_it_is_the_mean_of_the_labels() -> None:
    labels = [1.0] * 70 + [0.0] * 30
    alone = corrected_mean([], [1.0, 0.0] * 50, labels)
    assert isinstance(alone, Corrected)
    assert alone.mean == pytest.approx(0.7)
    assert alone.weight == 0.0
    human = wilson(70, 100)
    assert (alone.interval.low, alone.interval.high) == pytest.approx((human.low, human.high), abs=0.01)


@given(st.integers(100, 250), st.integers(0, 300), st.integers(0, 5))
def test_the_corrected_mean_lies_in_its_interval_within_0_and_1(n: int, others: int, seed: int) -> None:
    rng = np.random.default_rng(seed)
    found = corrected_mean(rng.random(others), rng.random(n), rng.random(n))
    assert isinstance(found, Corrected)
    assert 0 <= found.interval.low <= found.mean <= found.interval.high <= 1
    assert 0 <= found.weight <= 1


def test_the_sequential_form_has_the_mean_of_the_labels_and_keeps_its_range() -> None:
    rng = np.random.default_rng(2)
    plan = LabelPlan(probability=0.2, weight=0.9)
    truth = (rng.random(20_000) < 0.85).astype(float)
    scores, labelled = judged(truth, rng), rng.random(20_000) < 0.2
    found = [
        plan.corrected_score(float(j), float(y) if known else None)
        for j, y, known in zip(scores, truth, labelled, strict=True)
    ]
    assert np.mean(found) == pytest.approx(0.85, abs=0.015)
    assert plan.lowest <= min(found)
    assert max(found) <= plan.highest
    proved = Capital((0.02, 0.05)).after(x - 0.8 for x in found)
    assert proved.log_e > math.log(20)


@given(st.lists(st.tuples(st.integers(0, 1), st.integers(0, 1)), min_size=1, max_size=60))
def test_agreement_is_what_counting_says(pairs: list[tuple[int, int]]) -> None:
    judge, human = [j for j, _ in pairs], [y for _, y in pairs]
    found = agreement(judge, human)
    assert found.agreement == pytest.approx(sum(j == y for j, y in pairs) / len(pairs))
    if 1 in human:
        assert found.sensitivity == pytest.approx(sum(j == y == 1 for j, y in pairs) / sum(human))
    if 0 in human:
        assert found.specificity == pytest.approx(sum(j == y == 0 for j, y in pairs) / human.count(0))
    assert found.kappa is None or found.kappa <= 1


def test_kappa_is_cohens() -> None:
    # J. Fleiss's textbook table: 20 and 15 agreed, 5 and 10 not
    judge, human = [1] * 25 + [0] * 25, [1] * 20 + [0] * 5 + [1] * 10 + [0] * 15
    assert agreement(judge, human).kappa == pytest.approx(0.4)


def test_length_is_found_where_it_counts_and_equals_the_likelihoods_maximum() -> None:
    rng = np.random.default_rng(3)
    ratios = np.exp(rng.normal(0, 0.7, size=800))
    wins = (rng.random(800) < special.expit(0.3 + 1.2 * np.log(ratios))).astype(float)
    found = length_bias(wins, ratios)
    best = optimize.minimize(
        lambda b: -np.sum(special.log_expit(np.where(wins, 1, -1) * (b[0] + b[1] * np.log(ratios)))), np.zeros(2)
    )
    assert found.coefficient == pytest.approx(best.x[1], abs=1e-3)
    assert found.interval.low < 1.2 < found.interval.high
    fair = length_bias((rng.random(800) < 0.5).astype(float), ratios)
    assert fair.interval.low < 0 < fair.interval.high
    separated = length_bias([0.0] * 20 + [1.0] * 20, [0.5] * 20 + [2.0] * 20)
    assert math.isfinite(separated.coefficient)
    assert separated.coefficient > 3


def test_a_judge_that_flips_says_nothing() -> None:
    pairs = [Swapped(1, 1), Swapped(1, 0), Swapped(0, 0), Swapped(0.5, 1)]
    assert [pair.score for pair in pairs] == [1, 0.5, 0, 0.5]
    assert flip_rate(pairs).rate == 0.5
    assert flip_rate([]).interval.high == 1.0


def test_a_guarantee_is_watched_through_a_judge_and_few_labels() -> None:
    """The judge is twice as kind to the candidate; labels of one pair in five see through it."""
    rng, guarantee, plan = np.random.default_rng(9), Guarantee(0.9), LabelPlan(0.2, 0.8)
    monitor = guarantee_monitor(guarantee, 1_000, plan.gain_span(guarantee))
    flattered = guarantee_monitor(guarantee, 1_000)
    reference, candidate = rng.random(6_000) < 0.85, rng.random(6_000) < 0.6
    for f, c, labelled in zip(reference, candidate, rng.random(6_000) < 0.2, strict=True):
        kind = 1.0 if rng.random() < 0.7 else float(c)
        grades = [plan.corrected_score(j, float(y) if labelled else None) for j, y in ((float(f), f), (kind, c))]
        monitor = monitor.after([guarantee.gain(Pair(*grades))])
        flattered = flattered.after([guarantee.gain(Pair(float(f), kind))])
    assert monitor.alarmed
    assert not flattered.alarmed
    with pytest.raises(ValueError, match="can show nothing"):
        guarantee_monitor(guarantee, 1_000, Interval(0.1, 0.2))


def test_bad_scores_are_refused() -> None:
    nan = math.nan
    with pytest.raises(ValueError, match="human"):
        corrected_mean([1.0], [1.0], [nan])
    with pytest.raises(ValueError, match="both"):
        corrected_mean([1.0], [1.0, 1.0], [1.0])
    with pytest.raises(ValueError, match=r"need 0, 0\.5 or 1"):
        flip_rate([Swapped(0.7, 1)])
    with pytest.raises(ValueError, match="not above 0"):
        length_bias([1, 0, 1], [1, 0, 2])
    with pytest.raises(ValueError, match="at least 3"):
        length_bias([1], [1])
    with pytest.raises(ValueError, match="yes and no"):
        agreement([0.5], [1])
    with pytest.raises(ValueError, match="at least one"):
        agreement([], [])
    with pytest.raises(ValueError, match="probability above 0"):
        LabelPlan(0)
    with pytest.raises(ValueError, match="score is"):
        LabelPlan(0.5).corrected_score(nan, None)
