"""The cheapest chain of checks that lets little enough wrong through; else no delegation, and why."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from baton.check.chain import Chain, NoChain, Rate, choose_chain

SHARES = st.floats(0, 1)
RATES = st.builds(Rate, st.sampled_from("abcdef"), st.integers(0, 100), SHARES, SHARES)


def test_the_example_of_the_reference_figures() -> None:
    """List-price ratios 1, 3 and 30; a quarter is refused: 1 + 3 + 7.5 = 11.5."""
    found = choose_chain(0.75, 1_000, 30_000, [Rate("judge", 3_000, alpha=0.0)], 0.05)
    assert found == Chain(("judge",), 0.0, 0.25, 11_500)


def test_a_subordinate_that_is_mostly_refused_is_not_asked() -> None:
    found = choose_chain(0.1, 1_000, 30_000, [Rate("judge", 3_000, alpha=0.0)], 0.05)
    assert isinstance(found, NoChain)
    assert "doing it oneself 0.000030 USD" in found.reason


def test_a_check_that_was_never_measured_carries_nothing() -> None:
    found = choose_chain(0.9, 1, 1_000, [Rate("judge", 3)], 0.05)
    assert isinstance(found, NoChain)
    assert "may let 0.1 wrong values through, and 0.05 can be borne" in found.reason


def test_without_a_check_nothing_can_be_used() -> None:
    assert isinstance(choose_chain(1.0, 1, 1_000, [], 1.0), NoChain)


def test_two_checks_are_worth_no_more_than_what_was_measured_of_both() -> None:
    both = [Rate("agree", 2, alpha=0.3), Rate("judge", 3, alpha=0.3)]
    alone = choose_chain(0.8, 1, 1_000, both, 0.05)
    assert isinstance(alone, NoChain)
    measured = choose_chain(0.8, 1, 1_000, both, 0.05, {frozenset({"agree", "judge"}): 0.1})
    assert isinstance(measured, Chain)
    assert measured.checks == ("agree", "judge")


def test_a_dearer_check_is_taken_only_where_the_cheap_one_is_not_enough() -> None:
    checks = [Rate("quote", 0, alpha=0.02), Rate("judge", 500, alpha=0.001)]
    loose, strict = (choose_chain(0.8, 1, 5_000, checks, epsilon) for epsilon in (0.05, 0.001))
    assert isinstance(loose, Chain)
    assert isinstance(strict, Chain)
    assert (loose.checks, strict.checks) == (("quote",), ("judge",))


@pytest.mark.parametrize("right", [-0.1, 1.1, float("nan")])
def test_shares_that_are_none_are_refused(right: float) -> None:
    with pytest.raises(ValueError, match="right is"):
        choose_chain(right, 1, 1, [], 0.1)


@given(SHARES, st.integers(0, 1_000), st.integers(0, 1_000), st.lists(RATES, max_size=5), SHARES)
def test_what_is_chosen_keeps_the_bound_and_is_cheaper_than_doing_it_oneself(
    right: float, subordinate: int, oneself: int, checks: list[Rate], epsilon: float
) -> None:
    found = choose_chain(right, subordinate, oneself, checks, epsilon)
    if isinstance(found, Chain):
        assert found.escaped <= epsilon
        assert found.cost < oneself
        assert found.checks
