"""What providers write when they refuse, and what is made of it."""

import asyncio
import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from baton.call.direct import DirectTransport
from baton.call.endpoint import Endpoint
from baton.call.providers.faults import address_hint, read_fault
from baton.call.providers.registry import kind_of
from baton.call.send import send
from baton.call.transport import Timeouts
from baton.testing.upstream import http_answer, scripted
from baton.types.card import ModelCard, Provider
from baton.types.errors import UpstreamStatus
from baton.types.money import price_from_usd


def openai(message: str, code: str | None = None, type_: str = "invalid_request_error") -> dict[str, Any]:
    return {"error": {"message": message, "type": type_, "param": None, "code": code}}


def anthropic(type_: str, message: str = "m") -> dict[str, Any]:
    return {"type": "error", "error": {"type": type_, "message": message}, "request_id": "r"}


def gemini(code: int, status: str, message: str = "m", *details: dict[str, Any]) -> dict[str, Any]:
    return {"error": {"code": code, "message": message, "status": status, "details": list(details)}}


AZURE_FILTER = {
    "error": {
        "message": "The response was filtered", "code": "content_filter", "status": 400,
        "innererror": {"code": "ResponsibleAIPolicyViolation", "content_filter_result": {}},
    }
}  # fmt: skip
INVALID_KEY = gemini(400, "INVALID_ARGUMENT", "API key not valid", {"reason": "API_KEY_INVALID"})
FLAGGED = {"error": {"code": 403, "message": "Your input was flagged", "metadata": {"reasons": ["violence"]}}}


@pytest.mark.parametrize(
    ("kind", "upstream", "body", "reason", "status"),
    [
        ("openai", 429, openai("slow down", "rate_limit_exceeded", "requests"), "rate_limit", 429),
        ("openai", 429, openai("quota", "insufficient_quota", "insufficient_quota"), "quota", 502),
        ("openai", 400, openai("too long", "context_length_exceeded"), "context_length", 400),
        ("openai", 400, openai("no", "content_policy_violation"), "content_filter", 400),
        ("openai", 400, openai("Unknown parameter: 'x'"), "", 400),
        ("openai", 401, openai("Incorrect API key sk-1", "invalid_api_key"), "key", 502),
        ("openai", 404, openai("The model does not exist", "model_not_found"), "model", 404),
        ("openai", 500, openai("The server had an error", None, "server_error"), "provider", 500),
        ("openai", 503, openai("overloaded", None, "server_error"), "overloaded", 503),
        ("anthropic", 529, anthropic("overloaded_error"), "overloaded", 529),
        ("anthropic", 500, anthropic("overloaded_error"), "overloaded", 529),
        ("anthropic", 429, anthropic("rate_limit_error"), "rate_limit", 429),
        ("anthropic", 400, anthropic("invalid_request_error", "prompt is too long: 9 tokens > 8"), "context_length", 400),
        ("anthropic", 400, anthropic("invalid_request_error", "Your credit balance is too low"), "quota", 502),
        ("anthropic", 400, anthropic("invalid_request_error", "messages: at least one"), "", 400),
        ("anthropic", 403, anthropic("permission_error"), "key", 502),
        ("gemini", 429, gemini(429, "RESOURCE_EXHAUSTED"), "rate_limit", 429),
        ("gemini", 503, gemini(503, "UNAVAILABLE"), "overloaded", 503),
        ("gemini", 504, gemini(504, "DEADLINE_EXCEEDED"), "timeout", 504),
        ("gemini", 400, INVALID_KEY, "key", 502),
        ("gemini", 400, [INVALID_KEY], "key", 502),
        (
            "gemini", 400,
            gemini(400, "INVALID_ARGUMENT", "The input token count (9) exceeds the maximum number of tokens allowed (8)."),
            "context_length", 400,
        ),
        ("azure", 400, AZURE_FILTER, "content_filter", 400),
        ("azure", 404, {"error": {"code": "DeploymentNotFound", "message": "m"}}, "model", 404),
        ("bedrock", 400, {"message": "Input is too long for requested model."}, "context_length", 400),
        ("bedrock", 424, {"__type": "ModelErrorException", "message": "m"}, "provider", 502),
        ("bedrock", 408, {"message": "Model has timed out"}, "timeout", 504),
        ("openrouter", 402, {"error": {"code": 402, "message": "Insufficient credits"}}, "quota", 502),
        ("openrouter", 403, FLAGGED, "content_filter", 400),
        ("openrouter", 403, {"error": {"code": 403, "message": "Key limit"}}, "key", 502),
        ("vllm", 400, openai("This model's maximum context length is 8 tokens"), "context_length", 400),
        ("llamacpp", 400, {"error": {"code": 400, "type": "exceed_context_size_error", "message": "m"}}, "context_length", 400),
        ("ollama", 404, {"error": "model 'x' not found"}, "model", 404),
    ],
)  # fmt: skip
def test_a_refusal_is_read(kind: str, upstream: int, body: Any, reason: str, status: int) -> None:
    found = read_fault(upstream, {}, json.dumps(body).encode(), kind_of(kind).faults)
    assert (found.reason, found.status) == (reason, status)
    assert (found.detail == "") == (reason == "key"), "what may quote a key is not passed on"


def test_an_exception_that_only_a_header_names() -> None:
    headers = {"x-amzn-errortype": "ThrottlingException:http://internal.amazon.com/coral/"}
    assert read_fault(400, headers, b'{"message":"m"}').reason == "rate_limit"


@pytest.mark.parametrize(
    ("headers", "body", "after"),
    [
        ({"retry-after": "7", "retry-after-ms": "100"}, b"", "7"),
        ({"retry-after-ms": "1500"}, b"", "2"),
        ({"retry-after-ms": "soon"}, b"", None),
        ({}, json.dumps(gemini(429, "RESOURCE_EXHAUSTED", "m", {"retryDelay": "33.2s"})).encode(), "34"),
        ({}, b"", None),
    ],
)
def test_when_to_come_again_is_told_in_seconds(headers: dict[str, str], body: bytes, after: str | None) -> None:
    assert read_fault(429, headers, body).retry_after == after


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=8),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.sampled_from(["error", "code", "type", "message", "details", "status"]), inner, max_size=4)
    ),
    max_leaves=12,
)


@given(st.integers(100, 999), json_values.map(lambda value: json.dumps(value).encode()) | st.binary(max_size=40))
def test_whatever_a_provider_writes_the_caller_sees_an_error_status(status: int, body: bytes) -> None:
    assert 400 <= read_fault(status, {}, body).status < 600


def test_a_refusal_is_a_fault_with_its_reason() -> None:
    async def work() -> None:
        body = json.dumps(AZURE_FILTER).encode()
        async with scripted(http_answer(400, body)) as upstream:
            one = Provider("a", upstream.base_url, auth="none", kind="azure")
            card = ModelCard("a/m", "a", "m", "mid", 1_000, 100, price_from_usd(1, 2))
            transport = DirectTransport(Timeouts())
            sent = await Endpoint(one, "openai-chat").outgoing(card, b"{}", {}, stream=False)
            with pytest.raises(UpstreamStatus, match="status 400: The response was filtered") as raised:
                await send(transport, sent, stream=False)
            fault = raised.value
            assert (fault.reason, fault.status, fault.body) == ("content_filter", 400, body)
            await transport.close()

    asyncio.run(work())


@pytest.mark.parametrize(
    ("url", "says"),
    [
        ("http://x:8000/chat/completions", "brings no /v1"),
        ("https://x.example/api/responses", "brings no /v1"),
        ("http://x:8000/v1/v1/chat/completions", "brings /v1 once too often"),
        ("https://x.example/v1/v1/messages", "brings /v1 once too often"),
        ("https://x.example/v1/messages/v1/messages", "brings /v1/messages once too often"),
        ("https://x.example/v1/chat/completions/chat/completions", "brings /chat/completions once too often"),
    ],
)
@pytest.mark.parametrize("status", [404, 405])
def test_an_address_where_nothing_answers_is_told_what_may_be_wrong(status: int, url: str, says: str) -> None:
    hint = address_hint(status, url, "Not Found")
    assert says in hint
    assert url in hint


@pytest.mark.parametrize(
    ("status", "url", "detail"),
    [
        (404, "http://x/v1/chat/completions", "Not Found"),
        (404, "https://x/openai/v1/responses", ""),
        (404, "https://x/v4/chat/completions", ""),
        (404, "https://x.openai.azure.com/openai/deployments/d/chat/completions", ""),
        (404, "https://x/v1/messages", ""),
        (404, "http://x/v1beta/models/v1:generateContent", ""),
        (404, "http://x/chat/completions", "the model 'x' does not exist"),
        (500, "http://x/chat/completions", ""),
    ],
)
def test_an_address_that_looks_right_is_not_suspected(status: int, url: str, detail: str) -> None:
    assert address_hint(status, url, detail) == ""


@pytest.mark.parametrize(("left", "says"), [("", "base_url brings no /v1"), ("/v1/v1", "base_url brings /v1 once too")])
def test_the_caller_gets_the_hint_and_not_the_page_of_another_server(left: str, says: str) -> None:
    async def work() -> None:
        async with scripted(http_answer(404, b'{"detail":"Not Found"}')) as upstream:
            one = Provider("a", upstream.base_url.removesuffix("/v1") + left, auth="none")
            card = ModelCard("a/m", "a", "m", "mid", 1_000, 100, price_from_usd(1, 2))
            transport = DirectTransport(Timeouts())
            sent = await Endpoint(one, "openai-chat").outgoing(card, b"{}", {}, stream=False)
            with pytest.raises(UpstreamStatus, match=f"status 404: Not Found; {says}") as raised:
                await send(transport, sent, stream=False)
            assert (raised.value.status, raised.value.body) == (404, b"")
            await transport.close()

    asyncio.run(work())
