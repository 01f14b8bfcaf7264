"""Betting: capital against plain products, Ville's inequality, coverage of the confidence sequence."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from baton.stats.betting import Capital, betting_interval, capital_path, horizon_bets, log_mean_capital

values = st.lists(st.floats(-0.95, 1.0), min_size=1, max_size=40)
BETS = (0.1, 0.4, 0.9)


@given(values)
def test_capital_is_the_mean_of_plain_products(seen: list[float]) -> None:
    expected = np.mean([np.prod([1 + bet * x for x in seen]) for bet in BETS])
    assert math.exp(Capital(BETS).after(seen).log_e) == pytest.approx(expected, rel=1e-9)


@given(values, st.randoms())
def test_the_order_of_values_does_not_matter(seen: list[float], random: "object") -> None:
    shuffled = list(seen)
    random.shuffle(shuffled)  # type: ignore[attr-defined]
    assert Capital(BETS).after(seen).log_e == Capital(BETS).after(shuffled).log_e


@given(values, st.integers(0, 40))
def test_batches_leave_the_same_state_as_one_after_the_other(seen: list[float], cut: int) -> None:
    whole, parts = Capital(BETS).after(seen), Capital(BETS).after(seen[:cut]).after(seen[cut:])
    assert (parts.counts, parts.log_e, parts.n) == (whole.counts, whole.log_e, len(seen))
    assert parts.peak >= whole.peak


@given(values, st.integers(1, 9))
def test_the_path_is_the_capital_at_every_look(seen: list[float], every: int) -> None:
    path = capital_path(np.array(seen), BETS, every)
    ends = [*range(every, len(seen), every), len(seen)]
    assert path == pytest.approx([Capital(BETS).after(seen[:end]).log_e for end in ends], abs=1e-9)


def test_no_bet_gets_rich_more_often_than_ville_allows() -> None:
    gains = np.random.default_rng(1).choice([-0.95, 0.05, 1.0], p=[0.5, 0.0, 0.5], size=(4_000, 400)) - 0.025
    rich = (capital_path(gains, horizon_bets(0.05, 400, 0.9, 1 / 0.975)) >= math.log(20)).any(axis=1)
    assert rich.mean() <= 0.05


@pytest.mark.parametrize("level", [0.9, 0.95])
def test_the_sequence_covers_the_mean_after_every_score_at_once(level: float) -> None:
    rng = np.random.default_rng(2)
    missed = 0
    for _ in range(60):
        scores = rng.beta(8, 2, size=300)
        missed += not all(
            (found := betting_interval(scores[:end], level)).low <= 0.8 <= found.high for end in (5, 20, 60, 150, 300)
        )
    assert missed <= 60 * (1 - level)


def test_the_first_scores_bound_is_that_of_the_formula() -> None:
    """At level .5 he needs 4: 1 + .5/m (1 - m) = 4 at m = 1/7; on .6 his bet of 4, which may not know it, wins 3.4."""
    assert betting_interval([1.0], 0.5).low == pytest.approx(1 / 7)
    assert betting_interval([0.6], 0.5).low == 0.0


def test_the_sequence_narrows_and_a_planned_horizon_narrows_it_more() -> None:
    scores = np.random.default_rng(3).beta(8, 2, size=2_000)
    widths = [(found := betting_interval(scores[:n])).high - found.low for n in (20, 200, 2_000)]
    planned = betting_interval(scores, horizon=2_000)
    assert widths[0] > widths[1] > widths[2] > planned.high - planned.low
    # 1.96 standard errors would be +-.0053: what it costs that one may look all the time is within a factor of two
    assert planned.high - planned.low < 2 * 2 * 1.96 * scores.std() / math.sqrt(2_000)


@given(st.lists(st.floats(0, 1), min_size=1, max_size=60))
def test_the_sequence_is_an_interval_in_0_to_1_and_mirrors(scores: list[float]) -> None:
    found, mirrored = betting_interval(scores), betting_interval([1 - score for score in scores])
    assert 0 <= found.low <= found.high <= 1
    assert (found.low, found.high) == pytest.approx((1 - mirrored.high, 1 - mirrored.low), abs=1e-9)


@pytest.mark.parametrize("bad", [[0.5, math.nan], [1.1], [-0.1], [[0.1]]])
def test_scores_that_are_none_are_refused(bad: list[float]) -> None:
    with pytest.raises(ValueError, match="need"):
        betting_interval(bad)


def test_bad_bets_and_values_are_refused() -> None:
    assert betting_interval([]).high == 1.0
    with pytest.raises(ValueError, match="out of range or NaN"):
        Capital((0.9,)).after([-1.2])
    with pytest.raises(ValueError, match="out of range or NaN"):
        Capital((0.9,)).after([math.nan])
    with pytest.raises(ValueError, match="out of range or NaN"):
        capital_path(np.array([math.nan]), (0.5,))
    with pytest.raises(ValueError, match="need one of each"):
        capital_path(np.array([]), (0.5,))
    with pytest.raises(ValueError, match="at least one"):
        log_mean_capital([], ())
    with pytest.raises(ValueError, match="horizon"):
        betting_interval([0.5], horizon=0)
    for alpha, horizon, variance, limit in [(0, 1, 1, 1), (0.05, 0, 1, 1), (0.05, 1, math.nan, 1), (0.05, 1, 1, 0)]:
        with pytest.raises(ValueError, match="no bets"):
            horizon_bets(alpha, horizon, variance, limit)
