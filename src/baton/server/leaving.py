"""A caller who leaves cancels the work that is done for him: an abandoned stream goes on costing tokens."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from typing import Any

WATCH_AFTER_S = 0.02
"""Requests that are over sooner are not watched: the watch costs a task."""


class Leaving:
    """Watches one ASGI request. `left` tells a cancellation by the caller from one by the server."""

    def __init__(self, receive: Callable[[], Awaitable[Mapping[str, Any]]]) -> None:
        self.left = False
        self._receive = receive
        self._timer: asyncio.TimerHandle | None = None
        self._watch: asyncio.Task[None] | None = None
        self._worker: asyncio.Task[Any] | None = None

    def arm(self) -> None:
        """Call when the body is read: from then on `receive` can only tell that the caller left."""
        self._worker = asyncio.current_task()
        self._timer = asyncio.get_running_loop().call_later(WATCH_AFTER_S, self._start)

    def disarm(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
        if self._watch is not None:
            self._watch.cancel()

    def _start(self) -> None:
        self._watch = asyncio.get_running_loop().create_task(self._wait())

    async def _wait(self) -> None:
        message = await self._receive()
        if message["type"] == "http.disconnect" and self._worker is not None:
            self.left = True
            self._worker.cancel()
