"""Start and stop: uvicorn around the app, the house opened and closed inside the event loop."""

import asyncio
import contextlib
import gc
import os
import signal
import socket
from collections.abc import AsyncGenerator, Coroutine
from contextlib import asynccontextmanager
from typing import Any

import uvicorn

from baton.config.schema import Config
from baton.flow.house import House, open_house
from baton.server.app import App
from baton.server.one_write import OneWriteProtocol

DRAIN_S = 10
"""How long streams under way may go on after a stop was asked for."""

BACKLOG = 2_048
GC_ALLOCATIONS = 20_000
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


def serve_forever(config: Config, sock: socket.socket, workers: int = 1) -> None:
    """Serve until SIGINT or SIGTERM. Raises LedgerError when the ledger cannot be opened.

    Further workers are forks that accept from the same socket; each keeps its own rows in the one ledger.
    """
    sock.listen(BACKLOG)
    children = []
    for _ in range(workers - 1):
        child = os.fork()
        if child == 0:
            _run(_serve(config, sock))
            os._exit(0)
        children.append(child)
    try:
        _run(_serve(config, sock))
    finally:
        for child in children:
            with contextlib.suppress(ProcessLookupError):
                os.kill(child, signal.SIGTERM)
        for child in children:
            os.waitpid(child, 0)


@asynccontextmanager
async def serving(config: Config, sock: socket.socket) -> AsyncGenerator[House, None]:
    """Serve inside a running loop, for tests and programs; leaves signals alone."""
    house = open_house(config)
    server = uvicorn.Server(_settings(house))
    server.config.load()
    server.lifespan = server.config.lifespan_class(server.config)
    task = asyncio.create_task(server._serve(sockets=[sock]))  # noqa: SLF001 - `serve` would take the signals
    try:
        while not server.started:
            if task.done():
                task.result()
            await asyncio.sleep(STARTED_POLL_S)
        yield house
    finally:
        server.should_exit = True
        await task
        await house.close()


async def _serve(config: Config, sock: socket.socket) -> None:
    house = open_house(config)
    # What is there by now stays; what a request makes dies with it, and is rarely part of a cycle.
    gc.freeze()
    gc.set_threshold(GC_ALLOCATIONS)
    try:
        await uvicorn.Server(_settings(house)).serve(sockets=[sock])
    finally:
        await house.close()


def _settings(house: House) -> uvicorn.Config:
    return uvicorn.Config(
        App(house),
        http=OneWriteProtocol,
        ws="none",
        lifespan="off",
        interface="asgi3",
        backlog=BACKLOG,
        access_log=False,
        log_level="warning",
        server_header=False,
        date_header=False,
        proxy_headers=False,
        timeout_graceful_shutdown=DRAIN_S,
    )


def _run(main: Coroutine[Any, Any, None]) -> None:
    try:
        import uvloop
    except ImportError:  # uvloop does not exist on every platform
        asyncio.run(main)
    else:
        uvloop.run(main)
