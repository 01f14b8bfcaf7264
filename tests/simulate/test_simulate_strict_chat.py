"""Each rule of OpenAI's chat completions: a request that keeps it is answered, one that breaks it is refused."""

from typing import Any

import pytest

from tests.simulate.posed import PNG, SCHEMA, Vendor

VENDOR = Vendor()
HI = {"role": "user", "content": "hi"}
TOOL = {"type": "function", "function": {"name": "f", "parameters": SCHEMA}}
IMAGE = {"type": "image_url", "image_url": {"url": f"data:image/png;base64,{PNG}"}}
TEXT = {"type": "text", "text": "t"}
FILE = {"type": "file", "file": {"filename": "a.pdf", "file_data": f"data:application/pdf;base64,{PNG}"}}


def calls(*names: str, **members: Any) -> dict[str, Any]:
    made = [{"id": name, "type": "function", "function": {"name": "f", "arguments": "{}"}} for name in names]
    return {"role": "assistant", "content": None, "tool_calls": made, **members}


def result(name: str, content: Any = "x") -> dict[str, Any]:
    return {"role": "tool", "tool_call_id": name, "content": content}


def says(*messages: Any, **members: Any) -> dict[str, Any]:
    return {"messages": list(messages), **members}


def asks(*parts: Any) -> dict[str, Any]:
    return says({"role": "user", "content": list(parts)})


def schema(**members: Any) -> dict[str, Any]:
    return {"type": "json_schema", "json_schema": {"name": "n", "schema": SCHEMA, **members}}


RULES: list[Any] = [
    (says(HI, user="u"), says(HI, baton={}), "Unknown parameter: 'baton'.", "baton"),
    (says(HI), says(HI, max_output_tokens=5), "Unknown parameter: 'max_output_tokens'.", "max_output_tokens"),
    (says(HI), {}, "Missing required parameter: 'messages'.", "messages"),
    (says(HI), says(), "empty array", "messages"),
    (says(HI), says({"role": "king", "content": "x"}), "Invalid value: 'king'. Supported values are:", "messages[0].role"),
    (says({**HI, "name": "ann"}), says({**HI, "id": "m"}), "Unknown parameter: 'messages[0].id'.", "messages[0].id"),
    (
        says(HI, {"role": "assistant", "content": "a"}, HI),
        says(HI, {"role": "assistant", "content": "a", "reasoning_content": "r"}, HI),
        "Unknown parameter: 'messages[1].reasoning_content'.",
        "messages[1].reasoning_content",
    ),
    (says(HI), says({"role": "user", "content": None}), "expected a string, got null", "messages.[0].content"),
    (says(HI), says({"role": "user"}), "Missing required parameter", "messages[0].content"),
    (says(HI), says({"role": "user", "content": 3}), "Invalid type for 'messages[0].content'", "messages[0].content"),
    (asks(TEXT), asks(), "Invalid 'messages[0].content': empty array.", "messages[0].content"),
    (asks(TEXT, IMAGE), asks({"type": "image"}), "Invalid value: 'image'.", "messages[0].content[0].type"),
    (asks(TEXT), asks({**TEXT, "cache_control": {}}), "Unknown parameter", "messages[0].content[0].cache_control"),
    (asks(IMAGE), asks({"type": "image_url", "image_url": {"url": "ftp://x"}}), "Expected a base64", "messages[0].content[0].image_url.url"),
    (asks(FILE), asks({"type": "file", "file": {"file_data": FILE["file"]["file_data"]}}), "Missing", "messages[0].content[0].file.filename"),  # type: ignore[index]
    (
        says(HI, calls("c"), result("c", [TEXT])),
        says(HI, calls("c"), result("c", [IMAGE])),
        "Image URLs are only allowed for messages with role 'user', but this message with role 'tool'",
        "messages[2]",
    ),
    (
        says(HI, calls("c"), result("c", [TEXT])),
        says(HI, calls("c"), result("c", [FILE])),
        "Invalid value: 'file'. Supported values are: 'text'.",
        "messages[2].content[0].type",
    ),
    (says(HI, stop=["a"] * 4), says(HI, stop=["a"] * 5), "maximum length 4, but got an array with length 5", "stop"),
    (says(HI, temperature=2), says(HI, temperature=2.5), "decimal above maximum value", "temperature"),
    (says(HI, temperature=0), says(HI, temperature=-1), "decimal below minimum value", "temperature"),
    (says(HI, max_tokens=9), says(HI, max_tokens=9, max_completion_tokens=9), "at the same time", "max_tokens"),
    (says(HI), says(HI, reasoning_effort="low"), "Unrecognized request argument supplied: reasoning_effort", None),
    (says(HI, response_format=schema()), says(HI, response_format=schema(name=None)), "Missing", "response_format.json_schema.name"),
    (says(HI, response_format=schema()), says(HI, response_format=schema(name="a b")), "does not match pattern", "response_format.json_schema.name"),
    (says(HI, response_format={"type": "text"}), says(HI, response_format={"type": "xml"}), "Invalid value: 'xml'", "response_format.type"),
    (
        says(HI, stream=True, stream_options={"include_usage": True}),
        says(HI, stream_options={"include_usage": True}),
        "only allowed when 'stream' is enabled",
        "stream_options",
    ),
    (says(HI, service_tier="flex"), says(HI, service_tier="standard_only"), "Invalid value: 'standard_only'", "service_tier"),
    (says(HI, metadata={"a": "b"}), says(HI, metadata={"a": 1}), "Invalid type for 'metadata.a'", "metadata.a"),
    (says(HI, tools=[TOOL]), says(HI, tools=[]), "Invalid 'tools': empty array.", "tools"),
    (says(HI, tools=[TOOL], tool_choice="auto"), says(HI, tool_choice="auto"), "only allowed when 'tools'", "tool_choice"),
    (says(HI, tools=[TOOL]), says(HI, tools=[{"type": "function", "name": "f"}]), "Unknown parameter", "tools[0].name"),
    (says(HI, tools=[TOOL]), says(HI, tools=[{"type": "function", "function": {"name": "a.b"}}]), "does not match pattern", "tools[0].function.name"),
    (says(HI, tools=[TOOL]), says(HI, tools=[{"type": "web_search"}]), "Invalid value: 'web_search'", "tools[0].type"),
    (says(HI, tools=[TOOL]), says(HI, tools=[{"type": "function", "function": {"name": "f", "parameters": {"type": "string"}}}]), "Invalid schema for function 'f'", "tools[0].function.parameters"),
    (
        says(HI, tools=[TOOL], tool_choice={"type": "function", "function": {"name": "f"}}),
        says(HI, tools=[TOOL], tool_choice={"type": "function", "function": {"name": "g"}}),
        "Tool choice 'g' not found",
        "tool_choice",
    ),
    (says(HI, tools=[TOOL], tool_choice="required"), says(HI, tools=[TOOL], tool_choice="any"), "Invalid value: 'any'", "tool_choice"),
    (says(HI, calls("c" * 64), result("c" * 64)), says(HI, calls("c" * 65), result("c" * 65)), "maximum length 64, but got a string with length 65", "messages[1].tool_calls[0].id"),
    (says(HI, calls("c"), result("c")), says(HI, calls(content="a"), HI), "empty array", "messages[1].tool_calls"),
    (
        says(HI, calls("a", "b"), result("b"), result("a"), HI),
        says(HI, calls("a", "b"), result("a"), HI, result("b")),
        "The following tool_call_ids did not have response messages: b",
        "messages.[2].role",
    ),
    (says(HI, calls("a"), result("a")), says(HI, calls("a")), "did not have response messages: a", "messages.[2].role"),
    (says(HI, calls("a"), result("a")), says(HI, result("a")), "must be a response to a preceeding message", "messages.[1].role"),
    (says(HI, calls("a"), result("a")), says(HI, calls("a"), result("a"), result("b")), "'tool_call_id' of 'b' not found", "messages.[3].tool_call_id"),
]  # fmt: skip


@pytest.mark.parametrize(("kept", "broken", "told", "param"), RULES)
def test_a_rule_is_kept_or_told(kept: Any, broken: Any, told: str, param: str | None) -> None:
    accepted = VENDOR.chat(kept)
    assert (accepted.status, accepted.message) == (200, "")
    refused = VENDOR.chat(broken)
    assert refused.status == 400
    assert told in refused.message
    assert set(refused.body["error"]) == {"message", "type", "param", "code"}
    assert (refused.body["error"]["type"], refused.body["error"]["param"]) == ("invalid_request_error", param)


@pytest.mark.parametrize(
    ("setting", "told"),
    [
        ({"stop": "a"}, "Unsupported parameter: 'stop' is not supported with this model."),
        ({"max_tokens": 9}, "Use 'max_completion_tokens' instead."),
        ({"temperature": 0.5}, "'temperature' does not support 0.5 with this model. Only the default (1)"),
        ({"logprobs": True}, "Unsupported parameter: 'logprobs'"),
        ({"presence_penalty": 1}, "'presence_penalty' does not support 1 with this model. Only the default (0)"),
        ({"reasoning_effort": "extreme"}, "Invalid value: 'extreme'. Supported values are: 'none', 'minimal'"),
    ],
)
def test_a_reasoning_model_refuses_what_others_take(setting: dict[str, Any], told: str) -> None:
    assert told in VENDOR.chat(says(HI, **setting), "sim-gpt").message
    if "reasoning_effort" not in setting:
        assert VENDOR.chat(says(HI, **setting)).status == 200
    defaults = {"temperature": 1, "presence_penalty": 0, "logprobs": False, "reasoning_effort": "xhigh"}
    assert VENDOR.chat(says(HI, **defaults), "sim-gpt").status == 200


def test_compatible_servers_do_not_know_the_developer() -> None:
    body = says({"role": "developer", "content": "s"}, HI)
    assert VENDOR.chat(body).status == VENDOR.chat(body, "sim-gpt").status == 200
    assert "Invalid value: 'developer'" in VENDOR.chat(body, "sim-deepseek").message


def test_a_model_that_needs_its_reasoning_back_gets_it_while_the_loop_is_open() -> None:
    asked = {"role": "user", "content": "use f"}
    first = VENDOR.chat(says(asked, tools=[TOOL]), "sim-deepseek").body["choices"][0]["message"]
    assert first["reasoning_content"]
    name = first["tool_calls"][0]["id"]
    whole = says(
        asked, {key: first[key] for key in ("role", "content", "tool_calls", "reasoning_content")}, result(name)
    )
    bare = says(asked, {key: first[key] for key in ("role", "content", "tool_calls")}, result(name))
    assert VENDOR.chat(whole, "sim-deepseek").status == 200
    assert (
        "Missing `reasoning_content` field in the assistant message at message index 1"
        in VENDOR.chat(bare, "sim-deepseek").message
    )
    assert VENDOR.chat(bare).status == 200
    closed = says(*bare["messages"], {"role": "assistant", "content": "done"}, HI)
    assert VENDOR.chat(closed, "sim-deepseek").status == 200
