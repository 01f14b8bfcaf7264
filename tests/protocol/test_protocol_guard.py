"""What must not reach a caller as a good answer: ends without a word, and counts that cannot be true."""

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from baton.protocol.dialects import grammar_of
from baton.protocol.guard import Guard, guarded, whole_fault
from baton.protocol.plausible import IMPOSSIBLE, WINDOWS, is_possible, usage_fault
from baton.protocol.voice import voice_of
from baton.protocol.watch import EMPTY
from baton.types.card import Dialect, ModelCard
from baton.types.events import AnswerMessage, Event, Start, Stop, StreamFault, TextDelta, ToolCallStart, UsageUpdate
from baton.types.money import Price, Usage
from baton.types.parts import Origin, TextPart

CARD = ModelCard("sim/m", "sim", "m", "small", 1_000, 100, Price(1, 1))
EMPTY_ANSWERS: dict[Dialect, bytes] = {
    "openai-chat": b'{"choices":[{"index":0,"message":{"role":"assistant","content":""},"finish_reason":"stop"}]}',
    "openai-responses": b'{"id":"r","object":"response","status":"completed","output":[]}',
    "anthropic": b'{"type":"message","id":"m","role":"assistant","content":[],"stop_reason":"end_turn"}',
    "gemini": b'{"candidates":[{"content":{"parts":[],"role":"model"},"finishReason":"STOP"}]}',
    "ollama": b'{"model":"m","message":{"role":"assistant","content":""},"done":true,"done_reason":"stop"}',
}
USAGE: dict[Dialect, str] = {
    "openai-chat": '"usage":{"prompt_tokens":%s,"completion_tokens":4}',
    "openai-responses": '"usage":{"input_tokens":%s,"output_tokens":4}',
    "anthropic": '"usage":{"input_tokens":%s,"output_tokens":4}',
    "gemini": '"usageMetadata":{"promptTokenCount":%s,"candidatesTokenCount":4}',
    "ollama": '"prompt_eval_count":%s,"eval_count":4',
}


def with_usage(dialect: Dialect, count: str) -> bytes:
    return EMPTY_ANSWERS[dialect][:-1] + b"," + (USAGE[dialect] % count).encode() + b"}"


@pytest.mark.parametrize("dialect", EMPTY_ANSWERS)
def test_an_answer_without_a_word_is_none_in_any_dialect(dialect: Dialect) -> None:
    body = EMPTY_ANSWERS[dialect]
    fault = whole_fault(dialect, body)
    assert fault is not None
    assert fault.kind == "empty"
    answer = guarded(grammar_of(dialect).read_answer(body, Origin(), ""), 0)
    assert answer.fault == fault


@pytest.mark.parametrize("dialect", USAGE)
@pytest.mark.parametrize("count", ["-5", "1.5", '"many"', "[]", "123456789", "{}"])
def test_impossible_counts_of_any_dialect_are_read_and_named(dialect: Dialect, count: str) -> None:
    body = with_usage(dialect, count)
    found = usage_fault(voice_of(dialect).read_usage(body), CARD)
    assert found is not None
    assert found.code == "usage_impossible"
    if not (dialect == "ollama" and count in {"[]", "{}"}):  # there the counts are members of the answer itself
        answer = guarded(grammar_of(dialect).read_answer(body, Origin(), ""), CARD.context_window)
        assert answer.usage is None


@pytest.mark.parametrize("dialect", USAGE)
def test_possible_counts_are_known(dialect: Dialect) -> None:
    usage = voice_of(dialect).read_usage(with_usage(dialect, "7"))
    assert usage == Usage(7, 4)
    assert usage_fault(usage, CARD) is None


@pytest.mark.parametrize("dialect", USAGE)
@pytest.mark.parametrize("body", [b"", b"[]", b"<html>", b"7", b'{"usage": {"prompt_tokens": "x"}, oops'])
def test_what_is_no_json_object_is_not_read_as_one(dialect: Dialect, body: bytes) -> None:
    with pytest.raises(msgspec.DecodeError):
        voice_of(dialect).read_usage(body)


@given(st.builds(Usage, *[st.integers(-10, 20_000)] * 5), st.sampled_from([0, 1_000]))
def test_what_is_possible_is_neither_negative_nor_beyond_eight_windows(usage: Usage, window: int) -> None:
    if is_possible(usage, window):
        assert min(usage.input, usage.output, usage.cache_read, usage.cache_write, usage.reasoning) >= 0
        assert Price(3, 5, 1, 4).cost(usage) >= 0
        assert not window or max(usage.input, usage.output) <= WINDOWS * window
    else:
        assert usage != Usage(1, 1)


def test_missing_usage_is_named_too() -> None:
    found = usage_fault(None, CARD)
    assert found is not None
    assert (found.code, found.model) == ("usage_missing", "sim/m")


def test_a_guard_turns_an_end_without_a_word_into_a_fault_and_nothing_else() -> None:
    end = Stop("end", "stop")
    assert [event.kind for event in Guard(0).pass_on([end]) if isinstance(event, StreamFault)] == ["empty"]
    words: list[Event] = [TextDelta(0, "x"), ToolCallStart(0, "id", "f")]
    for said in words:
        assert list(Guard(0).pass_on([said, end])) == [said, end]
    assert list(Guard(0).pass_on([Stop("length")])) == [Stop("length")]
    assert list(Guard(0).pass_on([Start("a"), TextDelta(0, ""), end])) == [EMPTY]


def test_an_answer_that_fails_before_its_first_word_was_never_begun() -> None:
    fault = StreamFault("cut", "x")
    guard = Guard(0)
    assert list(guard.pass_on([Start("a"), TextDelta(0, "")])) == []
    assert list(guard.pass_on([fault])) == [fault]
    said = Guard(0)
    assert list(said.pass_on([Start("a"), TextDelta(0, "x"), fault])) == [Start("a"), TextDelta(0, "x"), fault]
    many = [TextDelta(0, "")] * 70
    assert list(Guard(0).pass_on(many)) == many


def test_a_guard_lets_only_possible_usage_through() -> None:
    good, word = UsageUpdate(Usage(1, 2)), TextDelta(0, "x")
    told: list[Event] = [UsageUpdate(IMPOSSIBLE), good, word, UsageUpdate(Usage(1, 81))]
    assert list(Guard(10).pass_on(told)) == [good, word]


def test_a_good_answer_is_left_as_it_is() -> None:
    answer = AnswerMessage(parts=(TextPart("x"),), stop=Stop("end"), usage=Usage(1, 2))
    assert guarded(answer, 1_000) is answer
