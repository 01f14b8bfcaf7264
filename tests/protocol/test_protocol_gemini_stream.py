"""Gemini streams: chunks as vendors send them, chunks as clients want them, and the watch over relayed bytes."""

import base64
import itertools
import json
import re
from typing import Any

import pytest
from google.genai import types
from hypothesis import given
from hypothesis import strategies as st

from baton.protocol.dialects import Reply
from baton.protocol.fold import fold, unfold
from baton.protocol.gemini.stream import ArrayForm, as_array, stream_reader, stream_writer
from baton.protocol.gemini.tables import STOPS
from baton.protocol.voice import voice_of
from baton.types.errors import BatonError, MalformedBody, Overloaded
from baton.types.events import (
    AnswerMessage,
    Event,
    OpaqueEvent,
    PartEnd,
    PrivateState,
    Start,
    Stop,
    StopReason,
    StreamFault,
    TextDelta,
    ToolArgumentsDelta,
    ToolCallStart,
    UsageUpdate,
    WholePart,
)
from baton.types.money import Usage
from baton.types.parts import (
    ImagePart,
    PrivateEntry,
    ReasoningPart,
    ServerToolPart,
    TextPart,
    ToolCallPart,
)
from tests.protocol.answers import ORIGIN, PREFIX, answers, cuts
from tests.protocol.test_protocol_streams import frames, stream_of

SIGNATURE = base64.b64encode(b"a signature").decode()
REPLY = Reply(model="shown")


def chunk(*parts: dict[str, Any], **more: Any) -> dict[str, Any]:
    candidate: dict[str, Any] = {"content": {"parts": list(parts), "role": "model"}, "index": 0}
    top = {name: more.pop(name) for name in ("usageMetadata", "promptFeedback") if name in more}
    return {"candidates": [candidate | more], "modelVersion": "gemini-3-pro", "responseId": "r1"} | top


def stream(*chunks: dict[str, Any]) -> bytes:
    return b"".join(b"data: " + json.dumps(one).encode() + b"\r\n\r\n" for one in chunks)


def read(*pieces: bytes) -> list[Event]:
    reader = stream_reader(ORIGIN, PREFIX)
    return [*itertools.chain.from_iterable(map(reader.feed, pieces)), *reader.finish()]


def answer(*chunks: dict[str, Any]) -> AnswerMessage:
    return fold(read(stream(*chunks)))


def write(*events: Event, reply: Reply = REPLY) -> list[dict[str, Any]]:
    writer = stream_writer(reply)
    written = frames(writer.write(events) + writer.finish())
    for one in written:
        if "error" not in one:
            types.GenerateContentResponse.model_validate(one)
    return written


def parts_of(written: list[dict[str, Any]]) -> list[dict[str, Any]]:
    return [part for one in written for part in one["candidates"][0]["content"]["parts"]]


# --- reading -----------------------------------------------------------------------------------


def test_a_stream_as_the_vendor_sends_it() -> None:
    found = answer(
        chunk({"text": "let me ", "thought": True}, usageMetadata={"promptTokenCount": 10}),
        chunk({"text": "think", "thought": True}),
        chunk({"text": "Hel"}),
        chunk({"text": "lo"}),
        chunk({"functionCall": {"name": "a", "args": {"n": 1}}, "thoughtSignature": SIGNATURE}),
        chunk({"functionCall": {"name": "a", "args": {}, "id": "x"}}),
        chunk(
            {"text": ""},
            finishReason="STOP",
            usageMetadata={
                "promptTokenCount": 10,
                "cachedContentTokenCount": 4,
                "candidatesTokenCount": 7,
                "thoughtsTokenCount": 5,
                "toolUsePromptTokenCount": 2,
                "totalTokenCount": 24,
            },
        ),
    )
    thought, words, call, other = found.parts
    assert thought == ReasoningPart("let me think")
    assert words == TextPart("Hello")
    assert isinstance(call, ToolCallPart)
    assert isinstance(other, ToolCallPart)
    assert (call.name, call.arguments, other.id) == ("a", '{"n": 1}', "x")
    assert call.id.startswith("call_")
    assert [(one.kind, one.anchor, one.prefix_hash) for one in found.private] == [
        ("reasoning_text", 0, PREFIX),
        ("thought_signature", 2, PREFIX),
    ]
    assert found.stop == Stop("tool_calls", "STOP")
    assert found.usage == Usage(input=12, output=12, cache_read=4, reasoning=5)
    assert (found.id, found.model) == ("r1", "gemini-3-pro")


def test_a_signature_at_the_end_belongs_to_the_words_before_it() -> None:
    """Field case 19: a chunk with nothing but a signature is not lost."""
    found = answer(chunk({"text": "Hello"}), chunk({"text": "", "thoughtSignature": SIGNATURE}, finishReason="STOP"))
    assert found.parts == (TextPart("Hello"),)
    assert [(one.anchor, one.payload.decode()) for one in found.private] == [(0, SIGNATURE)]


def test_words_with_a_signature_are_a_part_of_their_own() -> None:
    found = answer(chunk({"text": "a"}), chunk({"text": "b", "thoughtSignature": SIGNATURE}, finishReason="STOP"))
    assert found.parts == (TextPart("a"), TextPart("b"))
    assert [one.anchor for one in found.private] == [1]


def test_media_and_server_tools_are_whole_parts() -> None:
    found = answer(
        chunk({"executableCode": {"language": "PYTHON", "code": "1"}}),
        chunk(
            {"inlineData": {"mimeType": "image/png", "data": "QUJD"}}, finishReason="STOP", groundingMetadata={"a": 1}
        ),
    )
    assert isinstance(found.parts[0], ServerToolPart)
    assert found.parts[1] == ImagePart("image/png", "QUJD")
    assert found.opaque == (OpaqueEvent("gemini", "groundingMetadata", b'{"a": 1}'),)


def test_every_finish_reason_of_the_sdk_has_a_meaning() -> None:
    assert {reason.value for reason in types.FinishReason} == set(STOPS)


@pytest.mark.parametrize(
    ("word", "reason"),
    [
        ("STOP", "end"),
        ("MAX_TOKENS", "length"),
        ("SAFETY", "content_filter"),
        ("RECITATION", "recitation"),
        ("MALFORMED_FUNCTION_CALL", "malformed_call"),
        ("MISSING_THOUGHT_SIGNATURE", "missing_signature"),
        ("TOO_MANY_TOOL_CALLS", "incomplete"),
        ("CONTINUATION", "pause"),
        ("NEVER_SEEN", "unknown"),
    ],
)
def test_finish_reasons(word: str, reason: StopReason) -> None:
    stop = answer(chunk({"text": "x"}, finishReason=word, finishMessage="why")).stop
    assert stop == Stop(reason, word, details=b'{"finishMessage":"why"}')


def test_a_blocked_prompt_is_a_stop_and_not_an_empty_answer() -> None:
    found = answer({"promptFeedback": {"blockReason": "PROHIBITED_CONTENT"}, "usageMetadata": {"promptTokenCount": 3}})
    assert found.stop is not None
    assert (found.stop.reason, found.stop.raw) == ("content_filter", "PROHIBITED_CONTENT")
    assert found.fault is None


def test_a_second_candidate_is_not_mixed_into_the_first() -> None:
    two = chunk({"text": "a"}, finishReason="STOP")
    two["candidates"].append({"content": {"parts": [{"text": "b"}]}, "finishReason": "STOP", "index": 1})
    assert answer(two).parts == (TextPart("a"),)


@pytest.mark.parametrize("before", [b"", stream(chunk({"text": "a"}))])
@pytest.mark.parametrize("form", [b"%s", b"[%s\n]\n", b",\r\n%s]"])
def test_an_error_outside_of_all_events_is_read(before: bytes, form: bytes) -> None:
    """So an error comes that breaks into a stream."""
    error = json.dumps({"error": {"code": 429, "message": "slow down", "status": "RESOURCE_EXHAUSTED"}}, indent=2)
    last = read(before + form % error.encode())[-1]
    assert last == StreamFault("rate_limit", "slow down", 429, "RESOURCE_EXHAUSTED")


@pytest.mark.parametrize("last", [chunk({"text": "a"}), {"usageMetadata": {}}])
def test_a_stream_without_a_finish_reason_is_cut(last: dict[str, Any]) -> None:
    fault = read(stream(last))[-1]
    assert isinstance(fault, StreamFault)
    assert fault.kind == "cut"


@pytest.mark.parametrize(
    "rubbish", [{}, {"choices": []}, {"candidates": 3}, {"candidates": [{"content": {"parts": [7]}}]}]
)
def test_what_is_no_chunk_is_a_fault(rubbish: dict[str, Any]) -> None:
    fault = read(stream(rubbish))[0 if "candidates" not in rubbish or rubbish["candidates"] == 3 else 1]
    assert isinstance(fault, StreamFault)
    assert fault.kind == "malformed"


# --- writing -----------------------------------------------------------------------------------


def test_words_go_out_as_they_come_and_a_call_whole() -> None:
    written = write(
        Start("r1", "up"),
        TextDelta(0, "Hel"),
        TextDelta(0, "lo"),
        PartEnd(0),
        ToolCallStart(1, "c1", "a"),
        ToolArgumentsDelta(1, '{"n":'),
        ToolArgumentsDelta(1, "\n1.50}"),
        PartEnd(1),
        Stop("tool_calls"),
        UsageUpdate(Usage(10, 12, 4, 0, 5)),
    )
    assert parts_of(written) == [
        {"text": "Hel"},
        {"text": "lo"},
        {"functionCall": {"name": "a", "args": {"n": 1.5}, "id": "c1"}},
        {"text": ""},
    ]
    assert [one["candidates"][0].get("finishReason") for one in written] == [None, None, None, "STOP"]
    assert written[-1]["usageMetadata"] == {
        "promptTokenCount": 10,
        "candidatesTokenCount": 7,
        "totalTokenCount": 22,
        "cachedContentTokenCount": 4,
        "thoughtsTokenCount": 5,
    }
    assert {(one["modelVersion"], one["responseId"]) for one in written} == {("shown", "r1")}


def test_every_chunk_has_content_because_sdks_take_one_without_for_a_broken_answer() -> None:
    for one in write(TextDelta(0, "a"), OpaqueEvent("gemini", "groundingMetadata", b"{}"), Stop("end")):
        parts = types.GenerateContentResponse.model_validate(one).candidates[0].content.parts  # type: ignore[index,union-attr]
        assert parts
        assert all(part != types.Part() for part in parts)


@pytest.mark.parametrize(
    ("reason", "word", "noted"),
    [
        ("end", "STOP", False),
        ("tool_calls", "STOP", False),
        ("length", "MAX_TOKENS", False),
        ("refusal", "PROHIBITED_CONTENT", False),
        ("content_filter", "SAFETY", False),
        ("pause", "OTHER", True),
        ("unknown", "OTHER", True),
    ],
)
def test_stop_reasons(reason: StopReason, word: str, *, noted: bool) -> None:
    """Field case 56: what is not whole does not look as if it were."""
    writer = stream_writer(REPLY)
    last = frames(writer.write([TextDelta(0, "a"), Stop(reason)]) + writer.finish())[-1]
    assert last["candidates"][0]["finishReason"] == word
    assert bool(writer.report().entries) == noted


def test_what_the_dialect_cannot_show_is_reported() -> None:
    writer = stream_writer(REPLY)
    part = ServerToolPart(b'{"type":"web_search"}', "anthropic", "web_search")
    writer.write([WholePart(0, part), PartEnd(0), OpaqueEvent("openai-chat", "logprobs", b"{}"), Stop("end")])
    assert {entry.path for entry in writer.report().entries} == {"answer.parts[0]", "answer.logprobs"}


def test_state_of_a_foreign_model_goes_sealed_into_the_signature_of_its_part() -> None:
    entry = PrivateEntry("signature", b"claude", "anthropic", ORIGIN, "", 0)
    text = PrivateEntry("phase", b"final_answer", "openai-responses", ORIGIN, "", 1)
    call = PrivateEntry("item_id", b"fc_1", "openai-responses", ORIGIN, "", 2)
    lost = PrivateEntry("compaction", b"{}", "anthropic", ORIGIN, "", -1)
    made = AnswerMessage(
        parts=(ReasoningPart("hm"), TextPart("a"), ToolCallPart("c1", "get", "{}")),
        private=(entry, text, call, lost),
        stop=Stop("end"),
    )
    seen: list[tuple[Any, bool, int]] = []

    def seal(entry: PrivateEntry, carrier: bool) -> str:
        seen.append((entry.kind, carrier, entry.anchor))
        return SIGNATURE

    written = parts_of(write(*unfold(made), reply=Reply(model="shown", seal=seal)))
    assert written[:-1] == [
        {"text": "hm", "thought": True},
        {"text": "", "thought": True, "thoughtSignature": SIGNATURE},
        {"text": "a"},
        {"text": "", "thoughtSignature": SIGNATURE},
        {"functionCall": {"name": "get", "args": {}, "id": "c1"}, "thoughtSignature": SIGNATURE},
        {"text": "", "thought": True, "thoughtSignature": SIGNATURE},
    ]
    assert seen == [("signature", False, 0), ("phase", False, 1), ("item_id", False, 2), ("compaction", True, -1)]


def test_without_a_seal_foreign_state_is_kept_by_the_store() -> None:
    writer = stream_writer(REPLY)
    entry = PrivateEntry("signature", b"claude", "anthropic", ORIGIN, "", 0)
    told = writer.write([TextDelta(0, "a"), PrivateState(entry), PartEnd(0), Stop("end")]) + writer.finish()
    assert b"thoughtSignature" not in told
    assert [(entry.path, entry.action) for entry in writer.report().entries] == [("answer.private", "withheld")]


# --- as an array -------------------------------------------------------------------------------


@given(data=st.data())
def test_the_array_form_says_the_same_however_the_events_are_cut(data: st.DataObject) -> None:
    told = stream_of(data.draw(answers("gemini")), "gemini")
    form = ArrayForm()
    array = b"".join(form.turn(piece) for piece in data.draw(cuts(told))) + form.finish()
    assert json.loads(array) == frames(told)
    assert array == as_array(told)


def test_an_empty_stream_is_an_empty_array() -> None:
    assert as_array(b"") == b"[]"


def test_an_error_ends_the_array_form_too() -> None:
    writer = stream_writer(REPLY)
    told = writer.write([TextDelta(0, "a"), StreamFault("overloaded", "busy", 503)]) + writer.finish()
    assert json.loads(as_array(told))[-1] == {"error": {"code": 503, "message": "busy", "status": "UNAVAILABLE"}}


# --- the watch ---------------------------------------------------------------------------------

USED = {"promptTokenCount": 10, "candidatesTokenCount": 7, "thoughtsTokenCount": 5, "totalTokenCount": 22}
SOURCES = {"searchEntryPoint": {"renderedContent": 'a "finishReason": "STOP" ' + "x" * 9_000}}
WATCHED = stream(
    chunk({"text": 'he said "finishReason": "STOP" and "usageMetadata": {}'}),
    chunk({"text": "b"}, usageMetadata=USED | {"candidatesTokenCount": 1}),
    chunk({"text": "c"}, finishReason="STOP", groundingMetadata=SOURCES, usageMetadata=USED),
)


@given(data=st.data())
def test_a_watch_relays_every_byte_and_sees_end_and_usage(data: st.DataObject) -> None:
    watch = voice_of("gemini").watch(hide_usage=True, hold_end=False)
    relayed = b"".join(watch.feed(piece) for piece in data.draw(cuts(WATCHED))) + watch.finish()
    assert relayed == WATCHED
    assert watch.complete
    assert not watch.error_event
    assert watch.usage() == Usage(10, 12, 0, 0, 5)


@given(data=st.data())
def test_a_watch_holds_the_last_event_back(data: st.DataObject) -> None:
    watch = voice_of("gemini").watch(hide_usage=False, hold_end=True)
    relayed = b"".join(watch.feed(piece) for piece in data.draw(cuts(WATCHED))) + watch.finish()
    assert relayed + watch.end() == WATCHED
    assert json.loads(watch.end()[6:])["candidates"][0]["finishReason"] == "STOP"


def test_a_cut_stream_is_not_complete_though_its_words_speak_of_an_end() -> None:
    watch = voice_of("gemini").watch(hide_usage=False, hold_end=False)
    watch.feed(stream(chunk({"text": 'he said "finishReason": "STOP"'}), chunk({"text": "b"})))
    assert not watch.complete
    assert watch.usage() is None


def test_a_blocked_prompt_is_a_complete_stream() -> None:
    watch = voice_of("gemini").watch(hide_usage=False, hold_end=False)
    watch.feed(stream({"promptFeedback": {"blockReason": "SAFETY"}}))
    assert watch.complete


@pytest.mark.parametrize(
    "error", [b'data: {"error":{"code":503}}\n\n', b'data:{ "error": {}}\n\n', b'{\n  "error": {}\n}']
)
def test_an_error_in_the_stream_is_seen(error: bytes) -> None:
    watch = voice_of("gemini").watch(hide_usage=False, hold_end=False)
    watch.feed(stream(chunk({"text": 'he said {"error": 1}'})))
    seen = [watch.error_event]
    watch.feed(error)
    assert [*seen, watch.error_event] == [False, True]
    assert not watch.complete


# --- errors and notes --------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("error", "code", "status"),
    [
        (MalformedBody("`contents` is missing", "contents"), 400, "INVALID_ARGUMENT"),
        (Overloaded("no model is left"), Overloaded("x").status, None),
    ],
)
def test_errors_are_the_vendors_own_shape(error: BatonError, code: int, status: str | None) -> None:
    voice = voice_of("gemini")
    told = json.loads(voice.write_error(error, "req-1"))["error"]
    assert (told["code"], told["message"]) == (code, error.message)
    assert status in {None, told["status"]}
    assert told["details"][0]["metadata"] == {"request_id": "req-1"}
    event = voice.write_error_event(error, "req-1")
    assert re.fullmatch(rb"data: \{.*\}\n\n", event)
    assert isinstance(read(event)[-1], StreamFault)


def test_the_usage_of_a_whole_answer() -> None:
    voice = voice_of("gemini")
    assert voice.read_usage(json.dumps({"usageMetadata": USED}).encode()) == Usage(10, 12, 0, 0, 5)
    assert voice.read_usage(b'{"candidates":[]}') is None


def test_a_note_is_a_chunk_that_says_nothing() -> None:
    note = voice_of("gemini").write_note(b'{"cost":1}')
    told = frames(note)[0]
    assert told.pop("baton") == {"cost": 1}
    assert types.GenerateContentResponse.model_validate(told).text == ""
    events = read(note)
    assert not [event for event in events if isinstance(event, TextDelta | Stop)]
