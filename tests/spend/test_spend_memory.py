"""What is taken, what is refused, and how figures turn with the calendar."""

import time
from datetime import UTC, datetime

import msgspec
import pytest

from baton.spend.counters import Refusal, Taken, Taking
from baton.spend.memory import MemoryCounters
from baton.types.spend import Account, Limits, Room, Spent

NOON = datetime(2026, 1, 31, 12, tzinfo=UTC).timestamp()
DAY_S = 86_400.0


def account(of: str = "key:a", **limits: int) -> Account:
    return Account(of, Limits(**limits))


def taking(
    *path: Account, hold: str = "h", amount: int = 0, tokens: int = 0, now: float = NOON, lease_s: float = 60.0
) -> Taking:
    return Taking(hold, path, amount, tokens, now, now + lease_s)


def refusal(answer: object) -> Refusal:
    assert isinstance(answer, Refusal), answer
    return answer


@pytest.mark.parametrize("budget", ["day", "month", "total"])
def test_a_budget_grants_what_it_has_and_not_one_nano_dollar_more(budget: str) -> None:
    counters, who = MemoryCounters(), Account("key:a", msgspec.convert({budget: 100}, Limits))
    assert isinstance(counters.take(taking(who, hold="1", amount=60)), Taken)
    refused = refusal(counters.take(taking(who, hold="2", amount=41)))
    assert (refused.account, refused.limit, refused.allowed, refused.used, refused.wanted) == (
        "key:a", budget, 100, 60, 41,
    )  # fmt: skip
    assert isinstance(counters.take(taking(who, hold="3", amount=40)), Taken)


def test_all_levels_are_taken_from_or_none_is() -> None:
    counters = MemoryCounters()
    house, key = account("house", day=1_000, requests=10, parallel=10), account("key:a", day=10)
    assert refusal(counters.take(taking(house, key, amount=11))).account == "key:a"
    assert counters.used("house", NOON) == Spent()
    taken = counters.take(taking(house, key, amount=10))
    assert isinstance(taken, Taken)
    assert taken.standing.requests == Room(10, 9, 6.0)
    assert counters.used("house", NOON) == Spent(10, 10, 10)


def test_settling_books_the_cost_once_and_frees_the_rest() -> None:
    counters, who = MemoryCounters(), account(day=100, parallel=1)
    one = taking(who, amount=100)
    counters.take(one)
    assert counters.give(one, 30, 0, NOON)
    assert not counters.give(one, 30, 0, NOON)
    assert counters.used("key:a", NOON) == Spent(30, 30, 30)
    assert isinstance(counters.take(taking(who, hold="2", amount=70)), Taken)


def test_what_costs_nothing_is_never_refused_for_money() -> None:
    counters, who = MemoryCounters(), account(day=10)
    one = taking(who, hold="1", amount=10)
    counters.take(one)
    counters.give(one, 50, 0, NOON)  # the guess was too low
    assert isinstance(counters.take(taking(who, hold="2", amount=0)), Taken)
    assert refusal(counters.take(taking(who, hold="3", amount=1))).used == 50


def test_a_day_turns_at_midnight_utc_and_a_month_with_its_first_day() -> None:
    counters, who = MemoryCounters(), account(day=10, month=25, total=1_000)
    for day in range(2):  # 31 January, 1 February
        one = taking(who, hold=str(day), amount=10, now=NOON + day * DAY_S)
        assert isinstance(counters.take(one), Taken)
        refused = refusal(counters.take(taking(who, hold="x", amount=1, now=NOON + day * DAY_S)))
        assert (refused.limit, refused.retry_after_s) == ("day", DAY_S / 2)
        counters.give(one, 10, 0, NOON + day * DAY_S)
    assert counters.used("key:a", NOON + DAY_S) == Spent(10, 10, 20)
    assert counters.used("key:a", NOON + 2 * DAY_S) == Spent(0, 10, 20)


def test_what_is_settled_after_midnight_counts_for_the_day_it_began_in() -> None:
    counters, who = MemoryCounters(), account(day=10)
    late = taking(who, hold="late", amount=10, now=NOON)
    counters.take(late)
    tomorrow = NOON + DAY_S
    assert isinstance(counters.take(taking(who, hold="next", amount=10, now=tomorrow)), Taken)
    counters.give(late, 7, 0, tomorrow)
    assert counters.used("key:a", tomorrow) == Spent(10, 10, 17)


def test_a_clock_that_goes_backwards_brings_no_day_back_and_fills_no_bucket() -> None:
    counters, who = MemoryCounters(), account(day=10, requests=2)
    counters.take(taking(who, hold="1", amount=10, now=NOON))
    assert refusal(counters.take(taking(who, hold="2", amount=1, now=NOON - 2 * DAY_S))).limit == "day"
    counters.take(taking(who, hold="3", now=NOON - DAY_S))
    assert refusal(counters.take(taking(who, hold="4", now=NOON - DAY_S))).limit == "requests"


def test_requests_per_minute_refill_evenly_and_the_refusal_says_when_to_come_back() -> None:
    counters, who = MemoryCounters(), account(requests=6)
    for number in range(6):
        assert isinstance(counters.take(taking(who, hold=str(number))), Taken)
    refused = refusal(counters.take(taking(who)))
    assert (refused.limit, refused.retry_after_s) == ("requests", 10.0)
    assert refused.standing.requests == Room(6, 0, 60.0)
    assert isinstance(counters.take(taking(who, hold="then", now=NOON + 10.0)), Taken)
    assert isinstance(counters.take(taking(who, hold="and then", now=NOON + 10.0)), Refusal)


def test_tokens_that_were_not_needed_come_back_and_missing_ones_are_owed() -> None:
    counters, who = MemoryCounters(), account(tokens=600)
    one = taking(who, hold="1", tokens=600)
    counters.take(one)
    assert refusal(counters.take(taking(who, hold="2", tokens=100))).retry_after_s == 10.0
    counters.give(one, 0, 500, NOON)
    two = taking(who, hold="2", tokens=100)
    assert isinstance(counters.take(two), Taken)
    counters.give(two, 0, 160, NOON)
    assert refusal(counters.take(taking(who, hold="3", tokens=1))).retry_after_s == pytest.approx(6.1)


def test_a_request_larger_than_the_bucket_gets_a_full_one_and_leaves_a_debt() -> None:
    counters, who = MemoryCounters(), account(tokens=600)
    assert isinstance(counters.take(taking(who, hold="1", tokens=1_200)), Taken)
    refused = refusal(counters.take(taking(who, hold="2", tokens=1_200)))
    assert refused.retry_after_s == 120.0
    assert refused.standing.tokens is not None
    assert refused.standing.tokens.remaining == 0
    assert isinstance(counters.take(taking(who, hold="2", tokens=1_200, now=NOON + 120.0)), Taken)


def test_only_so_many_at_once() -> None:
    counters, who = MemoryCounters(), account(parallel=2)
    one, two = taking(who, hold="1"), taking(who, hold="2")
    counters.take(one)
    counters.take(two)
    refused = refusal(counters.take(taking(who, hold="3")))
    assert (refused.limit, refused.used, refused.retry_after_s) == ("parallel", 2, 1.0)
    counters.give(one, 0, 0, NOON)
    assert isinstance(counters.take(taking(who, hold="3")), Taken)


def test_a_hold_past_its_lease_is_booked_whole_and_settled_no_more() -> None:
    counters, who = MemoryCounters(), account(day=100, parallel=1)
    one, two = taking(who, hold="1", amount=40, lease_s=10.0), taking(who, hold="2", amount=5)
    counters.take(one)
    assert counters.expire(NOON + 9.0) == []
    assert [(expired.taking, expired.amount) for expired in counters.expire(NOON + 10.0)] == [(one, 40)]
    assert not counters.give(one, 1, 0, NOON + 11.0)
    assert counters.used("key:a", NOON) == Spent(40, 40, 40)
    assert isinstance(counters.take(two), Taken)


def test_a_lease_that_is_renewed_lasts_longer() -> None:
    counters = MemoryCounters()
    one = taking(account(day=100), amount=40, lease_s=10.0)
    counters.take(one)
    counters.renew([one.hold, "unknown"], NOON + 30.0)
    assert counters.expire(NOON + 29.0) == []
    assert len(counters.expire(NOON + 30.0)) == 1


def test_a_hold_is_extended_while_there_is_room() -> None:
    counters, who = MemoryCounters(), account(day=100)
    one = taking(who, amount=40)
    counters.take(one)
    assert isinstance(counters.extend(one, 60, 10, NOON), Taken)
    assert refusal(counters.extend(one, 1, 10, NOON)).limit == "day"
    counters.give(one, 70, 0, NOON)
    assert counters.used("key:a", NOON) == Spent(70, 70, 70)
    assert isinstance(counters.extend(one, 500, 0, NOON), Taken)  # closed: nothing is taken
    assert counters.used("key:a", NOON) == Spent(70, 70, 70)


def test_the_ledger_speaks_only_for_accounts_that_are_not_known_yet() -> None:
    counters, who = MemoryCounters(), account(total=100)
    counters.seed("key:a", Spent(1, 2, 90), NOON)
    counters.seed("key:a", Spent(0, 0, 0), NOON)
    assert counters.used("key:a", NOON) == Spent(1, 2, 90)
    assert refusal(counters.take(taking(who, amount=11))).retry_after_s is None
    assert isinstance(counters.take(taking(who, amount=10)), Taken)


def test_new_limits_hold_at_once_and_forget_nothing() -> None:
    counters = MemoryCounters()
    for number in range(3):
        counters.take(taking(account(requests=4, day=100), hold=str(number), amount=10))
    assert refusal(counters.take(taking(account(requests=4, day=30), amount=1))).used == 30
    assert refusal(counters.take(taking(account(requests=3), hold="4"))).limit == "requests"
    taken = counters.take(taking(account(requests=5), hold="5"))
    assert isinstance(taken, Taken)
    assert taken.standing.requests is not None
    assert taken.standing.requests.remaining <= 1


@pytest.mark.slow
def test_taking_and_giving_three_full_levels_costs_microseconds() -> None:
    limits = Limits(10**15, 10**15, 10**15, 10**8, 10**9, 1_000)
    path = tuple(Account(name, limits) for name in ("house", "team:a", "key:b"))
    counters, best = MemoryCounters(), 1.0
    for _ in range(30):
        began = time.perf_counter()
        for number in range(500):
            one = Taking(str(number), path, 1_000, 100, NOON, NOON + 60.0)
            counters.take(one)
            counters.give(one, 500, 50, NOON)
        best = min(best, (time.perf_counter() - began) / 500)
    assert best < 30e-6, f"{best * 1e6:.1f} us"  # about 5 us on a quiet machine
