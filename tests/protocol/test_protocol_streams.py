"""Streams are state machines over events: the cut of the bytes does not matter, and the whole answer is the fold."""

import itertools
import json
from typing import Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from baton.protocol.dialects import Reply, grammar_of
from baton.protocol.fold import fold, unfold
from baton.types.card import Dialect
from baton.types.errors import UpstreamNotJson
from baton.types.events import AnswerMessage, Event, Stop, StreamFault, TextDelta
from baton.types.parts import ReasoningPart, TextPart, ToolCallPart
from tests.protocol.answers import ORIGIN, PREFIX, answers, cuts, shown_usage
from tests.protocol.oracle import check_answer

DIALECTS: tuple[Dialect, ...] = ("anthropic", "openai-chat", "openai-responses", "ollama", "gemini")
SERVER_SENT: tuple[Dialect, ...] = tuple(dialect for dialect in DIALECTS if dialect != "ollama")
ENDS: dict[str, bytes] = {
    "anthropic": b"event: message_delta",
    "openai-chat": b'"finish_reason":"',
    "openai-responses": b'"usage":{',
    "ollama": b'"done":true',
    "gemini": b'"finishReason":"',
}
"""What only the end of a stream holds."""
REPLY = Reply(model="shown-name", created=1_700_000_000)


def stream_of(answer: AnswerMessage, dialect: Dialect, reply: Reply = REPLY) -> bytes:
    writer = grammar_of(dialect).stream_writer(reply)
    return writer.write(unfold(answer)) + writer.finish()


def read_stream(dialect: Dialect, *pieces: bytes) -> list[Event]:
    reader = grammar_of(dialect).stream_reader(ORIGIN, PREFIX)
    return [*itertools.chain.from_iterable(reader.feed(piece) for piece in pieces), *reader.finish()]


def frames(stream: bytes) -> list[Any]:
    lines = [line.removeprefix("data: ") for line in stream.decode().split("\n") if line.startswith(("data: ", "{"))]
    return [json.loads(line) for line in lines if line != "[DONE]"]


def error_in(stream: bytes) -> str:
    """What the last event says went wrong."""
    error = frames(stream)[-1]["error"]
    return error if isinstance(error, str) else error["message"]


def bare(answer: AnswerMessage) -> AnswerMessage:
    """Without the vendor's own usage object, which is not canonical."""
    return replace(answer, usage_raw=b"")


def own_reply(answer: AnswerMessage) -> Reply:
    return Reply(model=answer.model, id=answer.id)


@pytest.mark.parametrize("dialect", DIALECTS)
@given(data=st.data())
def test_a_stream_tells_the_answer_however_it_is_cut(dialect: Dialect, data: st.DataObject) -> None:
    answer = data.draw(answers(dialect))
    stream = stream_of(answer, dialect, own_reply(answer))
    pieces = data.draw(cuts(stream))
    assert bare(fold(read_stream(dialect, *pieces))) == answer


@pytest.mark.parametrize("dialect", DIALECTS)
@given(data=st.data())
@settings(max_examples=20)
def test_one_byte_at_a_time_gives_the_same_events(dialect: Dialect, data: st.DataObject) -> None:
    stream = stream_of(data.draw(answers(dialect)), dialect)
    single = [stream[place : place + 1] for place in range(len(stream))]
    assert read_stream(dialect, *single) == read_stream(dialect, stream)


@pytest.mark.parametrize("ending", [b"\r\n", b"\r"])
@pytest.mark.parametrize("dialect", SERVER_SENT)
@given(data=st.data())
@settings(max_examples=20)
def test_line_ends_do_not_matter(dialect: Dialect, ending: bytes, data: st.DataObject) -> None:
    stream = stream_of(data.draw(answers(dialect)), dialect)
    other = b"\xef\xbb\xbf: a comment" + ending + stream.replace(b"\n", ending)
    assert read_stream(dialect, *data.draw(cuts(other))) == read_stream(dialect, stream)


@pytest.mark.parametrize("dialect", DIALECTS)
@given(data=st.data())
def test_the_whole_answer_is_the_fold_of_its_stream(dialect: Dialect, data: st.DataObject) -> None:
    answer = data.draw(answers(dialect))
    reply = own_reply(answer)
    whole = grammar_of(dialect).write_answer(answer, reply)
    check_answer(dialect, whole.body)
    told = fold(read_stream(dialect, stream_of(answer, dialect, reply)))
    assert bare(grammar_of(dialect).read_answer(whole.body, ORIGIN, PREFIX)) == bare(told)


@given(st.sampled_from(DIALECTS).flatmap(answers))
def test_an_answer_is_the_fold_of_its_own_events(answer: AnswerMessage) -> None:
    assert fold(unfold(answer)) == answer


@pytest.mark.parametrize("dialect", DIALECTS)
@pytest.mark.parametrize("source", DIALECTS)
@given(data=st.data())
def test_an_answer_of_any_dialect_says_the_same_in_every_other(
    source: Dialect, dialect: Dialect, data: st.DataObject
) -> None:
    answer = data.draw(answers(source))
    reply = Reply(model=answer.model, id=answer.id, created=1, seal=lambda _entry, _carrier: "c2VhbGVk")
    whole = grammar_of(dialect).write_answer(answer, reply)
    check_answer(dialect, whole.body)
    told = fold(read_stream(dialect, stream_of(answer, dialect, reply)))
    assert visible(told) == visible(answer)
    assert visible(grammar_of(dialect).read_answer(whole.body, ORIGIN, PREFIX)) == visible(answer)
    assert answer.usage is not None
    assert told.usage == shown_usage(answer.usage, dialect)
    assert told.stop is not None
    assert answer.stop is not None
    assert told.stop.reason == answer.stop.reason


def visible(answer: AnswerMessage) -> tuple[str, str, list[tuple[str, str, Any]]]:
    """Thinking, words, calls: the three that every dialect can show, each in its order."""
    thoughts = "".join(part.text for part in answer.parts if isinstance(part, ReasoningPart))
    said = "".join(part.text for part in answer.parts if isinstance(part, TextPart))
    called = [
        (part.id, part.name, json.loads(part.arguments or "{}"))
        for part in answer.parts
        if isinstance(part, ToolCallPart)
    ]
    return thoughts, said, called


@pytest.mark.parametrize("dialect", DIALECTS)
@given(data=st.data())
def test_a_stream_without_its_end_is_a_fault_and_never_an_end(dialect: Dialect, data: st.DataObject) -> None:
    stream = stream_of(data.draw(answers(dialect)), dialect)
    cut = data.draw(st.integers(0, stream.index(ENDS[dialect])))
    events = read_stream(dialect, stream[:cut])
    assert isinstance(events[-1], StreamFault)
    assert not [event for event in events if isinstance(event, Stop)]
    writer = grammar_of(dialect).stream_writer(REPLY)
    told = writer.write(events) + writer.finish()
    assert b"error" in told
    assert b"[DONE]" not in told
    assert b"message_stop" not in told


@pytest.mark.parametrize("dialect", DIALECTS)
def test_a_writer_that_is_closed_without_a_stop_writes_an_error(dialect: Dialect) -> None:
    writer = grammar_of(dialect).stream_writer(REPLY)
    told = writer.write([TextDelta(0, "half a")]) + writer.finish()
    assert error_in(told) == "the answer ended without its end"


@pytest.mark.parametrize("dialect", DIALECTS)
@pytest.mark.parametrize(
    "rubbish", [b"data: {\n\n", b"data: 7\n\n", b"data: <html>\n\n", b'data: {"choices": 3, "type": 4}\n\n']
)
def test_an_event_that_is_not_of_the_dialect_is_a_fault(dialect: Dialect, rubbish: bytes) -> None:
    fault = read_stream(dialect, rubbish)[0]
    assert isinstance(fault, StreamFault)
    assert fault.kind == "malformed"


@pytest.mark.parametrize("dialect", DIALECTS)
@pytest.mark.parametrize("body", [b"", b"<html>", b"[]", b"{", b'"text"'])
def test_a_body_that_is_no_answer_is_refused(dialect: Dialect, body: bytes) -> None:
    with pytest.raises(UpstreamNotJson):
        grammar_of(dialect).read_answer(body, ORIGIN, PREFIX)


@pytest.mark.parametrize("dialect", DIALECTS)
@given(st.binary(max_size=200))
def test_no_bytes_make_a_stream_reader_raise(dialect: Dialect, rubbish: bytes) -> None:
    events = read_stream(dialect, rubbish, b"data: " + rubbish + b"\n\n")
    assert isinstance(events[-1], StreamFault)


@pytest.mark.parametrize(
    ("dialect", "event", "kind", "status"),
    [
        (
            "anthropic",
            b'event: error\ndata: {"type":"error","error":{"type":"overloaded_error","message":"busy"}}\n\n',
            "overloaded",
            529,
        ),
        ("openai-chat", b'data: {"error":{"message":"busy","type":"server_error","code":529}}\n\n', "server", 500),
        ("openai-chat", b'data: {"error":{"message":"busy","code":429}}\n\n', "rate_limit", 429),
        ("openai-chat", b'data: {"error":"busy"}\n\n', "server", 502),
        (
            "openai-responses",
            b'data: {"type":"error","code":"server_is_overloaded","message":"busy","sequence_number":3}\n\n',
            "overloaded",
            529,
        ),
        (
            "openai-responses",
            b'data: {"type":"response.failed","response":{"error":{"code":"invalid_prompt","message":"busy"}}}\n\n',
            "invalid_request",
            400,
        ),
        ("ollama", b'{"error":"busy"}\n', "server", 502),
        (
            "gemini",
            b'data: {"error":{"code":503,"message":"busy","status":"UNAVAILABLE"}}\n\n',
            "overloaded",
            503,
        ),
    ],
)
def test_an_error_inside_a_stream_is_told_in_the_callers_dialect(
    dialect: Dialect, event: bytes, kind: str, status: int
) -> None:
    events = read_stream(dialect, event)
    assert [(fault.kind, fault.status, fault.message) for fault in events if isinstance(fault, StreamFault)] == [
        (kind, status, "busy")
    ]
    for caller in DIALECTS:
        writer = grammar_of(caller).stream_writer(REPLY)
        told = writer.write(events) + writer.finish()
        assert error_in(told) == "busy"
        assert b"[DONE]" not in told


def test_events_survive_their_own_encoding() -> None:
    events: list[Event] = [TextDelta(0, "a"), Stop("end", "stop")]
    assert msgspec.json.decode(msgspec.json.encode(events), type=list[Event]) == events
