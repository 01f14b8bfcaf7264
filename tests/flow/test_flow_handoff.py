"""Conversations that move between strict vendors, led by the vendors' own SDKs."""

import asyncio
import json
from pathlib import Path
from typing import Any

import anthropic
import httpx2
import openai
import pytest

from baton.config.schema import HandoffConfig
from tests.flow.clients import CLIENTS, TOOL, ChatClient, MessagesClient
from tests.flow.vendors import VENDORS, Vendors, card, vendors

CLAUDE, GPT, GEMINI, DEEPSEEK = "anthropic/sim-claude", "openai/sim-gpt", "gemini/sim-gemini", "deepseek/sim-deepseek"
MODELS = [f"{name}/{model}" for name, (_, model, _) in VENDORS.items()]
PNG = "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg=="
PDF = "JVBERi0xLjQKJcOkw7zDtsOfCg=="


REFUSED: dict[str, type[Exception]] = {
    "openai-chat": openai.InternalServerError,
    "openai-responses": openai.InternalServerError,
    "anthropic": anthropic.InternalServerError,
}


async def post(gateway: Vendors, path: str, body: Any, **headers: str) -> httpx2.Response:
    async with httpx2.AsyncClient(base_url=gateway.url) as http:
        return await http.post(path, json=body, headers={name.replace("_", "-"): v for name, v in headers.items()})


@pytest.mark.parametrize("stream", [False, True], ids=["whole", "stream"])
@pytest.mark.parametrize("model", MODELS)
@pytest.mark.parametrize("dialect", CLIENTS)
def test_a_tool_loop_runs_from_every_client_onto_every_vendor(
    tmp_path: Path, dialect: str, model: str, stream: bool
) -> None:
    async def run() -> None:
        async with vendors(tmp_path) as gateway:
            client = CLIENTS[dialect](gateway.url)
            said = await client.say(f"please use {TOOL}", model, stream=stream)
            again = await client.say("and what did it say?", model, stream=stream)
            assert "sunny" in said
            assert "and what did it say?" in again
            assert gateway.refusals() == []
            assert len(gateway.entries()) == 3
            assert {entry.ending for entry in gateway.entries()} == {"complete"}
            await client.close()

    asyncio.run(run())


@pytest.mark.parametrize("stream", [False, True], ids=["whole", "stream"])
@pytest.mark.parametrize("dialect", CLIENTS)
def test_a_conversation_leaves_claude_for_gpt_and_returns_with_its_signed_blocks(
    tmp_path: Path, dialect: str, stream: bool
) -> None:
    """The vendors are strict: Claude refuses a signature that is not its own, or is bound to other turns."""

    async def run() -> None:
        async with vendors(tmp_path) as gateway:
            client = CLIENTS[dialect](gateway.url)
            await client.say(f"please use {TOOL}", CLAUDE, stream=stream)
            signed = [json.loads(one.body) for one in gateway.sent][-1]
            await client.say("now you", GPT, stream=stream)
            await client.say("and on", GPT, stream=stream)
            await client.say("back to you", CLAUDE, stream=stream)
            assert gateway.refusals() == []
            returned = json.loads(gateway.sent[-1].body)
            assert signatures(returned)[: len(signatures(signed))] == signatures(signed)
            assert len(signatures(signed)) > 0
            assert returned["messages"][: len(signed["messages"])] == signed["messages"]
            foreign = [one.body for one in gateway.sent if one.path == "/v1/responses"]
            assert len(foreign) == 2
            assert not any(value.encode() in body for value in signatures(signed) for body in foreign)
            await client.close()

    asyncio.run(run())


def signatures(body: dict[str, Any]) -> list[str]:
    return [
        block["signature"]
        for message in body["messages"]
        if isinstance(message["content"], list)
        for block in message["content"]
        if block["type"] == "thinking"
    ]


@pytest.mark.parametrize("dialect", CLIENTS)
def test_a_conversation_goes_round_all_vendors_twice(tmp_path: Path, dialect: str) -> None:
    async def run() -> None:
        async with vendors(tmp_path) as gateway:
            client = CLIENTS[dialect](gateway.url)
            for number, model in enumerate((CLAUDE, GPT, GEMINI, DEEPSEEK) * 2):
                await client.say(f"please use {TOOL}, round {number}", model, stream=number % 2 == 0)
            assert gateway.refusals() == []
            await client.close()

    asyncio.run(run())


@pytest.mark.parametrize("first", [CLAUDE, GPT, GEMINI])
def test_private_state_survives_a_restart_of_the_gateway(tmp_path: Path, first: str) -> None:
    """The client speaks Chat Completions, which has no field that it could have carried the state in."""

    async def run() -> None:
        history: list[Any] = []
        for round_ in ("one", "two"):
            async with vendors(tmp_path) as gateway:
                client = ChatClient(gateway.url)
                client.history = history
                await client.say(f"please use {TOOL}, {round_}", first, stream=True)
                assert gateway.refusals() == []
                if round_ == "two":
                    marks = (b'"signature"', b'"encrypted_content"', b'"thoughtSignature"')
                    assert any(gateway.sent[0].body.count(mark) >= 1 for mark in marks)
                await client.close()

    asyncio.run(run())


def test_with_content_off_no_words_reach_the_file(tmp_path: Path) -> None:
    async def run() -> None:
        async with vendors(tmp_path, content="off") as gateway:
            client = ChatClient(gateway.url)
            await client.say(f"please use {TOOL} for the heliotrope secret", CLAUDE, stream=False)
            await client.say("go on", CLAUDE, stream=False)
            assert gateway.refusals() == []
            await client.close()

    asyncio.run(run())
    assert b"heliotrope" not in b"".join(path.read_bytes() for path in tmp_path.iterdir())


# --- the report and strict handoff ---------------------------------------------------------------


def test_the_report_is_in_a_header_and_whole_in_the_decision(tmp_path: Path) -> None:
    async def run() -> None:
        async with vendors(tmp_path) as gateway:
            body = {"model": CLAUDE, "messages": [{"role": "user", "content": "hi"}], "logprobs": True}
            answer = await post(gateway, "/v1/chat/completions", body)
            assert answer.status_code == 200
            assert answer.headers["x-baton-handoff"] == "kept=3; moved=1; degraded=1; lossy=logprobs"
            async with httpx2.AsyncClient(base_url=gateway.url) as http:
                shown = await http.get(f"/v1/baton/decisions/{answer.headers['x-baton-request-id']}")
                metrics = (await http.get("/metrics")).text
            entries = {entry["path"]: entry for entry in shown.json()["handoff"]["entries"]}
            assert entries["logprobs"]["action"] == "degraded"
            assert entries["messages[0].content"]["action"] == "kept"
            assert 'baton_handoff_elements_total{action="degraded",caller="openai-chat",upstream="anthropic"} 1.0' in (
                metrics
            )

    asyncio.run(run())


@pytest.mark.parametrize("way", ["header", "body", "config"])
def test_strict_handoff_refuses_before_anything_is_sent(tmp_path: Path, way: str) -> None:
    async def run() -> None:
        async with vendors(tmp_path, handoff=HandoffConfig(strict=way == "config")) as gateway:
            body: dict[str, Any] = {"model": CLAUDE, "messages": [{"role": "user", "content": "hi"}], "logprobs": True}
            headers = {"x_baton_strict_handoff": "true"} if way == "header" else {}
            if way == "body":
                body["baton"] = {"strict_handoff": True}
            answer = await post(gateway, "/v1/chat/completions", body, **headers)
            assert answer.status_code == 400
            assert answer.json()["error"]["code"] == "handoff_refused"
            assert "logprobs" in answer.json()["error"]["message"]
            assert gateway.sent == []

    asyncio.run(run())


def test_auto_passes_over_models_that_the_conversation_cannot_be_carried_to(tmp_path: Path) -> None:
    """The cheapest model would be Ollama's, which takes images only as data."""

    async def run() -> None:
        cheap = card("ollama/cheap", "ollama", "sim-llama", price=card("x/x", "x", "x").price)
        async with vendors(tmp_path, models=[cheap]) as gateway:
            parts = [
                {"type": "text", "text": "what is it?"},
                {"type": "image_url", "image_url": {"url": "https://images.example/cat.png"}},
            ]
            body = {
                "model": "auto",
                "messages": [{"role": "user", "content": parts}],
                "baton": {"models": ["ollama/*", "anthropic/*"]},
            }
            answer = await post(gateway, "/v1/chat/completions", body)
            assert answer.status_code == 200, answer.text
            assert answer.headers["x-baton-model"] == CLAUDE
            only = await post(gateway, "/v1/chat/completions", body | {"baton": {"models": ["ollama/*"]}})
            assert only.status_code == 400
            assert only.json()["error"]["code"] == "handoff_refused"
            assert {"x-baton-request-id", "x-baton-route"} <= only.headers.keys()
            assert not {"x-baton-model", "x-baton-provider"} & only.headers.keys(), "nobody was asked"

    asyncio.run(run())


def test_a_conversation_longer_than_the_window_is_cut_and_the_cut_reported(tmp_path: Path) -> None:
    async def run() -> None:
        small = card("anthropic/small", "anthropic", "sim-claude", context_window=8_000, max_output=1_000)
        async with vendors(tmp_path, models=[small]) as gateway:
            messages = []
            for number in range(12):
                messages.append({"role": "user", "content": f"question {number} " + "word " * 400})
                messages.append({"role": "assistant", "content": f"answer {number}"})
            messages.append({"role": "user", "content": "the last question"})
            body = {"model": "anthropic/small", "messages": messages, "max_tokens": 500}
            answer = await post(gateway, "/v1/chat/completions", body)
            assert answer.status_code == 200, answer.text
            sent = json.loads(gateway.sent[-1].body)["messages"]
            assert len(sent) < len(messages)
            assert sent[0]["role"] == "user"
            assert "the last question" in json.dumps(sent[-1])
            assert "messages[0]" in answer.headers["x-baton-handoff"]
            strict = await post(gateway, "/v1/chat/completions", body, x_baton_strict_handoff="1")
            assert strict.status_code == 400
            assert "longer than the target's window" in strict.json()["error"]["message"]
            await post(gateway, "/v1/messages", body)
            assert json.loads(gateway.sent[-1].body)["messages"] == messages, "in its own dialect nothing is cut"

    asyncio.run(run())


QUESTION = [{"role": "user", "content": f"please use {TOOL}"}]
BARE: dict[str, tuple[str, dict[str, Any], str]] = {
    "anthropic": ("/v1/messages", {"messages": QUESTION, "max_tokens": 500}, "content"),
    "openai-responses": ("/v1/responses", {"input": QUESTION, "store": False}, "output"),
    "gemini": (
        "/v1beta/models/{}:generateContent",
        {"contents": [{"parts": [{"text": "please think"}]}]},
        "candidates",
    ),
}
ASKING: dict[str, dict[str, Any]] = {
    "anthropic": {"thinking": {"type": "adaptive"}},
    "openai-responses": {"include": ["reasoning.encrypted_content"], "reasoning": {"summary": "auto"}},
    "gemini": {"generationConfig": {"thinkingConfig": {"includeThoughts": True}}},
}


@pytest.mark.parametrize("model", [CLAUDE, GPT, GEMINI, DEEPSEEK])
@pytest.mark.parametrize("dialect", BARE)
def test_reasoning_is_shown_to_those_alone_who_asked_for_it(tmp_path: Path, dialect: str, model: str) -> None:
    """`content[0].text` is the answer where thinking is off: no carrier of foreign state stands before it."""

    async def run() -> None:
        path, body, place = BARE[dialect]
        async with vendors(tmp_path) as gateway:
            for more in ({}, ASKING[dialect]):
                asked = await post(gateway, path.format(model), {"model": model} | body | more)
                assert asked.status_code == 200, asked.text
                shown = json.dumps(asked.json()[place])
                thinks = any(mark in shown for mark in ('"thinking"', '"reasoning"', '"thought"'))
                assert thinks == bool(more), shown

    if VENDORS[model.partition("/")[0]][0] != dialect:
        asyncio.run(run())


# --- what may not cross --------------------------------------------------------------------------


def test_a_signature_of_nobody_is_withheld_and_the_request_served(tmp_path: Path) -> None:
    async def run() -> None:
        async with vendors(tmp_path) as gateway:
            thinking = {"type": "thinking", "thinking": "hm", "signature": "bm9ib2R5"}
            messages = [
                {"role": "user", "content": "hi"},
                {"role": "assistant", "content": [thinking, {"type": "text", "text": "hello"}]},
                {"role": "user", "content": "go on"},
            ]
            answer = await post(gateway, "/v1/messages", {"model": GPT, "max_tokens": 50, "messages": messages})
            assert answer.status_code == 200
            assert b"bm9ib2R5" not in gateway.sent[-1].body
            assert "withheld=" in answer.headers["x-baton-handoff"]

    asyncio.run(run())


def test_thinking_of_one_claude_is_withheld_from_another(tmp_path: Path) -> None:
    """Both speak the caller's own dialect: the bytes would go on as they are, and be refused."""

    async def run() -> None:
        other = card("anthropic/sim-claude-next", "anthropic", "sim-claude-next")
        async with vendors(tmp_path, models=[other]) as gateway:
            client = MessagesClient(gateway.url)
            for stream, model in ((True, CLAUDE), (False, other.id), (True, CLAUDE), (True, other.id)):
                await client.say(f"please use {TOOL}", model, stream=stream)
            assert gateway.refusals() == []
            await client.close()

    asyncio.run(run())


@pytest.mark.parametrize("model", MODELS)
def test_words_after_the_results_of_parallel_calls_stand_after_them(tmp_path: Path, model: str) -> None:
    async def run() -> None:
        async with vendors(tmp_path) as gateway:
            calls = [{"type": "tool_use", "id": f"toolu_{n}", "name": TOOL, "input": {"city": f"{n}"}} for n in (1, 2)]
            results = [{"type": "tool_result", "tool_use_id": f"toolu_{n}", "content": f"result {n}"} for n in (2, 1)]
            messages = [
                {"role": "user", "content": "both"},
                {"role": "assistant", "content": calls},
                {"role": "user", "content": [*results, {"type": "text", "text": "and now?"}]},
            ]
            tools = [{"name": TOOL, "input_schema": {"type": "object"}}]
            body = {"model": model, "max_tokens": 99, "messages": messages, "tools": tools}
            answer = await post(gateway, "/v1/messages", body)
            assert answer.status_code == 200, answer.text
            sent = gateway.sent[-1].body.decode()
            assert max(sent.index("result 1"), sent.index("result 2")) < sent.index("and now?")

    asyncio.run(run())


# --- media, errors, other doors ------------------------------------------------------------------


@pytest.mark.parametrize("model", [CLAUDE, GPT, GEMINI, "chat/sim-gpt-plain", "ollama/sim-llama"])
def test_images_cross_to_every_vendor_that_takes_them(tmp_path: Path, model: str) -> None:
    async def run() -> None:
        async with vendors(tmp_path) as gateway:
            image = {"type": "image", "source": {"type": "base64", "media_type": "image/png", "data": PNG}}
            body = {
                "model": model,
                "max_tokens": 100,
                "messages": [{"role": "user", "content": [image, {"type": "text", "text": "what is it?"}]}],
            }
            answer = await post(gateway, "/v1/messages", body)
            assert answer.status_code == 200, answer.text
            assert PNG.encode() in gateway.sent[-1].body
            assert gateway.refusals() == []

    asyncio.run(run())


def test_a_pdf_that_the_target_cannot_take_is_refused_in_the_callers_dialect(tmp_path: Path) -> None:
    async def run() -> None:
        async with vendors(tmp_path) as gateway:
            document = {"type": "document", "source": {"type": "base64", "media_type": "application/pdf", "data": PDF}}
            body = {"model": "ollama/sim-llama", "max_tokens": 9, "messages": [{"role": "user", "content": [document]}]}
            answer = await post(gateway, "/v1/messages", body)
            assert answer.status_code == 400
            assert answer.json()["type"] == "error"
            assert "messages[0].content[0]" in answer.json()["error"]["message"]
            assert gateway.sent == []

    asyncio.run(run())


@pytest.mark.parametrize(
    ("dialect", "model"), [("openai-chat", CLAUDE), ("anthropic", GPT), ("openai-responses", GEMINI)]
)
def test_a_vendors_refusal_is_told_in_the_callers_dialect(tmp_path: Path, dialect: str, model: str) -> None:
    async def run() -> None:
        async with vendors(tmp_path) as gateway:
            gateway.engine._schedule = lambda _case: overloaded()
            client = CLIENTS[dialect](gateway.url)
            with pytest.raises(REFUSED[dialect]) as raised:
                await client.say("hi", model, stream=True)
            assert getattr(raised.value, "status_code", None) in {503, 529}
            assert isinstance(getattr(raised.value, "body", None), dict)
            await client.close()

    asyncio.run(run())


def overloaded() -> Any:
    from baton.simulate.faults import parse_fault

    return parse_fault("503")


def test_tokens_are_counted_by_the_vendor_that_counts_and_estimated_elsewhere(tmp_path: Path) -> None:
    async def run() -> None:
        async with vendors(tmp_path) as gateway:
            body = {"messages": [{"role": "user", "content": "count me " * 50}]}
            exact = await post(gateway, "/v1/messages/count_tokens", body | {"model": CLAUDE})
            guess = await post(gateway, "/v1/messages/count_tokens", body | {"model": GPT})
            assert exact.status_code == guess.status_code == 200
            assert "x-baton-estimated" not in exact.headers
            assert guess.headers["x-baton-estimated"] == "true"
            assert 20 < guess.json()["input_tokens"] < 400
            contents = {"contents": [{"role": "user", "parts": [{"text": "count me " * 50}]}]}
            gemini = await post(gateway, f"/v1beta/models/{GEMINI}:countTokens", contents)
            assert 20 < gemini.json()["totalTokens"] < 400

    asyncio.run(run())


@pytest.mark.parametrize("model", [GEMINI, CLAUDE])
def test_a_gemini_stream_without_sse_is_one_json_array(tmp_path: Path, model: str) -> None:
    async def run() -> None:
        async with vendors(tmp_path) as gateway:
            contents = {"contents": [{"role": "user", "parts": [{"text": "hello"}]}]}
            answer = await post(gateway, f"/v1beta/models/{model}:streamGenerateContent", contents)
            assert answer.status_code == 200
            assert answer.headers["content-type"] == "application/json"
            chunks = answer.json()
            words = "".join(
                part.get("text", "")
                for chunk in chunks
                for part in chunk["candidates"][0].get("content", {}).get("parts", ())
                if not part.get("thought")
            )
            assert words.endswith("to: hello")
            unknown = await post(gateway, f"/v1beta/models/{model}:rhyme", contents)
            assert unknown.status_code == 404
            assert unknown.json()["error"]["status"] == "NOT_FOUND"

    asyncio.run(run())


@pytest.mark.parametrize("stream", [False, True], ids=["whole", "stream"])
@pytest.mark.parametrize("model", [GPT, CLAUDE, GEMINI, DEEPSEEK])
def test_stop_sequences_hold_also_where_the_vendor_takes_none(tmp_path: Path, model: str, stream: bool) -> None:
    async def run() -> None:
        async with vendors(tmp_path) as gateway:
            client = ChatClient(gateway.url)
            asked: dict[str, Any] = {"model": model, "messages": [{"role": "user", "content": "one STOP two"}]}
            asked |= {"stop": ["STOP"], "stream": stream}
            if stream:
                chunks = [chunk async for chunk in await client.sdk.chat.completions.create(**asked)]
                said = "".join(chunk.choices[0].delta.content or "" for chunk in chunks)
                reason = chunks[-1].choices[0].finish_reason
            else:
                choice = (await client.sdk.chat.completions.create(**asked)).choices[0]
                said, reason = choice.message.content, choice.finish_reason
            assert said.endswith("to: one ")
            assert reason == "stop"
            assert gateway.refusals() == []
            await client.close()

    asyncio.run(run())
