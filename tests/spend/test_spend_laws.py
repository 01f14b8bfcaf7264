"""Laws of the counters under any sequence of taking, extending, settling, expiring and passing midnights."""

from datetime import UTC, datetime

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import Bundle, RuleBasedStateMachine, consumes, invariant, rule

from baton.spend.counters import Refusal, Taken, Taking
from baton.spend.memory import MemoryCounters
from baton.spend.periods import day_of, month_of
from baton.types.spend import Account, Limits

START = datetime(2026, 2, 27, 23, 59, tzinfo=UTC).timestamp()
HOUSE = Account("house", Limits(day=250, month=600, total=2_000, parallel=6))
PATHS = (
    (HOUSE, Account("team:x", Limits(day=150)), Account("key:a", Limits(day=90, month=200, requests=100))),
    (HOUSE, Account("team:x", Limits(day=150)), Account("key:b", Limits(total=300, parallel=2, tokens=1_000))),
    (HOUSE, Account("key:c", Limits())),
)
ACCOUNTS = {account.name: account for path in PATHS for account in path}
AMOUNTS = st.integers(0, 120)


class Books:
    """What an accountant would write down: every hold with the day it began in, and what it stands at."""

    def __init__(self) -> None:
        self.rows: dict[str, tuple[Taking, int]] = {}
        self.open: set[str] = set()
        self.excess = 0

    def used(self, name: str, day: int | None = None, month: int | None = None) -> int:
        return sum(
            at
            for taking, at in self.rows.values()
            if name in {account.name for account in taking.path}
            and (day is None or day_of(taking.now) == day)
            and (month is None or month_of(day_of(taking.now)) == month)
        )


class Money(RuleBasedStateMachine):
    holds = Bundle("holds")

    def __init__(self) -> None:
        super().__init__()
        self.counters = MemoryCounters()
        self.books = Books()
        self.now = START
        self.number = 0

    @rule(
        target=holds, path=st.sampled_from(PATHS), amount=AMOUNTS, tokens=st.integers(0, 400), lease=st.integers(1, 600)
    )
    def take(self, path: tuple[Account, ...], amount: int, tokens: int, lease: int) -> Taking:
        self.number += 1
        taking = Taking(str(self.number), path, amount, tokens, self.now, self.now + lease)
        answer = self.counters.take(taking)
        if isinstance(answer, Refusal):
            account = ACCOUNTS[answer.account]
            if answer.limit in {"day", "month", "total"}:
                assert answer.used + amount > (getattr(account.limits, answer.limit))
                assert answer.used == getattr(self.counters.used(answer.account, self.now), answer.limit)
            assert answer.retry_after_s is None or answer.retry_after_s > 0
        else:
            self.books.rows[taking.hold] = (taking, amount)
            self.books.open.add(taking.hold)
        return taking

    @rule(taking=holds, amount=AMOUNTS)
    def extend(self, taking: Taking, amount: int) -> None:
        answer = self.counters.extend(taking, amount, 1, self.now)
        if isinstance(answer, Taken) and taking.hold in self.books.open:
            self.books.rows[taking.hold] = (taking, self.books.rows[taking.hold][1] + amount)

    @rule(taking=holds, cost=AMOUNTS)
    def settle(self, taking: Taking, cost: int) -> None:
        assert self.counters.give(taking, cost, cost, self.now) == (taking.hold in self.books.open)
        if taking.hold in self.books.open:
            self.books.open.discard(taking.hold)
            self.books.excess += max(0, cost - self.books.rows[taking.hold][1])
            self.books.rows[taking.hold] = (taking, cost)

    @rule(taking=consumes(holds))
    def settle_twice(self, taking: Taking) -> None:
        self.settle(taking, 0)
        assert not self.counters.give(taking, 99, 99, self.now)

    @rule()
    def expire(self) -> None:
        for expired in self.counters.expire(self.now):
            assert expired.taking.until <= self.now
            assert expired.amount == self.books.rows[expired.taking.hold][1]
            self.books.open.discard(expired.taking.hold)

    @rule(seconds=st.sampled_from([0.5, 30.0, 3_600.0, 86_400.0, 20 * 86_400.0]))
    def wait(self, seconds: float) -> None:
        self.now += seconds

    @invariant()
    def the_figures_are_those_of_the_books(self) -> None:
        day = day_of(self.now)
        for name in ACCOUNTS:
            used = self.counters.used(name, self.now)
            assert used.day == self.books.used(name, day=day) >= 0
            assert used.month == self.books.used(name, month=month_of(day)) >= 0
            assert used.total == self.books.used(name) >= 0

    @invariant()
    def no_budget_is_passed_but_by_what_cost_more_than_was_set_aside(self) -> None:
        for name, account in ACCOUNTS.items():
            used = self.counters.used(name, self.now)
            for budget in ("day", "month", "total"):
                bound = getattr(account.limits, budget)
                assert bound is None or getattr(used, budget) <= bound + self.books.excess

    @invariant()
    def no_more_are_under_way_than_may_be(self) -> None:
        for name, account in ACCOUNTS.items():
            if account.limits.parallel is not None:
                mine = [hold for hold in self.books.open if name in {a.name for a in self.books.rows[hold][0].path}]
                assert len(mine) <= account.limits.parallel


MoneyTest = Money.TestCase
MoneyTest.settings = settings(
    max_examples=60, stateful_step_count=40, deadline=None, suppress_health_check=[HealthCheck.too_slow]
)
