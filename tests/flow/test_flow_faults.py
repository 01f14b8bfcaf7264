"""The table of faults through the whole gateway: a faulty deployment beside a healthy one, both on real sockets.

Nothing is ever corrupted in silence: the caller gets every word once, or whole words and a typed error. As long as he
has got nothing, the healthy deployment answers.
"""

import asyncio
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import msgspec
import pytest

from baton.config.load import parse_config
from baton.flow.arrival import Arrival
from baton.flow.house import House, open_house
from baton.flow.request import serve
from baton.testing.upstream import ScriptedUpstream, Step, http_answer, scripted
from baton.types.card import Dialect
from baton.types.outcome import Finished
from baton.types.request import Caller
from tests.call.wire import FRAMINGS, HEAD, STREAMS, TEXT, Came, Framing, framed
from tests.flow.fault_table import (
    ANSWER,
    BEFORE_THE_HEAD,
    DIALECTS,
    USAGES,
    bad_begin,
    bad_middle,
    bad_whole,
)

CONFIG = """\
server: {{first_byte_s: 0.25, between_bytes_s: 0.25}}
ledger: {{path: {path}}}
providers:
  faulty: {{base_url: "{faulty}", auth: none, dialects: [openai-chat, anthropic]}}
  healthy: {{base_url: "{healthy}", auth: none, dialects: [openai-chat, anthropic]}}
models:
  - id: sim/m
    tier: small
    context_window: 1000
    price: {{input_usd: 1, output_usd: 2}}
    deployments: [{{provider: faulty, upstream: m}}, {{provider: healthy, upstream: m}}]
"""
REQUEST = b'{"model": "sim/m", "max_tokens": 99, "stream": %s, "messages": [{"role": "user", "content": "say it"}]}'


class Sink:
    """Hears what became of each request."""

    def __init__(self) -> None:
        self.heard: list[Finished] = []

    def put(self, finished: Finished) -> None:
        self.heard.append(finished)


class Outcome(msgspec.Struct):
    status: int
    body: bytes
    finished: Finished
    calls: tuple[int, int]
    """To the faulty and to the healthy deployment."""


async def through(
    tmp_path: Path, faulty: Sequence[Step], healthy: Sequence[Step], dialect: Dialect, *, stream: bool
) -> Outcome:
    async with scripted(faulty) as one, scripted(healthy) as other:
        house = _house(tmp_path, one, other)
        sink = house.sink = Sink()
        for provider, seconds in (("faulty", 0.1), ("healthy", 0.2)):  # so that the faulty one is asked first
            house.calls.standings[provider, "m"].latency = [seconds, seconds]
        house.calls._random = lambda: 0.5
        body = REQUEST % (b"true" if stream else b"false")
        reply = await serve(Arrival(dialect, body, {}, Caller()), house)
        got = reply.body
        if reply.stream is not None:
            got = b"".join([piece async for piece in reply.stream])
        await house.close()
        assert len(sink.heard) == 1, "every request is recorded once"
        return Outcome(reply.status, got, sink.heard[0], (len(one.requests), len(other.requests)))


def _house(tmp_path: Path, faulty: ScriptedUpstream, healthy: ScriptedUpstream) -> House:
    text = CONFIG.format(path=tmp_path / "ledger.db", faulty=faulty.base_url, healthy=healthy.base_url)
    return open_house(parse_config(text, {}))


@pytest.mark.parametrize("stream", [True, False], ids=["stream", "whole"])
@pytest.mark.parametrize("name", BEFORE_THE_HEAD)
def test_what_fails_before_the_head_is_answered_by_the_healthy_one(tmp_path: Path, name: str, *, stream: bool) -> None:
    good = framed(STREAMS["openai-chat"], "chunked") if stream else http_answer(200, ANSWER)
    came = asyncio.run(through(tmp_path, BEFORE_THE_HEAD[name], good, "openai-chat", stream=stream))
    assert (came.status, came.calls) == (200, (1, 1))
    assert _text(came, "openai-chat", stream=stream) == TEXT
    assert [bool(attempt.fault) for attempt in came.finished.attempts] == [True, False]
    assert came.finished.duration_s < 2


@pytest.mark.parametrize("name", bad_whole("openai-chat"))
def test_a_whole_answer_that_is_none_is_replaced(tmp_path: Path, name: str) -> None:
    body = bad_whole("openai-chat")[name]
    came = asyncio.run(through(tmp_path, http_answer(200, body), http_answer(200, ANSWER), "openai-chat", stream=False))
    assert (came.status, came.calls, _text(came, "openai-chat", stream=False)) == (200, (1, 1), TEXT)


@pytest.mark.parametrize("usage", USAGES.values(), ids=USAGES)
def test_usage_that_cannot_be_spoils_no_answer_and_bills_nobody(tmp_path: Path, usage: bytes) -> None:
    body = ANSWER.replace(b'{"prompt_tokens":10,"completion_tokens":60}', usage)
    came = asyncio.run(through(tmp_path, http_answer(200, body), [], "openai-chat", stream=False))
    assert (came.status, came.calls) == (200, (1, 0))
    attempt = came.finished.attempts[0]
    assert attempt.fault == ("usage_missing" if usage == b"null" else "usage_impossible")
    assert not attempt.usage_known
    assert came.finished.cost >= 0


@pytest.mark.parametrize("dialect", DIALECTS)
@pytest.mark.parametrize("framing", FRAMINGS)
@pytest.mark.parametrize("name", bad_begin("openai-chat"))
def test_a_stream_that_fails_before_its_first_word_is_answered_by_the_healthy_one(
    tmp_path: Path, name: str, framing: Framing, dialect: Dialect
) -> None:
    faulty = framed(bad_begin(dialect)[name], framing)
    came = asyncio.run(through(tmp_path, faulty, framed(STREAMS[dialect], "chunked"), dialect, stream=True))
    assert (came.status, came.calls) == (200, (1, 1))
    assert _text(came, dialect, stream=True) == TEXT
    assert came.finished.ending == "ok"


@pytest.mark.parametrize("dialect", DIALECTS)
@pytest.mark.parametrize("framing", FRAMINGS)
@pytest.mark.parametrize("name", bad_middle("openai-chat"))
def test_a_stream_that_fails_after_forty_words_ends_with_a_typed_error(
    tmp_path: Path, name: str, framing: Framing, dialect: Dialect
) -> None:
    faulty = framed(bad_middle(dialect)[name], framing)
    came = asyncio.run(through(tmp_path, faulty, framed(STREAMS[dialect], "chunked"), dialect, stream=True))
    assert came.calls == (1, 0), "never told twice"
    text = _text(came, dialect, stream=True)
    assert TEXT.startswith(text)
    assert len(text.split()) >= 40
    assert b'"error"' in came.body
    for made_up in (b'"stop"', b'"end_turn"', b"[DONE]", b"message_stop"):
        assert made_up not in came.body
    assert came.finished.ending == "upstream_fault"


def test_a_body_that_has_no_framing_at_all_is_told_apart_from_a_good_one(tmp_path: Path) -> None:
    head_only: list[Step] = [HEAD + b"content-length: 100\r\n\r\n", b"data: "]
    good = framed(STREAMS["openai-chat"], "close")
    came = asyncio.run(through(tmp_path, head_only, good, "openai-chat", stream=True))
    assert (came.calls, _text(came, "openai-chat", stream=True)) == ((1, 1), TEXT)


def _text(came: Outcome, dialect: Dialect, *, stream: bool) -> str:
    if stream:
        return Came(came.body, None).text(dialect)
    answer: dict[str, Any] = msgspec.json.decode(came.body)
    text: str = answer["choices"][0]["message"]["content"]
    return text
