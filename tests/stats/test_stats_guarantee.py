"""The paired guarantee: sample sizes, laws of the two e-processes, and what they promise at the boundary."""

import math

import msgspec
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from baton.stats.betting import capital_path
from baton.stats.guarantee import Design, Guarantee, Pair, PairTest, open_test, sample_size

grade = st.one_of(st.sampled_from([0.0, 1.0]), st.floats(0, 1))
pairs = st.lists(st.builds(Pair, grade, grade), max_size=60)
guarantees = st.builds(Guarantee, rho=st.sampled_from([0.9, 0.95, 0.98, 1.0]), margin=st.sampled_from([0.02, 0.0]))


def outcomes(quality: float, ratio: float, discordance: float) -> np.ndarray:
    """Chances of (reference, candidate) = (1,1), (0,1), (1,0), (0,0)."""
    worse = (discordance + quality * (1 - ratio)) / 2
    better = discordance - worse
    return np.array([quality - worse, better, worse, 1 - quality - better])


def gains_of(chances: np.ndarray, rho: float, shape: tuple[int, int], rng: np.random.Generator) -> np.ndarray:
    return rng.choice(np.array([1 - rho, 1.0, -rho, 0.0]), p=chances, size=shape)


# n of the fixed design, alpha .05, power .9, reference .85; rows rho, columns discordance
TABLE = {
    0.90: (23, 55, 109, 215),
    0.95: (92, 227, 452, 903),
    0.97: (258, 641, 1_280, 2_557),
    0.98: (583, 1_454, 2_906, 5_810),
    0.99: (2_349, 5_869, 11_737, 23_471),
}


@pytest.mark.parametrize("rho", TABLE)
def test_sample_sizes_are_those_of_the_table(rho: float) -> None:
    found = tuple(sample_size(Guarantee(rho), Design(discordance=d)) for d in (0.02, 0.05, 0.1, 0.2))
    assert found == TABLE[rho]


@given(guarantees, pairs, st.randoms())
def test_e_values_do_not_depend_on_the_order_of_pairs(g: Guarantee, seen: list[Pair], random: "object") -> None:
    shuffled = list(seen)
    random.shuffle(shuffled)  # type: ignore[attr-defined]
    one, other = open_test(g, cap=900).after(seen), open_test(g, cap=900).after(shuffled)
    assert one == other
    assert one.discordance == pytest.approx(np.mean([f != c for f, c in seen]) if seen else 0)


@given(guarantees, pairs, pairs)
def test_a_test_resumes_from_what_was_written_down(g: Guarantee, first: list[Pair], second: list[Pair]) -> None:
    test = open_test(g, cap=900).after(Pair(np.float64(f), np.float64(c)) for f, c in first)
    resumed = msgspec.json.decode(msgspec.json.encode(test), type=PairTest)
    assert resumed.after(second) == test.after(second)


@given(guarantees, pairs)
def test_a_better_candidate_is_never_judged_worse(g: Guarantee, seen: list[Pair]) -> None:
    better = [Pair(f, min(1.0, c + 0.2)) for f, c in seen]
    test, lifted = open_test(g, cap=900).after(seen), open_test(g, cap=900).after(better)
    assert lifted.log_e_pass >= test.log_e_pass - 1e-12
    assert lifted.log_e_fail <= test.log_e_fail + 1e-12


@given(guarantees, pairs.filter(bool))
def test_the_bound_is_the_floor_that_the_pairs_just_prove(g: Guarantee, seen: list[Pair]) -> None:
    test = open_test(g, cap=100).after(seen * 5)
    bound = test.ratio_bound()
    assert 0 <= bound <= 1
    if test.log_e_pass >= g.goal:
        assert bound >= g.rho - 1e-9
    elif bound < 1:
        assert bound <= g.rho + 1e-9


@pytest.mark.parametrize("rho", [0.95, 0.98])
def test_at_the_boundary_few_pass_and_few_fail(rho: float) -> None:
    rng = np.random.default_rng(4)
    cap = 2 * sample_size(Guarantee(rho), Design(discordance=0.05))
    opened = open_test(Guarantee(rho), cap=cap)
    gains = gains_of(outcomes(0.85, rho, 0.05), rho, (600, cap), rng)
    passed = (capital_path(gains, opened.pass_bets, 10) >= math.log(20)).any(axis=1).mean()
    failed = (capital_path(-gains, opened.fail_bets, 10) >= math.log(20)).any(axis=1).mean()
    assert passed <= 0.05
    assert failed <= 0.05


def test_an_equal_candidate_passes_and_one_ten_points_below_fails_early() -> None:
    rng = np.random.default_rng(5)
    opened = open_test(Guarantee())
    equal = gains_of(outcomes(0.85, 1.0, 0.1), 0.95, (500, opened.cap), rng)
    path = capital_path(equal, opened.pass_bets, 10) >= math.log(20)
    passed = path.any(axis=1)
    n = np.where(passed, np.minimum(10 * (path.argmax(axis=1) + 1), opened.cap), opened.cap)
    assert passed.mean() >= 0.9
    assert n.mean() <= 452
    below = gains_of(outcomes(0.85, 0.75 / 0.85, 0.1), 0.95, (500, opened.cap), rng)
    path = capital_path(-below, opened.fail_bets, 10) >= math.log(20)
    assert path.any(axis=1).mean() >= 0.99
    assert 10 * (path.argmax(axis=1) + 1).mean() <= 250


def test_the_incremental_test_is_the_path() -> None:
    rng = np.random.default_rng(6)
    seen = [Pair(float(f), float(c)) for f, c in rng.integers(0, 2, size=(95, 2))]
    test = open_test(Guarantee(), cap=400)
    gains = np.array([c - 0.95 * f for f, c in seen])
    peaks = [capital_path(sign * gains, test.pass_bets, 10).max() for sign in (1, -1)]
    for start in range(0, len(seen), 10):
        test = test.after(seen[start : start + 10])
    assert (test.peak_pass, test.peak_fail) == pytest.approx([max(0, peak) for peak in peaks], abs=1e-9)


def test_a_verdict_once_reached_stays() -> None:
    passed = open_test(Guarantee()).after([Pair(1, 1)] * 300)
    assert passed.verdict == "adequate"
    later = passed.after([Pair(1, 0)] * 20)
    assert later.log_e_pass < passed.guarantee.goal <= later.peak_pass
    assert later.verdict == "adequate"


def test_what_is_needed_falls_as_pairs_come_and_is_unknown_on_the_floor() -> None:
    batch = [*[Pair(1, 1)] * 80, *[Pair(1, 0)] * 5, *[Pair(0, 1)] * 5, *[Pair(0, 0)] * 10]
    test = open_test(Guarantee())
    needed = []
    for _ in range(4):
        needed.append(test.needs_more())
        test = test.after(batch)
    assert needed[0] == pytest.approx(452 - 0, abs=1)
    assert all(one is not None for one in needed)
    assert sorted(needed, reverse=True, key=lambda one: one or 0) == needed
    on_the_floor = [*[Pair(1, 0)] * 50, *[Pair(1, 1)] * 950]
    assert open_test(Guarantee()).after(on_the_floor * 100).needs_more() is None


@pytest.mark.parametrize("g", [Guarantee(rho=0, margin=-0.8), Guarantee(rho=1, margin=0.05)])
def test_absolute_grades_and_margins_are_guarantees_too(g: Guarantee) -> None:
    good = open_test(g, cap=600).after([Pair(1, 1)] * 380 + [Pair(1, 0)] * 5 + [Pair(0, 1)] * 15)
    bad = open_test(g, cap=600).after([Pair(1, 1)] * 280 + [Pair(1, 0)] * 120)
    assert (good.verdict, bad.verdict) == ("adequate", "degrades")


@pytest.mark.parametrize("pair", [Pair(math.nan, 1), Pair(1, math.nan), Pair(1.5, 0), Pair(0, -0.1)])
def test_a_pair_without_grades_is_refused(pair: Pair) -> None:
    with pytest.raises(ValueError, match="leave out what was not graded"):
        open_test(Guarantee()).after([pair])


@pytest.mark.parametrize(
    "bad",
    [{"rho": 1.1}, {"rho": math.nan}, {"margin": math.nan}, {"margin": 0.95}, {"rho": 0, "margin": -1}, {"alpha": 0}],
)
def test_impossible_guarantees_are_refused(bad: dict[str, float]) -> None:
    with pytest.raises(ValueError, match="need"):
        Guarantee(**bad)


def test_impossible_designs_are_refused() -> None:
    with pytest.raises(ValueError, match="no two models"):
        sample_size(Guarantee(), Design(quality=0.99, discordance=0.5))
    with pytest.raises(ValueError, match="no number of pairs"):
        sample_size(Guarantee(rho=1.0))
    with pytest.raises(ValueError, match="cap"):
        open_test(Guarantee(), cap=0)
    with pytest.raises(ValueError, match="power"):
        sample_size(Guarantee(), Design(power=1.0))
    with pytest.raises(ValueError, match="discordance"):
        open_test(Guarantee(), cap=5, design=Design(discordance=0))
