"""How much of one key's traffic went up to dearer models, and whether that share rises. Pure counting.

Of any `n` requests in a row (n up to the window) at most `limit * n + BURST` go up. So what one key can make others pay
for is bounded, whatever it says: beside requests that stay down at cost c, those that go up at cost C make the bill at
most `1 + (limit + BURST / n) * (C / c - 1)` times as large. Replicas count each for itself; the bound adds up.
"""

from collections import deque
from math import log, sqrt

from baton.types.task import EscalationLimit

BURST = 5
"""Requests that may go up before there is a share to speak of."""
FALSE_ALARM = 0.001
"""Chance of a false alarm of drift, for each time that half a window is full."""


class Traffic:
    """Of one key under one limit. A request is a ticket: its number among all."""

    __slots__ = ("_flags", "_next", "_ups", "limit", "told")

    def __init__(self, limit: EscalationLimit) -> None:
        self.limit = limit
        self.told = False
        """It was said that the limit is reached, and the share has not been below half of it since."""
        self._flags: deque[bool] = deque(maxlen=limit.window)
        self._next = 0
        self._ups = 0

    @property
    def share(self) -> float:
        return self._ups / len(self._flags) if self._flags else 0.0

    def may_go_up(self, ticket: int | None = None) -> bool:
        """Whether a request may that is not counted yet, or one that was counted as one that stays."""
        full = len(self._flags) == self.limit.window
        if ticket is not None:
            return self._went_up(ticket) or self._ups + 1 <= self.limit.limit * len(self._flags) + BURST
        ups = self._ups - (full and self._flags[0]) + 1
        return ups <= self.limit.limit * (len(self._flags) + (not full)) + BURST

    def note(self, *, up: bool) -> int:
        """Counts a request; its ticket."""
        if len(self._flags) == self.limit.window:
            self._ups -= self._flags[0]
        self._flags.append(up)
        self._ups += up
        self._next += 1
        if self.told and self._ups < self.limit.limit * len(self._flags) / 2:
            self.told = False
        return self._next - 1

    def goes_up(self, ticket: int) -> None:
        """A request that was counted as one that stays went up after all."""
        place = self._place(ticket)
        if place >= 0 and not self._flags[place]:
            self._flags[place] = True
            self._ups += 1

    def _went_up(self, ticket: int) -> bool:
        place = self._place(ticket)
        return place >= 0 and self._flags[place]

    def _place(self, ticket: int) -> int:
        """Negative for a request that has left the window."""
        return ticket - (self._next - len(self._flags))

    def rising(self) -> tuple[float, float] | None:
        """Shares of the older and the newer half of the window where the newer is higher beyond chance, else None.

        Looked at once per half window. By Hoeffding's inequality the means of two samples of m requests differ by
        `sqrt(ln(1 / a) / m)` with a chance of at most `a` when nothing has changed.
        """
        half = self.limit.window // 2
        if len(self._flags) < 2 * half or self._next % half:
            return None
        flags = list(self._flags)[-2 * half :]
        older, newer = sum(flags[:half]) / half, sum(flags[half:]) / half
        return (older, newer) if newer - older >= sqrt(log(1 / FALSE_ALARM) / half) else None
