"""Streams of sixty words as vendors send them, the framings that end them, and what becomes of them on their way."""

from collections.abc import Iterator, Sequence
from contextlib import asynccontextmanager
from typing import Any, Literal

import msgspec

from baton.call.direct import DirectTransport
from baton.call.http import HttpTransport
from baton.call.send import send
from baton.call.transport import Outgoing, Timeouts
from baton.flow.passage import RelayedStream
from baton.protocol.voice import voice_of
from baton.testing.upstream import ScriptedUpstream, Step, scripted
from baton.types.card import Dialect, ModelCard
from baton.types.errors import UpstreamFault
from baton.types.money import Price

TransportKind = type[DirectTransport] | type[HttpTransport]
Framing = Literal["length", "chunked", "close"]
TRANSPORTS: tuple[TransportKind, ...] = (DirectTransport, HttpTransport)
FRAMINGS: tuple[Framing, ...] = ("length", "chunked", "close")

CARD = ModelCard("sim/m", "sim", "m", "small", 1_000, 1_000, Price(1, 1))
QUICK = Timeouts(connect_s=2.0, first_byte_s=2.0, between_bytes_s=0.15, total_s=10.0)
WORDS = tuple(f"word{place} " for place in range(60))
TEXT = "".join(WORDS)
HEAD = b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\n"


CHUNK = {"id": "c", "object": "chat.completion.chunk", "created": 1, "model": "m"}


def data(value: Any, event: str = "") -> bytes:
    line = b"data: " + msgspec.json.encode(value) + b"\n\n"
    return f"event: {event}\n".encode() + line if event else line


def chunk(delta: dict[str, Any], finish: str | None = None) -> bytes:
    return data({**CHUNK, "choices": [{"index": 0, "delta": delta, "finish_reason": finish}]})


def typed(kind: str, **members: Any) -> bytes:
    return data({"type": kind, **members}, kind)


USAGE = {"prompt_tokens": 10, "completion_tokens": 60}
CHAT = [
    chunk({"role": "assistant", "content": ""}),
    *(chunk({"content": word}) for word in WORDS),
    chunk({}, "stop"),
    data({**CHUNK, "choices": [], "usage": USAGE}),
    b"data: [DONE]\n\n",
]
MESSAGE: dict[str, Any] = {
    "id": "m", "type": "message", "role": "assistant", "model": "m", "content": [], "stop_reason": None,
    "stop_sequence": None, "usage": {"input_tokens": 10, "output_tokens": 1},
}  # fmt: skip
MESSAGES = [
    typed("message_start", message=MESSAGE),
    typed("content_block_start", index=0, content_block={"type": "text", "text": ""}),
    *(typed("content_block_delta", index=0, delta={"type": "text_delta", "text": word}) for word in WORDS),
    typed("content_block_stop", index=0),
    typed("message_delta", delta={"stop_reason": "end_turn", "stop_sequence": None}, usage={"output_tokens": 60}),
    typed("message_stop"),
]
STREAMS: dict[Dialect, list[bytes]] = {"openai-chat": CHAT, "anthropic": MESSAGES}
AFTER_40 = 42
"""Events up to and with the fortieth word, in either dialect (one before it in the other)."""
ERRORS: dict[Dialect, bytes] = {
    "openai-chat": data({"error": {"message": "too much to do", "type": "overloaded_error", "code": 529}}),
    "anthropic": typed("error", error={"type": "overloaded_error", "message": "too much to do"}),
}

ODD = {
    "windows line ends": b"".join(CHAT).replace(b"\n", b"\r\n"),
    "no space after the colon": b"".join(CHAT).replace(b"data: ", b"data:"),
    "no [DONE]": b"".join(CHAT[:-1]),
    "usage with every chunk": b"".join(CHAT).replace(b'"choices":[{', b'"usage":{"prompt_tokens":1},"choices":[{'),
    "no blank line at the end": b"".join(CHAT).removesuffix(b"\n"),
    "comments between": b"".join(b": keep-alive\n\n" + event for event in CHAT),
    "letters of four bytes": b"".join(CHAT).replace(b"word", "\N{GRINNING FACE}ü".encode()),
}
"""Streams that are unusual and good."""


def framed(body: Sequence[Step], framing: Framing, *, end: bool = True) -> list[Step]:
    """`end`: the body ends as it should, if it does not end with a pause or a reset; a body of the framing `close` does.

    A body that has a length and does not end as it should lacks one byte.
    """
    head = HEAD + b"connection: close\r\n"
    if framing == "close":
        return [head + b"\r\n", *body]
    if framing == "length":
        lacks = not end or not body or not isinstance(body[-1], bytes)
        size = sum(len(one) for one in body if isinstance(one, bytes)) + lacks
        return [head + b"content-length: %d\r\n\r\n" % size, *body]
    pieces = [b"%x\r\n%s\r\n" % (len(one), one) if isinstance(one, bytes) else one for one in body if one != b""]
    return [head + b"transfer-encoding: chunked\r\n\r\n", *pieces, *([b"0\r\n\r\n"] if end else [])]


class Came(msgspec.Struct):
    """What a caller would see of a stream: its bytes, and the fault that ends it."""

    bytes: bytes
    fault: UpstreamFault | None
    usage_known: bool = False

    def text(self, dialect: Dialect) -> str:
        return "".join(_texts(self.bytes, dialect))


async def relayed(transport: Any, base_url: str, dialect: Dialect, *, hide_usage: bool = False) -> Came:
    """As the flow relays: the watch decides what goes on; a fault of the connection ends it."""
    watch = voice_of(dialect).watch(hide_usage=hide_usage, hold_end=False)
    got = b""
    try:
        upstream = await send(transport, Outgoing(base_url, {}, b"{}", CARD.id, CARD.provider), stream=True)
        async for piece in upstream.chunks():
            got += watch.feed(piece)
            if watch.broken is not None:
                upstream.abort()
                break
        else:
            got += watch.finish()
    except UpstreamFault as fault:
        return Came(got, fault)
    return Came(got, RelayedStream(watch, dialect, CARD).fault(), watch.usage() is not None)


@asynccontextmanager
async def asked(kind: TransportKind, *scripts: Sequence[Step]) -> Any:
    """A transport and an upstream that answers each call with the next script."""
    async with scripted(*scripts) as upstream:
        transport = kind(QUICK)
        try:
            yield transport, upstream
        finally:
            await transport.close()


async def one(kind: TransportKind, script: Sequence[Step], dialect: Dialect) -> Came:
    async with asked(kind, script) as (transport, upstream):
        assert isinstance(upstream, ScriptedUpstream)
        return await relayed(transport, upstream.base_url, dialect)


def _texts(stream: bytes, dialect: Dialect) -> Iterator[str]:
    for line in stream.splitlines():
        if not line.startswith(b"data:") or line[5:].strip() == b"[DONE]":
            continue
        event = msgspec.json.decode(line[5:])
        if dialect == "anthropic":
            yield event.get("delta", {}).get("text", "")
        else:
            yield from (choice["delta"].get("content") or "" for choice in event.get("choices", ()))
