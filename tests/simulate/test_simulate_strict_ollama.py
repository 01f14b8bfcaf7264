"""Each of Ollama's rules: a request that keeps it is answered, one that breaks it is refused in its server's words."""

from typing import Any

import msgspec
import pytest

from baton.simulate.engine import Engine
from baton.simulate.obedient import Obedient
from baton.simulate.vendors import VENDOR_MODELS
from tests.simulate.posed import PNG, SCHEMA, Vendor

VENDOR = Vendor()
HI = {"role": "user", "content": "hi"}


def says(*messages: Any, **members: Any) -> dict[str, Any]:
    return {"messages": list(messages), **members}


def call(arguments: Any, **members: Any) -> dict[str, Any]:
    return {
        "role": "assistant",
        "content": "",
        "tool_calls": [{"function": {"name": "f", "arguments": arguments}, **members}],
    }


TOOL = {"type": "function", "function": {"name": "f", "description": "d", "parameters": SCHEMA}}

RULES: list[Any] = [
    (says(HI, keep_alive="5m"), says(HI, baton={}), 'unknown field "baton" of ChatRequest'),
    (says(HI), says(HI, tool_choice="auto"), 'unknown field "tool_choice"'),
    (says(HI), says(HI, max_tokens=5), 'unknown field "max_tokens"'),
    (says(HI), says({**HI, "name": "ann"}), 'unknown field "name" of messages'),
    (says({"role": "system", "content": "s"}, HI), says({"role": "developer", "content": "s"}, HI), "invalid role: 'developer'"),
    (says(HI), says({"role": "user", "content": [{"type": "text", "text": "x"}]}), "cannot unmarshal array into Go struct field ChatRequest.messages.content of type string"),
    (says({**HI, "images": [PNG]}), says({**HI, "images": [f"data:image/png;base64,{PNG}"]}), "illegal base64 data"),
    (says({**HI, "images": [PNG]}), says({**HI, "images": ["https://x/y.png"]}), "illegal base64 data"),
    (says(HI, call({"a": 1})), says(HI, call('{"a": 1}')), "cannot unmarshal string into Go struct field ChatRequest.messages.tool_calls.function.arguments of type map[string]interface {}"),
    (says(HI, call({})), says(HI, call({}, index=0)), 'unknown field "index" of messages.tool_calls'),
    (says(HI, call({})), says(HI, {"role": "assistant", "tool_calls": [{"function": "f"}]}), "api.ToolCallFunction"),
    (says(HI, tools=[TOOL]), says(HI, tools=[{"type": "function", "name": "f", "function": TOOL["function"]}]), 'unknown field "name" of tools'),
    (says(HI, options={"num_predict": 9}), says(HI, options={"max_tokens": 9}), 'unknown field "max_tokens" of options'),
    (says(HI, options={"stop": ["a"]}), says(HI, options={"stop": "a"}), "cannot unmarshal string into Go struct field ChatRequest.options.stop of type []string"),
    (says(HI, think="high"), says(HI, think="xhigh"), "invalid think value: 'xhigh'"),
    (says(HI, format=SCHEMA), says(HI, format="yaml"), "invalid format: 'yaml'"),
]  # fmt: skip


@pytest.mark.parametrize(("kept", "broken", "told"), RULES)
def test_a_rule_is_kept_or_told(kept: Any, broken: Any, told: str) -> None:
    accepted = VENDOR.ollama(kept)
    assert (accepted.status, accepted.message) == (200, "")
    refused = VENDOR.ollama(broken)
    assert refused.status == 400
    assert set(refused.body) == {"error"}
    assert told in refused.message


def test_what_a_model_cannot_do_is_refused() -> None:
    blind = [msgspec.structs.replace(model, capabilities=frozenset()) for model in VENDOR_MODELS]
    vendor = Vendor()
    vendor.engine = Engine(Obedient(blind), strict=True)
    assert '"sim-llama" does not support images' in vendor.ollama(says({**HI, "images": [PNG]})).message
    assert '"sim-llama" does not support thinking' in vendor.ollama(says(HI, think=True)).message
    assert "does not support tools" in vendor.ollama(says(HI, tools=[TOOL])).message
    assert vendor.ollama(says(HI, think=False)).status == 200
