"""Each rule of OpenAI's responses: a request that keeps it is answered, one that breaks it is refused."""

from typing import Any

import pytest

from tests.simulate.posed import SCHEMA, Vendor

VENDOR = Vendor()
HI = {"role": "user", "content": "hi"}
TOOL = {"type": "function", "name": "f", "parameters": SCHEMA}


def call(call_id: str = "c", **members: Any) -> dict[str, Any]:
    return {"type": "function_call", "call_id": call_id, "name": "f", "arguments": "{}", **members}


def output(name: str = "c", value: Any = "x", **members: Any) -> dict[str, Any]:
    return {"type": "function_call_output", "call_id": name, "output": value, **members}


def answer(**members: Any) -> dict[str, Any]:
    parts = [{"type": "output_text", "text": "a", "annotations": []}]
    return {"type": "message", "role": "assistant", "content": parts, **members}


def reasoning(**members: Any) -> dict[str, Any]:
    return {"type": "reasoning", "id": "rs_1", "summary": [], **members}


def says(*items: Any, **members: Any) -> dict[str, Any]:
    return {"input": list(items), **members}


def parts(role: str, *given: Any) -> dict[str, Any]:
    return says(HI, {"type": "message", "role": role, "content": list(given)})


def wants(**members: Any) -> dict[str, Any]:
    return says(HI, text={"format": {"type": "json_schema", "name": "n", "schema": SCHEMA, **members}})


TEXT = {"type": "input_text", "text": "t"}
SAID = {"type": "output_text", "text": "t"}

RULES: list[Any] = [
    (says(HI, store=False), says(HI, baton={}), "Unknown parameter: 'baton'.", "baton"),
    (says(HI), says(HI, stop=["x"]), "Unknown parameter: 'stop'.", "stop"),
    (says(HI), says(HI, messages=[]), "Unknown parameter: 'messages'.", "messages"),
    ({"input": "hi"}, {}, "Missing required parameter: 'input'.", "input"),
    (says(HI), says(HI, {"type": "mystery"}), "Invalid value: 'mystery'.", "input[1]"),
    (says(HI), says({**HI, "name": "ann"}), "Unknown parameter: 'input[0].name'.", "input[0].name"),
    (says(HI), says({"role": "tool", "content": "x"}), "Invalid value: 'tool'.", "input[0].role"),
    (says(HI), says({"role": "user"}), "Missing required parameter", "input[0].content"),
    (parts("user", TEXT), parts("user", SAID), "Invalid value: 'output_text'.", "input[1].content[0]"),
    (parts("assistant", SAID), parts("assistant", TEXT), "Invalid value: 'input_text'. Supported values are: 'output_text', and 'refusal'.", "input[1].content[0]"),
    (parts("user", TEXT), parts("user", {**TEXT, "cache_control": {}}), "Unknown parameter", "input[1].content[0].cache_control"),
    (says(HI, answer(phase="commentary")), says(HI, answer(phase="middle")), "Invalid value: 'middle'", "input[1].phase"),
    (says(HI, answer(phase="commentary")), says({**HI, "phase": "commentary"}), "Unknown parameter", "input[0].phase"),
    (says(HI, answer(id="msg_1")), says(HI, answer(id="chatcmpl-1")), "Expected an ID that begins with 'msg'.", "input[1].id"),
    (says(HI, call(id="fc_1"), output()), says(HI, call(id="call_1"), output()), "Expected an ID that begins with 'fc'.", "input[1].id"),
    (says(HI, call(id="fc_1"), output()), says(HI, call(id="fc_1|x"), output()), "letters, numbers, underscores, or dashes", "input[1].id"),
    (says(HI, call(id="fc_1"), output()), says(HI, call(id="fc_" + "1" * 62), output()), "maximum length 64", "input[1].id"),
    (says(HI, call("c" * 64), output("c" * 64)), says(HI, call("c" * 446), output("c" * 446)), "string with length 446", "input[1].call_id"),
    (says(HI, call(), output()), says(HI, call(arguments={}), output()), "Invalid type for 'input[1].arguments'", "input[1].arguments"),
    (says(HI, call(), output()), says(HI, {"type": "function_call", "call_id": "c", "arguments": "{}"}, output()), "Missing", "input[1].name"),
    (says(HI, call(), output()), says(HI, call(name="a.b"), output()), "does not match pattern", "input[1].name"),
    (says(HI, call(), output(value=[TEXT])), says(HI, call(), output(value=[SAID])), "Invalid value: 'output_text'", "input[2].output[0]"),
    (says(HI, call(), output()), says(HI, call(), output(value=None)), "Missing required parameter", "input[2].output"),
    (says(HI, call(), output()), says(HI, call(), output(value={"a": 1})), "Invalid type", "input[2].output"),
    (says(HI, call(), output()), says(HI, call(), output(is_error=True)), "Unknown parameter", "input[2].is_error"),
    (says(HI, call("a"), call("b"), output("b"), output("a")), says(HI, call("a"), call("b"), output("b")), "No tool output found for function call a.", "input"),
    (says(HI, call(), output()), says(HI, output()), "No tool call found for function call output with call_id c.", "input"),
    (says(HI, call(), output()), says(HI, output(), call()), "No tool call found", "input"),
    (says(HI, call(), output()), says(HI, call(), output(), output()), "Duplicate function call output", "input"),
    (says(HI, reasoning(), call(), output()), says(HI, call(), reasoning(), output()), "without its required following item", "input"),
    (says(HI, reasoning(), answer()), says(HI, reasoning(), HI), "Item 'rs_1' of type 'reasoning' was provided without", "input"),
    (says(HI, reasoning(), answer()), says(HI, reasoning()), "without its required following item", "input"),
    (says(HI, reasoning(), answer()), says(HI, {"type": "reasoning", "id": "rs_1"}, answer()), "Missing", "input[1].summary"),
    (says(HI, reasoning(), answer()), says(HI, {"type": "reasoning", "summary": []}, answer()), "Missing", "input[1].id"),
    (says(HI, reasoning(), answer()), says(HI, reasoning(id="msg_1"), answer()), "begins with 'rs'", "input[1].id"),
    (says(HI, max_output_tokens=16), says(HI, max_output_tokens=15), "Expected a value >= 16, but got 15", "max_output_tokens"),
    (says(HI, temperature=1), says(HI, temperature=0.2), "'temperature' does not support 0.2", "temperature"),
    (says(HI, reasoning={"effort": "max"}), says(HI, reasoning={"effort": "ultra"}), "Invalid value: 'ultra'", "reasoning.effort"),
    (says(HI, reasoning={"summary": "auto"}), says(HI, reasoning={"summary": "all"}), "Invalid value: 'all'", "reasoning.summary"),
    (says(HI, reasoning={}), says(HI, reasoning={"budget_tokens": 3}), "Unknown parameter", "reasoning.budget_tokens"),
    (wants(), wants(name=None), "Missing required parameter", "text.format.name"),
    (wants(strict=True), wants(schema=None), "Missing required parameter", "text.format.schema"),
    (wants(), says(HI, text={"format": {"type": "json_schema", "json_schema": {}}}), "Unknown parameter", "text.format.json_schema"),
    (says(HI, text={"verbosity": "low"}), says(HI, text={"format": {"type": "xml"}}), "Invalid value: 'xml'", "text.format.type"),
    (says(HI, tools=[TOOL]), says(HI, tools=[{"type": "function", "function": {"name": "f"}}]), "Missing", "tools[0].name"),
    (says(HI, tools=[TOOL]), says(HI, tools=[{**TOOL, "function": {}}]), "Unknown parameter", "tools[0].function"),
    (says(HI, tools=[TOOL]), says(HI, tools=[{"type": "hosted"}]), "Invalid value: 'hosted'", "tools[0].type"),
    (says(HI, tools=[TOOL], tool_choice={"type": "function", "name": "f"}), says(HI, tools=[TOOL], tool_choice={"type": "function", "name": "g"}), "Tool choice 'g'", "tool_choice"),
    (says(HI, tools=[TOOL], tool_choice="auto"), says(HI, tools=[TOOL], tool_choice={"type": "function", "function": {"name": "f"}}), "Unknown parameter", "tool_choice.function"),
    (says(HI), says(HI, previous_response_id="resp_1"), "Previous response with id 'resp_1' not found.", "previous_response_id"),
    (says(HI, metadata={"a": "b"}), says(HI, metadata={"a": {}}), "Invalid type", "metadata.a"),
]  # fmt: skip


@pytest.mark.parametrize(("kept", "broken", "told", "param"), RULES)
def test_a_rule_is_kept_or_told(kept: Any, broken: Any, told: str, param: str) -> None:
    accepted = VENDOR.responses(kept)
    assert (accepted.status, accepted.message) == (200, "")
    refused = VENDOR.responses(broken)
    assert refused.status == 400
    assert told in refused.message
    assert (refused.body["error"]["type"], refused.body["error"]["param"]) == ("invalid_request_error", param)


def test_a_model_that_does_not_reason_refuses_an_effort() -> None:
    assert (
        "Unsupported parameter: 'reasoning.effort'"
        in VENDOR.responses(says(HI, reasoning={"effort": "low"}), "sim-gpt-plain").message
    )
