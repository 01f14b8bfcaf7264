"""Every way in which an answer lies, over real sockets, with both transports and both framings: never a silent loss."""

import asyncio
from collections.abc import Sequence

import pytest

from baton.call.http import HttpTransport
from baton.call.send import send
from baton.call.transport import Outgoing
from baton.protocol.guard import whole_fault
from baton.protocol.plausible import usage_fault
from baton.protocol.voice import voice_of
from baton.testing.upstream import Step, http_answer
from baton.types.card import Dialect
from baton.types.errors import (
    UpstreamCut,
    UpstreamEmpty,
    UpstreamFault,
    UpstreamMalformed,
    UpstreamNotJson,
    UpstreamReported,
    UpstreamStalled,
    UpstreamStatus,
)
from tests.call.wire import (
    AFTER_40,
    CARD,
    CHAT,
    ERRORS,
    FRAMINGS,
    ODD,
    STREAMS,
    TEXT,
    TRANSPORTS,
    WORDS,
    Framing,
    TransportKind,
    asked,
    chunk,
    data,
    framed,
    one,
    relayed,
)

DIALECTS: tuple[Dialect, ...] = ("openai-chat", "anthropic")
JSON = b'{"choices":[{"index":0,"message":{"role":"assistant","content":"x"},"finish_reason":"stop"}],"usage":%s}'


@pytest.fixture(params=TRANSPORTS)
def kind(request: pytest.FixtureRequest) -> TransportKind:
    found: TransportKind = request.param
    return found


@pytest.fixture(params=FRAMINGS)
def framing(request: pytest.FixtureRequest) -> Framing:
    found: Framing = request.param
    return found


def is_prefix(text: str) -> bool:
    """Whole words from the first one on: nothing doubled, nothing left out, nothing after a gap."""
    return TEXT.startswith(text) and (text == "" or text.endswith(" "))


# --- streams -----------------------------------------------------------------------------------


@pytest.mark.parametrize("dialect", DIALECTS)
def test_a_good_stream_comes_whole_however_it_is_framed(
    kind: TransportKind, framing: Framing, dialect: Dialect
) -> None:
    came = asyncio.run(one(kind, framed(STREAMS[dialect], framing), dialect))
    assert came.fault is None
    assert came.bytes == b"".join(STREAMS[dialect])
    assert came.usage_known


@pytest.mark.parametrize("dialect", DIALECTS)
@pytest.mark.parametrize("ends", [True, False])
def test_a_cut_at_every_word_is_told_and_what_came_is_whole_words(
    kind: TransportKind, framing: Framing, dialect: Dialect, *, ends: bool
) -> None:
    """Cuts between two events and inside of one; `ends`: the body ends as if nothing was missing."""
    events = STREAMS[dialect]
    scripts: list[list[Step]] = []
    for place, event in enumerate(events):
        for inside in (0, 9, len(event) - 3):
            body = b"".join(events[:place]) + event[:inside]
            scripts.append(framed([body], framing, end=ends))

    async def ask_all() -> None:
        async with asked(kind, *scripts) as (transport, upstream):
            for _ in scripts:
                came = await relayed(transport, upstream.base_url, dialect)
                text = came.text(dialect)
                assert is_prefix(text)
                assert came.fault is None or isinstance(came.fault, UpstreamCut | UpstreamEmpty)
                if came.fault is None:
                    assert text == TEXT, "a cut text is never good"

    asyncio.run(ask_all())


@pytest.mark.parametrize("dialect", DIALECTS)
@pytest.mark.parametrize("place", [0, 1, 5, AFTER_40, 62])
def test_a_reset_is_never_a_good_end(kind: TransportKind, framing: Framing, dialect: Dialect, place: int) -> None:
    """aiohttp reads a reset as the end of a body that has no other: what counts is that the stream is not whole."""
    came = asyncio.run(one(kind, framed([*STREAMS[dialect][:place], 0.02, "reset"], framing), dialect))
    text = came.text(dialect)
    assert is_prefix(text)
    assert isinstance(came.fault, UpstreamCut | UpstreamEmpty) or (kind is HttpTransport and text == TEXT)


@pytest.mark.parametrize("dialect", DIALECTS)
def test_a_stall_is_told_apart_from_a_slow_start(kind: TransportKind, framing: Framing, dialect: Dialect) -> None:
    script: Sequence[Step] = framed([*STREAMS[dialect][:AFTER_40], 5.0], framing)
    came = asyncio.run(one(kind, script, dialect))
    assert type(came.fault) is UpstreamStalled
    assert is_prefix(came.text(dialect))
    assert len(came.text(dialect).split()) >= 40


@pytest.mark.parametrize("dialect", DIALECTS)
@pytest.mark.parametrize(
    "bad", [b'data: {"id": "c", "choi\n\n', b"data: <html>\n\n", b'data: "text"\n\n', b"data: 1\n\n"]
)
def test_an_event_that_is_no_json_never_goes_on(
    kind: TransportKind, framing: Framing, dialect: Dialect, bad: bytes
) -> None:
    events = STREAMS[dialect]
    came = asyncio.run(one(kind, framed([*events[:AFTER_40], bad, *events[AFTER_40:]], framing), dialect))
    assert type(came.fault) is UpstreamMalformed
    assert came.bytes == b"".join(events[:AFTER_40]), "all before it, nothing after it"


@pytest.mark.parametrize("dialect", DIALECTS)
def test_an_error_inside_a_stream_has_the_reason_that_the_provider_gives(
    kind: TransportKind, framing: Framing, dialect: Dialect
) -> None:
    came = asyncio.run(one(kind, framed([*STREAMS[dialect][:32], ERRORS[dialect]], framing), dialect))
    assert isinstance(came.fault, UpstreamReported)
    assert (came.fault.code, came.fault.reason, came.fault.status) == ("upstream_reported", "overloaded", 529)
    assert came.bytes.endswith(ERRORS[dialect]), "the caller sees it as it came"


@pytest.mark.parametrize("dialect", DIALECTS)
def test_a_fault_before_the_first_word_leaves_the_caller_untouched(
    kind: TransportKind, framing: Framing, dialect: Dialect
) -> None:
    """Then another model can be asked."""
    before = STREAMS[dialect][: 1 if dialect == "openai-chat" else 2]
    for rest in ([], [b"data: {broken\n\n"], [b'data: {"cut": ']):
        came = asyncio.run(one(kind, framed([*before, *rest], framing), dialect))
        assert came.fault is not None
        assert came.bytes == b""


def test_a_stream_without_a_word_is_no_answer(kind: TransportKind, framing: Framing) -> None:
    for body in ([], [CHAT[0], *CHAT[-3:]], [b": only a comment\n\n"]):
        came = asyncio.run(one(kind, framed(body, framing), "openai-chat"))
        assert isinstance(came.fault, UpstreamEmpty | UpstreamCut)
        assert b"stop" not in came.bytes


def test_done_without_a_finish_reason_is_a_cut(kind: TransportKind, framing: Framing) -> None:
    came = asyncio.run(one(kind, framed([*CHAT[:AFTER_40], CHAT[-1]], framing), "openai-chat"))
    assert type(came.fault) is UpstreamCut
    assert b"[DONE]" not in came.bytes


@pytest.mark.parametrize("dialect", DIALECTS)
def test_a_text_that_speaks_of_ends_and_errors_is_neither(kind: TransportKind, dialect: Dialect) -> None:
    said = '[DONE] event: error "finish_reason":"stop" {"error":{}} message_stop data: [DONE]\n\n'
    event = STREAMS[dialect][AFTER_40].replace(b"word", said.replace('"', '\\"').replace("\n", "\\n").encode())
    came = asyncio.run(one(kind, framed([*STREAMS[dialect][:AFTER_40], event], "close"), dialect))
    assert type(came.fault) is UpstreamCut


@pytest.mark.parametrize("how", ODD)
def test_odd_but_good_streams_are_good_however_they_are_cut(kind: TransportKind, how: str) -> None:
    body = ODD[how]
    cuts: list[Step] = [body[place : place + 37] for place in range(0, len(body), 37)]
    came = asyncio.run(one(kind, framed(cuts, "chunked"), "openai-chat"))
    assert came.fault is None
    assert len(came.text("openai-chat").split()) == len(WORDS)


def test_every_choice_must_end(kind: TransportKind) -> None:
    second = data({"id": "c", "choices": [{"index": 1, "delta": {"content": "b"}, "finish_reason": None}]})
    ended = data({"id": "c", "choices": [{"index": 1, "delta": {}, "finish_reason": "stop"}]})
    half = [*CHAT[:5], second, chunk({}, "stop")]
    assert type(asyncio.run(one(kind, framed(half, "close"), "openai-chat")).fault) is UpstreamCut
    assert asyncio.run(one(kind, framed([*half, ended], "close"), "openai-chat")).fault is None


# --- whole answers -----------------------------------------------------------------------------


def head(length: int | None) -> bytes:
    size = b"" if length is None else b"content-length: %d\r\n" % length
    return b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\n%sconnection: close\r\n\r\n" % size


async def whole(kind: TransportKind, script: Sequence[Step]) -> bytes:
    async with asked(kind, script) as (transport, upstream):
        outgoing = Outgoing(upstream.base_url, {}, b"{}", CARD.id, CARD.provider)
        body: bytes = await (await send(transport, outgoing, stream=False)).read(10_000)
        return body


@pytest.mark.parametrize(
    ("script", "fault"),
    [
        (http_answer(200, b""), UpstreamEmpty),
        (http_answer(200, b"<html>bad gateway</html>", "text/html"), UpstreamNotJson),
        (http_answer(200, b"{}", "text/plain"), UpstreamNotJson),
        ([head(400) + b'{"choices":'], UpstreamCut),
        ([head(400) + b'{"choices":', 5.0], UpstreamStalled),
        (http_answer(500, b"x" * 200_000, "text/html"), UpstreamStatus),
    ],
)
def test_a_whole_answer_that_is_none_is_named(
    kind: TransportKind, script: Sequence[Step], fault: type[UpstreamFault]
) -> None:
    with pytest.raises(fault) as raised:
        asyncio.run(whole(kind, script))
    assert type(raised.value) is fault


@pytest.mark.parametrize(
    ("body", "says"),
    [
        (JSON % b"null", None),
        ((JSON % b"null").replace(b'"x"', b'""'), "empty"),
        ((JSON % b"null").replace(b'"x"', b"null"), "empty"),
        ((JSON % b"null").replace(b'"x"', b'""').replace(b'"stop"', b'"length"'), None),
        ((JSON % b"null").replace(b'"x"', b'"", "tool_calls": [{"id": "a", "function": {"name": "f"}}]'), None),
        (b"{}", "empty"),
        (b'{"choices": []}', "empty"),
        (b'{"choices": 7}', "malformed"),
        (b'{"error": {"message": "no", "type": "overloaded_error"}}', "overloaded"),
    ],
)
def test_a_whole_answer_without_words_is_no_answer(kind: TransportKind, body: bytes, says: str | None) -> None:
    fault = whole_fault("openai-chat", asyncio.run(whole(kind, http_answer(200, body))))
    assert (None if fault is None else fault.kind) == says


@pytest.mark.parametrize(
    ("usage", "code"),
    [
        (b'{"prompt_tokens": 10, "completion_tokens": 4}', ""),
        (b"null", "usage_missing"),
        (b'{"prompt_tokens": -10, "completion_tokens": 1000000000}', "usage_impossible"),
        (b'{"prompt_tokens": 10, "completion_tokens": 8001}', "usage_impossible"),
        (b'{"prompt_tokens": 10, "completion_tokens": 8000}', ""),
        (b'{"prompt_tokens": 1.5, "completion_tokens": 1}', "usage_impossible"),
        (b'{"prompt_tokens": "many"}', "usage_impossible"),
        (b'"none"', "usage_impossible"),
        (b'{"prompt_tokens": 5, "prompt_tokens_details": {"cached_tokens": 6}}', "usage_impossible"),
    ],
)
def test_impossible_usage_is_named_and_does_not_spoil_the_answer(usage: bytes, code: str) -> None:
    body = JSON % usage
    fault = usage_fault(voice_of("openai-chat").read_usage(body), CARD)
    assert ("" if fault is None else fault.code) == code
    assert whole_fault("openai-chat", body) is None
    watch = voice_of("openai-chat").watch(hide_usage=False, hold_end=False)
    relay = watch.feed(b"".join(CHAT[:-2]) + b'data: {"choices":[],"usage":' + usage + b"}\n\n" + CHAT[-1])
    assert relay.endswith(CHAT[-1])
    assert watch.fault() is None
    fault = usage_fault(watch.usage(), CARD)
    assert ("" if fault is None else fault.code) == code


# --- Retry-After -------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("said", "told"),
    [
        ("5", "5"),
        ("0", "0"),
        ("1.2", "2"),
        ("-5", None),
        ("86400000000000000000", None),
        ("8640000", "86400"),
        ("soon", None),
        ("Wed, 21 Oct 2015 07:28:00 GMT", "0"),
        ("Fri, 31 Dec 9999 23:59:59 GMT", "86400"),
        ("Fri, 99 Dec 9999 23:59:59 GMT", None),
    ],
)
def test_a_429_is_named_and_its_retry_after_is_what_can_be_meant(
    kind: TransportKind, said: str, told: str | None
) -> None:
    with pytest.raises(UpstreamStatus) as raised:
        asyncio.run(whole(kind, http_answer(429, b'{"error": {}}', "application/json", f"retry-after: {said}")))
    assert (raised.value.reason, raised.value.retry_after) == ("rate_limit", told)
