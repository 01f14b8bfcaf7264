"""Field cases 15 to 28: thinking and its state that was lost, moved, rebuilt or mistaken on the way."""

import asyncio
import base64
import json
from pathlib import Path
from typing import Any

import msgspec
import pytest
from msgspec import Raw

from baton.protocol.foreign import REASONING
from baton.protocol.gemini.parts import STAND_IN
from baton.protocol.inband import TEXT_TAG
from baton.types.card import Dialect
from baton.types.events import AnswerMessage, PrivateState, ReasoningDelta, Stop
from baton.types.handoff import Target
from baton.types.parts import Origin, Part, PrivateEntry, ReasoningPart, TextPart, ToolCallPart
from tests.field_cases.rendered import (
    Json,
    Shown,
    frames,
    heard,
    heard_stream,
    rendered,
    target,
    told,
    told_stream,
    unframed,
    written,
)
from tests.flow.clients import TOOL, ChatClient, ResponsesClient
from tests.flow.vendors import vendors
from tests.protocol.loop import Client

CLAUDE, GEMINI = "anthropic/sim-claude", "gemini/sim-gemini"
THOUGHT = "a thought that stays at home"
SIGNATURE = "c2lnbmVkIGJ5IGNsYXVkZQ=="
CLAUDES = Origin("anthropic", "account", "", "claude-opus-5")
GEMINIS = Origin("ai-studio", "account", "", "gemini-3-pro")
GPTS = Origin("openai", "account", "", "gpt-6")
CALL = ToolCallPart("toolu_1", "get_weather", '{"city":"Paris"}')
ENCRYPTED: Json = {
    "type": "reasoning",
    "id": "rs_1",
    "summary": [{"type": "summary_text", "text": THOUGHT}],
    "encrypted_content": "ZW5jcnlwdGVk",
}


def of_claude(*parts: Part, signed: tuple[int, ...] = (0,)) -> AnswerMessage:
    private = [PrivateEntry("signature", f"{SIGNATURE}{n}".encode(), "anthropic", CLAUDES, anchor=n) for n in signed]
    called = any(isinstance(part, ToolCallPart) for part in parts)
    stop = Stop("tool_calls", "tool_use") if called else Stop("end", "end_turn")
    return AnswerMessage("msg_1", "claude", parts, tuple(private), stop)


def of_gemini(call: ToolCallPart) -> AnswerMessage:
    signature = base64.b64encode(b"thought of gemini")
    entry = PrivateEntry("thought_signature", signature, "gemini", GEMINIS, anchor=0)
    return AnswerMessage("r1", "gemini", (call,), (entry,), Stop("tool_calls", "STOP"))


def client_after(answer: AnswerMessage, maker: Dialect, dialect: Dialect, *, in_band: bool) -> Client:
    client = Client(dialect, in_band=in_band)
    client.say("the weather?")
    client.hear(answer, maker)
    return client


def ask(client: Client, to: Target) -> Shown:
    return written(client.conversation(), to)


def turns(shown: Shown) -> list[bytes]:
    """The bytes of each turn."""
    members = msgspec.json.decode(shown.raw, type=dict[str, Raw])
    member = next(name for name in ("messages", "input", "contents") if name in members)
    return [bytes(turn) for turn in msgspec.json.decode(members[member], type=list[Raw])]


def test_case_15_bifrost_1149_a_signature_survives_a_client_of_responses(tmp_path: Path) -> None:
    """Claude behind the Responses API: the signature was lost on the way out, and the next turn was refused."""

    async def run() -> None:
        async with vendors(tmp_path) as gateway:
            client = ResponsesClient(gateway.url)
            await client.say(f"please use {TOOL}", CLAUDE, stream=True)
            await client.say("go on", CLAUDE, stream=False)
            assert gateway.refusals() == []
            second, third = (json.loads(gateway.sent[place].body) for place in (1, 2))
            assert [block["type"] for block in second["messages"][1]["content"]] == ["thinking", "text", "tool_use"]
            assert third["messages"][: len(second["messages"])] == second["messages"]
            items = [item for item in client.history if item.get("type") == "reasoning"]
            assert all(item["encrypted_content"].startswith(TEXT_TAG) for item in items)
            await client.close()

    asyncio.run(run())


def test_case_16_bifrost_3688_reasoning_stands_before_the_call_that_it_led_to() -> None:
    """Reasoning was written after the tool_use that it belongs to: messages must begin with thinking."""
    answer = of_claude(ReasoningPart("first"), CALL, ReasoningPart("second"), TextPart("so"), signed=(0, 2))
    items = told(answer, "openai-responses", seal=lambda entry, _: TEXT_TAG + entry.payload.decode())["output"]
    assert [item["type"] for item in items] == ["reasoning", "function_call", "reasoning", "message"]
    client = client_after(answer, "anthropic", "openai-responses", in_band=True)
    blocks = ask(client, target("anthropic", origin=CLAUDES)).messages[1]["content"]
    assert [block["type"] for block in blocks] == ["thinking", "tool_use", "thinking", "text"]
    assert [block.get("signature") for block in blocks] == [SIGNATURE + "0", None, SIGNATURE + "2", None]


@pytest.mark.parametrize(
    ("dialect", "given", "expected"),
    [
        ("anthropic", {"thinking": {"type": "adaptive"}}, {"type": "adaptive"}),
        ("openai-responses", {"reasoning": {"effort": "high"}}, {"type": "adaptive"}),
        ("openai-chat", {"reasoning_effort": "high"}, {"type": "adaptive"}),
        (
            "openai-responses",
            {"reasoning": {"effort": "high", "summary": "auto"}},
            {"type": "adaptive", "display": "summarized"},
        ),
    ],
)
def test_case_17_bifrost_5185_display_is_not_forced_on_who_did_not_ask_for_it(
    dialect: Dialect, given: Json, expected: Json
) -> None:
    """`display: summarized` was put into every request: agents became two to three times slower."""
    said = "input" if dialect == "openai-responses" else "messages"
    shown = rendered(dialect, {said: [{"role": "user", "content": "hi"}]} | given, "anthropic")
    assert shown.body["thinking"] == expected
    if "summary" in json.dumps(given):
        assert shown.action("reasoning.summary") == "kept"


@pytest.mark.parametrize("dialect", ["anthropic", "openai-chat", "openai-responses"])
def test_case_18_bifrost_7064_signed_thinking_with_empty_text_stays(dialect: Dialect) -> None:
    """With `display: omitted` thinking has no text but a signature: leaving it out broke the prompt cache."""
    answer = of_claude(ReasoningPart(""), TextPart("I look."), CALL)
    client = client_after(answer, "anthropic", dialect, in_band=dialect == "openai-responses")
    shown = ask(client, target("anthropic", origin=CLAUDES))
    assert shown.messages[1]["content"][0] == {"type": "thinking", "thinking": "", "signature": SIGNATURE + "0"}
    assert not [path for path in shown.paths("withheld") if "private" in path or path.endswith("encrypted_content")]


def test_case_19_ai_sdk_provider_423_a_delta_of_nothing_but_a_signature_is_kept() -> None:
    """The last `reasoning_details` of a stream bears a signature and no text: it was dropped as empty."""
    signed = {"type": "reasoning.text", "text": "", "signature": SIGNATURE, "format": "anthropic-claude-v1", "index": 0}
    stream = frames(
        chunk({"role": "assistant", "reasoning": THOUGHT}),
        chunk({"reasoning_details": [signed]}),
        chunk({"content": "hello"}),
        chunk({}, "stop"),
        b"[DONE]",
    )
    events = heard_stream("openai-chat", stream, GPTS)
    kept = [event.entry for event in events if isinstance(event, PrivateState)]
    details = next(entry for entry in kept if entry.kind == "reasoning_details")
    assert json.loads(details.payload) == [signed]
    message: Json = {"role": "assistant", "content": "hello", "reasoning_details": [signed]}
    body = {"messages": [{"role": "user", "content": "hi"}, message, {"role": "user", "content": "on"}]}
    shown = rendered("openai-chat", body, target("openai-chat", origin=GPTS), GPTS, own_members=True)
    assert shown.messages[1]["reasoning_details"] == [signed]
    assert SIGNATURE.encode() not in rendered("openai-chat", body, "anthropic", GPTS).raw


@pytest.mark.parametrize("provider", ["ai-studio", "vertex"])
def test_case_20_ai_sdk_provider_491_a_thought_signature_of_vertex_is_not_sent_to_ai_studio(provider: str) -> None:
    """Two doors to the same Gemini: each refuses the thought signatures of the other."""
    part = {"functionCall": {"name": "get_weather", "args": {}, "id": "c1"}, "thoughtSignature": "dGhvdWdodA=="}
    response = {"functionResponse": {"name": "get_weather", "id": "c1", "response": {"result": "sunny"}}}
    contents = [
        {"role": "user", "parts": [{"text": "hi"}]},
        {"role": "model", "parts": [part]},
        {"role": "user", "parts": [response]},
    ]
    goal = target("gemini", model="gemini-3-pro", origin=Origin(provider, "", "", "gemini-3-pro"))
    shown = rendered("gemini", {"contents": contents}, goal, GEMINIS)
    sent = shown.messages[1]["parts"][0]["thoughtSignature"]
    path = "contents[1].parts[0].thoughtSignature"
    if provider == "ai-studio":
        assert (sent, shown.action(path)) == ("dGhvdWdodA==", "kept")
        assert turns(shown)[1] == json.dumps(contents[1]).encode()
    else:
        assert (sent, shown.action(path)) == (STAND_IN, "withheld")


@pytest.mark.parametrize("thread", ["litellm_16893", "librechat_agents_35"])
def test_case_21_gemini_3_gets_a_thought_signature_with_the_first_call_of_a_turn(tmp_path: Path, thread: str) -> None:
    """Gemini 3 answers 400 to a call without its thought_signature, and Chat Completions has no field for it."""
    if thread == "litellm_16893":

        async def run() -> None:
            async with vendors(tmp_path) as gateway:
                client = ChatClient(gateway.url)
                await client.say(f"please use {TOOL}", GEMINI, stream=True)
                assert gateway.refusals() == []
                called = json.loads(gateway.sent[1].body)["contents"][1]["parts"][-1]
                assert called["functionCall"]["name"] == TOOL
                assert called["thoughtSignature"] not in {"", STAND_IN}
                await client.close()

        asyncio.run(run())
        return
    calls = [
        {"id": f"c{n}", "type": "function", "function": {"name": "get_weather", "arguments": "{}"}} for n in (1, 2)
    ]
    results = [{"role": "tool", "tool_call_id": f"c{n}", "content": "sunny"} for n in (1, 2)]
    messages = [{"role": "user", "content": "hi"}, {"role": "assistant", "tool_calls": calls}, *results]
    shown = rendered("openai-chat", {"messages": messages}, target("gemini", model="gemini-3-pro"))
    first, second = shown.messages[1]["parts"]
    assert first["thoughtSignature"] == STAND_IN
    assert "thoughtSignature" not in second
    assert shown.action("messages[1].tool_calls[0].thoughtSignature") == "moved"
    older = rendered("openai-chat", {"messages": messages}, target("gemini", model="gemini-2.5-pro"))
    assert b"thoughtSignature" not in older.raw


def test_case_22_vercel_ai_10560_a_call_with_invalid_arguments_keeps_its_thought_signature() -> None:
    """When the tool's input did not fit its schema, the call was rebuilt, and its thought signature was gone."""
    broken = ToolCallPart("call_1", "get_weather", '{"city": ')
    client = client_after(of_gemini(broken), "gemini", "openai-chat", in_band=False)
    client.messages[-1]["content"] = "[tool error] invalid arguments"
    shown = ask(client, target("gemini", model="gemini-3-pro", origin=GEMINIS))
    call, result = shown.messages[1]["parts"][0], shown.messages[2]["parts"][0]["functionResponse"]
    assert call["thoughtSignature"] == base64.b64encode(b"thought of gemini").decode()
    assert call["functionCall"]["args"] == {"_invalid_arguments": '{"city": '}
    assert result == {"name": "get_weather", "id": "call_1", "response": {"error": "invalid arguments"}}
    assert shown.action("messages[1]#0") == "degraded"
    assert shown.action("messages[1]#private[0]") == "kept"
    assert shown.action("messages[2].is_error") == "kept"


@pytest.mark.parametrize("dialect", ["anthropic", "openai-responses", "openai-chat", "gemini"])
def test_case_23_vercel_ai_7279_geminis_thought_signature_reaches_the_caller_and_comes_back(dialect: Dialect) -> None:
    """The signature of Google's reasoning was not provided to the caller, who could not return it."""
    in_band = dialect in {"anthropic", "openai-responses"}
    call = ToolCallPart("call_1", "get_weather", "{}")
    client = client_after(of_gemini(call), "gemini", dialect, in_band=in_band)
    signature = base64.b64encode(b"thought of gemini").decode()
    if in_band:
        assert TEXT_TAG in json.dumps(client.messages)
    elif dialect == "gemini":
        assert signature in json.dumps(client.messages)
    shown = ask(client, target("gemini", model="gemini-3-pro", origin=GEMINIS))
    assert shown.messages[1]["parts"][0]["thoughtSignature"] == signature


def test_case_24_litellm_36197_a_reasoning_item_that_cannot_go_is_reported_and_returns_to_its_maker() -> None:
    """Reasoning items were dropped without a word when the conversation went to another provider."""
    items = [
        {"role": "user", "content": "hi"},
        ENCRYPTED,
        {"type": "message", "id": "msg_1", "role": "assistant", "status": "completed",
         "content": [{"type": "output_text", "text": "hello", "annotations": []}]},
        {"role": "user", "content": "go on"},
    ]  # fmt: skip
    away = rendered("openai-responses", {"input": items}, "anthropic", GPTS)
    assert away.messages[1] == {"role": "assistant", "content": [{"type": "text", "text": "hello"}]}
    assert (away.action("input[1]"), away.reason("input[1]")) == ("withheld", REASONING)
    assert away.action("input[1].encrypted_content") == "withheld"
    home = rendered("openai-responses", {"input": items}, target("openai-responses", origin=GPTS), GPTS)
    assert turns(home)[1] == json.dumps(ENCRYPTED).encode()
    assert home.paths("withheld") == []


@pytest.mark.parametrize("thread", ["litellm_28668", "litellm_24425", "litellm_24985"])
def test_case_25_thinking_is_told_as_reasoning_and_not_as_output_text(thread: str) -> None:
    """Claude's thinking came out as `output_text`: clients showed it as the answer and sent it back as words."""
    answer = of_claude(ReasoningPart(THOUGHT), TextPart("hello"))
    if thread == "litellm_28668":
        items = told(answer, "openai-responses")["output"]
        assert items[0]["summary"] == [{"type": "summary_text", "text": THOUGHT}]
        assert [(one["type"], one["text"]) for one in items[1]["content"]] == [("output_text", "hello")]
    elif thread == "litellm_24425":
        message = told(answer, "openai-chat")["choices"][0]["message"]
        assert (message["content"], message["reasoning_content"]) == ("hello", THOUGHT)
        parts = told(answer, "gemini")["candidates"][0]["content"]["parts"]
        assert [(part["text"], part.get("thought", False)) for part in parts] == [(THOUGHT, True), ("hello", False)]
    else:
        events = [ReasoningDelta(0, THOUGHT), *heard_stream("openai-chat", frames(chunk({"content": "hello"}, "stop")))]
        told_of = unframed(told_stream([one for one in events if type(one).__name__ != "Start"], "openai-responses"))
        deltas = [(one["type"], one["delta"]) for one in told_of if one["type"].endswith(".delta")]
        assert ("response.reasoning_summary_text.delta", THOUGHT) in deltas
        assert THOUGHT not in [words for kind, words in deltas if kind == "response.output_text.delta"]


@pytest.mark.parametrize("dialect", ["openai-responses", "openai-chat"])
def test_case_26_litellm_40288_reasoning_is_never_rebuilt_so_that_the_prefix_keeps_its_bytes(dialect: Dialect) -> None:
    """Reasoning was built anew from its summary in every turn: other bytes each time, and no cache ever hit."""
    client = client_after(of_claude(ReasoningPart(THOUGHT), TextPart("I look."), CALL), "anthropic", dialect,
                          in_band=dialect == "openai-responses")  # fmt: skip
    goal = target("anthropic", origin=CLAUDES)
    once, twice = ask(client, goal), ask(client, goal)
    assert once.raw == twice.raw
    client.hear(of_claude(ReasoningPart("and more"), TextPart("It is sunny.")), "anthropic")
    client.say("thanks")
    later = ask(client, goal)
    assert turns(later)[: len(turns(once))] == turns(once)
    assert [block["signature"] for turn in later.messages if turn["role"] == "assistant"
            for block in turn["content"] if block["type"] == "thinking"] == [SIGNATURE + "0"] * 2  # fmt: skip


def test_case_27_zeroclaw_10611_old_thinking_stays_where_it_is() -> None:
    """Thinking of older turns was dropped to save tokens, which rewrote 340,592 tokens of cache."""
    thinking: Json = {"type": "thinking", "thinking": THOUGHT, "signature": SIGNATURE}
    messages: list[Any] = []
    for number in range(4):
        said = {"role": "assistant", "content": [thinking, {"type": "text", "text": f"answer {number}"}]}
        messages += [{"role": "user", "content": f"question {number}"}, said]
    goal = target("anthropic", origin=CLAUDES)
    longer = rendered("anthropic", {"messages": [*messages, {"role": "user", "content": "and?"}]}, goal, CLAUDES)
    assert turns(longer)[:8] == [json.dumps(message).encode() for message in messages]
    assert longer.paths("withheld") == []
    shorter = rendered("anthropic", {"messages": [*messages[:4], {"role": "user", "content": "and?"}]}, goal, CLAUDES)
    assert turns(longer)[:4] == turns(shorter)[:4]


@pytest.mark.parametrize("thread", ["litellm_12432", "litellm_11302"])
def test_case_28_reasoning_settings_and_streamed_reasoning_are_mapped(thread: str) -> None:
    """`reasoning_effort` was ignored by the other provider, and thinking never appeared in the stream."""
    if thread == "litellm_12432":
        body = {"messages": [{"role": "user", "content": "hi"}], "reasoning_effort": "xhigh"}
        to_claude = rendered("openai-chat", body, "anthropic")
        assert to_claude.body["output_config"] == {"effort": "xhigh"}
        assert to_claude.body["thinking"] == {"type": "adaptive"}
        assert to_claude.action("reasoning_effort") == "kept"
        older = rendered("openai-chat", body, target("anthropic", efforts=("low", "high"), reasoning_style="budget"))
        assert older.body["thinking"] == {"type": "enabled", "budget_tokens": 16_384}
        assert rendered("openai-chat", body, "openai-responses").body["reasoning"]["effort"] == "xhigh"
        config = rendered("openai-chat", body, target("gemini", efforts=("low", "high"))).body["generationConfig"]
        assert config["thinkingConfig"]["thinkingLevel"] == "HIGH"
        return
    stream = frames(chunk({"role": "assistant", "reasoning_content": THOUGHT}), chunk({"content": "hello"}, "stop"))
    events = heard_stream("openai-chat", stream)
    assert {"type": "thinking_delta", "thinking": THOUGHT} in [
        event.get("delta") for event in unframed(told_stream(events, "anthropic"))
    ]
    assert '"thought":true' in told_stream(events, "gemini").decode().replace(" ", "")
    assert heard("openai-chat", whole_chat(THOUGHT)).parts[0] == ReasoningPart(THOUGHT)


def whole_chat(thought: str) -> Json:
    message = {"role": "assistant", "content": "hello", "reasoning_content": thought}
    return {"id": "c", "model": "m", "choices": [{"index": 0, "message": message, "finish_reason": "stop"}]}


def chunk(said: Json, finish_reason: str | None = None) -> Json:
    choice = {"index": 0, "delta": said, "finish_reason": finish_reason}
    return {"id": "c", "object": "chat.completion.chunk", "created": 1, "model": "m", "choices": [choice]}
