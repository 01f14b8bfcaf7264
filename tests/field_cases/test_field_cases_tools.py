"""Field cases 29 to 43: tools, their calls, their results and their ids."""

import asyncio
import json
from pathlib import Path
from typing import Any

import httpx2
import pytest

from baton.protocol import foreign
from baton.protocol.anthropic.options import COMBINED, NOT_OFFERED
from baton.protocol.anthropic.thinking import FORCED
from baton.protocol.openai_chat.messages import EMPTY_REASON
from baton.protocol.tool_ids import fit
from baton.types.card import Dialect
from baton.types.handoff import Target
from tests.field_cases.rendered import DIALECTS, Json, heard, rendered, target, told
from tests.flow.vendors import vendors

CLAUDE = "anthropic/sim-claude"
USER: Json = {"role": "user", "content": "hi"}
PNG = "iVBORw0KGgo="
IMAGE: Json = {"type": "image", "source": {"type": "base64", "media_type": "image/png", "data": PNG}}
IMAGE_URL: Json = {"type": "image_url", "image_url": {"url": f"data:image/png;base64,{PNG}"}}


def call(id_: str, name: str = "bash", arguments: str = "{}") -> Json:
    return {"id": id_, "type": "function", "function": {"name": name, "arguments": arguments}}


def calls(*ids: str) -> Json:
    return {"role": "assistant", "content": None, "tool_calls": [call(id_) for id_ in ids]}


def result(id_: str, content: Any = "done") -> Json:
    return {"role": "tool", "tool_call_id": id_, "content": content}


def use(id_: str, input_: Json | None = None) -> Json:
    return {"type": "tool_use", "id": id_, "name": "bash", "input": input_ or {}}


def used(id_: str, content: Any = "done") -> Json:
    return {"type": "tool_result", "tool_use_id": id_, "content": content}


def function(name: str, **more: Any) -> Json:
    return {"type": "function", "function": {"name": name} | more}


@pytest.mark.parametrize("to", ["anthropic", "gemini"])
def test_case_29_cli_proxy_api_4656_parallel_results_go_together(to: Dialect) -> None:
    """Results of parallel calls became user messages of their own: the API wants all in the next one."""
    shown = rendered("openai-chat", {"messages": [USER, calls("a", "b"), result("a"), result("b", "two")]}, to)
    assert len(shown.messages) == 3
    if to == "anthropic":
        assert shown.messages[2] == {"role": "user", "content": [used("a"), used("b", "two")]}
    else:
        parts = [part["functionResponse"] for part in shown.messages[2]["parts"]]
        assert [(part["id"], part["response"]) for part in parts] == [
            ("a", {"result": "done"}),
            ("b", {"result": "two"}),
        ]
    assert [shown.action(f"messages[{place}]") for place in (2, 3)] == ["kept", "kept"]


@pytest.mark.parametrize("to", ["anthropic", "openai-responses", "gemini", "ollama"])
def test_case_30_claude_code_21906_results_in_the_order_of_completion_are_put_in_the_order_of_the_calls(
    to: Dialect,
) -> None:
    """The result that was ready first was sent first; servers that pair by position mix them up."""
    history = [USER, calls("a", "b", "c"), result("c", "third"), result("a", "first"), result("b", "second")]
    shown = rendered("openai-chat", {"messages": history}, to)
    text = shown.raw.decode()
    assert text.index("first") < text.index("second") < text.index("third")
    moved = [path for path in shown.paths("moved") if shown.reason(path) == foreign.MOVED_RESULT]
    assert moved == ["messages[2]", "messages[3]"]
    assert shown.action("messages[4]") == "kept"


@pytest.mark.parametrize("to", [one for one in DIALECTS if one != "anthropic"])
def test_case_31_claude_code_7796_a_call_that_was_never_answered_gets_an_error_result(to: Dialect) -> None:
    """A cancelled tool left its tool_use without tool_result: every later request was refused, for good."""
    history = [USER, {"role": "assistant", "content": [use("a"), use("b")]}]
    history += [{"role": "user", "content": [used("b"), {"type": "text", "text": "never mind"}]}]
    shown = rendered("anthropic", {"messages": history}, to)
    path = "messages[1].content[0].result"
    assert (shown.action(path), shown.reason(path)) == ("degraded", foreign.NO_RESULT)
    assert shown.raw.count(foreign.MISSING_RESULT_TEXT.encode()) == 1
    if to == "openai-chat":
        assert [(one["role"], one.get("tool_call_id")) for one in shown.messages] == [
            ("user", None), ("assistant", None), ("tool", "a"), ("tool", "b"), ("user", None),
        ]  # fmt: skip
        assert shown.messages[2]["content"] == "[tool error] No result was recorded for this call."


def test_case_31_claude_code_7796_a_call_that_still_waits_for_its_result_gets_none() -> None:
    """Only what was cancelled may be answered for the tool."""
    shown = rendered("openai-chat", {"messages": [USER, calls("a")]}, target("anthropic", prefill=True))
    assert foreign.MISSING_RESULT_TEXT.encode() not in shown.raw
    after = rendered("openai-chat", {"messages": [USER, calls("a"), USER]}, "anthropic")
    assert after.messages[2]["content"] == [used("a", foreign.MISSING_RESULT_TEXT) | {"is_error": True}]
    assert after.messages[3] == {"role": "user", "content": [{"type": "text", "text": "hi"}]}


def test_case_32_zoo_code_1705_images_between_results_come_after_them() -> None:
    """An image between two tool_results: `tool_use ids were found without tool_result blocks`."""
    seen = {"role": "user", "content": [IMAGE_URL]}
    history = [USER, calls("a", "b"), result("a"), seen, result("b", "two")]
    shown = rendered("openai-chat", {"messages": history}, "anthropic")
    assert shown.messages[2:] == [
        {"role": "user", "content": [used("a"), used("b", "two")]},
        {"role": "user", "content": [IMAGE]},
    ]
    assert (shown.action("messages[3]"), shown.reason("messages[3]")) == ("moved", foreign.MOVED_TURN)
    between = [USER, {"role": "assistant", "content": [use("a"), use("b")]}]
    between += [{"role": "user", "content": [used("a"), IMAGE, used("b", "two")]}]
    chat = rendered("anthropic", {"messages": between}, "openai-chat")
    assert [one["role"] for one in chat.messages] == ["user", "assistant", "tool", "tool", "user"]
    assert chat.messages[4]["content"] == [IMAGE_URL]


ODD_TOOLS = [
    function("plain"),
    function("strict", parameters={"type": "object", "properties": {}, "additionalProperties": False}, strict=True),
    function("untyped", parameters={"properties": {"a": {"type": "string"}}}),
    function("either", parameters={"type": "object", "anyOf": [{"required": ["a"]}, {"required": ["b"]}]}),
    function("fs.read/all", description="a name that Messages refuses", parameters={"type": "object"}),
]


@pytest.mark.parametrize("thread", ["bifrost_3511", "bifrost_3512"])
def test_case_33_every_tool_definition_of_chat_is_one_that_messages_takes(tmp_path: Path, thread: str) -> None:
    """All requests with tools were refused by Anthropic: what OpenAI calls a tool was passed on half translated."""
    if thread == "bifrost_3511":
        shown = rendered("openai-chat", {"messages": [USER], "tools": ODD_TOOLS}, "anthropic")
        tools = {tool["name"]: tool for tool in shown.body["tools"]}
        assert {name: tool["input_schema"] for name, tool in tools.items()} == {
            "plain": {"type": "object", "properties": {}},
            "strict": {"type": "object", "properties": {}, "additionalProperties": False},
            "untyped": {"type": "object", "properties": {"a": {"type": "string"}}},
            "either": {"type": "object"},
            "fs_read_all_beaeb2d0": {"type": "object"},
        }
        assert all("function" not in tool and "type" not in tool for tool in tools.values())
        assert tools["strict"]["strict"] is True
        assert (shown.action("tools[3]"), shown.reason("tools[3]")) == ("degraded", COMBINED)
        assert shown.action("tools[4]") == "moved"
        return

    async def run() -> None:
        async with vendors(tmp_path) as gateway:
            asked = [{"role": "user", "content": "use fs.read/all"}]
            body: Json = {"model": CLAUDE, "messages": asked, "tools": ODD_TOOLS}
            body["tool_choice"] = {"type": "function", "function": {"name": "fs.read/all"}}
            async with httpx2.AsyncClient(base_url=gateway.url) as http:
                answer = await http.post("/v1/chat/completions", json=body)
            assert answer.status_code == 200, answer.text
            named = answer.json()["choices"][0]["message"]["tool_calls"][0]["function"]["name"]
            assert named == "fs.read/all"
            assert gateway.refusals() == []

    asyncio.run(run())


def test_case_34_bifrost_7348_allowed_tools_and_the_parallel_flag_reach_messages() -> None:
    """Both were lost: the model called tools that were not allowed, and several at once."""
    allowed = {"mode": "required", "tools": [function("read")]}
    body = {
        "messages": [USER],
        "tools": [function("read", parameters={"type": "object"}), function("write", parameters={"type": "object"})],
        "tool_choice": {"type": "allowed_tools", "allowed_tools": allowed},
        "parallel_tool_calls": False,
    }
    shown = rendered("openai-chat", body, "anthropic")
    assert [tool["name"] for tool in shown.body["tools"]] == ["read"]
    assert shown.body["tool_choice"] == {"type": "any", "disable_parallel_tool_use": True}
    assert shown.action("parallel_tool_calls") == "kept"
    assert (shown.action("tools[1]"), shown.reason("tools[1]")) == ("withheld", NOT_OFFERED)
    responses = rendered("openai-chat", body, "openai-responses")
    assert responses.body["tool_choice"] == {
        "type": "allowed_tools", "mode": "required", "tools": [{"type": "function", "name": "read"}],
    }  # fmt: skip
    assert responses.body["parallel_tool_calls"] is False


@pytest.mark.parametrize(
    ("choice", "expected"),
    [
        ("required", {"type": "any"}),
        (function("read"), {"type": "tool", "name": "read"}),
        ("auto", {"type": "auto"}),
        ("none", {"type": "none"}),
    ],
)
def test_case_35_9router_1592_a_forced_tool_choice_is_translated_and_switches_thinking_off(
    choice: Any, expected: Json
) -> None:
    """`Thinking may not be enabled when tool_choice forces tool use`, and the choice itself in the wrong shape."""
    tools = [function("read", parameters={"type": "object"})]
    body = {"messages": [USER], "tools": tools, "tool_choice": choice, "reasoning_effort": "high"}
    shown = rendered("openai-chat", body, "anthropic")
    assert shown.body["tool_choice"] == expected
    forced = expected["type"] in {"any", "tool"}
    assert shown.body["thinking"] == ({"type": "disabled"} if forced else {"type": "adaptive"})
    assert shown.action("reasoning_effort") == ("degraded" if forced else "kept")
    assert shown.reason("reasoning_effort") == (FORCED if forced else "")


@pytest.mark.parametrize("to", ["openai-chat", "openai-responses", "gemini", "ollama"])
def test_case_36_vercel_ai_17366_an_orphaned_result_of_a_server_tool_is_shown_as_text(to: Dialect) -> None:
    """A client made a tool_result for a call that the provider runs itself: a result of no call, 400."""
    server = {"type": "server_tool_use", "id": "srvtoolu_1", "name": "web_search", "input": {"query": "x"}}
    history = [USER, {"role": "assistant", "content": [server, {"type": "text", "text": "I search."}]}]
    history += [{"role": "user", "content": [used("srvtoolu_1", "invalid input")]}]
    shown = rendered("anthropic", {"messages": history}, to)
    assert b"srvtoolu_1" not in shown.raw
    assert b"invalid input" in shown.raw
    assert b"[result of a tool call that is not in this conversation]" in shown.raw
    assert (shown.action("messages[2].content[0]"), shown.reason("messages[2].content[0]")) == (
        "degraded",
        foreign.ORPHAN,
    )
    assert shown.action("messages[1].content[0]") == "degraded"


def test_case_36_vercel_ai_17366_a_call_that_the_provider_runs_is_not_told_as_a_call_of_the_clients() -> None:
    """What no client may answer is not shown to it as a tool call."""
    server = {"type": "server_tool_use", "id": "srvtoolu_1", "name": "web_search", "input": {}}
    answer = heard("anthropic", {
        "id": "msg_1", "type": "message", "role": "assistant", "model": "claude", "stop_reason": "pause_turn",
        "content": [server, {"type": "text", "text": "I search."}], "usage": {"input_tokens": 1, "output_tokens": 1},
    })  # fmt: skip
    message = told(answer, "openai-chat")["choices"][0]["message"]
    assert message["content"] == "I search."
    assert "tool_calls" not in message
    assert [item["type"] for item in told(answer, "openai-responses")["output"]] == ["message"]


ODD_ID = "functions.bash:0|é" + "x" * 60


def id_of(shown_body: Json, to: Dialect) -> tuple[str, str]:
    """The id of the first call, and the one that its result bears."""
    if to == "anthropic":
        turns = shown_body["messages"]
        return turns[1]["content"][0]["id"], turns[2]["content"][0]["tool_use_id"]
    if to == "openai-responses":
        return shown_body["input"][1]["call_id"], shown_body["input"][2]["call_id"]
    return shown_body["messages"][1]["tool_calls"][0]["id"], shown_body["messages"][2]["tool_call_id"]


@pytest.mark.parametrize("to", ["anthropic", "openai-responses"])
def test_case_37_experiential_801_ids_fit_the_letters_of_messages_and_the_length_of_responses(to: Dialect) -> None:
    """`String should match pattern`, `string too long`: ids of other makers have dots, colons, and no bounds."""
    shown = rendered("openai-chat", {"messages": [USER, calls(ODD_ID), result(ODD_ID)]}, to)
    made, answered = id_of(shown.body, to)
    assert made == answered == fit(ODD_ID, to)
    assert made.isascii()
    assert made.replace("_", "").replace("-", "").isalnum()
    assert len(made) <= 64
    untouched = rendered("openai-chat", {"messages": [USER, calls("call_Ab-9"), result("call_Ab-9")]}, to)
    assert id_of(untouched.body, to) == ("call_Ab-9", "call_Ab-9")


def test_case_38_portkey_1062_an_id_of_44_letters_fits_a_server_that_takes_40() -> None:
    """Some Azure deployments take 40 letters; ids of 44 were passed on."""
    long = "toolu_" + "a" * 38
    goal = target("openai-chat", tool_id_length=40)
    history = [USER, {"role": "assistant", "content": [use(long)]}, {"role": "user", "content": [used(long)]}]
    made, answered = id_of(rendered("anthropic", {"messages": history}, goal).body, "openai-chat")
    assert made == answered
    assert len(made) <= 40
    assert id_of(rendered("anthropic", {"messages": history}, "openai-chat").body, "openai-chat") == (long, long)


def test_case_39_pi_1022_an_id_of_446_letters_that_holds_an_item_id() -> None:
    """`call_x|fc_y...` of 446 letters as call_id, and the foreign half as id of the item: both refused."""
    long = "call_abc|fc_" + "0" * 434
    shown = rendered("openai-chat", {"messages": [USER, calls(long), result(long)]}, "openai-responses")
    item, output = shown.body["input"][1:3]
    assert item["call_id"] == output["call_id"] == fit(long, "openai-responses")
    assert len(item["call_id"]) <= 64
    assert "id" not in item
    assert b"fc_000" not in shown.raw


@pytest.mark.parametrize(("thread", "length"), [("9router_393", 64), ("9router_3167", 86)])
def test_case_40_ids_that_begin_alike_stay_apart(thread: str, length: int) -> None:
    """Ids were cut to length: two parallel calls got the same id, or kept 86 letters."""
    assert thread.startswith("9router")
    first, second = "call_" + "a" * length + "1", "call_" + "a" * length + "2"
    history = [USER, calls(first, second), result(first, "one"), result(second, "two")]
    shown = rendered("openai-chat", {"messages": history}, "anthropic")
    made = [block["id"] for block in shown.messages[1]["content"]]
    assert len(set(made)) == 2
    assert max(map(len, made)) <= 64
    assert [(one["tool_use_id"], one["content"]) for one in shown.messages[2]["content"]] == [
        (made[0], "one"),
        (made[1], "two"),
    ]


@pytest.mark.parametrize("empty", [{"content": ""}, {"content": []}, {}])
def test_case_41_claude_code_proxy_67_an_empty_result_does_not_halt_a_compatible_server(empty: Json) -> None:
    """A tool that prints nothing: some servers stop at an empty tool message and answer nothing."""
    block = {"type": "tool_result", "tool_use_id": "a"} | empty
    history = [USER, {"role": "assistant", "content": [use("a")]}, {"role": "user", "content": [block]}]
    shown = rendered("anthropic", {"messages": history}, "openai-chat")
    assert shown.messages[2] == {"role": "tool", "tool_call_id": "a", "content": "[empty result]"}
    assert (shown.action("messages[2].content[0]"), shown.reason("messages[2].content[0]")) == ("moved", EMPTY_REASON)
    back = rendered("openai-chat", {"messages": [USER, calls("a"), result("a", "")]}, "anthropic")
    assert back.messages[2]["content"][0].get("content", "") == ""


def test_case_42_kode_cli_62_results_stand_before_words_and_at_most_four_cache_markers_go_out() -> None:
    """`tool_result` after text is refused, and so is the fifth cache_control."""
    marked = {"type": "text", "text": "words", "prompt_cache_breakpoint": {"mode": "explicit", "ttl": "12h"}}
    words = [{"role": "user", "content": [marked]} for _ in range(6)]
    goal: Target = target("anthropic", cache_markers=True)
    shown = rendered("openai-chat", {"messages": [*words, calls("a"), words[0], result("a")]}, goal)
    assert shown.messages[7] == {"role": "user", "content": [used("a")]}
    assert shown.messages[8]["content"][0]["text"] == "words"
    assert shown.raw.count(b'"cache_control":{"type":"ephemeral","ttl":"1h"}') == 4
    places = [f"messages[{place}].content[0].prompt_cache_breakpoint" for place in (0, 1, 2, 3, 4, 5, 7)]
    assert [shown.action(place) for place in places] == ["withheld"] * 3 + ["moved"] * 4
    without = rendered("openai-chat", {"messages": words}, "anthropic")
    assert b"cache_control" not in without.raw


@pytest.mark.parametrize("to", DIALECTS)
@pytest.mark.parametrize("dialect", ["openai-chat", "anthropic"])
def test_case_43_cli_proxy_api_601_calls_are_written_as_calls_and_not_as_text(dialect: Dialect, to: Dialect) -> None:
    """Calls of the history were written as words, and the model went on to write its calls as words."""
    if dialect == "openai-chat":
        history = [USER, {"role": "assistant", "tool_calls": [call("a", arguments='{"cmd":"ls"}')]}, result("a")]
    else:
        history = [USER, {"role": "assistant", "content": [use("a", {"cmd": "ls"})]}]
        history += [{"role": "user", "content": [used("a")]}]
    shown = rendered(dialect, {"messages": history}, to)
    turn = shown.messages[1]
    if to == "openai-responses":
        assert (turn["type"], turn["name"], json.loads(turn["arguments"])) == ("function_call", "bash", {"cmd": "ls"})
        return
    said = turn.get("content") or ""
    if to == "anthropic":
        assert said == [use("a", {"cmd": "ls"})]
    elif to == "gemini":
        assert [part["functionCall"]["args"] for part in turn["parts"]] == [{"cmd": "ls"}]
    else:
        arguments = turn["tool_calls"][0]["function"]["arguments"]
        assert (arguments if to == "ollama" else json.loads(arguments)) == {"cmd": "ls"}
        assert said == ""
    assert shown.paths("degraded") == []
