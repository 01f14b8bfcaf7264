"""Start and stop: uvicorn around the app, the house opened and closed inside the event loop."""

import asyncio
import contextlib
import gc
import signal
import socket
import time
from collections.abc import AsyncGenerator, Coroutine, Generator
from contextlib import asynccontextmanager
from math import ceil
from pathlib import Path
from typing import Any

import uvicorn
from msgspec import Struct

from baton.config.schema import Config
from baton.flow.house import House, open_house
from baton.server.app import App
from baton.server.refit import Refits
from baton.server.reload import Load, Reloader
from baton.server.strict import StrictProtocol
from baton.server.watching import watch_forever
from baton.server.workers import supervise

BACKLOG = 2_048
GC_ALLOCATIONS = 20_000
LAST_WORDS_S = 1.0
STOPS = (signal.SIGINT, signal.SIGTERM)
STARTED_POLL_S = 0.005


def bind(host: str, port: int) -> socket.socket:
    """Bind early, so that a port in use is told before anything is opened. Raises OSError."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    sock = socket.socket(family, socket.SOCK_STREAM)
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        sock.bind((host, port))
    except OSError:
        sock.close()
        raise
    return sock


def serve_forever(config: Config, sock: socket.socket, workers: int = 1, source: "Source | None" = None) -> None:
    """Serve until SIGINT or SIGTERM. Raises LedgerError when the ledger cannot be opened.

    Several workers are forks that accept from the same socket; each keeps its own rows in the one ledger.
    """
    sock.listen(BACKLOG)
    if workers == 1:
        _run(_serve(config, sock, source))
    else:
        supervise(lambda: _run(_serve(config, sock, source)), workers)


class Source(Struct, frozen=True):
    """Where the config came from: how it is read again, and the file to watch, where it is one."""

    load: Load
    path: Path | None = None
    learn: tuple[str, ...] = ()
    """The command that learns from the ledger (`baton learn`), for `learned.refit_hours`."""


@asynccontextmanager
async def serving(config: Config, sock: socket.socket, source: "Source | None" = None) -> AsyncGenerator[House, None]:
    """Serve inside a running loop, for tests and programs; leaves signals alone."""
    house = open_house(config)
    app = App(house)
    server = Gateway(_settings(app, config.server.drain_s), app)
    server.config.load()
    server.lifespan = server.config.lifespan_class(server.config)
    task = asyncio.create_task(server._serve(sockets=[sock]))  # noqa: SLF001 - `serve` would take the signals
    reloader = None if source is None else Reloader(app, source.load, source.path)
    if reloader is not None:
        reloader.watch()
    watching = asyncio.create_task(watch_forever(lambda: app.house))
    try:
        while not server.started:
            if task.done():
                task.result()
            await asyncio.sleep(STARTED_POLL_S)
        yield house
    finally:
        await _over(watching)
        if reloader is not None:
            reloader.stop()
        server.should_exit = True
        await task
        await house.close()


async def _serve(config: Config, sock: socket.socket, source: Source | None) -> None:
    house = open_house(config)
    app = App(house)
    reloader = None if source is None else Reloader(app, source.load, source.path)
    refits = None if source is None else Refits(lambda: app.house, source.learn, time.monotonic)
    # What is there by now stays; what a request makes dies with it, and is rarely part of a cycle.
    gc.freeze()
    gc.set_threshold(GC_ALLOCATIONS)
    server = Gateway(_settings(app, config.server.drain_s), app)
    for beside in (reloader, refits):
        if beside is not None:
            beside.start()
    watching = asyncio.create_task(watch_forever(lambda: app.house))
    try:
        await server.serve(sockets=[sock])
    finally:
        await _over(watching)
        for beside in (reloader, refits):
            if beside is not None:
                beside.stop()
        await house.close()


async def _over(task: asyncio.Task[None]) -> None:
    task.cancel()
    with contextlib.suppress(asyncio.CancelledError):
        await task


class Gateway(uvicorn.Server):
    """Stops in three steps: no new connections, streams go on up to a deadline, then a typed error ends them."""

    def __init__(self, config: uvicorn.Config, app: App) -> None:
        super().__init__(config)
        self._app = app

    @contextlib.contextmanager
    def capture_signals(self) -> Generator[None, None, None]:
        """A stop that was asked for is no failure: unlike uvicorn's own way, the signal is not raised again."""
        loop = asyncio.get_running_loop()
        for number in STOPS:
            loop.add_signal_handler(number, self.handle_exit, number, None)
        try:
            yield
        finally:
            for number in STOPS:
                loop.remove_signal_handler(number)

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        self._app.stop()
        await super().shutdown(sockets)
        if self.server_state.tasks:  # cancelled by now: each may still say why its stream ends
            await asyncio.wait(self.server_state.tasks, timeout=LAST_WORDS_S)


def _settings(app: App, drain_s: float) -> uvicorn.Config:
    asked: Any = app  # by our own protocol, not as ASGI
    return uvicorn.Config(
        asked,
        http=StrictProtocol,
        ws="none",
        lifespan="off",
        interface="asgi3",
        backlog=BACKLOG,
        access_log=False,
        log_level="warning",
        server_header=False,
        date_header=False,
        proxy_headers=False,
        timeout_graceful_shutdown=ceil(drain_s),
    )


def _run(main: Coroutine[Any, Any, None]) -> None:
    try:
        import uvloop
    except ImportError:  # uvloop does not exist on every platform
        asyncio.run(main)
    else:
        uvloop.run(main)
