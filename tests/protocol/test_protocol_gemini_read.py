"""Reading Gemini requests: both spellings, every kind of part, state on any part, ids from places, and the facts."""

import base64
import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from baton.protocol.gemini.read import read
from baton.protocol.gemini.results import response_of, response_text
from baton.protocol.gemini.schema import json_schema
from baton.protocol.inband import TEXT_TAG
from baton.protocol.request import read_request
from baton.types.conversation import Conversation, ReasoningControl, Sampling, ToolChoice, Turn
from baton.types.errors import MalformedBody
from baton.types.parts import (
    AudioPart,
    DocumentPart,
    ImagePart,
    OpaquePart,
    ReasoningPart,
    ServerToolPart,
    TextPart,
    ToolCallPart,
    ToolResultPart,
)

PIXEL = base64.b64encode(bytes(range(240, 256)) * 2).decode()
URL_SAFE = PIXEL.translate(str.maketrans("+/", "-_")).rstrip("=")
SIGNATURE = base64.b64encode(b"a signature").decode()


def body(*contents: Any, **members: Any) -> bytes:
    return json.dumps({"model": "gemini-3-pro", "contents": contents or [user("hi")], **members}).encode()


def user(*texts: str) -> dict[str, Any]:
    return {"role": "user", "parts": [{"text": text} for text in texts]}


def model(*parts: dict[str, Any]) -> dict[str, Any]:
    return {"role": "model", "parts": list(parts)}


def call(name: str, id_: str = "", **args: Any) -> dict[str, Any]:
    return {"functionCall": {"name": name, "args": args} | ({"id": id_} if id_ else {})}


def result(name: str, id_: str = "", response: Any = None) -> dict[str, Any]:
    return {"functionResponse": {"name": name, "response": response or {}} | ({"id": id_} if id_ else {})}


def turns(*contents: Any, **members: Any) -> tuple[Turn, ...]:
    return read(body(*contents, **members)).turns


def part(wire: dict[str, Any]) -> Any:
    return turns({"role": "user", "parts": [wire]})[0].parts[0]


# --- contents ----------------------------------------------------------------------------------


def test_model_and_stream_are_taken_from_the_members_that_the_gateway_puts_there() -> None:
    conversation = read(body(stream=True))
    assert (conversation.model, conversation.stream) == ("gemini-3-pro", True)
    assert conversation.paths["model"] == "model"
    assert conversation.paths["stream"] == "stream"
    bare = read(b'{"contents":[{"parts":[{"text":"hi"}]}]}')
    assert (bare.model, bare.stream, bare.paths) == ("", False, {})


@pytest.mark.parametrize("spelling", ["systemInstruction", "system_instruction"])
def test_the_system_instruction_is_the_top_turn(spelling: str) -> None:
    first = turns(**{spelling: {"parts": [{"text": "Be terse."}]}})[0]
    assert (first.role, first.label, first.path) == ("system", "top", spelling)
    assert first.parts == (TextPart("Be terse.", f"{spelling}.parts[0]"),)


def test_one_object_stands_for_a_list_of_one() -> None:
    """As the examples of the vendor's own documentation have it."""
    wire = b'{"system_instruction":{"parts":{"text":"s"}},"contents":{"parts":{"text":"hi"}}}'
    found = read(wire).turns
    assert [(turn.role, turn.parts[0].path) for turn in found] == [
        ("system", "system_instruction.parts[0]"),
        ("user", "contents[0].parts[0]"),
    ]


@pytest.mark.parametrize(
    ("role", "read_as"), [("user", "user"), ("function", "user"), ("tool", "user"), ("model", "assistant")]
)
def test_roles(role: str, read_as: str) -> None:
    assert turns({"role": role, "parts": [{"text": "x"}]})[0].role == read_as


def test_a_role_of_nobody_is_kept_as_one_opaque_part() -> None:
    turn = turns({"role": "system", "parts": [{"text": "x"}]})[0]
    assert turn.role == "unknown"
    assert isinstance(turn.parts[0], OpaquePart)


def test_contents_of_a_stream_that_a_client_echoes_piece_by_piece_are_one_turn() -> None:
    """The SDK's chat keeps every chunk of a stream as a content of its own."""
    pieces = [
        model({"text": "let me ", "thought": True}),
        model({"text": "think", "thought": True}),
        model({"text": "", "thought": True, "thoughtSignature": SIGNATURE}),
        model({"text": "Hel"}),
        model({"text": "lo"}),
        model(call("get", "c1")),
        model({"text": ""}),
    ]
    first, answer, last = turns(user("hi"), *pieces, user("and?"))
    assert [type(one) for one in answer.parts] == [ReasoningPart, TextPart, ToolCallPart]
    assert [getattr(one, "text", "") for one in answer.parts] == ["let me think", "Hello", ""]
    assert [(one.kind, one.anchor) for one in answer.private] == [("thought_signature", 0)]
    assert (first.path, answer.path, last.path) == ("contents[0]", "contents[1]", "contents[8]")
    assert "contents[5].parts[0]" in answer.echo


def test_a_signed_text_begins_a_part_of_its_own() -> None:
    answer = turns(user("hi"), model({"text": "a"}, {"text": "b", "thoughtSignature": SIGNATURE}, {"text": "c"}))[1]
    assert [one.text for one in answer.parts if isinstance(one, TextPart)] == ["a", "b", "c"]
    assert answer.private[0].anchor == 1


# --- parts -------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", ["inlineData", "inline_data"])
@pytest.mark.parametrize("type_", ["mimeType", "mime_type"])
@pytest.mark.parametrize("data", [PIXEL, URL_SAFE])
def test_inline_data_is_standard_base64_however_it_is_spelled(kind: str, type_: str, data: str) -> None:
    assert part({kind: {type_: "image/png", "data": data}}) == ImagePart(
        "image/png", PIXEL, path="contents[0].parts[0]"
    )


@given(st.binary(max_size=40))
def test_any_bytes_survive_base64url(data: bytes) -> None:
    wire = base64.urlsafe_b64encode(data).decode().rstrip("=")
    image = part({"inlineData": {"mimeType": "image/png", "data": wire}})
    assert base64.b64decode(image.data, validate=True) == data


@pytest.mark.parametrize(
    ("wire", "expected"),
    [
        ({"mimeType": "application/pdf", "data": PIXEL}, DocumentPart("application/pdf", PIXEL)),
        ({"mimeType": "audio/wav", "data": PIXEL}, AudioPart("audio/wav", PIXEL)),
        (
            {"mimeType": "text/plain", "data": "aGVsbG8=", "displayName": "a.txt"},
            DocumentPart("text/plain", text="hello", title="a.txt"),
        ),
    ],
)
def test_media_are_told_apart_by_their_type(wire: dict[str, str], expected: Any) -> None:
    found = part({"inlineData": wire})
    assert type(found) is type(expected)
    names = set(type(expected).__struct_fields__) - {"path"}
    assert {name: getattr(found, name) for name in names} == {name: getattr(expected, name) for name in names}


def test_a_video_is_kept_as_it_is() -> None:
    found = part({"inlineData": {"mimeType": "video/mp4", "data": PIXEL}, "videoMetadata": {"fps": 1}})
    assert isinstance(found, OpaquePart)
    assert json.loads(found.json)["videoMetadata"] == {"fps": 1}


def test_a_file_at_the_provider_is_not_an_address_for_others() -> None:
    upload = "https://generativelanguage.googleapis.com/v1beta/files/abc"
    assert part({"fileData": {"fileUri": upload, "mimeType": "image/png"}}).file_id == upload
    assert (
        part({"file_data": {"file_uri": "https://x.org/a.png", "mime_type": "image/png"}}).url == "https://x.org/a.png"
    )


def test_code_that_the_provider_runs_is_a_server_tool() -> None:
    answer = turns(
        user("hi"),
        model(
            {"executableCode": {"language": "PYTHON", "code": "1"}, "thoughtSignature": SIGNATURE},
            {"codeExecutionResult": {"outcome": "OUTCOME_OK", "output": "1"}},
        ),
    )[1]
    assert [type(one) for one in answer.parts] == [ServerToolPart, ServerToolPart]
    assert isinstance(answer.parts[0], ServerToolPart)
    assert SIGNATURE.encode() not in answer.parts[0].json
    assert [(one.anchor, one.payload.decode()) for one in answer.private] == [(0, SIGNATURE)]


def test_a_part_of_an_unknown_kind_is_kept() -> None:
    found = part({"hologram": {"x": 1}})
    assert isinstance(found, OpaquePart)
    assert (found.block, json.loads(found.json)) == ("hologram", {"hologram": {"x": 1}})


def test_members_that_are_not_modelled_stay_with_their_part() -> None:
    found = part({"text": "x", "partMetadata": {"a": 1}})
    assert found.extra == {"partMetadata": b'{"a": 1}'}


# --- private state -----------------------------------------------------------------------------


def test_a_signature_on_any_part_is_private_state_of_that_part() -> None:
    answer = turns(
        user("hi"),
        model(
            {"text": "a", "thoughtSignature": SIGNATURE},
            call("get", "c1") | {"thought_signature": SIGNATURE + "2"},
            {"inlineData": {"mimeType": "image/png", "data": PIXEL}, "thoughtSignature": TEXT_TAG + "AAAA"},
        ),
    )[1]
    assert [(one.kind, one.anchor, one.path) for one in answer.private] == [
        ("thought_signature", 0, "contents[1].parts[0].thoughtSignature"),
        ("thought_signature", 1, "contents[1].parts[1].thought_signature"),
        ("envelope", 2, "contents[1].parts[2].thoughtSignature"),
    ]


def test_thinking_without_a_signature_is_its_own_state() -> None:
    answer = turns(user("hi"), model({"text": "hm", "thought": True}, {"text": "a"}))[1]
    assert [(one.kind, one.payload, one.anchor) for one in answer.private] == [("reasoning_text", b"hm", 0)]


@pytest.mark.parametrize(
    "stand_in", ["skip_thought_signature_validator", "c2tpcF90aG91Z2h0X3NpZ25hdHVyZV92YWxpZGF0b3I="]
)
def test_the_stand_in_for_a_signature_is_state_of_no_one(stand_in: str) -> None:
    answer = turns(user("hi"), model(call("get", "c1") | {"thoughtSignature": stand_in}))[1]
    assert answer.private == ()


# --- calls and results -------------------------------------------------------------------------


def test_ids_are_made_up_from_the_place_and_results_paired_by_order_and_name() -> None:
    contents = [
        user("hi"),
        model(call("a", n=1), call("b"), call("a", n=2)),
        {"role": "user", "parts": [result("b"), result("a"), result("a")]},
    ]
    _, answer, results = turns(*contents)
    ids = {(one.name, one.arguments): one.id for one in answer.parts if isinstance(one, ToolCallPart)}
    assert len(set(ids.values())) == 3
    assert [one.call for one in results.parts if isinstance(one, ToolResultPart)] == [
        ids["b", "{}"],
        ids["a", '{"n": 1}'],
        ids["a", '{"n": 2}'],
    ]
    longer = turns(*contents, model({"text": "x"}))
    assert longer[:3] == turns(*contents)


def test_results_are_paired_by_id_where_they_have_one() -> None:
    _, _, results = turns(
        user("hi"),
        model(call("a", "1"), call("a", "2")),
        {"role": "function", "parts": [result("a", "2"), result("a")]},
    )
    assert [one.call for one in results.parts if isinstance(one, ToolResultPart)] == ["2", "1"]


def test_a_result_of_no_call_keeps_its_id() -> None:
    found = turns({"role": "user", "parts": [result("a", "9")]})[0].parts[0]
    assert isinstance(found, ToolResultPart)
    assert found.call == "9"


@given(
    st.text(max_size=30)
    | st.dictionaries(st.sampled_from(["result", "output", "error", "x"]), st.text()).map(json.dumps),
    st.booleans(),
)
def test_a_result_reads_as_what_was_written(text: str, is_error: bool) -> None:
    assert response_text(response_of(text, is_error=is_error)) == (text, is_error)


@pytest.mark.parametrize(
    ("response", "expected"),
    [
        ('{"result":"12"}', ("12", False)),
        ('{"output":"12"}', ("12", False)),
        ('{"error":"timeout"}', ("timeout", True)),
        ('{"error":{"code":5}}', ('{"code":5}', True)),
        ('{"error":null}', ('{"error":null}', False)),
        ('{"result":12}', ('{"result":12}', False)),
        ('{"city": "Bern"}', ('{"city": "Bern"}', False)),
        ("{}", ("", False)),
    ],
)
def test_the_words_for_a_whole_result_are_taken_off(response: str, expected: tuple[str, bool]) -> None:
    assert response_text(response.encode()) == expected


def test_an_object_is_written_as_itself() -> None:
    assert response_of('{"city": "Bern"}', is_error=False) == b'{"city": "Bern"}'
    assert response_of("12", is_error=False) == b'{"result":"12"}'
    assert response_of("12", is_error=True) == b'{"error":"12"}'


def test_media_of_a_result_are_its_content() -> None:
    wire = {
        "name": "a",
        "id": "1",
        "response": {"result": "ok"},
        "parts": [{"inlineData": {"mimeType": "image/png", "data": PIXEL}}],
    }
    found = part({"functionResponse": wire})
    assert [type(one) for one in found.content] == [TextPart, ImagePart]


# --- settings ----------------------------------------------------------------------------------


def config(**members: Any) -> Conversation:
    return read(body(generationConfig=members))


def test_generation_config_is_read_in_both_spellings() -> None:
    wire = {
        "temperature": 0.2,
        "topK": 5.0,
        "top_p": 0.9,
        "maxOutputTokens": 200.0,
        "seed": 3,
        "stop_sequences": ["END"],
    }
    found = config(**wire)
    assert found.sampling == Sampling(temperature=0.2, top_k=5, top_p=0.9, seed=3)
    assert (found.max_tokens, found.stop) == (200, ("END",))
    assert found.paths["sampling.top_p"] == "generationConfig.top_p"
    assert found.paths["stop"] == "generationConfig.stop_sequences"


@pytest.mark.parametrize(
    ("wire", "expected"),
    [
        ({"thinkingLevel": "LOW"}, ReasoningControl(effort="low")),
        ({"thinking_level": "xhigh", "include_thoughts": True}, ReasoningControl(effort="xhigh", visible="auto")),
        ({"thinkingBudget": 0}, ReasoningControl("off")),
        ({"thinkingBudget": -1}, ReasoningControl("adaptive")),
        ({"thinkingBudget": 512, "includeThoughts": False}, ReasoningControl(budget=512, visible="omitted")),
    ],
)
def test_thinking(wire: dict[str, Any], expected: ReasoningControl) -> None:
    assert config(thinkingConfig=wire).reasoning == expected


def test_output_schemas() -> None:
    schema = {"type": "object", "properties": {"a": {"type": "string"}}}
    plain = config(responseMimeType="application/json", responseJsonSchema=schema)
    assert plain.output is not None
    assert json.loads(plain.output.schema) == schema
    own = config(
        response_mime_type="application/json",
        response_schema={"type": "OBJECT", "properties": {"a": {"type": "STRING"}}},
    )
    assert own.output is not None
    assert json.loads(own.output.schema) == schema
    mode = config(responseMimeType="application/json").output
    assert mode is not None
    assert mode.kind == "json_object"


def test_the_vendors_own_schema_becomes_json_schema() -> None:
    own = {
        "type": "OBJECT",
        "propertyOrdering": ["type"],
        "properties": {
            "type": {"type": "STRING", "nullable": True, "enum": ["A"]},
            "list": {"type": "ARRAY", "items": {"type": "INTEGER"}, "min_items": "1"},
        },
    }
    assert json.loads(json_schema(json.dumps(own).encode())) == {
        "type": "object",
        "properties": {
            "type": {"type": ["string", "null"], "enum": ["A", None]},
            "list": {"type": "array", "items": {"type": "integer"}, "minItems": 1},
        },
    }
    same = b'{ "type": "object" }'
    assert json_schema(same) is same


def test_tools_are_functions_and_what_the_provider_runs() -> None:
    declarations = [{"name": "a", "description": "d", "parametersJsonSchema": {"type": "object"}}, {"name": "b"}]
    found = read(body(tools=[{"functionDeclarations": declarations, "googleSearch": {}}, {"code_execution": {}}])).tools
    assert [(tool.name, tool.kind, tool.path) for tool in found] == [
        ("a", "function", "tools[0].functionDeclarations[0]"),
        ("b", "function", "tools[0].functionDeclarations[1]"),
        ("googleSearch", "server", "tools[0].googleSearch"),
        ("code_execution", "server", "tools[1].code_execution"),
    ]
    assert found[0].schema == b'{"type": "object"}'


@pytest.mark.parametrize(
    ("wire", "expected"),
    [
        ({"mode": "AUTO"}, ToolChoice("auto")),
        ({"mode": "VALIDATED"}, ToolChoice("auto")),
        ({"mode": "NONE"}, ToolChoice("none")),
        ({"mode": "ANY"}, ToolChoice("required")),
        ({"mode": "ANY", "allowedFunctionNames": ["a"]}, ToolChoice("named", "a")),
        ({"mode": "ANY", "allowed_function_names": ["a", "b"]}, ToolChoice("required", allowed=("a", "b"))),
    ],
)
def test_tool_choice(wire: dict[str, Any], expected: ToolChoice) -> None:
    assert read(body(toolConfig={"functionCallingConfig": wire})).tool_choice == expected


@pytest.mark.parametrize(
    ("wire", "place"),
    [
        (b"{}", "contents"),
        (b'{"contents":7}', "contents"),
        (b'{"contents":[7]}', r"contents\[0\]"),
        (b'{"contents":[{"parts":[{"text":7}]}]}', r"contents\[0\]\.parts\[0\]\.text"),
        (b'{"contents":[{"parts":[{"functionCall":7}]}]}', r"functionCall"),
        (b'{"contents":[{"parts":[{"functionResponse":{"response":[]}}]}]}', r"functionResponse\.response"),
        (b'{"contents":[],"generationConfig":{"maxOutputTokens":1.5}}', r"generationConfig\.maxOutputTokens"),
        (b'{"contents":[],"generationConfig":{"thinkingConfig":{"thinking_budget":"a"}}}', r"thinking_budget"),
    ],
)
def test_a_malformed_request_is_refused_with_the_member_at_fault(wire: bytes, place: str) -> None:
    with pytest.raises(MalformedBody, match=place):
        read(wire)


# --- facts -------------------------------------------------------------------------------------


def test_the_facts_of_a_request() -> None:
    wire = body(
        user("first"),
        model(call("get", "1"), {"text": "not the caller's"}),
        {"role": "user", "parts": [result("get", "1", {"result": "not the caller's"})]},
        model({"text": "done"}),
        {"role": "user", "parts": [{"text": "second"}, {"inline_data": {"mime_type": "image/png", "data": PIXEL}}]},
        system_instruction={"parts": [{"text": "Be terse."}]},
        tools=[{"functionDeclarations": [{"name": "get"}], "googleSearch": {}}],
        generation_config={"max_output_tokens": 200, "responseJsonSchema": {}},
        stream=True,
    )
    request = read_request("gemini", wire, {})
    facts = request.facts
    assert (request.model, request.stream) == ("gemini-3-pro", True)
    assert (facts.user_text, facts.system_text, facts.turns) == ("second", "Be terse.", 2)
    assert facts.tools == ("get", "googleSearch")
    assert facts.needs == {"tools", "image", "structured_output"}
    assert (facts.max_output, facts.response_schema, facts.tool_results) == (200, True, False)
    assert facts.text_bytes < len(wire) - len(PIXEL)


def test_a_step_of_a_tool_loop_shows_the_words_that_began_it() -> None:
    wire = body(user("go"), model(call("get", "1")), {"role": "user", "parts": [result("get", "1")]})
    facts = read_request("gemini", wire, {}).facts
    assert (facts.user_text, facts.tool_results, facts.turns) == ("go", True, 1)


@pytest.mark.parametrize(
    ("wire", "says"),
    [
        (b'{"model":"m"}', "`contents` is missing"),
        (b'{"model":"m","contents":[]}', "`contents` is empty"),
        (b'{"model":"m","contents":[3]}', r"contents\[0\]"),
        (b'{"model":"m","contents":[{}],"generationConfig":{"maxOutputTokens":0}}', "at least 1"),
        (b'{"contents":[{}]}', "`model` must be"),
    ],
)
def test_facts_of_a_malformed_request_name_the_member_at_fault(wire: bytes, says: str) -> None:
    with pytest.raises(MalformedBody, match=says):
        read_request("gemini", wire, {})
