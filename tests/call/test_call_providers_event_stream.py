"""Event-stream framing of AWS: however the bytes are cut, the same events; damage is never taken for an answer."""

import asyncio
import base64
import json
import struct
from binascii import crc32
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from baton.call.direct import DirectTransport
from baton.call.endpoint import Endpoint
from baton.call.providers.event_stream import BrokenFrame, EventStreamDecoder
from baton.call.send import send
from baton.call.transport import Timeouts
from baton.testing.upstream import Step, scripted
from baton.types.card import ModelCard, Provider
from baton.types.errors import UpstreamNotJson
from baton.types.money import price_from_usd
from baton.types.secret import Secret


def frame(payload: bytes, **headers: str) -> bytes:
    """As the AWS documentation lays a frame out."""
    packed = b""
    for name, value in headers.items():
        wire = f":{name.replace('_', '-')}".encode()
        packed += bytes([len(wire)]) + wire + b"\x07" + struct.pack("!H", len(value)) + value.encode()
    prelude = struct.pack("!II", 16 + len(packed) + len(payload), len(packed))
    prelude += struct.pack("!I", crc32(prelude))
    whole = prelude + packed + payload
    return whole + struct.pack("!I", crc32(whole))


def chunk(event: dict[str, Any]) -> bytes:
    data = base64.b64encode(json.dumps(event).encode()).decode()
    payload = json.dumps({"bytes": data, "p": "abcdefgh"}).encode()
    return frame(payload, event_type="chunk", content_type="application/json", message_type="event")


EVENTS: list[dict[str, Any]] = [
    {"type": "message_start", "message": {"id": "m", "usage": {"input_tokens": 3}}},
    {"type": "content_block_delta", "index": 0, "delta": {"type": "text_delta", "text": "é\n "}},
    {"type": "message_stop", "amazon-bedrock-invocationMetrics": {"inputTokenCount": 3}},
]
WIRE = b"".join(chunk(event) for event in EVENTS)


def decoded(pieces: list[bytes]) -> bytes:
    decoder = EventStreamDecoder()
    found = b"".join(decoder.feed(piece) for piece in pieces)
    decoder.finish()
    return found


def told(stream: bytes) -> list[tuple[str, Any]]:
    pairs = [event.split("\n") for event in stream.decode().strip().split("\n\n")]
    return [(name.removeprefix("event: "), json.loads(data.removeprefix("data: "))) for name, data in pairs]


def test_chunks_become_events_of_the_dialect() -> None:
    assert told(decoded([WIRE])) == [(event["type"], event) for event in EVENTS]


@given(st.lists(st.integers(0, len(WIRE)), max_size=12))
def test_any_cut_of_the_bytes_gives_the_same_stream(cuts: list[int]) -> None:
    places = sorted({0, len(WIRE), *cuts})
    pieces = [WIRE[begin:end] for begin, end in pairwise(places)]
    assert decoded(pieces) == decoded([WIRE])


@given(st.integers(0, len(WIRE) - 1), st.integers(1, 255))
def test_a_damaged_byte_is_never_taken_for_an_answer(place: int, change: int) -> None:
    damaged = bytearray(WIRE)
    damaged[place] ^= change
    with pytest.raises(BrokenFrame):
        decoded([bytes(damaged)])


@given(st.binary(max_size=200))
def test_bytes_of_anything_else_are_refused_or_waited_for(data: bytes) -> None:
    decoder = EventStreamDecoder()
    try:
        assert decoder.feed(data) == b""
    except BrokenFrame:
        return
    if data:
        with pytest.raises(BrokenFrame, match="inside a frame"):
            decoder.finish()


def test_headers_of_other_types_are_passed_over() -> None:
    kinds = [(0, b""), (1, b""), (2, b"x"), (3, b"xx"), (4, b"x" * 4), (5, b"x" * 8), (8, b"x" * 8), (9, b"x" * 16)]
    packed = b"".join(b"\x01a" + bytes([kind]) + value for kind, value in kinds)
    packed += b"\x01b\x06\x00\x02xx" + b"\x0b:event-type\x07\x00\x05chunk"
    payload = json.dumps({"bytes": base64.b64encode(b'{"type":"ping"}').decode()}).encode()
    prelude = struct.pack("!II", 16 + len(packed) + len(payload), len(packed))
    prelude += struct.pack("!I", crc32(prelude))
    whole = prelude + packed + payload
    assert decoded([whole + struct.pack("!I", crc32(whole))]) == b'event: ping\ndata: {"type":"ping"}\n\n'


@pytest.mark.parametrize(
    ("name", "kind"),
    [
        ("throttlingException", "rate_limit_error"),
        ("serviceUnavailableException", "overloaded_error"),
        ("modelStreamErrorException", "api_error"),
    ],
)
def test_an_exception_in_the_stream_becomes_an_error_event(name: str, kind: str) -> None:
    wire = WIRE + frame(b'{"message":"slow down"}', exception_type=name, message_type="exception")
    assert told(decoded([wire]))[-1] == (
        "error",
        {"type": "error", "error": {"type": kind, "message": "slow down"}},
    )


@pytest.mark.parametrize(
    "payload", [b"{", b'{"bytes":"!"}', b'{"bytes":"e30"}', b'{"bytes":"' + base64.b64encode(b"[1]") + b'"}']
)
def test_a_chunk_that_cannot_be_read_is_broken(payload: bytes) -> None:
    with pytest.raises(BrokenFrame, match="cannot be read"):
        decoded([frame(payload, event_type="chunk", message_type="event")])


def test_an_impossible_length_is_refused_before_it_is_waited_for() -> None:
    prelude = struct.pack("!II", 0x7FFFFFFF, 0)
    with pytest.raises(BrokenFrame, match="impossible lengths"):
        EventStreamDecoder().feed(prelude + struct.pack("!I", crc32(prelude)))


HEAD = b"HTTP/1.1 200 OK\r\ncontent-type: application/vnd.amazon.eventstream\r\nconnection: close\r\n\r\n"


async def streamed(*steps: Step) -> bytes:
    async with scripted([HEAD, *steps]) as upstream:
        base = upstream.base_url.removesuffix("/v1")
        one = Provider("b", base, ("anthropic",), "bearer", Secret("k"), kind="bedrock", options={"region": "r"})
        card = ModelCard("b/m", "b", "m", "mid", 1_000, 100, price_from_usd(1, 2))
        transport = DirectTransport(Timeouts())
        try:
            sent = await Endpoint(one, "anthropic").outgoing(card, b'{"model":"m"}', {}, stream=True)
            answer = await send(transport, sent, stream=True)
            return b"".join([piece async for piece in answer.chunks()])
        finally:
            await transport.close()


def test_a_stream_of_bedrock_arrives_as_one_of_anthropic() -> None:
    assert told(asyncio.run(streamed(WIRE[:50], 0.01, WIRE[50:]))) == [(event["type"], event) for event in EVENTS]


def test_a_stream_of_bedrock_that_is_cut_is_a_fault() -> None:
    with pytest.raises(UpstreamNotJson, match="ended inside a frame"):
        asyncio.run(streamed(WIRE[:-3]))
