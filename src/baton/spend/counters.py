"""The face behind which the figures of all accounts lie: `memory.py` for one process, a shared store for several.

Life of a hold: 1. `take` checks every account of the path and takes from all of them, or refuses and takes from none;
2. `extend` takes more for it while its answer grows; 3. `give` closes it with what it really cost, exactly once;
or, where nobody does, 4. `expire` closes it after its lease, at the whole amount that was taken.

A store of this process answers at once, a shared one may answer with an awaitable: who asks awaits what is no answer.
`give` and `renew` never wait for anything: a shared store sends them later, and the lease covers what gets lost.

What every store must keep to:
- Money: what is used is what was spent and what is taken by open holds. It goes to the day and the month (UTC) of the
  moment of `take`, also when it is given after midnight. Taking nothing (`amount` 0) is never refused for money.
- Requests and tokens per minute: a bucket of that size, filled evenly over a minute. A request that wants more tokens
  than the bucket holds gets a full one, and leaves it in debt.
- `give` puts back the tokens that were not needed, or takes the missing ones; the request stays counted.
- Parallel: open holds.
"""

from collections.abc import Awaitable, Sequence
from typing import Protocol

from msgspec import Struct

from baton.types.spend import NO_STANDING, Account, Limit, Spent, Standing


class Taking(Struct, frozen=True, gc=False):
    """`hold` is unique among all replicas; `path` has only accounts with limits, outermost first."""

    hold: str
    path: tuple[Account, ...]
    amount: int
    """Nano-dollars."""
    tokens: int
    """Input and output."""
    now: float
    until: float
    """End of the lease."""


class Taken(Struct, frozen=True, gc=False):
    standing: Standing = NO_STANDING


class Refusal(Struct, frozen=True):
    """The first account, from outside, that has no room, and the limit that it has none under."""

    account: str
    limit: Limit
    allowed: int
    used: int
    """Before this request; nano-dollars for budgets, else a count."""
    wanted: int
    retry_after_s: float | None
    """None where waiting does not help."""
    standing: Standing = NO_STANDING


class Expired(Struct, frozen=True):
    """A hold that nobody closed, and what was booked for it."""

    taking: Taking
    amount: int


Answer = Taken | Refusal


class Counters(Protocol):
    def take(self, taking: Taking) -> Answer | Awaitable[Answer]: ...

    def extend(self, taking: Taking, amount: int, tokens: int, now: float) -> Answer | Awaitable[Answer]:
        """More for an open hold; counts as no request. For a closed one nothing is taken, and nothing refused."""
        ...

    def give(self, taking: Taking, cost: int, tokens: int, now: float) -> bool:
        """True where this call closes the hold, as far as can be told at once; later ones change nothing."""
        ...

    def renew(self, holds: Sequence[str], until: float) -> None:
        """Longer leases for holds whose requests are alive."""
        ...

    def expire(self, now: float) -> Sequence[Expired] | Awaitable[Sequence[Expired]]:
        """Close what is past its lease."""
        ...

    def seed(self, account: str, spent: Spent, now: float) -> Awaitable[None] | None:
        """What the ledger says was spent before these counters knew the account; nothing where they know it."""
        ...

    def used(self, account: str, now: float) -> Spent | Awaitable[Spent]:
        """Spent and taken by open holds."""
        ...
