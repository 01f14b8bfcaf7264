"""A branch of a run: what is spent and set aside never passes any of its limits."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from baton.spend.branch import Branch
from baton.types.errors import BudgetExceeded, RunLimited
from baton.types.plan import RunLimits


class Clock:
    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


def test_money_that_is_set_aside_counts_until_it_is_settled() -> None:
    branch = Branch("run", RunLimits(money=100), Clock())
    branch.take(60, 1)
    with pytest.raises(BudgetExceeded, match="are spent or set aside"):
        branch.take(41, 1)
    branch.take(40, 1)
    branch.settle(60, 1, cost=10, used=1)
    branch.settle(40, 1, cost=40, used=1)
    assert branch.spent == 50
    branch.take(50, 1)
    with pytest.raises(BudgetExceeded):
        branch.take(1, 1)


def test_what_a_run_used_before_it_was_resumed_counts() -> None:
    branch = Branch("run", RunLimits(money=100, calls=3), Clock())
    branch.restore(90, 2)
    with pytest.raises(BudgetExceeded):
        branch.take(11, 1)
    branch.take(10, 1)
    with pytest.raises(RunLimited, match="3 calls"):
        branch.take(0, 1)


def test_tokens_time_and_depth_end_too() -> None:
    clock = Clock()
    branch = Branch("run", RunLimits(money=100, tokens=10, seconds=5.0), clock)
    branch.take(1, 8)
    with pytest.raises(RunLimited, match="10 tokens"):
        branch.take(1, 3)
    branch.settle(1, 8, cost=1, used=2)
    branch.take(1, 8)
    clock.now = 5.0
    with pytest.raises(RunLimited, match="5 s"):
        branch.take(1, 0)
    with pytest.raises(RunLimited, match="2 delegations deep"):
        Branch("child", RunLimits(money=1), clock, depth=2)


def test_a_provider_that_counts_more_than_could_be_is_told() -> None:
    branch = Branch("run", RunLimits(money=100), Clock())
    branch.take(10, 1)
    branch.settle(10, 1, cost=15, used=1)
    assert (branch.spent, branch.overrun) == (15, 5)


@given(st.lists(st.tuples(st.integers(0, 60), st.integers(0, 100), st.booleans()), max_size=30), st.integers(1, 200))
def test_no_order_of_calls_passes_the_limit(calls: list[tuple[int, int, bool]], money: int) -> None:
    """Each call: its worst case, the share of it that it costs, and whether it is settled before the next one."""
    branch = Branch("run", RunLimits(money=money), Clock())
    under_way: list[tuple[int, int]] = []
    held = 0
    for worst, share, settles in calls:
        try:
            branch.take(worst, 1)
        except BudgetExceeded:
            assert branch.spent + held + worst > money
            continue
        under_way.append((worst, worst * share // 100))
        held += worst
        assert branch.spent + held <= money
        if settles:
            taken, cost = under_way.pop()
            branch.settle(taken, 1, cost, 1)
            held -= taken
    for taken, cost in under_way:
        branch.settle(taken, 1, cost, 1)
    assert branch.spent <= money
