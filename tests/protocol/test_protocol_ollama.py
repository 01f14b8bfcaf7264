"""Ollama's chat: what only this dialect has, in and out."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from baton.protocol.arguments import INVALID
from baton.protocol.dialects import Reply, grammar_of
from baton.protocol.fold import fold
from baton.protocol.ndjson import LineReader
from baton.protocol.request import read_request
from baton.protocol.voice import voice_of
from baton.types.card import Dialect
from baton.types.conversation import Conversation
from baton.types.errors import MalformedBody, Overloaded
from baton.types.events import AnswerMessage, Event, Stop, StreamFault, ToolCallStart
from baton.types.handoff import Rendered, Target
from baton.types.money import Usage
from baton.types.parts import ImagePart, Origin, TextPart, ToolCallPart, ToolResultPart
from tests.protocol.answers import cuts
from tests.protocol.oracle import check_request

PIXEL = "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk"
HELLO = {"role": "user", "content": "hello"}
TOOL = {"type": "function", "function": {"name": "get_weather", "description": "d", "parameters": {"type": "object"}}}
OTHER_TOOL = {"type": "function", "function": {"name": "bash", "parameters": {"type": "object", "properties": {}}}}


def read(body: dict[str, Any], dialect: Dialect = "ollama") -> Conversation:
    return grammar_of(dialect).read(json.dumps(body).encode(), Origin())


def into(conversation: Conversation, **known: Any) -> tuple[dict[str, Any], Rendered]:
    rendered = grammar_of("ollama").write(conversation, Target(dialect="ollama", model="m", **known))
    return check_request("ollama", rendered.body), rendered


def from_chat(known: dict[str, Any] | None = None, **members: Any) -> tuple[dict[str, Any], Rendered]:
    return into(read({"model": "auto", "messages": [HELLO]} | members, "openai-chat"), **(known or {}))


def action(rendered: Rendered, path: str) -> tuple[str, str]:
    return next((entry.action, entry.reason) for entry in rendered.report.entries if entry.path == path)


# --- settings ----------------------------------------------------------------------------------


def test_settings_go_to_the_options() -> None:
    body, rendered = from_chat(
        max_tokens=50,
        temperature=0.5,
        top_p=0.9,
        seed=7,
        stop=["END"],
        presence_penalty=1,
        user="someone",
        stream=False,
    )
    assert body["options"] == {
        "num_predict": 50, "stop": ["END"], "temperature": 0.5, "top_p": 0.9, "seed": 7, "presence_penalty": 1,
    }  # fmt: skip
    assert not rendered.report.is_lossy
    assert action(rendered, "user")[0] == "withheld"


def test_a_stream_is_always_said_or_denied_because_the_dialect_streams_unasked() -> None:
    body, rendered = from_chat()
    assert body["stream"] is False
    assert action(rendered, "stream") == ("moved", "the target streams unless it is told otherwise")
    assert from_chat(stream=True)[0]["stream"] is True
    assert read({"model": "m", "messages": [HELLO]}).stream
    assert not read({"model": "m", "messages": [HELLO], "stream": False}).stream
    request = read_request("ollama", b'{"model":"m","messages":[{"role":"user","content":"x"}]}', {})
    assert request.stream


@pytest.mark.parametrize(
    ("asked", "efforts", "think", "what"),
    [
        ({"reasoning_effort": "high"}, ("low", "medium", "high"), "high", "kept"),
        ({"reasoning_effort": "xhigh"}, ("low", "medium", "high"), "high", "degraded"),
        ({"reasoning_effort": "high"}, None, True, "degraded"),
        ({"reasoning_effort": "none"}, None, False, "kept"),
        ({"reasoning_effort": "high"}, (), None, "degraded"),
    ],
)
def test_effort_is_a_step_only_where_the_card_names_steps(
    asked: dict[str, Any], efforts: tuple[str, ...] | None, think: object, what: str
) -> None:
    body, rendered = from_chat({"efforts": efforts}, **asked)
    assert body.get("think") == think
    assert action(rendered, "reasoning_effort")[0] == what


def test_a_schema_is_the_format() -> None:
    schema = {"type": "object", "properties": {"n": {"type": "number"}}}
    wanted = {"type": "json_schema", "json_schema": {"name": "answer", "schema": schema, "strict": True}}
    body, rendered = from_chat(response_format=wanted)
    assert body["format"] == schema
    assert action(rendered, "response_format")[0] == "moved"
    assert from_chat(response_format={"type": "json_object"})[0]["format"] == "json"


def test_several_answers_are_refused_and_a_bias_is_reported() -> None:
    _, rendered = from_chat(n=2, logit_bias={"7": 1})
    assert [entry.path for entry in rendered.report.rejections] == ["n"]
    assert action(rendered, "logit_bias")[0] == "degraded"


@pytest.mark.parametrize(
    ("choice", "offered", "what"),
    [
        ("auto", ["get_weather", "bash"], "kept"),
        ("none", [], "moved"),
        ("required", ["get_weather", "bash"], "degraded"),
        ({"type": "function", "function": {"name": "bash"}}, ["bash"], "degraded"),
    ],
)
def test_what_may_not_be_called_is_not_offered(choice: object, offered: list[str], what: str) -> None:
    body, rendered = from_chat(tools=[TOOL, OTHER_TOOL], tool_choice=choice)
    assert [tool["function"]["name"] for tool in body.get("tools", [])] == offered
    assert action(rendered, "tool_choice")[0] == what


def test_the_options_of_this_dialect_are_read_and_the_others_stay_its_own() -> None:
    body = {
        "model": "m", "messages": [HELLO], "think": "low", "keep_alive": "5m", "format": "json",
        "options": {"num_predict": -1, "temperature": 0.1, "top_k": 40, "num_ctx": 8192, "stop": "END"},
    }  # fmt: skip
    conversation = read(body)
    assert (conversation.max_tokens, conversation.sampling.top_k, conversation.stop) == (None, 40, ("END",))
    assert conversation.reasoning is not None
    assert conversation.reasoning.effort == "low"
    assert set(conversation.unmodelled) == {"options.num_predict", "options.num_ctx", "keep_alive"}
    rendered = grammar_of("anthropic").write(conversation, Target(dialect="anthropic", model="m", max_output=10))
    assert action(rendered, "keep_alive")[0] == "withheld"
    assert action(rendered, "options.num_ctx")[0] == "degraded"


def test_the_same_dialect_changes_only_what_the_model_does_not_take() -> None:
    body = {
        "model": "m", "stream": True, "messages": [HELLO], "think": "high", "logprobs": True,
        "options": {"num_predict": 900, "temperature": 0.1, "num_ctx": 8192},
    }  # fmt: skip
    conversation = read(body)
    kept, rendered = into(conversation)
    assert kept == body
    assert {entry.action for entry in rendered.report.entries} == {"kept"}
    narrow = Target(dialect="ollama", model="n", max_output=100, sampling=frozenset(), efforts=("low",), stream=False)
    rendered = grammar_of("ollama").write(conversation, narrow)
    assert json.loads(rendered.body) == {
        "model": "n", "stream": False, "messages": [HELLO], "think": "low",
        "options": {"num_predict": 100, "num_ctx": 8192},
    }  # fmt: skip
    lost = {entry.path for entry in rendered.report.entries if entry.action == "degraded"}
    assert lost == {"options.num_predict", "options.temperature", "think", "logprobs"}


# --- messages ----------------------------------------------------------------------------------


def test_images_stand_beside_the_text_and_their_address_is_refused() -> None:
    url = {"type": "image_url", "image_url": {"url": f"data:image/png;base64,{PIXEL}", "detail": "low"}}
    text = {"type": "text", "text": "what is it?"}
    body, rendered = from_chat(messages=[{"role": "user", "content": [url, text]}])
    assert body["messages"] == [{"role": "user", "content": "what is it?", "images": [PIXEL]}]
    assert action(rendered, "messages[0].content[0]")[0] == "moved"
    assert action(rendered, "messages[0].content[0].detail")[0] == "degraded"
    away = {"type": "image_url", "image_url": {"url": "https://example.com/a.png"}}
    _, rendered = from_chat(messages=[{"role": "user", "content": [text, away]}])
    assert [entry.reason for entry in rendered.report.rejections] == [
        "the target takes no image by its address: send the content itself"
    ]
    _, rendered = from_chat({"capabilities": frozenset({"tools"})}, messages=[{"role": "user", "content": [url]}])
    assert "ask a model that sees" in action(rendered, "messages[0].content[0]")[1]


@pytest.mark.parametrize(
    ("part", "says"),
    [
        ({"type": "file", "file": {"file_data": "data:application/pdf;base64,JVBERi0="}}, "send its text"),
        ({"type": "file", "file": {"file_id": "file-1"}}, "send the content itself"),
        ({"type": "input_audio", "input_audio": {"data": "AAAA", "format": "wav"}}, "send a transcript"),
    ],
)
def test_media_that_it_does_not_take_are_refused_before_they_are_sent(part: dict[str, Any], says: str) -> None:
    _, rendered = from_chat(messages=[{"role": "user", "content": [{"type": "text", "text": "see"}, part]}])
    assert [entry.path for entry in rendered.report.rejections] == ["messages[0].content[1]"]
    assert says in rendered.report.rejections[0].reason


def called(*ids: str) -> dict[str, Any]:
    calls = [{"id": id_, "type": "function", "function": {"name": "get_weather", "arguments": "{}"}} for id_ in ids]
    return {"role": "assistant", "content": None, "tool_calls": calls}


def test_results_follow_in_the_order_of_their_calls_because_nothing_else_ties_them() -> None:
    results = [{"role": "tool", "tool_call_id": id_, "content": f"of {id_}"} for id_ in ("b", "a")]
    body, rendered = from_chat(messages=[HELLO, called("a", "b", "c"), *results, HELLO])
    assert [message.get("content") for message in body["messages"] if message["role"] == "tool"] == [
        "of a", "of b", "[tool error] No result was recorded for this call.",
    ]  # fmt: skip
    assert action(rendered, "messages[1].tool_calls[2].result")[0] == "degraded"
    turns = read(body).turns
    (first, second, third) = [part for part in turns[1].parts if isinstance(part, ToolCallPart)]
    found = [part for turn in turns for part in turn.parts if isinstance(part, ToolResultPart)]
    assert [(one.call, one.is_error) for one in found] == [(first.id, False), (second.id, False), (third.id, True)]


def test_an_image_of_a_result_follows_all_results() -> None:
    result = {"type": "tool_result", "tool_use_id": "t1", "is_error": True}
    image = {"type": "image", "source": {"type": "base64", "media_type": "image/png", "data": PIXEL}}
    uses: list[dict[str, Any]] = [{"type": "tool_use", "id": id_, "name": "look", "input": {}} for id_ in ("t1", "t2")]
    body = {
        "model": "m",
        "max_tokens": 9,
        "messages": [
            HELLO,
            {"role": "assistant", "content": uses},
            {
                "role": "user",
                "content": [result | {"content": [image]}, result | {"tool_use_id": "t2", "content": "no"}],
            },
        ],
    }
    rendered, report = into(read(body, "anthropic"))
    assert rendered["messages"][2:] == [
        {
            "role": "tool",
            "tool_name": "look",
            "content": "[tool error] [image of this result: see the next user message]",
        },
        {"role": "tool", "tool_name": "look", "content": "[tool error] no"},
        {"role": "user", "content": "[images of the result of tool look]", "images": [PIXEL]},
    ]
    assert not report.report.is_lossy


def test_arguments_that_are_no_object_are_wrapped_and_come_back() -> None:
    call = called("a")
    call["tool_calls"][0]["function"]["arguments"] = '{"city": "Par'
    body, rendered = from_chat(messages=[HELLO, call, {"role": "tool", "tool_call_id": "a", "content": "?"}])
    assert body["messages"][1]["tool_calls"][0]["function"]["arguments"] == {INVALID: '{"city": "Par'}
    assert action(rendered, "messages[1].tool_calls[0]")[0] == "degraded"
    (part,) = read(body).turns[1].parts
    assert isinstance(part, ToolCallPart)
    assert part.arguments == '{"city": "Par'


def test_arguments_may_hold_the_word_that_marks_invalid_ones() -> None:
    for arguments in (f'"{INVALID}"', f'["{INVALID}"]', f'{{"{INVALID}": 1}}'):
        text = '{"model":"m","messages":[{"role":"assistant","tool_calls":[{"function":{"name":"f","arguments":%s}}]}]}'
        (part,) = grammar_of("ollama").read((text % arguments).encode(), Origin()).turns[0].parts
        assert isinstance(part, ToolCallPart)
        assert part.arguments == arguments


def test_words_of_several_parts_are_one_text_and_a_system_message_keeps_its_place() -> None:
    texts = [{"type": "text", "text": "one"}, {"type": "text", "text": "two"}]
    messages = [{"role": "user", "content": texts}, {"role": "developer", "content": "be brief"}, HELLO]
    body, rendered = from_chat(messages=messages)
    assert body["messages"] == [
        {"role": "user", "content": "one\n\ntwo"},
        {"role": "system", "content": "be brief"},
        HELLO,
    ]
    assert action(rendered, "messages[0].content[1]")[0] == "moved"
    folded, rendered = from_chat({"mid_system": False}, messages=messages)
    assert folded["messages"][1] == {"role": "user", "content": "<system>\nbe brief\n</system>"}
    assert action(rendered, "messages[1].content")[0] == "degraded"


def test_a_message_of_this_dialect_is_read_whole() -> None:
    body = {
        "model": "m",
        "messages": [
            {"role": "user", "content": "look", "images": [PIXEL, "/9j/4AAQ"]},
            {"role": "assistant", "content": "", "thinking": "hm", "tool_calls": [
                {"id": "call_1", "function": {"index": 0, "name": "f", "arguments": {"a": 1.50}}},
            ]},
            {"role": "tool", "tool_name": "f", "content": "done"},
            {"role": "critic", "content": "?"},
        ],
    }  # fmt: skip
    turns = read(body).turns
    assert [type(part) for part in turns[0].parts] == [TextPart, ImagePart, ImagePart]
    assert [part.media_type for part in turns[0].parts if isinstance(part, ImagePart)] == ["image/png", "image/jpeg"]
    assert [(one.kind, one.payload) for one in turns[1].private] == [("reasoning_text", b"hm")]
    (result,) = turns[2].parts
    assert isinstance(result, ToolResultPart)
    assert (result.call, result.name) == ("call_1", "f")
    assert turns[3].role == "unknown"


@pytest.mark.parametrize(
    ("body", "says"),
    [
        (b"", "empty"),
        (b'{"model":"m"}', "`messages` is missing"),
        (b'{"model":"m","messages":7}', "`messages` must be a list"),
        (b'{"model":"m","messages":[7]}', r"`messages\[0\]` must be an object"),
        (b'{"model":"m","messages":[{"role":"user","content":[1]}]}', r"`messages\[0\].content` must be a string"),
        (b'{"model":"m","messages":[{"role":"user","images":[7]}]}', r"`messages\[0\].images\[0\]` must be a string"),
        (b'{"model":"m","messages":[],"options":[]}', "`options` must be an object"),
        (
            b'{"model":"m","messages":[],"options":{"num_predict":"all"}}',
            "`options.num_predict` must be a whole number",
        ),
        (b'{"model":"m","messages":[],"think":3}', "`think` must be a string"),
        (b'{"model":"m","messages":[{"role":"assistant","tool_calls":[{"function":7}]}]}', "must be an object"),
    ],
)
def test_a_body_that_is_no_request_is_refused_with_the_member_at_fault(body: bytes, says: str) -> None:
    with pytest.raises(MalformedBody, match=says):
        grammar_of("ollama").read(body, Origin())


@given(body=st.binary(max_size=300))
def test_arbitrary_bytes_are_refused_and_never_crash(body: bytes) -> None:
    with pytest.raises(MalformedBody):
        grammar_of("ollama").read(body, Origin())
    with pytest.raises(MalformedBody):
        read_request("ollama", body, {})


def test_facts_are_read_without_the_conversation() -> None:
    body = {
        "model": "m",
        "messages": [
            {"role": "system", "content": "be brief"},
            {"role": "user", "content": "first", "images": [PIXEL * 100]},
            {"role": "assistant", "content": "answer", "tool_calls": [{"function": {"name": "f", "arguments": {}}}]},
            {"role": "tool", "tool_name": "f", "content": "ignore all"},
        ],
        "tools": [TOOL],
        "format": {"type": "object"},
        "options": {"num_predict": 12},
    }
    facts = read_request("ollama", json.dumps(body).encode(), {}).facts
    assert (facts.user_text, facts.system_text, facts.turns, facts.tool_results) == ("first", "be brief", 1, True)
    assert facts.needs == {"image", "tools", "structured_output"}
    assert (facts.tools, facts.response_schema, facts.max_output) == (("get_weather",), True, 12)
    assert facts.text_bytes < 1_000
    with pytest.raises(MalformedBody, match="`options` must be"):
        read_request("ollama", json.dumps(body | {"options": 3}).encode(), {})


# --- answers -----------------------------------------------------------------------------------

LINES = (
    b'{"model":"m","created_at":"2026-01-01T00:00:00.5Z","message":{"role":"assistant","content":"","thinking":"hm"},"done":false}\n'
    b'{"model":"m","created_at":"2026-01-01T00:00:01Z","message":{"role":"assistant","content":"Let me "},"done":false}\n'
    b'{"model":"m","created_at":"2026-01-01T00:00:01Z","message":{"role":"assistant","content":"look."},"done":false}\n'
    b'{"model":"m","created_at":"2026-01-01T00:00:02Z","message":{"role":"assistant","content":"","tool_calls":'
    b'[{"function":{"name":"f","arguments":{"a":1.50}}},{"function":{"name":"f","arguments":{}}}]},"done":false}\n'
    b'{"model":"m","created_at":"2026-01-01T00:00:02Z","message":{"role":"assistant","content":""},"done":true,'
    b'"done_reason":"stop","total_duration":5,"prompt_eval_count":10,"eval_count":4}\n'
)


def told(stream: bytes, prefix_hash: str = "") -> AnswerMessage:
    return fold(events(stream, prefix_hash=prefix_hash))


def events(*pieces: bytes, prefix_hash: str = "") -> list[Event]:
    reader = grammar_of("ollama").stream_reader(Origin(), prefix_hash)
    return [*(event for piece in pieces for event in reader.feed(piece)), *reader.finish()]


def test_a_stream_of_lines_is_an_answer() -> None:
    answer = told(LINES)
    assert [type(part).__name__ for part in answer.parts] == [
        "ReasoningPart", "TextPart", "ToolCallPart", "ToolCallPart",
    ]  # fmt: skip
    assert [part.arguments for part in answer.parts if isinstance(part, ToolCallPart)] == ['{"a":1.50}', "{}"]
    assert answer.stop == Stop("tool_calls", "stop")
    assert answer.usage == Usage(10, 4)
    assert answer.fault is None


@given(data=st.data())
def test_the_cut_of_the_bytes_does_not_matter(data: st.DataObject) -> None:
    assert events(*data.draw(cuts(LINES))) == events(LINES)
    windows = LINES.replace(b"\n", b"\r\n\r\n")
    assert events(*data.draw(cuts(windows))) == events(LINES)


def test_calls_without_ids_get_ids_that_no_other_answer_has() -> None:
    def ids(stream: bytes, prefix_hash: str) -> list[str]:
        return [event.id for event in events(stream, prefix_hash=prefix_hash) if isinstance(event, ToolCallStart)]

    one, same, later = ids(LINES, "p"), ids(LINES, "p"), ids(LINES, "q")
    unbound = ids(LINES.replace(b"00:00.5Z", b"00:09.5Z"), "p")
    assert one == same
    assert len({*one, *later, *unbound}) == 6


@pytest.mark.parametrize("word", ["load", "unload"])
def test_a_model_that_was_only_loaded_has_not_answered(word: str) -> None:
    body = b'{"model":"m","message":{"role":"assistant","content":""},"done":true,"done_reason":"%s"}' % word.encode()
    answer = grammar_of("ollama").read_answer(body, Origin(), "")
    assert answer.stop == Stop("incomplete", word)
    written = grammar_of("openai-chat").write_answer(answer, Reply(model="m"))
    assert json.loads(written.body)["choices"][0]["finish_reason"] == "length"
    assert written.report.is_lossy


@pytest.mark.parametrize(
    ("message", "kind", "status"),
    [
        ("model 'x' not found", "not_found", 404),
        ('"x" does not support tools', "invalid_request", 400),
        ("server busy, please try again", "overloaded", 503),
        ("unexpected EOF", "server", 502),
    ],
)
def test_errors_are_told_by_their_words(message: str, kind: str, status: int) -> None:
    line = json.dumps({"error": message}).encode()
    for answer in (told(line), grammar_of("ollama").read_answer(line, Origin(), "")):
        assert answer.fault is not None
        assert (answer.fault.kind, answer.fault.status, answer.fault.message) == (kind, status, message)


def test_a_line_without_end_is_a_fault() -> None:
    reader = LineReader(max_line_bytes=100)
    states = [(reader.feed(b"a" * 60), reader.overflow) for _ in range(3)]
    assert states == [([], False), ([], True), ([], True)]
    assert reader.finish() == []
    last = events(LINES.removesuffix(b"\n"))[-1]
    assert isinstance(last, Stop)
    assert isinstance(events(LINES[:-20])[-1], StreamFault)


def test_an_answer_of_free_text_and_foreign_state_is_told_as_far_as_it_can_be() -> None:
    chat = (
        b'{"id":"c","model":"m","choices":[{"index":0,"finish_reason":"content_filter","message":{"content":"no",'
        b'"tool_calls":[{"id":"a","type":"custom","custom":{"name":"run","input":"ls"}}]}}]}'
    )
    answer = grammar_of("openai-chat").read_answer(chat, Origin(), "")
    written = grammar_of("ollama").write_answer(answer, Reply(model="m", created=0))
    body = json.loads(written.body)
    assert body["message"]["tool_calls"][0]["function"]["arguments"] == {"input": "ls"}
    assert (body["done_reason"], body["created_at"]) == ("length", "1970-01-01T00:00:00Z")
    assert written.report.is_lossy


# --- relay -------------------------------------------------------------------------------------


@given(data=st.data())
def test_a_relayed_stream_is_watched_line_by_line(data: st.DataObject) -> None:
    pieces = data.draw(cuts(LINES))
    plain = voice_of("ollama").watch(hide_usage=True, hold_end=False)
    assert b"".join(plain.feed(piece) for piece in pieces) + plain.finish() == LINES
    assert (plain.usage(), plain.complete, plain.error_event) == (Usage(10, 4), True, False)
    holding = voice_of("ollama").watch(hide_usage=False, hold_end=True)
    relayed = b"".join(holding.feed(piece) for piece in pieces) + holding.finish()
    assert relayed + holding.end() == LINES
    assert holding.end().startswith(b'{"model"')
    assert b'"done":true' not in relayed


def test_errors_and_notes_are_written_as_lines() -> None:
    voice = voice_of("ollama")
    error = Overloaded("the budget is spent")
    assert json.loads(voice.write_error(error, "r1"))["error"] == "the budget is spent"
    event = voice.write_error_event(error, "r1")
    watch = voice.watch(hide_usage=False, hold_end=False)
    watch.feed(LINES[: LINES.index(b"\n") + 1] + event)
    assert watch.error_event
    assert not watch.complete
    assert voice.read_usage(b"{}") is None
    noted = told(LINES.replace(b"\n", b"\n" + voice.write_note(b'{"cost":1}'), 1))
    assert noted.parts == told(LINES).parts
