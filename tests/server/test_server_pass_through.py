"""What is passed through, by OpenAI's own SDK: bytes there and back, usage metered, every end recorded."""

import asyncio
import base64
import json
import sqlite3
from collections.abc import Coroutine
from pathlib import Path
from typing import Any

import aiohttp
import msgspec
import openai
import pytest
from hypothesis import given
from hypothesis import strategies as st

from baton.config.schema import KeyConfig
from baton.protocol.multipart import field_span
from baton.protocol.usage import usage_in_events, usage_of
from baton.testing.upstream import Step, event_stream, http_answer
from baton.types.errors import MalformedBody
from baton.types.money import Usage
from baton.types.secret import Secret

from .gateway import Gateway, gateway, raw_exchange

VECTOR = {
    "object": "list",
    "model": "embed-1",
    "data": [{"object": "embedding", "index": 0, "embedding": [0.5, -1.0]}],
    "usage": {"prompt_tokens": 1_000, "total_tokens": 1_000},
}
FILE = {
    "id": "file-1", "object": "file", "bytes": 3, "created_at": 1, "filename": "a.jsonl", "purpose": "batch",
    "status": "processed",
}  # fmt: skip


def run(work: Coroutine[Any, Any, None]) -> None:
    asyncio.run(work)


def answer(value: Any) -> Any:
    return http_answer(200, json.dumps(value).encode())


def sdk(gate: Gateway, key: str = "k") -> openai.AsyncOpenAI:
    return openai.AsyncOpenAI(base_url=f"{gate.url}/v1", api_key=key, max_retries=0)


def rows(gate: Gateway) -> list[dict[str, Any]]:
    gate.house.ledger.flush()
    with sqlite3.connect(gate.house.ledger.path) as connection:
        connection.row_factory = sqlite3.Row
        return [dict(row) for row in connection.execute("SELECT * FROM requests ORDER BY sequence")]


def test_embeddings_are_metered_by_the_card_of_their_model(tmp_path: Path) -> None:
    async def work() -> None:
        async with gateway(tmp_path, answer(VECTOR)) as gate, sdk(gate) as client:
            reply = await client.embeddings.with_raw_response.create(
                model="sim/mid", input="hi", encoding_format="float", extra_body={"baton": {"task_id": "t-1"}}
            )
            assert reply.parse().data[0].embedding == [0.5, -1.0]
            assert reply.headers["x-baton-model"] == "sim/mid"
            assert reply.headers["x-baton-cost-usd"] == "0.001"
            assert "x-baton-baseline-cost-usd" not in reply.headers
            sent = gate.upstream.requests[0]
            assert (sent.path, sent.method) == ("/v1/embeddings", "POST")
            assert json.loads(sent.body) == {"model": "mid", "input": "hi", "encoding_format": "float"}
            assert "authorization" not in sent.headers, "the caller's key stays here"
            (row,) = rows(gate)
            assert (row["ending"], row["task_id"], row["task_type"]) == ("ok", "t-1", "embeddings")
            assert (row["input_tokens"], row["output_tokens"], row["cost"]) == (1_000, 0, 1_000_000)

    run(work())


def test_a_model_without_a_card_goes_to_the_provider_before_the_slash(tmp_path: Path) -> None:
    async def work() -> None:
        async with gateway(tmp_path, answer(VECTOR)) as gate:
            body = b'{"model":"sim/org/embed-1", "input" : [1,  2]}'
            async with aiohttp.ClientSession() as session:
                async with session.post(f"{gate.url}/v1/embeddings?x=1", data=body) as reply:
                    assert reply.status == 200
                    assert reply.headers["x-baton-model"] == "sim/org/embed-1"
                    assert "x-baton-cost-usd" not in reply.headers, "no price is known"
                async with session.post(f"{gate.url}/v1/embeddings", data=b'{"model":"bare", "input":1}') as reply:
                    assert reply.headers["x-baton-model"] == "sim/bare"
            first, second = gate.upstream.requests
            assert (first.path, first.body) == ("/v1/embeddings?x=1", b'{"model":"org/embed-1","input":[1,  2]}')
            assert second.body == b'{"model":"bare", "input":1}', "what needs no change is not touched"

    run(work())


def test_images_and_moderations_come_back_as_they_are(tmp_path: Path) -> None:
    picture = {
        "created": 1,
        "data": [{"b64_json": base64.b64encode(b"png").decode()}],
        "usage": {"input_tokens": 10, "output_tokens": 90, "total_tokens": 100},
    }
    verdict = {"id": "m", "model": "omni", "results": []}

    async def work() -> None:
        async with gateway(tmp_path, answer(picture), answer(picture), answer(verdict)) as gate, sdk(gate) as client:
            made = await client.images.generate(model="sim/mid", prompt="a cat")
            assert made.data is not None
            assert made.data[0].b64_json == picture["data"][0]["b64_json"]  # type: ignore[index]
            await client.images.edit(model="sim/mid", image=("a.png", b"\x89PNG\r\n\x00", "image/png"), prompt="a dog")
            assert (await client.moderations.create(input="x")).results == []
            edit = gate.upstream.requests[1]
            assert b'name="model"\r\n\r\nmid\r\n' in edit.body
            assert b"\x89PNG\r\n\x00" in edit.body
            assert edit.headers["content-type"].startswith("multipart/form-data; boundary=")
            assert [row["output_tokens"] for row in rows(gate)] == [90, 90, 0]
            assert [request.path for request in gate.upstream.requests] == [
                "/v1/images/generations", "/v1/images/edits", "/v1/moderations",
            ]  # fmt: skip

    run(work())


def test_speech_arrives_as_bytes_while_it_is_made(tmp_path: Path) -> None:
    sound = bytes(range(256)) * 40
    head = b"HTTP/1.1 200 OK\r\ncontent-type: audio/mpeg\r\ntransfer-encoding: chunked\r\n\r\n"
    chunks = [b"%x\r\n%s\r\n" % (len(piece), piece) for piece in (sound[:5_000], sound[5_000:])]

    async def work() -> None:
        script: list[Step] = [head, chunks[0], 0.05, chunks[1], b"0\r\n\r\n"]
        async with gateway(tmp_path, script) as gate, sdk(gate) as client:
            reply = await client.audio.speech.create(model="sim/mid", voice="alloy", input="hi")
            assert reply.content == sound
            assert reply.response.headers["content-type"] == "audio/mpeg"
            (row,) = rows(gate)
            assert (row["ending"], row["task_type"]) == ("ok", "audio")

    run(work())


def test_a_body_that_breaks_off_is_not_ended_as_if_it_were_whole(tmp_path: Path) -> None:
    head = b"HTTP/1.1 200 OK\r\ncontent-type: audio/mpeg\r\ncontent-length: 100\r\n\r\n"

    async def work() -> None:
        async with gateway(tmp_path, [head, b"half"]) as gate:
            data = b'{"model":"sim/mid"}'
            asked = b"POST /v1/audio/speech HTTP/1.1\r\nhost: x\r\ncontent-length: %d\r\n\r\n" % len(data) + data
            received = await raw_exchange(gate.url, asked)
            assert received.startswith(b"HTTP/1.1 200")
            assert b"half" in received
            assert not received.endswith(b"0\r\n\r\n")
            (row,) = rows(gate)
            assert (row["ending"], row["error"]) == ("upstream_fault", "upstream_cut")

    run(work())


def test_a_transcription_is_a_form_with_a_file_and_may_stream(tmp_path: Path) -> None:
    done = {
        "type": "transcript.text.done",
        "text": "hi",
        "usage": {"type": "tokens", "input_tokens": 7, "output_tokens": 2, "total_tokens": 9},
    }
    seconds = {"text": "hi", "usage": {"type": "duration", "seconds": 3}}
    events = event_stream(
        b'data: {"type":"transcript.text.delta","delta":"hi"}\n\n', b"data: " + json.dumps(done).encode() + b"\n\n"
    )

    async def work() -> None:
        async with gateway(tmp_path, answer(seconds), events) as gate, sdk(gate) as client:
            sound = ("a.wav", b"RIFF\r\n--x\r\n", "audio/wav")
            assert (await client.audio.transcriptions.create(model="sim/mid", file=sound)).text == "hi"
            stream = await client.audio.transcriptions.create(model="sim/mid", file=sound, stream=True)
            assert [event.type async for event in stream] == ["transcript.text.delta", "transcript.text.done"]
            assert [(row["input_tokens"], row["output_tokens"]) for row in rows(gate)] == [(0, 0), (7, 2)]

    run(work())


def test_files_and_batches_have_all_their_methods(tmp_path: Path) -> None:
    batch = {
        "id": "b-1", "object": "batch", "endpoint": "/v1/embeddings", "input_file_id": "file-1", "status": "validating",
        "completion_window": "24h", "created_at": 1,
    }  # fmt: skip
    gone = {"id": "file-1", "object": "file", "deleted": True}
    lines = http_answer(200, b'{"a":1}\n{"a":2}\n', "application/json")
    listed = {"object": "list", "data": [FILE], "has_more": False}

    async def work() -> None:
        scripts = [answer(FILE), answer(listed), answer(FILE), lines, answer(gone), answer(batch), answer(batch)]
        async with gateway(tmp_path, *scripts) as gate, sdk(gate) as client:
            assert (await client.files.create(file=("a.jsonl", b"{}"), purpose="batch")).id == "file-1"
            assert [one.id for one in (await client.files.list(limit=5)).data] == ["file-1"]
            await client.files.retrieve("file-1")
            assert (await client.files.content("file-1")).content == b'{"a":1}\n{"a":2}\n'
            assert (await client.files.delete("file-1")).deleted
            await client.batches.create(input_file_id="file-1", endpoint="/v1/embeddings", completion_window="24h")
            await client.batches.cancel("b-1")
            assert [(one.method, one.path) for one in gate.upstream.requests] == [
                ("POST", "/v1/files"),
                ("GET", "/v1/files?limit=5"),
                ("GET", "/v1/files/file-1"),
                ("GET", "/v1/files/file-1/content"),
                ("DELETE", "/v1/files/file-1"),
                ("POST", "/v1/batches"),
                ("POST", "/v1/batches/b-1/cancel"),
            ]
            assert {row["ending"] for row in rows(gate)} == {"ok"}

    run(work())


def test_what_a_provider_refuses_with_goes_on_with_its_status(tmp_path: Path) -> None:
    refusal = http_answer(429, b'{"error":{"message":"slow","type":"requests"}}', "application/json", "retry-after: 3")

    async def work() -> None:
        async with gateway(tmp_path, refusal) as gate, sdk(gate) as client:
            with pytest.raises(openai.RateLimitError) as raised:
                await client.embeddings.create(model="sim/mid", input="x")
            assert raised.value.response.headers["retry-after"] == "3"
            assert raised.value.response.headers["x-baton-request-id"]
            (row,) = rows(gate)
            assert (row["ending"], row["status"], row["error"]) == ("upstream_fault", 429, "upstream_status")

    run(work())


@pytest.mark.parametrize(
    ("path", "body", "headers", "status", "says"),
    [
        ("/v1/embeddings", b"{", {}, 400, "not valid JSON"),
        ("/v1/embeddings", b'{"model":7}', {}, 400, "`model` must be a string"),
        ("/v1/embeddings", b'{"model":"auto"}', {}, 404, "chooses among chat models"),
        ("/v1/embeddings", b'{"model":"a\\r\\nx: y"}', {}, 400, "is no name of a model"),
        ("/v1/embeddings", b'{"model":"m","baton":{"x":1}}', {}, 400, "options are wrong"),
        ("/v1/embeddings", b'{"model":"m"}', {"x-baton-provider": "acme"}, 400, "provider 'acme' is not configured"),
        ("/v1/audio/translations", b"--x\r\n", {"content-type": "multipart/form-data"}, 400, "names no boundary"),
        ("/v1/audio/translations", b"?", {"content-type": "multipart/form-data; boundary=x"}, 400, "does not begin"),
        ("/v1/embeddings", b"x" * 1_000_001, {}, 413, "larger than"),
        ("/v1/files/a/%2E%2E/b", b"", {}, 404, "no dots alone"),
        ("/v1/files/a//b", b"", {}, 404, "no empty steps"),
    ],
)
def test_a_bad_request_is_refused_in_openais_words(
    tmp_path: Path, path: str, body: bytes, headers: dict[str, str], status: int, says: str
) -> None:
    async def work() -> None:
        from yarl import URL

        async with gateway(tmp_path, answer(VECTOR)) as gate, aiohttp.ClientSession() as session:
            url = URL(gate.url + path, encoded=True)
            async with session.post(url, data=body, headers=headers) as reply:
                told = await reply.json()
                assert (reply.status, says in told["error"]["message"]) == (status, True), told
            assert gate.upstream.requests == []

    run(work())


def test_what_an_id_holds_is_no_path_of_its_own(tmp_path: Path) -> None:
    async def work() -> None:
        async with gateway(tmp_path, answer(FILE)) as gate:
            asked = b"GET /v1/files/a%20b%3Fc%23d%0D%0Ax HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n"
            received = await raw_exchange(gate.url, asked)
            if received.startswith(b"HTTP/1.1 200"):
                assert gate.upstream.requests[0].path == "/v1/files/a%20b%3Fc%23d%0D%0Ax"
            else:
                assert received.startswith(b"HTTP/1.1 404")
                assert gate.upstream.requests == []

    run(work())


def test_a_key_reaches_only_the_models_that_it_may_ask(tmp_path: Path) -> None:
    key = KeyConfig(name="team", key=Secret("k-team"), models=("sim/m*",))

    async def work() -> None:
        async with gateway(tmp_path, answer(VECTOR), keys=(key,)) as gate:
            async with sdk(gate, "k-team") as client:
                await client.embeddings.create(model="sim/mid", input="x")
                with pytest.raises(openai.PermissionDeniedError, match="is not allowed for key 'team'"):
                    await client.embeddings.create(model="sim/nano", input="x")
                with pytest.raises(openai.PermissionDeniedError, match="what names no model"):
                    await client.files.list()
            async with sdk(gate, "wrong") as client:
                with pytest.raises(openai.AuthenticationError):
                    await client.embeddings.create(model="sim/mid", input="x")
            assert len(gate.upstream.requests) == 1

    run(work())


# --- the pure parts ----------------------------------------------------------------------------


def form(boundary: str, fields: list[tuple[str, bytes]]) -> bytes:
    parts = [
        f'--{boundary}\r\nContent-Disposition: form-data; name="{name}"\r\n\r\n'.encode() + value + b"\r\n"
        for name, value in fields
    ]
    return b"".join(parts) + f"--{boundary}--\r\n".encode()


names = st.sampled_from(["model", "file", "models", "x-model", "prompt"])


@given(
    st.lists(st.tuples(names, st.binary(max_size=40)), max_size=6),
    st.from_regex(r"[A-Za-z0-9'_-]{1,30}", fullmatch=True),
)
def test_the_field_of_a_form_is_found_whatever_the_others_hold(fields: list[tuple[str, bytes]], boundary: str) -> None:
    delimiter = f"--{boundary}".encode()
    fields = [(name, value) for name, value in fields if delimiter not in b"\r\n" + value + b"\r\n"]
    body = form(boundary, fields)
    span = field_span(body, f'multipart/form-data; boundary="{boundary}"', "model")
    expected = next((value for name, value in fields if name == "model"), None)
    assert (None if span is None else body[span[0] : span[1]]) == expected


@given(st.binary(max_size=120))
def test_a_form_of_any_bytes_is_read_or_refused(data: bytes) -> None:
    try:
        found = field_span(b"--x" + data, "multipart/form-data; boundary=x", "model")
    except MalformedBody:
        return
    assert found is None or 0 < found[0] <= found[1] <= len(data) + 3


@pytest.mark.parametrize(
    ("usage", "expected"),
    [
        ({"prompt_tokens": 3, "total_tokens": 3}, Usage(3, 0)),
        ({"input_tokens": 3, "output_tokens": 4}, Usage(3, 4)),
        ({"total_tokens": 5}, Usage(5, 0)),
        ({"type": "duration", "seconds": 3}, None),
        ({"prompt_tokens": -1}, None),
        ({"prompt_tokens": "many"}, None),
        ("none", None),
        (None, None),
    ],
)
def test_usage_is_read_in_every_spelling_or_not_at_all(usage: Any, expected: Usage | None) -> None:
    assert usage_of(json.dumps({"usage": usage}).encode()) == expected


def test_usage_of_events_is_that_of_the_last_that_tells_it() -> None:
    tail = b'cut"}\n\ndata: {"usage":{"input_tokens":1}}\n\ndata: {"usage":{"input_tokens":2}}\n\ndata: {"usage"'
    assert usage_in_events(tail) == Usage(2, 0)
    assert usage_in_events(b"data: [DONE]\n\n") is None
    with pytest.raises(msgspec.DecodeError):
        usage_of(b"<html>")
