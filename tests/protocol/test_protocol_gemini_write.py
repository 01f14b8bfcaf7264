"""Writing Gemini requests: what the API wants, what it cannot hold, and that the caller's own bytes stay his own."""

import json
from collections.abc import Iterator
from typing import Any

import pytest
from msgspec.structs import replace

from baton.protocol.account import UNACCOUNTED
from baton.protocol.dialects import grammar_of
from baton.protocol.gemini.parts import STAND_IN
from baton.types.card import Dialect
from baton.types.conversation import (
    Conversation,
    OutputFormat,
    ReasoningControl,
    Sampling,
    ToolChoice,
    ToolDefinition,
    Turn,
)
from baton.types.handoff import HandoffReport, Target
from baton.types.parts import (
    AudioPart,
    DocumentPart,
    ImagePart,
    Origin,
    Part,
    PrivateEntry,
    ReasoningPart,
    TextPart,
    ToolCallPart,
    ToolResultPart,
)
from tests.protocol.oracle import check_request

MAKER = Origin("google", "account", "", "gemini-3-pro")
OBJECT = b'{"type":"object"}'


def target(**more: Any) -> Target:
    return Target(dialect="gemini", model=more.pop("model", "gemini-3-pro"), origin=more.pop("origin", MAKER), **more)


def write(conversation: Conversation, **more: Any) -> tuple[dict[str, Any], HandoffReport]:
    rendered = grammar_of("gemini").write(conversation, target(**more))
    return check_request("gemini", rendered.body), rendered.report


def turn(role: Any, *parts: Part, place: int = 0, **more: Any) -> Turn:
    path = f"messages[{place}]"
    placed = tuple(replace(part, path=f"{path}.content[{index}]") for index, part in enumerate(parts))
    return Turn(role, placed, path=path, **more)


def conversation(*turns: Turn, dialect: Dialect = "openai-chat", **more: Any) -> Conversation:
    placed = (replace(one, path=one.path or f"messages[{n}]") for n, one in enumerate(turns))
    return Conversation(dialect=dialect, model="m", turns=tuple(placed), **more)


def talk(*turns: tuple[Any, list[Part]], **more: Any) -> Conversation:
    return conversation(*(turn(role, *parts, place=place) for place, (role, parts) in enumerate(turns)), **more)


def contents(*turns: tuple[Any, list[Part]], **more: Any) -> list[tuple[str, list[dict[str, Any]]]]:
    body, _ = write(talk(*turns), **more)
    return [(content["role"], content["parts"]) for content in body["contents"]]


HELLO: tuple[Any, list[Part]] = ("user", [TextPart("hello")])
CALL = ToolCallPart("call_1", "get", '{"n": 1.50}')
OTHER_CALL = ToolCallPart("call_2", "get", "{}")


# --- contents ----------------------------------------------------------------------------------


def test_no_body_has_a_model_or_a_stream_which_stand_in_the_address() -> None:
    body, report = write(talk(HELLO, stream=True, paths={"model": "model", "stream": "stream"}))
    assert body == {"contents": [{"role": "user", "parts": [{"text": "hello"}]}]}
    assert report.counts()["kept"] == len(report.entries)


def test_leading_system_turns_are_the_system_instruction() -> None:
    body, _ = write(talk(("system", [TextPart("a")]), ("system", [TextPart("b")]), HELLO))
    assert body["systemInstruction"] == {"parts": [{"text": "a"}, {"text": "b"}]}


def test_a_later_system_turn_is_folded_into_a_user_turn_at_its_place() -> None:
    """It is never hoisted, and never the model's: field case 47."""
    wire = talk(HELLO, ("system", [TextPart("be brief")]), ("assistant", [TextPart("hi")]), HELLO)
    body, report = write(wire)
    assert [content["role"] for content in body["contents"]] == ["user", "model", "user"]
    assert body["contents"][0]["parts"] == [{"text": "hello"}, {"text": "<system>\nbe brief\n</system>"}]
    assert [entry.path for entry in report.entries if entry.action == "degraded"] == ["messages[1].content[0]"]


def test_turns_of_the_assistant_that_follow_each_other_are_one_content() -> None:
    """A call is refused when it does not come directly after a turn of the user's."""
    found = contents(HELLO, ("assistant", [TextPart("a")]), ("assistant", [CALL]), ("user", [ToolResultPart("call_1")]))
    assert [role for role, _ in found] == ["user", "model", "user"]
    assert list(found[1][1][1]) == ["functionCall", "thoughtSignature"]


def test_results_of_parallel_calls_are_one_content_directly_after_the_calls() -> None:
    """Field cases 29, 30 and 32: also when they came apart, in another order, with words between them."""
    found = contents(
        HELLO,
        ("assistant", [CALL, OTHER_CALL]),
        ("user", [ToolResultPart("call_2", (TextPart("two"),))]),
        ("user", [TextPart("by the way"), ToolResultPart("call_1", (TextPart("one"),))]),
    )
    assert [role for role, _ in found] == ["user", "model", "user", "user"]
    responses = [part["functionResponse"] for part in found[2][1]]
    assert [(one["id"], one["name"], one["response"]) for one in responses] == [
        ("call_1", "get", {"result": "one"}),
        ("call_2", "get", {"result": "two"}),
    ]
    assert found[3][1] == [{"text": "by the way"}]


def test_a_call_that_was_never_answered_gets_an_error_result() -> None:
    body, report = write(talk(HELLO, ("assistant", [CALL]), HELLO))
    assert "error" in body["contents"][2]["parts"][0]["functionResponse"]["response"]
    assert report.is_lossy


def test_a_result_of_no_call_is_shown_as_text() -> None:
    found = contents(HELLO, ("user", [ToolResultPart("gone", (TextPart("lost"),))]))
    assert [(role, [list(part) for part in parts]) for role, parts in found] == [
        ("user", [["text"], ["text"], ["text"]])
    ]


def test_words_stay_out_of_the_content_of_results_and_are_joined_with_other_words() -> None:
    """Models read words beside results as a part of the results."""
    said: list[Part] = [ToolResultPart("call_1", (TextPart("one"),)), TextPart("and now?")]
    found = contents(HELLO, HELLO, ("assistant", [CALL]), ("user", said), HELLO)
    assert [(role, len(parts)) for role, parts in found] == [("user", 2), ("model", 1), ("user", 1), ("user", 2)]
    assert "functionResponse" in found[2][1][0]


@pytest.mark.parametrize("part", [TextPart(""), ReasoningPart("of another model")])
def test_what_the_target_refuses_or_may_not_see_is_withheld(part: Part) -> None:
    body, report = write(talk(HELLO, ("assistant", [part, TextPart("hi")]), HELLO))
    assert body["contents"][1]["parts"] == [{"text": "hi"}]
    assert ("messages[1].content[0]", "withheld") in {(entry.path, entry.action) for entry in report.entries}


def test_a_last_turn_of_the_assistants_is_flagged() -> None:
    wire = talk(HELLO, ("assistant", [TextPart("I say")]))
    assert [entry.action for entry in write(wire)[1].entries if entry.path == "messages[1]"] == ["degraded"]
    assert write(wire, prefill=False)[1].rejections


# --- parts -------------------------------------------------------------------------------------


def test_arguments_keep_their_text_and_what_is_no_object_is_wrapped() -> None:
    calls = [CALL, ToolCallPart("call_2", "get", "[not json")]
    rendered = grammar_of("gemini").write(talk(HELLO, ("assistant", [*calls])), target())
    assert b'"args":{"n": 1.50}' in rendered.body
    assert b'"_invalid_arguments":"[not json"' in rendered.body
    assert rendered.report.is_lossy


def test_an_error_result_and_media_in_a_result() -> None:
    """Field cases 44 to 46: an image in a result is not dropped, and not made into text."""
    error = ToolResultPart("call_1", (TextPart("timeout"),), is_error=True)
    image = ToolResultPart("call_2", (TextPart('{"a":1}'), ImagePart("image/png", "QUJD")))
    found = contents(HELLO, ("assistant", [CALL, OTHER_CALL]), ("user", [error, image]))
    first, second = (part["functionResponse"] for part in found[2][1])
    assert first["response"] == {"error": "timeout"}
    assert second["response"] == {"a": 1}
    assert second["parts"] == [{"inlineData": {"mimeType": "image/png", "data": "QUJD"}}]


def test_an_empty_result_is_an_empty_object() -> None:
    """Field case 41."""
    found = contents(HELLO, ("assistant", [CALL]), ("user", [ToolResultPart("call_1")]))
    assert found[2][1][0]["functionResponse"]["response"] == {}


@pytest.mark.parametrize(
    ("part", "wire"),
    [
        (ImagePart("image/png", "QUJD"), {"inlineData": {"mimeType": "image/png", "data": "QUJD"}}),
        (
            ImagePart(url="https://x.org/a.png?b"),
            {"fileData": {"fileUri": "https://x.org/a.png?b", "mimeType": "image/png"}},
        ),
        (ImagePart(url="https://x.org/a"), {"fileData": {"fileUri": "https://x.org/a"}}),
        (AudioPart("audio/wav", "QUJD"), {"inlineData": {"mimeType": "audio/wav", "data": "QUJD"}}),
        (DocumentPart("application/pdf", "QUJD"), {"inlineData": {"mimeType": "application/pdf", "data": "QUJD"}}),
        (DocumentPart("text/plain", text="x", title="t"), {"text": "<document>\nt\n\nx\n</document>"}),
    ],
)
def test_media(part: Part, wire: dict[str, Any]) -> None:
    assert contents(("user", [part]))[0][1] == [wire]


@pytest.mark.parametrize("part", [ImagePart(file_id="file-1"), DocumentPart(file_id="file-1")])
def test_an_upload_at_another_provider_is_rejected(part: Part) -> None:
    assert write(talk(("user", [TextPart("see"), part])))[1].rejections


def test_a_medium_that_the_card_does_not_name_is_rejected() -> None:
    wire = talk(("user", [TextPart("see"), ImagePart("image/png", "QUJD")]))
    assert write(wire, capabilities=frozenset({"tools"}))[1].rejections


# --- private state -----------------------------------------------------------------------------


def signed(*parts: Part, kind: Any = "thought_signature", origin: Origin = MAKER, anchor: int = 0) -> Turn:
    entry = PrivateEntry(kind, b"c2ln", "gemini", origin, anchor=anchor, path="messages[1]#private[0]")
    return turn("assistant", *parts, place=1, private=(entry,), made_in="gemini")


def with_answer(answer: Turn) -> Conversation:
    return conversation(turn("user", TextPart("hi")), answer, turn("user", TextPart("go"), place=2))


def test_a_signature_goes_back_on_the_part_that_it_came_on() -> None:
    body, report = write(with_answer(signed(TextPart("a"), TextPart("b"), anchor=1)))
    assert body["contents"][1]["parts"] == [{"text": "a"}, {"text": "b", "thoughtSignature": "c2ln"}]
    assert not report.is_lossy


def test_a_signature_of_no_part_goes_back_on_an_empty_one() -> None:
    body, _ = write(with_answer(signed(TextPart("a"), anchor=-1)))
    assert body["contents"][1]["parts"] == [{"text": "a"}, {"text": "", "thoughtSignature": "c2ln"}]


def test_thinking_goes_back_to_its_maker_alone() -> None:
    answer = signed(ReasoningPart("hm"), TextPart("a"))
    assert write(with_answer(answer))[0]["contents"][1]["parts"][0] == {
        "text": "hm",
        "thought": True,
        "thoughtSignature": "c2ln",
    }
    stranger = Origin("google", "account", "", "gemini-2-flash")
    body, report = write(with_answer(answer), origin=stranger)
    assert body["contents"][1]["parts"] == [{"text": "a"}]
    assert "messages[1]#private[0]" in {entry.path for entry in report.entries if entry.action == "withheld"}


def test_the_first_call_of_a_foreign_turn_gets_the_vendors_stand_in() -> None:
    """Field case 21: later models refuse a call without a signature."""
    wire = talk(
        HELLO, ("assistant", [CALL, OTHER_CALL]), ("user", [ToolResultPart("call_1"), ToolResultPart("call_2")])
    )
    body, report = write(wire)
    first, second = body["contents"][1]["parts"]
    assert first["thoughtSignature"] == STAND_IN
    assert "thoughtSignature" not in second
    assert report.entries[-1].path == "messages[1].content[0].thoughtSignature"
    older, _ = write(wire, model="models/gemini-2.5-pro")
    assert "thoughtSignature" not in older["contents"][1]["parts"][0]


def test_a_signature_of_another_origin_is_replaced_by_the_stand_in() -> None:
    """Field case 20: both of the vendor's platforms refuse each other's."""
    answer = signed(CALL)
    assert write(with_answer(answer))[0]["contents"][1]["parts"][0]["thoughtSignature"] == "c2ln"
    other = Origin("vertex", "account", "", "gemini-3-pro")
    assert write(with_answer(answer), origin=other)[0]["contents"][1]["parts"][0]["thoughtSignature"] == STAND_IN


def test_a_turn_of_the_models_own_without_signatures_stays_without() -> None:
    answer = turn("assistant", CALL, place=1, made_in="gemini")
    assert "thoughtSignature" not in write(with_answer(answer))[0]["contents"][1]["parts"][0]


# --- settings ----------------------------------------------------------------------------------


def settings(**more: Any) -> tuple[dict[str, Any], HandoffReport]:
    wants = {name: more.pop(name) for name in list(more) if name in Conversation.__struct_fields__}
    return write(talk(HELLO, **wants, paths={name: name for name in given(wants)}), **more)


def given(wants: dict[str, Any]) -> Iterator[str]:
    """Canonical names of the settings that are there."""
    for name, value in wants.items():
        if name in {"sampling", "reasoning"}:
            yield from (
                f"{name}.{field}" for field in value.__struct_fields__ if getattr(value, field) not in (None, "")
            )
        elif name != "tools" and value is not None:
            yield name
    if wants.get("tool_choice") is not None and wants["tool_choice"].parallel is not None:
        yield "tool_choice.parallel"


def test_limits_and_sampling_go_into_generation_config() -> None:
    sampling = Sampling(temperature=3, top_p=0.9, top_k=5, seed=1, candidates=2, logprobs=True, top_logprobs=3)
    body, report = settings(sampling=sampling, max_tokens=900, stop=tuple("abcdefg"), max_output=500)
    assert body["generationConfig"] == {
        "maxOutputTokens": 500,
        "stopSequences": ["a", "b", "c", "d", "e"],
        "temperature": 2,
        "topP": 0.9,
        "topK": 5,
        "seed": 1,
        "candidateCount": 2,
        "responseLogprobs": True,
        "logprobs": 3,
    }
    assert {entry.path for entry in report.entries if entry.action == "degraded"} == {
        "max_tokens",
        "sampling.temperature",
    }
    assert {entry.path: entry.action for entry in report.entries}["stop"] == "moved", "the rest is cut by Baton"


def test_what_has_no_place_is_reported() -> None:
    _, report = settings(sampling=Sampling(logit_bias={"1": 1.0}), end_user="me")
    actions = {entry.path: entry.action for entry in report.entries}
    assert (actions["sampling.logit_bias"], actions["end_user"]) == ("degraded", "withheld")


@pytest.mark.parametrize(
    ("control", "more", "wire"),
    [
        (ReasoningControl(effort="low"), {}, {"thinkingLevel": "LOW"}),
        (ReasoningControl(effort="max"), {}, {"thinkingLevel": "XHIGH"}),
        (ReasoningControl(effort="max"), {"efforts": ("low", "high")}, {"thinkingLevel": "HIGH"}),
        (ReasoningControl("off"), {}, {"thinkingLevel": "MINIMAL"}),
        (ReasoningControl("on", budget=2_048), {}, {"thinkingLevel": "LOW", "includeThoughts": True}),
        (ReasoningControl("adaptive", visible="omitted"), {}, None),
        (ReasoningControl(effort="medium"), {"reasoning_style": "budget"}, {"thinkingBudget": 8_192}),
        (ReasoningControl("off"), {"reasoning_style": "budget"}, {"thinkingBudget": 0}),
        (ReasoningControl("adaptive"), {"reasoning_style": "budget"}, {"thinkingBudget": -1, "includeThoughts": True}),
        (
            ReasoningControl("on", budget=777),
            {"reasoning_style": "budget"},
            {"thinkingBudget": 777, "includeThoughts": True},
        ),
        (ReasoningControl(effort="low"), {"efforts": ()}, None),
    ],
)
def test_thinking(control: ReasoningControl, more: dict[str, Any], wire: dict[str, Any] | None) -> None:
    body, report = settings(reasoning=control, **more)
    assert body.get("generationConfig", {}).get("thinkingConfig") == wire
    assert not [entry for entry in report.entries if entry.reason == UNACCOUNTED]


def test_structured_output() -> None:
    body, _ = settings(output=OutputFormat("json_schema", OBJECT, "answer"))
    assert body["generationConfig"] == {
        "responseMimeType": "application/json",
        "responseJsonSchema": {"type": "object"},
    }
    body, _ = settings(output=OutputFormat("json_object"))
    assert body["generationConfig"] == {"responseMimeType": "application/json"}


def test_tools_are_written_with_their_own_schema() -> None:
    tools = (
        ToolDefinition("a b", description="d", schema=OBJECT, path="tools[0]"),
        ToolDefinition("c", "custom", path="tools[1]"),
    )
    body, report = settings(tools=tools)
    functions = body["tools"][0]["functionDeclarations"]
    assert functions[0]["parametersJsonSchema"] == {"type": "object"}
    assert functions[0]["name"].startswith("a_b_")
    assert functions[1]["parametersJsonSchema"]["required"] == ["input"]
    assert [entry.action for entry in report.entries if entry.path.startswith("tools")] == ["moved", "degraded"]


def test_a_tool_that_another_provider_runs_is_refused_where_nothing_else_is_left() -> None:
    tool = ToolDefinition("web_search", "server", json=b"{}", path="tools[0]")
    assert settings(tools=(tool,))[1].rejections


@pytest.mark.parametrize(
    ("choice", "strict", "wire"),
    [
        (ToolChoice("auto"), None, {"mode": "AUTO"}),
        (ToolChoice("auto"), True, {"mode": "VALIDATED"}),
        (None, True, {"mode": "VALIDATED"}),
        (None, False, None),
        (ToolChoice("none"), None, {"mode": "NONE"}),
        (ToolChoice("required"), None, {"mode": "ANY"}),
        (ToolChoice("named", "a"), None, {"mode": "ANY", "allowedFunctionNames": ["a"]}),
        (ToolChoice("required", allowed=("a",)), None, {"mode": "ANY", "allowedFunctionNames": ["a"]}),
        (ToolChoice("auto", allowed=("a",)), None, {"mode": "VALIDATED", "allowedFunctionNames": ["a"]}),
    ],
)
def test_tool_choice(choice: ToolChoice | None, strict: bool | None, wire: dict[str, Any] | None) -> None:
    tools = (ToolDefinition("a", schema=OBJECT, strict=strict, path="tools[0]"),)
    body, _ = settings(tools=tools, tool_choice=choice)
    assert body.get("toolConfig", {}).get("functionCallingConfig") == wire


def test_one_call_at_a_time_cannot_be_asked_for() -> None:
    """Field case 34."""
    tools = (ToolDefinition("a", schema=OBJECT, path="tools[0]"),)
    _, report = settings(tools=tools, tool_choice=ToolChoice(parallel=False))
    assert [entry.action for entry in report.entries if entry.path == "tool_choice.parallel"] == ["degraded"]


# --- the same dialect --------------------------------------------------------------------------

OWN: dict[str, Any] = {
    "model": "auto",
    "contents": [
        {"parts": [{"text": "hi", "novelty": 1.50}], "role": "user"},
        {
            "role": "model",
            "parts": [
                {"text": "hm", "thought": True},
                {"functionCall": {"name": "a", "args": {}}, "thoughtSignature": "c2ln"},
            ],
        },
        {"role": "user", "parts": [{"functionResponse": {"name": "a", "response": {}}}]},
    ],
    "generationConfig": {"max_output_tokens": 900, "topK": 5, "thinkingConfig": {"thinking_level": "HIGH"}},
    "safety_settings": [],
    "baton": {"floor": 0.9},
}


def native(**more: Any) -> tuple[dict[str, Any], HandoffReport]:
    read = grammar_of("gemini").read(json.dumps(OWN | {"stream": True}).encode(), MAKER)
    rendered = grammar_of("gemini").write(read, target(**more))
    return json.loads(rendered.body), rendered.report


def test_the_callers_own_body_is_kept_without_what_stands_in_the_address() -> None:
    body, report = native(stream=False)
    assert body == {name: value for name, value in OWN.items() if name not in {"model", "baton"}}
    assert {entry.action for entry in report.entries} == {"kept"}


def test_contents_keep_their_bytes() -> None:
    read = grammar_of("gemini").read(json.dumps(OWN).encode(), MAKER)
    rendered = grammar_of("gemini").write(read, target())
    assert json.dumps(OWN["contents"][0]).encode() in rendered.body
    assert json.dumps(OWN["contents"][1]).encode() in rendered.body


def test_settings_that_the_target_does_not_take_are_changed_where_they_stand() -> None:
    body, report = native(max_output=500, sampling=frozenset(), efforts=("low",))
    assert body["generationConfig"] == {"max_output_tokens": 500, "thinkingConfig": {"thinking_level": "LOW"}}
    assert {entry.path for entry in report.entries if entry.action == "degraded"} == {
        "generationConfig.max_output_tokens",
        "generationConfig.topK",
        "generationConfig.thinkingConfig.thinking_level",
    }


def test_state_of_another_origin_is_taken_out_of_the_callers_bytes() -> None:
    body, report = native(origin=Origin("google", "account", "", "gemini-9"))
    assert body["contents"][1]["parts"] == [
        {
            "functionCall": {"name": "a", "args": {}, "id": body["contents"][1]["parts"][0]["functionCall"]["id"]},
            "thoughtSignature": STAND_IN,
        }
    ]
    assert body["contents"][0] == OWN["contents"][0]
    withheld = {entry.path for entry in report.entries if entry.action == "withheld"}
    assert withheld == {
        "contents[1].parts[0]",
        "contents[1].parts[0].thought",
        "contents[1].parts[1].thoughtSignature",
    }
