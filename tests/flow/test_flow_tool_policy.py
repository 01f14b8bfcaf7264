"""No call that may not be is told to a caller whose route refuses them; elsewhere it goes on and is on the record."""

import json
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from baton.decide.policy import Policy
from baton.flow.arrival import Arrival
from baton.flow.passage import Passage, Relay, Translation
from baton.flow.run import Run
from baton.flow.tool_policy import HeldStream, ToolRules, tool_fault
from baton.protocol.dialects import Reply
from baton.protocol.request import read_request
from baton.protocol.voice import voice_of
from baton.types.card import Dialect
from baton.types.errors import ToolArgumentsInvalid, ToolCallNotOffered, UpstreamCut, UpstreamEmpty
from baton.types.handoff import HandoffReport
from baton.types.parts import Origin
from baton.types.request import Caller, Request
from baton.types.task import Route, ToolPolicy
from tests.decide.fleet import snapshot

SCHEMA = {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]}
CHAT = {
    "model": "auto",
    "messages": [{"role": "user", "content": "hi"}],
    "tools": [{"type": "function", "function": {"name": "weather", "parameters": SCHEMA}}],
}


def snapshot_with(policy: ToolPolicy) -> Any:
    return snapshot(Route("guarded", model=("auto",), tool_policy=policy))


def asked(
    policy: ToolPolicy, *, stream: bool, dialect: Dialect = "openai-chat", body: Any = None
) -> tuple[ToolRules, Run, Request]:
    known = snapshot_with(policy)
    raw = json.dumps((body or CHAT) | {"stream": stream}).encode()
    request = read_request(dialect, raw, {})
    run = Run("r", Arrival(dialect, raw, {}, Caller()), 0.0, lambda: 0.0)
    run.decision = Policy(known).decide(request, Caller(), "r")
    assert run.decision.route == "guarded"
    return ToolRules(known), run, request


def relay(dialect: Dialect = "openai-chat") -> Relay:
    return Relay(dialect, b"", voice_of(dialect), snapshot().cards["sim/frontier"], None, Origin(), True, False)


def translation(**names: str) -> Translation:
    card = snapshot().cards["sim/frontier"]
    reply = Reply(model="m", id="x", tool_names=names)
    return Translation("anthropic", b"", "openai-chat", card, HandoffReport(), Origin(), "", reply)


def answer(name: str, arguments: str) -> bytes:
    call = {"id": "c", "type": "function", "function": {"name": name, "arguments": arguments}}
    choice = {"message": {"role": "assistant", "tool_calls": [call]}, "finish_reason": "tool_calls"}
    return json.dumps({"choices": [choice]}, separators=(",", ":")).encode()


def event(delta: Any, finish: str | None = None) -> bytes:
    body = {"id": "x", "choices": [{"index": 0, "delta": delta, "finish_reason": finish}]}
    return b"data: " + json.dumps(body, separators=(",", ":")).encode() + b"\n\n"


def call_events(name: str, *pieces: str) -> list[bytes]:
    first = {"index": 0, "id": "c", "type": "function", "function": {"name": name, "arguments": ""}}
    more = [event({"tool_calls": [{"index": 0, "function": {"arguments": piece}}]}) for piece in pieces]
    return [event({"tool_calls": [first]}), *more]


WORDS = [event({"role": "assistant", "content": "I "}), event({"content": 'look. "tool_calls" he said'})]
END = [event({}, "tool_calls"), b"data: [DONE]\n\n"]
GOOD = b"".join([*WORDS, *call_events("weather", '{"ci', 'ty":"Oslo"}'), *END])
UNKNOWN = b"".join([*WORDS, *call_events("rm", '{"city":"Oslo"}'), *END])
UNFIT = b"".join([*WORDS, *call_events("weather", "{}"), *END])


# --- whole answers -----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("made", "fault"),
    [
        (answer("weather", '{"city":"Oslo"}'), None),
        (answer("rm", "{}"), ToolCallNotOffered),
        (answer("weather", "{}"), ToolArgumentsInvalid),
        (b'{"choices":[{"message":{"content":"words"},"finish_reason":"stop"}]}', None),
        (b'{"tool_calls" : 7}', None),
        (b'"tool_calls" no JSON', None),
    ],
)
def test_a_whole_answer_is_flagged_refused_or_let_go(made: bytes, fault: Any) -> None:
    rules, run, request = asked("flag", stream=False)
    found = rules.whole(run, request, relay(), made)
    assert (found is None) if fault is None else type(found) is fault
    rules, run, request = asked("off", stream=False)
    assert rules.whole(run, request, relay(), made) is None
    rules, run, request = asked("refuse", stream=False)
    if fault is None:
        assert rules.whole(run, request, relay(), made) is None
    else:
        with pytest.raises(fault) as caught:
            rules.whole(run, request, relay(), made)
        assert (caught.value.model, caught.value.provider) == ("sim/frontier", "sim")


def test_names_of_a_translated_answer_are_the_callers_again() -> None:
    _, _, request = asked("flag", stream=False)
    made = voice_free_answer("wea_ther")
    assert type(tool_fault(request, translation(), made, stream=False)) is ToolCallNotOffered
    assert tool_fault(request, translation(wea_ther="weather"), made, stream=False) is None


def voice_free_answer(name: str) -> Any:
    from baton.types.events import AnswerMessage
    from baton.types.parts import ToolCallPart

    return AnswerMessage(parts=(ToolCallPart("c", name, '{"city":"Oslo"}'),))


# --- streams -----------------------------------------------------------------------------------


def held(
    data: bytes, cuts: list[int], passage: Passage | None = None, *, policy: ToolPolicy = "refuse"
) -> tuple[bytes, Any, bytes]:
    """What the caller has seen before the end, the stream, and what came at its end."""
    rules, run, request = asked(policy, stream=True)
    passage = passage or relay()
    stream = rules.stream(run, request, passage, passage.stream())
    places = [0, *sorted(cut % (len(data) + 1) for cut in cuts), len(data)]
    seen = b"".join(stream.feed(data[begin:end]) for begin, end in pairwise(places))
    return seen, stream, stream.finish()


@given(st.lists(st.integers(0, 10_000), max_size=20))
def test_a_stream_whose_calls_fit_comes_whole_however_it_is_cut(cuts: list[int]) -> None:
    seen, stream, last = held(GOOD, cuts)
    assert seen == b"".join(WORDS)
    assert seen + last + stream.end() == GOOD
    assert stream.fault() is None


@pytest.mark.parametrize(("data", "fault"), [(UNKNOWN, ToolCallNotOffered), (UNFIT, ToolArgumentsInvalid)])
@given(cuts=st.lists(st.integers(0, 10_000), max_size=20))
def test_of_a_stream_whose_calls_may_not_be_only_the_words_are_told(data: bytes, fault: Any, cuts: list[int]) -> None:
    seen, stream, last = held(data, cuts)
    assert seen + last + stream.end() == b"".join(WORDS)
    assert type(stream.fault()) is fault
    assert not stream.told


@given(st.integers(0, len(GOOD) - len(END[1]) - 3))
def test_a_call_that_was_cut_off_is_never_told(length: int) -> None:
    seen, stream, last = held(GOOD[:length], [])
    told = seen + last
    assert b"".join([*WORDS, *call_events("weather")]).startswith(told.removesuffix(b"\n\n"))
    assert b'"tool_calls"' not in told
    assert type(stream.fault()) is (UpstreamCut if length else UpstreamEmpty)


def test_a_stream_without_calls_is_not_held() -> None:
    data = b"".join([*WORDS, event({}, "stop"), b"data: [DONE]\n\n"])
    seen, stream, last = held(data, [])
    assert seen + last + stream.end() == data
    assert stream.fault() is None


@pytest.mark.parametrize("policy", ["off", "flag"])
def test_elsewhere_the_stream_is_the_very_same(policy: ToolPolicy) -> None:
    rules, run, request = asked(policy, stream=True)
    stream = relay().stream()
    assert rules.stream(run, request, relay(), stream) is stream
    seen, stream_, last = held(UNKNOWN, [], policy=policy)
    assert seen + last == UNKNOWN
    found = rules.ended(run, request, relay(), stream_.made())
    assert (found is None) if policy == "off" else type(found) is ToolCallNotOffered


def test_an_error_in_a_held_stream_is_told_once_by_whoever_ends_it() -> None:
    error = b'data: {"error":{"message":"overloaded","type":"server_error"}}\n\n'
    seen, stream, last = held(b"".join([*WORDS, *call_events("weather", '{"ci'), error]), [])
    assert seen + last == b"".join(WORDS)
    assert stream.fault() is not None
    assert not stream.told


def test_a_translated_stream_is_held_in_the_callers_dialect() -> None:
    def frame(kind: str, **more: Any) -> bytes:
        return b"event: %s\ndata: %s\n\n" % (kind.encode(), json.dumps({"type": kind, **more}).encode())

    def stream(name: str) -> bytes:
        start = {
            "id": "m",
            "type": "message",
            "role": "assistant",
            "content": [],
            "model": "c",
            "usage": {"input_tokens": 1, "output_tokens": 1},
        }
        return b"".join(
            [
                frame("message_start", message=start),
                frame("content_block_start", index=0, content_block={"type": "text", "text": ""}),
                frame("content_block_delta", index=0, delta={"type": "text_delta", "text": "words"}),
                frame("content_block_stop", index=0),
                frame(
                    "content_block_start",
                    index=1,
                    content_block={"type": "tool_use", "id": "t", "name": name, "input": {}},
                ),
                frame(
                    "content_block_delta",
                    index=1,
                    delta={"type": "input_json_delta", "partial_json": '{"city":"Oslo"}'},
                ),
                frame("content_block_stop", index=1),
                frame("message_delta", delta={"stop_reason": "tool_use"}, usage={"output_tokens": 5}),
                frame("message_stop"),
            ]
        )

    seen, good, last = held(stream("weather"), [], translation())
    assert b"words" in seen
    assert b"tool_calls" not in seen
    assert b'"tool_calls"' in last
    assert good.fault() is None
    assert good.end()
    seen, bad, last = held(stream("rm"), [], translation())
    assert (b"words" in seen, last, bad.end()) == (True, b"", b"")
    assert type(bad.fault()) is ToolCallNotOffered


def test_a_stream_too_long_to_be_checked_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("baton.protocol.watch.WHOLE_BYTES", 100)
    seen, stream, last = held(GOOD, [200, 400])
    assert seen + last == b"".join(WORDS)
    assert "too long to be checked" in stream.fault().message


def test_lines_are_held_like_events() -> None:
    body = {"model": "auto", "messages": CHAT["messages"], "tools": CHAT["tools"]}
    _, _, request = asked("flag", stream=True)
    request = read_request("ollama", json.dumps(body | {"stream": True}).encode(), {})
    passage = relay("ollama")
    words = b'{"message":{"role":"assistant","content":"w"},"done":false}\n'
    call = b'{"message":{"role":"assistant","content":"","tool_calls":[{"function":{"name":"rm","arguments":{}}}]},"done":false}\n'
    end = b'{"message":{"role":"assistant","content":""},"done":true,"done_reason":"stop","prompt_eval_count":1,"eval_count":1}\n'
    stream = HeldStream(passage.stream(), request, passage)
    assert stream.feed(words + call[:10]) == words
    assert stream.feed(call[10:] + end) == b""
    assert stream.finish() == b""
    assert type(stream.fault()) is ToolCallNotOffered
