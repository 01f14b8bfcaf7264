"""The part of HTTP/1.1 that Baton takes: one meaning for every message, heads of a bounded size.

llhttp refuses most of what two servers could read differently (both lengths, folded lines, odd chunk sizes). Refused
here besides: codings other than `chunked`, and any in HTTP/1.0; a missing or a second Host; a second key; an upgrade,
whose body would be read as the next request; versions that are none. Trailers are read and add no header.
"""

import asyncio
from functools import lru_cache
from typing import Any
from urllib.parse import unquote

import httptools
from uvicorn.protocols.http.flow_control import HIGH_WATER_LIMIT
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol, RequestResponseCycle

from baton.server.cycle import Cycle

MAX_HEADERS = 128
MAX_HEAD_BYTES = 64 * 1024
HEAD_S = 30.0
"""Until a head that has begun, or the first one of a connection, must be there."""

ONCE = frozenset(
    {
        b"host", b"authorization", b"x-api-key", b"x-goog-api-key", b"content-type", b"content-encoding",
        b"transfer-encoding", b"expect",
    }
)  # fmt: skip
"""What two servers would read differently if it stood twice."""
VERSIONS = ("1.1", "1.0")
TEXT = {400: "Bad Request", 408: "Request Timeout", 431: "Request Header Fields Too Large"}


class HeadRefused(Exception):
    """Told through the parser, which stops at it."""


class StrictProtocol(HttpToolsProtocol):
    """uvicorn's connection, with the app asked by way of `Cycle`, and one timer for many requests."""

    keeps_alive = False
    _head_timer: asyncio.TimerHandle | None = None
    _idle_timer: asyncio.TimerHandle | None = None
    _idle_until = 0.0
    """0: a request is under way, or its head."""
    _headed = False
    _spent = 0
    _count = 0
    _refusal: tuple[int, str] | None = None
    _running: Cycle | None = None

    # --- the connection ----------------------------------------------------------------------------

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        super().connection_made(transport)
        self._head_timer = self.loop.call_later(HEAD_S, self._too_slow)

    def connection_lost(self, exc: Exception | None) -> None:
        self._stop_timer()
        if self._idle_timer is not None:
            self._idle_timer.cancel()
        if self._running is not None:
            self._running.lost()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        self._idle_until = 0.0
        try:
            self.parser.feed_data(data)
        except (httptools.HttpParserError, httptools.HttpParserUpgrade):
            self.send_400_response("Invalid HTTP request received.")
            return
        if not self._headed and not self.transport.is_closing():
            self._spent += len(data)
            if self._spent > MAX_HEAD_BYTES:
                self._refuse(431, f"the head of a request may have {MAX_HEAD_BYTES} bytes")
                self.send_400_response("")
            elif self._head_timer is None:
                self._head_timer = self.loop.call_later(HEAD_S, self._too_slow)

    # --- the request, as the parser reads it -------------------------------------------------------

    def on_message_begin(self) -> None:
        self.url = b""
        self.expect_100_continue = False
        self._names: dict[str, str] = {}
        self._headed = False
        self._spent = self._count = 0
        self._once: set[bytes] = set()

    def on_header(self, name: bytes, value: bytes) -> None:
        self._spent += len(name) + len(value)
        self._count += 1
        if self._spent > MAX_HEAD_BYTES or self._count > MAX_HEADERS:
            raise self._refuse(431, f"the head of a request may have {MAX_HEADERS} headers in {MAX_HEAD_BYTES} bytes")
        if self._headed:
            return
        name = name.lower()
        if name in ONCE:
            self._take_once(name, value)
        self._names[name.decode("latin-1")] = value.decode("latin-1")

    def on_headers_complete(self) -> None:
        self._headed = True
        self._count = 0
        if self._head_timer is not None:
            self._stop_timer()
        parser = self.parser
        version = parser.get_http_version()
        if version not in VERSIONS:
            raise self._refuse(400, "the version must be HTTP/1.1 or HTTP/1.0")
        if version == "1.0" and b"transfer-encoding" in self._once:
            raise self._refuse(400, "HTTP/1.0 has no transfer coding")
        if version == "1.1" and b"host" not in self._once:
            raise self._refuse(400, "a Host header is needed")
        if parser.should_upgrade():
            raise self._refuse(400, "nothing is upgraded here: ask in plain HTTP/1.1")
        path, query = _target(self.url)
        self.keeps_alive = version == "1.1" and parser.should_keep_alive()
        cycle = Cycle(self, parser.get_method().decode("ascii"), path, query, self._names)
        earlier = self._running
        self.cycle = cycle
        if earlier is None or earlier.response_complete:
            self._start(cycle)
        else:
            self.flow.pause_reading()
            self.pipeline.appendleft((cycle, self.app))

    def on_body(self, body: bytes) -> None:
        cycle: Any = self.cycle
        if not cycle.response_complete:
            cycle.take(body)
            if cycle.waiting_bytes > HIGH_WATER_LIMIT:
                self.flow.pause_reading()
            cycle.message_event.set()

    def on_message_complete(self) -> None:
        self._spent = 0
        cycle = self.cycle
        if not cycle.response_complete:
            cycle.more_body = False
            cycle.message_event.set()

    # --- the answer --------------------------------------------------------------------------------

    def on_response_complete(self) -> None:
        """The next request that waits; where none does, the connection may lie idle for a while."""
        self.server_state.total_requests += 1
        if self.transport.is_closing():
            return
        self.flow.resume_reading()
        if self.pipeline:
            cycle: Any = self.pipeline.pop()[0]
            self._start(cycle)
            return
        self._idle_until = self.loop.time() + self.timeout_keep_alive
        if self._idle_timer is None:
            self._idle_timer = self.loop.call_at(self._idle_until, self._idle_long)

    def scope_of(self, cycle: Cycle) -> dict[str, Any]:
        """For what speaks ASGI."""
        return {
            "type": "http",
            "asgi": {"version": self.asgi_version, "spec_version": "2.3"},
            "http_version": "1.1",
            "server": self.server,
            "client": self.client,
            "scheme": self.scheme,
            "root_path": self.root_path,
            "headers": [(name.encode("latin-1"), text.encode("latin-1")) for name, text in cycle.headers.items()],
            "state": self.app_state.copy(),
            "method": cycle.method,
            "path": cycle.path,
            "raw_path": cycle.path.encode(),
            "query_string": cycle.query,
        }

    def _start(self, cycle: Cycle) -> None:
        self._running = cycle
        app: Any = self.app
        cycle.start(app, self.tasks)

    def _idle_long(self) -> None:
        """One timer for many pauses: it is set anew when it rings too early, not at every request."""
        self._idle_timer = None
        if not self._idle_until or self.transport.is_closing():
            return
        if self.loop.time() < self._idle_until:
            self._idle_timer = self.loop.call_at(self._idle_until, self._idle_long)
        else:
            self.transport.close()

    def send_400_response(self, msg: str) -> None:
        """Between the bytes of an answer that is under way nothing can be told: then the connection just ends."""
        status, text = self._refusal or (400, msg)
        cycle: RequestResponseCycle | None = self.cycle
        if cycle is None or cycle.response_complete or not cycle.response_started:
            head = (
                f"HTTP/1.1 {status} {TEXT[status]}\r\ncontent-type: text/plain; charset=utf-8\r\n"
                f"content-length: {len(text)}\r\nconnection: close\r\n\r\n{text}"
            )
            self.transport.write(head.encode())
        self.transport.close()

    def _take_once(self, name: bytes, value: bytes) -> None:
        if name in self._once:
            raise self._refuse(400, f"the header {name.decode()} stands twice: send one")
        self._once.add(name)
        if name == b"transfer-encoding" and value.strip().lower() != b"chunked":
            raise self._refuse(400, "the only transfer coding here is chunked")
        if name == b"expect" and value.lower() == b"100-continue":
            self.expect_100_continue = True

    def _refuse(self, status: int, text: str) -> HeadRefused:
        self._refusal = (status, text)
        return HeadRefused(text)

    def _too_slow(self) -> None:
        self._head_timer = None
        if not self.transport.is_closing():
            self._refuse(408, f"the head of a request must be there within {HEAD_S:g} s")
            self.send_400_response("")

    def _stop_timer(self) -> None:
        if self._head_timer is not None:
            self._head_timer.cancel()
            self._head_timer = None


@lru_cache(maxsize=256)
def _target(url: bytes) -> tuple[str, bytes]:
    """Path, decoded, and query."""
    parsed = httptools.parse_url(url)
    path = parsed.path.decode("ascii")
    return unquote(path) if "%" in path else path, parsed.query or b""
