"""What one run may use: money, tokens, calls, time and depth. A branch of the caller's accounts, which hold as well.

Before a call its worst case is set aside; when it is over it is settled. So what is spent and what is set aside never
pass the limit, but where a provider counts more tokens than could be: that is counted in `overrun`.
"""

from collections.abc import Callable

from baton.types.errors import BudgetExceeded, RunLimited
from baton.types.money import usd_text
from baton.types.plan import RunLimits


class Branch:
    """`clock` is monotonic, in seconds. For one event loop."""

    def __init__(self, name: str, limits: RunLimits, clock: Callable[[], float], *, depth: int = 1) -> None:
        """`depth`: delegations that lie between the caller and this run, itself counted. Raises RunLimited."""
        if depth > limits.depth:
            raise RunLimited(f"the run lies {depth} delegations deep, and {limits.depth} are allowed")
        self.name = name
        self.limits = limits
        self.spent = 0
        self.overrun = 0
        self.calls = 0
        self._tokens = 0
        self._held = 0
        self._held_tokens = 0
        self._clock = clock
        self._begun = clock()

    @property
    def seconds(self) -> float:
        return self._clock() - self._begun

    @property
    def seconds_left(self) -> float:
        return self.limits.seconds - self.seconds

    def restore(self, spent: int, calls: int) -> None:
        """What a run that is resumed has used before."""
        self.spent += spent
        self.calls += calls

    def take(self, amount: int, tokens: int) -> None:
        """Set aside the worst case of a call. Raises BudgetExceeded for money, RunLimited for everything else."""
        limits = self.limits
        if self.spent + self._held + amount > limits.money:
            told = (
                f"the budget of the run is ${usd_text(limits.money)}: ${usd_text(self.spent + self._held)} are spent "
            )
            told += f"or set aside, and this call may cost ${usd_text(amount)}"
            raise BudgetExceeded(told, account=self.name, limit="total")
        if self.calls >= limits.calls:
            raise RunLimited(f"the run has made {self.calls} calls, and {limits.calls} are allowed")
        if self._tokens + self._held_tokens + tokens > limits.tokens:
            raise RunLimited(f"the run may use {limits.tokens} tokens, and this call may take {tokens} more")
        if self.seconds_left <= 0:
            raise RunLimited(f"the run may take {limits.seconds:g} s, and they are over")
        self.calls += 1
        self._held += amount
        self._held_tokens += tokens

    def settle(self, amount: int, tokens: int, cost: int, used: int) -> None:
        """`amount` and `tokens` as they were taken, `cost` and `used` as they came to be."""
        self._held -= amount
        self._held_tokens -= tokens
        self.spent += cost
        self._tokens += used
        self.overrun += max(0, cost - amount)
