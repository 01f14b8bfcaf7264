"""What follows a fault: ask the same deployment again, another one, another model, or nobody. Pure."""

from collections.abc import Callable
from typing import Literal

from msgspec import Struct

from baton.call.deployments import Standing
from baton.call.verdict import Verdict
from baton.types.reliability import Reliability

Move = Literal["here", "deployment", "rung", "give_up"]
"""Where the next call goes. `here` and `deployment`: the same card once more; `rung`: the next model."""


class Step(Struct, frozen=True, gc=False):
    """`wait_s`: sleep so long before it. `why`: for the record, in a few words."""

    move: Move
    wait_s: float = 0.0
    why: str = ""


class Effort:
    """What one request has spent so far: made once per request, handed to every call of it."""

    __slots__ = ("attempts", "tried")

    def __init__(self) -> None:
        self.attempts = 0
        """Calls that were sent."""
        self.tried: list[Standing] = []
        """Those that were asked, the last one last."""


class RetryBudget:
    """Every request earns a share of a retry: an outage cannot multiply the load."""

    def __init__(self, share: float, burst: int) -> None:
        self._share = share
        self._burst = float(burst)
        self._saved = float(burst) if share else 0.0
        self.refused = 0
        """Retries that were not made for want of budget, since the start."""

    def earn(self) -> None:
        if self._saved < self._burst:
            self._saved += self._share

    def take(self) -> bool:
        if self._saved < 1:
            self.refused += 1
            return False
        self._saved -= 1
        return True


class Situation(Struct, frozen=True):
    """What is open after a fault. `sent`: the call was made at all."""

    verdict: Verdict
    sent: bool
    attempts: int
    peers: bool
    """Another deployment of the same model lets a call through."""
    rungs: bool
    """Another model is left."""
    away_s: float
    """Seconds until the same deployment would take a call again."""
    left_s: float
    """Seconds until the request's own deadline."""


def next_step(at: Situation, policy: Reliability, budget: RetryBudget, random: Callable[[], float]) -> Step:
    if at.verdict.elsewhere == "nowhere":
        return Step("give_up", why="the fault is the request's own")
    if at.attempts >= policy.attempts:
        return Step("give_up", why=f"{at.attempts} calls were made")
    step = _way_on(at, policy, random)
    if step.move == "give_up" or not at.sent:
        return step
    return step if budget.take() else Step("give_up", why="the retry budget is spent")


def _way_on(at: Situation, policy: Reliability, random: Callable[[], float]) -> Step:
    elsewhere = at.verdict.elsewhere
    if at.peers and elsewhere in {"deployments", "anywhere"}:
        return Step("deployment")
    if at.rungs:
        return Step("rung")
    if elsewhere != "anywhere":
        return Step("give_up", why="nobody else can be asked")
    backoff = policy.backoff_s * 2.0 ** max(0, at.attempts - 1) * 2 * random()
    wait = at.away_s + backoff  # with jitter also where all were told to come back at the same time
    if at.away_s > policy.retry_after_cap_s:
        return Step("give_up", why=f"it takes no call for {at.away_s:.0f} s")
    if wait >= at.left_s:
        return Step("give_up", why="the deadline comes first")
    return Step("here", wait)
