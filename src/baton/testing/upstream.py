"""An upstream on a real loopback socket that sends exactly the bytes of a script.

async with scripted(http_answer(200, b"{}")) as upstream:
    ...  # point a provider's base_url at upstream.base_url
upstream.requests[0].body
"""

import asyncio
import socket
import struct
from collections.abc import AsyncGenerator, Callable, Sequence
from contextlib import asynccontextmanager, suppress
from typing import Literal

from msgspec import Struct

Step = bytes | float | Literal["reset"]
"""Bytes are sent as they are; a number is a pause in seconds; `reset` breaks the connection off.

After the last step the connection is closed.
"""

FOREVER_S = 3_600.0
STATUS_TEXT = {
    200: "OK",
    400: "Bad Request",
    401: "Unauthorized",
    429: "Too Many Requests",
    500: "Internal Server Error",
}


class Received(Struct, frozen=True):
    """One request as it arrived; header names in lower case."""

    path: str
    headers: dict[str, str]
    body: bytes
    method: str = "POST"


Choose = Callable[[Received], Sequence[Step]]


class ScriptedUpstream:
    """Each connection serves one request: with the script that is chosen for it, or with the next one.

    The last script serves all further ones.
    """

    def __init__(self, scripts: Sequence[Sequence[Step]] | Choose) -> None:
        self.base_url = ""
        self.requests: list[Received] = []
        self.left_early = asyncio.Event()
        """Set when a client closed the connection before its script was over."""
        self._choose = scripts if callable(scripts) else self._next_of(list(scripts))

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            self.requests.append(await _read(reader))
            sending = asyncio.create_task(_send(writer, self._choose(self.requests[-1])))
            leaving = asyncio.create_task(reader.read(1))
            await asyncio.wait({sending, leaving}, return_when=asyncio.FIRST_COMPLETED)
            if not sending.done():
                self.left_early.set()
            for task in (sending, leaving):
                task.cancel()
                with suppress(asyncio.CancelledError, ConnectionError):
                    await task
        except (asyncio.IncompleteReadError, ConnectionError):
            self.left_early.set()
        finally:
            writer.close()

    def _next_of(self, scripts: list[Sequence[Step]]) -> Choose:
        return lambda _request: scripts[min(len(self.requests), len(scripts)) - 1]


@asynccontextmanager
async def scripted(*scripts: Sequence[Step], choose: Choose | None = None) -> AsyncGenerator[ScriptedUpstream, None]:
    """Serve on a free loopback port; every script answers one request, or the one that `choose` names for it."""
    upstream = ScriptedUpstream(choose or scripts)
    server = await asyncio.start_server(upstream.serve, "127.0.0.1", 0)
    host, port = server.sockets[0].getsockname()[:2]
    upstream.base_url = f"http://{host}:{port}/v1"
    try:
        yield upstream
    finally:
        server.close()


def http_answer(status: int, body: bytes, content_type: str = "application/json", *more: str) -> list[Step]:
    """A whole answer with its length."""
    lines = [
        f"HTTP/1.1 {status} {STATUS_TEXT.get(status, 'Status')}", f"content-type: {content_type}",
        f"content-length: {len(body)}", "connection: close", *more,
    ]  # fmt: skip
    return ["\r\n".join(lines).encode() + b"\r\n\r\n" + body]


def event_stream(*pieces: Step, end: bool = True) -> list[Step]:
    """A chunked event stream; without `end` the connection closes before the last chunk, as a crash does."""
    head = b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ntransfer-encoding: chunked\r\n\r\n"
    chunks = [
        b"%x\r\n%s\r\n" % (len(piece), piece) if isinstance(piece, bytes) else piece for piece in pieces if piece != b""
    ]
    return [head, *chunks, *([b"0\r\n\r\n"] if end else [])]


async def _send(writer: asyncio.StreamWriter, script: Sequence[Step]) -> None:
    for step in script:
        if isinstance(step, bytes):
            writer.write(step)
            await writer.drain()
        elif step == "reset":
            _reset(writer)
        else:
            await asyncio.sleep(step)


def _reset(writer: asyncio.StreamWriter) -> None:
    """Closed without lingering, a socket says RST instead of FIN."""
    writer.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    writer.transport.abort()


async def _read(reader: asyncio.StreamReader) -> Received:
    head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1")
    first, *lines = head.strip().split("\r\n")
    headers = {name.strip().lower(): value.strip() for name, _, value in (line.partition(":") for line in lines)}
    body = await reader.readexactly(int(headers.get("content-length", "0")))
    method, path, _ = first.split(" ", 2)
    return Received(path, headers, body, method)
