"""The seam between Baton and an HTTP client.

The life of a call:

1. `open` sends the request and returns when the head of the answer is there;
2. `chunks` yields the body as it arrives, as bytes, until the upstream ended it;
3. `abort` drops the connection at any time; what was not read is lost, the upstream sees that its client left.

Every failure is an `UpstreamFault` with a name; nothing else leaves the seam.
"""

from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from typing import Protocol

from msgspec import Struct

from baton.call.providers.faults import FaultRow

JSON_TYPES = ("application/json", "application/problem+json")


class StreamDecoder(Protocol):
    """Turns the bytes of a stream into those of another, however they are cut. Raises ValueError."""

    def feed(self, data: bytes) -> bytes: ...

    def finish(self) -> None:
        """The stream has ended; raises ValueError when it ended too early."""
        ...


class Expected(Struct, frozen=True):
    """What a good answer looks like, and how a bad one is read."""

    stream_types: tuple[str, ...] = ("text/event-stream",)
    whole_types: tuple[str, ...] = JSON_TYPES
    """Empty: whatever comes."""
    decoder: Callable[[], StreamDecoder] | None = None
    """For streams alone."""
    faults: tuple[FaultRow, ...] = ()


class Outgoing(Struct, frozen=True, gc=False):
    """One call as it goes over the wire. `model` and `provider` are for error texts only."""

    url: str
    headers: Mapping[str, str]
    body: bytes
    model: str
    provider: str
    method: str = "POST"
    expected: Expected = Expected()
    via: "Transport | None" = None
    """The provider's own transport, where it has one."""
    lines: bytes = b""
    """`headers` as they go over the wire, where that is known before."""

    def __repr__(self) -> str:
        """Without its headers, which hold a key."""
        return f"Outgoing({self.method} {self.url}, model={self.model!r}, {len(self.body)} bytes)"


class Timeouts(Struct, frozen=True):
    """Seconds; `total_s` bounds the whole call including the stream."""

    connect_s: float = 5.0
    first_byte_s: float = 120.0
    between_bytes_s: float = 60.0
    total_s: float = 900.0


class Upstream(Protocol):
    """An answer whose head has arrived."""

    status: int
    headers: Mapping[str, str]

    def chunks(self) -> AsyncIterator[bytes]: ...

    async def read(self, limit: int) -> bytes:
        """The whole body; UpstreamNotJson when it is larger than `limit` bytes."""
        ...

    def abort(self) -> None: ...


class Transport(Protocol):
    def open(self, outgoing: Outgoing) -> Awaitable[Upstream]: ...

    async def close(self) -> None: ...


def header_lines(headers: Mapping[str, str]) -> bytes:
    return "".join([f"{name}: {value}\r\n" for name, value in headers.items()]).encode("latin-1")
