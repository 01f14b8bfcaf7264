"""A circuit breaker: leaves a deployment alone that fails, and probes it with one call at a time. Pure.

closed -- too many failed calls --> open -- after `open_s` --> half open -- a probe goes well --> closed
                                      ^------- a probe fails: `open_s` doubles -------'
"""

from typing import Literal

from baton.types.reliability import BreakerPolicy

State = Literal["closed", "open", "half_open"]
FORGET_S = 60.0
"""Calls are counted together only while failures follow each other within this time."""


class Breaker:
    """`now` is a monotonic clock in seconds, everywhere."""

    __slots__ = ("_bits", "_calls", "_failed_at", "_losses", "_policy", "_probing", "_row", "_until", "openings")

    def __init__(self, policy: BreakerPolicy) -> None:
        self.openings = 0
        """Since the start."""
        self._policy = policy
        self._until: float | None = None
        """When the next probe may go; None while closed."""
        self._probing = False
        self._losses = 0
        self._row = 0
        self._bits = 0
        self._calls = 0
        self._failed_at = -FORGET_S

    @property
    def closed(self) -> bool:
        return self._until is None

    def state(self, now: float) -> State:
        if self._until is None:
            return "closed"
        return "open" if now < self._until else "half_open"

    def lets(self, now: float) -> bool:
        """Whether a call may go now; says nothing of the next one."""
        return self._until is None or (now >= self._until and not self._probing)

    def opens_in(self, now: float) -> float:
        """Seconds until a probe may go."""
        return 0.0 if self._until is None else max(0.0, self._until - now)

    def begin(self) -> bool:
        """A call goes. True when it is the probe: its outcome must be told with this flag."""
        if self._until is None:
            return False
        self._probing = True
        return True

    def answering(self, *, probe: bool) -> None:
        """The head of a good answer is there: another call may try, while this one goes on."""
        if probe:
            self._probing = False

    def good(self, *, probe: bool) -> None:
        if self._until is None:
            self._row = 0
            self._bits = (self._bits << 1) & self._mask
            self._calls += 1
        elif probe:
            self._until = None
            self._losses = 0
            self._probing = False
            self._forget()

    def bad(self, now: float, *, probe: bool) -> None:
        """Failures of calls that were sent before it opened say nothing new."""
        if self._until is not None:
            if probe:
                self._probing = False
                self._open(now)
            return
        if now - self._failed_at > FORGET_S:
            self._forget()
        self._failed_at = now
        self._row += 1
        self._calls += 1
        self._bits = ((self._bits << 1) | 1) & self._mask
        if self._row >= self._policy.failures or self._share() >= self._policy.share:
            self._open(now)

    def dropped(self, *, probe: bool) -> None:
        """The call ended without an outcome: the caller left, or the fault was the request's own."""
        if probe:
            self._probing = False

    @property
    def _mask(self) -> int:
        return (1 << self._policy.window) - 1

    def _share(self) -> float:
        """Of the last calls, once there are as many as the window holds."""
        if self._calls < self._policy.window:
            return 0.0
        return self._bits.bit_count() / self._policy.window

    def _open(self, now: float) -> None:
        self._until = now + min(self._policy.open_s * 2**self._losses, self._policy.max_open_s)
        self._losses = min(self._losses + 1, 30)
        self.openings += 1

    def _forget(self) -> None:
        self._row = 0
        self._bits = 0
        self._calls = 0
