"""Asking one model: every way in which an answer can fail has its name."""

import asyncio
import socket
import time
from collections.abc import Sequence
from pathlib import Path

import pytest

from baton.call.direct import DirectTransport
from baton.call.either import proxy_for
from baton.call.endpoint import Endpoint
from baton.call.http import HttpTransport
from baton.call.send import send
from baton.call.transport import Outgoing, Timeouts
from baton.testing.upstream import Step, event_stream, http_answer, scripted
from baton.types.card import Provider
from baton.types.errors import (
    UpstreamCut,
    UpstreamFault,
    UpstreamNotJson,
    UpstreamRefused,
    UpstreamStalled,
    UpstreamStatus,
    UpstreamTimeout,
)
from baton.types.secret import Secret

QUICK = Timeouts(connect_s=1.0, first_byte_s=0.2, between_bytes_s=0.2, total_s=5.0)


def outgoing(base_url: str) -> Outgoing:
    return Outgoing(f"{base_url}/chat/completions", {"content-type": "application/json"}, b"{}", "sim/m", "sim")


TransportType = type[DirectTransport] | type[HttpTransport]


@pytest.fixture(params=[DirectTransport, HttpTransport])
def kind(request: pytest.FixtureRequest) -> TransportType:
    """Every law holds for both transports."""
    found: TransportType = request.param
    return found


async def whole(kind: TransportType, script: Sequence[Step], *, stream: bool = False) -> bytes:
    async with scripted(script) as upstream:
        transport = kind(QUICK)
        try:
            return await (await send(transport, outgoing(upstream.base_url), stream=stream)).read(1_000)
        finally:
            await transport.close()


def test_a_whole_answer_comes_back_byte_for_byte(kind: TransportType) -> None:
    assert asyncio.run(whole(kind, http_answer(200, b'{"a": 1}'))) == b'{"a": 1}'


def test_a_stream_comes_back_byte_for_byte(kind: TransportType) -> None:
    assert (
        asyncio.run(whole(kind, event_stream(b"data: 1\n\n", 0.01, b"data: 2\n\n"), stream=True))
        == b"data: 1\n\ndata: 2\n\n"
    )


@pytest.mark.parametrize(
    ("script", "stream", "fault", "says"),
    [
        (http_answer(200, b"<html>", "text/html"), False, UpstreamNotJson, "'text/html'"),
        (http_answer(200, b"{}"), True, UpstreamNotJson, "instead of text/event-stream"),
        (http_answer(500, b'{"error": {}}'), False, UpstreamStatus, "status 500"),
        (http_answer(302, b"", "text/plain", "location: http://127.0.0.1:1/"), False, UpstreamStatus, "status 302"),
        (
            [b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: 9\r\n\r\n{"],
            False,
            UpstreamCut,
            "middle",
        ),
        (event_stream(b"data: 1\n\n", end=False), True, UpstreamCut, "middle"),
        ([], False, UpstreamCut, "without an answer"),
        ([b"SSH-2.0-x\r\n\r\n"], False, UpstreamNotJson, "HTTP"),
        ([1.0], False, UpstreamTimeout, "in time"),
        ([*event_stream(b"data: 1\n\n", 1.0)], True, UpstreamStalled, "nothing more for 0.2 s"),
        (http_answer(200, b"x" * 2_000), False, UpstreamNotJson, "more than 1000 bytes"),
    ],
)
def test_every_failure_is_a_named_fault(
    kind: TransportType, script: Sequence[Step], stream: bool, fault: type[UpstreamFault], says: str
) -> None:
    with pytest.raises(fault, match=says) as raised:
        asyncio.run(whole(kind, script, stream=stream))
    assert raised.value.model == "sim/m"
    assert type(raised.value) is fault


def test_a_refused_connection_is_named(kind: TransportType) -> None:
    async def ask() -> None:
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            address = f"http://127.0.0.1:{free.getsockname()[1]}/v1"
        transport = kind(QUICK)
        try:
            await send(transport, outgoing(address), stream=False)
        finally:
            await transport.close()

    with pytest.raises(UpstreamRefused, match="cannot be reached"):
        asyncio.run(ask())


@pytest.mark.parametrize(
    ("upstream", "caller"), [(400, 400), (401, 502), (403, 502), (429, 429), (500, 500), (529, 529)]
)
def test_an_error_status_is_mapped_for_the_caller(kind: TransportType, upstream: int, caller: int) -> None:
    body = b'{"error": {"message": "key sk-part is wrong"}}'
    with pytest.raises(UpstreamStatus) as raised:
        asyncio.run(whole(kind, http_answer(upstream, body, "application/json", "retry-after: 7")))
    fault = raised.value
    assert (fault.status, fault.upstream_status, fault.retry_after) == (caller, upstream, "7")
    assert (fault.body == b"") == (upstream in {401, 403}), "what quotes a key is not passed on"


def test_an_abort_is_seen_by_the_upstream(kind: TransportType) -> None:
    async def leave() -> None:
        async with scripted(event_stream(b"data: 1\n\n", 10.0)) as upstream:
            transport = kind(Timeouts())
            answer = await send(transport, outgoing(upstream.base_url), stream=True)
            async for _ in answer.chunks():
                break
            answer.abort()
            await asyncio.wait_for(upstream.left_early.wait(), 1.0)
            await transport.close()

    asyncio.run(leave())


@pytest.mark.parametrize(
    ("provider", "dialect", "url", "header"),
    [
        (
            Provider("o", "https://api.example/v1", api_key=Secret("k")),
            "openai-chat",
            "/v1/chat/completions",
            "authorization",
        ),
        (
            Provider("a", "https://api.example", ("anthropic",), "x-api-key", Secret("k")),
            "anthropic",
            "/v1/messages",
            "x-api-key",
        ),
        (
            Provider("s", "https://api.example/v1", ("anthropic",), "none"),
            "anthropic",
            "/v1/messages",
            "anthropic-version",
        ),
    ],
)
def test_an_endpoint_is_address_and_key_of_its_dialect(provider: Provider, dialect: str, url: str, header: str) -> None:
    endpoint = Endpoint(provider, dialect)  # type: ignore[arg-type]
    assert endpoint.address("m", stream=False) == f"https://api.example{url}"
    headers = endpoint.headers({"authorization": "Bearer of-the-caller", "x-api-key": "of-the-caller", "cookie": "c"})
    assert header in headers
    assert "of-the-caller" not in str(headers)
    assert "cookie" not in headers


def test_dialect_headers_and_those_that_the_config_names_are_passed_on() -> None:
    provider = Provider("a", "https://api.example", ("anthropic",), "none", forward_headers=("x-trace",))
    headers = Endpoint(provider, "anthropic").headers({"anthropic-beta": "b", "x-trace": "1", "x-other": "2"})
    assert (headers["anthropic-beta"], headers["x-trace"]) == ("b", "1")
    assert "x-other" not in headers


def test_proxies_come_from_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("https_proxy", "http://127.0.0.1:3128")
    monkeypatch.setenv("no_proxy", "localhost,.internal")
    assert proxy_for("https://api.example/v1") == "http://127.0.0.1:3128"
    assert proxy_for("https://models.internal/v1") is None
    assert proxy_for("http://localhost:11434/v1") is None


def test_a_kept_connection_is_used_again_and_a_closed_one_is_not(kind: TransportType) -> None:
    answer = b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: 2\r\n\r\n{}"

    async def ask() -> None:
        connections = 0

        async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            nonlocal connections
            connections += 1
            for _ in range(3):
                head = await reader.readuntil(b"\r\n\r\n")
                await reader.readexactly(2 if b"content-length: 2" in head.lower() else 0)
                writer.write(answer)
            writer.close()

        server = await asyncio.start_server(serve, "127.0.0.1", 0)
        transport = kind(QUICK)
        base_url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/v1"
        for _ in range(6):
            upstream = await send(transport, outgoing(base_url), stream=False)
            assert await upstream.read(100) == b"{}"
            await asyncio.sleep(0.01)
        assert connections == 2
        await transport.close()
        server.close()

    asyncio.run(ask())


def test_a_body_may_end_with_the_connection(kind: TransportType) -> None:
    script: list[Step] = [b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\n\r\n", 0.02, b'{"a"', 0.02, b": 1}"]
    assert asyncio.run(whole(kind, script)) == b'{"a": 1}'


def test_what_comes_before_the_answer_is_not_the_answer(kind: TransportType) -> None:
    script = [b"HTTP/1.1 103 Early Hints\r\nlink: x\r\n\r\n", 0.02, *http_answer(200, b"{}")]
    assert asyncio.run(whole(kind, script)) == b"{}"


def test_a_slow_reader_slows_the_model_down() -> None:
    async def read_slowly() -> None:
        big = b"x" * 100_000
        async with scripted(event_stream(*[big] * 100)) as upstream:
            transport = DirectTransport(Timeouts())
            answer = await send(transport, outgoing(upstream.base_url), stream=True)
            await asyncio.sleep(0.2)
            held = answer._connection._buffered  # type: ignore[attr-defined]
            assert held < 2_000_000
            assert sum([len(piece) async for piece in answer.chunks()]) == 10_000_000
            await transport.close()

    asyncio.run(read_slowly())


def test_a_header_cannot_smuggle_a_line(kind: TransportType) -> None:
    async def ask() -> None:
        async with scripted(http_answer(200, b"{}")) as upstream:
            transport = kind(QUICK)
            sent = Outgoing(f"{upstream.base_url}/x", {"x-trace": "a\r\nx-admin: 1"}, b"{}", "sim/m", "sim")
            try:
                await send(transport, sent, stream=False)
            finally:
                await transport.close()
                assert not any("x-admin" in one.headers for one in upstream.requests)

    with pytest.raises(UpstreamFault, match=r"could not be asked|cannot be asked"):
        asyncio.run(ask())


async def read_with(kind: TransportType, timeouts: Timeouts, script: Sequence[Step]) -> bytes:
    async with scripted(script) as upstream:
        transport = kind(timeouts)
        try:
            return await (await send(transport, outgoing(upstream.base_url), stream=True)).read(100_000)
        finally:
            await transport.close()


def test_a_drip_that_never_stalls_still_ends_in_time(kind: TransportType) -> None:
    drops: list[Step] = [b": drip\n\n", 0.05]
    drip = event_stream(*(drops * 60))
    begun = time.monotonic()
    with pytest.raises(UpstreamTimeout) as raised:
        asyncio.run(read_with(kind, Timeouts(total_s=0.4), drip))
    assert type(raised.value) is UpstreamTimeout
    assert time.monotonic() - begun < 2


def test_a_slow_start_is_measured_by_its_own_limit(kind: TransportType) -> None:
    slow: Sequence[Step] = [0.4, *event_stream(b"data: 1\n\n")]
    patient = Timeouts(first_byte_s=5.0, between_bytes_s=0.2)
    assert asyncio.run(read_with(kind, patient, slow)) == b"data: 1\n\n"


def open_files() -> int:
    return len(list(Path("/proc/self/fd").iterdir()))


def test_a_header_with_a_line_break_is_refused_before_a_connection_is_taken() -> None:
    async def main() -> None:
        async with scripted(http_answer(200, b"{}")) as upstream:
            transport = DirectTransport(QUICK)
            good = outgoing(upstream.base_url)
            bad = Outgoing(good.url, {"x-a": "1\r\nx-b: 2"}, b"{}", "sim/m", "sim")
            try:
                open_before = open_files()
                for _ in range(3):
                    with pytest.raises(UpstreamFault, match="line break"):
                        await send(transport, bad, stream=False)
                assert open_files() == open_before
                assert await (await send(transport, good, stream=False)).read(1_000) == b"{}"
                assert len(upstream.requests) == 1
            finally:
                await transport.close()

    asyncio.run(main())
