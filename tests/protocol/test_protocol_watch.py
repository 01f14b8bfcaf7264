"""The watch over relayed streams: independent of how TCP cuts them."""

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from baton.protocol.voice import voice_of
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
