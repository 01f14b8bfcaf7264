"""Calls of tools that were not offered, and arguments that do not fit: found in every dialect, never invented."""

import json
from typing import Any

import jsonschema
import pytest
from hypothesis import given
from hypothesis import strategies as st

from baton.protocol.answer_text import answer_of as answer_in
from baton.protocol.dialects import Reply, grammar_of
from baton.protocol.fold import unfold
from baton.protocol.schema_fit import misfit
from baton.protocol.tool_calls import fault_of, from_first_call, may_call, offered
from baton.types.card import Dialect
from baton.types.errors import MalformedBody, ToolArgumentsInvalid, ToolCallNotOffered
from baton.types.events import AnswerMessage, Stop
from baton.types.parts import Origin, TextPart, ToolCallPart

SCHEMA = {
    "type": "object",
    "properties": {"city": {"type": "string"}, "days": {"type": "integer", "minimum": 1}},
    "required": ["city"],
    "additionalProperties": False,
}
GEMINI_SCHEMA = {
    "type": "OBJECT",
    "properties": {"city": {"type": "STRING"}, "days": {"type": "INTEGER", "minimum": 1}},
    "required": ["city"],
}
TOOLS: dict[Dialect, Any] = {
    "openai-chat": [{"type": "function", "function": {"name": "weather", "parameters": SCHEMA}}],
    "openai-responses": [{"type": "function", "name": "weather", "parameters": SCHEMA}],
    "anthropic": [{"name": "weather", "input_schema": SCHEMA}],
    "gemini": [{"functionDeclarations": [{"name": "weather", "parameters": GEMINI_SCHEMA}]}],
    "ollama": [{"type": "function", "function": {"name": "weather", "parameters": SCHEMA}}],
}
DIALECTS = list(TOOLS)


def answer_of(dialect: Dialect, name: str, arguments: dict[str, Any]) -> bytes:
    text = json.dumps(arguments)
    bodies: dict[Dialect, Any] = {
        "openai-chat": {
            "choices": [
                {
                    "message": {
                        "role": "assistant",
                        "tool_calls": [{"id": "c", "type": "function", "function": {"name": name, "arguments": text}}],
                    },
                    "finish_reason": "tool_calls",
                }
            ]
        },
        "openai-responses": {
            "status": "completed",
            "output": [{"type": "function_call", "id": "f", "call_id": "c", "name": name, "arguments": text}],
        },
        "anthropic": {
            "type": "message",
            "content": [{"type": "tool_use", "id": "c", "name": name, "input": arguments}],
            "stop_reason": "tool_use",
        },
        "gemini": {
            "candidates": [
                {"content": {"parts": [{"functionCall": {"name": name, "args": arguments}}]}, "finishReason": "STOP"}
            ]
        },
        "ollama": {
            "message": {"role": "assistant", "tool_calls": [{"function": {"name": name, "arguments": arguments}}]},
            "done": True,
        },
    }
    return json.dumps(bodies[dialect]).encode()


def fault(dialect: Dialect, name: str, arguments: dict[str, Any]) -> Any:
    body = answer_of(dialect, name, arguments)
    assert may_call(dialect, body.replace(b'": ', b'":'))
    offer = offered(dialect, {"tools": json.dumps(TOOLS[dialect]).encode()})
    return fault_of(grammar_of(dialect).read_answer(body, Origin(), ""), offer)


@pytest.mark.parametrize("dialect", DIALECTS)
def test_a_call_that_was_offered_and_fits_is_no_fault(dialect: Dialect) -> None:
    assert fault(dialect, "weather", {"city": "Oslo", "days": 2}) is None


@pytest.mark.parametrize("dialect", DIALECTS)
def test_a_call_of_another_tool_is_a_fault(dialect: Dialect) -> None:
    found = fault(dialect, "transfer_money", {"city": "Oslo"})
    assert isinstance(found, ToolCallNotOffered)
    assert "'transfer_money'" in found.message
    assert found.status == 502


@pytest.mark.parametrize("dialect", DIALECTS)
@pytest.mark.parametrize("arguments", [{}, {"city": 1}, {"city": "Oslo", "days": 0}, {"city": "Oslo", "days": 1.5}])
def test_arguments_that_do_not_fit_are_a_fault(dialect: Dialect, arguments: dict[str, Any]) -> None:
    assert isinstance(fault(dialect, "weather", arguments), ToolArgumentsInvalid)


def test_a_request_without_tools_offers_none() -> None:
    assert isinstance(called("x", "{}", offered("openai-chat", {})), ToolCallNotOffered)


@pytest.mark.parametrize("arguments", ["{", "[1]", "nul", '{"city": "\ud800"}'])
def test_arguments_that_are_no_object_are_a_fault(arguments: str) -> None:
    offer = offered("openai-chat", {"tools": json.dumps(TOOLS["openai-chat"]).encode()})
    assert isinstance(called("weather", arguments, offer), ToolArgumentsInvalid)


def test_no_arguments_are_an_empty_object() -> None:
    tools = [{"type": "function", "function": {"name": "now", "parameters": {"type": "object", "properties": {}}}}]
    assert called("now", "", offered("openai-chat", {"tools": json.dumps(tools).encode()})) is None


def test_names_that_were_changed_for_the_upstream_are_turned_back() -> None:
    tools = [{"type": "function", "function": {"name": "a.b", "parameters": {"type": "object"}}}]
    offer = offered("openai-chat", {"tools": json.dumps(tools).encode()})
    answer = AnswerMessage(parts=(ToolCallPart("c", "a_b", "{}"),))
    assert isinstance(fault_of(answer, offer), ToolCallNotOffered)
    assert fault_of(answer, offer, {"a_b": "a.b"}) is None


def test_a_tool_of_the_vendor_is_known_by_its_name() -> None:
    tools = [{"type": "bash_20250124", "name": "bash"}]
    assert called("bash", '{"command": 1}', offered("anthropic", {"tools": json.dumps(tools).encode()})) is None


def test_a_tool_in_a_namespace_is_called_within_it() -> None:
    group = [{"type": "namespace", "name": "files", "tools": [{"type": "function", "name": "read"}]}]
    offer = offered("openai-responses", {"tools": json.dumps(group).encode()})
    call = {"type": "function_call", "id": "f", "call_id": "c", "namespace": "files", "name": "read", "arguments": "{}"}
    body = json.dumps({"status": "completed", "output": [call]}).encode()
    assert fault_of(grammar_of("openai-responses").read_answer(body, Origin(), ""), offer) is None
    assert isinstance(called("read", "{}", offer), ToolCallNotOffered)


def test_tools_that_are_none_are_a_malformed_body() -> None:
    with pytest.raises(MalformedBody):
        offered("openai-chat", {"tools": b'{"a": 1}'})


def test_the_older_functions_count_as_tools() -> None:
    functions = json.dumps([{"name": "weather", "parameters": SCHEMA}]).encode()
    assert called("weather", '{"city": "Oslo"}', offered("openai-chat", {"functions": functions})) is None


def called(name: str, arguments: str, offer: Any) -> Any:
    return fault_of(AnswerMessage(parts=(ToolCallPart("c", name, arguments),)), offer)


# --- the schema -------------------------------------------------------------------------------

JSON_VALUES = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-3, 3)
    | st.sampled_from([0.5, 1.0, -2.5])
    | st.sampled_from(["", "a", "bb"]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from("abc"), inner, max_size=3),
    max_leaves=6,
)
TYPE_NAMES = st.sampled_from(["object", "array", "string", "number", "integer", "boolean", "null"])


def words(inner: st.SearchStrategy[Any]) -> st.SearchStrategy[dict[str, Any]]:
    names = st.sampled_from("abc")
    return st.fixed_dictionaries(
        {},
        optional={
            "type": TYPE_NAMES | st.lists(TYPE_NAMES, min_size=1, max_size=2, unique=True),
            "properties": st.dictionaries(names, inner, max_size=3),
            "required": st.lists(names, max_size=2, unique=True),
            "additionalProperties": st.booleans() | inner,
            "items": inner,
            "enum": st.lists(JSON_VALUES, min_size=1, max_size=3),
            "const": JSON_VALUES,
            "anyOf": st.lists(inner, min_size=1, max_size=2),
            "allOf": st.lists(inner, min_size=1, max_size=2),
            "minimum": st.integers(-2, 2),
            "exclusiveMaximum": st.integers(-2, 2),
            "minLength": st.integers(0, 2),
            "maxItems": st.integers(0, 2),
            "$ref": st.just("#/$defs/x"),
        },
    )


SCHEMAS = st.builds(
    lambda schema, inner: {**schema, "$defs": {"x": inner}},
    st.recursive(words(st.just({})), words, max_leaves=4),
    words(st.just({"type": "string"})).map(lambda one: {k: v for k, v in one.items() if k != "$ref"}),
)


@given(SCHEMAS, JSON_VALUES)
def test_the_quick_check_agrees_with_the_whole_standard_on_the_words_it_knows(schema: Any, value: Any) -> None:
    valid = jsonschema.Draft202012Validator(schema).is_valid(value)
    assert (misfit(value, schema) == "") == valid


@given(JSON_VALUES, JSON_VALUES)
def test_a_schema_of_any_form_is_no_crash(schema: Any, value: Any) -> None:
    wrong = dict.fromkeys(
        ["type", "enum", "required", "properties", "items", "anyOf", "minimum", "maxLength", "$ref", "allOf"], schema
    )
    assert isinstance(misfit(value, wrong), str)


def test_a_schema_that_refers_to_itself_comes_to_an_end() -> None:
    assert misfit({"a": 1}, {"$ref": "#"}) == ""
    assert misfit(1, {"anyOf": [{"$ref": "#"}, {"$ref": "#"}]}) == ""


def test_what_is_not_known_is_taken_as_fitting() -> None:
    assert misfit("x", {"pattern": "^(a+)+$", "format": "email", "not": {}}) == ""
    assert misfit(None, {"type": "STRING", "nullable": True}) == ""


# --- streams ------------------------------------------------------------------------------------


@pytest.mark.parametrize("dialect", DIALECTS)
def test_the_calls_of_a_stream_are_the_same_without_what_was_said_before_them(dialect: Dialect) -> None:
    calls = (ToolCallPart("call_1", "weather", '{"city":"Oslo"}'), ToolCallPart("call_2", "rm", '{"a":1}'))
    answer = AnswerMessage(id="a", model="m", parts=(TextPart('words "tool_use"'), *calls), stop=Stop("tool_calls"))
    writer = grammar_of(dialect).stream_writer(Reply(model="m", id="x"))
    stream = writer.write(unfold(answer)) + writer.finish()
    assert may_call(dialect, stream)
    short = from_first_call(dialect, stream)
    assert stream.endswith(short)
    assert len(short) < len(stream)
    read = answer_in(dialect, short, stream=True)
    found = [(part.name, json.loads(part.arguments)) for part in read.parts if isinstance(part, ToolCallPart)]
    assert found == [("weather", {"city": "Oslo"}), ("rm", {"a": 1})]


@pytest.mark.parametrize("dialect", DIALECTS)
def test_words_about_calls_are_none(dialect: Dialect) -> None:
    answer = AnswerMessage(
        parts=(TextPart('"tool_calls" "function_call" "tool_use" "functionCall"'),), stop=Stop("end")
    )
    assert not may_call(dialect, grammar_of(dialect).write_answer(answer, Reply(model="m", id="x")).body)
