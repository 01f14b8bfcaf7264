"""Answers and requests that have every member which the vendor's have, and begin as the vendor wants them to."""

import json
from typing import Any

import pytest
from anthropic.types import Message

from baton.protocol.anthropic.answer import write_answer as write_message
from baton.protocol.dialects import Reply, grammar_of
from baton.protocol.openai_responses.answer import write_answer as write_response
from baton.types.card import Dialect
from baton.types.events import AnswerMessage, Stop
from baton.types.handoff import Target
from baton.types.money import Usage
from baton.types.parts import Origin, TextPart, ToolCallPart

SAID = AnswerMessage(
    parts=(TextPart("I call it."), ToolCallPart("call_1", "f", '{"a": 1}')), stop=Stop("tool_calls"), usage=Usage(7, 3)
)
REPLY = Reply(model="shown", id="msg_1", input_tokens=5)


def test_a_message_has_every_member_of_a_message() -> None:
    message = json.loads(write_message(SAID, REPLY).body)
    assert set(message) == set(Message.model_fields) - {"diagnostics"}
    assert message["content"] == [
        {"type": "text", "text": "I call it.", "citations": []},
        {"type": "tool_use", "id": "call_1", "name": "f", "input": {"a": 1}, "caller": {"type": "direct"}},
    ]
    assert (message["stop_details"], message["container"]) == (None, None)
    assert message["usage"]["service_tier"] is None
    assert message["usage"]["input_tokens"] == 7


def test_a_message_whose_usage_nobody_told_keeps_the_estimate() -> None:
    message = json.loads(write_message(AnswerMessage(parts=SAID.parts, stop=SAID.stop), REPLY).body)
    assert (message["usage"]["input_tokens"], message["usage"]["output_tokens"]) == (5, 0)


@pytest.mark.parametrize(
    ("member", "given", "told"),
    [
        ("reasoning", {"effort": "low"}, {"effort": "low", "summary": None}),
        ("text", {"verbosity": "low"}, {"format": {"type": "text"}, "verbosity": "low"}),
        (
            "tools",
            [{"type": "function", "name": "f", "parameters": {}}, {"type": "web_search"}],
            [
                {"type": "function", "name": "f", "parameters": {}, "description": None, "strict": None},
                {"type": "web_search"},
            ],
        ),
        ("tools", None, []),
        ("tools", "nonsense", "nonsense"),
        ("text", ["nonsense"], ["nonsense"]),
        ("temperature", 0.5, 0.5),
    ],
)
def test_a_response_repeats_settings_with_what_the_request_left_out(member: str, given: Any, told: Any) -> None:
    reply = Reply(model="shown", echo={member: json.dumps(given).encode()})
    assert json.loads(write_response(SAID, reply).body)[member] == told


BEGUN: dict[Dialect, Any] = {
    "openai-chat": {
        "messages": [{"role": "system", "content": "be brief"}, {"role": "assistant", "content": "Hello."}]
    },
    "openai-responses": {
        "instructions": "be brief",
        "input": [{"type": "message", "role": "assistant", "content": [{"type": "output_text", "text": "Hello."}]}],
    },
    "gemini": {
        "systemInstruction": {"parts": [{"text": "be brief"}]},
        "contents": [{"role": "model", "parts": [{"text": "Hello."}]}],
    },
}
NEXT: dict[Dialect, Any] = {
    "openai-chat": {"role": "user", "content": "Hi."},
    "openai-responses": {"type": "message", "role": "user", "content": "Hi."},
    "gemini": {"role": "user", "parts": [{"text": "Hi."}]},
}
TURNS: dict[Dialect, str] = {"openai-chat": "messages", "openai-responses": "input", "gemini": "contents"}


@pytest.mark.parametrize("dialect", BEGUN)
def test_claude_is_given_a_user_turn_before_a_first_turn_of_the_assistants(dialect: Dialect) -> None:
    name = TURNS[dialect]
    body = {"model": "m"} | BEGUN[dialect] | {name: [*BEGUN[dialect][name], NEXT[dialect]]}
    longer = body | {name: [*body[name], BEGUN[dialect][name][-1], NEXT[dialect]]}
    target = Target(dialect="anthropic", model="claude", max_output=100)
    read, write = grammar_of(dialect).read, grammar_of("anthropic").write
    written = [write(read(json.dumps(each).encode(), Origin()), target) for each in (body, longer)]
    short, long = (json.loads(each.body)["messages"] for each in written)
    assert [message["role"] for message in short] == ["user", "assistant", "user"]
    assert long[:3] == short
    first = f"{name}[{len(BEGUN[dialect][name]) - 1}]"
    entries = {entry.path: entry for entry in written[0].report.entries}
    assert entries[first].action == "degraded"
    assert "begin with" in entries[first].reason


@pytest.mark.parametrize("target", ["openai-chat", "openai-responses", "gemini", "ollama"])
def test_what_a_message_has_for_form_alone_is_no_loss_when_it_is_echoed(target: Dialect) -> None:
    message = json.loads(write_message(SAID, REPLY).body)
    turns = [
        {"role": "user", "content": "go"},
        {"role": "assistant", "content": message["content"]},
        {"role": "user", "content": [{"type": "tool_result", "tool_use_id": "call_1", "content": "ok"}]},
    ]
    body = {"model": "m", "max_tokens": 100, "messages": turns}
    conversation = grammar_of("anthropic").read(json.dumps(body).encode(), Origin())
    written = grammar_of(target).write(conversation, Target(dialect=target, model="other"))
    entries = [entry for entry in written.report.entries if entry.path.startswith("messages[1]")]
    assert {entry.action for entry in entries} <= {"kept", "moved", "withheld"}
    assert [entry.path for entry in entries if entry.action == "withheld"] == [
        "messages[1].content[0].citations",
        "messages[1].content[1].caller",
    ]
