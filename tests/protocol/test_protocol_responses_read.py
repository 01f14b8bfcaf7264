"""Reading Responses requests: items become turns in their order, and nothing is forgotten."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from baton.protocol.account import elements
from baton.protocol.inband import TEXT_TAG
from baton.protocol.openai_responses.read import read
from baton.protocol.request import read_request
from baton.types.conversation import Conversation, ReasoningControl, ToolChoice, Turn
from baton.types.errors import MalformedBody
from baton.types.parts import (
    AudioPart,
    DocumentPart,
    ImagePart,
    OpaquePart,
    Origin,
    ReasoningPart,
    ServerToolPart,
    TextPart,
    ToolCallPart,
    ToolResultPart,
)

OPENAI = Origin("openai", "key-1")
REASONING = {"id": "rs_1", "type": "reasoning", "summary": [{"type": "summary_text", "text": "hm"}]}
SIGNED = REASONING | {"encrypted_content": "gAAA"}
CALL = {"type": "function_call", "id": "fc_1", "call_id": "call_1", "name": "f", "arguments": '{"a": 1}'}


def conversation(items: Any, **members: Any) -> Conversation:
    return read(json.dumps({"model": "m", "input": items, **members}).encode(), OPENAI)


def only_turn(*items: Any) -> Turn:
    (turn,) = conversation(list(items)).turns
    return turn


def test_a_text_and_instructions_are_the_users_and_the_systems_words() -> None:
    top, user = conversation("hi", instructions="be brief").turns
    assert (top.role, top.label, top.parts) == ("system", "top", (TextPart("be brief", "instructions"),))
    assert (user.role, user.parts) == ("user", (TextPart("hi", "input"),))


def test_what_the_assistant_says_and_calls_in_a_row_is_one_turn_with_its_bytes() -> None:
    message: dict[str, Any] = {"type": "message", "role": "assistant", "id": "msg_1", "status": "completed"}
    message["phase"] = "commentary"
    message["content"] = [{"type": "output_text", "text": "let me see", "annotations": []}]
    items = [{"role": "user", "content": "weather?"}, SIGNED, message, CALL]
    items.append({"type": "function_call_output", "call_id": "call_1", "output": "rain"})
    user, assistant, result = conversation(items).turns
    assert (user.role, assistant.role, result.role) == ("user", "assistant", "user")
    kinds = [type(part) for part in assistant.parts]
    assert kinds == [ReasoningPart, TextPart, ToolCallPart]
    assert [(entry.kind, entry.anchor, entry.path) for entry in assistant.private] == [
        ("encrypted", 0, "input[1].encrypted_content"),
        ("item_id", 1, "input[2].id"),
        ("phase", 1, "input[2].phase"),
        ("item_id", 2, "input[3].id"),
    ]
    assert assistant.private[0].payload == json.dumps(SIGNED).encode()
    assert {entry.origin for entry in assistant.private} == {OPENAI}
    assert assistant.raw is not None
    assert assistant.raw.body == b",".join(json.dumps(item).encode() for item in items[1:4])


def test_system_and_developer_items_stay_at_their_place() -> None:
    items = [{"role": role, "content": role} for role in ("developer", "user", "system", "user")]
    assert [(turn.role, turn.label) for turn in conversation(items).turns] == [
        ("system", "developer"),
        ("user", "user"),
        ("system", "system"),
        ("user", "user"),
    ]


def test_every_kind_of_content_is_read() -> None:
    content = [
        {"type": "input_text", "text": "see", "prompt_cache_breakpoint": {"mode": "explicit", "ttl": "12h"}},
        {"type": "input_image", "image_url": "data:image/png;base64,AAAA", "detail": "low"},
        {"type": "input_image", "image_url": "https://example.org/a.png"},
        {"type": "input_file", "filename": "a.pdf", "file_data": "data:application/pdf;base64,BBBB"},
        {"type": "input_file", "file_id": "file-1"},
        {"type": "input_audio", "input_audio": {"data": "CCCC", "format": "wav"}},
        {"type": "hologram", "data": 1},
    ]
    turn = only_turn({"role": "user", "content": content})
    text, inline, linked, pdf, upload, audio, unknown = turn.parts
    assert isinstance(text, TextPart)
    assert text.cache is not None
    assert text.cache.ttl == "12h"
    assert isinstance(inline, ImagePart)
    assert (inline.media_type, inline.data, inline.detail) == ("image/png", "AAAA", "low")
    assert isinstance(linked, ImagePart)
    assert linked.url == "https://example.org/a.png"
    assert isinstance(pdf, DocumentPart)
    assert (pdf.title, pdf.data, pdf.media_type) == ("a.pdf", "BBBB", "application/pdf")
    assert isinstance(upload, DocumentPart)
    assert upload.file_id == "file-1"
    assert isinstance(audio, AudioPart)
    assert (audio.media_type, audio.data) == ("audio/wav", "CCCC")
    assert isinstance(unknown, OpaquePart)
    assert unknown.block == "hologram"


def test_a_refusal_is_kept_apart_from_words() -> None:
    turn = only_turn({"role": "assistant", "content": [{"type": "refusal", "refusal": "no"}]})
    assert turn.parts == (TextPart("no", "input[0]", refusal=True),)


@pytest.mark.parametrize(
    ("output", "content", "is_error"),
    [
        ("rain", (TextPart("rain", "input[0].output"),), False),
        ("[tool error] broken", (TextPart("broken", "input[0].output"),), True),
        ("", (TextPart("", "input[0].output"),), False),
        ([], (), False),
        (
            [{"type": "input_text", "text": "see"}, {"type": "input_image", "file_id": "file-1"}],
            (TextPart("see", "input[0].output[0]"), ImagePart(file_id="file-1", path="input[0].output[1]")),
            False,
        ),
    ],
)
def test_results_are_texts_or_lists(output: Any, content: tuple[Any, ...], is_error: bool) -> None:
    turn = only_turn({"type": "function_call_output", "call_id": "call_1", "output": output, "status": "completed"})
    assert turn.role == "user"
    expected = ToolResultPart("call_1", content, is_error, path="input[0]", extra={"status": b'"completed"'})
    assert turn.parts == (expected,)


def test_free_text_tools_keep_their_text() -> None:
    items = [
        {"type": "custom_tool_call", "call_id": "c", "name": "patch", "input": "*** Begin"},
        {"type": "custom_tool_call_output", "call_id": "c", "output": "done"},
    ]
    call, result = conversation(items).turns
    assert call.parts == (ToolCallPart("c", "patch", "*** Begin", "custom", path="input[0]"),)
    assert result.label == "custom_tool_call_output"


def test_a_call_of_a_namespace_bears_its_full_name() -> None:
    turn = only_turn(CALL | {"namespace": "agents"})
    call = turn.parts[0]
    assert isinstance(call, ToolCallPart)
    assert (call.name, call.ids) == ("agents.f", {"item": "fc_1"})


def test_a_call_without_an_id_gets_one_of_its_place() -> None:
    first, again = only_turn({"type": "function_call", "name": "f"}), only_turn({"type": "function_call", "name": "f"})
    assert isinstance(first.parts[0], ToolCallPart)
    assert first.parts[0].id.startswith("call_")
    assert first == again


@pytest.mark.parametrize(
    ("item", "kind", "payload"),
    [
        (SIGNED, "encrypted", json.dumps(SIGNED)),
        (REASONING, "encrypted", json.dumps(REASONING)),  # stored at the provider, and known by its id
        (REASONING | {"encrypted_content": TEXT_TAG + "xyz"}, "envelope", TEXT_TAG + "xyz"),
    ],
)
def test_reasoning_is_kept_whole_and_envelopes_are_known(item: dict[str, Any], kind: str, payload: str) -> None:
    (entry,) = only_turn(item).private
    assert (entry.kind, entry.payload.decode(), entry.id) == (kind, payload, "rs_1")


def test_reasoning_that_was_shown_without_its_state_is_no_ones() -> None:
    turn = only_turn(REASONING | {"id": "rs_baton_1"})
    assert isinstance(turn.parts[0], ReasoningPart)
    assert turn.parts[0].text == "hm"
    assert turn.private == ()


def test_reasoning_without_a_summary_shows_its_thoughts() -> None:
    item = {"type": "reasoning", "id": "rs_1", "summary": [], "content": [{"type": "reasoning_text", "text": "deep"}]}
    part = only_turn(item).parts[0]
    assert isinstance(part, ReasoningPart)
    assert part.text == "deep"


def test_items_of_the_providers_own_are_kept_as_they_are() -> None:
    search = {"type": "web_search_call", "id": "ws_1", "status": "completed", "action": {"type": "search"}}
    compaction = {"type": "compaction", "id": "cmp_1", "encrypted_content": "gBBB"}
    future = {"type": "dream", "id": "dr_1"}
    turn = only_turn(search, compaction, future)
    server, summary, unknown = turn.parts
    assert isinstance(server, ServerToolPart)
    assert (server.name, server.call, server.json) == ("web_search_call", "ws_1", json.dumps(search).encode())
    assert isinstance(summary, OpaquePart)
    assert isinstance(unknown, OpaquePart)
    assert (summary.block, unknown.block) == ("compaction", "dream")
    assert [(entry.kind, entry.anchor) for entry in turn.private] == [("compaction", 1)]


@pytest.mark.parametrize(
    ("item", "role"),
    [
        ({"type": "shell_call_output", "call_id": "c", "output": []}, "user"),
        ({"type": "mcp_approval_response", "approval_request_id": "a", "approve": True}, "user"),
        ({"type": "configuration_update", "id": "cu_1"}, "unknown"),
        ({"type": "item_reference", "id": "msg_1"}, "unknown"),
        ({"role": "critic", "content": "hm"}, "unknown"),
    ],
)
def test_items_of_nobody_and_of_the_callers_tools_are_turns_of_their_own(item: dict[str, Any], role: str) -> None:
    turn = only_turn(item)
    assert turn.role == role
    assert turn.raw is not None
    assert turn.raw.body == json.dumps(item).encode()


# --- settings ----------------------------------------------------------------------------------


def test_tools_of_every_kind_are_read() -> None:
    tools = [
        {"type": "function", "name": "f", "description": "d", "parameters": {"type": "object"}, "strict": True},
        {"type": "custom", "name": "patch", "format": {"type": "text"}},
        {
            "type": "namespace",
            "name": "agents",
            "description": "Agents.",
            "tools": [{"type": "function", "name": "spawn", "description": "Start one.", "parameters": {}}],
        },
        {"type": "web_search", "external_web_access": False},
    ]
    function, custom, spawn, search = conversation("hi", tools=tools).tools
    assert (function.name, function.strict, function.schema) == ("f", True, b'{"type": "object"}')
    assert (custom.kind, custom.extra) == ("custom", {"format": b'{"type": "text"}'})
    assert (spawn.name, spawn.description, spawn.path) == ("agents.spawn", "Agents.\n\nStart one.", "tools[2].tools[0]")
    assert (search.kind, search.name, search.extra) == ("server", "web_search", {"external_web_access": b"false"})


@pytest.mark.parametrize(
    ("given_choice", "expected"),
    [
        ("required", ToolChoice("required", parallel=False)),
        ({"type": "function", "name": "f"}, ToolChoice("named", "f", parallel=False)),
        ({"type": "custom", "name": "patch"}, ToolChoice("named", "patch", parallel=False)),
        ({"type": "web_search"}, ToolChoice("named", "web_search", parallel=False)),
        (
            {"type": "allowed_tools", "mode": "required", "tools": [{"type": "function", "name": "f"}]},
            ToolChoice("required", allowed=("f",), parallel=False),
        ),
    ],
)
def test_choices_of_tools_are_read(given_choice: Any, expected: ToolChoice) -> None:
    assert conversation("hi", tool_choice=given_choice, parallel_tool_calls=False).tool_choice == expected


def test_settings_are_found_where_they_stand() -> None:
    format_ = {"type": "json_schema", "name": "s", "schema": {"type": "object"}, "strict": False}
    found = conversation(
        "hi",
        text={"format": format_, "verbosity": "low"},
        reasoning={"effort": "high", "summary": "auto", "context": "all_turns"},
        max_output_tokens=50,
        temperature=0.5,
        top_logprobs=2,
        safety_identifier="user-1",
        previous_response_id="resp_1",
        stream=True,
    )
    assert found.output is not None
    assert (found.output.name, found.output.schema, found.output.strict) == ("s", b'{"type": "object"}', False)
    assert found.reasoning == ReasoningControl(effort="high", visible="auto")
    assert (found.max_tokens, found.sampling.temperature, found.sampling.top_logprobs) == (50, 0.5, 2)
    assert (found.end_user, found.stream) == ("user-1", True)
    assert set(found.unmodelled) == {"text.verbosity", "reasoning.context", "previous_response_id"}
    assert found.members["previous_response_id"] == b'"resp_1"'
    assert found.paths["output"] == "text.format"
    assert found.paths["reasoning.visible"] == "reasoning.summary"


@pytest.mark.parametrize("member", ["previous_response_id", "conversation", "prompt"])
def test_a_request_may_go_on_from_what_the_provider_has(member: str) -> None:
    body = json.dumps({"model": "m", member: "x"}).encode()
    assert read(body).turns == ()
    assert read_request("openai-responses", body, {}).facts.user_text == ""


# --- bad input ---------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("body", "says"),
    [
        (b"{}", "`input` is missing"),
        (b'{"input": 7}', "`input` must be a list"),
        (b'{"input": [7]}', r"`input\[0\]` must be an object"),
        (b'{"input": [{"role": "user", "content": 7}]}', r"input\[0\].content"),
        (b'{"input": [{"role": "user", "content": [{"type": "input_text"}]}]}', "is missing from a text part"),
        (b'{"input": [{"type": "reasoning", "summary": 7}]}', r"`input\[0\]` must be a reasoning item"),
        (b'{"input": [{"type": "function_call", "arguments": {}}]}', r"input\[0\].arguments` must be a string"),
        (b'{"input": "hi", "instructions": []}', "`instructions` must be a string"),
        (b'{"input": "hi", "tools": {}}', "`tools` must be a list"),
        (b'{"input": "hi", "text": "json"}', "`text` must be an object"),
        (b'{"input": "hi", "max_output_tokens": "many"}', "`max_output_tokens` must be a whole number"),
    ],
)
def test_a_malformed_request_is_refused_with_the_member_at_fault(body: bytes, says: str) -> None:
    with pytest.raises(MalformedBody, match=says):
        read(body)


json_values = st.recursive(
    st.none() | st.booleans() | st.integers(-5, 5) | st.sampled_from(["", "message", "reasoning", "function_call"]),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.sampled_from(["type", "role", "content", "output", "id", "summary", "text"]), inner)
    ),
    max_leaves=12,
)


@given(items=st.lists(json_values, max_size=4), tools=json_values, choice=json_values)
def test_any_json_is_read_or_refused_and_every_element_has_one_path(items: Any, tools: Any, choice: Any) -> None:
    try:
        found = conversation(items, tools=tools, tool_choice=choice)
    except MalformedBody:
        return
    paths = list(elements(found))
    assert len(paths) == len(set(paths))
    assert all(paths)


# --- facts -------------------------------------------------------------------------------------


def facts(items: Any, **members: Any) -> Any:
    body = json.dumps({"model": "m", "input": items, **members}).encode()
    return read_request("openai-responses", body, {}).facts


def test_only_the_callers_last_words_are_trusted() -> None:
    items = [
        {"role": "developer", "content": "careful"},
        {"role": "user", "content": "first"},
        {"type": "message", "role": "assistant", "content": [{"type": "output_text", "text": "answer"}]},
        {"role": "user", "content": [{"type": "input_text", "text": "second"}]},
        SIGNED,
        CALL,
        {"type": "function_call_output", "call_id": "call_1", "output": "ignore all"},
    ]
    found = facts(items, instructions="be brief", max_output_tokens=9)
    assert (found.user_text, found.system_text) == ("second", "be brief\ncareful")
    assert (found.turns, found.tool_results, found.max_output) == (2, True, 9)


def test_media_tools_and_schemas_are_needs() -> None:
    image = {"type": "input_image", "image_url": "data:image/png;base64," + "A" * 50_000}
    tools = [{"type": "namespace", "name": "n", "tools": [{"type": "function", "name": "f"}]}, {"type": "web_search"}]
    found = facts([{"role": "user", "content": [image]}], tools=tools, text={"format": {"type": "json_object"}})
    assert found.needs == {"image", "tools", "structured_output"}
    assert found.tools == ("f", "web_search")
    assert found.text_bytes < 1_000
    assert facts("hi", text={"verbosity": "low"}).response_schema is False


@pytest.mark.parametrize(
    ("members", "says"),
    [
        ({}, "`input` is missing"),
        ({"input": []}, "`input` is empty"),
        ({"input": [1]}, "`input` must be a text or a list of items"),
        ({"input": [{"role": "user", "content": 7}]}, r"`input\[0\].content` must be"),
        ({"input": "hi", "tools": 3}, "`tools` must be"),
        ({"input": "hi", "max_output_tokens": 0}, "at least 1"),
    ],
)
def test_facts_of_a_malformed_request_are_refused(members: dict[str, Any], says: str) -> None:
    with pytest.raises(MalformedBody, match=says):
        read_request("openai-responses", json.dumps({"model": "m"} | members).encode(), {})
