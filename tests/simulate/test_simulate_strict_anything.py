"""Whatever is sent, the simulation answers: the vendor's error or an answer, never a broken connection."""

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.simulate.posed import PNG, SCHEMA, Vendor

STRICT, LENIENT = Vendor(), Vendor(strict=False)
SCALARS = st.none() | st.booleans() | st.integers(-3, 3) | st.floats(allow_nan=False) | st.text(max_size=5)
JSON = st.recursive(
    SCALARS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=5,
)

CHAT: dict[str, Any] = {
    "model": "sim-deepseek",
    "messages": [
        {"role": "system", "content": "brief"},
        {"role": "user", "content": [{"type": "text", "text": "hi"}, {"type": "image_url", "image_url": {"url": "https://x/y.png"}}]},
        {"role": "assistant", "content": None, "reasoning_content": "r", "tool_calls": [{"id": "c1", "type": "function", "function": {"name": "f", "arguments": "{}"}}]},
        {"role": "tool", "tool_call_id": "c1", "content": "x"},
    ],
    "tools": [{"type": "function", "function": {"name": "f", "parameters": SCHEMA}}],
    "tool_choice": {"type": "function", "function": {"name": "f"}},
    "stop": ["a"], "reasoning_effort": "low", "metadata": {"a": "b"},
    "response_format": {"type": "json_schema", "json_schema": {"name": "n", "schema": SCHEMA}},
}  # fmt: skip
RESPONSES: dict[str, Any] = {
    "model": "sim-gpt",
    "input": [
        {"role": "user", "content": [{"type": "input_text", "text": "hi"}]},
        {"type": "function_call", "id": "fc_1", "call_id": "c1", "name": "f", "arguments": "{}"},
        {"type": "function_call_output", "call_id": "c1", "output": "x"},
        {"type": "message", "role": "assistant", "content": [{"type": "output_text", "text": "a"}], "phase": "final_answer"},
        {"role": "user", "content": "more"},
    ],
    "tools": [{"type": "function", "name": "f", "parameters": SCHEMA}],
    "reasoning": {"effort": "low"}, "text": {"format": {"type": "text"}}, "max_output_tokens": 500,
}  # fmt: skip
MESSAGES: dict[str, Any] = {
    "model": "sim-claude-old", "max_tokens": 4_000, "system": [{"type": "text", "text": "s", "cache_control": {"type": "ephemeral"}}],
    "messages": [
        {"role": "user", "content": [{"type": "text", "text": "hi"}, {"type": "image", "source": {"type": "base64", "media_type": "image/png", "data": PNG}}]},
        {"role": "assistant", "content": [{"type": "text", "text": "t"}, {"type": "tool_use", "id": "c1", "name": "f", "input": {}}]},
        {"role": "user", "content": [{"type": "tool_result", "tool_use_id": "c1", "content": [{"type": "text", "text": "x"}]}]},
    ],
    "tools": [{"name": "f", "input_schema": SCHEMA}], "tool_choice": {"type": "auto"},
    "thinking": {"type": "adaptive"}, "output_config": {"effort": "low"}, "stop_sequences": ["x"],
}  # fmt: skip
GEMINI: dict[str, Any] = {
    "systemInstruction": {"parts": [{"text": "s"}]},
    "contents": [
        {"role": "user", "parts": [{"text": "hi"}, {"inlineData": {"mimeType": "image/png", "data": PNG}}]},
        {"role": "model", "parts": [{"functionCall": {"name": "f", "args": {}}}]},
        {"role": "user", "parts": [{"functionResponse": {"name": "f", "response": {"x": 1}}}]},
    ],
    "tools": [{"functionDeclarations": [{"name": "f", "parameters": SCHEMA}]}],
    "toolConfig": {"functionCallingConfig": {"mode": "ANY", "allowedFunctionNames": ["f"]}},
    "generationConfig": {"maxOutputTokens": 99, "stopSequences": ["a"], "thinkingConfig": {"thinkingBudget": 5}},
}  # fmt: skip
OLLAMA: dict[str, Any] = {
    "model": "sim-llama", "stream": False, "think": True, "format": SCHEMA, "options": {"num_predict": 50, "stop": ["a"]},
    "messages": [
        {"role": "user", "content": "hi", "images": [PNG]},
        {"role": "assistant", "content": "", "tool_calls": [{"function": {"name": "f", "arguments": {}}}]},
        {"role": "tool", "tool_name": "f", "content": "x"},
    ],
    "tools": [{"type": "function", "function": {"name": "f", "description": "d", "parameters": SCHEMA}}],
}  # fmt: skip
REQUESTS = [
    ("/v1/chat/completions", CHAT),
    ("/v1/responses", RESPONSES),
    ("/v1/messages", MESSAGES),
    ("/v1beta/models/sim-gemini-old:generateContent", GEMINI),
    ("/api/chat", OLLAMA),
]


@pytest.mark.parametrize(("path", "body"), REQUESTS, ids=[path for path, _ in REQUESTS])
def test_a_request_with_everything_in_it_is_accepted(path: str, body: Any) -> None:
    answer = STRICT.ask(path, body)
    assert (answer.status, answer.message) == (200, "")


def places(value: Any, at: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    found = [at] if at else []
    entries = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for name, below in entries:
        found += places(below, (*at, name))
    return found


def changed(value: Any, at: tuple[Any, ...], new: Any) -> Any:
    if not at:
        return new
    copy = dict(value) if isinstance(value, dict) else list(value)
    copy[at[0]] = changed(value[at[0]], at[1:], new)
    return copy


BUDGETED = MESSAGES | {
    "thinking": {"type": "enabled", "budget_tokens": 2_000, "display": "summarized"}, "tool_choice": {"type": "auto"},
    "metadata": {"user_id": "u"}, "service_tier": "auto", "stream": False,
}  # fmt: skip
SETTINGS = CHAT | {
    "model": "sim-gpt-plain", "max_completion_tokens": 5, "temperature": 1, "n": 1, "seed": 1, "stream_options": None,
    "logprobs": True, "top_logprobs": 2, "logit_bias": {"1": 1}, "user": "u", "parallel_tool_calls": True,
}  # fmt: skip
ITEMS = RESPONSES | {
    "include": ["reasoning.encrypted_content"], "tool_choice": {"type": "function", "name": "f"}, "store": False,
    "input": [{"type": "reasoning", "id": "rs", "summary": [{"type": "summary_text", "text": "x"}]}],
}  # fmt: skip
MORE = [("/v1/messages", BUDGETED), ("/v1/chat/completions", SETTINGS), ("/v1/responses", ITEMS)]


@pytest.mark.parametrize("budget", [{"a": 1}, "x", [], True, 1.5, 1])
def test_a_budget_that_is_none_is_refused(budget: Any) -> None:
    answer = STRICT.ask("/v1/messages", changed(BUDGETED, ("thinking", "budget_tokens"), budget))
    assert answer.status == 400
    assert "thinking.enabled.budget_tokens: Input should be" in answer.message


@pytest.mark.parametrize(("path", "body"), [*REQUESTS, *MORE], ids=[path for path, _ in [*REQUESTS, *MORE]])
@settings(max_examples=200, deadline=None)
@given(data=st.data())
def test_any_member_replaced_by_anything_is_answered_or_refused(path: str, body: Any, data: Any) -> None:
    at = data.draw(st.sampled_from(places(body)))
    broken = changed(body, at, data.draw(JSON))
    for vendor in (STRICT, LENIENT):
        answer = vendor.ask(path, broken)
        assert answer.status in (200, 400, 404)
        assert bool(answer.message) == (answer.status != 200)


@pytest.mark.parametrize(
    "body", [b"", b"{", b"[]", b"null", b"3", b"\xff", b'{"model": []}', b'{"model": "none"}', b"[" * 9_000]
)
@pytest.mark.parametrize(
    "path", [path for path, _ in REQUESTS] + ["/v1/messages/count_tokens", "/v1beta/models/none:countTokens"]
)
def test_bodies_that_are_no_requests_are_told_so(path: str, body: bytes) -> None:
    answer = STRICT.ask(path, body)
    assert answer.status in (400, 404)
    assert answer.message
