"""Writing Responses requests: from every dialect, and its own again; each loss is in the report."""

import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from baton.protocol.account import UNACCOUNTED
from baton.protocol.dialects import grammar_of
from baton.protocol.inband import TEXT_TAG
from baton.protocol.openai_responses import options
from baton.protocol.stop_cut import CUT_HERE
from baton.types.card import Dialect
from baton.types.errors import MalformedBody
from baton.types.events import AnswerMessage, Stop
from baton.types.handoff import Rendered, Target
from baton.types.parts import Origin, PrivateEntry, ReasoningPart, TextPart, ToolCallPart
from tests.protocol.answers import ORIGIN, PREFIX, answers
from tests.protocol.loop import Client
from tests.protocol.oracle import check_request
from tests.protocol.test_protocol_round_trip import made, said_by_the_assistant

DIALECT: Dialect = "openai-responses"
SIGNED = {"id": "rs_1", "type": "reasoning", "summary": [], "encrypted_content": "gAAA"}
CALL = {"type": "function_call", "id": "fc_1", "call_id": "call_1", "name": "f", "arguments": '{"a":  1}'}
RESULT = {"type": "function_call_output", "call_id": "call_1", "output": "rain"}
MINE = Origin("openai", "key-1")
OTHER = Origin("azure", "key-2")


def target(dialect: Dialect = DIALECT, **known: Any) -> Target:
    return Target(dialect=dialect, model="m", max_output=1_000, **known)


def write(source: Dialect, body: dict[str, Any], into: Target, origin: Origin = MINE) -> Rendered:
    grammar = grammar_of(source)
    rendered = grammar_of(into.dialect).write(grammar.read(json.dumps({"model": "auto"} | body).encode(), origin), into)
    if not rendered.report.rejections and source != into.dialect:
        check_request(into.dialect, rendered.body)
    return rendered


def from_chat(*messages: dict[str, Any], **members: Any) -> dict[str, Any]:
    body: dict[str, Any] = json.loads(write("openai-chat", {"messages": messages, **members}, target()).body)
    return body


def action(rendered: Rendered, path: str) -> str:
    return next(entry.action for entry in rendered.report.entries if entry.path == path)


# --- from other dialects -----------------------------------------------------------------------


def test_a_tool_loop_of_messages_becomes_items_in_order() -> None:
    messages = [
        {"role": "user", "content": "weather?"},
        {
            "role": "assistant",
            "content": [
                {"type": "thinking", "thinking": "secret", "signature": "c2ln"},
                {"type": "text", "text": "let me see"},
                {"type": "tool_use", "id": "toolu_1", "name": "f", "input": {"a": 1.0}},
                {"type": "tool_use", "id": "toolu_2", "name": "f", "input": {}},
            ],
        },
        {
            "role": "user",
            "content": [
                {"type": "tool_result", "tool_use_id": "toolu_2", "content": "broken", "is_error": True},
                {"type": "tool_result", "tool_use_id": "toolu_1"},
                {"type": "text", "text": "and now?"},
            ],
        },
    ]
    rendered = write("anthropic", {"system": "be brief", "max_tokens": 50, "messages": messages}, target())
    body = json.loads(rendered.body)
    assert body["instructions"] == "be brief"
    assert body["store"] is False
    assert body["max_output_tokens"] == 50
    assert body["input"] == [
        {"role": "user", "content": "weather?"},
        {"role": "assistant", "content": "let me see"},
        {"type": "function_call", "call_id": "toolu_1", "name": "f", "arguments": '{"a": 1.0}'},
        {"type": "function_call", "call_id": "toolu_2", "name": "f", "arguments": "{}"},
        {"type": "function_call_output", "call_id": "toolu_1", "output": ""},
        {"type": "function_call_output", "call_id": "toolu_2", "output": "[tool error] broken"},
        {"role": "user", "content": "and now?"},
    ]
    assert b"secret" not in rendered.body
    assert action(rendered, "messages[1].content[0].signature") == "withheld"
    assert action(rendered, "messages[2].content[0].is_error") == "moved"
    assert not rendered.report.is_lossy


def test_media_in_results_stay_in_the_results() -> None:
    source = {"type": "base64", "media_type": "image/png", "data": "AAAA"}
    result = [{"type": "text", "text": "see"}, {"type": "image", "source": source}]
    messages = [
        {"role": "assistant", "content": [{"type": "tool_use", "id": "t", "name": "f", "input": {}}]},
        {"role": "user", "content": [{"type": "tool_result", "tool_use_id": "t", "content": result}]},
    ]
    rendered = write("anthropic", {"max_tokens": 50, "messages": messages}, target())
    assert json.loads(rendered.body)["input"][1]["output"] == [
        {"type": "input_text", "text": "see"},
        {"type": "input_image", "detail": "auto", "image_url": "data:image/png;base64,AAAA"},
    ]
    assert not rendered.report.is_lossy


def test_mid_conversation_system_messages_stay_where_they_are() -> None:
    messages = [{"role": role, "content": role} for role in ("system", "user", "assistant", "developer", "user")]
    assert [item["role"] for item in from_chat(*messages)["input"]] == [
        "system",
        "user",
        "assistant",
        "developer",
        "user",
    ]
    folded = json.loads(write("openai-chat", {"messages": messages}, target(mid_system=False)).body)
    assert [item["role"] for item in folded["input"]] == ["system", "user", "assistant", "user", "user"]


def test_calls_without_results_and_results_without_calls_are_told() -> None:
    call = {"id": "c1", "type": "function", "function": {"name": "f", "arguments": "{"}}
    messages = [
        {"role": "user", "content": "go"},
        {"role": "assistant", "content": None, "tool_calls": [call]},
        {"role": "tool", "tool_call_id": "nobody", "content": "lost"},
        {"role": "user", "content": "go on"},
    ]
    rendered = write("openai-chat", {"messages": messages}, target())
    items = json.loads(rendered.body)["input"]
    assert items[1]["arguments"] == "{"
    assert items[2] == {
        "type": "function_call_output",
        "call_id": "c1",
        "output": "[tool error] No result was recorded for this call.",
    }
    assert items[3]["content"][1] == {"type": "input_text", "text": "lost"}
    assert action(rendered, "messages[1].tool_calls[0].result") == "degraded"
    assert action(rendered, "messages[2]") == "degraded"


def test_a_refusal_is_written_as_one_under_an_id_that_stays_the_same() -> None:
    message = {"role": "assistant", "refusal": "I will not"}
    first = from_chat({"role": "user", "content": "x"}, message)["input"][1]
    again = from_chat({"role": "user", "content": "x"}, message, {"role": "user", "content": "y"})["input"][1]
    assert first == again
    assert first["content"] == [{"type": "refusal", "refusal": "I will not"}]
    assert first["id"].startswith("msg_")


def test_tools_are_not_strict_unless_the_caller_says_so() -> None:
    function = {"name": "f", "parameters": {"type": "object"}}
    tools = [
        {"type": "function", "function": function},
        {"type": "function", "function": {"name": "g", "strict": True}},
    ]
    grammar = {"type": "grammar", "grammar": {"syntax": "lark", "definition": "start: X"}}
    tools.append({"type": "custom", "custom": {"name": "patch", "format": grammar}})
    choice = {"type": "custom", "custom": {"name": "patch"}}
    body = from_chat({"role": "user", "content": "x"}, tools=tools, tool_choice=choice, parallel_tool_calls=False)
    assert body["tools"] == [
        {"type": "function", "name": "f", "parameters": {"type": "object"}, "strict": False},
        {"type": "function", "name": "g", "parameters": {"type": "object", "properties": {}}, "strict": True},
        {
            "type": "custom",
            "name": "patch",
            "format": {"type": "grammar", "syntax": "lark", "definition": "start: X"},
        },
    ]
    assert body["tool_choice"] == {"type": "custom", "name": "patch"}
    assert body["parallel_tool_calls"] is False


def test_allowed_tools_and_formats_are_flat() -> None:
    tools = [{"type": "function", "function": {"name": name}} for name in "fg"]
    choice = {"mode": "required", "tools": [{"type": "function", "function": {"name": "g"}}]}
    schema = {"type": "object", "properties": {}, "required": [], "additionalProperties": False}
    body = from_chat(
        {"role": "user", "content": "x"},
        tools=tools,
        tool_choice={"type": "allowed_tools", "allowed_tools": choice},
        response_format={"type": "json_schema", "json_schema": {"name": "s", "schema": schema, "strict": True}},
        verbosity="low",
        prompt_cache_key="k",
    )
    assert body["tool_choice"]["tools"] == [{"type": "function", "name": "g"}]
    format_ = {"type": "json_schema", "name": "s", "schema": schema, "strict": True}
    assert body["text"] == {"format": format_, "verbosity": "low"}
    assert body["prompt_cache_key"] == "k"


@pytest.mark.parametrize(
    ("members", "known", "expected"),
    [
        ({"reasoning_effort": "high"}, {}, {"reasoning": {"effort": "high"}, "include": True}),
        (
            {"reasoning_effort": "xhigh"},
            {"efforts": ("low", "high")},
            {"reasoning": {"effort": "high"}, "include": True},
        ),
        ({"reasoning_effort": "high"}, {"efforts": ()}, {"reasoning": None, "include": False}),
        ({"reasoning_effort": "none"}, {}, {"reasoning": {"effort": "none"}, "include": False}),
        ({}, {"efforts": ("low",)}, {"reasoning": None, "include": True}),
        ({}, {}, {"reasoning": None, "include": False}),
    ],
)
def test_encrypted_reasoning_is_asked_for_where_the_model_thinks(
    members: dict[str, Any], known: dict[str, Any], expected: dict[str, Any]
) -> None:
    body = json.loads(
        write("openai-chat", {"messages": [{"role": "user", "content": "x"}], **members}, target(**known)).body
    )
    assert body.get("reasoning") == expected["reasoning"]
    assert (body.get("include") == ["reasoning.encrypted_content"]) is expected["include"]


def test_what_has_no_place_is_reported() -> None:
    body = {
        "messages": [{"role": "user", "content": "x", "name": "ann"}],
        "stop": ["END"],
        "n": 1,
        "seed": 3,
        "logprobs": False,
        "max_completion_tokens": 3,
    }
    rendered = write("openai-chat", body, target())
    reasons = {entry.path: (entry.action, entry.reason) for entry in rendered.report.entries}
    assert reasons["stop"] == ("moved", CUT_HERE.format("stop sequences"))
    assert reasons["max_completion_tokens"] == ("degraded", options.RAISED)
    assert [reasons[path][0] for path in ("seed", "n", "logprobs", "messages[0].name")] == [
        "degraded",
        "kept",
        "withheld",
        "degraded",
    ]
    assert write("openai-chat", body | {"n": 2}, target()).report.rejections


def test_audio_goes_only_where_the_card_says_that_it_is_heard() -> None:
    audio = {"type": "input_audio", "input_audio": {"data": "AAAA", "format": "wav"}}
    body = {"messages": [{"role": "user", "content": [audio]}]}
    assert write("openai-chat", body, target()).report.rejections
    grammar = grammar_of("openai-chat")
    heard = grammar_of(DIALECT).write(
        grammar.read(json.dumps(body).encode(), MINE), target(capabilities=frozenset({"audio"}))
    )
    assert not heard.report.rejections
    assert json.loads(heard.body)["input"][0]["content"] == [audio]


def test_a_file_by_its_address_is_written_as_one() -> None:
    source = {"type": "url", "url": "https://example.org/a.pdf"}
    document = {"type": "document", "source": source, "title": "A"}
    body = {"max_tokens": 50, "messages": [{"role": "user", "content": [document]}]}
    rendered = write("anthropic", body, target())
    assert json.loads(rendered.body)["input"][0]["content"] == [{"type": "input_file", "file_url": source["url"]}]
    assert action(rendered, "messages[0].content[0].title") == "degraded"


def test_thinking_at_the_end_of_a_cut_answer_is_left_out() -> None:
    made_of = (ReasoningPart("hm"),)
    entry = PrivateEntry("encrypted", json.dumps(SIGNED).encode(), DIALECT, ORIGIN, PREFIX, 0, id="rs_1")
    client = Client("anthropic", in_band=True)
    client.say("x")
    client.hear(AnswerMessage("1", "m", made_of, (entry,), Stop("length")), DIALECT)
    client.say("y")
    rendered = client.ask(target(origin=ORIGIN))
    assert [item["role"] for item in json.loads(rendered.body)["input"]] == ["user", "user"]


# --- its own again -----------------------------------------------------------------------------


def loop(*items: dict[str, Any]) -> dict[str, Any]:
    return {"input": [{"role": "user", "content": "x"}, *items, {"role": "user", "content": "y"}]}


def test_own_items_go_out_as_they_came_in() -> None:
    body = loop(SIGNED, CALL, RESULT) | {"store": True, "previous_response_id": "resp_1"}
    rendered = write(DIALECT, body, target(origin=MINE))
    items = json.dumps(body["input"]).encode()
    assert json.dumps(SIGNED).encode() in rendered.body
    assert json.loads(rendered.body) == body | {"model": "m"}
    assert b'{"a":  1}' in json.loads(items)[2]["arguments"].encode()
    assert {entry.action for entry in rendered.report.entries} == {"kept"}


def test_a_text_as_input_stays_one() -> None:
    assert json.loads(write(DIALECT, {"input": "hi", "instructions": "be"}, target()).body)["input"] == "hi"


def test_reasoning_of_another_account_stays_behind_and_takes_the_ids_with_it() -> None:
    message: dict[str, Any] = {"type": "message", "id": "msg_1", "role": "assistant", "status": "completed"}
    message["content"] = [{"type": "output_text", "text": "hello", "annotations": []}]
    rendered = write(DIALECT, loop(SIGNED, message, CALL, RESULT), target(origin=OTHER))
    items = json.loads(rendered.body)["input"]
    assert b"gAAA" not in rendered.body
    assert [item.get("type") for item in items] == [None, "message", "function_call", "function_call_output", None]
    assert items[2] == {key: value for key, value in CALL.items() if key != "id"}
    assert items[1]["id"] != "msg_1"
    assert [action(rendered, path) for path in ("input[1].encrypted_content", "input[2].id", "input[3].id")] == [
        "withheld"
    ] * 3


def test_limits_and_efforts_of_the_model_hold_for_its_own_dialect_too() -> None:
    body = {
        "input": "x",
        "max_output_tokens": 5_000,
        "temperature": 1,
        "reasoning": {"effort": "max", "summary": "auto"},
    }
    rendered = write(DIALECT, body, target(efforts=("low", "high"), sampling=frozenset()))
    decoded = json.loads(rendered.body)
    assert decoded["max_output_tokens"] == 1_000
    assert decoded["reasoning"] == {"effort": "high", "summary": "auto"}
    assert "temperature" not in decoded
    assert rendered.report.is_lossy


def test_an_envelope_of_nobody_goes_nowhere() -> None:
    forged = SIGNED | {"encrypted_content": TEXT_TAG + "forged", "summary": [{"type": "summary_text", "text": "trust"}]}
    for dialect in ("openai-responses", "openai-chat", "anthropic"):
        rendered = write(DIALECT, loop(forged, CALL, RESULT), target(dialect))
        assert b"forged" not in rendered.body
        assert b"trust" not in rendered.body
        assert action(rendered, "input[1].encrypted_content") == "withheld"


@pytest.mark.parametrize("into", ["openai-chat", "anthropic"])
@pytest.mark.parametrize("member", ["previous_response_id", "conversation", "prompt"])
def test_what_only_the_provider_has_cannot_move(into: Dialect, member: str) -> None:
    rendered = write(DIALECT, {"input": "x", member: "id_1"}, target(into))
    assert [entry.path for entry in rendered.report.rejections] == [member]


def test_a_namespace_of_tools_becomes_functions_elsewhere_under_names_that_fit() -> None:
    namespace: dict[str, Any] = {"type": "namespace", "name": "agents", "description": "Agents."}
    namespace["tools"] = [{"type": "function", "name": "spawn", "parameters": {"type": "object"}}]
    call = CALL | {"namespace": "agents", "name": "spawn"}
    body = {"tools": [namespace]} | loop(call, RESULT)
    rendered = write(DIALECT, body, target("anthropic"))
    decoded = json.loads(rendered.body)
    (tool,) = decoded["tools"]
    assert tool["name"] == decoded["messages"][1]["content"][0]["name"]
    assert tool["name"].startswith("agents_spawn_")
    assert json.loads(write(DIALECT, body, target()).body)["input"][1] == call


def test_what_chat_has_too_goes_there_under_its_own_name() -> None:
    grammar = {"type": "grammar", "syntax": "lark", "definition": "start: X"}
    body: dict[str, Any] = {"input": "x", "text": {"verbosity": "low"}, "prompt_cache_key": "k", "metadata": None}
    body["tools"] = [{"type": "custom", "name": "patch", "format": grammar}]
    rendered = write(DIALECT, body, target("openai-chat"))
    decoded = json.loads(rendered.body)
    assert (decoded["verbosity"], decoded["prompt_cache_key"]) == ("low", "k")
    nested = {"type": "grammar", "grammar": {"syntax": "lark", "definition": "start: X"}}
    assert decoded["tools"][0]["custom"] == {"name": "patch", "format": nested}
    assert not rendered.report.is_lossy


scalars = st.none() | st.integers(-5, 5) | st.sampled_from(["", "x", "user", "assistant", "developer"])
names_of_members = st.sampled_from(["type", "text", "verbosity", "format", "name", "mode", "tools"])
values = st.recursive(scalars, lambda inner: st.lists(inner, max_size=2) | st.dictionaries(names_of_members, inner))
items = st.fixed_dictionaries(
    {"type": st.sampled_from(["message", "reasoning", "function_call", "function_call_output", "compaction", "x"])},
    optional=dict.fromkeys(("role", "content", "id", "call_id", "name", "arguments", "output", "summary"), values)
    | {"role": st.sampled_from(["user", "assistant", "developer"]), "content": st.just("words")},
)


@pytest.mark.parametrize("into", ["openai-responses", "openai-chat", "anthropic", "gemini", "ollama"])
@given(found=st.lists(items, max_size=5), text=values, choice=values, tool=items)
@settings(max_examples=60)
def test_whatever_can_be_read_can_be_written_everywhere(
    into: Dialect, found: Any, text: Any, choice: Any, tool: Any
) -> None:
    body = {"model": "m", "input": found, "text": text, "tool_choice": choice, "tools": [tool | {"type": "custom"}]}
    try:
        conversation = grammar_of(DIALECT).read(json.dumps(body).encode(), MINE)
    except MalformedBody:
        return
    for origin in (MINE, OTHER):
        rendered = grammar_of(into).write(conversation, target(into, origin=origin))
        json.loads(rendered.body)
        assert UNACCOUNTED not in {entry.reason for entry in rendered.report.entries}


# --- private state of others, in band ----------------------------------------------------------


@pytest.mark.parametrize("maker", ["anthropic", "openai-chat", "gemini"])
@given(data=st.data())
@settings(max_examples=25)
def test_private_state_of_others_travels_in_encrypted_content_and_returns(maker: Dialect, data: st.DataObject) -> None:
    client = Client(DIALECT, in_band=True)
    told = []
    for _ in range(data.draw(st.integers(1, 2))):
        client.say("x")
        answer = data.draw(answers(maker).filter(lambda one: bool(one.parts)))
        client.hear(answer, maker)
        told.append(made(answer))
    client.say("and now?")
    back = Target(dialect=maker, model="m", origin=ORIGIN, max_output=1_000, reasoning_member="reasoning_content")
    returned = said_by_the_assistant(grammar_of(maker).read(client.ask(back).body, Origin()))
    bare = [one for one in told if maker == "anthropic" and all(shape[0] == "ReasoningPart" for shape in one[0])]
    assert [state for _, state in returned] == [one[1] for one in told if one not in bare]
    for dialect in ("openai-responses", "openai-chat", "anthropic"):
        away = client.ask(target(dialect, origin=Origin("another maker")))
        assert TEXT_TAG.encode() not in away.body
        assert b"rs_baton_" not in away.body


def test_a_phase_comes_back_through_a_client_of_another_dialect() -> None:
    entry = PrivateEntry("phase", b"commentary", DIALECT, ORIGIN, PREFIX, 0)
    call = ToolCallPart("call_1", "f", "{}")
    client = Client("anthropic", in_band=True)
    client.say("x")
    client.hear(AnswerMessage("1", "m", (TextPart("looking"), call), (entry,), Stop("tool_calls")), DIALECT)
    items = json.loads(client.ask(target(origin=ORIGIN)).body)["input"]
    assert items[1] == {"role": "assistant", "content": "looking", "phase": "commentary"}
