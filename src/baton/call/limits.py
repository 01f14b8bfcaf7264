"""A limit on calls at once, with a bounded queue before it: higher priorities first, then first come, first served."""

import asyncio
from heapq import heapify, heappop, heappush

from baton.types.errors import Overloaded
from baton.types.reliability import QueuePolicy

SLACK = 32
"""Waiters that left may lie in the heaps, up to as many as live ones and this many more."""


class _Waiter:
    __slots__ = ("future", "order", "priority", "timer")

    def __init__(self, future: asyncio.Future[None], priority: int, order: int, timer: asyncio.TimerHandle) -> None:
        self.future = future
        self.priority = priority
        self.order = order
        self.timer = timer

    @property
    def waits(self) -> bool:
        return not self.future.done()


class Gate:
    """Whoever was let in must `leave`. `name` is for error texts."""

    def __init__(self, limit: int, policy: QueuePolicy, name: str) -> None:
        self.running = 0
        self.waiting = 0
        self.shed = 0
        """Calls turned away since the start."""
        self._limit = limit
        self._policy = policy
        self._name = name
        self._order = 0
        self._best: list[tuple[int, int, _Waiter]] = []
        self._worst: list[tuple[int, int, _Waiter]] = []

    @property
    def full(self) -> bool:
        """A call would have to wait."""
        return self.running >= self._limit

    def try_enter(self) -> bool:
        if self.running >= self._limit:
            return False
        self.running += 1
        return True

    async def enter(self, priority: int = 0, wait_s: float | None = None) -> None:
        """Waits for a place. Raises Overloaded when it is shed, or when there was none in time."""
        if self.try_enter():
            return
        patience = self._policy.wait_s if wait_s is None else max(0.0, min(wait_s, self._policy.wait_s))
        waiter = self._queue(priority, patience)
        try:
            await waiter.future
        except asyncio.CancelledError:
            if waiter.future.done() and not waiter.future.cancelled() and waiter.future.exception() is None:
                self.leave()  # the place was given to it just before it was cancelled
            elif waiter.future.cancelled():
                self.waiting -= 1
            raise
        finally:
            waiter.timer.cancel()

    def leave(self) -> None:
        """The place goes to the first who waits."""
        while self._best:
            waiter = heappop(self._best)[2]
            if waiter.waits:
                self.waiting -= 1
                waiter.future.set_result(None)
                return
        self._worst.clear()
        self.running -= 1

    def _queue(self, priority: int, patience_s: float) -> _Waiter:
        if self.waiting >= self._policy.length and not self._make_room(priority):
            self.shed += 1
            raise self._refusal(f"has {self.running} calls under way and {self.waiting} waiting")
        loop = asyncio.get_running_loop()
        future: asyncio.Future[None] = loop.create_future()
        self._order += 1
        timer = loop.call_later(patience_s, self._expire, future)
        waiter = _Waiter(future, priority, self._order, timer)
        self.waiting += 1
        heappush(self._best, (-priority, waiter.order, waiter))
        heappush(self._worst, (priority, -waiter.order, waiter))
        self._tidy()
        return waiter

    def _make_room(self, priority: int) -> bool:
        """Sheds the latest of the lowest priority that waits, if it is lower than this one."""
        while self._worst:
            lowest, _, waiter = self._worst[0]
            if not waiter.waits:
                heappop(self._worst)
            elif lowest >= priority:
                return False
            else:
                heappop(self._worst)
                self._turn_away(waiter.future, "is full, and calls of a higher priority wait")
                return True
        return False

    def _expire(self, future: asyncio.Future[None]) -> None:
        if not future.done():
            self._turn_away(future, "had no place in time")

    def _turn_away(self, future: asyncio.Future[None], why: str) -> None:
        self.waiting -= 1
        self.shed += 1
        future.set_exception(self._refusal(why))

    def _refusal(self, why: str) -> Overloaded:
        return Overloaded(f"{self._name} {why}: ask again later, or raise max_concurrency", retry_after="1")

    def _tidy(self) -> None:
        if max(len(self._best), len(self._worst)) <= 2 * self.waiting + SLACK:
            return
        self._best = [one for one in self._best if one[2].waits]
        self._worst = [one for one in self._worst if one[2].waits]
        heapify(self._best)
        heapify(self._worst)
