"""Each of Anthropic's rules: a request that keeps it is answered, one that breaks it is refused in the vendor's words."""

from typing import Any

import pytest

from tests.simulate.posed import PNG, SCHEMA, Vendor

VENDOR = Vendor()
HI = {"role": "user", "content": "hi"}
TOOL = {"name": "f", "input_schema": SCHEMA}
THINKS = {"thinking": {"type": "enabled", "budget_tokens": 1_024}}


def user(*blocks: Any) -> dict[str, Any]:
    return {"role": "user", "content": list(blocks)}


def assistant(*blocks: Any) -> dict[str, Any]:
    return {"role": "assistant", "content": list(blocks)}


def text(value: str = "t", **members: Any) -> dict[str, Any]:
    return {"type": "text", "text": value, **members}


def call(name: str = "c1", **members: Any) -> dict[str, Any]:
    return {"type": "tool_use", "id": name, "name": "f", "input": {}, **members}


def result(name: str = "c1", **members: Any) -> dict[str, Any]:
    return {"type": "tool_result", "tool_use_id": name, "content": "x", **members}


def image(**source: Any) -> dict[str, Any]:
    return {"type": "image", "source": {"type": "base64", "media_type": "image/png", "data": PNG, **source}}


def says(*messages: Any, **members: Any) -> dict[str, Any]:
    return {"messages": list(messages), **members}


MARKED = text(cache_control={"type": "ephemeral"})

RULES: list[Any] = [
    (says(HI, metadata={"user_id": "u"}), says(HI, store=True), "store: Extra inputs are not permitted"),
    (says(HI), says(HI, baton={"x": 1}), "baton: Extra inputs are not permitted"),
    (says(HI), {"system": "s"}, "messages: Field required"),
    (says(HI, {"role": "system", "content": "s"}), says({"role": "tool", "content": "x"}), "not 'tool'"),
    (says(HI), says({**HI, "name": "ann"}), "messages.0.name: Extra inputs are not permitted"),
    (says(HI), says(assistant(text()), HI), 'first message must use the "user" role'),
    (says(user(text())), says(user({"type": "mystery"})), "Input tag 'mystery' found using 'type'"),
    (says(user(text())), says(user(text(extra=1))), "messages.0.content.0.text.extra: Extra inputs are not permitted"),
    (says(user(image())), says(HI, assistant(image()), HI), "`image` blocks are not permitted in `assistant`"),
    (says(user(image())), says(user(image(media_type="image/tiff"))), "media_type: Input should be 'image/jpeg'"),
    (says(user(image())), says(user(image(data="data:image/png;base64,AA=="))), "not valid base64"),
    (says(user(image())), says(user(image(type="inline"))), "Input tag 'inline' found using 'type'"),
    (says(user(text("x"))), says(user(text(""))), "text content blocks must be non-empty"),
    (says(user(text("x"))), says(user(text(" \n"))), "must contain non-whitespace text"),
    (says(HI), says({"role": "user", "content": ""}), "all messages must have non-empty content"),
    (says(HI), says({"role": "user", "content": []}), "all messages must have non-empty content"),
    (says(HI, system=[text("s")]), says(HI, system=[text("")]), "system: text content blocks must be non-empty"),
    (
        says(HI, assistant(call("toolu_0-A")), user(result("toolu_0-A"))),
        says(HI, assistant(call("a.b")), user(result("a.b"))),
        "tool_use.id: String should match pattern '^[a-zA-Z0-9_-]+$'",
    ),
    (
        says(HI, assistant(call("c" * 64)), user(result("c" * 64))),
        says(HI, assistant(call("c" * 65)), user(result("c" * 65))),
        "at most 64 characters",
    ),
    (
        says(HI, assistant(call("a"), call("b")), user(result("a"), result("b"))),
        says(HI, assistant(call("a"), call("a")), user(result("a"), result("a"))),
        "`tool_use` ids must be unique",
    ),
    (
        says(HI, assistant(call(input={"a": 1})), user(result())),
        says(HI, assistant(call(input='{"a": 1}')), user(result())),
        "tool_use.input: Input should be a valid dictionary",
    ),
    (
        says(HI, assistant(call("a"), call("b")), user(result("b"), result("a"))),
        says(HI, assistant(call("a"), call("b")), user(result("a")), user(result("b"))),
        "`tool_use` ids were found without `tool_result` blocks immediately after: b",
    ),
    (
        says(HI, assistant(call()), user(result(), text())),
        says(HI, assistant(call()), user(text(), result())),
        "`tool_use` ids were found without `tool_result` blocks immediately after: c1",
    ),
    (
        says(HI, assistant(call("a"), call("b")), user(result("a"), result("b"), image())),
        says(HI, assistant(call("a"), call("b")), user(result("a"), image(), result("b"))),
        "immediately after: b",
    ),
    (says(HI, assistant(call()), user(result())), says(HI, assistant(call()), HI), "immediately after: c1"),
    (says(HI, assistant(call()), user(result())), says(user(result())), "unexpected `tool_use_id` found"),
    (
        says(HI, assistant(call()), user(result())),
        says(HI, assistant(call()), user(result(), result())),
        "each tool_use must have a single result",
    ),
    (
        says(HI, assistant(call()), user(result(content=[text(), image()]))),
        says(HI, assistant(call()), user(result(content=[{"type": "image_url"}]))),
        "tool_result.content.0: Input tag 'image_url'",
    ),
    (
        says(HI, assistant(call()), user(result(content=[]))),
        says(HI, assistant(call()), user(result(content=[text("")]))),
        "text content blocks must be non-empty",
    ),
    (says(user(*[MARKED] * 4)), says(user(*[MARKED] * 4), system=[MARKED]), "A maximum of 4 blocks with cache_control"),
    (says(user(MARKED)), says(user(text(cache_control={"type": "long"}))), "cache_control: Input should be"),
    (says(HI, tools=[TOOL]), says(HI, tools=[{**TOOL, "name": "a b"}]), "tools.0.custom.name: String should match"),
    (says(HI, tools=[TOOL]), says(HI, tools=[TOOL, TOOL]), "Tool names must be unique"),
    (says(HI, tools=[TOOL]), says(HI, tools=[{**TOOL, "parameters": {}}]), "tools.0.custom.parameters: Extra inputs"),
    (says(HI, tools=[TOOL]), says(HI, tools=[{"name": "f", "input_schema": {}}]), "input_schema.type"),
    (
        says(HI, tools=[TOOL], tool_choice={"type": "tool", "name": "f"}),
        says(HI, tools=[TOOL], tool_choice={"type": "tool", "name": "g"}),
        "Tool 'g' not found",
    ),
    (says(HI, tools=[TOOL], tool_choice={"type": "any"}), says(HI, tool_choice={"type": "any"}), "while providing"),
    (
        says(HI, tools=[TOOL], tool_choice={"type": "auto"}, **THINKS),
        says(HI, tools=[TOOL], tool_choice={"type": "any"}, **THINKS),
        "Thinking may not be enabled when tool_choice forces",
    ),
    (
        says(HI, tools=[TOOL], tool_choice={"type": "auto"}),
        says(HI, tools=[TOOL], tool_choice="auto"),
        "Input tag None",
    ),
    (says(HI, stop_sequences=["a"]), says(HI, stop_sequences=["\n"]), "must contain non-whitespace"),
    (says(HI, **THINKS), says(HI, thinking={"type": "enabled"}), "budget_tokens: Field required"),
    (says(HI, **THINKS), says(HI, thinking={"type": "enabled", "budget_tokens": 5}), "greater than or equal to 1024"),
    (says(HI, **THINKS), says(HI, max_tokens=1_000, **THINKS), "must be greater than `thinking.budget_tokens`"),
    (says(HI, thinking={"type": "adaptive"}), says(HI, thinking={"type": "on"}), "Input tag 'on'"),
    (says(HI, output_config={"effort": "xhigh"}), says(HI, output_config={"effort": "most"}), "output_config.effort"),
    (
        says(HI, output_config={"format": {"type": "json_schema", "schema": SCHEMA}}),
        says(HI, output_config={"format": {"type": "json_schema", "name": "n", "schema": SCHEMA}}),
        "output_config.format.name: Extra inputs",
    ),
    (
        says(HI, assistant(text()), HI),
        says(HI, assistant({"type": "thinking", "thinking": "hm"}, text()), HI),
        "thinking.signature: Field required",
    ),
]


@pytest.mark.parametrize(("kept", "broken", "told"), RULES)
def test_a_rule_is_kept_or_told(kept: Any, broken: Any, told: str) -> None:
    accepted = VENDOR.messages(kept)
    assert (accepted.status, accepted.message) == (200, "")
    refused = VENDOR.messages(broken)
    assert refused.status == 400
    assert told in refused.message
    assert refused.body["type"] == "error"
    assert refused.body["error"]["type"] == "invalid_request_error"
    assert refused.body["request_id"] == refused.headers["request-id"]


def test_max_tokens_is_required() -> None:
    refused = VENDOR.ask("/v1/messages", {"model": "sim-claude", "messages": [HI]})
    assert (refused.status, refused.message) == (400, "max_tokens: Field required")


@pytest.mark.parametrize("setting", [{"temperature": 0.5}, {"top_p": 0.5}, {"top_k": 5}])
def test_new_models_take_no_sampling_and_older_ones_do(setting: dict[str, Any]) -> None:
    assert VENDOR.messages(says(HI, **setting), "sim-claude-old").status == 200
    assert "is deprecated for this model" in VENDOR.messages(says(HI, **setting)).message


def test_older_models_take_no_other_temperature_while_they_think() -> None:
    assert VENDOR.messages(says(HI, temperature=1, **THINKS), "sim-claude-old").status == 200
    assert "may only be set to 1" in VENDOR.messages(says(HI, temperature=0.2, **THINKS), "sim-claude-old").message


def test_system_text_inside_the_conversation_is_refused_by_older_models() -> None:
    body = says(HI, {"role": "system", "content": "be brief"}, assistant(text()), HI)
    assert VENDOR.messages(body).status == 200
    assert 'Unexpected role "system"' in VENDOR.messages(body, "sim-claude-old").message


def test_a_beginning_of_the_answer_is_refused_by_new_models() -> None:
    body = says(HI, assistant(text("The answer is")))
    assert "does not support assistant message prefill" in VENDOR.messages(body).message
    assert VENDOR.messages(body, "sim-claude-old").status == 200
    trailing = says(HI, {"role": "assistant", "content": "The answer is "})
    assert "cannot end with trailing whitespace" in VENDOR.messages(trailing, "sim-claude-old").message


def test_beta_members_and_blocks_want_the_beta_header() -> None:
    body = says(HI, context_management={"edits": []})
    assert VENDOR.messages(body, anthropic_beta="context-management-2025-06-27").status == 200
    assert VENDOR.messages(body).message == "context_management: Extra inputs are not permitted"
    compacted = says(HI, assistant({"type": "compaction", "content": "c"}, text()), HI)
    assert VENDOR.messages(compacted, anthropic_beta="compact-2026-01-12").status == 200
    assert "Input tag 'compaction'" in VENDOR.messages(compacted).message


def test_a_turn_in_an_open_tool_loop_begins_with_its_thinking() -> None:
    first = VENDOR.messages(says({"role": "user", "content": "use f"}, tools=[TOOL], **THINKS)).body["content"]
    assert [block["type"] for block in first] == ["thinking", "text", "tool_use"]
    asked = {"role": "user", "content": "use f"}
    answered = user(result(first[2]["id"]))
    assert VENDOR.messages(says(asked, assistant(*first), answered, tools=[TOOL], **THINKS)).status == 200
    bare = says(asked, assistant(*first[1:]), answered, tools=[TOOL])
    refused = VENDOR.messages({**bare, **THINKS})
    assert "messages.1.content.0.type: Expected `thinking` or `redacted_thinking`, but found `text`" in refused.message
    assert VENDOR.messages(bare).status == 200
    assert VENDOR.messages({**bare, "thinking": {"type": "adaptive"}}).status == 200
    closed = says(asked, assistant(*first[1:]), answered, assistant(text()), HI, tools=[TOOL], **THINKS)
    assert VENDOR.messages(closed).status == 200


def test_counting_keeps_the_same_rules_but_for_the_answers_settings() -> None:
    path = "/v1/messages/count_tokens"
    assert VENDOR.ask(path, {"model": "sim-claude", "messages": [HI]}).body["input_tokens"] > 0
    limited = VENDOR.ask(path, {"model": "sim-claude", "messages": [HI], "max_tokens": 5})
    assert limited.message == "max_tokens: Extra inputs are not permitted"
    assert "non-empty" in VENDOR.ask(path, {"model": "sim-claude", "messages": [user(text(""))]}).message
