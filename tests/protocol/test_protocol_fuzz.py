"""Whatever an upstream sends, no reader of streams breaks: it ends with a stop or a named fault, and never with neither."""

import json

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from baton.call.providers.event_stream import EventStreamDecoder
from baton.protocol.answer_text import answer_of
from baton.protocol.dialects import Reply, grammar_of
from baton.protocol.fold import Fold, unfold
from baton.protocol.ndjson import LineReader
from baton.protocol.sse import SseReader
from baton.protocol.usage import usage_in_events
from baton.protocol.voice import voice_of
from baton.types.card import Dialect
from baton.types.errors import UpstreamNotJson
from baton.types.events import AnswerMessage, Stop, StreamFault
from baton.types.money import Usage
from baton.types.parts import Origin, ReasoningPart, TextPart, ToolCallPart
from tests.protocol.damage import CUTS, TOKENS, changed, pieces

DIALECTS: tuple[Dialect, ...] = ("openai-chat", "openai-responses", "anthropic", "gemini", "ollama")
ANSWER = AnswerMessage(
    id="a1",
    model="m",
    parts=(
        ReasoningPart("let me think"),
        TextPart("Hello, \u4e16\u754c. \U0001f600"),
        ToolCallPart("call_1", "weather", '{"city": "Oslo", "days": [1, 2]}'),
        ToolCallPart("call_2", "bash", '{"command": "ls"}'),
    ),
    stop=Stop("tool_calls"),
    usage=Usage(20, 10, 5, 0, 3),
)


def written(dialect: Dialect) -> bytes:
    writer = grammar_of(dialect).stream_writer(Reply(model="m", id="x"))
    return b"".join([*(writer.write([event]) for event in unfold(ANSWER)), writer.finish()])


STREAMS = {dialect: written(dialect) for dialect in DIALECTS}
FUZZ = settings(
    max_examples=60, derandomize=True, suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large]
)


@st.composite
def damaged(draw: st.DrawFn, dialect: Dialect) -> bytes:
    """A stream of the dialect with bytes taken out, doubled, replaced and put in."""
    data = STREAMS[dialect]
    for _ in range(draw(st.integers(1, 5))):
        begin = draw(st.integers(0, len(data)))
        end = min(len(data), begin + draw(st.integers(0, 200)))
        how = draw(st.sampled_from(["cut", "double", "token", "noise"]))
        middle = {"cut": b"", "double": data[begin:end] * 2}.get(how)
        if middle is None:
            middle = draw(st.sampled_from(TOKENS)) if how == "token" else draw(st.binary(max_size=8))
            end = begin if draw(st.booleans()) else end
        data = data[:begin] + middle + data[end:]
    return data


@st.composite
def mistyped(draw: st.DrawFn, dialect: Dialect) -> bytes:
    """A stream of the dialect in which members have other types, are missing, or stand in another order."""
    mark = b"\n" if dialect == "ollama" else b"\n\n"
    events = [_mistyped(draw, event) if draw(st.booleans()) else event for event in STREAMS[dialect].split(mark)]
    if draw(st.booleans()):
        events = draw(st.permutations(events))
    return mark.join(events)


def _mistyped(draw: st.DrawFn, event: bytes) -> bytes:
    head, found, text = event.rpartition(b"data: ")
    try:
        body = json.loads(text if found else event)
    except ValueError:
        return event
    for _ in range(draw(st.integers(1, 3))):
        body = changed(draw, body)
    return head + found + json.dumps(body).encode()


def read(dialect: Dialect, data: bytes, cuts: list[int]) -> AnswerMessage:
    """Through reader and fold, out of the writers of all dialects, past the watch: nothing may raise."""
    reader = grammar_of(dialect).stream_reader(Origin("p"), "hash")
    watch = voice_of(dialect).watch(hide_usage=True, hold_end=True)
    writers = [grammar_of(other).stream_writer(Reply(model="m", id="x")) for other in DIALECTS]
    fold, ended = Fold(), False
    for piece in [*pieces(data, cuts), None]:
        events = reader.finish() if piece is None else reader.feed(piece)
        watch.finish() if piece is None else watch.feed(piece)
        for event in events:
            fold.add(event)
            ended = ended or isinstance(event, Stop | StreamFault)
        for writer in writers:
            writer.write(events)
    assert ended, "neither a stop nor a fault"
    for writer in writers:
        assert isinstance(writer.finish(), bytes)
    watch.end()
    assert isinstance(watch.complete, bool)
    assert isinstance(watch.error_event, bool)
    usage = watch.usage()
    assert usage is None or isinstance(usage, Usage)
    return fold.answer()


@pytest.mark.parametrize("dialect", DIALECTS)
def test_the_streams_that_are_damaged_here_are_good_ones(dialect: Dialect) -> None:
    answer = read(dialect, STREAMS[dialect], [])
    assert answer.fault is None
    assert [part.text for part in answer.parts if isinstance(part, TextPart)] == [ANSWER.parts[1].text]  # type: ignore[union-attr]


@pytest.mark.parametrize("dialect", DIALECTS)
@FUZZ
@given(data=st.data())
def test_noise_is_no_crash(dialect: Dialect, data: st.DataObject) -> None:
    noise = data.draw(st.lists(st.binary(max_size=30) | st.sampled_from(TOKENS), max_size=12).map(b"".join))
    read(dialect, noise, data.draw(CUTS))


@pytest.mark.parametrize("dialect", DIALECTS)
@FUZZ
@given(data=st.data())
def test_a_damaged_stream_is_no_crash(dialect: Dialect, data: st.DataObject) -> None:
    read(dialect, data.draw(damaged(dialect)), data.draw(CUTS))


@pytest.mark.parametrize("dialect", DIALECTS)
@FUZZ
@given(data=st.data())
def test_members_of_any_type_are_no_crash(dialect: Dialect, data: st.DataObject) -> None:
    read(dialect, data.draw(mistyped(dialect)), data.draw(CUTS))


@pytest.mark.parametrize("dialect", DIALECTS)
@FUZZ
@given(data=st.data())
def test_a_damaged_whole_answer_is_an_answer_or_a_named_fault(dialect: Dialect, data: st.DataObject) -> None:
    body = grammar_of(dialect).write_answer(ANSWER, Reply(model="m", id="x")).body
    value = json.loads(body)
    for _ in range(data.draw(st.integers(1, 3))):
        value = changed(data.draw, value)  # type: ignore[arg-type]
    for raw in (
        json.dumps(value).encode(),
        data.draw(st.binary(max_size=40)),
        body[: data.draw(st.integers(0, len(body)))],
    ):
        try:
            answer = answer_of(dialect, raw, stream=False)
        except UpstreamNotJson:
            continue
        for other in DIALECTS:
            grammar_of(other).write_answer(answer, Reply(model="m", id="x"))


@given(st.lists(st.binary(max_size=40) | st.sampled_from(TOKENS), max_size=20), CUTS)
def test_frames_do_not_depend_on_how_they_are_cut(parts: list[bytes], cuts: list[int]) -> None:
    data = b"".join(parts)
    whole, cut = SseReader(), SseReader()
    frames = [*whole.feed(data), *whole.finish()]
    assert [frame for piece in pieces(data, cuts) for frame in cut.feed(piece)] + cut.finish() == frames


@given(st.lists(st.binary(max_size=40) | st.sampled_from(TOKENS), max_size=20), CUTS)
def test_lines_do_not_depend_on_how_they_are_cut(parts: list[bytes], cuts: list[int]) -> None:
    data = b"".join(parts)
    whole, cut = LineReader(), LineReader()
    lines = [*whole.feed(data), *whole.finish()]
    assert [line for piece in pieces(data, cuts) for line in cut.feed(piece)] + cut.finish() == lines


@given(st.lists(st.binary(min_size=1, max_size=60), max_size=10), st.integers(1, 64))
def test_a_reader_never_holds_more_than_its_limit(parts: list[bytes], limit: int) -> None:
    sse, lines = SseReader(limit), LineReader(limit)
    for part in parts:
        sse.feed(part)
        lines.feed(part)
        assert sse.overflow or len(sse._rest) + sum(map(len, sse._data)) <= limit
        assert lines.overflow or sum(map(len, lines._rest)) <= limit


@given(st.lists(st.binary(max_size=64), max_size=8))
def test_noise_in_the_binary_stream_of_bedrock_is_a_value_error_at_most(parts: list[bytes]) -> None:
    decoder = EventStreamDecoder()
    try:
        for part in parts:
            decoder.feed(part)
        decoder.finish()
    except ValueError:
        pass


@given(st.binary(max_size=200) | st.lists(st.sampled_from(TOKENS), max_size=10).map(b"".join))
def test_usage_at_the_end_of_any_bytes_is_usage_or_none(tail: bytes) -> None:
    assert isinstance(usage_in_events(tail), Usage | None)


def test_a_block_that_names_no_type_is_told_again() -> None:
    body = b'{"type":"message","content":[{"thinking":"hm","signature":""}],"stop_reason":"end_turn"}'
    answer = answer_of("anthropic", body, stream=False)
    for dialect in DIALECTS:
        assert grammar_of(dialect).write_answer(answer, Reply(model="m", id="x")).body


DEEP = b"[" * 5_000 + b"]" * 5_000
DEEP_EVENTS: dict[Dialect, bytes] = {
    "openai-chat": b'data: {"choices":[{"index":0,"finish_reason":"stop","x":%s}],"usage":{"x":%s}}\n\n',
    "openai-responses": b'data: {"type":"response.completed","response":{"usage":{"x":%s},"x":%s}}\n\n',
    "anthropic": b'data: {"type":"message_delta","delta":{"stop_reason":"end_turn","x":%s},"usage":{"x":%s}}\n\n',
    "gemini": b'data: {"candidates":[{"finishReason":"STOP","x":%s}],"usageMetadata":{"x":%s}}\n\n',
    "ollama": b'{"message":{"content":"","x":%s},"done":true,"done_reason":"stop","x":%s}\n',
}


@pytest.mark.parametrize("dialect", DIALECTS)
def test_an_event_nested_beyond_reason_is_no_crash(dialect: Dialect) -> None:
    read(dialect, STREAMS[dialect] + DEEP_EVENTS[dialect] % (DEEP, DEEP), [])
    read(dialect, DEEP_EVENTS[dialect] % (DEEP, DEEP), [])
