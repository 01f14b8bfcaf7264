"""The socket does what the plan says, to the byte, under asyncio and under uvloop."""

import asyncio
import sys
import time
from collections.abc import Awaitable, Callable, Iterator
from typing import TypeVar

import msgspec
import pytest

from baton.simulate.fleet import Fleet
from baton.simulate.http import MAX_BODY_BYTES
from baton.simulate.serve import Running, serve, serve_in_thread
from baton.simulate.workload.item import item
from tests.simulate.raw_http import ask, chat, connect, ends, messages, post, receive, wait_for

T = TypeVar("T")
CHAT, MESSAGES = "/v1/chat/completions", "/v1/messages"
ITEM = item(7, 2)
FLEET = Fleet()
LOOPS = ["asyncio"] if sys.platform == "win32" else ["asyncio", "uvloop"]


@pytest.fixture(scope="module")
def running() -> Iterator[Running]:
    with serve_in_thread(FLEET) as started:
        yield started


def on(loop: str, test: Callable[[Running], Awaitable[T]], time_scale: float = 0.0) -> T:
    """Run the test beside a server on that event loop."""
    factory = asyncio.new_event_loop
    if loop == "uvloop":
        import uvloop

        factory = uvloop.new_event_loop

    async def live() -> T:
        async with serve(FLEET, time_scale=time_scale) as started:
            return await test(started)

    with asyncio.Runner(loop_factory=factory) as runner:
        return runner.run(live())


# --- plain HTTP ------------------------------------------------------------------------------------


def test_a_connection_serves_many_requests(running: Running) -> None:
    with connect(running.port) as client:
        for index in range(20):
            client.sendall(post(CHAT, chat(item(7, index))))
            answer = receive(client)
            assert (answer.status, answer.headers["connection"]) == (200, "keep-alive")


def test_requests_sent_ahead_are_answered_in_order(running: Running) -> None:
    with connect(running.port) as client:
        client.sendall(b"".join(post(CHAT, chat(item(7, index), stream=True)) for index in range(5)))
        data = b""
        while data.count(b"data: [DONE]\n\n\r\n0\r\n\r\n") < 5:
            data += client.recv(65_536)
    assert data.count(b"HTTP/1.1 200") == 5


def test_a_body_comes_in_pieces_and_in_chunks(running: Running) -> None:
    body = chat(ITEM)
    head = f"POST {CHAT} HTTP/1.1\r\nhost: sim\r\ntransfer-encoding: chunked\r\n\r\n".encode()
    chunks = b"".join(b"%x\r\n%b\r\n" % (len(part), part) for part in (body[:7], body[7:])) + b"0\r\n\r\n"
    with connect(running.port) as client:
        for byte in (head + chunks)[:40], (head + chunks)[40:200], (head + chunks)[200:]:
            client.sendall(byte)
        assert receive(client).status == 200


def test_continue_is_said_before_the_body_is_sent(running: Running) -> None:
    body = chat(ITEM)
    with connect(running.port) as client:
        client.sendall(
            post(CHAT, b"", {"expect": "100-continue"}).replace(b"content-length: 0", b"content-length: %d" % len(body))
        )
        assert client.recv(100) == b"HTTP/1.1 100 Continue\r\n\r\n"
        client.sendall(body)
        assert receive(client).status == 200


def test_a_body_of_forty_mebibytes_is_read(running: Running) -> None:
    body = msgspec.json.encode({"model": "sim-nano", "messages": [{"role": "user", "content": "x" * (40 << 20)}]})
    answer = ask(running.port, post(CHAT, body), silence_s=5)
    assert answer.status == 400
    assert b"context window" in answer.body


@pytest.mark.slow
def test_a_body_over_the_limit_is_refused_and_the_connection_lives(running: Running) -> None:
    with connect(running.port) as client:
        client.sendall(post(MESSAGES, b"x" * (MAX_BODY_BYTES + 1)))
        answer = receive(client)
        assert answer.status == 413
        assert msgspec.json.decode(answer.body)["error"]["type"] == "request_too_large"
        client.sendall(post(CHAT, chat(ITEM)))
        assert receive(client).status == 200


@pytest.mark.parametrize(
    "garbage",
    [
        b"HELLO\r\n\r\n",
        b"\x16\x03\x01\x02\x00",
        b"GET / HTTP/9.9\r\n\r\n",
        b"POST / HTTP/1.1\r\ncontent-length: 3\r\ncontent-length: 4\r\n\r\n",
    ],
)
def test_what_is_not_http_gets_a_400_and_the_end(running: Running, garbage: bytes) -> None:
    with connect(running.port) as client:
        client.sendall(garbage)
        assert receive(client).status == 400
        assert ends(client) == "closed"


def test_old_clients_get_a_stream_that_ends_with_the_connection(running: Running) -> None:
    answer = ask(running.port, post(CHAT, chat(ITEM, stream=True), version="1.0"))
    assert "transfer-encoding" not in answer.headers
    assert answer.body.endswith(b"data: [DONE]\n\n")
    assert answer.ended == "closed"


def test_an_upgrade_is_not_taken_and_the_request_is_answered(running: Running) -> None:
    wish = {"connection": "Upgrade, HTTP2-Settings", "upgrade": "h2c", "http2-settings": "x"}
    lines = "".join(f"{name}: {value}\r\n" for name, value in wish.items())
    request = f"GET /health HTTP/1.1\r\nhost: sim\r\n{lines}\r\n"
    assert ask(running.port, request.encode()).status == 200


def test_a_head_request_gets_no_body(running: Running) -> None:
    with connect(running.port, 0.3) as client:
        client.sendall(b"HEAD /health HTTP/1.1\r\nhost: sim\r\n\r\n")
        assert client.recv(65_536).endswith(b"\r\n\r\n")
        assert ends(client) == "open"


def test_a_client_that_asks_to_close_is_closed(running: Running) -> None:
    answer = ask(running.port, post(CHAT, chat(ITEM), {"connection": "close"}))
    assert answer.headers["connection"] == "close"


@pytest.mark.parametrize("loop", LOOPS)
def test_a_slow_reader_gets_everything(loop: str) -> None:
    wanted = 600  # some megabytes: more than the buffers between the two hold

    def read_late(port: int) -> bytes:
        with connect(port) as client:
            client.sendall(b"".join(post(CHAT, chat(ITEM, stream=True)) for _ in range(wanted)))
            time.sleep(0.2)
            data = bytearray()
            while not (data.endswith(b"\r\n0\r\n\r\n") and data.count(b"data: [DONE]") == wanted):
                data += client.recv(1 << 20)
            return bytes(data)

    async def test(running: Running) -> bytes:
        return await asyncio.to_thread(read_late, running.port)

    assert on(loop, test).count(b"HTTP/1.1 200") == wanted


# --- faults on the socket --------------------------------------------------------------------------


@pytest.mark.parametrize("loop", LOOPS)
@pytest.mark.parametrize("framing", ["chunked", "close", "length"])
@pytest.mark.parametrize(("kind", "ended"), [("cut", "closed"), ("reset", "reset")])
@pytest.mark.parametrize("at", [0, 1, 333])
def test_a_stream_breaks_off_at_the_byte(loop: str, framing: str, kind: str, ended: str, at: int) -> None:
    fault = {"x-sim-fault": f"{kind}@{at};framing={framing}", "x-sim-attempt": "0"}

    async def test(running: Running) -> None:
        sound = await asyncio.to_thread(ask, running.port, post(CHAT, chat(ITEM, stream=True)))
        answer = await asyncio.to_thread(ask, running.port, post(CHAT, chat(ITEM, stream=True), fault))
        assert sound.whole
        assert answer.body == sound.body[:at]
        assert (answer.status, answer.ended, answer.whole) == (200, ended, False)
        _, entry = running.journal.since().entries
        assert (entry.ending, entry.sent_bytes) == ("fault", at)

    on(loop, test)


def test_a_whole_answer_is_cut_short_of_its_length(running: Running) -> None:
    answer = ask(running.port, post(MESSAGES, messages(ITEM), {"x-sim-fault": "cut@40"}))
    assert len(answer.body) == 40
    assert int(answer.headers["content-length"]) > 40
    assert answer.ended == "closed"


@pytest.mark.parametrize("path", [CHAT, MESSAGES])
def test_an_unfinished_stream_ends_properly_without_its_end(running: Running, path: str) -> None:
    body = chat(ITEM, stream=True) if path == CHAT else messages(ITEM, stream=True)
    answer = ask(running.port, post(path, body, {"x-sim-fault": "unfinished@5e"}))
    assert answer.whole
    assert answer.body.count(b"data: ") == 5
    assert b'"finish_reason":"' not in answer.body
    assert b"[DONE]" not in answer.body
    assert b"message_stop" not in answer.body


@pytest.mark.parametrize(("path", "marker"), [(CHAT, b'data: {"error":'), (MESSAGES, b"event: error\ndata: ")])
def test_an_error_event_comes_inside_the_stream(running: Running, path: str, marker: bytes) -> None:
    body = chat(ITEM, stream=True) if path == CHAT else messages(ITEM, stream=True)
    answer = ask(running.port, post(path, body, {"x-sim-fault": "error@3e"}))
    assert answer.status == 200
    assert answer.whole
    events = answer.body.split(b"\n\n")[:-1]
    assert len(events) == 4
    assert (events[-1] + b"\n\n").startswith(marker)


@pytest.mark.parametrize("fault", ["html", "empty", "garbage"])
@pytest.mark.parametrize("stream", [False, True])
def test_a_200_that_is_no_answer(running: Running, fault: str, stream: bool) -> None:
    answer = ask(running.port, post(CHAT, chat(ITEM, stream=stream), {"x-sim-fault": fault}))
    assert (answer.status, answer.whole) == (200, True)
    assert answer.headers["x-baton-simulated"] == "true"
    if fault == "empty":
        assert answer.body == b""
    else:
        with pytest.raises(msgspec.DecodeError):
            msgspec.json.decode(answer.body)
    assert (answer.headers["content-type"] == "text/html") == (fault == "html")


def test_a_stall_is_silence_and_then_the_rest(running: Running) -> None:
    body = chat(ITEM, stream=True)
    with connect(running.port, 0.15) as client:
        client.sendall(post(CHAT, body, {"x-sim-fault": "stall@200;seconds=0.5", "x-sim-attempt": "0"}))
        first = receive(client)
        assert (len(first.body), first.ended, first.whole) == (200, "open", False)
        client.settimeout(2)
        rest = b""
        while not rest.endswith(b"0\r\n\r\n"):
            rest += client.recv(65_536)
    assert b"[DONE]" in rest


def test_slow_is_silence_before_the_status_line(running: Running) -> None:
    with connect(running.port, 0.15) as client:
        client.sendall(post(CHAT, chat(ITEM), {"x-sim-fault": "slow;seconds=0.3"}))
        assert receive(client).status == 0
        client.settimeout(2)
        assert receive(client).status == 200


# --- clients that leave ----------------------------------------------------------------------------


@pytest.mark.parametrize("loop", LOOPS)
@pytest.mark.parametrize("stream", [True, False])
def test_a_client_that_leaves_is_noticed_within_a_tenth_of_a_second(loop: str, stream: bool) -> None:
    async def test(running: Running) -> None:
        reader, writer = await asyncio.open_connection("127.0.0.1", running.port)
        writer.write(post(CHAT, chat(ITEM, "sim-local-7b", stream=stream)))
        if stream:
            await reader.readuntil(b"data: ")
        else:
            await asyncio.sleep(0.05)
        left_at = asyncio.get_running_loop().time()
        writer.close()
        await writer.wait_closed()
        while not running.journal.since().entries:
            await asyncio.sleep(0.005)
            assert asyncio.get_running_loop().time() < left_at + 0.1
        (entry,) = running.journal.since().entries
        assert entry.ending == "cancelled"
        assert (entry.sent_bytes > 0) == stream

    on(loop, test, time_scale=1.0)


def test_a_client_that_leaves_during_a_stall_is_cancelled(running: Running) -> None:
    before = running.journal.since().next
    with connect(running.port, 0.1) as client:
        client.sendall(post(CHAT, chat(ITEM, stream=True), {"x-sim-fault": "stall@9"}))
        receive(client)
    wait_for(lambda: running.journal.since(before).entries)
    (entry,) = running.journal.since(before).entries
    assert (entry.ending, entry.fault, entry.sent_bytes) == ("cancelled", "stall", 9)


@pytest.mark.parametrize("loop", LOOPS)
def test_stopping_the_server_cancels_what_is_under_way(loop: str) -> None:
    async def test(running: Running) -> Running:
        _, writer = await asyncio.open_connection("127.0.0.1", running.port)
        writer.write(post(CHAT, chat(ITEM, stream=True)))
        await asyncio.sleep(0.05)
        writer.close()
        return running

    running = on(loop, test, time_scale=50.0)
    assert [entry.ending for entry in running.journal.since().entries] == ["cancelled"]


def test_a_taken_port_is_an_error_of_the_system(running: Running) -> None:
    with pytest.raises(OSError, match="address already in use"), serve_in_thread(FLEET, port=running.port):
        pass


def test_latency_is_the_models_own_scaled() -> None:
    async def test(running: Running) -> float:
        started = asyncio.get_running_loop().time()
        await asyncio.to_thread(ask, running.port, post(CHAT, chat(ITEM, model="sim-nano")), silence_s=5)
        return asyncio.get_running_loop().time() - started

    took = on("asyncio", test, time_scale=0.5)
    assert 0.08 < took < 1.0
