"""Event-stream framing of AWS -> server-sent events of Anthropic. Pure; however the bytes are cut.

A frame: length of all, length of the headers, CRC of those eight bytes; headers; payload; CRC of all before it.
"""

import struct
from binascii import Error as NotBase64
from binascii import a2b_base64, crc32
from collections.abc import Iterator

import msgspec
from msgspec import Struct

PRELUDE = struct.Struct("!III")
MAX_FRAME_BYTES = 24 * 1024 * 1024
"""The most that AWS allows."""
CRC_BYTES = 4
FIXED_SIZES = {0: 0, 1: 0, 2: 1, 3: 2, 4: 4, 5: 8, 8: 8, 9: 16}
"""Bytes of a header's value by its type; types 6 and 7 (bytes, text) state theirs in two bytes."""
TEXT = 7
SIZED = (6, TEXT)
ERROR_TYPES = {
    "throttlingexception": "rate_limit_error",
    "servicequotaexceededexception": "rate_limit_error",
    "serviceunavailableexception": "overloaded_error",
    "modelnotreadyexception": "overloaded_error",
    "modeltimeoutexception": "timeout_error",
    "validationexception": "invalid_request_error",
}
"""Exceptions inside a stream -> Anthropic's words; what is not here is an `api_error`."""


class BrokenFrame(ValueError):
    """The bytes are not an event stream, or were damaged on the way."""


class Frame(Struct, frozen=True):
    headers: dict[str, str]
    """Those that are text."""
    payload: bytes


class _Chunk(Struct):
    bytes: str = ""


class _Named(Struct):
    type: str = ""


class _Exception(Struct):
    message: str | None = None


_CHUNK = msgspec.json.Decoder(_Chunk)
_NAMED = msgspec.json.Decoder(_Named)
_EXCEPTION = msgspec.json.Decoder(_Exception)


class EventStreamDecoder:
    """Raises BrokenFrame."""

    def __init__(self) -> None:
        self._held = bytearray()

    def feed(self, data: bytes) -> bytes:
        self._held += data
        return b"".join(_event(frame) for frame in self._frames())

    def finish(self) -> None:
        if self._held:
            raise BrokenFrame(f"the event stream ended inside a frame, {len(self._held)} bytes after its begin")

    def _frames(self) -> Iterator[Frame]:
        while len(self._held) >= PRELUDE.size:
            total = _total(self._held)
            if len(self._held) < total:
                return
            raw = bytes(self._held[:total])
            del self._held[:total]
            yield read_frame(raw)


def _total(held: bytearray) -> int:
    total, headers, checksum = PRELUDE.unpack_from(held)
    if crc32(held[:8]) != checksum:
        raise BrokenFrame("the first bytes of a frame do not have their checksum")
    if total > MAX_FRAME_BYTES or total < PRELUDE.size + headers + CRC_BYTES:
        raise BrokenFrame(f"a frame states impossible lengths: {total} bytes with {headers} of headers")
    return int(total)


def read_frame(raw: bytes) -> Frame:
    """One whole frame whose prelude has been checked."""
    if crc32(raw[:-CRC_BYTES]) != int.from_bytes(raw[-CRC_BYTES:], "big"):
        raise BrokenFrame("a frame does not have its checksum")
    size = PRELUDE.unpack_from(raw)[1]
    body = raw[PRELUDE.size : -CRC_BYTES]
    return Frame(_headers(body[:size]), body[size:])


def _headers(data: bytes) -> dict[str, str]:
    found = {}
    at = 0
    try:
        while at < len(data):
            end = at + 1 + data[at]
            name, kind = data[at + 1 : end].decode(), data[end]
            at = end + 1
            if kind in SIZED:
                size = int.from_bytes(data[at : at + 2], "big")
                at += 2
            else:
                size = FIXED_SIZES[kind]
            if at + size > len(data):
                raise BrokenFrame(f"the header {name!r} of a frame is cut")
            if kind == TEXT:
                found[name] = data[at : at + size].decode()
            at += size
    except (IndexError, KeyError, UnicodeDecodeError) as error:
        raise BrokenFrame(f"the headers of a frame cannot be read ({type(error).__name__})") from error
    return found


def _event(frame: Frame) -> bytes:
    kind = frame.headers.get(":message-type", "event")
    if kind != "event":
        return _error(frame)
    if frame.headers.get(":event-type") != "chunk":
        return b""
    try:
        data = a2b_base64(_CHUNK.decode(frame.payload).bytes)
        name = _NAMED.decode(data).type
    except (ValueError, RecursionError, NotBase64) as error:
        raise BrokenFrame(f"a chunk of the event stream cannot be read ({error})") from error
    return f"event: {name}\ndata: ".encode() + data.replace(b"\n", b" ").replace(b"\r", b" ") + b"\n\n"


def _error(frame: Frame) -> bytes:
    name = frame.headers.get(":exception-type") or frame.headers.get(":error-code") or "unknown"
    try:
        message = _EXCEPTION.decode(frame.payload).message
    except (ValueError, RecursionError):
        message = None
    error = {
        "type": ERROR_TYPES.get(name.lower(), "api_error"),
        "message": message or frame.headers.get(":error-message") or name,
    }
    return b"event: error\ndata: " + msgspec.json.encode({"type": "error", "error": error}) + b"\n\n"
