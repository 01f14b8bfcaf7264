"""A client of bare sockets: what was really sent, and how the connection really ended."""

import socket
import time
from typing import Any, Literal, NamedTuple

import msgspec

from baton.simulate.drive import anthropic_arguments, openai_arguments
from baton.simulate.workload.item import WorkItem

Ended = Literal["open", "closed", "reset"]
TIMEOUT_S = 5.0


class Received(NamedTuple):
    status: int
    headers: dict[str, str]
    body: bytes
    """Without its framing, as far as it came."""
    ended: Ended
    whole: bool
    """The framing says that the body is complete."""


def connect(port: int, timeout_s: float = TIMEOUT_S) -> socket.socket:
    return socket.create_connection(("127.0.0.1", port), timeout_s)


def post(path: str, body: bytes, headers: dict[str, str] | None = None, version: str = "1.1") -> bytes:
    lines = [f"POST {path} HTTP/{version}", "host: sim", f"content-length: {len(body)}"]
    lines += [f"{name}: {value}" for name, value in (headers or {}).items()]
    return ("\r\n".join(lines) + "\r\n\r\n").encode() + body


def chat(item: WorkItem, model: str = "sim-frontier", **members: Any) -> bytes:
    return msgspec.json.encode({"model": model, **openai_arguments(item.conversation), **members})


def messages(item: WorkItem, model: str = "sim-frontier", **members: Any) -> bytes:
    return msgspec.json.encode({"model": model, **anthropic_arguments(item.conversation), **members})


def ask(port: int, request: bytes, *, silence_s: float = 0.4) -> Received:
    """Send one request on its own connection and read until the body is whole, the end, or silence."""
    with connect(port, silence_s) as client:
        client.sendall(request)
        return receive(client)


def receive(client: socket.socket) -> Received:
    data, ended = b"", "open"
    while not _is_whole(data):
        try:
            piece = client.recv(65_536)
        except TimeoutError:
            break
        except ConnectionResetError:
            ended = "reset"
            break
        if not piece:
            ended = "closed"
            break
        data += piece
    status, headers, body, whole = _parts(data)
    return Received(status, headers, body, ended, whole)  # type: ignore[arg-type]


def ends(client: socket.socket) -> Ended:
    """How the connection ends after what was read; `open` when it stays silent for the timeout of the socket."""
    try:
        return "closed" if client.recv(1) == b"" else "open"
    except TimeoutError:
        return "open"
    except ConnectionResetError:
        return "reset"


def wait_for(condition: Any, timeout_s: float = 2.0) -> None:
    deadline = time.monotonic() + timeout_s
    while not condition():
        assert time.monotonic() < deadline, "the condition did not come true in time"
        time.sleep(0.005)


def _is_whole(data: bytes) -> bool:
    return _parts(data)[3]


def _parts(data: bytes) -> tuple[int, dict[str, str], bytes, bool]:
    head, separator, rest = data.partition(b"\r\n\r\n")
    if not separator:
        return 0, {}, b"", False
    lines = head.decode().split("\r\n")
    status = int(lines[0].split(" ")[1])
    if status == 100:
        return _parts(rest)
    headers = {name.lower(): value.strip() for name, value in (line.split(":", 1) for line in lines[1:])}
    if headers.get("transfer-encoding") == "chunked":
        return status, headers, *_unchunked(rest)
    if "content-length" in headers:
        length = int(headers["content-length"])
        return status, headers, rest[:length], len(rest) >= length
    return status, headers, rest, False


def _unchunked(data: bytes) -> tuple[bytes, bool]:
    body = b""
    while True:
        size_line, separator, rest = data.partition(b"\r\n")
        if not separator:
            return body, False
        size = int(size_line, 16)
        if size == 0:
            return body, rest.startswith(b"\r\n")
        body += rest[:size]
        if len(rest) < size + 2:
            return body, False
        data = rest[size + 2 :]
