"""What another replica says of a deployment: that its circuit breaker opened there. Pure.

It may be right, or have trouble of its own. So one call is let through to find out, and the others prefer other
deployments meanwhile, and for as long as it was said where that call fails. Where there is no other deployment it is
asked all the same: what is said elsewhere never shuts the last way.
"""

from typing import Literal

SAME_S = 1.0
"""The same hint is read again and again; one that holds so much longer is a new one."""

Outcome = Literal["good", "bad", "none"]
"""`none` says nothing of the deployment: the caller left, or the fault was the request's own."""


class Suspicion:
    """`now` is a monotonic clock in seconds, everywhere; a call is known by the moment that it began."""

    __slots__ = ("_cleared", "_lost", "_probe", "_since", "_until")

    def __init__(self) -> None:
        self._since = 0.0
        self._until = 0.0
        self._probe: float | None = None
        self._lost = False
        self._cleared = False

    def hinted(self, now: float, seconds: float) -> None:
        """It is said to hold so long from now."""
        until = now + seconds
        if now >= self._until or until > self._until + SAME_S:
            self._since, self._probe = now, None
            self._lost = self._cleared = False
        self._until = max(self._until, until)

    def holds(self, now: float) -> bool:
        return now < self._until and not self._cleared

    def shuns(self, now: float) -> bool:
        """Others are to be preferred."""
        return self.holds(now) and (self._lost or self._probe is not None)

    def begin(self, now: float) -> None:
        """A call goes, and is the one to find out if none has."""
        if self._probe is None and not self._lost and self.holds(now):
            self._probe = now

    def ended(self, begun: float, outcome: Outcome) -> None:
        """Calls that went before it was said are no evidence."""
        if begun == self._probe:
            self._probe = None
        if begun < self._since:
            return
        if outcome == "good":
            self._cleared = True
        elif outcome == "bad":
            self._lost = True
