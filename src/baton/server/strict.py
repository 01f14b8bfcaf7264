"""The part of HTTP/1.1 that Baton takes: one meaning for every message, heads of a bounded size.

llhttp refuses most of what two servers could read differently (both lengths, folded lines, odd chunk sizes). Refused
here besides: codings other than `chunked`, and any in HTTP/1.0; a missing or a second Host; a second key; an upgrade,
whose body would be read as the next request; versions that are none. Trailers are read and add no header.
"""

import asyncio

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol, RequestResponseCycle

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
    _head_timer: asyncio.TimerHandle | None = None
    _headed = False
    _spent = 0
    _refusal: tuple[int, str] | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        super().connection_made(transport)
        self._head_timer = self.loop.call_later(HEAD_S, self._too_slow)

    def connection_lost(self, exc: Exception | None) -> None:
        self._stop_timer()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        super().data_received(data)
        if not self._headed and not self.transport.is_closing():
            self._spent += len(data)
            if self._spent > MAX_HEAD_BYTES:
                self._refuse(431, f"the head of a request may have {MAX_HEAD_BYTES} bytes")
                self.send_400_response("")
            elif self._head_timer is None:
                self._head_timer = self.loop.call_later(HEAD_S, self._too_slow)

    def on_message_begin(self) -> None:
        super().on_message_begin()
        self._headed = False
        self._spent = 0
        self._once: set[bytes] = set()

    def on_header(self, name: bytes, value: bytes) -> None:
        name = name.lower()
        self._spent += len(name) + len(value)
        if self._spent > MAX_HEAD_BYTES or len(self.headers) >= MAX_HEADERS:
            raise self._refuse(431, f"the head of a request may have {MAX_HEADERS} headers in {MAX_HEAD_BYTES} bytes")
        if self._headed:
            return
        if name in ONCE:
            self._take_once(name, value)
        self.headers.append((name, value))

    def on_headers_complete(self) -> None:
        self._headed = True
        self._stop_timer()
        version = self.parser.get_http_version()
        if version not in VERSIONS:
            raise self._refuse(400, "the version must be HTTP/1.1 or HTTP/1.0")
        if version == "1.0" and b"transfer-encoding" in self._once:
            raise self._refuse(400, "HTTP/1.0 has no transfer coding")
        if version == "1.1" and b"host" not in self._once:
            raise self._refuse(400, "a Host header is needed")
        if self.parser.should_upgrade():
            raise self._refuse(400, "nothing is upgraded here: ask in plain HTTP/1.1")
        super().on_headers_complete()

    def on_message_complete(self) -> None:
        super().on_message_complete()
        self._spent = 0

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
