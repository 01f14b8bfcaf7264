"""One request and its answer on a connection, without a message for each part of them as in ASGI.

The life of one: 1. the protocol fills in `method`, `path`, `query` and `headers` and starts the app; 2. `whole`, or
`receive`, gives the body; 3. from `watch` on a caller who leaves cancels what is done for him; 4. `answer` writes all
at once, or `begin`, `piece` and `end` a stream. The inherited `send` is for what speaks ASGI behind the app.
"""

import asyncio
import logging
import re
from collections.abc import Mapping
from functools import lru_cache
from typing import TYPE_CHECKING, Any, Protocol

from uvicorn.protocols.http.flow_control import FlowControl
from uvicorn.protocols.http.httptools_impl import STATUS_LINE, RequestResponseCycle

if TYPE_CHECKING:
    from baton.server.strict import StrictProtocol

NO_NAME = re.compile('[\x00-\x1f\x7f-\uffff()<>@,;:\\[\\]={} \t\\\\"]')
NO_VALUE = bytes([*range(9), 11, 12, *range(14, 32), 127])
"""Besides line breaks."""

log = logging.getLogger("baton.server")


class Signal:
    """As much of `asyncio.Event` as one task needs that waits."""

    __slots__ = ("_is_set", "_waiter")

    def __init__(self) -> None:
        self._is_set = False
        self._waiter: asyncio.Future[None] | None = None

    def set(self) -> None:
        self._is_set = True
        if self._waiter is not None and not self._waiter.done():
            self._waiter.set_result(None)

    def clear(self) -> None:
        self._is_set = False

    async def wait(self) -> None:
        if not self._is_set:
            self._waiter = asyncio.get_running_loop().create_future()
            await self._waiter


class Answers(Protocol):
    """The app, as its server sees it."""

    async def answer(self, cycle: "Cycle") -> None: ...


class Cycle(RequestResponseCycle):
    """`headers` holds lower-case names; of a name that stands twice the last value."""

    access_log = False
    default_headers: list[tuple[bytes, bytes]] = []  # noqa: RUF012 - none, and nobody adds any
    disconnected = False
    response_started = False
    response_complete = False
    chunked_encoding: bool | None = None
    expected_content_length = 0
    more_body = True
    left = False
    """The caller has left while something was done for him."""
    _task: asyncio.Task[None] | None = None
    _watched = False
    _in_pieces = False
    _head = b""
    _scope: dict[str, Any] | None = None

    def __init__(
        self, protocol: "StrictProtocol", method: str, path: str, query: bytes, headers: dict[str, str]
    ) -> None:
        self.method = method
        self.path = path
        self.query = query
        self.headers = headers
        self.transport: asyncio.Transport = protocol.transport
        self.flow: FlowControl = protocol.flow
        self.on_response = protocol.on_response_complete
        self.keep_alive = protocol.keeps_alive
        self.waiting_for_100_continue = protocol.expect_100_continue
        self.message_event = Signal()  # type: ignore[assignment]
        self.body = bytearray()
        self._only = b""
        self._protocol = protocol

    # --- the request -------------------------------------------------------------------------------

    @property
    def scope(self) -> dict[str, Any]:  # type: ignore[override]
        """As ASGI has it."""
        if self._scope is None:
            self._scope = self._protocol.scope_of(self)
        return self._scope

    def take(self, piece: bytes) -> None:
        """Of the body. The first one is most often all of it, and is then not copied."""
        if self._in_pieces or self.body or self._only:
            self._gather()
            self.body += piece
        else:
            self._only = piece

    @property
    def waiting_bytes(self) -> int:
        return len(self._only) or len(self.body)

    def whole(self) -> bytes | None:
        """The body, where it is there to its end and nobody waits to be told to send it."""
        if self.more_body or self.disconnected or self.waiting_for_100_continue:
            return None
        return self._only or bytes(self.body)

    async def receive(self) -> Any:
        self._in_pieces = True
        self._gather()
        return await super().receive()

    def _gather(self) -> None:
        if self._only:
            self.body += self._only
            self._only = b""

    # --- who asks, and whether he is still there ---------------------------------------------------

    def start(self, app: Answers, tasks: set[asyncio.Task[None]]) -> None:
        task = self._task = asyncio.get_running_loop().create_task(self._run(app))
        tasks.add(task)
        task.add_done_callback(tasks.discard)

    def watch(self) -> None:
        """Call when the body is read: from then on whoever leaves is nobody to work for."""
        if self.disconnected:
            self._leave()
        self._watched = True
        self.flow.resume_reading()

    def unwatch(self) -> None:
        self._watched = False

    def lost(self) -> None:
        """The connection is gone."""
        self.disconnected = True
        self.message_event.set()
        if self._watched and not self.response_complete:
            self._leave()

    def _leave(self) -> None:
        if self._task is not None and not self.left:
            self.left = True
            self._task.cancel()

    async def _run(self, app: Answers) -> None:
        try:
            await app.answer(self)
        except BaseException:  # the task ends here, and so does what it was for
            log.exception("an answer was given up")
        if not self.response_complete and not self.disconnected:
            self._flush()
            self.transport.close()  # the caller sees that it has no end
        self._task = None

    # --- the answer --------------------------------------------------------------------------------

    @property
    def jammed(self) -> bool:
        """The caller reads too slowly: await `flow.drain` before anything is written."""
        return self.flow.write_paused and not self.disconnected

    def answer(self, status: int, headers: Mapping[str, str], body: bytes) -> None:
        """Head and body in one write. Raises ValueError for a header that is none."""
        if self.disconnected:
            return
        head = self._head_of(status, headers, f"content-length: {len(body)}\r\n")
        self.response_started = True
        self.transport.write(head if self.method == "HEAD" else head + body)
        self._complete()

    def begin(self, status: int, headers: Mapping[str, str]) -> None:
        """The head of a stream: it goes with the first piece, at the latest when the loop turns."""
        if self.disconnected:
            return
        self._head = self._head_of(status, headers, "" if self.method == "HEAD" else "transfer-encoding: chunked\r\n")
        self.response_started = True
        asyncio.get_running_loop().call_soon(self._flush)

    def piece(self, data: bytes) -> None:
        if self.disconnected or not data:
            return
        if self.method == "HEAD":
            self._flush()
            return
        head, self._head = self._head, b""
        self.transport.write(b"%b%x\r\n%b\r\n" % (head, len(data), data))

    def end(self) -> None:
        """The stream is whole."""
        if self.disconnected:
            return
        head, self._head = self._head, b""
        self.transport.write(head if self.method == "HEAD" else head + b"0\r\n\r\n")
        self._complete()

    def _flush(self) -> None:
        if self._head and not self.transport.is_closing():
            head, self._head = self._head, b""
            self.transport.write(head)

    def _complete(self) -> None:
        self.response_complete = True
        self.message_event.set()
        if not self.keep_alive:
            self.transport.close()
        self.on_response()

    def _head_of(self, status: int, headers: Mapping[str, str], more: str) -> bytes:
        """What a provider's headers hold must not become a line of its own."""
        if self.response_started:
            raise RuntimeError("a second answer to one request")
        lines = "".join([f"{name}: {value}\r\n" for name, value in headers.items()]).encode("latin-1")
        lines_end = lines.count(b"\r") == lines.count(b"\n") == len(headers)
        if not lines_end or len(lines.translate(None, NO_VALUE)) < len(lines) or not _are_names("".join(headers)):
            raise ValueError("a header of the answer holds what no header may")
        close = "" if self.keep_alive else "connection: close\r\n"
        self.waiting_for_100_continue = False
        return b"%b%b%b\r\n" % (STATUS_LINE[status], lines, f"{more}{close}".encode("ascii"))


@lru_cache(maxsize=256)
def _are_names(names: str) -> bool:
    return NO_NAME.search(names) is None
