"""One meaning for every message: what two servers could read differently is refused, and nothing of it goes upstream."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from pathlib import Path

import pytest

from baton.server import strict
from baton.testing.upstream import Step, event_stream, http_answer
from tests.server.gateway import Gateway, gateway, raw_exchange

ANSWER = (
    b'{"choices":[{"message":{"role":"assistant","content":"x"},"finish_reason":"stop"}],'
    b'"usage":{"prompt_tokens":1,"completion_tokens":1}}'
)
BODY = b'{"model":"sim/nano","messages":[{"role":"user","content":"hi"}]}'
LENGTH = b"content-length: %d" % len(BODY)
CODED = b"host: x\r\ntransfer-encoding: chunked"
PATH = b"/v1/chat/completions"


def message(head: bytes, body: bytes = BODY, line: bytes = b"POST " + PATH + b" HTTP/1.1") -> bytes:
    return line + b"\r\n" + head + b"\r\n\r\n" + body


def chunks(size: bytes = b"%x" % len(BODY), end: bytes = b"\r\n", trailer: bytes = b"") -> bytes:
    return size + end + BODY + end + b"0" + end + trailer + end


def exchanged(folder: Path, *requests: bytes) -> tuple[list[bytes], Gateway]:
    async def main() -> tuple[list[bytes], Gateway]:
        async with gateway(folder, http_answer(200, ANSWER)) as found:
            return [await raw_exchange(found.url, one, read_s=2.0) for one in requests], found

    return asyncio.run(main())


REFUSED = {
    "both lengths": message(b"host: x\r\n" + LENGTH + b"\r\ntransfer-encoding: chunked", chunks()),
    "both lengths, the other way": message(CODED + b"\r\n" + LENGTH, chunks()),
    "two lengths": message(b"host: x\r\n" + LENGTH + b"\r\n" + LENGTH),
    "two lengths that differ": message(b"host: x\r\n" + LENGTH + b"\r\ncontent-length: 1"),
    "a list of lengths": message(b"host: x\r\ncontent-length: 64, 64"),
    "a signed length": message(b"host: x\r\ncontent-length: +64"),
    "a length below nothing": message(b"host: x\r\ncontent-length: -1"),
    "a length in hex": message(b"host: x\r\ncontent-length: 0x40"),
    "a length beyond all numbers": message(b"host: x\r\ncontent-length: 99999999999999999999999"),
    "a space before the colon": message(b"host: x\r\ncontent-length : 64"),
    "a folded line": message(b"host: x\r\nx-a: b\r\n c\r\n" + LENGTH),
    "a folded coding": message(b"host: x\r\ntransfer-encoding:\r\n chunked", chunks()),
    "an unknown coding": message(b"host: x\r\ntransfer-encoding: xchunked", chunks()),
    "a coding after chunked": message(b"host: x\r\ntransfer-encoding: chunked, identity", chunks()),
    "a coding before chunked": message(b"host: x\r\ntransfer-encoding: gzip, chunked", chunks()),
    "two codings": message(CODED + b"\r\ntransfer-encoding: chunked", chunks()),
    "a coding behind a vertical tab": message(b"host: x\r\ntransfer-encoding:\x0bchunked", chunks()),
    "a coding in HTTP/1.0": message(CODED, chunks(), b"POST " + PATH + b" HTTP/1.0"),
    "a chunk size with 0x": message(CODED, chunks(b"0x40")),
    "a chunk size with a sign": message(CODED, chunks(b"+40")),
    "a chunk size below nothing": message(CODED, chunks(b"-40")),
    "a chunk size beyond all numbers": message(CODED, chunks(b"FFFFFFFFFFFFFFFFF")),
    "a chunk size and a space": message(CODED, chunks(b"40 ")),
    "a chunk size and a line feed": message(CODED, chunks(b"40;a=b\nX")),
    "a chunk shorter than it is": message(CODED, chunks(b"3")),
    "chunks ended by line feeds": message(CODED, chunks(end=b"\n")),
    "lines ended by line feeds": message(b"host: x\r\n" + LENGTH).replace(b"\r\n", b"\n"),
    "a carriage return in a header": message(b"host: x\r\nx-a: b\rx-c: d\r\n" + LENGTH),
    "a zero byte in a header": message(b"host: x\r\nx-a: b\x00c\r\n" + LENGTH),
    "a control character in a header": message(b"host: x\r\nx-a: b\x01c\r\n" + LENGTH),
    "a zero byte in a name": message(b"host: x\r\nx\x00a: b\r\n" + LENGTH),
    "a first header behind a space": message(b" host: x\r\n" + LENGTH),
    "a header without a colon": message(b"host: x\r\nfoo\r\n" + LENGTH),
    "a header without a name": message(b"host: x\r\n: foo\r\n" + LENGTH),
    "no host": message(LENGTH),
    "two hosts": message(b"host: x\r\nhost: y\r\n" + LENGTH),
    "two keys": message(b"host: x\r\nauthorization: Bearer a\r\nAuthorization: Bearer b\r\n" + LENGTH),
    "two keys of another name": message(b"host: x\r\nx-api-key: a\r\nx-api-key: b\r\n" + LENGTH),
    "two content types": message(b"host: x\r\ncontent-type: a/b\r\ncontent-type: c/d\r\n" + LENGTH),
    "another version": message(b"host: x\r\n" + LENGTH, BODY, b"POST " + PATH + b" HTTP/2.0"),
    "an upgrade": message(b"host: x\r\nconnection: upgrade\r\nupgrade: h2c\r\n" + LENGTH),
    "a tunnel": message(b"host: x", b"", b"CONNECT evil.example:80 HTTP/1.1"),
    "a path that is not ASCII": message(b"host: x\r\n" + LENGTH, BODY, b"POST /v1/ch\xc3\xa4t HTTP/1.1"),
    "no HTTP at all": b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03",
}


@pytest.mark.parametrize("name", REFUSED)
def test_what_can_be_read_in_two_ways_is_refused(tmp_path: Path, name: str) -> None:
    [told], found = exchanged(tmp_path, REFUSED[name])
    assert told.startswith(b"HTTP/1.1 400 Bad Request\r\n")
    assert told.count(b"HTTP/1.1 400") == 1
    assert b"connection: close" in told
    assert found.upstream.requests == []


@pytest.mark.parametrize(
    "request_",
    [
        message(b"host: x\r\n" + LENGTH),
        message(CODED, chunks()),
        message(CODED, chunks(b"40;name=value")),
        message(CODED.replace(b"chunked", b"Chunked"), chunks()),
        message(b"host: x\r\nx-a: b\r\nx-a: c\r\n" + LENGTH),
        message(b"host: x\r\nx-umlaut: \xfc\r\n" + LENGTH),
        message(LENGTH, BODY, b"POST " + PATH + b" HTTP/1.0"),
        message(b"host: x\r\nexpect: 100-continue\r\n" + LENGTH),
        message(b"host: x\r\n" + LENGTH, BODY, b"POST http://x" + PATH + b" HTTP/1.1"),
    ],
)
def test_what_has_one_meaning_is_served(tmp_path: Path, request_: bytes) -> None:
    [told], found = exchanged(tmp_path, request_)
    assert b"HTTP/1.1 200 OK\r\n" in told or told.startswith(b"HTTP/1.1 100 Continue")
    assert len(found.upstream.requests) == 1


def test_a_trailer_is_no_header(tmp_path: Path) -> None:
    evil = b"x-baton-task-type: no-such-type\r\nauthorization: Bearer evil\r\n"
    [told], _ = exchanged(tmp_path, message(CODED, chunks(trailer=evil)))
    assert told.startswith(b"HTTP/1.1 200 OK")


@pytest.mark.parametrize(
    "request_",
    [
        message(b"host: x\r\n" + b"".join(b"x-%d: a\r\n" % number for number in range(strict.MAX_HEADERS)) + LENGTH),
        message(b"host: x\r\nx-a: " + b"a" * strict.MAX_HEAD_BYTES + b"\r\n" + LENGTH),
        b"GET /" + b"a" * 2 * strict.MAX_HEAD_BYTES,
        b"GET / HTTP/1.1\r\n" + b"x" * 10 * strict.MAX_HEAD_BYTES,
        message(CODED, chunks(trailer=b"x: " + b"a" * strict.MAX_HEAD_BYTES + b"\r\n")),
    ],
    ids=["many", "long", "path without end", "name without end", "trailer"],
)
def test_a_head_has_a_bounded_size(tmp_path: Path, request_: bytes) -> None:
    [told], found = exchanged(tmp_path, request_)
    assert told.startswith(b"HTTP/1.1 431 ")
    assert found.upstream.requests == []


def on_a_gateway(folder: Path, script: Sequence[Step], what: Callable[[Gateway], Awaitable[None]]) -> None:
    async def main() -> None:
        async with gateway(folder, script) as found:
            await what(found)

    asyncio.run(main())


def test_a_head_that_never_ends_is_given_up(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(strict, "HEAD_S", 0.2)

    async def what(found: Gateway) -> None:
        for begun in (b"", b"GET / HTTP/1.1\r\nhost:", b"GET / HTTP/1.1\r\nhost: x\r\n\r\nGET / HT"):
            told = await raw_exchange(found.url, begun, read_s=3.0)
            if begun.endswith(b"HT"):
                assert told.startswith(b"HTTP/1.1 200 OK")
            else:
                assert told.startswith(b"HTTP/1.1 408 ")

    on_a_gateway(tmp_path, [], what)


def test_garbage_behind_a_request_is_never_written_into_its_stream(tmp_path: Path) -> None:
    chunk = b'data: {"choices":[{"delta":{"content":"a"}}]}\n\n'

    async def what(found: Gateway) -> None:
        host, port = found.url.removeprefix("http://").split(":")
        reader, writer = await asyncio.open_connection(host, int(port))
        body = BODY[:-1] + b',"stream":true}'
        writer.write(message(b"host: x\r\ncontent-length: %d" % len(body), body))
        told = await reader.readuntil(b'"a"')
        writer.write(b"\x00garbage\r\n\r\n")
        told += await reader.read()
        assert told.count(b"HTTP/1.1 ") == 1
        assert b"Invalid HTTP" not in told
        writer.close()

    on_a_gateway(tmp_path, event_stream(chunk, 1.0, chunk), what)


@pytest.mark.parametrize("coding", [b"gzip", b"br", b"deflate, gzip", b"zstd"])
def test_a_compressed_body_is_refused_unread(tmp_path: Path, coding: bytes) -> None:
    [told], found = exchanged(tmp_path, message(b"host: x\r\ncontent-encoding: " + coding + b"\r\n" + LENGTH))
    assert told.startswith(b"HTTP/1.1 415 ")
    assert b'"code":"body_encoded"' in told
    assert found.upstream.requests == []


@pytest.mark.parametrize("value", [b"a\x7fb", b"a\x01b", b"a\r\n b", b"a\rb"])
def test_a_header_of_a_provider_that_is_none_breaks_nothing(tmp_path: Path, value: bytes) -> None:
    body = b'{"model":"sim/nano","input":"x"}'
    head = b"HTTP/1.1 200 OK\r\ncontent-type: audio/mpeg\r\ncontent-disposition: " + value
    script: list[Step] = [head + b"\r\ncontent-length: 2\r\nconnection: close\r\n\r\n{}"]

    async def what(found: Gateway) -> None:
        asked = b"POST /v1/audio/speech HTTP/1.1\r\nhost: x\r\ncontent-type: application/json\r\n"
        told = await raw_exchange(found.url, asked + b"content-length: %d\r\n\r\n" % len(body) + body)
        assert told.startswith(b"HTTP/1.1 502 ")
        assert b'"code":"upstream_not_json"' in told

    on_a_gateway(tmp_path, script, what)
