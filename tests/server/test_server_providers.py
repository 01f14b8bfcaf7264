"""Callers in one dialect, providers of every kind: what goes over the wire, and what comes back."""

import asyncio
import base64
import json
import struct
from binascii import crc32
from collections.abc import AsyncGenerator, Coroutine, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import anthropic
import msgspec
import openai
import pytest

from baton.config.schema import Config, ContentConfig, LedgerConfig
from baton.server.run import bind, serving
from baton.testing.upstream import ScriptedUpstream, Step, event_stream, http_answer, scripted
from baton.types.card import Provider
from baton.types.secret import Secret
from tests.decide.fleet import snapshot

CLAUDE = {
    "id": "msg_1", "type": "message", "role": "assistant", "model": "claude", "stop_reason": "end_turn",
    "stop_sequence": None, "content": [{"type": "text", "text": "yes"}],
    "usage": {"input_tokens": 3, "output_tokens": 1},
}  # fmt: skip
EVENTS: list[dict[str, Any]] = [
    {"type": "message_start", "message": CLAUDE | {"content": [], "stop_reason": None}},
    {"type": "content_block_start", "index": 0, "content_block": {"type": "text", "text": ""}},
    {"type": "content_block_delta", "index": 0, "delta": {"type": "text_delta", "text": "yes"}},
    {"type": "content_block_stop", "index": 0},
    {"type": "message_delta", "delta": {"stop_reason": "end_turn", "stop_sequence": None}, "usage": {"output_tokens": 1}},
    {"type": "message_stop"},
]  # fmt: skip
GEMINI = {
    "candidates": [{"content": {"role": "model", "parts": [{"text": "yes"}]}, "finishReason": "STOP", "index": 0}],
    "usageMetadata": {"promptTokenCount": 3, "candidatesTokenCount": 1, "totalTokenCount": 4},
    "modelVersion": "mid", "responseId": "r",
}  # fmt: skip
CHAT = {
    "id": "c", "object": "chat.completion", "created": 1, "model": "mid",
    "choices": [{"index": 0, "message": {"role": "assistant", "content": "yes"}, "finish_reason": "stop"}],
    "usage": {"prompt_tokens": 3, "completion_tokens": 1, "total_tokens": 4},
}  # fmt: skip


def whole(value: Any) -> list[Step]:
    return http_answer(200, json.dumps(value).encode())


def frame(event: dict[str, Any]) -> bytes:
    payload = json.dumps({"bytes": base64.b64encode(json.dumps(event).encode()).decode()}).encode()
    headers = b"".join(
        bytes([len(name)]) + name + b"\x07" + struct.pack("!H", len(value)) + value
        for name, value in ((b":event-type", b"chunk"), (b":message-type", b"event"))
    )
    prelude = struct.pack("!II", 16 + len(headers) + len(payload), len(headers))
    prelude += struct.pack("!I", crc32(prelude))
    body = prelude + headers + payload
    return body + struct.pack("!I", crc32(body))


def event_frames() -> list[Step]:
    head = b"HTTP/1.1 200 OK\r\ncontent-type: application/vnd.amazon.eventstream\r\nconnection: close\r\n\r\n"
    wire = b"".join(frame(event) for event in EVENTS)
    return [head, wire[:100], 0.01, wire[100:]]


@asynccontextmanager
async def at(
    folder: Path, kind: str, dialects: Sequence[str], script: Sequence[Step], **options: str
) -> AsyncGenerator[tuple[str, ScriptedUpstream], None]:
    """A gateway before one provider of a kind; its model is `sim/mid`."""
    async with scripted(script) as upstream:
        base_url = upstream.base_url if kind in {"openrouter", "ollama"} else upstream.base_url.removesuffix("/v1")
        provider = Provider(
            "sim", base_url, tuple(dialects), "bearer", Secret("k-1"), kind=kind, options=options  # type: ignore[arg-type]
        )  # fmt: skip
        config = Config(
            snapshot=msgspec.structs.replace(snapshot(), providers={"sim": provider}),
            ledger=LedgerConfig(path=str(folder / "ledger.db"), flush_s=0.05),
            content=ContentConfig(mode="off"),
        )
        sock = bind("127.0.0.1", 0)
        async with serving(config, sock):
            yield f"http://127.0.0.1:{sock.getsockname()[1]}", upstream


def run(work: Coroutine[Any, Any, None]) -> None:
    asyncio.run(work)


@pytest.mark.parametrize(
    ("kind", "dialects", "answer", "path", "options"),
    [
        ("bedrock", ["anthropic"], CLAUDE, "/model/mid/invoke", {"region": "r"}),
        (
            "vertex", ["anthropic"], CLAUDE, "/v1/projects/p/locations/l/publishers/anthropic/models/mid:rawPredict",
            {"project": "p", "location": "l"},
        ),
        (
            "vertex", ["gemini"], GEMINI, "/v1/projects/p/locations/l/publishers/google/models/mid:generateContent",
            {"project": "p", "location": "l"},
        ),
        ("gemini", ["gemini", "openai-chat"], CHAT, "/v1beta/openai/chat/completions", {}),
        ("gemini", ["gemini"], GEMINI, "/v1beta/models/mid:generateContent", {}),
        (
            "azure", ["openai-chat"], CHAT, "/openai/deployments/mid/chat/completions?api-version=2024-10-21",
            {"api_version": "2024-10-21"},
        ),
        ("azure", ["openai-chat"], CHAT, "/openai/v1/chat/completions", {}),
    ],
)  # fmt: skip
def test_openais_sdk_is_answered_by_every_kind(
    tmp_path: Path, kind: str, dialects: list[str], answer: Any, path: str, options: dict[str, str]
) -> None:
    async def work() -> None:
        async with at(tmp_path, kind, dialects, whole(answer), **options) as (url, upstream):
            async with openai.AsyncOpenAI(base_url=f"{url}/v1", api_key="k", max_retries=0) as client:
                reply = await client.chat.completions.create(
                    model="sim/mid", messages=[{"role": "user", "content": "hi"}], max_tokens=9
                )
            assert reply.choices[0].message.content == "yes"
            assert reply.usage is not None
            assert (reply.usage.prompt_tokens, reply.usage.completion_tokens) == (3, 1)
            sent = upstream.requests[0]
            assert sent.path == path
            assert sent.headers["authorization"] == "Bearer k-1"
            body = json.loads(sent.body)
            assert ("model" in body) == (kind == "azure" or dialects[-1] == "openai-chat")

    run(work())


@pytest.mark.parametrize("client_of", ["openai", "anthropic"])
def test_a_stream_of_bedrock_reaches_both_sdks(tmp_path: Path, client_of: str) -> None:
    async def work() -> None:
        async with at(tmp_path, "bedrock", ["anthropic"], event_frames(), region="r") as (url, upstream):
            if client_of == "openai":
                async with openai.AsyncOpenAI(base_url=f"{url}/v1", api_key="k", max_retries=0) as client:
                    stream = await client.chat.completions.create(
                        model="sim/mid", messages=[{"role": "user", "content": "hi"}], stream=True
                    )
                    said = "".join([part.choices[0].delta.content or "" async for part in stream if part.choices])
            else:
                async with anthropic.AsyncAnthropic(base_url=url, api_key="k", max_retries=0) as claude:
                    events = await claude.messages.create(
                        model="sim/mid", max_tokens=9, messages=[{"role": "user", "content": "hi"}], stream=True
                    )
                    said = "".join(
                        [event.delta.text async for event in events if event.type == "content_block_delta"]  # type: ignore[union-attr]
                    )
            assert said == "yes"
            sent = upstream.requests[0]
            assert sent.path == "/model/mid/invoke-with-response-stream"
            body = json.loads(sent.body)
            assert body["anthropic_version"] == "bedrock-2023-05-31"
            assert not {"model", "stream"} & body.keys()

    run(work())


def test_openrouters_own_request_fields_are_honoured(tmp_path: Path) -> None:
    async def work() -> None:
        async with at(tmp_path, "openrouter", ["openai-chat"], whole(CHAT)) as (url, upstream):
            async with openai.AsyncOpenAI(base_url=f"{url}/v1", api_key="k", max_retries=0) as client:
                await client.chat.completions.create(
                    model="sim/mid",
                    messages=[{"role": "user", "content": "hi"}],
                    extra_body={"models": ["a/b", "c/d"], "provider": {"order": ["x"], "allow_fallbacks": False}},
                )
            body = json.loads(upstream.requests[0].body)
            assert body["models"] == ["a/b", "c/d"]
            assert body["provider"] == {"order": ["x"], "allow_fallbacks": False}

    run(work())


def test_a_gemini_stream_is_asked_for_as_events(tmp_path: Path) -> None:
    script = event_stream(b"data: " + json.dumps(GEMINI).encode() + b"\r\n\r\n")

    async def work() -> None:
        async with at(tmp_path, "gemini", ["gemini"], script) as (url, upstream):
            async with openai.AsyncOpenAI(base_url=f"{url}/v1", api_key="k", max_retries=0) as client:
                stream = await client.chat.completions.create(
                    model="sim/mid", messages=[{"role": "user", "content": "hi"}], stream=True
                )
                said = "".join([part.choices[0].delta.content or "" async for part in stream if part.choices])
            assert said == "yes"
            assert upstream.requests[0].path == "/v1beta/models/mid:streamGenerateContent?alt=sse"

    run(work())


def test_a_native_ollama_is_asked_in_its_own_grammar(tmp_path: Path) -> None:
    done = {
        "model": "mid", "created_at": "2026-01-01T00:00:00Z", "message": {"role": "assistant", "content": "yes"},
        "done": True, "done_reason": "stop", "prompt_eval_count": 3, "eval_count": 1,
    }  # fmt: skip
    lines = http_answer(200, json.dumps(done).encode() + b"\n", "application/x-ndjson")

    async def work(*, stream: bool) -> None:
        script = lines if stream else whole(done)
        async with at(tmp_path, "ollama", ["ollama"], script) as (url, upstream):
            async with openai.AsyncOpenAI(base_url=f"{url}/v1", api_key="k", max_retries=0) as client:
                ask: Any = client.chat.completions.create
                reply = await ask(model="sim/mid", messages=[{"role": "user", "content": "hi"}], stream=stream)
                if stream:
                    said = "".join([part.choices[0].delta.content or "" async for part in reply if part.choices])
                else:
                    said = reply.choices[0].message.content
            assert said == "yes"
            assert upstream.requests[0].path == "/api/chat"

    run(work(stream=False))
    run(work(stream=True))
