"""Hedging: a second call when the first is slower than most; who answers first wins, the other is cancelled."""

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable, Coroutine
from typing import Any, TypeVar

T = TypeVar("T")

REMEMBERED = 200


class Quantile:
    """A quantile of the last numbers: those long ago say nothing of a provider's day. Pure."""

    __slots__ = ("_quantile", "_values", "add")

    def __init__(self, quantile: float) -> None:
        self._quantile = quantile
        self._values: deque[float] = deque(maxlen=REMEMBERED)
        self.add = self._values.append

    @property
    def count(self) -> int:
        return len(self._values)

    def value(self) -> float:
        """0 before there is anything to go by."""
        if not self._values:
            return 0.0
        return sorted(self._values)[min(len(self._values) - 1, int(self._quantile * len(self._values)))]


async def hedged(
    first: Callable[[], Coroutine[Any, Any, T]],
    second: Callable[[], Coroutine[Any, Any, T] | None],
    after_s: float,
    discard: Callable[[T], None],
) -> T:
    """What the faster of two calls gives; `second` begins after `after_s`, and only if `first` is still under way.

    `second` is asked then; None from it means that there is to be no second call.
    The slower one is cancelled and waited for; `discard` takes what it gave, where it was ready just as well. When one
    fails, the other decides; when both do, the fault of the first is raised. A fault before `second` began is raised
    at once: whether to ask again is another matter than whether to wait.
    """
    tasks = [asyncio.create_task(first())]
    try:
        done, _ = await asyncio.wait(tasks, timeout=after_s)
        if done:
            return tasks[0].result()
        if (other := second()) is not None:
            tasks.append(asyncio.create_task(other))
        pending = set(tasks)
        while pending:
            done, pending = await asyncio.wait(pending, return_when=asyncio.FIRST_COMPLETED)
            good = [task for task in tasks if task in done and task.exception() is None]
            if good:
                await _drop([task for task in tasks if task is not good[0]], discard)
                return good[0].result()
        return tasks[0].result()
    except asyncio.CancelledError:
        await _drop(tasks, discard)
        raise


async def _drop(tasks: list["asyncio.Task[T]"], discard: Callable[[T], None]) -> None:
    for task in tasks:
        task.cancel()
    results: list[T | BaseException] = await _gathered(tasks)
    for result in results:
        if not isinstance(result, BaseException):
            discard(result)


def _gathered(tasks: list["asyncio.Task[T]"]) -> Awaitable[list[T | BaseException]]:
    return asyncio.gather(*tasks, return_exceptions=True)
