"""A connection and its requests: bodies in pieces, requests one behind the other, idle times, callers who leave."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from pathlib import Path

import pytest

from baton.server.strict import StrictProtocol
from baton.testing.upstream import Step, event_stream, http_answer
from tests.server.gateway import Gateway, gateway
from tests.server.test_server_strict import ANSWER, BODY, message

HEAD = b"host: x\r\ncontent-length: %d" % len(BODY)
CHUNK = b'data: {"choices":[{"delta":{"content":"a"}}]}\n\n'
LAST = b'data: {"choices":[{"delta":{},"finish_reason":"stop"}]}\n\ndata: [DONE]\n\n'

Talk = Callable[[Gateway, asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]


def talk(folder: Path, what: Talk, *scripts: Sequence[Step]) -> None:
    async def main() -> None:
        async with gateway(folder, *(scripts or (http_answer(200, ANSWER),))) as found:
            host, port = found.url.removeprefix("http://").split(":")
            reader, writer = await asyncio.open_connection(host, int(port))
            async with asyncio.timeout(10.0):
                await what(found, reader, writer)
            writer.close()

    asyncio.run(main())


async def answer_of(reader: asyncio.StreamReader) -> tuple[bytes, bytes]:
    head = await reader.readuntil(b"\r\n\r\n")
    length = next(line for line in head.split(b"\r\n") if line.startswith(b"content-length:"))
    return head, await reader.readexactly(int(length.split(b":")[1]))


async def until_asked(found: Gateway) -> None:
    for _ in range(10_000):
        if found.upstream.requests:
            return
        await asyncio.sleep(0)
    pytest.fail("the model was not asked")


async def until_written(found: Gateway, what: bytes) -> None:
    while what not in found.house.ledger.metrics():
        await asyncio.sleep(0.02)
        found.house.ledger.flush()


@pytest.mark.parametrize("cuts", [(0,), (1,), (10, 30), (len(BODY) - 1,)])
def test_a_body_may_come_in_pieces(tmp_path: Path, cuts: tuple[int, ...]) -> None:
    async def what(found: Gateway, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(message(HEAD, b""))
        for begin, end in zip((0, *cuts), (*cuts, len(BODY)), strict=True):
            await asyncio.sleep(0.03)
            writer.write(BODY[begin:end])
        head, _ = await answer_of(reader)
        assert head.startswith(b"HTTP/1.1 200 ")
        assert b'"content":"hi"' in found.upstream.requests[0].body

    talk(tmp_path, what)


def test_requests_one_behind_the_other_are_answered_in_their_order(tmp_path: Path) -> None:
    async def what(found: Gateway, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        bodies = [BODY.replace(b"hi", b"%d" % number) for number in range(10, 20)]
        writer.write(b"".join(message(HEAD, one) for one in bodies))
        for _ in bodies:
            assert (await answer_of(reader))[0].startswith(b"HTTP/1.1 200 ")
        texts = [b'"content":"%d"' % number for number in range(10, 20)]
        assert all(text in one.body for text, one in zip(texts, found.upstream.requests, strict=True))

    talk(tmp_path, what)


def test_who_leaves_with_a_second_request_waiting_cancels_the_first(tmp_path: Path) -> None:
    async def what(found: Gateway, _reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(message(HEAD) + message(HEAD))
        await until_asked(found)
        await asyncio.sleep(0.05)
        writer.close()
        await asyncio.wait_for(found.upstream.left_early.wait(), 0.5)
        await until_written(found, b'outcome="cancelled"')
        assert len(found.upstream.requests) == 1

    talk(tmp_path, what, [30.0])


def test_a_caller_who_leaves_at_once_is_noted_and_paid_for(tmp_path: Path) -> None:
    async def what(found: Gateway, _reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(message(HEAD))
        await writer.drain()
        await until_asked(found)
        writer.close()
        await until_written(found, b'outcome="cancelled"')

    talk(tmp_path, what, [30.0])


def test_a_connection_that_lies_idle_is_closed_and_one_in_use_is_not(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = StrictProtocol.connection_made

    def impatient(self: StrictProtocol, transport: asyncio.Transport) -> None:
        made(self, transport)
        self.timeout_keep_alive = 0.3  # type: ignore[assignment]

    monkeypatch.setattr(StrictProtocol, "connection_made", impatient)

    async def what(found: Gateway, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        for _ in range(4):
            writer.write(b"GET /livez HTTP/1.1\r\nhost: x\r\n\r\n")
            assert (await answer_of(reader))[0].startswith(b"HTTP/1.1 200 ")
            await asyncio.sleep(0.2)
        writer.write(message(HEAD))
        assert (await answer_of(reader))[0].startswith(b"HTTP/1.1 200 ")  # 0.6 s, which is no idle time
        idle_since = asyncio.get_running_loop().time()
        assert await reader.read() == b""
        assert 0.2 < asyncio.get_running_loop().time() - idle_since < 2.0
        assert len(found.upstream.requests) == 1

    talk(tmp_path, what, [0.6, *http_answer(200, ANSWER)])


def test_head_is_answered_without_a_body(tmp_path: Path) -> None:
    async def what(_found: Gateway, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"HEAD /livez HTTP/1.1\r\nhost: x\r\n\r\n")
        writer.write(b"GET /livez HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n")
        told = await reader.read()
        first, second, body = told.split(b"\r\n\r\n")
        assert b"content-length: %d" % len(body) in first
        assert second.startswith(b"HTTP/1.1 200 OK")
        assert b"connection: close" in second
        assert body == b'{"status":"ok"}'

    talk(tmp_path, what)


def test_the_head_of_a_stream_comes_with_its_first_piece_and_the_rest_as_it_is_made(tmp_path: Path) -> None:
    async def what(_found: Gateway, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        body = BODY[:-1] + b',"stream":true}'
        writer.write(message(b"host: x\r\ncontent-length: %d" % len(body), body))
        first = await reader.read(65_536)
        assert b"\r\n\r\n%x\r\ndata: " % len(CHUNK) in first
        rest = await reader.readuntil(b"0\r\n\r\n")
        assert b"[DONE]" in rest
        writer.write(b"GET /livez HTTP/1.1\r\nhost: x\r\n\r\n")
        assert (await answer_of(reader))[0].startswith(b"HTTP/1.1 200 ")

    talk(tmp_path, what, event_stream(CHUNK, 0.1, LAST))


def test_a_caller_who_expects_to_be_told_is_told_once(tmp_path: Path) -> None:
    async def what(_found: Gateway, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(message(HEAD + b"\r\nexpect: 100-continue", b""))
        assert await reader.readuntil(b"\r\n\r\n") == b"HTTP/1.1 100 Continue\r\n\r\n"
        writer.write(BODY)
        assert (await answer_of(reader))[0].startswith(b"HTTP/1.1 200 ")

    talk(tmp_path, what)


def test_a_caller_who_does_not_read_slows_the_stream_down(tmp_path: Path) -> None:
    """What nobody takes waits at the model, not in the gateway."""
    big = CHUNK.replace(b'"a"', b'"' + b"a" * 60_000 + b'"')

    async def what(found: Gateway, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        body = BODY[:-1] + b',"stream":true}'
        writer.write(message(b"host: x\r\ncontent-length: %d" % len(body), body))
        await asyncio.sleep(0.7)
        found.house.ledger.flush()
        assert b'outcome="ok"' not in found.house.ledger.metrics()  # else it would all lie in the gateway
        told = b""
        while b"[DONE]" not in told[-500:]:
            told += await reader.read(1_000_000)
        assert told.count(b"a" * 60_000) == 300
        await until_written(found, b'outcome="ok"')

    talk(tmp_path, what, event_stream(*([big] * 300), LAST))
