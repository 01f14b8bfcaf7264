"""The long tail through LiteLLM, in the environment that has it; elsewhere a fault that says how to get it."""

import asyncio
import importlib.util
import json
from collections.abc import Sequence
from typing import Any

import pytest

from baton.call.direct import DirectTransport
from baton.call.endpoint import Endpoint, PassThrough
from baton.call.send import send
from baton.call.transport import Timeouts
from baton.testing.upstream import Step, event_stream, http_answer, scripted
from baton.types.card import ModelCard, Provider
from baton.types.errors import ConfigError, UpstreamFault, UpstreamStatus
from baton.types.money import price_from_usd
from baton.types.secret import Secret

ABSENT = importlib.util.find_spec("litellm") is None
needs_litellm = pytest.mark.skipif(ABSENT, reason="litellm (extra litellm) has an environment of its own")
CARD = ModelCard("l/openai/m", "l", "openai/m", "mid", 1_000, 100, price_from_usd(1, 2))
CHAT = {
    "id": "c", "object": "chat.completion", "created": 1, "model": "m",
    "choices": [{"index": 0, "message": {"role": "assistant", "content": "yes"}, "finish_reason": "stop"}],
    "usage": {"prompt_tokens": 3, "completion_tokens": 1, "total_tokens": 4},
}  # fmt: skip
PIECES = [
    {"id": "c", "object": "chat.completion.chunk", "created": 1, "model": "m", "choices": [{"index": 0, "delta": delta, "finish_reason": end}]}
    for delta, end in (({"role": "assistant", "content": "ye"}, None), ({"content": "s"}, None), ({}, "stop"))
]  # fmt: skip


async def asked(base_url: str, *, stream: bool = False) -> bytes:
    provider = Provider("l", base_url, ("openai-chat",), "bearer", Secret("k-1"), kind="litellm")
    ask: dict[str, Any] = {"model": "openai/m", "messages": [{"role": "user", "content": "hi"}], "unknown_member": 1}
    body = json.dumps(ask | ({"stream": True} if stream else {})).encode()
    transport = DirectTransport(Timeouts())
    try:
        sent = await Endpoint(provider, "openai-chat").outgoing(CARD, body, {}, stream=stream)
        answer = await send(transport, sent, stream=stream)
        if stream:
            return b"".join([piece async for piece in answer.chunks()])
        return await answer.read(100_000)
    finally:
        await transport.close()


async def before(script: Sequence[Step], *, stream: bool = False) -> tuple[bytes, dict[str, str]]:
    async with scripted(script) as upstream:
        found = await asked(upstream.base_url, stream=stream)
        return found, upstream.requests[0].headers


@pytest.mark.skipif(not ABSENT, reason="litellm is installed")
def test_without_litellm_a_call_says_how_to_get_it() -> None:
    with pytest.raises(UpstreamFault, match=r"needs LiteLLM, .* pip install 'batonpass\[litellm\]'") as raised:
        asyncio.run(asked("http://litellm.invalid"))
    assert raised.value.provider == "l"


@needs_litellm
@pytest.mark.filterwarnings("ignore")
@pytest.mark.timeout(120)
def test_a_whole_answer_comes_through_litellm() -> None:
    found, headers = asyncio.run(before(http_answer(200, json.dumps(CHAT).encode())))
    answer = json.loads(found)
    assert answer["choices"][0]["message"]["content"] == "yes"
    assert answer["usage"]["prompt_tokens"] == 3
    assert headers["authorization"] == "Bearer k-1"


@needs_litellm
@pytest.mark.filterwarnings("ignore")
@pytest.mark.timeout(120)
def test_a_stream_comes_through_litellm() -> None:
    script = event_stream(*(b"data: " + json.dumps(one).encode() + b"\n\n" for one in PIECES), b"data: [DONE]\n\n")
    found, _ = asyncio.run(before(script, stream=True))
    *events, end = found.decode().strip().split("\n\n")
    said = [json.loads(event.removeprefix("data: "))["choices"][0]["delta"].get("content") or "" for event in events]
    assert "".join(said) == "yes"
    assert end == "data: [DONE]"


@needs_litellm
@pytest.mark.filterwarnings("ignore")
@pytest.mark.timeout(120)
@pytest.mark.parametrize(
    ("status", "code", "reason"),
    [(429, None, "rate_limit"), (400, "context_length_exceeded", "context_length"), (401, None, "key")],
)
def test_a_refusal_through_litellm_is_read_like_all_others(status: int, code: str | None, reason: str) -> None:
    body = json.dumps(
        {"error": {"message": "This model's maximum context length is 8 tokens" if code else "no", "code": code}}
    )
    with pytest.raises(UpstreamStatus) as raised:
        asyncio.run(before(http_answer(status, body.encode())))
    assert raised.value.reason == reason


def test_litellm_is_asked_in_chat_completions_alone() -> None:
    provider = Provider("l", "http://litellm.invalid", ("anthropic",), "none", kind="litellm")
    with pytest.raises(ConfigError, match="is asked in openai-chat, not in anthropic"):
        Endpoint(provider, "anthropic")
    with pytest.raises(UpstreamFault, match="/embeddings cannot be passed"):
        asyncio.run(PassThrough(provider).outgoing(CARD, "/embeddings", b"", {}))
