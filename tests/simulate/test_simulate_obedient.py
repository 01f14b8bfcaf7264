"""The models that do as they are told, whatever the conversation is about."""

from typing import Any

import msgspec
import pytest

from baton.simulate.answer import Ask
from baton.simulate.conversation import Conversation, ToolSpec, Turn
from baton.simulate.obedient import Obedient
from tests.simulate.posed import Vendor

FLEET = Obedient()
CLAUDE = FLEET.models[0]


def answer(text: str, *tools: ToolSpec, more: tuple[Turn, ...] = (), **members: Any) -> Any:
    conversation = Conversation((Turn("user", text), *more), tools=tools)
    return FLEET.answer(Ask(CLAUDE.id, conversation, **members), CLAUDE)


def tool(name: str, **schema: Any) -> ToolSpec:
    return ToolSpec(name, "", schema)


def test_tools_are_called_in_the_order_in_which_they_are_named() -> None:
    made = answer("b, then a, please", tool("a"), tool("b"), tool("c"))
    assert [use.name for use in made.uses] == ["b", "a"]
    assert made.text == "I call b and a."
    assert made.finish == "tool_calls"


def test_once_there_is_a_result_it_is_quoted() -> None:
    made = answer("use a", tool("a"), more=(Turn("assistant"), Turn("tool", "42")))
    assert (made.uses, made.text) == ((), f"Answer 1 of {CLAUDE.id} to: 42")


@pytest.mark.parametrize(
    ("members", "called"),
    [
        ({"tool_choice": "none"}, []),
        ({"tool_choice": "required"}, ["a"]),
        ({"tool_choice": "required", "tool_name": "b"}, ["b"]),
        ({}, ["a"]),
    ],
)
def test_the_choice_of_tools_is_obeyed(members: dict[str, Any], called: list[str]) -> None:
    assert [use.name for use in answer("use a", tool("a"), tool("b"), **members).uses] == called


@pytest.mark.parametrize(
    ("schema", "arguments"),
    [
        ({}, {}),
        ({"type": "object", "properties": {"s": {"type": "string"}, "n": {"type": "INTEGER"}}}, {"s": "Paris", "n": 3}),
        ({"properties": {"e": {"enum": ["x", "y"]}, "l": {"type": "array", "items": {"type": "number"}}}}, {"e": "x", "l": [2.5]}),
        ({"properties": {"o": {"type": "object"}, "u": {"type": ["boolean", "null"]}, "b": True}}, {"o": {}, "u": True}),
        ({"properties": {"l": {"type": "array"}, "x": {"type": "file"}}}, {"l": [], "x": None}),
    ],
)  # fmt: skip
def test_arguments_fit_the_schema(schema: dict[str, Any], arguments: Any) -> None:
    (use,) = answer("use a", tool("a", **schema)).uses
    assert msgspec.json.decode(use.arguments) == arguments


def test_a_second_question_has_another_number() -> None:
    more = (Turn("assistant", "x"), Turn("user", "again"))
    assert answer("first", more=more).text == f"Answer 2 of {CLAUDE.id} to: again"


def test_the_same_request_is_answered_with_the_same_bytes_by_another_engine() -> None:
    body = {"messages": [{"role": "user", "content": "hi"}], "thinking": {"type": "adaptive"}}
    assert Vendor().messages(body).body == Vendor().messages(body).body


def test_an_answer_fits_the_schema_that_it_must_fit_in_every_dialect() -> None:
    schema = {
        "type": "object",
        "properties": {"city": {"type": "string"}, "degrees": {"type": "integer"}},
        "required": ["city", "degrees"],
        "additionalProperties": False,
    }
    asked = [{"role": "user", "content": "hi"}]
    named = {"type": "json_schema", "name": "w", "schema": schema}
    vendor = Vendor()
    messages = vendor.messages(
        {"messages": asked, "output_config": {"format": {"type": "json_schema", "schema": schema}}}
    )
    chat = vendor.chat(
        {"messages": asked, "response_format": {"type": "json_schema", "json_schema": {"name": "w", "schema": schema}}}
    )
    responses = vendor.responses({"input": asked, "text": {"format": named}})
    config = {"responseMimeType": "application/json", "responseJsonSchema": schema}
    gemini = vendor.gemini({"contents": [{"role": "user", "parts": [{"text": "hi"}]}], "generationConfig": config})
    ollama = vendor.ollama({"messages": asked, "format": schema})
    told = [
        messages.body["content"][-1]["text"],
        chat.body["choices"][0]["message"]["content"],
        responses.body["output"][-1]["content"][0]["text"],
        gemini.body["candidates"][0]["content"]["parts"][-1]["text"],
        ollama.body["message"]["content"],
    ]
    assert [msgspec.json.decode(text) for text in told] == [{"city": "Paris", "degrees": 3}] * 5
