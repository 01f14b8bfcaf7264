"""Servers that count calls anew in every answer give one id to several calls, which other vendors refuse."""

import json
from typing import Any

import pytest

from baton.protocol.dialects import grammar_of
from baton.protocol.saved_request import read_saved
from baton.types.card import Dialect
from baton.types.handoff import Target
from baton.types.parts import Origin


def call(*ids: str) -> dict[str, Any]:
    calls = [{"id": id_, "type": "function", "function": {"name": "f", "arguments": "{}"}} for id_ in ids]
    return {"role": "assistant", "content": None, "tool_calls": calls}


def result(id_: str, text: str) -> dict[str, Any]:
    return {"role": "tool", "tool_call_id": id_, "content": text}


ONCE = [{"role": "user", "content": "Go."}, call("call_0"), result("call_0", "first")]
TWICE = [*ONCE, call("call_0"), result("call_0", "second")]
SIDE_BY_SIDE = [ONCE[0], call("call_0", "call_0"), result("call_0", "first"), result("call_0", "second")]


def body(messages: list[dict[str, Any]], dialect: Dialect) -> bytes:
    read = grammar_of("openai-chat").read(read_saved(json.dumps({"messages": messages}).encode()).members, Origin())
    return grammar_of(dialect).write(read, Target(dialect=dialect, model="m")).body


def pairs(rendered: dict[str, Any]) -> tuple[list[str], dict[str, Any]]:
    """The ids of the calls in their order, and the result of each."""
    items = rendered.get("input")
    if items is not None:
        calls = [item["call_id"] for item in items if item.get("type") == "function_call"]
        return calls, {item["call_id"]: item["output"] for item in items if item.get("type") == "function_call_output"}
    blocks = [block for message in rendered["messages"] for block in message["content"] if isinstance(block, dict)]
    results = {block["tool_use_id"]: block["content"] for block in blocks if block["type"] == "tool_result"}
    return [block["id"] for block in blocks if block["type"] == "tool_use"], results


@pytest.mark.parametrize("dialect", ["anthropic", "openai-responses"])
@pytest.mark.parametrize("messages", [TWICE, SIDE_BY_SIDE])
def test_every_call_has_an_id_and_its_own_result(messages: list[dict[str, Any]], dialect: Dialect) -> None:
    calls, results = pairs(json.loads(body(messages, dialect)))
    assert calls[0] == "call_0"
    assert len(set(calls)) == 2
    assert [results[id_] for id_ in calls] == ["first", "second"]


@pytest.mark.parametrize("dialect", ["anthropic", "openai-responses"])
def test_a_call_that_was_given_up_does_not_take_the_result_of_a_later_one(dialect: Dialect) -> None:
    given_up = [*ONCE[:2], {"role": "user", "content": "No, again."}, call("call_0"), result("call_0", "second")]
    calls, results = pairs(json.loads(body(given_up, dialect)))
    assert results[calls[1]] == "second"
    assert "No result" in json.dumps(results[calls[0]])


@pytest.mark.parametrize("dialect", ["anthropic", "openai-responses"])
def test_a_longer_history_begins_with_the_same_bytes(dialect: Dialect) -> None:
    member = "messages" if dialect == "anthropic" else "input"
    shorter, longer = (json.loads(body(messages, dialect))[member] for messages in (TWICE, [*TWICE, *ONCE[1:]]))
    assert longer[: len(shorter)] == shorter
    assert len(set(pairs({member: longer})[0])) == 3
