"""The circuit breaker: opens soon, probes with one call, and is patient with what stays broken."""

from hypothesis import given
from hypothesis import strategies as st

from baton.call.breaker import FORGET_S, Breaker
from baton.types.reliability import BreakerPolicy

POLICY = BreakerPolicy(failures=5, share=0.5, window=20, open_s=10.0, max_open_s=60.0)


def opened(now: float = 0.0) -> Breaker:
    breaker = Breaker(POLICY)
    for _ in range(POLICY.failures):
        breaker.bad(now, probe=breaker.begin())
    return breaker


def test_it_opens_with_the_fifth_failure_in_a_row_and_not_before() -> None:
    breaker = Breaker(POLICY)
    for _ in range(POLICY.failures - 1):
        breaker.bad(0.0, probe=False)
        assert breaker.lets(0.0)
    breaker.bad(0.0, probe=False)
    assert not breaker.lets(0.0)
    assert (breaker.state(0.0), breaker.state(10.0), breaker.openings) == ("open", "half_open", 1)
    assert breaker.opens_in(4.0) == 6.0


def test_a_success_between_them_begins_the_row_anew() -> None:
    breaker = Breaker(POLICY)
    for _ in range(3):
        for _ in range(POLICY.failures - 1):
            breaker.bad(0.0, probe=False)
        for _ in range(2 * POLICY.failures):
            breaker.good(probe=False)
    assert breaker.lets(0.0)


def test_it_opens_when_half_of_a_full_window_fails() -> None:
    breaker = Breaker(POLICY)
    calls = 0
    while breaker.closed:
        calls += 1
        if calls % 2:
            breaker.good(probe=False)
        else:
            breaker.bad(0.0, probe=False)
    assert calls == POLICY.window


def test_failures_that_are_far_apart_do_not_add_up() -> None:
    breaker = Breaker(POLICY)
    for place in range(20):
        breaker.bad(place * (FORGET_S + 1), probe=False)
    assert breaker.closed


def test_half_open_lets_one_probe_through_until_its_head_is_there() -> None:
    breaker = opened()
    assert breaker.lets(10.0)
    probe = breaker.begin()
    assert probe
    assert not breaker.lets(10.0), "one at a time"
    breaker.answering(probe=True)
    assert breaker.lets(10.0), "the first goes on and on: another one may try"
    breaker.good(probe=True)
    assert breaker.closed


def test_every_lost_probe_doubles_the_wait_up_to_a_limit() -> None:
    breaker, now, waits = opened(), 0.0, []
    for _ in range(5):
        wait = breaker.opens_in(now)
        waits.append(wait)
        now += wait
        breaker.bad(now, probe=breaker.begin())
    assert waits == [10.0, 20.0, 40.0, 60.0, 60.0]


def test_after_a_good_probe_it_starts_from_the_beginning() -> None:
    breaker = opened()
    breaker.bad(10.0, probe=breaker.begin())
    breaker.good(probe=breaker.begin())
    assert breaker.closed
    for _ in range(POLICY.failures):
        breaker.bad(50.0, probe=False)
    assert breaker.opens_in(50.0) == 10.0


def test_a_probe_without_an_outcome_makes_room_for_the_next() -> None:
    breaker = opened()
    breaker.dropped(probe=breaker.begin())
    assert breaker.lets(10.0)


def test_late_outcomes_of_calls_from_before_change_nothing() -> None:
    breaker = opened()
    breaker.good(probe=False)
    breaker.bad(5.0, probe=False)
    assert breaker.opens_in(5.0) == 5.0
    assert not breaker.closed


@given(st.lists(st.tuples(st.sampled_from(["good", "bad", "dropped", "wait"]), st.floats(0, 30)), max_size=60))
def test_it_never_stays_shut_for_ever_and_never_lets_two_probes_go(steps: list[tuple[str, float]]) -> None:
    breaker, now = Breaker(POLICY), 0.0
    for what, after in steps:
        now += after
        if what == "wait" or not breaker.lets(now):
            continue
        probe = breaker.begin()
        assert probe != breaker.closed
        assert not probe or not breaker.lets(now)
        if what == "good":
            breaker.good(probe=probe)
        elif what == "bad":
            breaker.bad(now, probe=probe)
        else:
            breaker.dropped(probe=probe)
    assert breaker.opens_in(now) <= POLICY.max_open_s
    assert breaker.lets(now + POLICY.max_open_s)
