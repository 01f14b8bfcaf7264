"""Field cases 1 to 14: thinking and its signatures when the model or the provider is switched."""

import asyncio
import json
from pathlib import Path
from typing import Any

import httpx2
import pytest

from baton.config.schema import HandoffConfig
from baton.protocol.anthropic.thinking import UNSIGNED
from baton.protocol.foreign import REASONING
from baton.protocol.gemini.parts import STAND_IN
from baton.protocol.inband import TEXT_TAG
from baton.types.card import Dialect
from baton.types.events import AnswerMessage, PrivateState, Stop
from baton.types.parts import Origin, PrivateEntry, ReasoningPart, TextPart, ToolCallPart
from tests.field_cases.rendered import (
    DIALECTS,
    Json,
    frames,
    heard_stream,
    read,
    rendered,
    target,
    told_stream,
    written,
)
from tests.field_cases.stage import Maker, Stage, stage, whole
from tests.flow.clients import TOOL, ChatClient, MessagesClient
from tests.flow.vendors import Vendors, card, vendors
from tests.protocol.loop import Client

CLAUDE, NEXT, DEEPSEEK = "anthropic/sim-claude", "anthropic/sim-claude-next", "deepseek/sim-deepseek"
THOUGHT = "a thought that stays at home"
SIGNATURE = "c2lnbmVkIGJ5IGNsYXVkZQ=="
SIGNED: Json = {"type": "thinking", "thinking": THOUGHT, "signature": SIGNATURE}
CALL: Json = {"type": "tool_use", "id": "toolu_1", "name": "get_weather", "input": {"city": "Paris"}}
RESULT: Json = {"type": "tool_result", "tool_use_id": "toolu_1", "content": "sunny"}
THOUGHTFUL: Json = {
    "messages": [
        {"role": "user", "content": "the weather?"},
        {"role": "assistant", "content": [SIGNED, {"type": "text", "text": "I look."}, CALL]},
        {"role": "user", "content": [RESULT]},
    ]
}
TOOLS: list[Json] = [{"name": TOOL, "input_schema": {"type": "object", "properties": {"city": {"type": "string"}}}}]
CLAUDE_ORIGIN = Origin("anthropic", "account", "", "claude-opus-5")


def claude(*blocks: Json, **more: Any) -> Json:
    usage = {"input_tokens": 3, "output_tokens": 2}
    message = {"id": "msg_1", "type": "message", "role": "assistant", "model": "claude", "content": list(blocks)}
    return message | {"stop_reason": "end_turn", "stop_sequence": None, "usage": usage} | more


async def ask(gateway: Vendors | Stage, model: str, messages: list[Any], **more: Any) -> httpx2.Response:
    body = {"model": model, "max_tokens": 4_000, "messages": messages} | more
    async with httpx2.AsyncClient(base_url=gateway.url) as http:
        return await http.post("/v1/messages", json=body)


def kinds(message: Json) -> list[str]:
    return [block["type"] for block in message["content"]]


@pytest.mark.parametrize("stream", [False, True], ids=["whole", "stream"])
def test_case_01_llxprt_code_2335_a_switch_between_two_claudes_withholds_the_foreign_signature(
    tmp_path: Path, stream: bool
) -> None:
    """A session moved from one Claude to another is dead: 400 Invalid signature, until its history is cleared."""

    async def run() -> None:
        other = card(NEXT, "anthropic", "sim-claude-next")
        async with vendors(tmp_path, models=[other]) as gateway:
            client = MessagesClient(gateway.url)
            for model in (CLAUDE, NEXT, CLAUDE):
                await client.say(f"please use {TOOL}", model, stream=stream)
            assert gateway.refusals() == []
            first, other_first, back = (json.loads(gateway.sent[place].body) for place in (1, 2, 4))
            assert kinds(first["messages"][1]) == ["thinking", "text", "tool_use"]
            assert kinds(other_first["messages"][1]) == ["text", "tool_use"]
            assert back["messages"][1] == first["messages"][1]
            await client.close()

    asyncio.run(run())
    shown = rendered(
        "anthropic", THOUGHTFUL, target("anthropic", origin=Origin("", "", "", "claude-fable-5")), CLAUDE_ORIGIN
    )
    assert kinds(shown.messages[1]) == ["text", "tool_use"]
    assert shown.action("messages[1].content[0].signature") == "withheld"
    assert shown.reason("messages[1].content[0].signature") == "private state of another model: kept for its origin"


@pytest.mark.parametrize("thread", ["uncommonroute_19", "uncommonroute_24"])
def test_case_02_a_router_that_picks_another_model_in_the_next_turn_withholds_the_thinking(
    tmp_path: Path, thread: str
) -> None:
    """Auto mode sends turn N to model A and turn N+1 to model B, and B refuses the signatures of A."""
    stream = thread.endswith("24")

    async def run() -> None:
        other = card(NEXT, "anthropic", "sim-claude-next")
        async with vendors(tmp_path, models=[other]) as gateway:
            history: list[Any] = [{"role": "user", "content": "think"}]
            thinking: Json = {"type": "adaptive"}
            first = await ask(gateway, "auto", history, thinking=thinking, baton={"models": [CLAUDE]})
            assert first.headers["x-baton-model"] == CLAUDE
            content = first.json()["content"]
            assert content[0]["signature"]
            history += [{"role": "assistant", "content": content}, {"role": "user", "content": "go on"}]
            more = {"thinking": thinking, "stream": stream, "baton": {"models": [NEXT]}}
            second = await ask(gateway, "auto", history, **more)
            assert (second.status_code, second.headers["x-baton-model"]) == (200, NEXT)
            assert "withheld=2" in second.headers["x-baton-handoff"]
            sent = json.loads(gateway.sent[-1].body)
            assert sent["messages"][1]["content"] == content[1:]
            assert "baton" not in sent
            assert gateway.refusals() == []

    asyncio.run(run())


def test_case_03_hermes_agent_24401_a_retry_without_thinking_goes_out_without_it(tmp_path: Path) -> None:
    """Strip-and-retry left the signed blocks in the payload, so that every retry got the same 400."""

    async def run() -> None:
        async with vendors(tmp_path) as gateway:
            refused = await ask(gateway, CLAUDE, THOUGHTFUL["messages"], tools=TOOLS)
            assert refused.status_code == 400
            assert "Invalid `signature` in `thinking` block" in refused.json()["error"]["message"]
            stripped = json.loads(json.dumps(THOUGHTFUL["messages"]))
            del stripped[1]["content"][0]
            retried = await ask(gateway, CLAUDE, stripped, tools=TOOLS)
            assert retried.status_code == 200
            assert len(gateway.sent) == 2
            assert json.loads(gateway.sent[1].body)["messages"] == stripped
            assert SIGNATURE.encode() not in gateway.sent[1].body

    asyncio.run(run())


@pytest.mark.parametrize("model", ["glm-5", "minimax-m3"])
def test_case_04_opencode_6418_thinking_of_glm_and_minimax_does_not_reach_opus(tmp_path: Path, model: str) -> None:
    """GLM and MiniMax speak Messages and sign in their own way: Opus answers 400 to what they signed."""

    async def run() -> None:
        foreign = claude({"type": "thinking", "thinking": THOUGHT, "signature": "cafe1234"}, text("hello"))
        makers = {
            "other": Maker("anthropic", model, [whole(foreign)], key="one"),
            "anthropic": Maker("anthropic", "claude-opus-5", [whole(claude(text("hi")))], key="two"),
        }
        async with stage(tmp_path, makers) as gateway:
            history: list[Any] = [{"role": "user", "content": "hi"}]
            first = await ask(gateway, f"other/{model}", history)
            assert first.json()["content"] == foreign["content"]
            history += [{"role": "assistant", "content": first.json()["content"]}, {"role": "user", "content": "on"}]
            second = await ask(gateway, "anthropic/claude-opus-5", history)
            assert second.status_code == 200
            sent = json.loads(gateway.upstreams["anthropic"].requests[0].body)
            assert sent["messages"][1]["content"] == [text("hello")]
            report = await gateway.decision(second)
            withheld = {path: one["reason"] for path, one in report.items() if one["action"] == "withheld"}
            assert withheld == {
                "messages[1]#0": REASONING,
                "messages[1]#private[0]": "private state of another provider: kept for its origin",
            }

    asyncio.run(run())


@pytest.mark.parametrize("left", [{}, {"signature": ""}], ids=["without-signature", "empty-signature"])
def test_case_05_opencode_25005_a_thinking_block_that_lost_its_signature_is_left_out(
    tmp_path: Path, left: Json
) -> None:
    """The client dropped the metadata and kept the block: 400 `signature: Field required`."""
    block = {"type": "thinking", "thinking": THOUGHT} | left
    history = [{"role": "user", "content": "hi"}, {"role": "assistant", "content": [block, text("hello")]}]
    body = {"messages": [*history, {"role": "user", "content": "go on"}]}
    shown = rendered("anthropic", body, "anthropic")
    assert shown.messages[1] == {"role": "assistant", "content": [text("hello")]}
    assert shown.action("messages[1].content[0]") == "withheld"
    assert shown.reason("messages[1].content[0]") == REASONING

    async def run() -> None:
        async with vendors(tmp_path) as gateway:
            answer = await ask(gateway, CLAUDE, body["messages"])
            assert answer.status_code == 200, answer.text
            assert json.loads(gateway.sent[0].body)["messages"][1]["content"] == [text("hello")]
            assert gateway.refusals() == []

    asyncio.run(run())


def test_case_05_opencode_25005_thinking_that_was_shown_without_a_signature_comes_back_harmless(tmp_path: Path) -> None:
    """Thinking of a model that signs nothing is told to a client of Messages, who returns it to Claude."""

    async def run() -> None:
        async with vendors(tmp_path, handoff=HandoffConfig(in_band=False)) as gateway:
            client = MessagesClient(gateway.url)
            await client.say("hi", DEEPSEEK, stream=False)
            assert client.history[1]["content"][0]["signature"] == ""
            await client.say("and now you", CLAUDE, stream=False)
            assert gateway.refusals() == []
            await client.close()

    asyncio.run(run())


def test_case_06_oh_my_pi_6379_a_foreign_signature_in_the_latest_turn_of_an_open_tool_loop(tmp_path: Path) -> None:
    """Old turns were cleaned, the latest was not: manual thinking wants one there, and a foreign one is refused."""

    async def run() -> None:
        other = card(NEXT, "anthropic", "sim-claude-next")
        async with vendors(tmp_path, models=[other]) as gateway:
            history: list[Any] = [{"role": "user", "content": f"please use {TOOL}"}]
            more: Json = {"tools": TOOLS, "thinking": {"type": "enabled", "budget_tokens": 2_000}}
            first = await ask(gateway, CLAUDE, history, **more)
            content = first.json()["content"]
            assert [block["type"] for block in content] == ["thinking", "text", "tool_use"]
            results = [{"type": "tool_result", "tool_use_id": content[2]["id"], "content": "sunny"}]
            history += [{"role": "assistant", "content": content}, {"role": "user", "content": results}]
            second = await ask(gateway, NEXT, history, **more)
            assert second.status_code == 200, second.text
            sent = json.loads(gateway.sent[-1].body)
            assert sent["messages"][1]["content"] == content[1:]
            assert "thinking" not in sent
            assert gateway.refusals() == []

    asyncio.run(run())
    body = THOUGHTFUL | {"thinking": {"type": "enabled", "budget_tokens": 2_000}}
    goal = target("anthropic", origin=Origin("another"), efforts=("low", "high"), reasoning_style="budget")
    shown = rendered("anthropic", body, goal, CLAUDE_ORIGIN)
    assert kinds(shown.messages[1]) == ["text", "tool_use"]
    assert "thinking" not in shown.body
    assert (shown.action("thinking.type"), shown.reason("thinking.type")) == ("degraded", UNSIGNED)


@pytest.mark.parametrize("to", DIALECTS)
def test_case_07_oh_my_pi_7241_unsigned_thinking_is_never_sent_as_text(to: Dialect) -> None:
    """Replayed as text it reads like an attempt to extract reasoning: a refusal, category reasoning_extraction."""
    unsigned = {"type": "thinking", "thinking": THOUGHT}
    body = {
        "messages": [
            {"role": "user", "content": "hi"},
            {"role": "assistant", "content": [unsigned, text("hello")]},
            {"role": "user", "content": "go on"},
        ]
    }
    shown = rendered("anthropic", body, to)
    assert THOUGHT.encode() not in shown.raw
    assert b"hello" in shown.raw
    assert shown.paths("withheld") == ["messages[1].content[0]"]


@pytest.mark.parametrize("differs", ["provider", "account", "model", ""])
def test_case_08_llm_gateway_2337_thinking_is_replayed_to_its_own_provider_account_and_model_only(differs: str) -> None:
    """A fallback that changed model or key got the cached thinking of the route before: Invalid signature."""
    asked = {"provider": "anthropic", "account": "account", "model": "claude-opus-5"}
    if differs:
        asked[differs] = "another"
    shown = rendered("anthropic", THOUGHTFUL, target("anthropic", origin=Origin(**asked)), CLAUDE_ORIGIN)
    path = "messages[1].content[0].signature"
    if not differs:
        assert shown.messages[1]["content"][0] == SIGNED
        assert shown.action(path) == "kept"
        return
    assert SIGNATURE.encode() not in shown.raw
    assert (shown.action(path), shown.reason(path)) == (
        "withheld",
        f"private state of another {differs}: kept for its origin",
    )


def test_case_09_cli_proxy_api_994_claude_to_gemini_sends_no_corrupted_thought_signature() -> None:
    """Claude's signature went into thoughtSignature: `Corrupted thought signature`, 400."""
    shown = rendered("anthropic", THOUGHTFUL, "gemini", CLAUDE_ORIGIN)
    assert SIGNATURE.encode() not in shown.raw
    assert THOUGHT.encode() not in shown.raw
    assert shown.messages[1]["parts"] == [
        {"text": "I look."},
        {
            "functionCall": {"name": "get_weather", "args": {"city": "Paris"}, "id": "toolu_1"},
            "thoughtSignature": STAND_IN,
        },
    ]
    assert shown.action("messages[1].content[0].signature") == "withheld"
    assert shown.action("messages[1].content[2].thoughtSignature") == "moved"


def test_case_10_pydantic_ai_3757_claude_at_bedrock_and_claude_at_anthropic_are_two_origins(tmp_path: Path) -> None:
    """The same model signed at Bedrock: Anthropic itself refuses the signature."""
    at_bedrock = "us.anthropic.claude-sonnet-5-20260801-v1:0"

    async def run() -> None:
        makers = {
            "bedrock": Maker("anthropic", at_bedrock, [whole(claude(SIGNED, text("hello")))], kind="bedrock",
                             options={"region": "r"}),
            "anthropic": Maker("anthropic", "claude-sonnet-5", [whole(claude(text("hi")))]),
        }  # fmt: skip
        async with stage(tmp_path, makers) as gateway:
            history: list[Any] = [{"role": "user", "content": "hi"}]
            first = await ask(gateway, f"bedrock/{at_bedrock}", history)
            history += [{"role": "assistant", "content": first.json()["content"]}, {"role": "user", "content": "on"}]
            for model in (f"bedrock/{at_bedrock}", "anthropic/claude-sonnet-5"):
                assert (await ask(gateway, model, history)).status_code == 200
            again = json.loads(gateway.upstreams["bedrock"].requests[1].body)
            sent = json.loads(gateway.upstreams["anthropic"].requests[0].body)
            assert again["messages"][1]["content"] == [SIGNED, text("hello")]
            assert sent["messages"][1]["content"] == [text("hello")]

    asyncio.run(run())


def test_case_11_pydantic_ai_3748_a_signature_in_a_stream_is_kept_and_comes_back() -> None:
    """The signature arrives in a delta of its own, after the thinking, and was lost in streams."""
    start = {"type": "message_start", "message": claude(stop_reason=None)}
    stream = frames(
        start,
        {"type": "content_block_start", "index": 0, "content_block": SIGNED | {"thinking": "", "signature": ""}},
        delta(0, {"type": "thinking_delta", "thinking": THOUGHT}),
        delta(0, {"type": "signature_delta", "signature": SIGNATURE[:10]}),
        delta(0, {"type": "signature_delta", "signature": SIGNATURE[10:]}),
        {"type": "content_block_stop", "index": 0},
        {"type": "content_block_start", "index": 1, "content_block": text("")},
        delta(1, {"type": "text_delta", "text": "hello"}),
        {"type": "content_block_stop", "index": 1},
        {"type": "message_delta", "delta": {"stop_reason": "end_turn"}, "usage": {"output_tokens": 2}},
        {"type": "message_stop"},
    )
    events = heard_stream("anthropic", stream, CLAUDE_ORIGIN)
    kept = [event.entry for event in events if isinstance(event, PrivateState)]
    assert [(entry.kind, entry.payload, entry.origin) for entry in kept] == [
        ("signature", SIGNATURE.encode(), CLAUDE_ORIGIN)
    ]
    assert SIGNATURE.encode() in told_stream(events, "anthropic")
    sealed = told_stream(events, "openai-responses", seal=lambda entry, _: TEXT_TAG + entry.payload.decode())
    assert TEXT_TAG.encode() + SIGNATURE.encode() in sealed


@pytest.mark.parametrize("thread", ["pydantic_ai_2040", "pydantic_ai_2075"])
def test_case_12_with_thinking_and_tools_the_first_block_is_thinking(thread: str) -> None:
    """`Expected thinking, but found tool_use`: the turn that opens a tool loop must begin with its thinking."""
    dialect: Dialect = "openai-chat" if thread.endswith("2040") else "openai-responses"
    client = Client(dialect, in_band=dialect == "openai-responses")
    client.say("the weather?")
    answer = AnswerMessage(
        "msg_1",
        "claude",
        (ReasoningPart(THOUGHT), TextPart("I look."), ToolCallPart("toolu_1", "get_weather", '{"city":"Paris"}')),
        (PrivateEntry("signature", SIGNATURE.encode(), "anthropic", CLAUDE_ORIGIN, anchor=0),),
        Stop("tool_calls", "tool_use"),
    )
    client.hear(answer, "anthropic")
    shown = written(client.conversation(), target("anthropic", origin=CLAUDE_ORIGIN))
    assert shown.messages[1]["content"] == [SIGNED, {"type": "text", "text": "I look."}, CALL]
    stranger = written(client.conversation(), target("anthropic", origin=Origin("another")))
    assert kinds(stranger.messages[1]) == ["text", "tool_use"]


THINKERS: dict[Dialect, Json] = {
    "openai-chat": {
        "messages": [
            {"role": "user", "content": "hi"},
            {"role": "assistant", "content": "hello", "reasoning_content": THOUGHT},
            {"role": "user", "content": "go on"},
        ]
    },
    "openai-responses": {
        "input": [
            {"role": "user", "content": "hi"},
            {
                "type": "reasoning",
                "id": "rs_1",
                "summary": [{"type": "summary_text", "text": THOUGHT}],
                "encrypted_content": "ZW5j",
            },
            {"role": "assistant", "content": "hello"},
            {"role": "user", "content": "go on"},
        ]
    },
    "anthropic": THOUGHTFUL,
    "gemini": {
        "contents": [
            {"role": "user", "parts": [{"text": "hi"}]},
            {"role": "model", "parts": [{"text": THOUGHT, "thought": True}, {"text": "hello"}]},
            {"role": "user", "parts": [{"text": "go on"}]},
        ]
    },
    "ollama": {
        "messages": [
            {"role": "user", "content": "hi"},
            {"role": "assistant", "content": "hello", "thinking": THOUGHT},
            {"role": "user", "content": "go on"},
        ]
    },
}


@pytest.mark.parametrize("to", DIALECTS)
@pytest.mark.parametrize("dialect", DIALECTS)
def test_case_13_pydantic_ai_5869_foreign_thinking_is_not_rendered_as_tagged_text(
    dialect: Dialect, to: Dialect
) -> None:
    """`<thinking>` tags in the history taught the next model to write them itself."""
    origin = Origin("maker", "account", "", "thinker")
    conversation = read(dialect, THINKERS[dialect], origin)
    shown = written(conversation, target(to, origin=Origin("another", "account", "", "model")))
    assert THOUGHT.encode() not in shown.raw
    assert b"think>" not in shown.raw
    thoughts = [part.path for turn in conversation.turns for part in turn.parts if isinstance(part, ReasoningPart)]
    assert [shown.action(path) for path in thoughts] == ["withheld"]


@pytest.mark.parametrize("thread", ["pydantic_ai_2701", "pydantic_ai_3629"])
def test_case_14_reasoning_content_comes_back_to_the_server_that_wants_it(tmp_path: Path, thread: str) -> None:
    """DeepSeek refuses the next step of a tool loop without its `reasoning_content`, which few clients send."""
    stream = thread.endswith("3629")

    async def run() -> None:
        async with vendors(tmp_path) as gateway:
            client = ChatClient(gateway.url)
            await client.say(f"please use {TOOL}", DEEPSEEK, stream=stream)
            assert "reasoning_content" not in client.history[1]
            called = json.loads(gateway.sent[1].body)["messages"][1]
            assert called["reasoning_content"].startswith("Turn 1: sim-deepseek weighs case")
            assert called["tool_calls"][0]["function"]["name"] == TOOL
            assert gateway.refusals() == []
            await client.close()

    asyncio.run(run())


def text(words: str) -> Json:
    return {"type": "text", "text": words}


def delta(index: int, said: Json) -> Json:
    return {"type": "content_block_delta", "index": index, "delta": said}
