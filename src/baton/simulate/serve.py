"""Serving a fleet on a port: `async with serve(fleet) as running`, or `with serve_in_thread(fleet) as running`."""

import asyncio
import contextlib
import threading
from collections.abc import AsyncIterator, Iterator
from concurrent.futures import Future
from typing import NamedTuple

from baton.simulate.answer import Answerer
from baton.simulate.engine import Engine
from baton.simulate.faults import Schedule
from baton.simulate.http import HttpServer
from baton.simulate.journal import Journal
from baton.types.secret import Secret

START_TIMEOUT_S = 10.0


class Running(NamedTuple):
    """`base_url` has no trailing slash and no path of a dialect."""

    base_url: str
    port: int
    journal: Journal


@contextlib.asynccontextmanager
async def serve(
    fleet: Answerer,
    *,
    host: str = "127.0.0.1",
    port: int = 0,
    time_scale: float = 0.0,
    schedule: Schedule | None = None,
    api_key: Secret | None = None,
    strict: bool = False,
) -> AsyncIterator[Running]:
    """Port 0 takes a free one. `time_scale` 1 is the latency that the models state, 0 none at all.

    `schedule` defaults to the fault rates that the models state. `strict` refuses what the vendors refuse.
    Raises OSError where the address is taken.
    """
    engine = Engine(fleet, schedule=schedule, time_scale=time_scale, api_key=api_key, strict=strict)
    server = HttpServer(engine.respond)
    bound = await server.start(host, port)
    shown = f"[{host}]" if ":" in host else host
    try:
        yield Running(f"http://{shown}:{bound}", bound, engine.journal)
    finally:
        await server.close()


@contextlib.contextmanager
def serve_in_thread(
    fleet: Answerer,
    *,
    port: int = 0,
    time_scale: float = 0.0,
    schedule: Schedule | None = None,
    api_key: Secret | None = None,
    strict: bool = False,
) -> Iterator[Running]:
    """The same on loopback, with an event loop of its own: for callers that are not asynchronous."""
    started: Future[tuple[Running, asyncio.AbstractEventLoop, asyncio.Event]] = Future()

    async def live() -> None:
        leave = asyncio.Event()
        try:
            async with serve(
                fleet, port=port, time_scale=time_scale, schedule=schedule, api_key=api_key, strict=strict
            ) as running:
                started.set_result((running, asyncio.get_running_loop(), leave))
                await leave.wait()
        except OSError as error:
            if started.done():
                raise
            started.set_exception(error)

    thread = threading.Thread(target=lambda: asyncio.run(live()), name="simulated fleet", daemon=True)
    thread.start()
    running, loop, leave = started.result(START_TIMEOUT_S)
    try:
        yield running
    finally:
        loop.call_soon_threadsafe(leave.set)
        thread.join()
