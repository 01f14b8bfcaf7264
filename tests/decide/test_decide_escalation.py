"""What one key can make go up is bounded, whatever it asks for."""

from hypothesis import given
from hypothesis import strategies as st

from baton.decide.escalation import BURST, Traffic
from baton.types.task import EscalationLimit

LIMITS = st.builds(EscalationLimit, st.floats(0, 1), st.integers(10, 60))


@given(LIMITS, st.lists(st.sampled_from(["stays", "up", "late"]), max_size=300))
def test_of_any_requests_in_a_row_no_more_than_the_limit_go_up(limit: EscalationLimit, wants: list[str]) -> None:
    """`late`: counted as one that stays, and then found to be too hard."""
    traffic = Traffic(limit)
    went: list[bool] = []
    for want in wants:
        up = want == "up" and traffic.may_go_up()
        ticket = traffic.note(up=up)
        went.append(up)
        if want == "late" and traffic.may_go_up(ticket):
            traffic.goes_up(ticket)
            went[-1] = True
        seen = went[-limit.window :]
        assert sum(seen) <= limit.limit * len(seen) + BURST
        assert traffic.share == sum(seen) / len(seen)


@given(LIMITS, st.integers(1, 400), st.integers(1, 10**6), st.integers(1, 10**6))
def test_the_bill_of_an_attacker_is_bounded(limit: EscalationLimit, requests: int, cheap: int, dearer: int) -> None:
    """He asks for nothing but what would go up; whole windows, so that the share is that of the limit."""
    traffic = Traffic(limit)
    bill = 0
    for _ in range(requests):
        up = traffic.may_go_up()
        traffic.note(up=up)
        bill += cheap + dearer * up
    windows = -(-requests // limit.window)
    honest = cheap * requests
    assert bill <= honest + dearer * (limit.limit * requests + BURST * windows)


@given(st.integers(10, 40), st.lists(st.booleans(), max_size=120))
def test_a_ticket_that_has_left_the_window_changes_nothing(window: int, flags: list[bool]) -> None:
    traffic = Traffic(EscalationLimit(0.5, window))
    first = traffic.note(up=False)
    for up in flags:
        traffic.note(up=up)
    before = traffic.share
    traffic.goes_up(first)
    assert (traffic.share > before) == (len(flags) < window)
    again = traffic.share
    traffic.goes_up(first)
    assert traffic.share == again


def test_a_share_that_rises_beyond_chance_is_told_once_per_half_window() -> None:
    traffic = Traffic(EscalationLimit(1.0, 500))
    told = []
    for number in range(1_500):
        traffic.note(up=number % 10 == 0 if number < 750 else number % 2 == 0)
        if (found := traffic.rising()) is not None:
            told.append((number, found))
    assert [number for number, _ in told] == [999]
    assert told[0][1] == (0.1, 0.5)


def test_a_share_that_stays_is_never_told() -> None:
    import random

    rng, traffic, alarms = random.Random(7), Traffic(EscalationLimit(1.0, 200)), 0
    for _ in range(100_000):
        traffic.note(up=rng.random() < 0.3)
        alarms += traffic.rising() is not None
    assert alarms <= 1  # a thousand looks at a chance of 0.001 each, and Hoeffding is generous
