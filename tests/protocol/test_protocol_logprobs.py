"""Log-probabilities are asked for, read and taken out again without a trace."""

from typing import Any

import msgspec
import pytest

from baton.protocol.dialects import grammar_of
from baton.protocol.fold import fold
from baton.protocol.logprobs import asking_for_logprobs, mean_logprob, without_logprobs
from baton.types.card import Dialect
from baton.types.parts import Origin

TOKENS = [{"token": "4", "logprob": -0.1, "bytes": [52], "top_logprobs": []}, {"token": "2", "logprob": -0.3}]
CHOICE = {"index": 0, "message": {"role": "assistant", "content": "42"}, "finish_reason": "stop"}
CHAT = {"id": "c", "model": "m", "choices": [CHOICE | {"logprobs": {"content": TOKENS, "refusal": None}}]}
OLLAMA = {
    "model": "m", "message": {"role": "assistant", "content": "42"}, "done": True, "done_reason": "stop",
    "logprobs": TOKENS,
}  # fmt: skip
GEMINI = {
    "candidates": [
        {"content": {"role": "model", "parts": [{"text": "42"}]}, "finishReason": "STOP", "avgLogprobs": -0.25}
    ]
}


@pytest.mark.parametrize(
    ("dialect", "answer", "expected"),
    [("openai-chat", CHAT, -0.2), ("ollama", OLLAMA, -0.2), ("gemini", GEMINI, -0.25)],
)
def test_the_mean_is_read(dialect: Dialect, answer: dict[str, Any], expected: float) -> None:
    read = grammar_of(dialect).read_answer(msgspec.json.encode(answer), Origin(), "")
    assert mean_logprob(read) == pytest.approx(expected)


def test_an_answer_without_any_has_no_mean() -> None:
    read = grammar_of("openai-chat").read_answer(
        msgspec.json.encode({"choices": [CHOICE | {"logprobs": None}]}), Origin(), ""
    )
    assert mean_logprob(read) is None


def test_the_mean_of_a_stream_is_over_all_its_tokens() -> None:
    stream = b"".join(
        _event({"index": 0, "delta": {"content": one["token"]}, "logprobs": {"content": [one]}}) for one in TOKENS
    )
    stream += _event({"index": 0, "delta": {}, "finish_reason": "stop", "logprobs": None}) + b"data: [DONE]\n\n"
    reader = grammar_of("openai-chat").stream_reader(Origin(), "")
    assert mean_logprob(fold([*reader.feed(stream), *reader.finish()])) == pytest.approx(-0.2)
    bare = without_logprobs("openai-chat", stream, stream=True)
    assert b"-0." not in bare
    assert bare.endswith(b"data: [DONE]\n\n")
    reader = grammar_of("openai-chat").stream_reader(Origin(), "")
    assert mean_logprob(fold([*reader.feed(bare), *reader.finish()])) is None


def _event(choice: dict[str, Any]) -> bytes:
    return b"data: " + msgspec.json.encode({"id": "c", "choices": [choice]}) + b"\n\n"


@pytest.mark.parametrize(("dialect", "answer"), [("openai-chat", CHAT), ("ollama", OLLAMA)])
def test_they_are_taken_out_and_nothing_else(dialect: Dialect, answer: dict[str, Any]) -> None:
    bare = msgspec.json.decode(without_logprobs(dialect, msgspec.json.encode(answer), stream=False))
    if dialect == "openai-chat":
        assert bare == CHAT | {"choices": [CHOICE | {"logprobs": None}]}
    else:
        assert bare == {name: value for name, value in answer.items() if name != "logprobs"}


@pytest.mark.parametrize("text", [b"", b"no json", b"[1]", b'{"choices": 5}', b'{"choices": [{"index": 0}]}'])
def test_what_has_none_stays_as_it_is(text: bytes) -> None:
    assert without_logprobs("openai-chat", text, stream=False) == text


def test_they_are_asked_for_only_where_the_caller_said_nothing() -> None:
    assert asking_for_logprobs("openai-chat", b'{"model":"m"}') == b'{"model":"m","logprobs":true}'
    assert asking_for_logprobs("openai-chat", b'{"model":"m","logprobs":false}') is None
    assert asking_for_logprobs("openai-chat", b'{"model":"m","logprobs":true}') is None
    assert asking_for_logprobs("anthropic", b'{"model":"m"}') is None
