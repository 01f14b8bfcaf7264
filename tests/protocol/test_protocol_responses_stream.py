"""Responses streams: the events that SDKs and Codex know, and what servers make of them."""

import json
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from openai import omit
from openai.lib.streaming.responses._responses import ResponseStreamState
from openai.types.responses import ResponseStreamEvent
from pydantic import TypeAdapter

from baton.protocol.dialects import Reply
from baton.protocol.fold import fold, unfold
from baton.protocol.openai_responses.stream import stream_reader, stream_writer
from baton.protocol.voice import voice_of
from baton.types.card import Dialect
from baton.types.errors import MalformedBody
from baton.types.events import (
    Event,
    ExtraDelta,
    OpaqueEvent,
    PartEnd,
    PrivateState,
    ReasoningDelta,
    Start,
    Stop,
    StreamFault,
    TextDelta,
    ToolArgumentsDelta,
    ToolCallStart,
    UsageUpdate,
    WholePart,
)
from baton.types.money import Usage
from baton.types.parts import OpaquePart, PrivateEntry, ServerToolPart, TextPart, ToolCallPart
from tests.protocol.answers import ORIGIN, PREFIX, answers

EVENT: TypeAdapter[Any] = TypeAdapter(ResponseStreamEvent)
REPLY = Reply(model="shown", id="resp_1", created=1_700_000_000)
SIGNED = b'{"id": "rs_9",\n "type": "reasoning", "summary": [], "encrypted_content": "gAAA"}'


def wire(events: list[Event], reply: Reply = REPLY) -> list[dict[str, Any]]:
    """The frames, each under the name of its type and on one line."""
    writer = stream_writer(reply)
    stream = writer.write(events) + writer.finish()
    found = []
    for frame in stream.removesuffix(b"\n\n").split(b"\n\n"):
        name, data = frame.split(b"\n")
        event = json.loads(data.removeprefix(b"data: "))
        assert name == b"event: " + event["type"].encode()
        found.append(event)
    assert [event["sequence_number"] for event in found] == list(range(len(found)))
    return found


def heard(*events: dict[str, Any]) -> list[Event]:
    reader = stream_reader(ORIGIN, PREFIX)
    data = b"".join(b"data: " + json.dumps(event).encode() + b"\n\n" for event in events)
    return [*reader.feed(data), *reader.finish()]


def added(item: dict[str, Any], index: int = 0) -> dict[str, Any]:
    return {"type": "response.output_item.added", "output_index": index, "item": item}


def done(item: dict[str, Any], index: int = 0) -> dict[str, Any]:
    return {"type": "response.output_item.done", "output_index": index, "item": item}


def completed(**members: Any) -> dict[str, Any]:
    return {"type": "response.completed", "response": {"id": "r", "model": "m", "status": "completed", **members}}


# --- writing -----------------------------------------------------------------------------------


def test_every_event_of_a_whole_answer_stands_in_the_order_of_the_grammar() -> None:
    events: list[Event] = [
        Start("r", "m"),
        ReasoningDelta(0, "hm"),
        PartEnd(0),
        TextDelta(1, "he"),
        TextDelta(1, "llo"),
        PartEnd(1),
        ToolCallStart(2, "call_1", "f"),
        ToolArgumentsDelta(2, "{}"),
        PartEnd(2),
        UsageUpdate(Usage(5, 3, cache_read=1, cache_write=2, reasoning=1)),
        Stop("tool_calls"),
    ]
    found = wire(events)
    assert [event["type"].removeprefix("response.") for event in found] == [
        "created",
        "in_progress",
        "output_item.added",
        "reasoning_summary_part.added",
        "reasoning_summary_text.delta",
        "reasoning_summary_text.done",
        "reasoning_summary_part.done",
        "output_item.done",
        "output_item.added",
        "content_part.added",
        "output_text.delta",
        "output_text.delta",
        "output_text.done",
        "content_part.done",
        "output_item.done",
        "output_item.added",
        "function_call_arguments.delta",
        "function_call_arguments.done",
        "output_item.done",
        "completed",
    ]
    response = found[-1]["response"]
    assert response["output"] == [event["item"] for event in found if event["type"] == "response.output_item.done"]
    assert response["usage"] == {
        "input_tokens": 5,
        "input_tokens_details": {"cached_tokens": 1, "cache_write_tokens": 2},
        "output_tokens": 3,
        "output_tokens_details": {"reasoning_tokens": 1},
        "total_tokens": 8,
    }
    assert (response["id"], response["model"], response["status"]) == ("resp_1", "shown", "completed")


@pytest.mark.parametrize("maker", ["openai-responses", "anthropic", "openai-chat", "gemini"])
@given(data=st.data())
@settings(max_examples=25)
def test_the_vendors_sdk_takes_every_event_and_adds_them_up(maker: Dialect, data: st.DataObject) -> None:
    answer = data.draw(answers(maker))
    seals = Reply(model="shown", id="resp_1", created=1, seal=lambda _entry, _carrier: "YmF0b24Bc2VhbGVk")
    state = ResponseStreamState(input_tools=omit, text_format=omit)
    calls = [part.id for part in answer.parts if isinstance(part, ToolCallPart)]
    for event in wire(list(unfold(answer)), seals):
        parsed = EVENT.validate_json(json.dumps(event), strict=True)
        if len(calls) == len(set(calls)):  # the SDK knows calls by their ids
            state.handle_event(parsed)
    shown = parsed.response.output
    assert [part.text for part in answer.parts if isinstance(part, TextPart)] == [
        item.content[0].text for item in shown if item.type == "message"
    ]
    assert calls == [item.call_id for item in shown if item.type == "function_call"]


def test_items_may_be_open_side_by_side() -> None:
    events: list[Event] = [
        Start("r", "m"),
        ToolCallStart(0, "a", "f"),
        ToolCallStart(1, "b", "g", "custom"),
        ToolArgumentsDelta(1, "free"),
        ToolArgumentsDelta(0, "{}"),
        PartEnd(0),
        PartEnd(1),
        Stop("tool_calls"),
    ]
    output = wire(events)[-1]["response"]["output"]
    assert [(item["type"], item.get("arguments"), item.get("input")) for item in output] == [
        ("function_call", "{}", None),
        ("custom_tool_call", None, "free"),
    ]


def test_own_reasoning_is_shown_byte_for_byte_on_one_line() -> None:
    entry = PrivateEntry("encrypted", SIGNED, "openai-responses", ORIGIN, PREFIX, 0, id="rs_9")
    events: list[Event] = [Start("r", "m"), ReasoningDelta(0, "", "rs_9"), PrivateState(entry), PartEnd(0)]
    found = wire([*events, Stop("end")])
    assert found[-1]["response"]["output"] == [json.loads(SIGNED)]
    assert found[2]["item"] == {"id": "rs_9", "type": "reasoning", "summary": []}


def test_reasoning_that_is_not_shown_keeps_its_state_and_loses_its_words() -> None:
    item = {"id": "rs_9", "type": "reasoning", "encrypted_content": "gAAA"}
    payload = json.dumps(item | {"summary": [{"type": "summary_text", "text": "secret"}]}).encode()
    entry = PrivateEntry("encrypted", payload, "openai-responses", ORIGIN, PREFIX, 0, id="rs_9")
    events: list[Event] = [Start("r", "m"), ReasoningDelta(0, "secret", "rs_9"), PrivateState(entry), PartEnd(0)]
    writer = stream_writer(Reply(model="m", show_reasoning=False))
    told = writer.write([*events, Stop("end")]) + writer.finish()
    assert b"secret" not in told
    assert b"gAAA" in told
    assert [entry.action for entry in writer.report().entries] == ["withheld"]


def test_state_under_another_id_than_was_shown_is_not_put_into_the_item() -> None:
    entry = PrivateEntry("encrypted", SIGNED, "openai-responses", ORIGIN, PREFIX, 0, id="rs_9")
    events: list[Event] = [Start("r", "m"), ReasoningDelta(0, "hm"), PrivateState(entry), PartEnd(0), Stop("end")]
    writer = stream_writer(REPLY)
    assert b"gAAA" not in writer.write(events) + writer.finish()
    assert [entry.path for entry in writer.report().entries] == ["answer.private"]


def test_a_phase_stands_in_its_message() -> None:
    entry = PrivateEntry("phase", b"commentary", "openai-responses", ORIGIN, PREFIX, 0)
    found = wire([Start("r", "m"), PrivateState(entry), TextDelta(0, "looking"), PartEnd(0), Stop("end")])
    assert {event["item"]["phase"] for event in found if "item" in event} == {"commentary"}
    assert found[-1]["response"]["output"][0]["phase"] == "commentary"


def test_calls_of_free_text_tools_renamed_tools_and_namespaces_bear_their_own_names() -> None:
    reply = Reply(model="m", custom_tools=frozenset({"patch"}), tool_names={"agents_spawn_1234": "agents.spawn"})
    events: list[Event] = [
        Start("r", "m"),
        ToolCallStart(0, "a", "patch"),
        ToolArgumentsDelta(0, '{"input": "*** Begin"}'),
        PartEnd(0),
        ToolCallStart(1, "b", "agents_spawn_1234"),
        PartEnd(1),
        Stop("tool_calls"),
    ]
    patch, spawn = wire(events, reply)[-1]["response"]["output"]
    assert (patch["type"], patch["name"], patch["input"]) == ("custom_tool_call", "patch", "*** Begin")
    assert (spawn["namespace"], spawn["name"]) == ("agents", "spawn")


def test_annotations_of_chat_are_flattened_and_foreign_ones_reported() -> None:
    citation = {"type": "url_citation", "url_citation": {"url": "u", "title": "t", "start_index": 0, "end_index": 1}}
    events: list[Event] = [
        Start("r", "m"),
        TextDelta(0, "a"),
        ExtraDelta(0, "annotations", json.dumps(citation).encode()),
        ExtraDelta(0, "citations", b'{"type":"char_location"}'),
        PartEnd(0),
        Stop("end"),
    ]
    flat = {"type": "url_citation", "url": "u", "title": "t", "start_index": 0, "end_index": 1}
    assert wire(events)[-1]["response"]["output"][0]["content"][0]["annotations"] == [flat]
    writer = stream_writer(REPLY)
    writer.write(events)
    assert [entry.path for entry in writer.report().entries] == ["answer.parts[0].citations"]


def test_the_providers_own_items_are_shown_to_its_own_clients_only() -> None:
    own = ServerToolPart(b'{"type":"web_search_call","id":"ws_1"}', "openai-responses")
    foreign = OpaquePart(b'{"type":"web_search_tool_result"}', "anthropic")
    events: list[Event] = [Start("r", "m"), WholePart(0, own), PartEnd(0), WholePart(1, foreign), PartEnd(1)]
    writer = stream_writer(REPLY)
    told = writer.write([*events, OpaqueEvent("anthropic", "ping", b"{}"), Stop("end")]) + writer.finish()
    assert b"ws_1" in told
    assert b"web_search_tool_result" not in told
    assert [entry.path for entry in writer.report().entries] == ["answer.parts[1]", "answer.ping"]


@pytest.mark.parametrize(
    ("stop", "reason"),
    [
        (Stop("end"), None),
        (Stop("stop_sequence"), None),
        (Stop("length"), "max_output_tokens"),
        (Stop("context_window"), "max_output_tokens"),
        (Stop("content_filter"), "content_filter"),
        (Stop("refusal"), "content_filter"),
        (Stop("pause", "pause_turn"), "max_output_tokens"),
        (Stop("unknown", "odd"), "max_output_tokens"),
    ],
)
def test_an_answer_that_is_not_whole_never_looks_whole(stop: Stop, reason: str | None) -> None:
    last = wire([Start("r", "m"), TextDelta(0, "a"), stop])[-1]
    assert last["type"] == ("response.completed" if reason is None else "response.incomplete")
    assert (last["response"]["incomplete_details"] or {}).get("reason") == reason


def test_a_refusal_that_the_vendor_explains_is_said_in_words() -> None:
    details = b'{"type":"refusal","category":"cyber","explanation":"not this"}'
    last = wire([Start("r", "m"), Stop("refusal", "refusal", None, details)])[-1]
    assert last["type"] == "response.completed"
    assert last["response"]["output"][0]["content"] == [{"type": "refusal", "refusal": "not this"}]


def test_a_fault_fails_the_response_and_is_told_as_an_error() -> None:
    failed, error = wire([Start("r", "m"), TextDelta(0, "a"), StreamFault("overloaded", "busy", 529)])[-2:]
    assert EVENT.validate_python(failed).response.error.code == "rate_limit_exceeded"
    assert EVENT.validate_python(error).message == "busy"
    assert error["error"]["type"] == "overloaded_error"


def test_members_of_the_request_are_repeated() -> None:
    reply = Reply(model="m", echo={"instructions": b'"be brief"', "tools": b"[ ]", "metadata": b"null", "input": b"1"})
    response = wire([Start("r", "m"), Stop("end")], reply)[-1]["response"]
    assert (response["instructions"], response["tools"], response["metadata"]) == ("be brief", [], {})
    assert "input" not in response


# --- reading -----------------------------------------------------------------------------------


def test_arguments_may_come_only_when_they_are_done() -> None:
    call = {"type": "function_call", "id": "fc_1", "call_id": "call_1", "name": "f", "arguments": ""}
    said = {"type": "response.function_call_arguments.done", "output_index": 0, "arguments": '{"a":1}'}
    for events in ([added(call), said, done(call)], [added(call), done(call | {"arguments": '{"a":1}'})]):
        answer = fold(heard(*events, completed()))
        assert answer.parts == (ToolCallPart("call_1", "f", '{"a":1}', ids={"item": "fc_1"}),)
        assert answer.stop == Stop("tool_calls", "completed")


def test_an_item_may_come_only_when_it_is_done_or_only_at_the_end() -> None:
    message: dict[str, Any] = {"type": "message", "id": "m", "role": "assistant", "phase": "final_answer"}
    message["content"] = [{"type": "output_text", "text": "hello", "annotations": [{"type": "file_path"}]}]
    for events in ([done(message), completed()], [completed(output=[message])]):
        answer = fold(heard(*events))
        assert answer.parts == (TextPart("hello", extra={"annotations": b'[{"type": "file_path"}]'}),)
        assert [(entry.kind, entry.payload) for entry in answer.private] == [("phase", b"final_answer")]


def test_what_was_streamed_is_not_told_again() -> None:
    message = {"type": "message", "id": "m", "role": "assistant", "content": []}
    whole = message | {"content": [{"type": "output_text", "text": "hello", "annotations": []}]}
    delta = {"type": "response.output_text.delta", "output_index": 0, "content_index": 0, "delta": "hel"}
    text = {"type": "response.output_text.done", "output_index": 0, "content_index": 0, "text": "hello"}
    events = heard(added(message), delta, text, done(whole), completed(output=[whole]))
    assert [event.text for event in events if isinstance(event, TextDelta)] == ["hel", "lo"]
    assert fold(events).parts == (TextPart("hello"),)


def test_encrypted_content_is_taken_from_the_finished_item() -> None:
    item = {"type": "reasoning", "id": "rs_1", "summary": []}
    early, late = item | {"encrypted_content": "half"}, item | {"encrypted_content": "whole"}
    delta = {"type": "response.reasoning_summary_text.delta", "output_index": 0}
    thoughts = [delta | {"summary_index": place, "delta": word} for place, word in ((0, "a"), (0, "b"), (1, "c"))]
    answer = fold(heard(added(early), *thoughts, done(late), completed()))
    assert answer.parts[0] == fold([ReasoningDelta(0, "ab\n\nc")]).parts[0]
    (entry,) = answer.private
    assert (entry.kind, entry.payload, entry.id) == ("encrypted", json.dumps(late).encode(), "rs_1")
    assert (entry.origin, entry.prefix_hash, entry.anchor) == (ORIGIN, PREFIX, 0)


def test_reasoning_that_was_never_done_has_no_state() -> None:
    item = {"type": "reasoning", "id": "rs_1", "summary": [], "encrypted_content": "half"}
    assert fold(heard(added(item), completed())).private == ()


def test_items_of_the_providers_own_are_told_whole_and_their_progress_not_at_all() -> None:
    search = {"type": "web_search_call", "id": "ws_1", "status": "completed"}
    progress = {"type": "response.web_search_call.searching", "output_index": 0, "item_id": "ws_1"}
    summary = {"type": "compaction", "id": "c_1", "encrypted_content": "g"}
    odd = {"type": "response.hologram.delta", "output_index": 9}
    answer = fold(heard(added(search), progress, done(search), done(summary, 1), odd, completed()))
    assert [type(part) for part in answer.parts] == [ServerToolPart, OpaquePart]
    assert [(entry.kind, entry.anchor) for entry in answer.private] == [("compaction", 1)]
    assert [event.name for event in answer.opaque] == ["response.hologram.delta"]


@pytest.mark.parametrize(
    ("response", "stop"),
    [
        (
            {"status": "incomplete", "incomplete_details": {"reason": "max_output_tokens"}},
            ("length", "max_output_tokens"),
        ),
        ({"status": "incomplete", "incomplete_details": {"reason": "content_filter"}}, ("content_filter",) * 2),
        ({"status": "incomplete", "incomplete_details": {"reason": "steered"}}, ("incomplete", "steered")),
        ({"status": "incomplete"}, ("incomplete", "incomplete")),
        ({"status": "cancelled"}, ("cancelled", "cancelled")),
        ({"status": "queued"}, ("unknown", "queued")),
    ],
)
def test_the_end_of_an_answer_is_understood(response: dict[str, Any], stop: tuple[str, str]) -> None:
    answer = fold(heard({"type": "response.incomplete", "response": response}))
    assert answer.stop is not None
    assert (answer.stop.reason, answer.stop.raw) == stop


@pytest.mark.parametrize(
    ("error", "kind", "status"),
    [
        ({"code": "rate_limit_exceeded", "message": "m"}, "rate_limit", 429),
        ({"code": "context_length_exceeded", "message": "m"}, "too_large", 413),
        ({"code": "image_too_large", "message": "m"}, "invalid_request", 400),
        ({"type": "invalid_request_error", "code": None, "message": "m"}, "invalid_request", 400),
        ({"code": "never_seen", "message": "m"}, "server", 502),
    ],
)
def test_a_failed_response_is_one_fault_however_often_it_is_told(error: dict[str, Any], kind: str, status: int) -> None:
    failed = {"type": "response.failed", "response": {"id": "r", "status": "failed", "error": error}}
    nested = {"type": "error", "error": error}
    for events in ((failed, nested), (nested, failed)):
        faults = [event for event in heard(*events) if isinstance(event, StreamFault)]
        assert [(fault.kind, fault.status, fault.message) for fault in faults] == [(kind, status, "m")]


def test_nothing_is_heard_after_the_end() -> None:
    assert [type(event) for event in heard(completed(), completed(), added({"type": "message"}))] == [Start, Stop]


# --- relayed as bytes --------------------------------------------------------------------------

LONG = json.dumps([{"type": "function", "name": f"f{number}", "description": "d" * 200} for number in range(100)])
USAGE = b'{"input_tokens":10,"input_tokens_details":{"cached_tokens":6},"output_tokens":4,"total_tokens":14}'
STREAM = (
    b'event: response.created\ndata: {"type":"response.created","response":{"id":"r","usage":null}}\n\n'
    b'event: response.output_text.delta\ndata: {"type":"response.output_text.delta","delta":"event: error"}\n\n'
    b'event: response.completed\ndata: {"type":"response.completed","response":{"usage":'
    + USAGE
    + b',"tools":'
    + LONG.encode()
    + b"}}\n\n"
)


@given(places=st.lists(st.integers(0, len(STREAM)), max_size=12), last=st.sampled_from([b"", b"data: [DONE]\n\n"]))
def test_a_watch_finds_usage_and_end_in_a_last_event_of_any_length(places: list[int], last: bytes) -> None:
    watch = voice_of("openai-responses").watch(hide_usage=True, hold_end=False)
    edges = [0, *sorted(places), len(STREAM)]
    assert b"".join(watch.feed(STREAM[a:b]) for a, b in pairwise(edges)) + watch.feed(last) == STREAM + last
    assert watch.usage() == Usage(10, 4, cache_read=6)
    assert watch.complete
    assert not watch.error_event


def test_a_stream_that_is_cut_is_not_complete() -> None:
    for length in range(0, len(STREAM) - 4, 997):
        watch = voice_of("openai-responses").watch(hide_usage=False, hold_end=False)
        watch.feed(STREAM[:length])
        assert not watch.complete


def test_the_end_is_held_back_until_it_is_asked_for() -> None:
    watch = voice_of("openai-responses").watch(hide_usage=False, hold_end=True)
    relayed = watch.feed(STREAM) + watch.finish()
    assert relayed + watch.end() == STREAM
    assert watch.end().startswith(b"event: response.completed")


def test_errors_and_notes_are_events_that_sdks_can_read() -> None:
    voice = voice_of("openai-responses")
    error = voice.write_error_event(MalformedBody("no", "input"), "req-1")
    name, data = error.strip().split(b"\n")
    assert name == b"event: error"
    assert EVENT.validate_json(data.removeprefix(b"data: ")).message == "no"
    assert json.loads(data.removeprefix(b"data: "))["error"]["param"] == "input"
    assert json.loads(voice.write_error(MalformedBody("no", "input"), "req-1"))["error"]["message"] == "no"
    watch = voice.watch(hide_usage=False, hold_end=False)
    watch.feed(error)
    assert watch.error_event
    note = voice.write_note(b'{"model":"m"}')
    assert fold(stream_reader().feed(note)).opaque[0].name == "response.baton"


def test_usage_of_a_whole_answer_is_read() -> None:
    voice = voice_of("openai-responses")
    assert voice.read_usage(b'{"usage":' + USAGE + b"}") == Usage(10, 4, cache_read=6)
    assert voice.read_usage(b"{}") is None
