"""The watch over relayed streams: independent of how TCP cuts them."""

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from baton.protocol.voice import voice_of
from baton.protocol.watch import EMPTY
from baton.types.card import Dialect
from baton.types.money import Usage

CHAT = (
    b'data: {"choices":[{"index":0,"delta":{"role":"assistant","content":"a \\"usage\\" b"}}]}\n\n'
    b'data: {"choices":[{"index":0,"delta":{},"finish_reason":"stop"}]}\n\n'
    b'data: {"choices":[],"usage":{"prompt_tokens":10,"completion_tokens":4,'
    b'"prompt_tokens_details":{"cached_tokens":6},"completion_tokens_details":{"reasoning_tokens":1}}}\n\n'
    b"data: [DONE]\n\n"
)
CHAT_USAGE = Usage(input=10, output=4, cache_read=6, reasoning=1)
MESSAGES = (
    b'event: message_start\ndata: {"type":"message_start","message":{"usage":{"input_tokens":7,'
    b'"cache_read_input_tokens":3,"cache_creation_input_tokens":2,"output_tokens":1}}}\n\n'
    b'event: content_block_delta\ndata: {"type":"content_block_delta","delta":{"type":"text_delta","text":"hi"}}\n\n'
    b'event: message_delta\ndata: {"type":"message_delta","delta":{"stop_reason":"end_turn"},'
    b'"usage":{"output_tokens":9}}\n\n'
    b'event: message_stop\ndata: {"type":"message_stop"}\n\n'
)
MESSAGES_USAGE = Usage(input=12, output=9, cache_read=3, cache_write=2)


def cut(data: bytes, places: list[int]) -> list[bytes]:
    edges = [0, *sorted(place % (len(data) + 1) for place in places), len(data)]
    return [data[a:b] for a, b in pairwise(edges)]


@given(places=st.lists(st.integers(0, 2_000), max_size=12))
def test_a_plain_watch_relays_every_byte_and_reads_the_usage(places: list[int]) -> None:
    for name, stream, usage in (("openai-chat", CHAT, CHAT_USAGE), ("anthropic", MESSAGES, MESSAGES_USAGE)):
        watch = voice_of(name).watch(hide_usage=False, hold_end=False)
        assert b"".join(watch.feed(chunk) for chunk in cut(stream, places)) + watch.finish() == stream
        assert watch.usage() == usage
        assert watch.complete
        assert not watch.error_event


@given(places=st.lists(st.integers(0, 2_000), max_size=12))
def test_hiding_takes_out_the_usage_chunk_and_nothing_else(places: list[int]) -> None:
    watch = voice_of("openai-chat").watch(hide_usage=True, hold_end=False)
    relayed = b"".join(watch.feed(chunk) for chunk in cut(CHAT, places)) + watch.finish()
    events = CHAT.split(b"\n\n")
    assert relayed == b"\n\n".join([*events[:2], *events[3:]])
    assert watch.usage() == CHAT_USAGE


@given(places=st.lists(st.integers(0, 2_000), max_size=12))
def test_the_end_is_held_back_until_it_is_asked_for(places: list[int]) -> None:
    for name, stream, end in (
        ("openai-chat", CHAT, b"data: [DONE]\n\n"),
        ("anthropic", MESSAGES, b'event: message_stop\ndata: {"type":"message_stop"}\n\n'),
    ):
        watch = voice_of(name).watch(hide_usage=False, hold_end=True)
        relayed = b"".join(watch.feed(chunk) for chunk in cut(stream, places)) + watch.finish()
        assert (relayed + end, watch.end()) == (stream, end)


@pytest.mark.parametrize("name", ["openai-chat", "anthropic"])
def test_a_stream_without_its_end_is_not_complete(name: str) -> None:
    stream = CHAT if name == "openai-chat" else MESSAGES
    for length in range(0, stream.index(b"stop"), 7):
        watch = voice_of(name).watch(hide_usage=False, hold_end=False)
        watch.feed(stream[:length])
        assert not watch.complete


def test_windows_line_ends_are_events_too() -> None:
    watch = voice_of("openai-chat").watch(hide_usage=True, hold_end=True)
    data = CHAT.replace(b"\n\n", b"\r\n\r\n")
    relayed = watch.feed(data) + watch.finish()
    assert b'"usage":{' not in relayed
    assert watch.end() == b"data: [DONE]\r\n\r\n"


def test_an_error_event_is_seen_in_both_dialects() -> None:
    chat = voice_of("openai-chat").watch(hide_usage=False, hold_end=False)
    chat.feed(b'data: {"error":{"message":"overloaded"}}\n\n')
    messages = voice_of("anthropic").watch(hide_usage=False, hold_end=False)
    messages.feed(b'event: error\ndata: {"type":"error","error":{"type":"overloaded_error"}}\n\n')
    assert chat.error_event
    assert messages.error_event


# --- what never goes on ------------------------------------------------------------------------

WHOLE = {"openai-chat": CHAT, "anthropic": MESSAGES}


@pytest.mark.parametrize("name", ["openai-chat", "anthropic"])
def test_cut_at_any_byte_only_whole_events_go_on_and_the_end_is_never_made_up(name: Dialect) -> None:
    stream = WHOLE[name]
    finish = stream.index(b"finish_reason" if name == "openai-chat" else b"message_stop\n")
    for length in range(len(stream)):
        watch = voice_of(name).watch(hide_usage=False, hold_end=False)
        relayed = watch.feed(stream[:length]) + watch.finish()
        assert stream.startswith(relayed.rstrip(b"\n"))
        assert relayed == b"" or relayed.endswith(b"\n\n")
        fault = watch.fault()
        assert fault is not None or length > finish
        if fault is not None:
            assert fault.kind == ("cut" if length else "empty")


@given(data=st.data())
def test_a_broken_event_stops_the_stream_where_it_stands_however_tcp_cuts(data: st.DataObject) -> None:
    events = [event + b"\n\n" for event in CHAT.split(b"\n\n")[:-1]]
    place = data.draw(st.integers(0, len(events)))
    bad = data.draw(st.sampled_from([b"data: {\n\n", b"data: nope\n\n", b'data: {"a": "\xff"}\n\n', b"data: []x\n\n"]))
    stream = b"".join([*events[:place], bad, *events[place:]])
    places = data.draw(st.lists(st.integers(0, 2_000), max_size=8))
    watch = voice_of("openai-chat").watch(hide_usage=False, hold_end=False)
    relayed = b"".join(watch.feed(chunk) for chunk in cut(stream, places)) + watch.finish()
    assert relayed == b"".join(events[:place])
    assert watch.broken is not None
    assert watch.fault() == watch.broken
    assert watch.broken.kind == "malformed"


def test_events_without_a_word_wait_for_the_first_word() -> None:
    start, delta = MESSAGES.split(b"event: content_block_delta")
    watch = voice_of("anthropic").watch(hide_usage=False, hold_end=False)
    assert watch.feed(start) == b""
    assert watch.feed(b"event: content_block_delta" + delta[: delta.index(b"\n\n") + 2]).startswith(start)


def test_a_long_prelude_does_not_wait_for_ever() -> None:
    watch = voice_of("anthropic").watch(hide_usage=False, hold_end=False)
    ping = b'event: ping\ndata: {"type":"ping"}\n\n'
    told = [watch.feed(ping) for _ in range(6)]
    assert told == [b""] * 4 + [ping * 5, ping]


def test_a_refusal_by_filter_is_an_end_without_a_word() -> None:
    watch = voice_of("openai-chat").watch(hide_usage=False, hold_end=False)
    event = b'data: {"choices":[{"index":0,"delta":{},"finish_reason":"content_filter"}]}\n\n'
    assert watch.feed(event) + watch.finish() == event
    assert watch.fault() is None
    plain = voice_of("openai-chat").watch(hide_usage=False, hold_end=False)
    assert plain.feed(event.replace(b"content_filter", b"stop")) == b""
    assert plain.fault() == EMPTY


def test_an_error_that_a_text_quotes_is_none() -> None:
    for name, event in (
        ("openai-chat", b'data: {"choices":[{"index":0,"delta":{"content":"\\"error\\": {}"}}],"error":null}\n\n'),
        ("openai-chat", b'data: {"choices":[{"index":0,"delta":{"content":"x","extra":{"error":"no"}}}]}\n\n'),
        ("anthropic", b'data: {"type":"content_block_delta","delta":{"text":"x","type":"error"}}\n\n'),
    ):
        watch = voice_of(name).watch(hide_usage=False, hold_end=False)
        assert watch.feed(event) == event
        assert not watch.error_event


def test_an_error_beside_the_choices_is_one() -> None:
    watch = voice_of("openai-chat").watch(hide_usage=False, hold_end=False)
    watch.feed(b'data: {"id":"x","choices":[{"delta":{},"finish_reason":"error"}],"error":{"code":502}}\n\n')
    assert watch.error_event
