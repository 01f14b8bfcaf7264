"""Reasoning as each vendor hands it out: when there is any, in which fields, whole and streamed, and what it costs."""

from collections.abc import Iterator
from typing import Any

import anthropic
import openai
import pytest

from baton.simulate.obedient import Obedient
from baton.simulate.serve import Running, serve_in_thread
from tests.simulate.posed import SCHEMA, Vendor

VENDOR = Vendor()
HI: Any = {"role": "user", "content": "hi"}
ADAPTIVE: Any = {"type": "adaptive"}


@pytest.fixture(scope="module")
def running() -> Iterator[Running]:
    with serve_in_thread(Obedient(), strict=True) as started:
        yield started


@pytest.fixture(scope="module")
def claude(running: Running) -> Iterator[anthropic.Anthropic]:
    with anthropic.Anthropic(base_url=running.base_url, api_key="any", max_retries=0) as made:
        yield made


@pytest.fixture(scope="module")
def chat(running: Running) -> Iterator[openai.OpenAI]:
    with openai.OpenAI(base_url=f"{running.base_url}/v1", api_key="any", max_retries=0) as made:
        yield made


def test_anthropic_blocks_come_whole_and_as_deltas_with_the_signature_last(claude: anthropic.Anthropic) -> None:
    held = {"x-sim-attempt": "0"}
    whole = claude.messages.create(
        model="sim-claude", max_tokens=2_000, thinking=ADAPTIVE, messages=[HI], extra_headers=held
    )
    with claude.messages.stream(
        model="sim-claude", max_tokens=2_000, thinking=ADAPTIVE, messages=[HI], extra_headers=held
    ) as stream:
        deltas = [event.delta.type for event in stream if event.type == "content_block_delta"]
        final = stream.get_final_message()
    thinking, text = whole.content
    assert (thinking.type, text.type) == ("thinking", "text")
    assert thinking == final.content[0]
    assert [*dict.fromkeys(deltas)] == ["thinking_delta", "signature_delta", "text_delta"]
    assert final.usage.output_tokens == whole.usage.output_tokens
    assert whole.usage.output_tokens_details is not None
    assert 0 < whole.usage.output_tokens_details.thinking_tokens < whole.usage.output_tokens


def test_an_anthropic_tool_loop_echoes_its_thinking_through_the_sdk(claude: anthropic.Anthropic) -> None:
    tools: Any = [{"name": "get_weather", "input_schema": SCHEMA}]
    budget: Any = {"type": "enabled", "budget_tokens": 1_024}
    messages: list[Any] = [{"role": "user", "content": "use get_weather"}]
    for _ in range(2):
        answer = claude.messages.create(
            model="sim-claude", max_tokens=2_000, thinking=budget, tools=tools, messages=messages
        )
        messages.append({"role": "assistant", "content": answer.content})
        uses = [block for block in answer.content if block.type == "tool_use"]
        results = [{"type": "tool_result", "tool_use_id": use.id, "content": "sunny"} for use in uses]
        messages.append({"role": "user", "content": results or "thanks"})
    assert answer.stop_reason == "end_turn"
    assert answer.content[-1].type == "text"
    assert answer.content[-1].text.endswith("to: sunny")


def test_omitted_thinking_streams_nothing_but_its_signature(claude: anthropic.Anthropic) -> None:
    omitted: Any = {"type": "adaptive", "display": "omitted"}
    with claude.messages.stream(model="sim-claude", max_tokens=2_000, thinking=omitted, messages=[HI]) as stream:
        deltas = [event.delta.type for event in stream if event.type == "content_block_delta"]
        block = stream.get_final_message().content[0]
    assert "thinking_delta" not in deltas
    assert deltas[0] == "signature_delta"
    assert block.type == "thinking"
    assert (block.thinking, bool(block.signature)) == ("", True)


def test_redacted_thinking_comes_in_one_piece(claude: anthropic.Anthropic) -> None:
    held = {"x-sim-thinking": "1", "x-sim-redacted": "1"}
    with claude.messages.stream(model="sim-claude", max_tokens=2_000, messages=[HI], extra_headers=held) as stream:
        block = stream.get_final_message().content[0]
    assert block.type == "redacted_thinking"
    assert block.data


def test_a_chat_model_that_tells_its_reasoning_does_so_whole_and_streamed(chat: openai.OpenAI) -> None:
    whole: Any = chat.chat.completions.create(model="sim-deepseek", messages=[HI])
    told = whole.choices[0].message.reasoning_content
    chunks: Any = chat.chat.completions.create(model="sim-deepseek", messages=[HI], stream=True)
    deltas = [chunk.choices[0].delta.model_dump() for chunk in chunks]
    assert "".join(delta.get("reasoning_content") or "" for delta in deltas) == told
    assert whole.usage.completion_tokens_details.reasoning_tokens > 0


def test_other_chat_models_only_count_it(chat: openai.OpenAI) -> None:
    answer: Any = chat.chat.completions.create(model="sim-gpt", messages=[HI])
    assert not hasattr(answer.choices[0].message, "reasoning_content")
    assert answer.usage.completion_tokens_details.reasoning_tokens > 0
    silent: Any = chat.chat.completions.create(model="sim-gpt", messages=[HI], reasoning_effort="none")
    assert silent.usage.completion_tokens_details.reasoning_tokens == 0


@pytest.mark.parametrize(
    ("body", "headers", "thinks"),
    [
        ({}, {}, False),
        ({"thinking": ADAPTIVE}, {}, True),
        ({"thinking": {"type": "disabled"}}, {}, False),
        ({}, {"x_sim_thinking": "1"}, True),
        ({"thinking": ADAPTIVE}, {"x_sim_thinking": "0"}, False),
    ],
)
def test_the_header_goes_before_the_request_and_the_request_before_the_model(
    body: dict[str, Any], headers: dict[str, str], thinks: bool
) -> None:
    content = VENDOR.messages({"messages": [HI], **body}, **headers).body["content"]
    assert (content[0]["type"] == "thinking") == thinks


def test_a_model_that_is_made_to_think_does_so_until_it_is_told_not_to() -> None:
    asked = {"input": [HI]}
    assert VENDOR.responses(asked).body["output"][0]["type"] == "reasoning"
    silent = VENDOR.responses({**asked, "reasoning": {"effort": "none"}})
    assert [item["type"] for item in silent.body["output"]] == ["message"]
    budget = {"generationConfig": {"thinkingConfig": {"thinkingBudget": 0}}}
    contents = [{"role": "user", "parts": [{"text": "hi"}]}]
    always = VENDOR.gemini({"contents": contents, **budget}).body["candidates"][0]["content"]["parts"]
    assert "thoughtSignature" in always[-1]
    never = VENDOR.gemini({"contents": contents, **budget}, "sim-gemini-old").body["candidates"][0]["content"]["parts"]
    assert "thoughtSignature" not in never[-1]


def test_reasoning_never_exceeds_the_callers_limit() -> None:
    cut = VENDOR.messages({"messages": [HI], "max_tokens": 9, "thinking": ADAPTIVE}).body["usage"]
    assert cut["output_tokens"] <= 9
    assert VENDOR.messages({"messages": [HI], "thinking": ADAPTIVE}).body["usage"]["output_tokens"] > 9
