"""The transport without a client library: an asyncio protocol, a parser, and a pool of kept connections.

It does what the hot path needs and nothing else: HTTP/1.1, keep-alive, TLS, chunked, sized and close-delimited bodies,
back-pressure, four timeouts, abort. `bench/overhead.py` is the reason for it: a client library takes a third of the CPU
of a request. Addresses behind a proxy are left to `http.py`.
"""

import asyncio
import ssl
from collections import deque
from collections.abc import AsyncIterator, Mapping
from functools import cache, lru_cache
from typing import cast
from urllib.parse import urlsplit

import httptools
from msgspec import Struct

from baton.call.transport import Outgoing, Timeouts, header_lines
from baton.types.errors import (
    UpstreamCut,
    UpstreamFault,
    UpstreamNotJson,
    UpstreamRefused,
    UpstreamStalled,
    UpstreamTimeout,
)

IDLE_S = 30.0
"""A connection that lay idle longer is not used again: common servers close them after a minute."""

HIGH_WATER_BYTES = 512 * 1024
"""Above this much unread body the socket is not read, so that a slow caller slows the model down."""

MAX_HEAD_BYTES = 64 * 1024


class Place(Struct, frozen=True):
    """Where an address is, and the part of the head that is the same for every request to it."""

    host: str
    port: int
    tls: bool
    target: bytes
    """What stands behind the method: path, version, host."""
    key: tuple[str, int, bool]
    """Requests with the same one may share a connection."""


class DirectTransport:
    """Must be used inside one running event loop."""

    def __init__(self, timeouts: Timeouts) -> None:
        self._timeouts = timeouts
        self._idle: dict[tuple[str, int, bool], deque[Connection]] = {}
        self._open: set[Connection] = set()
        self._loop = asyncio.get_running_loop()

    async def open(self, outgoing: Outgoing) -> "DirectUpstream":
        place = place_of(outgoing.url)
        request = _request(place, outgoing)
        connection = self._kept(place) or await self._connect(place, outgoing)
        connection.begin(outgoing)
        connection.write(request)
        try:
            while not connection.headed:
                await connection.wait(self._timeouts.first_byte_s)
        except BaseException:
            connection.abort()
            raise
        return DirectUpstream(connection)

    async def close(self) -> None:
        for connection in list(self._open):
            connection.abort()

    def _kept(self, place: Place) -> "Connection | None":
        idle = self._idle.get(place.key)
        if not idle:
            return None
        since = self._loop.time() - IDLE_S
        while idle:
            connection = idle.pop()
            if connection.usable(since):
                return connection
            connection.abort()
        return None

    async def _connect(self, place: Place, outgoing: Outgoing) -> "Connection":
        idle = self._idle.setdefault(place.key, deque())
        try:
            async with asyncio.timeout(self._timeouts.connect_s):
                _, connection = await self._loop.create_connection(
                    lambda: Connection(self._loop, self._timeouts, idle, self._open),
                    place.host,
                    place.port,
                    ssl=_tls() if place.tls else None,
                )
        except TimeoutError as error:
            raise _fault(UpstreamTimeout, outgoing, "did not take the connection in time") from error
        except OSError as error:
            raise _fault(UpstreamRefused, outgoing, f"cannot be reached ({error.strerror or error})") from error
        return connection


class Connection(asyncio.Protocol):
    """One connection; serves one answer at a time and goes back to its pool when the answer was read to its end."""

    def __init__(
        self,
        loop: asyncio.AbstractEventLoop,
        timeouts: Timeouts,
        idle: "deque[Connection]",
        everyone: "set[Connection]",
    ) -> None:
        self.status = 0
        self.headers: dict[str, str] = {}
        self._loop = loop
        self._timeouts = timeouts
        self._idle = idle
        self._everyone = everyone
        self._transport: asyncio.Transport | None = None
        self._idle_since = 0.0
        self._answering = False
        self._timer: asyncio.TimerHandle | None = None

    # --- one answer ---

    def begin(self, outgoing: Outgoing) -> None:
        self.status = 0
        self.headers = {}
        self._answering = True
        self._outgoing = outgoing
        self._parser = httptools.HttpResponseParser(self)
        self._pieces: deque[bytes] = deque()
        self._buffered = 0
        self._head_bytes = 0
        self.headed = self._ended = self._paused = self._keeps_alive = False
        self._fault: UpstreamFault | None = None
        self._waiter: asyncio.Future[None] | None = None
        self._ends_at = self._loop.time() + self._timeouts.total_s
        self._patience_ends_at = 0.0

    def write(self, data: bytes) -> None:
        assert self._transport is not None
        self._transport.write(data)

    async def piece(self) -> bytes | None:
        """What has arrived of the body since the last call, None at its end."""
        while not self._pieces:
            if self._ended:
                self._release()
                return None
            await self.wait(self._timeouts.between_bytes_s)
        joined = self._pieces.popleft() if len(self._pieces) == 1 else b"".join(self._pieces)
        self._pieces.clear()
        self._buffered = 0
        if self._paused and self._transport is not None:
            self._paused = False
            self._transport.resume_reading()
        return joined

    def at_once(self, limit: int) -> bytes | None:
        """The body, where it is there to its end and no larger; nothing may have been read of it before."""
        if not self._ended or self._fault is not None or self._buffered > limit:
            return None
        pieces = self._pieces
        body = pieces[0] if len(pieces) == 1 else b"".join(pieces)
        pieces.clear()
        self._release()
        return body

    def usable(self, idle_before: float) -> bool:
        return self._transport is not None and not self._transport.is_closing() and self._idle_since > idle_before

    def abort(self) -> None:
        if self._transport is not None:
            self._transport.abort()

    async def wait(self, timeout_s: float) -> None:
        if (fault := self._fault) is not None:
            raise fault
        self._waiter = self._loop.create_future()
        self._patience_ends_at = min(self._loop.time() + timeout_s, self._ends_at)
        if self._timer is None or self._patience_ends_at < self._timer.when():
            self._set_timer()
        try:
            await self._waiter
        finally:
            self._waiter = None
        if self._fault is not None and not self._pieces:
            raise self._fault

    def _wake(self) -> None:
        if self._waiter is not None and not self._waiter.done():
            self._waiter.set_result(None)

    def _set_timer(self) -> None:
        """One timer for many waits: it is set anew when it rings too early, not whenever something arrives."""
        if self._timer is not None:
            self._timer.cancel()
        self._timer = self._loop.call_at(self._patience_ends_at, self._ring)

    def _ring(self) -> None:
        self._timer = None
        if self._waiter is None:
            return
        if self._loop.time() < self._patience_ends_at:
            self._set_timer()
            return
        self._fail(self._too_late())
        self.abort()

    def _too_late(self) -> UpstreamFault:
        if self._loop.time() >= self._ends_at:
            return _fault(UpstreamTimeout, self._outgoing, f"did not end its answer in {self._timeouts.total_s:g} s")
        if self.headed:
            silence = f"began to answer and sent nothing more for {self._timeouts.between_bytes_s:g} s"
            return _fault(UpstreamStalled, self._outgoing, silence)
        return _fault(UpstreamTimeout, self._outgoing, "did not answer in time")

    def _fail(self, fault: UpstreamFault) -> None:
        self._fault = self._fault or fault
        self._wake()

    def _release(self) -> None:
        """Back to the pool, unless the server said that it closes."""
        if self._transport is None or self._transport.is_closing():
            return
        if self._keeps_alive and not self._paused:
            self._idle_since = self._loop.time()
            self._answering = False
            self._idle.append(self)
        else:
            self._transport.close()

    # --- asyncio ---

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)  # uvloop's is not a subclass of it
        self._everyone.add(self)

    def data_received(self, data: bytes) -> None:
        if not self._answering:
            self.abort()  # nobody asked: what comes now belongs to no request
            return
        if not self.headed:
            self._head_bytes += len(data)
        try:
            self._parser.feed_data(data)
        except (httptools.HttpParserError, httptools.HttpParserUpgrade) as error:
            self._fail(_fault(UpstreamNotJson, self._outgoing, f"did not answer in HTTP ({error})"))
            self.abort()
            return
        if not self.headed and self._head_bytes > MAX_HEAD_BYTES:
            self._fail(_fault(UpstreamNotJson, self._outgoing, f"sent a head of over {MAX_HEAD_BYTES} bytes"))
            self.abort()
        self._wake()

    def eof_received(self) -> bool:
        return False

    def connection_lost(self, error: Exception | None) -> None:
        self._transport = None
        if self._timer is not None:
            self._timer.cancel()
        self._everyone.discard(self)
        if self in self._idle:
            self._idle.remove(self)
        if not self._answering or self._ended:
            return
        if self.headed and self._close_delimited() and error is None:
            self._ended = True
            self._wake()
            return
        how = "closed the connection in the middle of its answer" if self.headed else "closed it without an answer"
        self._fail(_fault(UpstreamCut, self._outgoing, how))

    def _close_delimited(self) -> bool:
        return "content-length" not in self.headers and "transfer-encoding" not in self.headers

    # --- httptools ---

    def on_header(self, name: bytes, value: bytes) -> None:
        self.headers[name.decode("latin-1").lower()] = value.decode("latin-1")

    def on_headers_complete(self) -> None:
        status = self._parser.get_status_code()
        if status >= 200:  # what comes before (100 Continue, 103 Early Hints) is not the answer
            self.status = status
            self.headed = True

    def on_body(self, body: bytes) -> None:
        self._pieces.append(body)
        self._buffered += len(body)
        if self._buffered > HIGH_WATER_BYTES and not self._paused and self._transport is not None:
            self._paused = True
            self._transport.pause_reading()

    def on_message_complete(self) -> None:
        if self.headed:
            self._ended = True
            self._keeps_alive = self._parser.should_keep_alive()  # the parser forgets it with the message


class DirectUpstream:
    def __init__(self, connection: Connection) -> None:
        self.status = connection.status
        self.headers: Mapping[str, str] = connection.headers
        self._connection = connection
        self._outgoing = connection._outgoing  # noqa: SLF001 - two halves of one thing

    def chunks(self) -> AsyncIterator[bytes]:
        return self

    def __aiter__(self) -> AsyncIterator[bytes]:
        return self

    async def __anext__(self) -> bytes:
        piece = await self._connection.piece()
        if piece is None:
            raise StopAsyncIteration
        return piece

    async def read(self, limit: int) -> bytes:
        if (body := self._connection.at_once(limit)) is not None:
            return body
        pieces: list[bytes] = []
        size = 0
        while (piece := await self._connection.piece()) is not None:
            size += len(piece)
            if size > limit:
                self.abort()
                raise _fault(UpstreamNotJson, self._outgoing, f"answered more than {limit} bytes")
            pieces.append(piece)
        return pieces[0] if len(pieces) == 1 else b"".join(pieces)

    def abort(self) -> None:
        self._connection.abort()


@lru_cache(maxsize=1024)
def place_of(url: str) -> Place:
    parts = urlsplit(url)
    tls = parts.scheme == "https"
    port = parts.port or (443 if tls else 80)
    path = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
    host = parts.netloc.rpartition("@")[2]
    target = f" {path} HTTP/1.1\r\nhost: {host}\r\n".encode("latin-1")
    return Place(parts.hostname or "", port, tls, target, (parts.hostname or "", port, tls))


def _request(place: Place, outgoing: Outgoing) -> bytes:
    lines, body = outgoing.lines or header_lines(outgoing.headers), outgoing.body
    if lines.count(b"\n") != len(outgoing.headers) or lines.count(b"\r") != len(outgoing.headers):
        raise _fault(UpstreamFault, outgoing, "cannot be asked: a header holds a line break")
    return b"%b%b%bcontent-length: %d\r\n\r\n%b" % (outgoing.method.encode(), place.target, lines, len(body), body)


@cache
def _tls() -> ssl.SSLContext:
    return ssl.create_default_context()


def _fault(kind: type[UpstreamFault], outgoing: Outgoing, what: str) -> UpstreamFault:
    who = f"model {outgoing.model!r} at provider {outgoing.provider!r}"
    return kind(f"{who} {what}", model=outgoing.model, provider=outgoing.provider)
