"""A small HTTP/1.1 server that follows a Delivery to the byte: keep-alive, all framings, cuts, resets, silence.

It is written for this, because a common server framework keeps the socket to itself and mends what is meant to break.
"""

import asyncio
import contextlib
import socket
import struct
from collections import deque
from collections.abc import Callable
from http import HTTPStatus
from typing import NamedTuple, cast
from urllib.parse import parse_qs, urlsplit

import httptools
from msgspec import Struct

from baton.simulate.delivery import Delivery, Framing
from baton.simulate.journal import Ending

MAX_BODY_BYTES = 64 * 1024 * 1024
RESET_ON_CLOSE = struct.pack("ii", 1, 0)
"""SO_LINGER on, for 0 seconds."""


class HttpRequest(Struct, frozen=True):
    """Header names are in lower case. `too_large`: the body was over the limit; it was read and thrown away."""

    method: str
    path: str
    query: dict[str, str]
    headers: dict[str, str]
    body: bytes
    too_large: bool = False


class Exchange(NamedTuple):
    """An answer and who wants to know how it ended: `finished(ending, bytes of the body that were handed over)`."""

    delivery: Delivery
    finished: Callable[[Ending, int], None]


Respond = Callable[[HttpRequest], Exchange]


class HttpServer:
    def __init__(self, respond: Respond) -> None:
        self._respond = respond
        self._connections: set[_Connection] = set()
        self._server: asyncio.Server | None = None

    async def start(self, host: str, port: int) -> int:
        """Listen; returns the port, which the system chooses for 0. Raises OSError where the address is taken."""
        loop = asyncio.get_running_loop()
        self._server = await loop.create_server(lambda: _Connection(self._respond, self._connections), host, port)
        return int(self._server.sockets[0].getsockname()[1])

    async def close(self) -> None:
        """Stop listening and drop every connection; what is under way ends as cancelled."""
        if self._server is None:
            return
        self._server.close()
        for connection in tuple(self._connections):
            connection.abort()
        await self._server.wait_closed()
        await asyncio.gather(*(connection.lost for connection in tuple(self._connections)))


class _Incoming:
    """A request while it is being parsed."""

    def __init__(self) -> None:
        self.url = b""
        self.headers: dict[str, str] = {}
        self.body: list[bytes] = []
        self.size = 0

    def request(self, method: str) -> HttpRequest:
        address = urlsplit(self.url.decode("latin-1"))
        query = {name: values[-1] for name, values in parse_qs(address.query).items()}
        too_large = self.size > MAX_BODY_BYTES
        return HttpRequest(method, address.path, query, self.headers, b"".join(self.body), too_large)


class _Waiting(NamedTuple):
    request: HttpRequest
    keep_alive: bool
    chunks_known: bool
    """False for HTTP/1.0, where a body of unknown length ends with the connection."""


class _Connection(asyncio.Protocol):
    """One client. Requests that arrive before their turn (pipelining) wait in line."""

    def __init__(self, respond: Respond, connections: "set[_Connection]") -> None:
        self._respond = respond
        self._connections = connections
        self._parser = httptools.HttpRequestParser(self)
        self._incoming = _Incoming()
        self._line: deque[_Waiting] = deque()
        self._task: asyncio.Task[None] | None = None
        self._writable = asyncio.Event()
        self._writable.set()
        self._ending = False
        self.lost: asyncio.Future[None] = asyncio.get_running_loop().create_future()

    # --- called by the transport

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)  # by contract; uvloop's class does not inherit from it
        self._transport.set_write_buffer_limits(high=0)  # writable means: everything written has left this process
        self._connections.add(self)
        with contextlib.suppress(OSError):
            transport.get_extra_info("socket").setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)

    def data_received(self, data: bytes) -> None:
        if self._ending:
            return
        try:
            self._parser.feed_data(data)
        except httptools.HttpParserUpgrade:
            pass  # no protocol is offered to upgrade to: the request itself has been read and is answered
        except httptools.HttpParserError as error:
            self._ending = True
            self._transport.write(_bad_request(error))
            self._transport.close()

    def connection_lost(self, _error: Exception | None) -> None:
        self._ending = True
        self._connections.discard(self)
        self._line.clear()
        self._writable.set()
        if self._task is not None:
            self._task.cancel()
        self.lost.set_result(None)

    def pause_writing(self) -> None:
        self._writable.clear()

    def resume_writing(self) -> None:
        self._writable.set()

    def abort(self) -> None:
        self._transport.abort()

    # --- called by the parser

    def on_message_begin(self) -> None:
        self._incoming = _Incoming()

    def on_url(self, url: bytes) -> None:
        self._incoming.url += url

    def on_header(self, name: bytes, value: bytes) -> None:
        self._incoming.headers[name.decode("latin-1").lower()] = value.decode("latin-1")

    def on_headers_complete(self) -> None:
        if self._incoming.headers.get("expect", "").lower() == "100-continue":
            self._transport.write(b"HTTP/1.1 100 Continue\r\n\r\n")

    def on_body(self, body: bytes) -> None:
        self._incoming.size += len(body)
        if self._incoming.size <= MAX_BODY_BYTES:
            self._incoming.body.append(body)
        else:
            self._incoming.body.clear()

    def on_message_complete(self) -> None:
        method = self._parser.get_method().decode("latin-1")
        keep_alive = self._parser.should_keep_alive() and not self._parser.should_upgrade()
        chunks_known = self._parser.get_http_version() == "1.1"
        self._line.append(_Waiting(self._incoming.request(method), keep_alive, chunks_known))
        if self._task is None and len(self._line) == 1:
            self._answer_line()

    # --- answering

    def _answer_line(self) -> None:
        while self._line and not self._ending:
            waiting = self._line[0]
            try:
                exchange = self._respond(waiting.request)
            except BaseException:  # a bug of the simulation: no client may hang on it, and the loop reports it
                self._transport.abort()
                raise
            sending = _Sending(exchange.delivery, waiting)
            if sending.at_once and self._writable.is_set():
                self._end(exchange, sending, b"".join(step.data for step in sending.steps), sending.size)
            else:
                self._task = asyncio.get_running_loop().create_task(self._follow(exchange, sending))
                return

    async def _follow(self, exchange: Exchange, sending: "_Sending") -> None:
        clock = asyncio.get_running_loop().time
        started, sent = clock(), 0
        *steps, last = sending.steps
        try:
            for step in steps:
                await asyncio.sleep(started + step.due_s - clock())
                await self._writable.wait()
                self._transport.write(step.data)
                sent += step.size
            await asyncio.sleep(started + last.due_s - clock())
            await self._writable.wait()
        except asyncio.CancelledError:
            exchange.finished("cancelled", sent)
            raise
        self._task = None
        self._end(exchange, sending, last.data, sent + last.size)
        self._answer_line()

    def _end(self, exchange: Exchange, sending: "_Sending", data: bytes, sent: int) -> None:
        """The last write. Whoever waits for the end is told first, so that no client can know of it before."""
        end = exchange.delivery.end
        exchange.finished("complete" if end == "complete" else "fault", sent)
        self._transport.write(data)
        self._line.popleft()
        if end == "reset":
            self._ending = True
            self._transport.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET_ON_CLOSE)
            self._transport.abort()
        elif sending.closes:
            self._ending = True
            self._transport.close()


class _Step(NamedTuple):
    """One write: `due_s` after the beginning; `size` is what it holds of the body, before the framing."""

    due_s: float
    data: bytes
    size: int


class _Sending:
    """A delivery for one client, whose HTTP version has a say in the framing: what is written when."""

    def __init__(self, plan: Delivery, waiting: _Waiting) -> None:
        framing: Framing = plan.framing
        if framing == "chunked" and not waiting.chunks_known:
            framing = "close"
        self._chunked = framing == "chunked"
        self._bodiless = waiting.request.method == "HEAD"
        self.closes = framing == "close" or plan.end != "complete" or not waiting.keep_alive
        length = plan.size + sum(map(len, plan.rest)) if plan.length is None else plan.length
        head = _head(plan, framing, length, closes=framing == "close" or not waiting.keep_alive)
        self.steps = self._steps(plan, head)
        self.size = sum(step.size for step in self.steps)
        self.at_once = self.steps[-1].due_s == 0 and plan.end != "reset"

    def _steps(self, plan: Delivery, head: bytes) -> list[_Step]:
        due_s = plan.first_s
        steps = [_Step(due_s, head, 0)]
        for number, piece in enumerate(plan.pieces):
            due_s = plan.first_s + number * plan.gap_s
            steps.append(_Step(due_s, self._framed(piece), len(piece)))
        due_s += plan.hold_s
        steps += [_Step(due_s, self._framed(piece), len(piece)) for piece in plan.rest]
        # The end has a step of its own where it must wait for what was written before it to leave this process.
        tail = b"0\r\n\r\n" if self._chunked and plan.end == "complete" and not self._bodiless else b""
        if plan.end == "reset" or (plan.hold_s and not plan.rest):
            return [*steps, _Step(due_s, tail, 0)]
        last = steps[-1]
        return [*steps[:-1], last._replace(data=last.data + tail)]

    def _framed(self, piece: bytes) -> bytes:
        if self._bodiless or not piece:
            return b""
        return b"%x\r\n%b\r\n" % (len(piece), piece) if self._chunked else piece


def _head(plan: Delivery, framing: Framing, length: int, *, closes: bool) -> bytes:
    """`closes` is what the head says, not what a fault is about to do."""
    lines = [f"HTTP/1.1 {plan.status} {_reason(plan.status)}"]
    lines += [f"{name}: {value}" for name, value in plan.headers]
    if framing == "length":
        lines.append(f"content-length: {length}")
    elif framing == "chunked":
        lines.append("transfer-encoding: chunked")
    lines.append("connection: close" if closes else "connection: keep-alive")
    return ("\r\n".join(lines) + "\r\n\r\n").encode("latin-1", "replace")


def _reason(status: int) -> str:
    try:
        return HTTPStatus(status).phrase
    except ValueError:
        return "Overloaded" if status == 529 else "Status"


def _bad_request(error: httptools.HttpParserError) -> bytes:
    body = f"This is not an HTTP/1.1 request: {error}\n".encode()
    plan = Delivery(400, (("content-type", "text/plain"),), (body,))
    return _head(plan, "length", len(body), closes=True) + body
