"""Accounts, what they may use, and how they stand. Money in integer nano-dollars, times in Unix seconds.

Accounts form paths, outermost first: `house > team:search > key:alice`; beside the house stand `measurement` and
`orchestration`. End users (`user:NAME`) and tags (`tag:NAME`) are accounts without limits, for reports.
"""

from typing import Literal

from msgspec import Struct

HOUSE = "house"
MEASUREMENT = "measurement"
ORCHESTRATION = "orchestration"
ROOTS = (HOUSE, MEASUREMENT, ORCHESTRATION)

Kind = Literal["team", "key", "user", "tag"]
KINDS: tuple[Kind, ...] = ("team", "key", "user", "tag")
"""Accounts of these kinds are named `KIND:NAME`."""

Budget = Literal["day", "month", "total"]
"""What a budget is for: a day or a month of the UTC calendar, or all time."""

Limit = Literal["day", "month", "total", "requests", "tokens", "parallel"]


class Limits(Struct, frozen=True):
    """Of one account; None: no limit. `requests` and `tokens` are per minute, the others are at any time."""

    day: int | None = None
    month: int | None = None
    total: int | None = None
    requests: int | None = None
    tokens: int | None = None
    parallel: int | None = None

    @property
    def budgeted(self) -> bool:
        """Money is limited."""
        return self.day is not None or self.month is not None or self.total is not None


NO_LIMITS = Limits()


class Account(Struct, frozen=True):
    name: str
    limits: Limits = NO_LIMITS


class Spent(Struct, frozen=True):
    """Nano-dollars of the day, the month and all time that hold at one moment."""

    day: int = 0
    month: int = 0
    total: int = 0


class Room(Struct, frozen=True, gc=False):
    """How much of a limit per minute is left, and when it will be whole again."""

    limit: int
    remaining: int
    reset_s: float


class Standing(Struct, frozen=True, gc=False):
    """The tightest limits per minute on a path; None where there is none."""

    requests: Room | None = None
    tokens: Room | None = None


NO_STANDING = Standing()


def account_name(kind: Kind, name: str) -> str:
    return f"{kind}:{name}"
